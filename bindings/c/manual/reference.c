/* reference NAME: the parts of an image's name. */
#include <ocireg.h>
#include <stdio.h>

int main(int count, char **arguments)
{
    ocireg_json *name = NULL;
    ocireg_error *error = NULL;
    char *text = NULL;
    if (count != 2) {
        fputs("usage: reference NAME\n", stderr);
        return 64;
    }
    ocireg_status status = ocireg_reference_parse(arguments[1], NULL, &text, &error);
    if (status == OCIREG_OK)
        status = ocireg_json_parse(text, &name, &error);
    if (status == OCIREG_OK)
        printf("%s at %s\n", ocireg_json_text(name, "/remote_name"), ocireg_json_text(name, "/index/name"));
    else
        fprintf(stderr, "%s: %s\n", ocireg_error_name(error), ocireg_error_message(error));
    ocireg_json_free(name);
    ocireg_string_free(text);
    ocireg_error_free(error);
    return status;
}

/* reference NAME: the parts of an image's name. */
#include <ocireg.h>
#include <stdio.h>

int main(int count, char **arguments)
{
    ocireg_json *name = NULL;
    ocireg_error *error = NULL;
    char *text = NULL;
    if (count == 2 && ocireg_reference_parse(arguments[1], NULL, &text, &error) == OCIREG_OK &&
        ocireg_json_parse(text, &name, &error) == OCIREG_OK)
        printf("%s at %s\n", ocireg_json_text(name, "/remote_name"), ocireg_json_text(name, "/index/name"));
    else if (error != NULL)
        fprintf(stderr, "%s\n", ocireg_error_message(error));
    int result = name == NULL;
    ocireg_json_free(name);
    ocireg_string_free(text);
    ocireg_error_free(error);
    return result;
}

/* schema1 FILE: which keys have signed an old manifest. */
#include <ocireg.h>
#include <stdio.h>

int main(int count, char **arguments)
{
    static uint8_t bytes[4194304];
    FILE *file = count == 2 ? fopen(arguments[1], "rb") : NULL;
    ocireg_json *result = NULL;
    ocireg_error *error = NULL;
    char *text = NULL;
    if (file == NULL) {
        fputs("usage: schema1 FILE, which can be read\n", stderr);
        return 64;
    }
    size_t size = fread(bytes, 1, sizeof bytes, file);
    ocireg_status status = ocireg_schema1_verify(bytes, size, NULL, &text, &error);
    if (status == OCIREG_OK)
        status = ocireg_json_parse(text, &result, &error);
    for (size_t i = 0; i < ocireg_json_size(result, "/signatures"); i++)
        puts(ocireg_json_text(ocireg_json_item(result, "/signatures", i), "/key_id"));
    if (status != OCIREG_OK)
        fprintf(stderr, "%s: %s\n", ocireg_error_name(error), ocireg_error_message(error));
    fclose(file);
    ocireg_json_free(result);
    ocireg_string_free(text);
    ocireg_error_free(error);
    return status;
}

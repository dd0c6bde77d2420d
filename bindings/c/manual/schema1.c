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
    size_t size = file != NULL ? fread(bytes, 1, sizeof bytes, file) : 0;
    if (ocireg_schema1_verify(bytes, size, NULL, &text, &error) == OCIREG_OK &&
        ocireg_json_parse(text, &result, &error) == OCIREG_OK)
        for (size_t i = 0; i < ocireg_json_size(result, "/signatures"); i++)
            puts(ocireg_json_text(ocireg_json_item(result, "/signatures", i), "/key_id"));
    else
        fprintf(stderr, "%s\n", ocireg_error_message(error));
    int code = result == NULL;
    if (file != NULL)
        fclose(file);
    ocireg_json_free(result);
    ocireg_string_free(text);
    ocireg_error_free(error);
    return code;
}

/* upload REPOSITORY: what comes from standard input, whose size is not known, as a blob. */
#include <ocireg.h>
#include <stdio.h>

int main(int count, char **arguments)
{
    static uint8_t piece[65536];
    ocireg_client *client = NULL;
    ocireg_upload *upload = NULL;
    ocireg_error *error = NULL;
    char *json = NULL;
    size_t size;
    ocireg_status status = OCIREG_INVALID_ARGUMENT;
    if (count == 2 && (status = ocireg_client_new(NULL, &client, &error)) == OCIREG_OK)
        status = ocireg_upload_start(client, NULL, arguments[1], NULL, &upload, &error);
    while (status == OCIREG_OK && (size = fread(piece, 1, sizeof piece, stdin)) > 0)
        status = ocireg_upload_write(upload, piece, size, &error);
    if (status == OCIREG_OK && (status = ocireg_upload_finish(upload, NULL, &json, &error)) == OCIREG_OK)
        puts(json);
    ocireg_string_free(json);
    ocireg_error_free(error);
    ocireg_upload_free(upload);
    ocireg_client_free(client);
    return status;
}

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
    if (count != 2) {
        fputs("usage: upload REPOSITORY\n", stderr);
        return 64;
    }
    ocireg_status status = ocireg_client_new(NULL, &client, &error);
    if (status == OCIREG_OK)
        status = ocireg_upload_start(client, NULL, arguments[1], NULL, &upload, &error);
    while (status == OCIREG_OK && (size = fread(piece, 1, sizeof piece, stdin)) > 0)
        status = ocireg_upload_write(upload, piece, size, &error);
    if (ferror(stdin)) { /* what came is not all: the blob is not made */
        perror("standard input");
        status = OCIREG_IO;
    }
    if (status == OCIREG_OK)
        status = ocireg_upload_finish(upload, NULL, &json, &error);
    if (status == OCIREG_OK)
        puts(json);
    else if (error != NULL)
        fprintf(stderr, "%s: %s\n", ocireg_error_name(error), ocireg_error_message(error));
    ocireg_string_free(json);
    ocireg_error_free(error);
    ocireg_upload_free(upload);
    ocireg_client_free(client);
    return status;
}

/* buffer REFERENCE: the exact bytes of a manifest, whose digest is that of the reference. */
#include <ocireg.h>
#include <stdio.h>

int main(int count, char **arguments)
{
    ocireg_client *client = NULL;
    ocireg_buffer *bytes = NULL;
    ocireg_error *error = NULL;
    if (count != 2) {
        fputs("usage: buffer REFERENCE\n", stderr);
        return 64;
    }
    ocireg_status status = ocireg_client_new(NULL, &client, &error);
    if (status == OCIREG_OK)
        status = ocireg_manifest_get(client, NULL, arguments[1], NULL, NULL, &bytes, &error);
    if (status == OCIREG_OK)
        fwrite(ocireg_buffer_data(bytes), 1, ocireg_buffer_size(bytes), stdout);
    else
        fprintf(stderr, "%s: %s\n", ocireg_error_name(error), ocireg_error_message(error));
    ocireg_buffer_free(bytes);
    ocireg_error_free(error);
    ocireg_client_free(client);
    return status;
}

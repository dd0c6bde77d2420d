/* buffer REFERENCE: the exact bytes of a manifest, whose digest is that of the reference. */
#include <ocireg.h>
#include <stdio.h>

int main(int count, char **arguments)
{
    ocireg_client *client = NULL;
    ocireg_buffer *bytes = NULL;
    if (count == 2 && ocireg_client_new(NULL, &client, NULL) == OCIREG_OK &&
        ocireg_manifest_get(client, NULL, arguments[1], NULL, NULL, &bytes, NULL) == OCIREG_OK)
        fwrite(ocireg_buffer_data(bytes), 1, ocireg_buffer_size(bytes), stdout);
    int result = bytes == NULL;
    ocireg_buffer_free(bytes);
    ocireg_client_free(client);
    return result;
}

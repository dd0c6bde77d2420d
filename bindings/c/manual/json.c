/* json REFERENCE TYPE: the digest and size of each layer of a media type. */
#include <ocireg.h>
#include <inttypes.h>
#include <stdio.h>

int main(int count, char **arguments)
{
    ocireg_client *client = NULL;
    ocireg_json *manifest = NULL;
    ocireg_error *error = NULL;
    const ocireg_json *layer;
    char *text = NULL;
    if (count != 3) {
        fputs("usage: json REFERENCE TYPE\n", stderr);
        return 64;
    }
    ocireg_status status = ocireg_client_new(NULL, &client, &error);
    if (status == OCIREG_OK)
        status = ocireg_manifest_get(client, NULL, arguments[1], NULL, &text, NULL, &error);
    if (status == OCIREG_OK)
        status = ocireg_json_parse(text, &manifest, &error);
    for (size_t i = 0; (layer = ocireg_manifest_layer(manifest, arguments[2], i)) != NULL; i++)
        printf("%s@%s %" PRId64 "\n", ocireg_json_text(manifest, "/repository"), ocireg_json_text(layer, "/digest"),
               ocireg_json_integer(layer, "/size", -1));
    if (status != OCIREG_OK)
        fprintf(stderr, "%s: %s\n", ocireg_error_name(error), ocireg_error_message(error));
    ocireg_json_free(manifest);
    ocireg_string_free(text);
    ocireg_error_free(error);
    ocireg_client_free(client);
    return status;
}

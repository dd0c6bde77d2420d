/* json REFERENCE TYPE: the digest and size of each layer of a media type. */
#include <ocireg.h>
#include <inttypes.h>
#include <stdio.h>

int main(int count, char **arguments)
{
    ocireg_client *client = NULL;
    ocireg_json *manifest = NULL;
    const ocireg_json *layer;
    char *text = NULL;
    if (count == 3 && ocireg_client_new(NULL, &client, NULL) == OCIREG_OK &&
        ocireg_manifest_get(client, NULL, arguments[1], NULL, &text, NULL, NULL) == OCIREG_OK &&
        ocireg_json_parse(text, &manifest, NULL) == OCIREG_OK)
        for (size_t i = 0; (layer = ocireg_manifest_layer(manifest, arguments[2], i)) != NULL; i++)
            printf("%s@%s %" PRId64 "\n", ocireg_json_text(manifest, "/repository"), ocireg_json_text(layer, "/digest"),
                   ocireg_json_integer(layer, "/size", -1));
    int result = manifest == NULL;
    ocireg_json_free(manifest);
    ocireg_string_free(text);
    ocireg_client_free(client);
    return result;
}

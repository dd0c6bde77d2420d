/* pull_layer REFERENCE MEDIA-TYPE PATH: the first layer of that type, into a file, which appears only complete and
 * verified. Run again after a failure, it continues where it stopped. */
#include <ocireg.h>
#include <inttypes.h>
#include <stdio.h>

static int32_t show(void *userdata, uint64_t done, uint64_t total)
{
    (void)userdata;
    return fprintf(stderr, "\r%" PRIu64 " of %" PRIu64 " bytes", done, total) < 0;
}

int main(int count, char **arguments)
{
    ocireg_client *client = NULL;
    ocireg_context *context = NULL;
    ocireg_error *error = NULL;
    ocireg_json *manifest = NULL;
    ocireg_status status;
    char *text = NULL, *result = NULL, blob[1024];
    if (count != 4)
        return fprintf(stderr, "usage: pull_layer REFERENCE MEDIA-TYPE PATH\n"), 2;
    if ((status = ocireg_client_new(NULL, &client, &error)) == OCIREG_OK &&
        (status = ocireg_context_new(&context, &error)) == OCIREG_OK &&
        (status = ocireg_context_set_progress(context, show, NULL, &error)) == OCIREG_OK &&
        (status = ocireg_manifest_get(client, context, arguments[1], NULL, &text, NULL, &error)) == OCIREG_OK &&
        (status = ocireg_json_parse(text, &manifest, &error)) == OCIREG_OK) {
        const ocireg_json *layer = ocireg_manifest_layer(manifest, arguments[2], 0);
        if (layer == NULL)
            return fprintf(stderr, "pull_layer: no such layer\n"), 1;
        snprintf(blob, sizeof blob, "%s@%s", ocireg_json_text(manifest, "/repository"), ocireg_json_text(layer, "/digest"));
        status = ocireg_blob_get_file(client, context, blob, arguments[3], NULL, &result, &error);
    }
    status == OCIREG_OK ? printf("%s\n", result) : fprintf(stderr, "\n%s\n", ocireg_error_message(error));
    ocireg_json_free(manifest), ocireg_string_free(text), ocireg_string_free(result), ocireg_error_free(error);
    ocireg_context_free(context), ocireg_client_free(client);
    return status == OCIREG_OK ? 0 : 1;
}

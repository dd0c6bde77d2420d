/* pull_layer REFERENCE MEDIA-TYPE PATH: the first layer of that type, into a file, which appears only complete and
 * verified. Run again after a failure, it continues where it stopped. */
#include <ocireg.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static int32_t show(void *userdata, uint64_t done, uint64_t total)
{
    (void)userdata;
    return fprintf(stderr, "\r%" PRIu64 " of %" PRIu64 " bytes", done, total) < 0;
}

/* The digest beside the first such "mediaType" after "layers". Enough for manifests whose descriptors have it next to
 * their digest, before or after; a program with a JSON library would use that. */
static int find_layer(const char *json, const char *type, char digest[256])
{
    const char *at = strstr(json, "\"layers\":["), *end, *found, *member;
    char wanted[256];
    snprintf(wanted, sizeof wanted, "\"mediaType\":\"%s\"", type);
    for (; at != NULL && (at = strchr(at, '{')) != NULL; at = end) {
        if ((end = strchr(at, '}')) == NULL)
            return 0;
        found = strstr(at, wanted);
        member = strstr(at, "\"digest\":\"");
        if (found != NULL && found < end && member != NULL && member < end)
            return sscanf(member, "\"digest\":\"%255[^\"]", digest) == 1;
    }
    return 0;
}

int main(int count, char **arguments)
{
    ocireg_client *client = NULL;
    ocireg_context *context = NULL;
    ocireg_error *error = NULL;
    ocireg_status status;
    char *json = NULL, *result = NULL, digest[256], blob[1024], repository[512] = "";
    if (count != 4)
        return fprintf(stderr, "usage: pull_layer REFERENCE MEDIA-TYPE PATH\n"), 2;
    if ((status = ocireg_client_new(NULL, &client, &error)) == OCIREG_OK &&
        (status = ocireg_context_new(&context, &error)) == OCIREG_OK &&
        (status = ocireg_context_set_progress(context, show, NULL, &error)) == OCIREG_OK &&
        (status = ocireg_manifest_get(client, context, arguments[1], NULL, &json, NULL, &error)) == OCIREG_OK) {
        const char *reference = strstr(json, "\"reference\":\""); /* HOST/REPOSITORY@DIGEST */
        if (reference == NULL || sscanf(reference, "\"reference\":\"%511[^@\"]", repository) != 1 ||
            !find_layer(json, arguments[2], digest))
            return fprintf(stderr, "pull_layer: no such layer\n"), 1;
        snprintf(blob, sizeof blob, "%s@%s", repository, digest);
        status = ocireg_blob_get_file(client, context, blob, arguments[3], NULL, &result, &error);
    }
    status == OCIREG_OK ? printf("%s\n", result) : fprintf(stderr, "\n%s\n", ocireg_error_message(error));
    ocireg_string_free(json), ocireg_string_free(result), ocireg_error_free(error);
    ocireg_context_free(context), ocireg_client_free(client);
    return status == OCIREG_OK ? 0 : 1;
}

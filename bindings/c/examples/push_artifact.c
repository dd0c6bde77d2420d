/* push_artifact REFERENCE FILE: the file as an OCI artifact with annotations; prints its digest. */
#include <ocireg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EMPTY "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a" /* of {} */

static ocireg_status push(ocireg_client *client, const char *reference, const char *file, ocireg_error **error)
{
    char *repository = strdup(reference), *tag = strrchr(repository, ':'), *text = NULL, manifest[2048];
    ocireg_json *blob = NULL, *put = NULL;
    if (tag != NULL && strchr(tag, '/') == NULL)
        *tag = '\0'; /* blobs belong to the repository */
    ocireg_status status = ocireg_blob_put_memory(client, NULL, repository, (const uint8_t *)"{}", 2, NULL, NULL, error);
    if (status == OCIREG_OK)
        status = ocireg_blob_put_file(client, NULL, repository, file, NULL, &text, error);
    if (status == OCIREG_OK && (status = ocireg_json_parse(text, &blob, error)) == OCIREG_OK) {
        int size = snprintf(manifest, sizeof manifest,
            "{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\","
            "\"artifactType\":\"application/vnd.example.file\",\"config\":{\"mediaType\":\"application/vnd.oci.empty.v1+json\","
            "\"digest\":\"" EMPTY "\",\"size\":2},\"layers\":[{\"mediaType\":\"application/octet-stream\",\"digest\":\"%s\","
            "\"size\":%lld}],\"annotations\":{\"org.opencontainers.image.title\":\"example\","
            "\"org.opencontainers.image.created\":\"2026-01-01T00:00:00Z\"}}",
            ocireg_json_text(blob, "/digest"), (long long)ocireg_json_integer(blob, "/size", 0));
        ocireg_string_free(text);
        status = ocireg_manifest_put(client, NULL, reference, (const uint8_t *)manifest, (size_t)size, NULL, &text, error);
        if (status == OCIREG_OK && (status = ocireg_json_parse(text, &put, error)) == OCIREG_OK)
            puts(ocireg_json_text(put, "/digest"));
    }
    ocireg_json_free(blob), ocireg_json_free(put), ocireg_string_free(text);
    free(repository);
    return status;
}

int main(int count, char **arguments)
{
    ocireg_client *client = NULL;
    ocireg_error *error = NULL;
    if (count != 3)
        return fprintf(stderr, "usage: push_artifact REFERENCE FILE\n"), 2;
    ocireg_status status = ocireg_client_new(NULL, &client, &error);
    if (status == OCIREG_OK)
        status = push(client, arguments[1], arguments[2], &error);
    if (status != OCIREG_OK)
        fprintf(stderr, "push_artifact: %s: %s\n", ocireg_error_name(error), ocireg_error_message(error));
    ocireg_error_free(error);
    return ocireg_client_free(client), status == OCIREG_OK ? 0 : 1;
}

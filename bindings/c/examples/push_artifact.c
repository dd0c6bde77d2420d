/* push_artifact REFERENCE FILE: the file as an OCI artifact with annotations; prints its digest. */
#include <ocireg.h>
#include <stdio.h>

static ocireg_status describe(ocireg_options *options, ocireg_error **error)
{
    ocireg_status status = ocireg_options_set_string(options, OCIREG_OPT_ARTIFACT_TYPE, "application/vnd.example.file", error);
    if (status == OCIREG_OK)
        status = ocireg_options_add_string(options, OCIREG_OPT_ANNOTATIONS, "org.opencontainers.image.title=example", error);
    if (status == OCIREG_OK)
        status = ocireg_options_add_string(options, OCIREG_OPT_ANNOTATIONS, "org.opencontainers.image.created=2026-01-01T00:00:00Z", error);
    return status;
}

static ocireg_status push(ocireg_client *client, const char *reference, const char *file, ocireg_error **error)
{
    ocireg_artifact *artifact = NULL;
    ocireg_options *options = NULL, *of_file = NULL;
    ocireg_json *pushed = NULL;
    char *text = NULL;
    ocireg_status status = ocireg_options_new(&options, error);
    if (status == OCIREG_OK && (status = describe(options, error)) == OCIREG_OK)
        status = ocireg_options_new(&of_file, error);
    if (status == OCIREG_OK)
        status = ocireg_options_set_string(of_file, OCIREG_OPT_MEDIA_TYPE, "application/octet-stream", error);
    if (status == OCIREG_OK && (status = ocireg_artifact_new(&artifact, error)) == OCIREG_OK)
        status = ocireg_artifact_add_file(artifact, file, of_file, error);
    if (status == OCIREG_OK)
        status = ocireg_artifact_push(client, NULL, artifact, reference, options, &text, error);
    if (status == OCIREG_OK && (status = ocireg_json_parse(text, &pushed, error)) == OCIREG_OK)
        puts(ocireg_json_text(pushed, "/digest"));
    ocireg_json_free(pushed), ocireg_string_free(text);
    ocireg_artifact_free(artifact), ocireg_options_free(options), ocireg_options_free(of_file);
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

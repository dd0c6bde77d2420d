/* artifact PLACE [FILE...]: an artifact of a note and these files. */
#include <ocireg.h>
#include <stdio.h>

/* Everything but the push itself. */
static ocireg_status fill(ocireg_artifact *artifact, char **files, ocireg_error **error)
{
    static const char note[] = "made by an example\n";
    ocireg_options *options = NULL;
    ocireg_status status = ocireg_options_new(&options, error);
    if (status == OCIREG_OK)
        status = ocireg_options_set_string(options, OCIREG_OPT_TITLE, "note.txt", error);
    if (status == OCIREG_OK)
        status = ocireg_artifact_add_memory(artifact, (const uint8_t *)note, sizeof note - 1, options, error);
    for (; status == OCIREG_OK && *files != NULL; files++)
        status = ocireg_artifact_add_file(artifact, *files, NULL, error);
    ocireg_options_free(options);
    return status;
}

int main(int argc, char **argv)
{
    ocireg_client *client = NULL;
    ocireg_artifact *artifact = NULL;
    ocireg_error *error = NULL;
    char *json = NULL;
    ocireg_status status;
    if (argc < 2) {
        fputs("usage: artifact PLACE [FILE...]\n", stderr);
        return 64;
    }
    status = ocireg_client_new(NULL, &client, &error);
    if (status == OCIREG_OK)
        status = ocireg_artifact_new(&artifact, &error);
    if (status == OCIREG_OK)
        status = fill(artifact, argv + 2, &error);
    if (status == OCIREG_OK)
        status = ocireg_artifact_push(client, NULL, artifact, argv[1], NULL, &json, &error);
    if (status == OCIREG_OK)
        puts(json);
    else
        fprintf(stderr, "%s: %s\n", ocireg_error_name(error), ocireg_error_message(error));
    ocireg_string_free(json);
    ocireg_error_free(error);
    ocireg_artifact_free(artifact);
    ocireg_client_free(client);
    return status;
}

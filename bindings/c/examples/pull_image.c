/* pull_image REFERENCE DIRECTORY [PLATFORM]: an image as an OCI layout in a directory. Run again after a failure, it
 * continues where it stopped. */
#include <ocireg.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static int32_t show(void *userdata, uint64_t done, uint64_t total)
{
    (void)userdata;
    fprintf(stderr, "\r%" PRIu64 " of %" PRIu64 " bytes", done, total);
    return 0; /* anything else would stop the call */
}

static ocireg_status pull(const char *reference, const char *directory, const char *platform, ocireg_error **error)
{
    size_t size = snprintf(NULL, 0, "oci:%s", directory) + (size_t)1;
    char *destination = malloc(size), *json = NULL;
    ocireg_client *client = NULL;
    ocireg_context *context = NULL;
    ocireg_options *options = NULL;
    ocireg_status status;
    if (destination == NULL)
        abort();
    snprintf(destination, size, "oci:%s", directory);
    if ((status = ocireg_client_new(NULL, &client, error)) == OCIREG_OK &&
        (status = ocireg_context_new(&context, error)) == OCIREG_OK &&
        (status = ocireg_context_set_progress(context, show, NULL, error)) == OCIREG_OK &&
        (status = ocireg_options_new(&options, error)) == OCIREG_OK &&
        (platform == NULL || (status = ocireg_options_add_string(options, OCIREG_OPT_PLATFORM, platform, error)) == OCIREG_OK)) {
        status = ocireg_copy(client, context, reference, destination, options, &json, error);
        fputc('\n', stderr);
    }
    if (status == OCIREG_OK)
        puts(json);
    ocireg_string_free(json);
    ocireg_options_free(options);
    ocireg_context_free(context);
    ocireg_client_free(client);
    free(destination);
    return status;
}

int main(int count, char **arguments)
{
    ocireg_error *error = NULL;
    if (count < 3 || count > 4)
        return fprintf(stderr, "usage: pull_image REFERENCE DIRECTORY [PLATFORM]\n"), 2;
    ocireg_status status = pull(arguments[1], arguments[2], count == 4 ? arguments[3] : NULL, &error);
    if (status != OCIREG_OK)
        fprintf(stderr, "pull_image: %s: %s\n", ocireg_error_name(error), ocireg_error_message(error));
    ocireg_error_free(error);
    return status == OCIREG_OK ? 0 : 1;
}

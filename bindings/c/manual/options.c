/* options REFERENCE: one platform of an index, and only media types of OCI. */
#include <ocireg.h>
#include <stdio.h>

int main(int count, char **arguments)
{
    ocireg_client *client = NULL;
    ocireg_options *limits = NULL, *wanted = NULL;
    ocireg_error *error = NULL;
    char *json = NULL;
    if (count != 2) {
        fputs("usage: options REFERENCE\n", stderr);
        return 64;
    }
    if (ocireg_options_new(&limits, &error) == OCIREG_OK && ocireg_options_new(&wanted, &error) == OCIREG_OK &&
        ocireg_options_set_double(limits, OCIREG_OPT_REQUESTS_PER_SECOND, 0.5, &error) == OCIREG_OK &&
        ocireg_options_set_string(wanted, OCIREG_OPT_PLATFORM, "linux/arm64", &error) == OCIREG_OK &&
        ocireg_options_add_string(wanted, OCIREG_OPT_ACCEPT, OCIREG_MEDIA_TYPE_OCI_INDEX, &error) == OCIREG_OK &&
        ocireg_options_add_string(wanted, OCIREG_OPT_ACCEPT, OCIREG_MEDIA_TYPE_OCI_MANIFEST, &error) == OCIREG_OK &&
        ocireg_client_new(limits, &client, &error) == OCIREG_OK &&
        ocireg_manifest_get(client, NULL, arguments[1], wanted, &json, NULL, &error) == OCIREG_OK)
        puts(json);
    else
        fprintf(stderr, "%s: %s\n", ocireg_error_name(error), ocireg_error_message(error));
    ocireg_status status = error == NULL ? OCIREG_OK : ocireg_error_code(error);
    ocireg_string_free(json);
    ocireg_error_free(error);
    ocireg_options_free(limits);
    ocireg_options_free(wanted);
    ocireg_client_free(client);
    return status;
}

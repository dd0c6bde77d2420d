/* credentials REGISTRY: its repositories, with a user name and password which are requested only when the registry
 * wants them. They come from the environment here; a keyring or a prompt would be used in the same place. */
#include <ocireg.h>
#include <stdio.h>
#include <stdlib.h>

/* Non-zero stops the call with OCIREG_CALLBACK; an answer in which nothing is set means anonymous access. */
static int32_t find_credentials(void *userdata, const char *host, ocireg_options *answer)
{
    const char *user = getenv("REGISTRY_USER"), *password = getenv("REGISTRY_PASSWORD");
    (void)userdata;
    fprintf(stderr, "credentials for %s: %s\n", host, user == NULL ? "none" : user);
    if (user == NULL || password == NULL)
        return 0;
    if (ocireg_options_set_string(answer, OCIREG_OPT_USERNAME, user, NULL) != OCIREG_OK ||
        ocireg_options_set_string(answer, OCIREG_OPT_PASSWORD, password, NULL) != OCIREG_OK)
        return 1;
    return 0;
}

int main(int count, char **arguments)
{
    ocireg_client *client = NULL;
    ocireg_context *context = NULL;
    ocireg_error *error = NULL;
    ocireg_status status;
    char *json = NULL;
    if (count != 2)
        return fprintf(stderr, "usage: credentials REGISTRY\n"), 2;
    if ((status = ocireg_client_new(NULL, &client, &error)) == OCIREG_OK &&
        (status = ocireg_context_new(&context, &error)) == OCIREG_OK &&
        (status = ocireg_context_set_credentials(context, find_credentials, NULL, &error)) == OCIREG_OK)
        status = ocireg_registry_catalog(client, context, arguments[1], NULL, &json, &error);
    if (status == OCIREG_OK)
        puts(json);
    else if (status == OCIREG_UNAUTHENTICATED)
        fprintf(stderr, "credentials: %s does not know you: %s\n", arguments[1], ocireg_error_message(error));
    else
        fprintf(stderr, "credentials: %s: %s\n", ocireg_error_name(error), ocireg_error_message(error));
    ocireg_string_free(json);
    ocireg_error_free(error);
    ocireg_context_free(context);
    ocireg_client_free(client);
    return status == OCIREG_OK ? 0 : 1;
}

/* client HOST: a client that gives up soon, and speaks to one host by http, as user and with password. */
#include <ocireg.h>
#include <stdio.h>

int main(int count, char **arguments)
{
    ocireg_client *client = NULL;
    ocireg_options *options = NULL, *host = NULL;
    ocireg_error *error = NULL;
    if (count != 2) {
        fputs("usage: client HOST\n", stderr);
        return 64;
    }
    if (ocireg_options_new(&options, &error) == OCIREG_OK && ocireg_options_new(&host, &error) == OCIREG_OK &&
        ocireg_options_set_int(options, OCIREG_OPT_RETRIES, 1, &error) == OCIREG_OK &&
        ocireg_options_set_bool(host, OCIREG_OPT_PLAIN_HTTP, true, &error) == OCIREG_OK &&
        ocireg_options_set_string(host, OCIREG_OPT_USERNAME, "alice", &error) == OCIREG_OK &&
        ocireg_options_set_string(host, OCIREG_OPT_PASSWORD, "s3cret", &error) == OCIREG_OK &&
        ocireg_client_new(options, &client, &error) == OCIREG_OK &&
        ocireg_client_set_host(client, arguments[1], host, &error) == OCIREG_OK)
        printf("the client for %s is ready, by version %s\n", arguments[1], ocireg_version());
    else
        fprintf(stderr, "%s: %s\n", ocireg_error_name(error), ocireg_error_message(error));
    ocireg_status status = error == NULL ? OCIREG_OK : ocireg_error_code(error);
    ocireg_error_free(error);
    ocireg_options_free(options);
    ocireg_options_free(host);
    ocireg_client_free(client);
    return status;
}

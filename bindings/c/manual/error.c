/* error REFERENCE: what is wrong, what to do about it, and whether it helps to try again. */
#include <ocireg.h>
#include <stdio.h>
#include <string.h>

int main(int count, char **arguments)
{
    ocireg_client *client = NULL;
    ocireg_error *error = NULL;
    ocireg_json *whole = NULL;
    char *digest = NULL;
    if (count != 2) {
        fputs("usage: error REFERENCE\n", stderr);
        return 64;
    }
    ocireg_status status = ocireg_client_new(NULL, &client, &error);
    if (status == OCIREG_OK)
        status = ocireg_manifest_digest(client, NULL, arguments[1], NULL, &digest, &error);
    if (status == OCIREG_OK) {
        puts(digest);
    } else {
        fprintf(stderr, "%s: %s\n", ocireg_error_name(error), ocireg_error_message(error));
        if (ocireg_error_hint(error) != NULL)
            fprintf(stderr, "%s\n", ocireg_error_hint(error));
        if (ocireg_error_errno(error) != 0)
            fprintf(stderr, "the system says: %s\n", strerror(ocireg_error_errno(error)));
        ocireg_json_parse(ocireg_error_json(error), &whole, NULL);
        if (ocireg_json_boolean(whole, "/retryable", false))
            fprintf(stderr, "try again in %.0f s\n", ocireg_json_number(whole, "/retry_after", 1));
    }
    ocireg_json_free(whole);
    ocireg_string_free(digest);
    ocireg_error_free(error);
    ocireg_client_free(client);
    return status;
}

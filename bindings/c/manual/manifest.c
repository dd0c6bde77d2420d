/* manifest REFERENCE: the digest that a tag stands for. */
#include <ocireg.h>
#include <stdio.h>

int main(int count, char **arguments)
{
    ocireg_client *client = NULL;
    ocireg_error *error = NULL;
    char *digest = NULL;
    if (count != 2) {
        fputs("usage: manifest REFERENCE\n", stderr);
        return 64;
    }
    ocireg_status status = ocireg_client_new(NULL, &client, &error);
    if (status == OCIREG_OK)
        status = ocireg_manifest_digest(client, NULL, arguments[1], NULL, &digest, &error);
    if (status == OCIREG_OK)
        puts(digest);
    else
        fprintf(stderr, "%s: %s\n", ocireg_error_name(error), ocireg_error_message(error));
    ocireg_string_free(digest);
    ocireg_error_free(error);
    ocireg_client_free(client);
    return status;
}

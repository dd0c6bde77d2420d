/* copy SOURCE DESTINATION: an image from one place to another, such as oci:DIR:TAG. */
#include <ocireg.h>
#include <stdio.h>

int main(int count, char **arguments)
{
    ocireg_client *client = NULL;
    ocireg_error *error = NULL;
    char *json = NULL;
    if (count != 3) {
        fputs("usage: copy SOURCE DESTINATION\n", stderr);
        return 64;
    }
    ocireg_status status = ocireg_client_new(NULL, &client, &error);
    if (status == OCIREG_OK)
        status = ocireg_copy(client, NULL, arguments[1], arguments[2], NULL, &json, &error);
    if (status == OCIREG_OK)
        puts(json);
    else
        fprintf(stderr, "%s: %s\n", ocireg_error_name(error), ocireg_error_message(error));
    ocireg_string_free(json);
    ocireg_error_free(error);
    ocireg_client_free(client);
    return status;
}

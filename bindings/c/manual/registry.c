/* registry REPOSITORY: its tags, all pages, as JSON. */
#include <ocireg.h>
#include <stdio.h>

int main(int count, char **arguments)
{
    ocireg_client *client = NULL;
    ocireg_error *error = NULL;
    char *json = NULL;
    if (count == 2 && ocireg_client_new(NULL, &client, &error) == OCIREG_OK &&
        ocireg_repository_tags(client, NULL, arguments[1], NULL, &json, &error) == OCIREG_OK)
        puts(json);
    else if (error != NULL)
        fprintf(stderr, "%s: %s\n", ocireg_error_name(error), ocireg_error_message(error));
    int result = error != NULL;
    ocireg_string_free(json);
    ocireg_error_free(error);
    ocireg_client_free(client);
    return result;
}

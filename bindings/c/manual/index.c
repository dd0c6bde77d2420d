/* index PLACE IMAGE...: an index of these images. */
#include <ocireg.h>
#include <stdio.h>

int main(int argc, char **argv)
{
    ocireg_client *client = NULL;
    ocireg_options *options = NULL;
    ocireg_error *error = NULL;
    char *json = NULL;
    ocireg_status status;
    if (argc < 3) {
        fputs("usage: index PLACE IMAGE...\n", stderr);
        return 64;
    }
    status = ocireg_client_new(NULL, &client, &error);
    if (status == OCIREG_OK)
        status = ocireg_options_new(&options, &error);
    for (int i = 2; status == OCIREG_OK && i < argc; i++)
        status = ocireg_options_add_string(options, OCIREG_OPT_REFERENCES, argv[i], &error);
    if (status == OCIREG_OK)
        status = ocireg_index_create(client, NULL, argv[1], options, &json, &error);
    if (status == OCIREG_OK)
        puts(json);
    else
        fprintf(stderr, "%s: %s\n", ocireg_error_name(error), ocireg_error_message(error));
    ocireg_string_free(json);
    ocireg_error_free(error);
    ocireg_options_free(options);
    ocireg_client_free(client);
    return status;
}

/* tags REPOSITORY: its tags, page by page, as JSON. */
#include <ocireg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Where the next page begins, freed with free(); NULL when there is none. */
static char *next_of(const char *page)
{
    ocireg_json *json = NULL;
    const char *next = ocireg_json_parse(page, &json, NULL) == OCIREG_OK ? ocireg_json_text(json, "/next") : NULL;
    char *copy = next == NULL ? NULL : strdup(next);
    ocireg_json_free(json);
    return copy;
}

/* Prints a page. *next is where it begins (NULL: at the start), and is set to where the following one begins. */
static ocireg_status print_page(ocireg_client *client, const char *repository, char **next, ocireg_error **error)
{
    ocireg_options *options = NULL;
    char *page = NULL;
    ocireg_status status = ocireg_options_new(&options, error);
    if (status == OCIREG_OK)
        status = ocireg_options_set_int(options, OCIREG_OPT_N, 100, error);
    if (status == OCIREG_OK && *next != NULL)
        status = ocireg_options_set_string(options, OCIREG_OPT_NEXT, *next, error);
    if (status == OCIREG_OK)
        status = ocireg_repository_tags(client, NULL, repository, options, &page, error);
    free(*next);
    *next = status == OCIREG_OK ? next_of(page) : NULL;
    if (status == OCIREG_OK)
        puts(page);
    ocireg_string_free(page);
    ocireg_options_free(options);
    return status;
}

int main(int count, char **arguments)
{
    ocireg_client *client = NULL;
    ocireg_error *error = NULL;
    char *next = NULL;
    if (count != 2)
        return fprintf(stderr, "usage: tags REPOSITORY\n"), 2;
    ocireg_status status = ocireg_client_new(NULL, &client, &error);
    if (status == OCIREG_OK)
        do
            status = print_page(client, arguments[1], &next, &error);
        while (status == OCIREG_OK && next != NULL);
    if (status != OCIREG_OK)
        fprintf(stderr, "tags: %s: %s\n", ocireg_error_name(error), ocireg_error_message(error));
    ocireg_error_free(error);
    ocireg_client_free(client);
    return status == OCIREG_OK ? 0 : 1;
}

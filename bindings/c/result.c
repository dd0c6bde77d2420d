#include "result.h"

#include "json.h"
#include "style.h"
#include "template.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool is_list(const char *lines)
{
    return strstr(lines, "/*") != NULL;
}

/* Lines do not show that a page is not the last. */
static void note_next(const ocireg_json *document)
{
    const char *next = ocireg_json_text(document, "/next");
    if (next != NULL)
        fprintf(stderr, "ocireg: there are more: --next %s\n", next);
}

static int report_nothing(const struct output *output, const ocireg_json *document)
{
    char *members = NULL;
    size_t size = 0;
    FILE *memory = open_memstream(&members, &size);
    int result;
    for (size_t i = 0; memory != NULL && i < ocireg_json_size(document, NULL); i++)
        if (ocireg_json_key(document, NULL, i) != NULL)
            fprintf(memory, "%s/%s", i == 0 ? "" : ", ", ocireg_json_key(document, NULL, i));
    if (memory != NULL)
        fclose(memory);
    result = report_failure(output, OCIREG_NOT_FOUND, "the result has none of the members that --format '%s' names; it has %s", output->format,
                            members == NULL ? "nothing" : members);
    free(members);
    return result;
}

static int write_by_template(const struct output *output, FILE *file, const char *lines, const char *json)
{
    const char *format = output->format != NULL ? output->format : lines;
    bool terminal = is_terminal(file), found;
    /* Lines stay lines: only what the user's own format prints to a pipe goes there as it is. */
    struct template_target target = {.file = file, .clean = terminal || output->format == NULL, .aligned = terminal};
    ocireg_json *document = json_parsed(json);
    int result = OCIREG_OK;
    output_write_begins();
    found = template_write(format, document, &target);
    if (output->format == NULL && is_list(lines))
        note_next(document);
    output_write_ends();
    if (!found && output->format != NULL)
        result = report_nothing(output, document);
    ocireg_json_free(document);
    return result;
}

static int write_as_json(FILE *file, const char *json, bool indented)
{
    output_write_begins();
    write_json(file, json, indented);
    output_write_ends();
    return OCIREG_OK;
}

int result_write(const struct output *output, FILE *file, const char *json)
{
    if (output->format != NULL)
        return write_by_template(output, file, NULL, json);
    return write_as_json(file, json, output->pretty || output->text);
}

int result_print(const struct output *output, const char *lines, const char *json)
{
    bool people = output_is_for_people(output);
    int result, flushed;
    if (output->format != NULL || (people && lines != NULL))
        result = write_by_template(output, stdout, lines, json);
    else
        result = write_as_json(stdout, json, output->pretty || people);
    flushed = output_flush(output);
    return result == OCIREG_OK ? flushed : result;
}

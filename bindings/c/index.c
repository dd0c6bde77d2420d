/* The commands index create, index append and index remove. Shows: ocireg_index_create, ocireg_index_append, ocireg_index_remove. */
#include "command.h"
#include "output_file.h"

/* What the three are for the library. */
typedef ocireg_status change_fn(ocireg_client *, ocireg_context *, const char *place, const ocireg_options *, char **json, ocireg_error **);

/* The words after PLACE are a list of the options. */
static int change(struct session *session, const struct command_line *line, const char *list, change_fn *call)
{
    ocireg_error *error = NULL;
    char *json = NULL;
    ocireg_status status = OCIREG_OK;
    int result = refuse_terminal_at(line->arguments[0], NULL);
    if (result == OCIREG_OK)
        result = session_show_progress(session);
    if (result != OCIREG_OK)
        return result;
    for (size_t i = 0; status == OCIREG_OK && i < line->more_count; i++)
        status = ocireg_options_add_string(line->options, list, line->more[i], &error);
    if (status == OCIREG_OK)
        status = call(session->client, session->context, line->arguments[0], line->options, &json, &error);
    return finish_at(session, line->arguments[0], NULL, status, json, error);
}

static int create(struct session *session, const struct command_line *line)
{
    return change(session, line, OCIREG_OPT_REFERENCES, ocireg_index_create);
}

static int append(struct session *session, const struct command_line *line)
{
    return change(session, line, OCIREG_OPT_REFERENCES, ocireg_index_append);
}

static int take_out(struct session *session, const struct command_line *line)
{
    return change(session, line, OCIREG_OPT_DIGESTS, ocireg_index_remove);
}

#define WHAT_IS_PUT_IN                                                                                                        \
    {"--platform", PARAMETER_LIST, OCIREG_OPT_PLATFORM, "OS/ARCH[/VARIANT]", "only the images for this platform of a REF that is an index (repeatable)"}, \
        {"--media-type", PARAMETER_TEXT, OCIREG_OPT_MEDIA_TYPE, "oci|docker", "of the index itself"},                            \
        {"--annotation", PARAMETER_LIST, OCIREG_OPT_ANNOTATIONS, "KEY=VALUE", "an annotation of the index (repeatable)"},        \
        {"--entry-annotation", PARAMETER_LIST, OCIREG_OPT_ENTRY_ANNOTATIONS, "KEY=VALUE", "an annotation of each new entry (repeatable)"}, \
        {"--referrers", PARAMETER_FLAG, OCIREG_OPT_REFERRERS, NULL, "also what refers to the images, such as signatures"},       \
        {"--tag", PARAMETER_LIST, OCIREG_OPT_TAGS, "TAG", "also under this tag, or name in the layout (repeatable)"},            \
        {"--dry-run", PARAMETER_FLAG, OCIREG_OPT_DRY_RUN, NULL, "only show what would be written; --format '{/manifest}' is the index"}, \
        {"--concurrency", PARAMETER_NUMBER, OCIREG_OPT_CONCURRENCY, "N", "parallel transfers (4)"}

static const struct parameter create_parameters[] = {
    WHAT_IS_PUT_IN,
    {"--artifact-type", PARAMETER_TEXT, OCIREG_OPT_ARTIFACT_TYPE, "T", "what the index is, if it does not list images"},
    {"--subject", PARAMETER_TEXT, OCIREG_OPT_SUBJECT, "PLACE2", "what it is about, in the same repository or layout"},
    {"--if-exists", PARAMETER_TEXT, OCIREG_OPT_IF_EXISTS, "replace|skip|fail", "what to do when the place's name refers to something (replace)"},
    {"--no-clobber", PARAMETER_SKIP, OCIREG_OPT_IF_EXISTS, NULL, "the same as --if-exists skip"},
    {"--if-digest", PARAMETER_TEXT, OCIREG_OPT_IF_DIGEST, "DIGEST", "only if the name still refers to this manifest"},
    {0},
};

const struct command command_index_create = {
    .name = "index create",
    .target = TARGET_PLACE_OF_MANY,
    .arguments = {"PLACE"},
    .more = "REF|DIGEST...",
    .parameters = create_parameters,
    .summary = "Make an index of images from anywhere; DIGEST is one at PLACE.",
    .run = create,
};

static const struct parameter append_parameters[] = {
    WHAT_IS_PUT_IN,
    {"--subject", PARAMETER_TEXT, OCIREG_OPT_SUBJECT, "PLACE2", "what it is about from now on, in the same repository or layout"},
    {"--replace", PARAMETER_FLAG, OCIREG_OPT_REPLACE, NULL, "in place of the images for the same platforms"},
    {"--put-as", PARAMETER_TEXT, OCIREG_OPT_PUT_AS, "TAG", "the changed index gets this tag, or name in the layout, and PLACE stays as it is"},
    {"--create", PARAMETER_FLAG, OCIREG_OPT_CREATE, NULL, "make the index when there is none"},
    {"--if-digest", PARAMETER_TEXT, OCIREG_OPT_IF_DIGEST, "DIGEST", "only if the name still refers to this index"},
    {0},
};

const struct command command_index_append = {
    .name = "index append",
    .target = TARGET_PLACE_OF_MANY,
    .arguments = {"PLACE"},
    .more = "REF|DIGEST...",
    .parameters = append_parameters,
    .summary = "Add images from anywhere to an index, also while others do so.",
    .run = append,
};

static const struct parameter remove_parameters[] = {
    {"--platform", PARAMETER_LIST, OCIREG_OPT_PLATFORM, "OS/ARCH[/VARIANT]", "the entries for this platform (repeatable)"},
    {"--dry-run", PARAMETER_FLAG, OCIREG_OPT_DRY_RUN, NULL, "only show what would be written"},
    {"--if-digest", PARAMETER_TEXT, OCIREG_OPT_IF_DIGEST, "DIGEST", "only if the name still refers to this index"},
    {0},
};

const struct command command_index_remove = {
    .name = "index remove",
    .target = TARGET_PLACE,
    .arguments = {"PLACE"},
    .more = "[DIGEST]...",
    .parameters = remove_parameters,
    .summary = "Take entries out of an index, with their attestations; the images stay.",
    .run = take_out,
};

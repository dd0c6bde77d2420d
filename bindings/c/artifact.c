/* The commands artifact push, attach and pull. Shows: ocireg_artifact_new, ocireg_artifact_add_file, ocireg_artifact_push,
 * ocireg_artifact_attach, ocireg_artifact_pull, ocireg_artifact_free. */
#include "command.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Cuts FILE:TYPE in two: what follows the last colon is a type when it has a slash, and no file has the whole as its name. */
static char *cut_type(char *file)
{
    char *colon = strrchr(file, ':');
    if (colon == NULL || strchr(colon, '/') == NULL || access(file, F_OK) == 0)
        return NULL;
    *colon = '\0';
    return colon + 1;
}

/* The options of one file; a title is there for standard input alone. */
static ocireg_status describe(ocireg_options *part, const char *type, const char *title, bool config, ocireg_error **error)
{
    ocireg_status status = OCIREG_OK;
    if (type != NULL)
        status = ocireg_options_set_string(part, OCIREG_OPT_MEDIA_TYPE, type, error);
    if (status == OCIREG_OK && title != NULL)
        status = ocireg_options_set_string(part, OCIREG_OPT_TITLE, title, error);
    if (status == OCIREG_OK && config)
        status = ocireg_options_set_bool(part, OCIREG_OPT_CONFIG, true, error);
    return status;
}

static ocireg_status add(ocireg_artifact *artifact, const char *given, const char *title, bool config, ocireg_error **error)
{
    ocireg_options *part = NULL;
    ocireg_status status = ocireg_options_new(&part, error);
    char *file = strdup(given);
    if (file == NULL)
        abort();
    if (status == OCIREG_OK) {
        const char *type = cut_type(file);
        status = describe(part, type, is_dash(file) ? title : NULL, config, error);
    }
    if (status == OCIREG_OK)
        status = ocireg_artifact_add_file(artifact, file, part, error);
    free(file);
    ocireg_options_free(part);
    return status;
}

static ocireg_status add_all(ocireg_artifact *artifact, const struct command_line *line, ocireg_error **error)
{
    ocireg_status status = OCIREG_OK;
    if (line->config != NULL)
        status = add(artifact, line->config, NULL, true, error);
    for (size_t i = 0; status == OCIREG_OK && i < line->more_count; i++)
        status = add(artifact, line->more[i], line->title, false, error);
    return status;
}

/* What push and attach are for the library. */
typedef ocireg_status put_fn(ocireg_client *, ocireg_context *, const ocireg_artifact *, const char *place, const ocireg_options *,
                             char **json, ocireg_error **);

static int put(struct session *session, const struct command_line *line, put_fn *call)
{
    ocireg_artifact *artifact = NULL;
    ocireg_error *error = NULL;
    char *json = NULL;
    ocireg_status status;
    int result = session_show_progress(session);
    if (result != OCIREG_OK)
        return result;
    status = ocireg_artifact_new(&artifact, &error);
    if (status == OCIREG_OK)
        status = add_all(artifact, line, &error);
    if (status == OCIREG_OK)
        status = call(session->client, session->context, artifact, line->arguments[0], line->options, &json, &error);
    ocireg_artifact_free(artifact);
    return session_finish(session, status, json, error);
}

static int push(struct session *session, const struct command_line *line)
{
    return put(session, line, ocireg_artifact_push);
}

static int attach(struct session *session, const struct command_line *line)
{
    return put(session, line, ocireg_artifact_attach);
}

#define ITS_OWN                                                                                                               \
    {"--artifact-type", PARAMETER_TEXT, OCIREG_OPT_ARTIFACT_TYPE, "T", "what the artifact is, a media type"},                    \
        {"--annotation", PARAMETER_LIST, OCIREG_OPT_ANNOTATIONS, "KEY=VALUE", "an annotation of the manifest (repeatable)"},     \
        {"--config", PARAMETER_CONFIG, NULL, "FILE[:TYPE]", "its config"},                                                       \
        {"--title", PARAMETER_TITLE, NULL, "TITLE", "the title of -, standard input"},                                           \
        {"--times", PARAMETER_FLAG, OCIREG_OPT_TIMES, NULL, "folders keep the times of their files"},                            \
        {"--concurrency", PARAMETER_NUMBER, OCIREG_OPT_CONCURRENCY, "N", "transfers at once (4)"}

static const struct parameter push_parameters[] = {
    ITS_OWN,
    {"--subject", PARAMETER_TEXT, OCIREG_OPT_SUBJECT, "PLACE2", "what it is about, in the same repository or layout"},
    {"--image-spec", PARAMETER_TEXT, OCIREG_OPT_IMAGE_SPEC, "v1.1|v1.0", "the version of its manifest (v1.1)"},
    {"--if-exists", PARAMETER_TEXT, OCIREG_OPT_IF_EXISTS, "replace|skip|fail", "what to do when the place's name refers to something (replace)"},
    {"--no-clobber", PARAMETER_SKIP, OCIREG_OPT_IF_EXISTS, NULL, "the same as --if-exists skip"},
    {"--if-digest", PARAMETER_TEXT, OCIREG_OPT_IF_DIGEST, "DIGEST", "only if the name still refers to this manifest"},
    {0},
};

const struct command command_artifact_push = {
    .name = "artifact push",
    .target = TARGET_PLACE,
    .arguments = {"PLACE"},
    .more = "[FILE[:TYPE]]...",
    .parameters = push_parameters,
    .summary = "Store files and folders as an artifact, under the titles that they have here.",
    .run = push,
};

static const struct parameter attach_parameters[] = {
    ITS_OWN,
    {"--platform", PARAMETER_TEXT, OCIREG_OPT_PLATFORM, "OS/ARCH[/VARIANT]", "to the image of an index for this platform"},
    {0},
};

const struct command command_artifact_attach = {
    .name = "artifact attach",
    .target = TARGET_PLACE,
    .arguments = {"PLACE"},
    .more = "[FILE[:TYPE]]...",
    .parameters = attach_parameters,
    .summary = "Store files and folders as an artifact that refers to what is at a place.",
    .run = attach,
};

static int pull(struct session *session, const struct command_line *line)
{
    ocireg_error *error = NULL;
    char *json = NULL;
    ocireg_status status;
    int result = session_show_progress(session);
    if (result != OCIREG_OK)
        return result;
    status = ocireg_artifact_pull(session->client, session->context, line->arguments[0], line->output != NULL ? line->output : ".",
                                  line->options, &json, &error);
    return session_finish(session, status, json, error);
}

static const struct parameter pull_parameters[] = {
    {"-o", PARAMETER_FOLDER, NULL, "DIR", "the folder for the files, instead of this one"},
    {"--keep-old", PARAMETER_FLAG, OCIREG_OPT_KEEP_OLD, NULL, "leave files that are there as they are"},
    {"--files", PARAMETER_LIST, OCIREG_OPT_TITLES, "TITLE", "only files with this title, with * and ? (repeatable)"},
    {"--media-type", PARAMETER_LIST, OCIREG_OPT_MEDIA_TYPES, "T", "only files of this type, with * and ? (repeatable)"},
    {"--no-unpack", PARAMETER_OFF, OCIREG_OPT_UNPACK, NULL, "leave packed folders packed"},
    {"--platform", PARAMETER_TEXT, OCIREG_OPT_PLATFORM, "OS/ARCH[/VARIANT]", "the artifact of an index for this platform instead of this machine's"},
    {"--max-bytes", PARAMETER_NUMBER, OCIREG_OPT_MAX_BYTES, "N", "unpack at most so many bytes"},
    {"--max-ratio", PARAMETER_NUMBER, OCIREG_OPT_MAX_RATIO, "N", "the most bytes of a folder for each packed one (250)"},
    {"--concurrency", PARAMETER_NUMBER, OCIREG_OPT_CONCURRENCY, "N", "transfers at once (4)"},
    {0},
};

const struct command command_artifact_pull = {
    .name = "artifact pull",
    .target = TARGET_PLACE,
    .arguments = {"PLACE"},
    .parameters = pull_parameters,
    .summary = "Fetch the files of an artifact, under their titles.",
    .lines = "{/files/*/title}\\t{/files/*/digest}\\t{/files/*/size}",
    .run = pull,
};

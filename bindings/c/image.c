/* The commands config, size, validate, files, tag and rmrepo. Shows: ocireg_image_config, ocireg_image_size, ocireg_image_validate,
 * ocireg_image_files, ocireg_image_tag, ocireg_repository_remove. */
#include "command.h"
#include "json.h"

static int config(struct session *session, const struct command_line *line)
{
    ocireg_error *error = NULL;
    ocireg_buffer *bytes = NULL;
    char *json = NULL;
    int result;
    ocireg_status status = ocireg_image_config(session->client, session->context, line->arguments[0], line->options, &json,
                                               line->raw ? &bytes : NULL, &error);
    if (status != OCIREG_OK || !line->raw)
        return session_finish(session, status, json, error);
    result = output_bytes(session->output, ocireg_buffer_data(bytes), ocireg_buffer_size(bytes));
    ocireg_buffer_free(bytes);
    ocireg_string_free(json);
    return result;
}

static int size(struct session *session, const struct command_line *line)
{
    ocireg_error *error = NULL;
    char *json = NULL;
    ocireg_status status =
        ocireg_image_size(session->client, session->context, line->arguments[0], line->options, &json, &error);
    return session_finish(session, status, json, error);
}

/* What is wrong with an image is not an error of the call, but scripts need an exit status for it. */
static int validate(struct session *session, const struct command_line *line)
{
    ocireg_error *error = NULL;
    char *json = NULL;
    int result = session_show_progress(session);
    if (result != OCIREG_OK)
        return result;
    ocireg_status status =
        ocireg_image_validate(session->client, session->context, line->arguments[0], line->options, &json, &error);
    ocireg_json *report = json_parsed(json);
    bool valid = ocireg_json_boolean(report, "/valid", true);
    ocireg_json_free(report);
    result = session_finish(session, status, json, error);
    return result == OCIREG_OK && !valid ? OCIREG_MISSING_BLOB : result;
}

static int files(struct session *session, const struct command_line *line)
{
    ocireg_error *error = NULL;
    char *json = NULL;
    ocireg_status status;
    int result = session_show_progress(session);
    if (result != OCIREG_OK)
        return result;
    status = ocireg_image_files(session->client, session->context, line->arguments[0], line->options, &json, &error);
    return session_finish(session, status, json, error);
}

static int tag(struct session *session, const struct command_line *line)
{
    ocireg_error *error = NULL;
    char *json = NULL;
    ocireg_status status = ocireg_image_tag(session->client, session->context, line->arguments[0], line->arguments[1],
                                            line->options, &json, &error);
    return session_finish(session, status, json, error);
}

static int rmrepo(struct session *session, const struct command_line *line)
{
    ocireg_error *error = NULL;
    char *json = NULL;
    ocireg_status status =
        ocireg_repository_remove(session->client, session->context, line->arguments[0], line->options, &json, &error);
    return session_finish(session, status, json, error);
}

static const struct parameter config_parameters[] = {
    {"--platform", PARAMETER_TEXT, OCIREG_OPT_PLATFORM, "OS/ARCH[/VARIANT]", "the image of an index for this platform instead of this machine's"},
    {"--raw", PARAMETER_RAW, NULL, NULL, "the exact bytes of the config"},
    {0},
};

const struct command command_config = {
    .name = "config",
    .target = TARGET_PLACE,
    .arguments = {"PLACE"},
    .parameters = config_parameters,
    .summary = "Show the config of an image.",
    .run = config,
};

static const struct parameter size_parameters[] = {
    {"--platform", PARAMETER_TEXT, OCIREG_OPT_PLATFORM, "OS/ARCH[/VARIANT]", "the image of an index for this platform instead of this machine's"},
    {"--all", PARAMETER_FLAG, OCIREG_OPT_ALL, NULL, "every image of an index"},
    {0},
};

const struct command command_size = {
    .name = "size",
    .target = TARGET_PLACE,
    .arguments = {"PLACE"},
    .parameters = size_parameters,
    .summary = "Show the sizes of an image's config and layers.",
    .run = size,
};

static const struct parameter validate_parameters[] = {
    {"--platform", PARAMETER_TEXT, OCIREG_OPT_PLATFORM, "OS/ARCH[/VARIANT]", "only the image of an index for this platform"},
    {"--quick", PARAMETER_FLAG, OCIREG_OPT_QUICK, NULL, "only whether blobs are there, with the right size"},
    {"--referrers", PARAMETER_FLAG, OCIREG_OPT_REFERRERS, NULL, "also what refers to it, such as signatures and SBOMs"},
    {"--concurrency", PARAMETER_NUMBER, OCIREG_OPT_CONCURRENCY, "N", "how many blobs at the same time (4)"},
    {"--max-bytes", PARAMETER_NUMBER, OCIREG_OPT_MAX_BYTES, "N", "the most bytes that a layer may unpack to"},
    {"--max-ratio", PARAMETER_NUMBER, OCIREG_OPT_MAX_RATIO, "N", "the most bytes for each packed one (250)"},
    {0},
};

const struct command command_validate = {
    .name = "validate",
    .target = TARGET_PLACE,
    .arguments = {"PLACE"},
    .parameters = validate_parameters,
    .summary = "Check everything that an image or an index leads to; exit status 19 when something is missing or wrong.",
    .run = validate,
};

static const struct parameter files_parameters[] = {
    {"--platform", PARAMETER_TEXT, OCIREG_OPT_PLATFORM, "OS/ARCH[/VARIANT]", "the image of an index for this platform instead of this machine's"},
    {"--path", PARAMETER_LIST, OCIREG_OPT_PATHS, "PATH", "only this path of the image, or pattern (*, ?, [a-z], **), with all below it (repeatable)"},
    {"--max-bytes", PARAMETER_NUMBER, OCIREG_OPT_MAX_BYTES, "N", "the most bytes to unpack"},
    {"--max-ratio", PARAMETER_NUMBER, OCIREG_OPT_MAX_RATIO, "N", "the most bytes for each packed one (250)"},
    {0},
};

const struct command command_files = {
    .name = "files",
    .target = TARGET_PLACE,
    .arguments = {"PLACE"},
    .parameters = files_parameters,
    .summary = "List the files of an image.",
    .lines = "{/files/*/path}",
    .run = files,
};

static const struct parameter tag_parameters[] = {
    {"--referrers", PARAMETER_FLAG, OCIREG_OPT_REFERRERS, NULL, "into another repository: also what refers to it, such as signatures and SBOMs"},
    {"--if-exists", PARAMETER_TEXT, OCIREG_OPT_IF_EXISTS, "replace|skip|fail", "what to do with a tag that refers to something (replace)"},
    {"--no-clobber", PARAMETER_SKIP, OCIREG_OPT_IF_EXISTS, NULL, "the same as --if-exists skip"},
    {"--if-digest", PARAMETER_TEXT, OCIREG_OPT_IF_DIGEST, "DIGEST", "only if the tag still refers to this manifest"},
    {0},
};

const struct command command_tag = {
    .name = "tag",
    .target = TARGET_PLACE,
    .arguments = {"PLACE", "NEWTAG"},
    .parameters = tag_parameters,
    .summary = "Give an image another tag, or another name in its registry, layout or archive.",
    .run = tag,
};

static const struct parameter rmrepo_parameters[] = {
    {"--dry-run", PARAMETER_FLAG, OCIREG_OPT_DRY_RUN, NULL, "only show what would be deleted"},
    {0},
};

const struct command command_rmrepo = {
    .name = "rmrepo",
    .target = TARGET_NAME,
    .arguments = {"REPO"},
    .parameters = rmrepo_parameters,
    .summary = "Delete everything in a repository.",
    .run = rmrepo,
};

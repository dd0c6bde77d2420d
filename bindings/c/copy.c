/* The commands copy, pull and push. Shows: ocireg_copy. */
#include "command.h"
#include "output_file.h"

static int run(struct session *session, const struct command_line *line)
{
    ocireg_error *error = NULL;
    char *json = NULL;
    ocireg_status status;
    int result = line->dry_run ? OCIREG_OK : refuse_terminal_at(line->arguments[1], line->descriptor);
    if (result == OCIREG_OK)
        result = session_show_progress(session);
    if (result != OCIREG_OK)
        return result;
    status = ocireg_copy(session->client, session->context, line->arguments[0], line->arguments[1], line->options, &json,
                         &error);
    return finish_at(session, line->arguments[1], line->descriptor, status, json, error);
}

static const struct parameter parameters[] = {
    {"--platform", PARAMETER_LIST, OCIREG_OPT_PLATFORM, "OS/ARCH[/VARIANT]", "only this platform of an index (repeatable)"},
    {"--all", PARAMETER_FLAG, OCIREG_OPT_ALL, NULL, "an index with everything in it (the default)"},
    {"--sparse", PARAMETER_FLAG, OCIREG_OPT_SPARSE, NULL, "with --platform: keep the index unchanged"},
    {"--referrers", PARAMETER_FLAG, OCIREG_OPT_REFERRERS, NULL, "also what refers to it, such as signatures and SBOMs"},
    {"--foreign-layers", PARAMETER_FLAG, OCIREG_OPT_FOREIGN_LAYERS, NULL, "also layers that are normally fetched from elsewhere"},
    {"--convert-schema1", PARAMETER_FLAG, OCIREG_OPT_CONVERT_SCHEMA1, NULL, "convert a schema-1 manifest to an OCI image"},
    {"--compression", PARAMETER_TEXT, OCIREG_OPT_COMPRESSION, "gzip|zstd|none", "for uncompressed layers; default gzip from docker-archive: to a registry"},
    {"--compression-level", PARAMETER_NUMBER, OCIREG_OPT_COMPRESSION_LEVEL, "N", "1 to 9 with gzip (6), 1 with zstd"},
    {"--concurrency", PARAMETER_NUMBER, OCIREG_OPT_CONCURRENCY, "N", "parallel transfers (4)"},
    {"--dry-run", PARAMETER_FLAG, OCIREG_OPT_DRY_RUN, NULL, "only show what would be done"},
    {"--if-exists", PARAMETER_TEXT, OCIREG_OPT_IF_EXISTS, "replace|skip|fail", "what to do when the destination's name refers to something (replace)"},
    {"--no-clobber", PARAMETER_SKIP, OCIREG_OPT_IF_EXISTS, NULL, "the same as --if-exists skip"},
    {"--if-digest", PARAMETER_TEXT, OCIREG_OPT_IF_DIGEST, "DIGEST", "only if the destination's name still refers to this manifest"},
    {"--source-fd", PARAMETER_NUMBER, OCIREG_OPT_SOURCE_FD, "N", "the descriptor that - in the source docker-archive:- or oci-archive:- means (0)"},
    {"--destination-fd", PARAMETER_DESCRIPTOR, OCIREG_OPT_DESTINATION_FD, "N", "the same for the destination (1)"},
    {0},
};

const struct command command_copy = {
    .name = "copy",
    .target = TARGET_PLACES,
    .arguments = {"SRC", "DST"},
    .parameters = parameters,
    .summary = "Copy an image, an index or an artifact between any two places.",
    .run = run,
};

const struct command command_pull = {
    .name = "pull",
    .target = TARGET_PLACES,
    .arguments = {"REF", "DST"},
    .parameters = parameters,
    .summary = "Copy from a registry.",
    .run = run,
};

const struct command command_push = {
    .name = "push",
    .target = TARGET_PLACES,
    .arguments = {"SRC", "REF"},
    .parameters = parameters,
    .summary = "Copy to a registry.",
    .run = run,
};

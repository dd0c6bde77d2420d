/* The commands copy, pull and push. Shows: ocireg_copy. */
#include "command.h"
#include "output_file.h"

static int run(struct session *session, const struct command_line *line)
{
    ocireg_error *error = NULL;
    char *json = NULL;
    ocireg_status status;
    int result = session_show_progress(session);
    if (result != OCIREG_OK)
        return result;
    status = ocireg_copy(session->client, session->context, line->arguments[0], line->arguments[1], line->options, &json,
                         &error);
    return finish_at(session, line->arguments[1], line->descriptor, status, json, error);
}

static const struct parameter parameters[] = {
    {"--platform", PARAMETER_LIST, "platform", "OS/ARCH[/VARIANT]", "only this platform of an index (repeatable)"},
    {"--all", PARAMETER_FLAG, "all", NULL, "an index with everything in it (the default)"},
    {"--sparse", PARAMETER_FLAG, "sparse", NULL, "with --platform: keep the index unchanged"},
    {"--referrers", PARAMETER_FLAG, "referrers", NULL, "also what refers to it, such as signatures and SBOMs"},
    {"--foreign-layers", PARAMETER_FLAG, "foreign_layers", NULL, "also layers that are normally fetched from elsewhere"},
    {"--convert-schema1", PARAMETER_FLAG, "convert_schema1", NULL, "convert a schema-1 manifest to an OCI image"},
    {"--compression", PARAMETER_TEXT, "compression", "gzip|zstd|none", "for uncompressed layers; default gzip from docker-archive: to a registry"},
    {"--compression-level", PARAMETER_NUMBER, "compression_level", "N", "1 to 9 with gzip (6), 1 with zstd"},
    {"--concurrency", PARAMETER_NUMBER, "concurrency", "N", "parallel transfers (4)"},
    {"--dry-run", PARAMETER_FLAG, "dry_run", NULL, "only show what would be done"},
    {"--source-fd", PARAMETER_NUMBER, "source_fd", "N", "the descriptor that - in the source docker-archive:- or oci-archive:- means (0)"},
    {"--destination-fd", PARAMETER_DESCRIPTOR, "destination_fd", "N", "the same for the destination (1)"},
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

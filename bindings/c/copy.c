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
    {"--platform", PARAMETER_LIST, "platform", "OS/ARCH[/VARIANT]", "of an index, only this platform (repeatable)"},
    {"--all", PARAMETER_FLAG, "all", NULL, "an index with everything in it, which is the default"},
    {"--sparse", PARAMETER_FLAG, "sparse", NULL, "with --platform: keep the index unchanged"},
    {"--referrers", PARAMETER_FLAG, "referrers", NULL, "also signatures, SBOMs and the like"},
    {"--foreign-layers", PARAMETER_FLAG, "foreign_layers", NULL, "also layers that are meant to come from elsewhere"},
    {"--convert-schema1", PARAMETER_FLAG, "convert_schema1", NULL, "make an OCI image of a schema-1 manifest"},
    {"--compression", PARAMETER_TEXT, "compression", "gzip|zstd|none", "of layers that are plain tars; gzip from docker-archive: to a registry"},
    {"--compression-level", PARAMETER_NUMBER, "compression_level", "N", "1 to 9 with gzip (6), 1 with zstd"},
    {"--concurrency", PARAMETER_NUMBER, "concurrency", "N", "transfers at once (4)"},
    {"--dry-run", PARAMETER_FLAG, "dry_run", NULL, "only say what would be done"},
    {"--source-fd", PARAMETER_NUMBER, "source_fd", "N", "what the - of a source docker-archive:- or oci-archive:- is (0)"},
    {"--destination-fd", PARAMETER_DESCRIPTOR, "destination_fd", "N", "what the - of docker-archive:- or oci-archive:- is (1)"},
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

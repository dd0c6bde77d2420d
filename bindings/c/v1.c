/* The commands v1 … that read by protocol v1. Shows: ocireg_v1_ping, _search, _images, _tags, _tag, _ancestry, _image,
 * _layer_file, _layer_open. */
#include "command.h"
#include "output_file.h"

#include <unistd.h>

#define PIECE 131072

static int ping(struct session *session, const struct command_line *line)
{
    ocireg_error *error = NULL;
    char *json = NULL;
    ocireg_status status = ocireg_v1_ping(session->client, session->context, line->arguments[0], line->options, &json, &error);
    return session_finish(session, status, json, error);
}

static int search(struct session *session, const struct command_line *line)
{
    ocireg_error *error = NULL;
    char *json = NULL;
    ocireg_status status = ocireg_v1_search(session->client, session->context, line->arguments[0], line->arguments[1],
                                            line->options, &json, &error);
    return session_finish(session, status, json, error);
}

static int images(struct session *session, const struct command_line *line)
{
    ocireg_error *error = NULL;
    char *json = NULL;
    ocireg_status status =
        ocireg_v1_images(session->client, session->context, line->arguments[0], line->options, &json, &error);
    return session_finish(session, status, json, error);
}

static int tags(struct session *session, const struct command_line *line)
{
    ocireg_error *error = NULL;
    char *json = NULL;
    ocireg_status status = ocireg_v1_tags(session->client, session->context, line->arguments[0], line->options, &json, &error);
    return session_finish(session, status, json, error);
}

static int tag(struct session *session, const struct command_line *line)
{
    ocireg_error *error = NULL;
    char *json = NULL;
    ocireg_status status = ocireg_v1_tag(session->client, session->context, line->arguments[0], line->options, &json, &error);
    return session_finish(session, status, json, error);
}

static int ancestry(struct session *session, const struct command_line *line)
{
    ocireg_error *error = NULL;
    char *json = NULL;
    ocireg_status status = ocireg_v1_ancestry(session->client, session->context, line->arguments[0], line->arguments[1],
                                              line->options, &json, &error);
    return session_finish(session, status, json, error);
}

static int image(struct session *session, const struct command_line *line)
{
    ocireg_error *error = NULL;
    char *json = NULL;
    ocireg_status status = ocireg_v1_image(session->client, session->context, line->arguments[0], line->arguments[1],
                                           line->options, &json, NULL, &error);
    return session_finish(session, status, json, error);
}

/* A pipe or a device is written to directly. */
static int layer_to_file(struct session *session, const struct command_line *line)
{
    ocireg_error *error = NULL;
    char *json = NULL;
    ocireg_status status = ocireg_v1_layer_file(session->client, session->context, line->arguments[0], line->arguments[1],
                                                line->output, line->options, &json, &error);
    return finish_beside(session, line->output, status, json, error);
}

/* Bytes are written before the checksum is known, so only the exit status tells whether they are good. */
static int layer_to_stdout(struct session *session, const struct command_line *line)
{
    static uint8_t buffer[PIECE];
    ocireg_error *error = NULL;
    ocireg_blob_reader *reader = NULL;
    size_t got = 1;
    int result = OCIREG_OK;
    if (ocireg_v1_layer_open(session->client, session->context, line->arguments[0], line->arguments[1], line->options, &reader,
                             &error) != OCIREG_OK)
        return session_report(session, error);
    while (result == OCIREG_OK && got > 0) {
        if (ocireg_blob_reader_read(reader, buffer, sizeof buffer, &got, &error) != OCIREG_OK)
            result = session_report(session, error);
        else
            result = output_piece(session->output, buffer, got);
    }
    ocireg_blob_reader_free(reader);
    return result == OCIREG_OK ? output_flush(session->output) : result;
}

static int layer(struct session *session, const struct command_line *line)
{
    /* A progress bar mixed into the bytes on a terminal is useless. */
    bool bar = line->output != NULL || !isatty(STDOUT_FILENO);
    int result = bar ? session_show_progress(session) : OCIREG_OK;
    if (result != OCIREG_OK)
        return result;
    if (line->output == NULL)
        return layer_to_stdout(session, line);
    return layer_to_file(session, line);
}

const struct command command_v1_ping = {
    .name = "v1 ping",
    .target = TARGET_REGISTRY,
    .arguments = {"REGISTRY"},
    .summary = "Ask whether a registry speaks protocol v1.",
    .run = ping,
};

static const struct parameter search_parameters[] = {
    {"--n", PARAMETER_NUMBER, OCIREG_OPT_N, "N", "how many a page has"},
    {"--page", PARAMETER_NUMBER, OCIREG_OPT_PAGE, "N", "which page, from 1"},
    {0},
};

const struct command command_v1_search = {
    .name = "v1 search",
    .target = TARGET_REGISTRY,
    .arguments = {"REGISTRY", "TERM"},
    .parameters = search_parameters,
    .summary = "Search an index for repositories.",
    .lines = "{/results/*/name}\\t{/results/*/description}",
    .run = search,
};

const struct command command_v1_images = {
    .name = "v1 images",
    .target = TARGET_NAME,
    .arguments = {"REPO"},
    .summary = "List the images of a repository.",
    .lines = "{/images/*/id}",
    .run = images,
};

const struct command command_v1_tags = {
    .name = "v1 tags",
    .target = TARGET_NAME,
    .arguments = {"REPO"},
    .summary = "List the tags and their images.",
    .lines = "{*}\\t{/tags/*}",
    .run = tags,
};

const struct command command_v1_tag = {
    .name = "v1 tag",
    .target = TARGET_NAME,
    .arguments = {"REPO:TAG"},
    .summary = "Show the image of a tag.",
    .run = tag,
};

const struct command command_v1_ancestry = {
    .name = "v1 ancestry",
    .target = TARGET_NAME,
    .arguments = {"REPO", "ID"},
    .summary = "List an image and its ancestors.",
    .lines = "{/ancestry/*}",
    .run = ancestry,
};

const struct command command_v1_image = {
    .name = "v1 image",
    .target = TARGET_NAME,
    .arguments = {"REPO", "ID"},
    .summary = "Show an image's JSON.",
    .run = image,
};

static const struct parameter layer_parameters[] = {
    {"-o", PARAMETER_OUTPUT, NULL, "FILE", "write to this file"},
    {0},
};

const struct command command_v1_layer = {
    .name = "v1 layer",
    .target = TARGET_NAME,
    .arguments = {"REPO", "ID"},
    .parameters = layer_parameters,
    .bytes = true,
    .summary = "Fetch an image's layer, verified where possible.",
    .run = layer,
};

/* The commands blob get, head, copy and delete. Shows: ocireg_blob_get_file, _head, _copy, _delete; ocireg_blob_open and
 * ocireg_blob_reader_read, _close, _free. */
#include "command.h"
#include "output_file.h"

#include <unistd.h>

#define PIECE 131072

/* Into a file: a broken transfer leaves a partial file, which the next call continues. A pipe or a device is written through. */
static int get_to_file(struct session *session, const struct command_line *line)
{
    ocireg_error *error = NULL;
    char *json = NULL;
    ocireg_status status = ocireg_blob_get_file(session->client, session->context, line->arguments[0], line->output,
                                                line->options, &json, &error);
    return finish_beside(session, line->output, status, json, error);
}

/* Reads to the verified end. Bytes are written before the digest is known, so only the exit status tells whether
 * they are good. */
static int print_all(struct session *session, ocireg_blob_reader *reader)
{
    static uint8_t buffer[PIECE];
    ocireg_error *error = NULL;
    size_t got = 1;
    int result = OCIREG_OK;
    while (result == OCIREG_OK && got > 0) {
        if (ocireg_blob_reader_read(reader, buffer, sizeof buffer, &got, &error) != OCIREG_OK)
            return session_report(session, error);
        result = output_piece(session->output, buffer, got);
    }
    return result;
}

static int get_to_stdout(struct session *session, const struct command_line *line)
{
    ocireg_error *error = NULL;
    ocireg_blob_reader *reader = NULL;
    int result;
    if (ocireg_blob_open(session->client, session->context, line->arguments[0], line->options, &reader, &error) != OCIREG_OK)
        return session_report(session, error);
    result = print_all(session, reader);
    /* The transfer ends here, even if standard output failed midway. */
    ocireg_blob_reader_close(reader, NULL);
    ocireg_blob_reader_free(reader);
    return result;
}

static int get(struct session *session, const struct command_line *line)
{
    /* A progress bar mixed into the bytes on a terminal is useless. */
    bool bar = line->output != NULL || !isatty(STDOUT_FILENO);
    int result = bar ? session_show_progress(session) : OCIREG_OK;
    if (result != OCIREG_OK)
        return result;
    if (line->output == NULL)
        return get_to_stdout(session, line);
    return get_to_file(session, line);
}

static int head(struct session *session, const struct command_line *line)
{
    ocireg_error *error = NULL;
    char *json = NULL;
    ocireg_status status =
        ocireg_blob_head(session->client, session->context, line->arguments[0], line->options, &json, &error);
    return session_finish(session, status, json, error);
}

static int copy(struct session *session, const struct command_line *line)
{
    ocireg_error *error = NULL;
    char *json = NULL;
    ocireg_status status;
    int result = session_show_progress(session);
    if (result != OCIREG_OK)
        return result;
    status = ocireg_blob_copy(session->client, session->context, line->arguments[0], line->arguments[1], line->options, &json, &error);
    return session_finish(session, status, json, error);
}

static int delete(struct session *session, const struct command_line *line)
{
    ocireg_error *error = NULL;
    char *json = NULL;
    ocireg_status status =
        ocireg_blob_delete(session->client, session->context, line->arguments[0], line->options, &json, &error);
    return session_finish(session, status, json, error);
}

static const struct parameter get_parameters[] = {
    {"-o", PARAMETER_OUTPUT, NULL, "FILE", "into this file, continuing an earlier try"},
    {"--if-exists", PARAMETER_TEXT, OCIREG_OPT_IF_EXISTS, "replace|skip", "with -o: skip a file that holds the blob already (replace)"},
    {"--no-resume", PARAMETER_OFF, OCIREG_OPT_RESUME, NULL, "with -o: do not continue an earlier try, and leave nothing of a failed one"},
    {"--offset", PARAMETER_NUMBER, OCIREG_OPT_OFFSET, "N", "begin at this byte; a piece cannot be verified"},
    {"--length", PARAMETER_NUMBER, OCIREG_OPT_LENGTH, "N", "at most this many bytes"},
    {"--size", PARAMETER_NUMBER, OCIREG_OPT_SIZE, "N", "the blob's size, from its descriptor"},
    {0},
};

const struct command command_blob_get = {
    .name = "blob get",
    .target = TARGET_PLACE,
    .arguments = {"PLACE@DIGEST"},
    .parameters = get_parameters,
    .bytes = true,
    .summary = "Fetch a blob and verify it.",
    .run = get,
};

const struct command command_blob_head = {
    .name = "blob head",
    .target = TARGET_PLACE,
    .arguments = {"PLACE@DIGEST"},
    .summary = "Tell whether a blob exists, and its size.",
    .run = head,
};

static const struct parameter copy_parameters[] = {
    {"--size", PARAMETER_NUMBER, OCIREG_OPT_SIZE, "N", "the blob's size, from its descriptor"},
    {0},
};

const struct command command_blob_copy = {
    .name = "blob copy",
    .target = TARGET_PLACES,
    .arguments = {"PLACE@DIGEST", "DST"},
    .parameters = copy_parameters,
    .summary = "Copy one blob, and nothing else, to a repository, a layout, an archive or dir:DIR.",
    .run = copy,
};

const struct command command_blob_delete = {
    .name = "blob delete",
    .target = TARGET_NAME,
    .arguments = {"REPO@DIGEST"},
    .summary = "Delete a blob.",
    .run = delete,
};

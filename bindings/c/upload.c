/* The commands upload start, status, chunk, finish and cancel, and blob mount. Shows: ocireg_upload_session_start,
 * _status, _chunk, _finish, _cancel; ocireg_blob_mount.
 *
 * URL is what start and the others print as "url"; the whole printed JSON works as well, and contains more. */
#include "command.h"
#include "files.h"

#include <stdlib.h>

/* A chunk is held in memory while it is sent. */
#define LARGEST_CHUNK ((size_t)1 << 30)

static int start(struct session *session, const struct command_line *line)
{
    ocireg_error *error = NULL;
    char *json = NULL;
    ocireg_status status = ocireg_upload_session_start(session->client, session->context, line->arguments[0], line->options,
                                                       &json, &error);
    return session_finish(session, status, json, error);
}

static int status_of(struct session *session, const struct command_line *line)
{
    ocireg_error *error = NULL;
    char *json = NULL;
    ocireg_status status = ocireg_upload_session_status(session->client, session->context, line->arguments[0], line->options,
                                                        &json, &error);
    return session_finish(session, status, json, error);
}

static int chunk(struct session *session, const struct command_line *line)
{
    ocireg_error *error = NULL;
    char *json = NULL;
    uint8_t *data;
    size_t size;
    ocireg_status status;
    int result = file_read_whole(session, line->arguments[1], LARGEST_CHUNK, &data, &size);
    if (result != OCIREG_OK)
        return result;
    status = ocireg_upload_session_chunk(session->client, session->context, line->arguments[0], data, size, line->options,
                                         &json, &error);
    free(data);
    return session_finish(session, status, json, error);
}

static int finish(struct session *session, const struct command_line *line)
{
    ocireg_error *error = NULL;
    char *json = NULL;
    ocireg_status status = ocireg_upload_session_finish(session->client, session->context, line->arguments[0],
                                                        line->arguments[1], NULL, 0, line->options, &json, &error);
    return session_finish(session, status, json, error);
}

static int cancel(struct session *session, const struct command_line *line)
{
    ocireg_error *error = NULL;
    ocireg_status status =
        ocireg_upload_session_cancel(session->client, session->context, line->arguments[0], line->options, &error);
    return status == OCIREG_OK ? OCIREG_OK : session_report(session, error);
}

static int mount(struct session *session, const struct command_line *line)
{
    ocireg_error *error = NULL;
    char *json = NULL;
    ocireg_status status = ocireg_blob_mount(session->client, session->context, line->arguments[0], line->from, line->options,
                                             &json, &error);
    return session_finish(session, status, json, error);
}

static const struct parameter start_parameters[] = {
    {"--digest-algorithm", PARAMETER_TEXT, OCIREG_OPT_DIGEST_ALGORITHM, "sha256|sha512", "of the digest that the blob will have"},
    {0},
};

const struct command command_upload_start = {
    .name = "upload start",
    .target = TARGET_NAME,
    .arguments = {"REPO"},
    .parameters = start_parameters,
    .summary = "Open an upload session.",
    .run = start,
};

const struct command command_upload_status = {
    .name = "upload status",
    .target = TARGET_SESSION,
    .arguments = {"URL"},
    .summary = "Show how far an upload session is.",
    .run = status_of,
};

static const struct parameter chunk_parameters[] = {
    {"--offset", PARAMETER_NUMBER, OCIREG_OPT_OFFSET, "N", "where the bytes begin in the blob"},
    {0},
};

const struct command command_upload_chunk = {
    .name = "upload chunk",
    .target = TARGET_SESSION,
    .arguments = {"URL", "FILE"},
    .parameters = chunk_parameters,
    .summary = "Send a file's bytes as the next part of an upload session.",
    .run = chunk,
};

const struct command command_upload_finish = {
    .name = "upload finish",
    .target = TARGET_SESSION,
    .arguments = {"URL", "DIGEST"},
    .summary = "Complete an upload session: the blob then exists.",
    .run = finish,
};

const struct command command_upload_cancel = {
    .name = "upload cancel",
    .target = TARGET_SESSION,
    .arguments = {"URL"},
    .summary = "Cancel an upload session.",
    .run = cancel,
};

static const struct parameter mount_parameters[] = {
    {"--keep-session", PARAMETER_FLAG, OCIREG_OPT_KEEP_SESSION, NULL, "if it is declined: keep the upload session that it leaves"},
    {"--from", PARAMETER_FROM, NULL, "REPO2", "the repository of the same registry that has it"},
    {0},
};

const struct command command_blob_mount = {
    .name = "blob mount",
    .target = TARGET_NAME,
    .arguments = {"REPO@DIGEST"},
    .parameters = mount_parameters,
    .summary = "Mount a blob from another repository, without transferring it.",
    .run = mount,
};

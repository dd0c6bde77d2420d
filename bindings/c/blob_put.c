/* The command blob put. Shows: ocireg_blob_put_file, and ocireg_blob_put_stream with its read callback. */
#include "command.h"
#include "files.h"

#include <errno.h>
#include <unistd.h>

struct source {
    struct session *session;
    int fd;
    int reason; /* errno of the read that failed */
};

/* The library pulls the bytes. The reason of a failure is kept for the report: the call itself says only CALLBACK. */
static int64_t read_source(void *userdata, uint8_t *buffer, size_t size)
{
    struct source *source = userdata;
    ssize_t got = file_read(source->session, source->fd, buffer, size);
    if (got < 0)
        source->reason = errno;
    return got;
}

/* From a pipe or a device: the size is unknown, and it cannot be read twice. */
static int put_stream(struct session *session, const struct command_line *line)
{
    struct source source = {.session = session};
    ocireg_error *error = NULL;
    char *json = NULL;
    ocireg_status status;
    int result = file_open(session, line->arguments[1], &source.fd);
    if (result != OCIREG_OK)
        return result;
    status = ocireg_blob_put_stream(session->client, session->context, line->arguments[0], read_source, &source,
                                    line->options, &json, &error);
    close(source.fd);
    if (status != OCIREG_CALLBACK || source.reason == 0)
        return session_finish(session, status, json, error);
    ocireg_error_free(error);
    return file_report(session, line->arguments[1], source.reason);
}

static int put_file(struct session *session, const struct command_line *line)
{
    ocireg_error *error = NULL;
    char *json = NULL;
    ocireg_status status = ocireg_blob_put_file(session->client, session->context, line->arguments[0], line->arguments[1],
                                                line->options, &json, &error);
    return session_finish(session, status, json, error);
}

static int put(struct session *session, const struct command_line *line)
{
    int result = session_show_progress(session);
    if (result != OCIREG_OK)
        return result;
    return is_stream(line->arguments[1]) ? put_stream(session, line) : put_file(session, line);
}

static const struct parameter parameters[] = {
    {"--digest", PARAMETER_TEXT, OCIREG_OPT_DIGEST, "DIGEST", "the digest that it must have"},
    {"--size", PARAMETER_NUMBER, OCIREG_OPT_SIZE, "N", "the size that it must have"},
    {"--single-post", PARAMETER_FLAG, OCIREG_OPT_SINGLE_POST, NULL, "one request, where the registry can"},
    {"--mount-from", PARAMETER_LIST, OCIREG_OPT_MOUNT_FROM, "REPO2", "a repository of the same registry that may have it"},
    {"--chunk-size", PARAMETER_NUMBER, OCIREG_OPT_CHUNK_SIZE, "N", "upload in chunks of N bytes"},
    {0},
};

const struct command command_blob_put = {
    .name = "blob put",
    .target = TARGET_PLACE,
    .arguments = {"PLACE", "FILE"},
    .parameters = parameters,
    .summary = "Store a file as a blob, in a repository, a layout, an archive or dir:DIR.",
    .run = put,
};

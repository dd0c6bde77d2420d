/* The commands extract, cat and append. Shows: ocireg_image_extract, ocireg_image_cat, ocireg_image_append. */
#include "command.h"
#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static int extract(struct session *session, const struct command_line *line)
{
    ocireg_error *error = NULL;
    char *json = NULL;
    ocireg_status status;
    int result = session_show_progress(session);
    if (result != OCIREG_OK)
        return result;
    status = ocireg_image_extract(session->client, session->context, line->arguments[0], line->arguments[1], line->options,
                                  &json, &error);
    return session_finish(session, status, json, error);
}

/* Where the file goes. A pipe without a reader is waited for, but not for ever. */
static int open_output(struct session *session, const char *path, int *fd)
{
    *fd = STDOUT_FILENO;
    if (path == NULL)
        return OCIREG_OK;
    if (is_stream(path))
        return stream_open(session, path, fd);
    *fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    return *fd >= 0 ? OCIREG_OK : report_failure(session->output, OCIREG_IO, "cannot create %s: %s", path, strerror(errno));
}

/* With -o the result is printed; without, standard output is the file's. */
static int cat(struct session *session, const struct command_line *line)
{
    ocireg_error *error = NULL;
    char *json = NULL;
    ocireg_status status;
    int fd, result = open_output(session, line->output, &fd);
    if (result != OCIREG_OK)
        return result;
    status = ocireg_image_cat(session->client, session->context, line->arguments[0], line->arguments[1], fd, line->options,
                              &json, &error);
    if (line->output != NULL && close(fd) != 0 && status == OCIREG_OK)
        result = report_failure(session->output, OCIREG_IO, "cannot write %s: %s", line->output, strerror(errno));
    if (status != OCIREG_OK)
        return session_report(session, error);
    if (result == OCIREG_OK && line->output != NULL)
        result = output_json(session->output, json);
    ocireg_string_free(json);
    return result;
}

static const struct parameter extract_parameters[] = {
    {"--platform", PARAMETER_TEXT, "platform", "OS/ARCH[/VARIANT]", "of an index, this platform's image, not this machine's"},
    {"--overwrite", PARAMETER_FLAG, "overwrite", NULL, "into a folder that is not empty"},
    {"--owner", PARAMETER_FLAG, "owner", NULL, "keep the owners, as root only"},
    {"--setuid", PARAMETER_FLAG, "setuid", NULL, "keep set-user-ID and set-group-ID"},
    {"--devices", PARAMETER_FLAG, "devices", NULL, "make devices and pipes too"},
    {"--max-bytes", PARAMETER_NUMBER, "max_bytes", "N", "the most bytes to unpack"},
    {0},
};

const struct command command_extract = {
    .name = "extract",
    .target = TARGET_PLACE,
    .arguments = {"REF", "DIR"},
    .parameters = extract_parameters,
    .summary = "Extract the files of an image into a folder.",
    .run = extract,
};

static const struct parameter cat_parameters[] = {
    {"--platform", PARAMETER_TEXT, "platform", "OS/ARCH[/VARIANT]", "of an index, this platform's image, not this machine's"},
    {"--no-verify", PARAMETER_OFF, "verify", NULL, "end with the file, before the layer's digest is known"},
    {"-o", PARAMETER_OUTPUT, NULL, "FILE", "into this file"},
    {0},
};

const struct command command_cat = {
    .name = "cat",
    .target = TARGET_PLACE,
    .arguments = {"REF", "PATH"},
    .parameters = cat_parameters,
    .summary = "One file of an image.",
    .run = cat,
};

static int append(struct session *session, const struct command_line *line)
{
    ocireg_error *error = NULL;
    char *json = NULL;
    ocireg_status status;
    int result = session_show_progress(session);
    if (result != OCIREG_OK)
        return result;
    status = ocireg_image_append(session->client, session->context, line->arguments[0], line->options, &json, &error);
    return session_finish(session, status, json, error);
}

static const struct parameter append_parameters[] = {
    {"--layer", PARAMETER_LIST, "layers", "FILE", "a tar, packed or not (repeatable, the oldest first)"},
    {"--to", PARAMETER_TEXT, "to", "REF2", "where the result goes, instead of REF"},
    {"--scratch", PARAMETER_FLAG, "scratch", NULL, "a new image: REF is where it goes and is not read"},
    {"--media-type", PARAMETER_TEXT, "media_type", "T", "of the new layers"},
    {"--compression", PARAMETER_TEXT, "compression", "gzip|zstd|none", "of layers that are plain tars; gzip to a registry"},
    {"--compression-level", PARAMETER_NUMBER, "compression_level", "N", "1 to 9 with gzip (6), 1 with zstd"},
    {"--platform", PARAMETER_TEXT, "platform", "OS/ARCH[/VARIANT]", "of an index, this platform's image, not this machine's"},
    {"--all", PARAMETER_FLAG, "all", NULL, "every image of an index"},
    {0},
};

const struct command command_append = {
    .name = "append",
    .target = TARGET_PLACE,
    .arguments = {"REF"},
    .parameters = append_parameters,
    .summary = "Put layers on top of an image.",
    .run = append,
};

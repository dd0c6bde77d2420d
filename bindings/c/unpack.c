/* The commands extract, cat and append. Shows: ocireg_image_extract, ocireg_image_cat, ocireg_image_append. */
#include "command.h"
#include "files.h"
#include "output_file.h"

#include <unistd.h>

static int extract(struct session *session, const struct command_line *line)
{
    ocireg_error *error = NULL;
    char *json = NULL;
    ocireg_status status;
    int result;
    if (is_dash(line->arguments[1]))
        return report_usage("the second argument must be a folder, not standard output; ./- is a folder called -");
    result = session_show_progress(session);
    if (result != OCIREG_OK)
        return result;
    status = ocireg_image_extract(session->client, session->context, line->arguments[0], line->arguments[1], line->options,
                                  &json, &error);
    return session_finish(session, status, json, error);
}

/* With -o the result is printed; without it, standard output receives the file. */
static int cat_to(struct session *session, const struct command_line *line, int fd, char **json)
{
    ocireg_error *error = NULL;
    ocireg_status status = ocireg_image_cat(session->client, session->context, line->arguments[0], line->arguments[1], fd,
                                            line->options, json, &error);
    return status == OCIREG_OK ? OCIREG_OK : session_report(session, error);
}

static int cat(struct session *session, const struct command_line *line)
{
    struct output_file file;
    char *json = NULL;
    int result;
    if (line->output == NULL) {
        result = cat_to(session, line, STDOUT_FILENO, &json);
        ocireg_string_free(json);
        return result;
    }
    result = output_file_open(session, line->output, &file);
    if (result != OCIREG_OK)
        return result;
    result = output_file_close(session, &file, false, cat_to(session, line, file.fd, &json));
    if (result == OCIREG_OK)
        return finish_beside(session, line->output, OCIREG_OK, json, NULL);
    ocireg_string_free(json);
    return result;
}

static const struct parameter extract_parameters[] = {
    {"--platform", PARAMETER_TEXT, OCIREG_OPT_PLATFORM, "OS/ARCH[/VARIANT]", "the image of an index for this platform instead of this machine's"},
    {"--overwrite", PARAMETER_FLAG, OCIREG_OPT_OVERWRITE, NULL, "allow a folder that is not empty"},
    {"--owner", PARAMETER_FLAG, OCIREG_OPT_OWNER, NULL, "keep the owners (only as root)"},
    {"--setuid", PARAMETER_FLAG, OCIREG_OPT_SETUID, NULL, "keep set-user-ID and set-group-ID bits"},
    {"--devices", PARAMETER_FLAG, OCIREG_OPT_DEVICES, NULL, "also create devices and pipes"},
    {"--path", PARAMETER_LIST, OCIREG_OPT_PATHS, "PATH", "only this path of the image, or pattern (*, ?, [a-z], **), with all below it (repeatable)"},
    {"--max-bytes", PARAMETER_NUMBER, OCIREG_OPT_MAX_BYTES, "N", "the most bytes to unpack"},
    {"--max-ratio", PARAMETER_NUMBER, OCIREG_OPT_MAX_RATIO, "N", "the most bytes for each packed one (250)"},
    {0},
};

const struct command command_extract = {
    .name = "extract",
    .target = TARGET_PLACE,
    .arguments = {"PLACE", "DIR"},
    .parameters = extract_parameters,
    .summary = "Extract the files of an image into a folder.",
    .run = extract,
};

static const struct parameter cat_parameters[] = {
    {"--platform", PARAMETER_TEXT, OCIREG_OPT_PLATFORM, "OS/ARCH[/VARIANT]", "the image of an index for this platform instead of this machine's"},
    {"--no-verify", PARAMETER_OFF, OCIREG_OPT_VERIFY, NULL, "stop after the file, before the layer's digest is known"},
    {"-o", PARAMETER_OUTPUT, NULL, "FILE", "write to this file"},
    {0},
};

const struct command command_cat = {
    .name = "cat",
    .target = TARGET_PLACE,
    .arguments = {"PLACE", "PATH"},
    .parameters = cat_parameters,
    .bytes = true,
    .summary = "Print one file of an image.",
    .run = cat,
};

static int append(struct session *session, const struct command_line *line)
{
    ocireg_error *error = NULL;
    char *json = NULL;
    ocireg_status status;
    const char *result_place = line->to != NULL ? line->to : line->arguments[0];
    int result = refuse_terminal_at(result_place, NULL);
    if (result == OCIREG_OK)
        result = session_show_progress(session);
    if (result != OCIREG_OK)
        return result;
    status = ocireg_image_append(session->client, session->context, line->arguments[0], line->options, &json, &error);
    return finish_at(session, result_place, NULL, status, json, error);
}

static const struct parameter append_parameters[] = {
    {"--layer", PARAMETER_FILES, OCIREG_OPT_LAYERS, "FILE", "a tar archive, compressed or not (repeatable, the oldest first)"},
    {"--to", PARAMETER_TO, OCIREG_OPT_TO, "PLACE2", "where the result goes, instead of PLACE"},
    {"--scratch", PARAMETER_FLAG, OCIREG_OPT_SCRATCH, NULL, "a new image: PLACE is where it goes and is not read"},
    {"--media-type", PARAMETER_TEXT, OCIREG_OPT_MEDIA_TYPE, "T", "the media type of the new layers"},
    {"--compression", PARAMETER_TEXT, OCIREG_OPT_COMPRESSION, "gzip|zstd|none", "for uncompressed layers; default gzip to a registry"},
    {"--compression-level", PARAMETER_NUMBER, OCIREG_OPT_COMPRESSION_LEVEL, "N", "1 to 9 with gzip (6), 1 with zstd"},
    {"--platform", PARAMETER_TEXT, OCIREG_OPT_PLATFORM, "OS/ARCH[/VARIANT]", "the image of an index for this platform instead of this machine's"},
    {"--all", PARAMETER_FLAG, OCIREG_OPT_ALL, NULL, "all images of an index"},
    {"--if-exists", PARAMETER_TEXT, OCIREG_OPT_IF_EXISTS, "replace|skip|fail", "what to do when the result's name refers to something (replace)"},
    {"--no-clobber", PARAMETER_SKIP, OCIREG_OPT_IF_EXISTS, NULL, "the same as --if-exists skip"},
    {"--if-digest", PARAMETER_TEXT, OCIREG_OPT_IF_DIGEST, "DIGEST", "only if the result's name still refers to this manifest"},
    {0},
};

const struct command command_append = {
    .name = "append",
    .target = TARGET_PLACE,
    .arguments = {"PLACE"},
    .parameters = append_parameters,
    .summary = "Append layers to an image.",
    .run = append,
};

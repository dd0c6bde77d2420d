/* The command export. Shows: ocireg_image_export_fd and ocireg_image_export_file. */
#include "command.h"
#include "output_file.h"

#include <unistd.h>

static int export_to_stdout(struct session *session, const struct command_line *line)
{
    ocireg_error *error = NULL;
    int result;
    result = refuse_terminal("-");
    if (result == OCIREG_OK)
        result = session_show_progress(session);
    if (result != OCIREG_OK)
        return result;
    if (ocireg_image_export_fd(session->client, session->context, line->arguments[0], STDOUT_FILENO, line->options, NULL, &error) !=
        OCIREG_OK)
        return session_report(session, error);
    return OCIREG_OK;
}

static int export(struct session *session, const struct command_line *line)
{
    ocireg_error *error = NULL;
    ocireg_status status;
    char *json = NULL;
    int result;
    if (line->output == NULL)
        return export_to_stdout(session, line);
    result = refuse_terminal(line->output);
    if (result == OCIREG_OK)
        result = session_show_progress(session);
    if (result != OCIREG_OK)
        return result;
    status = ocireg_image_export_file(session->client, session->context, line->arguments[0], line->output, line->options, &json, &error);
    return finish_beside(session, line->output, status, json, error);
}

static const struct parameter export_parameters[] = {
    {"-o", PARAMETER_OUTPUT, NULL, "FILE", "write to this file, which appears only whole and verified"},
    {"--platform", PARAMETER_TEXT, OCIREG_OPT_PLATFORM, "OS/ARCH[/VARIANT]", "the image of an index for this platform instead of this machine's"},
    {"--max-bytes", PARAMETER_NUMBER, OCIREG_OPT_MAX_BYTES, "N", "the most bytes to unpack"},
    {"--max-ratio", PARAMETER_NUMBER, OCIREG_OPT_MAX_RATIO, "N", "the most bytes for each packed one (250)"},
    {0},
};

const struct command command_export = {
    .name = "export",
    .target = TARGET_PLACE,
    .arguments = {"PLACE"},
    .parameters = export_parameters,
    .bytes = true,
    .summary = "Write the file system of an image as one tar archive, to a pipe or a file.",
    .run = export,
};

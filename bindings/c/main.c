/* ocireg: a client for Docker and OCI registries, over the public C API alone.
 *
 * Shows: ocireg_version, ocireg_version_number. The file of each family of commands names the calls it demonstrates:
 * names.c, registry.c, tags.c, manifest.c, blob.c, blob_put.c, schema1.c; and below them session.c, open.c,
 * registries.c, hosts.c, command.c, signals.c, trace.c, output.c. */
#include "command.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

/* If a standard descriptor were closed, the next file opened would take its number and receive our output. A
 * descriptor opened in the wrong direction fails like a closed one. */
static void open_standard_descriptors(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        while (fcntl(fd, F_GETFD) == -1)
            if (open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) < 0)
                _exit(OCIREG_IO);
}

/* Before 1.0 a minor version may change the ABI. */
static int check_library(const struct output *output)
{
    uint32_t built = (uint32_t)OCIREG_VERSION_MAJOR << 16 | (uint32_t)OCIREG_VERSION_MINOR << 8;
    if ((ocireg_version_number() & ~0xffu) == built)
        return OCIREG_OK;
    return report_failure(output, OCIREG_INTERNAL, "built for library %s, but running with %s", OCIREG_VERSION,
                          ocireg_version());
}

static int show_version(const struct output *output)
{
    printf("ocireg %s\n", ocireg_version());
    return output_flush(output);
}

static int run_in_session(const struct globals *globals, const struct command *command, const struct command_line *line)
{
    struct session session = {0};
    int status = session_open(&session, globals, command->target, line->arguments);
    if (status == OCIREG_OK)
        status = command->run(&session, line);
    /* While Ctrl-C is still watched: perhaps nobody reads what we write. */
    if (status == OCIREG_OK)
        status = output_flush(&globals->output);
    session_close(&session);
    return status;
}

static int run_command(const struct globals *globals, struct arguments *arguments)
{
    struct command_line line = {0};
    int status = OCIREG_OK;
    bool help = false;
    const struct command *command = command_find(arguments, &globals->output, &status);
    if (command == NULL)
        return status;
    status = command_line_parse(&line, command, arguments, &globals->output, &help);
    if (help)
        status = help_command(command, &globals->output);
    else if (status == OCIREG_OK)
        status = run_in_session(globals, command, &line);
    command_line_free(&line);
    return status;
}

static int run(struct globals *globals, struct arguments *arguments)
{
    int status = globals_parse(globals, arguments);
    if (status == OCIREG_OK)
        status = check_library(&globals->output);
    if (status != OCIREG_OK)
        return status;
    if (globals->help)
        return help_all(&globals->output);
    if (globals->version)
        return show_version(&globals->output);
    return run_command(globals, arguments);
}

int main(int argc, char **argv)
{
    struct arguments arguments = {.count = argc, .items = argv, .next = 1};
    struct globals globals = {0};
    int status;
    open_standard_descriptors();
    /* When the reader of our output goes away, that is reported by the exit status; it does not kill the process. */
    signal(SIGPIPE, SIG_IGN);
    status = run(&globals, &arguments);
    globals_free(&globals);
    return status;
}

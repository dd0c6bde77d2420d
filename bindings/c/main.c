/* ocireg: a client for Docker and OCI registries, over the public C API alone.
 *
 * Each file says at its top which calls it shows. A command line passes through arguments.c (words and options), find_command.c (which
 * command it is), command_line.c and options.c (what its options are for the library), client.c, open.c and session.c (a client and a context), the
 * file of the command (tags.c, manifest.c, copy.c, ...), and result.c (what is printed).
 *
 * Shows: ocireg_version_number. */
#include "command.h"
#include "patient_stdout.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
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

static int run_in_session(const struct globals *globals, const struct command *command, const struct command_line *line)
{
    struct session session = {0};
    int status = session_open(&session, globals, command, line);
    if (status == OCIREG_OK)
        status = command->run(&session, line);
    /* While Ctrl-C is still watched: perhaps nothing reads what we write. */
    if (status == OCIREG_OK)
        status = output_flush(&globals->output);
    session_close(&session);
    return status;
}

static int run_command(struct globals *globals, const struct command *command, const struct arguments *arguments, size_t words)
{
    struct command_line line = {0};
    int status = command_line_parse(&line, command, arguments, words, globals);
    if (status == OCIREG_OK)
        status = run_in_session(globals, command, &line);
    command_line_free(&line);
    return status;
}

static bool asks_for(const struct arguments *arguments, const char *option)
{
    for (size_t i = 0; i < arguments->option_count; i++)
        if (strcmp(arguments->options[i].name, option) == 0)
            return true;
    return false;
}

/* The first thing that is wrong with a line without a command. */
static int no_command(struct globals *globals, const struct arguments *arguments)
{
    const struct command none = {.name = ""};
    struct command_line line;
    int status = arguments->word_count > 0 ? OCIREG_OK : command_line_parse(&line, &none, arguments, 0, globals);
    if (arguments->word_count == 0)
        command_line_free(&line);
    return status == OCIREG_OK ? report_no_command(globals->commands, arguments) : status;
}

static int run(struct globals *globals, const struct arguments *arguments)
{
    size_t words;
    const struct command *command = command_named(globals->commands, arguments, &words);
    int status = check_library(&globals->output);
    if (status != OCIREG_OK)
        return status;
    if (asks_for(arguments, "--help") || asks_for(arguments, "-h"))
        return help_about(globals->commands, arguments, &globals->output);
    if (asks_for(arguments, "--version"))
        return run_command(globals, &command_version, &(struct arguments){0}, 0);
    return command == NULL ? no_command(globals, arguments) : run_command(globals, command, arguments, words);
}

int main(int argc, char **argv)
{
    struct arguments arguments = {0};
    struct globals globals = {0};
    int status;
    open_standard_descriptors();
    /* When the reader of our output goes away, that is not an accident; it does not kill the process. */
    signal(SIGPIPE, SIG_IGN);
    stdout_be_patient();
    if (argc > 1 && strcmp(argv[1], COMPLETE) == 0)
        return complete(argc - 2, argv + 2);
    if (arguments_parse(&arguments, argc > 0 ? argc - 1 : 0, argv + 1, option_takes) && globals_init(&globals, commands, arguments.option_count))
        status = run(&globals, &arguments);
    else
        status = report_failure(&globals.output, OCIREG_INTERNAL, "out of memory");
    globals_free(&globals);
    arguments_free(&arguments);
    return status;
}

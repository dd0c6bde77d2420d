/* The texts of --help, made from the tables of commands and options. */
#include "command.h"
#include "place_kinds.h"

#include <string.h>

/* "tags REPO [--n N] [--last T] [--digests]" */
static void synopsis(const struct command *command)
{
    fputs(command->name, stdout);
    for (int i = 0; i < MOST_ARGUMENTS && command->arguments[i] != NULL; i++)
        printf(" %s", command->arguments[i]);
    if (command->more != NULL)
        printf(" %s", command->more);
    for (const struct parameter *at = command->parameters; at != NULL && at->name != NULL; at++)
        printf(" [%s%s%s]%s", at->name, at->value == NULL ? "" : " ", at->value == NULL ? "" : at->value,
               at->kind == PARAMETER_LIST || at->kind == PARAMETER_FILES ? "..." : "");
}

static void entry(const struct command *command)
{
    fputs("  ", stdout);
    synopsis(command);
    printf("\n      %s\n", command->summary);
}

static void usage(void)
{
    fputs("usage: ocireg COMMAND [ARGUMENT]... [OPTION]...\n\n", stdout);
}

int help_family(const struct command *const *commands, const char *family, const struct output *output)
{
    size_t length = strlen(family);
    usage();
    for (const struct command *const *at = commands; *at != NULL; at++)
        if (strncmp((*at)->name, family, length) == 0 && (*at)->name[length] == ' ')
            entry(*at);
    return output_flush(output);
}

int help_command(const struct command *command, const struct output *output)
{
    fputs("usage: ocireg ", stdout);
    synopsis(command);
    printf("\n\n%s\n", command->summary);
    if (command->parameters != NULL)
        fputc('\n', stdout);
    for (const struct parameter *at = command->parameters; at != NULL && at->name != NULL; at++) {
        int width = printf("  %s%s%s", at->name, at->value == NULL ? "" : " ", at->value == NULL ? "" : at->value);
        printf("%*s%s\n", width < 26 ? 26 - width : 1, "", at->help);
    }
    if (command->target == TARGET_PLACE || command->target == TARGET_PLACES || command->target == TARGET_PLACE_OF_MANY) {
        fputs("\nPlaces:\n", stdout);
        place_kinds_help();
    }
    return output_flush(output);
}

int help_all(const struct command *const *commands, const struct output *output)
{
    usage();
    fputs("A client for Docker and OCI registries. REF is [HOST[:PORT]/]REPOSITORY[:TAG][@DIGEST], REPO the same\n"
          "without tag and digest, REGISTRY is HOST[:PORT]. A FILE may be - for standard input or output.\n\n"
          "A pipe or a file gets a result as one line of JSON, and so does a terminal with --json; a terminal gets lists as lines and\n"
          "the rest as indented JSON, and so does a pipe with --text. A single value (digest, blob digest, version) is bare everywhere\n"
          "without --json.\n"
          "--format '{/digest} {/size}' prints members by their JSON pointers, --format '{/layers/*/digest}' a line for each.\n\n"
          "PLACE, SRC and DST are one of\n",
          stdout);
    place_kinds_help();
    fputs("\ncommands:\n", stdout);
    for (const struct command *const *at = commands; *at != NULL; at++)
        entry(*at);
    fputs("\noptions, anywhere on the line (-- ends them):\n", stdout);
    globals_help(stdout);
    fputs("\nThe exit status is 0, the number of the library's error code, or 64 for a wrong command line. When the reader of a pipe leaves\n"
          "(| head) it is 0 too, but 22 (IO), without a message, where the digest of what was printed is known only at its end.\n",
          stdout);
    return output_flush(output);
}

int help_about(const struct command *const *commands, const struct arguments *about, const struct output *output)
{
    size_t words;
    const struct command *command = command_named(commands, about, &words);
    if (command != NULL)
        return help_command(command, output);
    if (about->word_count == 0)
        return help_all(commands, output);
    if (about->word_count == 1 && is_family(commands, about->words[0]))
        return help_family(commands, about->words[0], output);
    return report_no_command(commands, about);
}

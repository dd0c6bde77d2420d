/* What may follow on a command line, for the completion of shells: a line for each, the word and, after a tab, what it is. Nothing
 * is asked of a registry. */
#include "command.h"

#include <string.h>

static void offer(const char *word, size_t length, const char *what, const char *begun)
{
    if (strncmp(word, begun, strlen(begun)) == 0 && strlen(begun) <= length)
        printf("%.*s\t%s\n", (int)length, word, what);
}

/* The name of a value or an argument that lists them: "gzip|zstd|none", "{bash|zsh|fish}". */
static void offer_choices(const char *choices, const char *begun)
{
    size_t length;
    if (choices == NULL || strchr(choices, '|') == NULL)
        return;
    choices += *choices == '{';
    for (; length = strcspn(choices, "|}"), true; choices += length + 1) {
        offer(choices, length, "", begun);
        if (choices[length] != '|')
            return;
    }
}

/* The first words of commands, each once; or, with a first word, the second ones. */
static void offer_commands(const char *family, const char *begun)
{
    const char *last = "";
    for (const struct command *const *at = commands; *at != NULL; at++) {
        size_t length = strcspn((*at)->name, " ");
        bool single = (*at)->name[length] == '\0';
        if (family == NULL && (strncmp(last, (*at)->name, length) != 0 || strcspn(last, " ") != length))
            offer((*at)->name, length, single ? (*at)->summary : "", begun);
        else if (family != NULL && !single && strlen(family) == length && strncmp(family, (*at)->name, length) == 0)
            offer((*at)->name + length + 1, strlen((*at)->name) - length - 1, (*at)->summary, begun);
        last = (*at)->name;
    }
}

static void offer_options(const struct command *command, const char *begun)
{
    for (const struct parameter *at = command == NULL ? NULL : command->parameters; at != NULL && at->name != NULL; at++)
        offer(at->name, strlen(at->name), at->help, begun);
    globals_offer(offer, begun);
}

static void offer_values(const struct command *command, const char *option, const char *begun)
{
    for (const struct parameter *at = command == NULL ? NULL : command->parameters; at != NULL && at->name != NULL; at++)
        if (strcmp(at->name, option) == 0)
            offer_choices(at->value, begun);
}

static void offer_words(const struct arguments *before, const struct command *command, size_t words, const char *begun)
{
    if (command == &command_help && before->word_count > 1)
        offer_commands(before->words[1], begun);
    else if (command == &command_help)
        offer_commands(NULL, begun);
    else if (command != NULL && before->word_count - words < MOST_ARGUMENTS)
        offer_choices(command->arguments[before->word_count - words], begun);
    else if (command == NULL && before->word_count < 2)
        offer_commands(before->word_count == 0 ? NULL : before->words[0], begun);
}

/* bash gives the '=' of --option=VALUE as a word of its own: without it the value is the next word. */
static int without_equals(int count, char **items)
{
    int kept = 0;
    for (int i = 0; i < count; i++)
        if (strcmp(items[i], "=") != 0)
            items[kept++] = items[i];
        else if (i + 1 == count)
            items[kept++] = "";
    return kept;
}

int complete(int all, char **items)
{
    struct output output = {0};
    struct arguments before;
    int count = without_equals(all, items);
    const char *begun = count > 0 ? items[count - 1] : "";
    const struct command *command;
    size_t words = 0;
    if (!arguments_parse(&before, count > 0 ? count - 1 : 0, items, option_takes))
        return OCIREG_INTERNAL;
    command = command_named(commands, &before, &words);
    if (before.waiting != NULL)
        offer_values(command, before.waiting, begun);
    else if (begun[0] == '-' && !before.ended)
        offer_options(command, begun);
    else
        offer_words(&before, command, words, begun);
    arguments_free(&before);
    return output_flush(&output);
}

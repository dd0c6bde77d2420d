/* Finding the command that the user named, or what may have been meant. */
#include "command.h"

#include "suggest.h"

#include <stdlib.h>
#include <string.h>

/* The second word of a command whose first word is this: "get" of "manifest get". NULL when the first is another. */
static const char *member_of(const struct command *command, const char *family)
{
    size_t length = strlen(family);
    return strncmp(command->name, family, length) == 0 && command->name[length] == ' ' ? command->name + length + 1 : NULL;
}

bool is_family(const struct command *const *commands, const char *name)
{
    for (const struct command *const *at = commands; *at != NULL; at++)
        if (member_of(*at, name) != NULL)
            return true;
    return false;
}

const struct command *command_named(const struct command *const *commands, const struct arguments *arguments, size_t *words)
{
    const char *first = arguments->word_count > 0 ? arguments->words[0] : NULL;
    const char *second = arguments->word_count > 1 ? arguments->words[1] : NULL;
    for (const struct command *const *at = commands; first != NULL && *at != NULL; at++) {
        const char *member = member_of(*at, first);
        /* A word with a blank in it is not a command. */
        if (strcmp((*at)->name, first) == 0 && strchr(first, ' ') == NULL)
            return *words = 1, *at;
        if (member != NULL && second != NULL && strcmp(member, second) == 0)
            return *words = 2, *at;
    }
    return NULL;
}

static int report_family(const struct command *const *commands, const char *family, const char *member)
{
    struct suggestion suggestion = {.typed = member == NULL ? "" : member};
    char before[LONGEST_SUGGESTION];
    snprintf(before, sizeof before, "%s ", family);
    for (const struct command *const *at = commands; *at != NULL; at++)
        if (member_of(*at, family) != NULL)
            suggest(&suggestion, member_of(*at, family));
    usage_is_of(family);
    if (member == NULL)
        return report_usage("%s what?", family);
    return report_usage("no such command: %s %s" SUGGESTION, family, member, SUGGESTED(before, suggestion));
}

/* What other programs call it. */
static const char *known_elsewhere(const char *name)
{
    static const char *const names[][2] = {{"ls", "tags"},       {"list-tags", "tags"}, {"discover", "tree"},   {"head", "manifest head"},
                                           {"get", "manifest get"}, {"put", "manifest put"}, {"delete", "manifest delete"}, {"cp", "copy"},
                                           {"backup", "sync"}, {"restore", "sync"}, {"mirror", "sync"},
                                           {"fetch", "blob get"}, {"search", "v1 search"}, {"retag", "tag"}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i][0], name) == 0)
            return names[i][1];
    return NULL;
}

int report_no_command(const struct command *const *commands, const struct arguments *arguments)
{
    const char *first = arguments->word_count > 0 ? arguments->words[0] : NULL;
    struct suggestion suggestion = {.typed = first};
    usage_is_of("");
    if (first == NULL)
        return report_usage("no command given");
    if (is_family(commands, first))
        return report_family(commands, first, arguments->word_count > 1 ? arguments->words[1] : NULL);
    for (const struct command *const *at = commands; *at != NULL; at++) {
        char *word = strndup((*at)->name, strcspn((*at)->name, " "));
        if (word != NULL)
            suggest(&suggestion, word);
        free(word);
    }
    if (known_elsewhere(first) != NULL)
        strcpy(suggestion.best, known_elsewhere(first));
    return report_usage("no such command: %s" SUGGESTION, first, SUGGESTED("", suggestion));
}

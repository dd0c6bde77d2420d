#include "arguments.h"

#include <stdlib.h>
#include <string.h>

/* The longest time that makes sense: 30 years. It keeps the arithmetic far from its limits. */

/* An option, with its value where it has one. */
static void take_option(struct arguments *arguments, int count, char **items, int *next, enum takes (*takes)(const char *name))
{
    char *item = items[*next], *equals = strchr(item, '=');
    struct option *option = &arguments->options[arguments->option_count++];
    if (equals != NULL)
        *equals = '\0';
    *option = (struct option){item, equals == NULL ? NULL : equals + 1};
    if (equals != NULL || takes(item) != TAKES_VALUE)
        return;
    if (*next + 1 < count)
        option->value = items[++*next];
    else
        arguments->waiting = item;
}

bool arguments_parse(struct arguments *arguments, int count, char **items, enum takes (*takes)(const char *name))
{
    *arguments = (struct arguments){.words = calloc((size_t)count + 1, sizeof *arguments->words),
                                    .options = calloc((size_t)count + 1, sizeof *arguments->options)};
    if (arguments->words == NULL || arguments->options == NULL)
        return false;
    for (int next = 0; next < count; next++) {
        char *item = items[next];
        /* A lone dash is a word, also before the type of a file: it stands for standard input or output. */
        if (arguments->ended || item[0] != '-' || item[1] == '\0' || item[1] == ':')
            arguments->words[arguments->word_count++] = item;
        else if (strcmp(item, "--") == 0)
            arguments->ended = true;
        else
            take_option(arguments, count, items, &next, takes);
    }
    return true;
}

void arguments_free(struct arguments *arguments)
{
    free(arguments->words);
    free(arguments->options);
    *arguments = (struct arguments){0};
}

bool is_dash(const char *file)
{
    return strcmp(file, "-") == 0;
}

/* Reads digits; false when there are none or the number does not fit. */
static bool digits(const char **text, int64_t *number)
{
    const char *at = *text;
    *number = 0;
    for (; *at >= '0' && *at <= '9'; at++) {
        int digit = *at - '0';
        if (*number > (INT64_MAX - digit) / 10)
            return false;
        *number = *number * 10 + digit;
    }
    if (at == *text)
        return false;
    *text = at;
    return true;
}

bool parse_number(const char *text, int64_t *number)
{
    return digits(&text, number) && *text == '\0';
}

bool parse_bytes(const char *text, int64_t *bytes)
{
    static const char units[] = "KMG";
    int64_t unit = 1;
    if (!digits(&text, bytes))
        return false;
    for (const char *at = units; *text != '\0' && *at != '\0'; at++) {
        unit *= 1024;
        if (*text == *at || *text == *at - 'A' + 'a') {
            text++;
            break;
        }
    }
    if (*text != '\0' || *bytes > INT64_MAX / unit)
        return false;
    *bytes *= unit;
    return true;
}

const char *too_large(const char *text)
{
    int64_t number;
    size_t length = strspn(text, "0123456789");
    bool is_bytes = text[length] != '\0' && strchr("kKmMgG", text[length]) != NULL && text[length + 1] == '\0';
    bool is_well_formed = length > 0 && (is_bytes || text[length] == '\0');
    return is_well_formed && !parse_bytes(text, &number) ? ", which is too large" : "";
}

bool parse_seconds(const char *text, int64_t *milliseconds)
{
    int64_t seconds = 0, part = 0;
    if (*text != '.' && !digits(&text, &seconds))
        return false;
    if (seconds > MOST_SECONDS)
        return false;
    if (*text == '.') {
        int unit = 100;
        if (*++text < '0' || *text > '9')
            return false;
        for (; *text >= '0' && *text <= '9'; text++, unit /= 10)
            part += (*text - '0') * unit;
    }
    *milliseconds = seconds * 1000 + part;
    return *text == '\0' && *milliseconds > 0;
}

#include "arguments.h"

#include <stddef.h>
#include <string.h>

/* The longest time that makes sense: 30 years. It keeps the arithmetic far from its limits. */
#define MOST_SECONDS 1000000000

enum argument arguments_next(struct arguments *arguments)
{
    char *item, *equals;
    if (arguments->next >= arguments->count)
        return ARGUMENT_END;
    item = arguments->items[arguments->next];
    if (arguments->plain || item[0] != '-' || item[1] == '\0')
        return ARGUMENT_PLAIN;
    arguments->next++;
    if (strcmp(item, "--") == 0) {
        arguments->plain = true;
        return arguments_next(arguments);
    }
    equals = strchr(item, '=');
    if (equals != NULL)
        *equals = '\0';
    arguments->name = item;
    arguments->value = equals == NULL ? NULL : equals + 1;
    return ARGUMENT_OPTION;
}

char *arguments_take(struct arguments *arguments)
{
    return arguments->next < arguments->count ? arguments->items[arguments->next++] : NULL;
}

char *arguments_value(struct arguments *arguments)
{
    return arguments->value != NULL ? arguments->value : arguments_take(arguments);
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

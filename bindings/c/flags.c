#include "flags.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static flag_fn *flag_of_key;

void flags_are(flag_fn *flag_of)
{
    flag_of_key = flag_of;
}

static size_t key_length(const char *text)
{
    return strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_");
}

/* NULL when the command line has none. */
static const char *flag_of(const char *text)
{
    size_t length = key_length(text);
    return length == 0 || flag_of_key == NULL ? NULL : flag_of_key(text, length);
}

/* The length of what stands before a key, if text begins with that. */
static size_t before_key(const char *text)
{
    static const char *const words[] = {"the option ", "the options ", "option ", "options "};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strncmp(text, words[i], strlen(words[i])) == 0)
            return strlen(words[i]);
    return 0;
}

/* A key that is no word of English, such as plain_http, if text begins with one: its length. */
static size_t write_key(FILE *file, const char *text)
{
    size_t length = key_length(text);
    const char *flag = memchr(text, '_', length) != NULL && strchr(" ,:;", text[length]) != NULL ? flag_of(text) : NULL;
    if (flag != NULL)
        fputs(flag, file);
    return flag != NULL ? length : 0;
}

/* "the options all and platform", if text begins with such: its length. */
static size_t write_keys(FILE *file, const char *text)
{
    static const char and[] = " and ";
    const char *at = text + before_key(text);
    if (at == text || flag_of(at) == NULL)
        return 0;
    fputs(flag_of(at), file);
    at += key_length(at);
    if (strncmp(at, and, strlen(and)) == 0 && flag_of(at + strlen(and)) != NULL) {
        at += strlen(and);
        fprintf(file, "%s%s", and, flag_of(at));
        at += key_length(at);
    }
    return (size_t)(at - text);
}

/* The call that the command makes of these words does not know an option that it has for others. */
static bool write_unknown(FILE *file, const char *text)
{
    static const char unknown[] = "unknown option \"";
    const char *key = text + strlen(unknown);
    const char *flag = strncmp(text, unknown, strlen(unknown)) == 0 ? flag_of(key) : NULL;
    if (flag == NULL)
        return false;
    fprintf(file, "%s does not go with the rest of this command line", flag);
    return true;
}

char *flags_written(const char *text, bool *any)
{
    char *written = NULL;
    size_t size = 0;
    FILE *file = text == NULL ? NULL : open_memstream(&written, &size);
    char before = ' ';
    *any = false;
    if (file == NULL)
        return NULL;
    *any = write_unknown(file, text);
    for (const char *at = *any ? "" : text; *at != '\0';) {
        size_t length = before == ' ' ? write_keys(file, at) : 0;
        if (length == 0 && before == ' ')
            length = write_key(file, at);
        *any |= length > 0;
        if (length == 0)
            fputc(*at, file);
        at += length == 0 ? 1 : length;
        before = at[-1];
    }
    fclose(file);
    return written;
}

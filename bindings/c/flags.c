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

/* What is written, and where. */
struct writing {
    FILE *file;
    bool typed; /* an option that is in it */
};

/* NULL when the command line has none. */
static const char *flag_of(const char *text, bool *typed)
{
    size_t length = key_length(text);
    *typed = false;
    return length == 0 || flag_of_key == NULL ? NULL : flag_of_key(text, length, typed);
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

/* The key that text begins with: its length, or 0 when it has no flag. */
static size_t write_flag(struct writing *to, const char *text)
{
    bool typed;
    const char *flag = flag_of(text, &typed);
    if (flag == NULL)
        return 0;
    fputs(flag, to->file);
    to->typed |= typed;
    return key_length(text);
}

/* A key that is not a word of English, such as plain_http, if text begins with one: its length. */
static size_t write_key(struct writing *to, const char *text)
{
    size_t length = key_length(text);
    return memchr(text, '_', length) != NULL && strchr(" ,:;", text[length]) != NULL ? write_flag(to, text) : 0;
}

/* What joins another key to those before it: its length, or 0. */
static size_t joins(const char *text, bool several)
{
    static const char *const words[] = {" and ", ", "};
    bool typed;
    for (size_t i = 0; i < (several ? 2u : 1u); i++)
        if (strncmp(text, words[i], strlen(words[i])) == 0 && flag_of(text + strlen(words[i]), &typed) != NULL)
            return strlen(words[i]);
    return 0;
}

/* "the options tags, semver and platform", if text begins with such: its length. */
static size_t write_keys(struct writing *to, const char *text)
{
    const char *at = text + before_key(text);
    const bool several = at - text > 1 && at[-2] == 's';
    size_t length = at == text ? 0 : write_flag(to, at);
    if (length == 0)
        return 0;
    at += length;
    while ((length = joins(at, several)) != 0) {
        fwrite(at, 1, length, to->file);
        at += length;
        at += write_flag(to, at);
    }
    return (size_t)(at - text);
}

/* The call that the command makes of these words does not know an option that it has for others. One that was not typed as a flag was
 * named, by --host-option: there is none of that name. */
static bool write_unknown(struct writing *to, const char *text)
{
    static const char unknown[] = "unknown option \"";
    bool typed = false;
    if (strncmp(text, unknown, strlen(unknown)) != 0 || flag_of(text + strlen(unknown), &typed) == NULL || !typed)
        return false;
    write_flag(to, text + strlen(unknown));
    fputs(" does not go with the rest of this command line", to->file);
    return true;
}

char *flags_written(const char *text, bool *typed)
{
    char *written = NULL;
    size_t size = 0;
    struct writing to = {.file = text == NULL ? NULL : open_memstream(&written, &size)};
    char before = ' ';
    *typed = false;
    if (to.file == NULL)
        return NULL;
    for (const char *at = write_unknown(&to, text) ? "" : text; *at != '\0';) {
        size_t length = before == ' ' ? write_keys(&to, at) : 0;
        if (length == 0 && before == ' ')
            length = write_key(&to, at);
        if (length == 0)
            fputc(*at, to.file);
        at += length == 0 ? 1 : length;
        before = at[-1];
    }
    fclose(to.file);
    *typed = to.typed;
    return written;
}

#include "json.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static const char *skip_space(const char *at)
{
    return at + strspn(at, " \t\r\n");
}

/* The end of a string whose first quote is at `at`; NULL when it is unterminated. */
static const char *skip_string(const char *at)
{
    for (at++; *at != '"'; at++) {
        if (*at == '\\')
            at++;
        if (*at == '\0')
            return NULL;
    }
    return at + 1;
}

/* The end of an object or array. A loop instead of recursion, so that depth costs no stack. */
static const char *skip_nested(const char *at)
{
    size_t depth = 0;
    do {
        if (*at == '\0')
            return NULL;
        if (*at == '"') {
            at = skip_string(at);
            if (at == NULL)
                return NULL;
            continue;
        }
        if (*at == '{' || *at == '[')
            depth++;
        else if (*at == '}' || *at == ']')
            depth--;
        at++;
    } while (depth > 0);
    return at;
}

static const char *skip_value(const char *at)
{
    size_t length;
    if (*at == '"')
        return skip_string(at);
    if (*at == '{' || *at == '[')
        return skip_nested(at);
    length = strcspn(at, ",]} \t\r\n");
    return length > 0 ? at + length : NULL;
}

bool json_next(const char **at, const char **name, const char **value)
{
    const char *next = skip_space(*at);
    if (*next != '{' && *next != ',')
        return false;
    next = skip_space(next + 1);
    if (*next != '"')
        return false;
    *name = next;
    next = skip_string(next);
    if (next == NULL)
        return false;
    next = skip_space(next);
    if (*next != ':')
        return false;
    *value = skip_space(next + 1);
    next = skip_value(*value);
    if (next == NULL)
        return false;
    *at = next;
    return true;
}

bool json_element(const char **at, const char **value)
{
    const char *next = skip_space(*at);
    if (*next != '[' && *next != ',')
        return false;
    *value = skip_space(next + 1);
    next = **value == ']' ? NULL : skip_value(*value);
    if (next == NULL)
        return false;
    *at = next;
    return true;
}

const char *json_member(const char *object, const char *name)
{
    const char *at = object, *key, *value;
    while (json_next(&at, &key, &value)) {
        char *text = json_text(key);
        bool found = text != NULL && strcmp(text, name) == 0;
        free(text);
        if (found)
            return value;
    }
    return NULL;
}

/* The number of four hexadecimal digits, or -1. */
static long hex4(const char *at)
{
    long number = 0;
    for (int i = 0; i < 4; i++) {
        static const char digits[] = "0123456789abcdef";
        char low = at[i] >= 'A' && at[i] <= 'F' ? (char)(at[i] - 'A' + 'a') : at[i];
        const char *digit = low == '\0' ? NULL : strchr(digits, low);
        if (digit == NULL)
            return -1;
        number = number * 16 + (digit - digits);
    }
    return number;
}

static char *put_utf8(char *to, uint32_t point)
{
    if (point < 0x80) {
        *to++ = (char)point;
    } else if (point < 0x800) {
        *to++ = (char)(0xc0 | point >> 6);
        *to++ = (char)(0x80 | (point & 0x3f));
    } else if (point < 0x10000) {
        *to++ = (char)(0xe0 | point >> 12);
        *to++ = (char)(0x80 | (point >> 6 & 0x3f));
        *to++ = (char)(0x80 | (point & 0x3f));
    } else {
        *to++ = (char)(0xf0 | point >> 18);
        *to++ = (char)(0x80 | (point >> 12 & 0x3f));
        *to++ = (char)(0x80 | (point >> 6 & 0x3f));
        *to++ = (char)(0x80 | (point & 0x3f));
    }
    return to;
}

/* Decodes \uXXXX, and a pair of surrogates as one character. `*from` points at the 'u', and is moved past what was
 * read. */
static char *put_escape(char *to, const char **from)
{
    long first = hex4(*from + 1), second = -1;
    if (first < 0) {
        *from += 1;
        return put_utf8(to, 0xfffd);
    }
    *from += 5;
    if (first >= 0xd800 && first < 0xdc00 && (*from)[0] == '\\' && (*from)[1] == 'u')
        second = hex4(*from + 2);
    if (second >= 0xdc00 && second < 0xe000) {
        *from += 6;
        return put_utf8(to, (uint32_t)(0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00)));
    }
    /* A C string cannot hold a NUL, and UTF-8 cannot hold half a surrogate pair. */
    if (first == 0 || (first >= 0xd800 && first < 0xe000))
        first = 0xfffd;
    return put_utf8(to, (uint32_t)first);
}

char *json_text(const char *value)
{
    static const char letters[] = "bfnrt", meanings[] = "\b\f\n\r\t";
    const char *end = value == NULL ? NULL : skip_value(value);
    char *text, *to;
    if (end == NULL)
        return NULL;
    if (*value != '"')
        return strndup(value, (size_t)(end - value));
    /* Decoding makes text shorter, except for a malformed \u: two characters become U+FFFD, which is three bytes.
     * Hence the extra room. */
    text = malloc((size_t)(end - value) * 2);
    if (text == NULL)
        return NULL;
    to = text;
    for (value++; value < end - 1;) {
        const char *letter;
        if (*value != '\\') {
            *to++ = *value++;
            continue;
        }
        value++;
        if (*value == 'u') {
            to = put_escape(to, &value);
            continue;
        }
        letter = strchr(letters, *value);
        *to++ = letter == NULL ? *value : meanings[letter - letters];
        value++;
    }
    *to = '\0';
    return text;
}

static void new_line(FILE *file, size_t depth)
{
    fputc('\n', file);
    for (size_t i = 0; i < depth; i++)
        fputs("  ", file);
}

/* One token of the text; returns the rest. */
static const char *pretty_token(FILE *file, const char *at, size_t *depth)
{
    const char *end;
    switch (*at) {
    case '{':
    case '[':
        fputc(*at, file);
        end = skip_space(at + 1);
        if (*end == '}' || *end == ']') {
            fputc(*end, file);
            return end + 1;
        }
        new_line(file, ++*depth);
        return at + 1;
    case '}':
    case ']':
        if (*depth > 0)
            --*depth;
        new_line(file, *depth);
        fputc(*at, file);
        return at + 1;
    case ',':
        fputc(',', file);
        new_line(file, *depth);
        return at + 1;
    case ':':
        fputs(": ", file);
        return at + 1;
    default:
        end = skip_value(at);
        if (end == NULL)
            end = at + strlen(at);
        fwrite(at, 1, (size_t)(end - at), file);
        return end;
    }
}

void json_pretty(FILE *file, const char *json)
{
    size_t depth = 0;
    for (json = skip_space(json); *json != '\0'; json = skip_space(json))
        json = pretty_token(file, json, &depth);
}

size_t obeyed(const char *at, unsigned *number)
{
    const unsigned char *byte = (const unsigned char *)at;
    unsigned c = byte[0];
    size_t length = 1;
    if (c >= 0xc2 && c < 0xe0 && (byte[1] & 0xc0) == 0x80) {
        c = (c & 0x1f) << 6 | (byte[1] & 0x3f);
        length = 2;
    } else if ((c & 0xf0) == 0xe0 && (byte[1] & 0xc0) == 0x80 && (byte[2] & 0xc0) == 0x80) {
        c = (c & 0x0f) << 12 | (unsigned)(byte[1] & 0x3f) << 6 | (byte[2] & 0x3f);
        length = 3;
    } else if (c >= 0x80) {
        /* A longer one, none of which is a control character; or not UTF-8. */
        return 0;
    }
    *number = c;
    return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x61c || c == 0x200e || c == 0x200f || (c >= 0x2028 && c <= 0x202e) ||
                   (c >= 0x2066 && c <= 0x206f) || c == 0xfeff
               ? length
               : 0;
}

void json_quote(FILE *file, const char *text)
{
    fputc('"', file);
    while (*text != '\0') {
        unsigned number;
        size_t length = obeyed(text, &number);
        if (*text == '"' || *text == '\\')
            fputc('\\', file);
        if (length == 0)
            fputc(*text, file);
        else
            fprintf(file, "\\u%04x", number);
        text += length == 0 ? 1 : length;
    }
    fputc('"', file);
}

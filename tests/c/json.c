#include "json.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *blanks(const char *at) {
    return at + strspn(at, " \t\r\n");
}

static const char *skip_string(const char *at) {
    for (at++; *at != '"'; at++) {
        if (*at == '\\') at++;
        if ((unsigned char)*at < 0x20) return NULL;
    }
    return at + 1;
}

static const char *skip_word(const char *at) {
    static const char *const words[] = {"null", "true", "false"};
    for (size_t i = 0; i < 3; i++) {
        if (strncmp(at, words[i], strlen(words[i])) == 0) return at + strlen(words[i]);
    }
    size_t digits = strspn(at, "+-0123456789.eE");
    return digits > 0 ? at + digits : NULL;
}

static const char *skip(const char *at);

/* The value of the next member or element, whose name, if it has one, is at *name; NULL at the end or when
 * malformed. */
static const char *enter(const char *at, char open, const char **name) {
    *name = NULL;
    at = blanks(at);
    if (open == '{') {
        if (*at != '"') return NULL;
        *name = at;
        at = skip_string(at);
        at = at ? blanks(at) : NULL;
        if (!at || *at != ':') return NULL;
        at = blanks(at + 1);
    }
    return *at ? at : NULL;
}

static const char *skip_list(const char *at) {
    char open = *at, close = open == '{' ? '}' : ']';
    at = blanks(at + 1);
    if (*at == close) return at + 1;
    for (;;) {
        const char *name;
        at = enter(at, open, &name);
        at = at ? skip(at) : NULL;
        at = at ? blanks(at) : NULL;
        if (!at) return NULL;
        if (*at == close) return at + 1;
        if (*at++ != ',') return NULL;
    }
}

/* The end of the value that begins here; NULL when it is malformed. */
static const char *skip(const char *at) {
    switch (*at) {
        case '{':
        case '[': return skip_list(at);
        case '"': return skip_string(at);
        default: return skip_word(at);
    }
}

static bool is_named(const char *name, const char *wanted, size_t length) {
    return strncmp(name + 1, wanted, length) == 0 && name[1 + length] == '"';
}

/* The child that a path's first part names. */
static const char *child(const char *at, const char *part, size_t length) {
    char open = *at, close = open == '{' ? '}' : ']';
    if (open != '{' && open != '[') return NULL;
    long index = open == '[' && isdigit((unsigned char)*part) ? strtol(part, NULL, 10) : -1;
    at = blanks(at + 1);
    for (long i = 0; *at != close; i++) {
        const char *name, *value = enter(at, open, &name);
        if (!value) return NULL;
        if (name ? is_named(name, part, length) : i == index) return value;
        at = skip(value);
        if (!at) return NULL;
        at = blanks(at);
        if (*at == ',') at = blanks(at + 1);
    }
    return NULL;
}

const char *json_at(const char *json, const char *path) {
    const char *at = json ? blanks(json) : NULL;
    while (at && *path) {
        size_t length = strcspn(path, "/");
        at = child(at, path, length);
        path += length;
        path += *path == '/';
    }
    return at;
}

bool json_is_valid(const char *json) {
    const char *end = json ? skip(blanks(json)) : NULL;
    return end && !*blanks(end);
}

enum json_kind json_kind_at(const char *json, const char *path) {
    const char *at = json_at(json, path);
    if (!at) return JSON_MISSING;
    switch (*at) {
        case '{': return JSON_OBJECT;
        case '[': return JSON_ARRAY;
        case '"': return JSON_STRING;
        case 'n': return JSON_NULL;
        case 't':
        case 'f': return JSON_BOOL;
        default: return JSON_NUMBER;
    }
}

size_t json_length(const char *json, const char *path) {
    const char *at = json_at(json, path);
    size_t count = 0;
    if (!at || (*at != '{' && *at != '[')) return 0;
    char open = *at, close = open == '{' ? '}' : ']';
    for (at = blanks(at + 1); *at != close; count++) {
        const char *name;
        at = enter(at, open, &name);
        at = at ? skip(at) : NULL;
        if (!at) return 0;
        at = blanks(at);
        if (*at == ',') at = blanks(at + 1);
    }
    return count;
}

char *json_name_at(const char *json, size_t index) {
    char digits[24], open = *blanks(json);
    snprintf(digits, sizeof digits, "%zu", index);
    if (open != '{') return strdup(digits);
    const char *at = blanks(blanks(json) + 1), *name = NULL;
    for (size_t i = 0;; i++) {
        const char *value = enter(at, open, &name);
        if (!value || i == index) break;
        at = blanks(skip(value));
        at = blanks(at + (*at == ','));
    }
    return name ? json_string_at(name, "") : NULL;
}

static char unescaped(const char **at) {
    static const char from[] = "nrtbf", to[] = "\n\r\t\b\f";
    const char *known = strchr(from, **at);
    if (**at == 'u') {
        char digits[5] = {0};
        strncpy(digits, *at + 1, 4);
        *at += strlen(digits);
        return (char)strtol(digits, NULL, 16);
    }
    return known && **at ? to[known - from] : **at;
}

char *json_string_at(const char *json, const char *path) {
    const char *at = json_at(json, path);
    if (!at || *at != '"') return NULL;
    char *text = calloc(1, strlen(at) + 1), *out = text;
    if (!text) abort();
    for (at++; *at != '"'; at++) {
        if (*at == '\\') {
            at++;
            *out++ = unescaped(&at);
        } else {
            *out++ = *at;
        }
    }
    return text;
}

long long json_number_at(const char *json, const char *path) {
    const char *at = json_at(json, path);
    return at && (*at == '-' || isdigit((unsigned char)*at)) ? strtoll(at, NULL, 10) : -1;
}

bool json_is_true(const char *json, const char *path) {
    const char *at = json_at(json, path);
    return at && strncmp(at, "true", 4) == 0;
}

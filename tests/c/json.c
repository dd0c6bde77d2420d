#include "json.h"

#include <ocireg.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The texts that json_at gave away, which tests use as long as they like. */
static struct kept {
    struct kept *next;
    char *text;
} *all_kept;
static pthread_mutex_t keeping = PTHREAD_MUTEX_INITIALIZER;

static const char *kept_text(char *text) {
    struct kept *kept = malloc(sizeof *kept);
    if (!kept) abort();
    pthread_mutex_lock(&keeping);
    *kept = (struct kept){.next = all_kept, .text = text};
    all_kept = kept;
    pthread_mutex_unlock(&keeping);
    return text;
}

/* A path as a pointer (RFC 6901). */
static void write_pointer(char *out, size_t size, const char *path) {
    size_t length = 0;
    const char *before = *path ? "/" : "";
    for (length = strlen(strcpy(out, before)); *path; path++) {
        if (length + 3 > size) abort();
        out[length++] = *path;
        if (*path == '~') out[length++] = '0';
    }
    out[length] = '\0';
}

/* A text and a pointer into it. */
struct look {
    ocireg_json *json;
    char pointer[512];
};

static struct look look_at(const char *json, const char *path) {
    struct look look = {0};
    ocireg_json_parse(json, &look.json, NULL);
    write_pointer(look.pointer, sizeof look.pointer, path);
    return look;
}

static int kind_in(struct look look) {
    return ocireg_json_kind(look.json, look.pointer);
}

const char *json_at(const char *json, const char *path) {
    struct look look = look_at(json, path);
    char *text = NULL;
    if (kind_in(look) != OCIREG_JSON_NONE && ocireg_json_dump(look.json, look.pointer, &text, NULL) != OCIREG_OK) abort();
    ocireg_json_free(look.json);
    return text ? kept_text(text) : NULL;
}

bool json_is_valid(const char *json) {
    struct look look = look_at(json, "");
    ocireg_json_free(look.json);
    return look.json != NULL;
}

enum json_kind json_kind_at(const char *json, const char *path) {
    struct look look = look_at(json, path);
    int kind = kind_in(look);
    ocireg_json_free(look.json);
    switch (kind) {
        case OCIREG_JSON_NULL: return JSON_NULL;
        case OCIREG_JSON_BOOLEAN: return JSON_BOOL;
        case OCIREG_JSON_NUMBER: return JSON_NUMBER;
        case OCIREG_JSON_STRING: return JSON_STRING;
        case OCIREG_JSON_LIST: return JSON_ARRAY;
        case OCIREG_JSON_OBJECT: return JSON_OBJECT;
        default: return JSON_MISSING;
    }
}

size_t json_length(const char *json, const char *path) {
    struct look look = look_at(json, path);
    size_t length = ocireg_json_size(look.json, look.pointer);
    ocireg_json_free(look.json);
    return length;
}

char *json_name_at(const char *json, size_t index) {
    struct look look = look_at(json, "");
    const char *name = ocireg_json_key(look.json, "", index);
    char digits[24];
    snprintf(digits, sizeof digits, "%zu", index);
    char *copy = strdup(name ? name : digits);
    ocireg_json_free(look.json);
    return copy;
}

char *json_string_at(const char *json, const char *path) {
    struct look look = look_at(json, path);
    const char *text = ocireg_json_text(look.json, look.pointer);
    char *copy = text ? strdup(text) : NULL;
    ocireg_json_free(look.json);
    return copy;
}

long long json_number_at(const char *json, const char *path) {
    struct look look = look_at(json, path);
    long long number = (long long)ocireg_json_number(look.json, look.pointer, -1);
    number = ocireg_json_integer(look.json, look.pointer, number);
    ocireg_json_free(look.json);
    return number;
}

bool json_is_true(const char *json, const char *path) {
    struct look look = look_at(json, path);
    bool is_true = ocireg_json_boolean(look.json, look.pointer, false);
    ocireg_json_free(look.json);
    return is_true;
}

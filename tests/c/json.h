/* Short names for ocireg_json, as tests look into results. A path is member names and list positions with '/' between: "index/name". */
#ifndef OCIREG_TEST_JSON_H
#define OCIREG_TEST_JSON_H

#include <stdbool.h>
#include <stddef.h>

enum json_kind { JSON_MISSING, JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

/* Whether the whole text is one JSON value. */
bool json_is_valid(const char *json);

/* The value at a path; "" is the whole. */
enum json_kind json_kind_at(const char *json, const char *path);

/* The number of members or elements at a path. */
size_t json_length(const char *json, const char *path);

/* The value at a path as a text of its own, which stays until the program ends; NULL when there is none. */
const char *json_at(const char *json, const char *path);

/* The name of the nth member, or the position of the nth element, of the whole; to be freed with free(). */
char *json_name_at(const char *json, size_t index);

/* The string at a path, to be freed with free(); NULL when there is none. */
char *json_string_at(const char *json, const char *path);

/* The number at a path; -1 when there is none. */
long long json_number_at(const char *json, const char *path);

/* Whether the path holds true. */
bool json_is_true(const char *json, const char *path);

#endif

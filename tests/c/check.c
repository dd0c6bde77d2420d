/* The checks of common.h. */
#include "common.h"

static void unexpected(ocireg_status wanted, ocireg_status got, const char *call, const char *file, int line) {
    const char *message = failure ? ocireg_error_message(failure) : NULL;
    print_error("%s:%d: %s\n  gives %s instead of %s: %s\n", file, line, call, ocireg_status_name(got), ocireg_status_name(wanted),
                message ? message : "(no error object)");
    _fail(file, line);
}

void check_status(ocireg_status wanted, ocireg_status got, const char *call, const char *file, int line) {
    if (got != wanted) unexpected(wanted, got, call, file, line);
    if (got == OCIREG_OK) {
        if (failure) unexpected(wanted, ocireg_error_code(failure), call, file, line);
        return;
    }
    if (!failure) unexpected(wanted, got, call, file, line);
    const char *json = ocireg_error_json(failure), *message = ocireg_error_message(failure);
    _assert_int_equal(ocireg_error_code(failure), got, file, line);
    _assert_string_equal(ocireg_error_name(failure), ocireg_status_name(got), file, line);
    _assert_true(message && *message, "the error has a message", file, line);
    check_shape(json,
                "code:number name:string message:string hint:string? side:string? http_status:number? registry_errors:array "
                "url:string? attempts:number retryable:bool retry_after:number? rate_limit:object? cause:array",
                file, line);
    check_number(json, "code", got, file, line);
    check_string(json, "name", ocireg_status_name(got), file, line);
    check_string(json, "message", message, file, line);
    if (ocireg_error_hint(failure)) check_string(json, "hint", ocireg_error_hint(failure), file, line);
    else _assert_int_equal(json_kind_at(json, "hint"), JSON_NULL, file, line);
}

void check_message(const char *part, const char *file, int line) {
    const char *message = failure ? ocireg_error_message(failure) : "";
    const char *hint = failure ? ocireg_error_hint(failure) : NULL;
    bool found = strstr(message, part) || (hint && strstr(hint, part));
    if (found) return;
    print_error("%s:%d: '%s' is not in the message '%s'\n", file, line, part, message);
    _fail(file, line);
}

static void wrong(const char *json, const char *path, const char *wanted, const char *file, int line) {
    print_error("%s:%d: '%s' is not %s in %s\n", file, line, path, wanted, json ? json : "(NULL)");
    _fail(file, line);
}

static bool has_kind(enum json_kind kind, const char *name) {
    static const char *const names[] = {"missing", "null", "bool", "number", "string", "array", "object"};
    const char *wanted = names[kind];
    size_t length = strcspn(name, "?");
    return (strlen(wanted) == length && strncmp(wanted, name, length) == 0) || (name[length] == '?' && kind == JSON_NULL);
}

void check_shape(const char *json, const char *shape, const char *file, int line) {
    char *copy = strdup(shape), *rest = copy;
    if (!json_is_valid(json)) wrong(json, "", "valid JSON", file, line);
    for (char *part; (part = strtok_r(rest, " ", &rest));) {
        char *kind = strchr(part, ':');
        *kind++ = '\0';
        if (!has_kind(json_kind_at(json, part), kind)) wrong(json, part, kind, file, line);
    }
    free(copy);
}

void check_string(const char *json, const char *path, const char *wanted, const char *file, int line) {
    char *found = json_string_at(json, path);
    bool same = found && wanted && strcmp(found, wanted) == 0;
    free(found);
    if (!same) wrong(json, path, wanted, file, line);
}

void check_number(const char *json, const char *path, long long wanted, const char *file, int line) {
    char number[32];
    snprintf(number, sizeof number, "%lld", wanted);
    if (json_kind_at(json, path) != JSON_NUMBER || json_number_at(json, path) != wanted) wrong(json, path, number, file, line);
}

void check_bool(const char *json, const char *path, bool wanted, const char *file, int line) {
    if (json_kind_at(json, path) != JSON_BOOL || json_is_true(json, path) != wanted) {
        wrong(json, path, wanted ? "true" : "false", file, line);
    }
}

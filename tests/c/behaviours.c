#include "behaviours.h"

struct known {
    struct known *next;
    char *name, *text;
};

static struct known *known;

char *behaviours_file(void) {
    const char *path = getenv("OCIREG_TEST_BEHAVIOURS");
    size_t size;
    char *bytes = (char *)read_file(path ? path : "tests/behaviours/behaviours.json", &size);
    char *json = calloc(1, size + 1);
    memcpy(json, bytes, size);
    if (!json_is_valid(json)) fail_msg("behaviours.json is not valid JSON");
    return json;
}

void know(const char *name, const char *text) {
    struct known *one = calloc(1, sizeof *one);
    *one = (struct known){.next = known, .name = strdup(name), .text = strdup(text)};
    known = one;
}

static const char *text_of(const char *name, size_t length) {
    for (struct known *one = known; one; one = one->next) {
        if (strlen(one->name) == length && strncmp(one->name, name, length) == 0) return one->text;
    }
    fail_msg("unknown name %.*s", (int)length, name);
    return "";
}

char *filled(const char *text) {
    char *out = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&out, &size);
    while (*text) {
        const char *end = strncmp(text, "${", 2) == 0 ? strchr(text, '}') : NULL;
        if (end) {
            fputs(text_of(text + 2, (size_t)(end - text - 2)), stream);
            text = end + 1;
        } else {
            fputc(*text++, stream);
        }
    }
    fclose(stream);
    return out;
}

char *step_text(const char *step, const char *name) {
    char *raw = json_string_at(step, name), *text = raw ? filled(raw) : NULL;
    free(raw);
    return text;
}

char *quoted(const void *text, size_t size) {
    char *out = NULL;
    size_t ignored = 0;
    FILE *stream = open_memstream(&out, &ignored);
    fputc('"', stream);
    for (const unsigned char *at = text; size > 0; at++, size--) {
        if (*at < 0x20 || *at == '"' || *at == '\\') fprintf(stream, "\\u%04x", *at);
        else fputc(*at, stream);
    }
    fputc('"', stream);
    fclose(stream);
    return out;
}

static bool same_text(const char *wanted, const char *got) {
    char *raw = json_string_at(wanted, ""), *text = filled(raw), *other = json_string_at(got, "");
    bool same = other && strcmp(text, other) == 0;
    free(raw);
    free(text);
    free(other);
    return same;
}

/* Whether the result contains everything that is wanted. */
static bool matches(const char *wanted, const char *got) {
    enum json_kind kind = json_kind_at(wanted, "");
    if (kind != json_kind_at(got, "")) return false;
    switch (kind) {
        case JSON_STRING: return same_text(wanted, got);
        case JSON_NUMBER: return json_number_at(wanted, "") == json_number_at(got, "");
        case JSON_BOOL: return json_is_true(wanted, "") == json_is_true(got, "");
        case JSON_NULL: return true;
        default: break;
    }
    size_t length = json_length(wanted, "");
    if (kind == JSON_ARRAY && length != json_length(got, "")) return false;
    bool same = true;
    for (size_t i = 0; same && i < length; i++) {
        char *name = json_name_at(wanted, i);
        const char *other = json_at(got, name);
        same = other && matches(json_at(wanted, name), other);
        free(name);
    }
    return same;
}

static bool has_element(const char *list, const char *element) {
    for (size_t i = 0; i < json_length(list, ""); i++) {
        char *name = json_name_at(list, i);
        bool found = matches(element, json_at(list, name));
        free(name);
        if (found) return true;
    }
    return false;
}

static char *because(const char *what, const char *text) {
    char *out = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&out, &size);
    fprintf(stream, "%s: %s", what, text ? text : "");
    fclose(stream);
    return out;
}

static char *judged_failure(const char *step, ocireg_error *error) {
    char *wanted = json_string_at(step, "fails"), *part = json_string_at(step, "says");
    const char *message = ocireg_error_message(error), *what = NULL;
    if (!wanted || strcmp(wanted, ocireg_error_name(error)) != 0) what = ocireg_error_name(error);
    else if (part && !strstr(message, part)) what = "part of the message is missing";
    else if (json_at(step, "http_status") && json_number_at(step, "http_status") != ocireg_error_http_status(error))
        what = "the HTTP status differs";
    free(wanted);
    free(part);
    return what ? because(what, message) : NULL;
}

char *judged(const char *step, const struct outcome *outcome) {
    if (outcome->status != OCIREG_OK) return judged_failure(step, outcome->error);
    const char *wanted = json_at(step, "gives");
    if (json_at(step, "fails")) return because("it succeeded", outcome->json);
    if (wanted && !matches(wanted, outcome->json)) return because("it gave", outcome->json);
    const char *elements = json_at(step, "contains");
    for (size_t i = 0; elements && i < json_length(elements, ""); i++) {
        char *name = json_name_at(elements, i);
        bool found = has_element(outcome->json, json_at(elements, name));
        free(name);
        if (!found) return because("it gave", outcome->json);
    }
    return NULL;
}

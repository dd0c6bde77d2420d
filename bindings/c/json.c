/* Shows: ocireg_json_parse, _kind, _size, _key, _item, _dump. */
#include "json.h"

#include <stdlib.h>

ocireg_json *json_parsed(const char *text)
{
    ocireg_json *json = NULL;
    return text != NULL && ocireg_json_parse(text, &json, NULL) == OCIREG_OK ? json : NULL;
}

static void new_line(FILE *file, size_t depth)
{
    fputc('\n', file);
    for (size_t i = 0; i < depth; i++)
        fputs("  ", file);
}

void json_write(FILE *file, const ocireg_json *json, const char *pointer)
{
    char *text = NULL;
    ocireg_json_dump(json, pointer, &text, NULL);
    fputs(text == NULL ? "null" : text, file);
    ocireg_string_free(text);
}

/* Whether each member has a name that C can hold. */
static bool has_names(const ocireg_json *object)
{
    for (size_t i = 0; i < ocireg_json_size(object, NULL); i++)
        if (ocireg_json_key(object, NULL, i) == NULL)
            return false;
    return true;
}

/* The library bounds the depth of documents. */
static void pretty(FILE *file, const ocireg_json *json, size_t depth)
{
    bool object = ocireg_json_kind(json, NULL) == OCIREG_JSON_OBJECT;
    size_t size = ocireg_json_size(json, NULL);
    if (size == 0 || (object && !has_names(json))) {
        json_write(file, json, NULL);
        return;
    }
    fputc(object ? '{' : '[', file);
    for (size_t i = 0; i < size; i++) {
        new_line(file, depth + 1);
        if (object) {
            json_quote(file, ocireg_json_key(json, NULL, i));
            fputs(": ", file);
        }
        pretty(file, ocireg_json_item(json, NULL, i), depth + 1);
        if (i + 1 < size)
            fputc(',', file);
    }
    new_line(file, depth);
    fputc(object ? '}' : ']', file);
}

void json_pretty(FILE *file, const char *text)
{
    ocireg_json *json = json_parsed(text);
    if (json == NULL)
        fputs(text, file);
    else
        pretty(file, json, 0);
    ocireg_json_free(json);
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

char *json_members(const ocireg_json *from, const char *const *names, size_t count)
{
    char *text = NULL;
    size_t size = 0, written = 0;
    FILE *memory = open_memstream(&text, &size);
    if (memory == NULL)
        return NULL;
    fputc('{', memory);
    for (size_t i = 0; i < count; i++) {
        char pointer[64];
        snprintf(pointer, sizeof pointer, "/%s", names[i]);
        if (ocireg_json_at(from, pointer) == NULL)
            continue;
        fprintf(memory, "%s\"%s\":", written++ == 0 ? "" : ",", names[i]);
        json_write(memory, from, pointer);
    }
    fputc('}', memory);
    if (fclose(memory) == 0)
        return text;
    free(text);
    return NULL;
}

#include "inspect.h"

#include "bar.h"
#include "output.h"
#include "style.h"

#include <string.h>

#define TITLE_WIDTH 13

/* "Title:       ", once for several lines. */
static void write_title(FILE *file, const char *title, bool first)
{
    bool style = style_wanted(file);
    int width = first ? (int)strlen(title) + 1 : 0;
    if (first)
        fprintf(file, "%s%s:%s", style ? STYLE_TITLE : "", title, style ? STYLE_END : "");
    fprintf(file, "%*s", TITLE_WIDTH - width, "");
}

static void write_value(FILE *file, const ocireg_json *value)
{
    const char *text = ocireg_json_text(value, NULL);
    char *dumped = NULL;
    if (text == NULL && ocireg_json_dump(value, NULL, &dumped, NULL) == OCIREG_OK)
        text = dumped;
    write_clean(file, text == NULL ? "" : text);
    ocireg_string_free(dumped);
}

/* A line with a value, if there is one. */
static void line(FILE *file, const char *title, const ocireg_json *image, const char *pointer)
{
    const ocireg_json *value = ocireg_json_at(image, pointer);
    const char *text = ocireg_json_text(value, NULL);
    if (value == NULL || ocireg_json_kind(value, NULL) == OCIREG_JSON_NULL || (text != NULL && *text == '\0'))
        return;
    write_title(file, title, true);
    write_value(file, value);
    fputc('\n', file);
}

/* A line for each item of a list. */
static void list(FILE *file, const char *title, const ocireg_json *image, const char *pointer)
{
    for (size_t i = 0; i < ocireg_json_size(image, pointer); i++) {
        write_title(file, title, i == 0);
        write_value(file, ocireg_json_item(image, pointer, i));
        fputc('\n', file);
    }
}

/* A line NAME=VALUE for each member of an object; of one whose values are empty objects, only the names. */
static void members(FILE *file, const char *title, const ocireg_json *image, const char *pointer)
{
    for (size_t i = 0; i < ocireg_json_size(image, pointer); i++) {
        const char *name = ocireg_json_key(image, pointer, i);
        const ocireg_json *value = ocireg_json_item(image, pointer, i);
        write_title(file, title, i == 0);
        write_clean(file, name == NULL ? "?" : name);
        if (ocireg_json_kind(value, NULL) != OCIREG_JSON_OBJECT) {
            fputc('=', file);
            write_value(file, value);
        }
        fputc('\n', file);
    }
}

/* A line for each item: two members of it, and its size. */
static void pairs(FILE *file, const char *title, const ocireg_json *image, const char *pointer, const char *first, const char *second)
{
    int width = 0;
    for (size_t i = 0; i < ocireg_json_size(image, pointer); i++) {
        const char *text = ocireg_json_text(ocireg_json_item(image, pointer, i), first);
        width = text != NULL && (int)strlen(text) > width ? (int)strlen(text) : width;
    }
    for (size_t i = 0; i < ocireg_json_size(image, pointer); i++) {
        const ocireg_json *item = ocireg_json_item(image, pointer, i);
        const char *text = ocireg_json_text(item, first), *more = ocireg_json_text(item, second);
        char bytes[HUMAN_SIZE];
        write_title(file, title, i == 0);
        write_clean(file, text == NULL ? "-" : text);
        fprintf(file, "%*s", width - (int)strlen(text == NULL ? "-" : text) + 2, "");
        human(bytes, sizeof bytes, ocireg_json_number(item, "/size", 0));
        write_clean(file, more == NULL ? "-" : more);
        fprintf(file, "  %s\n", bytes);
    }
}

static void size_line(FILE *file, const ocireg_json *image)
{
    double size = ocireg_json_number(image, "/size", -1);
    char bytes[HUMAN_SIZE];
    if (size < 0)
        return;
    human(bytes, sizeof bytes, size);
    write_title(file, "Size", true);
    if (size < 1024)
        fprintf(file, "%s\n", bytes);
    else
        fprintf(file, "%s (%.0f bytes)\n", bytes, size);
}

void inspect_page(FILE *file, const ocireg_json *image)
{
    list(file, "Name", image, "/names");
    line(file, "Digest", image, "/digest");
    line(file, "Type", image, "/mediaType");
    line(file, "Artifact", image, "/artifactType");
    pairs(file, "Platforms", image, "/platforms", "/platform", "/digest");
    if (ocireg_json_size(image, "/platforms") > 0)
        line(file, "Image", image, "/image");
    line(file, "Platform", image, "/platform");
    size_line(file, image);
    line(file, "Created", image, "/created");
    line(file, "Author", image, "/author");
    line(file, "Entrypoint", image, "/entrypoint");
    line(file, "Command", image, "/cmd");
    line(file, "User", image, "/user");
    line(file, "Folder", image, "/workdir");
    list(file, "Environment", image, "/env");
    members(file, "Ports", image, "/ports");
    members(file, "Volumes", image, "/volumes");
    members(file, "Labels", image, "/labels");
    members(file, "Annotations", image, "/annotations");
    pairs(file, "Layers", image, "/layers", "/digest", "/mediaType");
    pairs(file, "Referrers", image, "/referrers", "/digest", "/artifactType");
    list(file, "Served by", image, "/served_by");
}

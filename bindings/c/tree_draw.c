#include "tree.h"

#include "bar.h"
#include "output.h"
#include "style.h"

#include <string.h>

/* The lines on the left of a node, for as many steps as the command goes down. */
#define WIDEST 256

static void draw_text(FILE *file, const ocireg_json *node, const char *pointer)
{
    const char *text = ocireg_json_text(node, pointer);
    if (text == NULL)
        return;
    fputs("  ", file);
    write_clean(file, text);
}

static void draw_node(FILE *file, const ocireg_json *node)
{
    bool style = style_wanted(file);
    const char *type = ocireg_json_text(node, "/artifactType"), *digest = ocireg_json_text(node, "/digest");
    char bytes[HUMAN_SIZE];
    human(bytes, sizeof bytes, ocireg_json_number(node, "/size", 0));
    fputs(style ? STYLE_TITLE : "", file);
    write_clean(file, type == NULL ? "-" : type);
    fprintf(file, "%s  ", style ? STYLE_END : "");
    write_clean(file, digest == NULL ? "-" : digest);
    fprintf(file, "  %s", bytes);
    draw_text(file, node, "/annotations/org.opencontainers.image.created");
    fputc('\n', file);
}

static void draw_below(FILE *file, const ocireg_json *node, const char *left)
{
    size_t count = ocireg_json_size(node, "/referrers");
    for (size_t i = 0; i < count; i++) {
        const ocireg_json *item = ocireg_json_item(node, "/referrers", i);
        bool last = i + 1 == count;
        char further[WIDEST];
        fprintf(file, "%s%s", left, last ? "└── " : "├── ");
        draw_node(file, item);
        snprintf(further, sizeof further, "%s%s", left, last ? "    " : "│   ");
        draw_below(file, item, further);
    }
}

void tree_draw(FILE *file, const ocireg_json *root)
{
    const char *place = ocireg_json_text(root, "/place"), *digest = ocireg_json_text(root, "/digest");
    write_clean(file, place == NULL ? "?" : place);
    if (digest != NULL && (place == NULL || strstr(place, digest) == NULL))
        fprintf(file, "  %s", digest);
    fputc('\n', file);
    draw_below(file, root, "");
    if (ocireg_json_boolean(root, "/truncated", false))
        fputs("There may be more than is shown.\n", file);
}

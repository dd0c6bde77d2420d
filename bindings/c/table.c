#include "table.h"

#include <string.h>

/* More columns than any command has; further ones are not aligned. */
#define MOST_COLUMNS 16
#define GAP 2

/* In characters: the bytes that begin one in UTF-8. */
static int width_of(const char *text, size_t length)
{
    int width = 0;
    for (size_t i = 0; i < length; i++)
        width += ((unsigned char)text[i] & 0xc0) != 0x80;
    return width;
}

/* The widest cell of each column that another one follows. */
static void measure(const char *at, int widths[MOST_COLUMNS])
{
    for (size_t column = 0; *at != '\0'; at++) {
        size_t length = strcspn(at, "\t\n");
        int width = width_of(at, length);
        if (at[length] == '\t' && column < MOST_COLUMNS && width > widths[column])
            widths[column] = width;
        column = at[length] == '\t' ? column + 1 : 0;
        at += length;
        if (*at == '\0')
            return;
    }
}

void table_align(FILE *file, const char *lines)
{
    int widths[MOST_COLUMNS] = {0};
    size_t column = 0;
    if (lines == NULL)
        return;
    measure(lines, widths);
    while (*lines != '\0') {
        size_t length = strcspn(lines, "\t\n");
        fwrite(lines, 1, length, file);
        if (lines[length] == '\t' && column < MOST_COLUMNS)
            fprintf(file, "%*s", widths[column] - width_of(lines, length) + GAP, "");
        else if (lines[length] == '\t')
            fputc(' ', file);
        else
            fputc('\n', file);
        column = lines[length] == '\t' ? column + 1 : 0;
        lines += length + (lines[length] != '\0');
    }
}

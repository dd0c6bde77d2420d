/* Shows: ocireg_json_item, _size, _text, _integer, _number. */
#include "sync_plan.h"

#include "bar.h"
#include "output.h"
#include "style.h"
#include "table.h"

#include <stdlib.h>
#include <string.h>

static void write_image(FILE *file, const ocireg_json *image)
{
    const char *state = ocireg_json_text(image, "/state"), *to = ocireg_json_text(image, "/destination"), *digest = ocireg_json_text(image, "/digest");
    char bytes[HUMAN_SIZE];
    human(bytes, sizeof bytes, ocireg_json_number(image, "/bytes_copied", 0));
    fputs(state != NULL && strcmp(state, "failed") == 0 ? "" : "would be ", file);
    write_clean(file, state == NULL ? "" : state);
    fputc('\t', file);
    write_clean(file, to == NULL ? "" : to);
    fputc('\t', file);
    write_clean(file, digest == NULL ? "" : digest);
    fprintf(file, "\t%s\n", state != NULL && strcmp(state, "copied") == 0 ? bytes : "");
}

static void write_all(FILE *file, const ocireg_json *synced)
{
    int64_t left_out = ocireg_json_integer(synced, "/images_left_out", 0);
    char bytes[HUMAN_SIZE];
    human(bytes, sizeof bytes, ocireg_json_number(synced, "/blobs/bytes_copied", 0));
    fprintf(file, "in all: %lld would be copied, %lld are there, %lld would be pruned, %lld failed; %s would be moved",
            (long long)ocireg_json_integer(synced, "/tags/copied", 0), (long long)ocireg_json_integer(synced, "/tags/skipped", 0),
            (long long)ocireg_json_integer(synced, "/tags/pruned", 0), (long long)ocireg_json_integer(synced, "/tags/failed", 0), bytes);
    if (left_out > 0)
        fprintf(file, "; %lld are not listed", (long long)left_out);
    fputc('\n', file);
}

bool sync_plan(FILE *file, const ocireg_json *synced)
{
    char *lines = NULL;
    size_t size = 0;
    FILE *memory = open_memstream(&lines, &size);
    bool written = false;
    if (memory == NULL)
        return false;
    for (size_t i = 0; i < ocireg_json_size(synced, "/images"); i++)
        write_image(memory, ocireg_json_item(synced, "/images", i));
    write_all(memory, synced);
    written = ferror(memory) == 0;
    written = fclose(memory) == 0 && written;
    if (written && is_terminal(file))
        table_align(file, lines);
    else if (written)
        fputs(lines, file);
    free(lines);
    return written;
}

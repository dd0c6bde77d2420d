#include "bar.h"

#include "clock.h"
#include "json.h"
#include "output.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define INTERVAL 100
#define WIDEST_LINE 100
#define NUMBERS 48 /* room for the figures beside the bar */

static int line_width(void)
{
    struct winsize size;
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
        return 80;
    return size.ws_col < WIDEST_LINE ? size.ws_col : WIDEST_LINE;
}

void human(char *text, size_t size, double bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    size_t unit = 0;
    for (; bytes >= 1024 && unit + 1 < sizeof units / sizeof *units; unit++)
        bytes /= 1024;
    snprintf(text, size, "%.*f %s", unit == 0 ? 0 : 1, bytes, units[unit]);
}

static void figures(const struct bar *bar, char *text, size_t size, uint64_t done, uint64_t total)
{
    int64_t time = bar->painted - bar->began;
    char have[HUMAN_SIZE], all[HUMAN_SIZE], speed[HUMAN_SIZE];
    human(have, sizeof have, (double)done);
    human(all, sizeof all, (double)total);
    human(speed, sizeof speed, time > 0 && done > bar->first ? (double)(done - bar->first) * 1000 / (double)time : 0);
    if (total > 0)
        snprintf(text, size, "%s / %s  %s/s", have, all, speed);
    else
        snprintf(text, size, "%s  %s/s", have, speed);
}

static double part_of(uint64_t done, uint64_t total)
{
    return total > 0 ? (double)(done < total ? done : total) / (double)total : 0;
}

/* "[#####     ]  50%" */
static void draw_cells(int cells, double part)
{
    static const char full[] = "##################################################" /* 50 */
                               "##################################################";
    int marked = (int)(part * cells);
    fprintf(stderr, "[%.*s%*s] %3d%%", marked, full, cells - marked, "", (int)(part * 100));
}

/* Moves the cursor to the first drawn line. */
static void go_up(const struct bar *bar)
{
    fputc('\r', stderr);
    if (bar->above > 0)
        fprintf(stderr, "\033[%dA", bar->above);
}

static void draw_blob(const struct bar_blob *blob, int cells)
{
    const char *hex = strchr(blob->digest, ':');
    char have[HUMAN_SIZE], all[HUMAN_SIZE];
    human(have, sizeof have, (double)blob->done);
    human(all, sizeof all, (double)blob->size);
    draw_cells(cells, part_of(blob->done, blob->size));
    fprintf(stderr, "  %.12s  %s / %s\033[K\n", hex != NULL ? hex + 1 : blob->digest, have, all);
}

static void draw(struct bar *bar, uint64_t done, uint64_t total)
{
    char text[80];
    int width = line_width() - 1, cells = width - NUMBERS - 8, above = 0, i;
    bool wide = total > 0 && cells >= 10;
    figures(bar, text, sizeof text, done, total);
    output_write_begins();
    go_up(bar);
    for (i = 0; wide && i < BAR_MOST_BLOBS; i++)
        if (bar->blobs[i].digest[0] != '\0') {
            draw_blob(&bar->blobs[i], cells);
            above++;
        }
    if (wide) {
        draw_cells(cells, part_of(done, total));
        fprintf(stderr, "  %s\033[J", text);
    } else {
        fprintf(stderr, "%.*s\033[J", width, text);
    }
    bar->above = above;
    fflush(stderr);
    output_write_ends();
}

static uint64_t number_of(const ocireg_json *event, const char *pointer)
{
    return (uint64_t)ocireg_json_integer(event, pointer, 0);
}

void bar_note_blob(struct bar *bar, const char *text)
{
    ocireg_json *event = json_parsed(text);
    const char *digest = ocireg_json_text(event, "/digest"), *state = ocireg_json_text(event, "/state");
    struct bar_blob *place = NULL;
    int i;
    if (digest == NULL || state == NULL || digest[0] == '\0')
        goto end;
    /* The blob's line, or a free one. When there are more blobs than lines, the rest are shown only in the total. */
    for (i = 0; i < BAR_MOST_BLOBS; i++)
        if (strncmp(bar->blobs[i].digest, digest, sizeof bar->blobs[i].digest - 1) == 0) {
            place = &bar->blobs[i];
            break;
        } else if (place == NULL && bar->blobs[i].digest[0] == '\0') {
            place = &bar->blobs[i];
        }
    if (place == NULL)
        goto end;
    if (strcmp(state, "begun") == 0 || strcmp(state, "moving") == 0) {
        snprintf(place->digest, sizeof place->digest, "%s", digest);
        place->done = number_of(event, "/done");
        place->size = number_of(event, "/size");
    } else {
        memset(place, 0, sizeof *place);
    }
end:
    ocireg_json_free(event);
}

void bar_update(struct bar *bar, uint64_t done, uint64_t total)
{
    int64_t time = clock_ms();
    if (bar->began == 0) {
        bar->began = time;
        bar->first = done;
    }
    if (time - bar->painted < INTERVAL)
        return;
    bar->painted = time;
    draw(bar, done, total);
    bar->drawn = true;
}

void bar_clear(struct bar *bar)
{
    if (bar->drawn) {
        output_write_begins();
        go_up(bar);
        fputs("\033[J", stderr);
        output_write_ends();
    }
    bar->drawn = false;
    bar->above = 0;
}

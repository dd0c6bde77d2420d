/* A progress bar on standard error, and above it one for each blob in transfer. */
#ifndef OCIREG_COMMAND_BAR_H
#define OCIREG_COMMAND_BAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BAR_MOST_BLOBS 8
#define HUMAN_SIZE 24

struct bar_blob {
    char digest[72]; /* empty: none */
    uint64_t done, size;
};

struct bar {
    bool drawn;       /* it is on the screen now */
    int above;        /* lines of blobs above it, on the screen now */
    struct bar_blob blobs[BAR_MOST_BLOBS];
    int64_t began;    /* milliseconds of a clock that never jumps; 0 before the first byte */
    int64_t painted;  /* when it was last drawn */
    uint64_t first;   /* bytes present at the start: they must not make a resumed transfer look fast */
};

/* Writes a number of bytes: "12.3 MiB". */
void human(char *text, size_t size, double bytes);

/* Draws the bar, at most ten times a second. `total` is 0 while unknown. */
void bar_update(struct bar *bar, uint64_t done, uint64_t total);
/* Takes an event of ocireg_context_set_blob_progress and shows it with the bar. */
void bar_note_blob(struct bar *bar, const char *event);
/* Removes the bar from the screen, before anything else is written there. */
void bar_clear(struct bar *bar);

#endif

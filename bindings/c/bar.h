/* A progress bar on standard error. */
#ifndef OCIREG_COMMAND_BAR_H
#define OCIREG_COMMAND_BAR_H

#include <stdbool.h>
#include <stdint.h>

struct bar {
    bool drawn;       /* it is on the screen now */
    int64_t began;    /* milliseconds of a clock that never jumps; 0 before the first byte */
    int64_t painted;  /* when it was last drawn */
    uint64_t first;   /* bytes that were there at the beginning: a resumed transfer must not look fast */
};

/* Draws the bar, at most ten times a second. `total` is 0 while unknown. */
void bar_update(struct bar *bar, uint64_t done, uint64_t total);
/* Takes the bar off the screen, before anything else is written there. */
void bar_clear(struct bar *bar);

#endif

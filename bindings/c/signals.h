/* Ctrl-C: the first cancels the call, which then cleans up; a second one ends the command at once. Where the command
 * itself is blocked by output that is not read, Ctrl-C and the deadline end it too. */
#ifndef OCIREG_COMMAND_SIGNALS_H
#define OCIREG_COMMAND_SIGNALS_H

#include "output.h"

#include <ocireg.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>

struct watcher {
    pthread_t thread;
    bool running;
    sigset_t before; /* the signals that were blocked before */
    sigset_t watched;
    ocireg_context *context;
    const struct output *output;
    int64_t end; /* the deadline, by clock_ms(); 0: never */
    atomic_bool stop, cancelled;
};

/* Starts watching; returns 0 or an errno. Called before anything else makes threads, because they inherit the
 * blocked signals. `end` is when the deadline is over, 0 for never. */
int watcher_start(struct watcher *watcher, ocireg_context *context, const struct output *output, int64_t end);
/* Must be called before the context is freed. */
void watcher_stop(struct watcher *watcher);

#endif

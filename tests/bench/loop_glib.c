/* GLib's main loop, for loops.c. */
#include "loop.h"

#include <glib-unix.h>

const char loop_name[] = "glib";

static GMainLoop *loop;
static void (*tick)(void);
static bool (*take)(int fd);

static gboolean on_tick(gpointer nothing) {
    (void)nothing;
    tick();
    return G_SOURCE_CONTINUE;
}

static gboolean on_events(gint fd, GIOCondition condition, gpointer nothing) {
    (void)condition, (void)nothing;
    if (!take(fd)) g_main_loop_quit(loop);
    return G_SOURCE_CONTINUE;
}

void loop_run(const int fds[2], void (*ticked)(void), bool (*ready)(int fd)) {
    loop = g_main_loop_new(NULL, FALSE), tick = ticked, take = ready;
    guint sources[] = {g_timeout_add(5, on_tick, NULL), g_unix_fd_add(fds[0], G_IO_IN, on_events, NULL), g_unix_fd_add(fds[1], G_IO_IN, on_events, NULL)};
    g_main_loop_run(loop);
    for (int i = 0; i < 3; i++) g_source_remove(sources[i]);
    g_main_loop_unref(loop);
}

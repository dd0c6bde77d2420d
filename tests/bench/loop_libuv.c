/* libuv, for loops.c. */
#include "loop.h"

#include <uv.h>

const char loop_name[] = "libuv";

static int descriptors[2];
static uv_poll_t polls[2];
static uv_timer_t timer;
static void (*tick)(void);
static bool (*take)(int fd);

static void on_tick(uv_timer_t *it) {
    (void)it;
    tick();
}

static void on_events(uv_poll_t *poll, int status, int events) {
    (void)status, (void)events;
    if (!take(descriptors[poll == &polls[1]])) uv_stop(uv_default_loop());
}

void loop_run(const int fds[2], void (*ticked)(void), bool (*ready)(int fd)) {
    uv_loop_t *loop = uv_default_loop();
    tick = ticked, take = ready;
    uv_timer_init(loop, &timer);
    uv_timer_start(&timer, on_tick, 5, 5);
    for (int i = 0; i < 2; i++) {
        descriptors[i] = fds[i];
        uv_poll_init(loop, &polls[i], fds[i]);
        uv_poll_start(&polls[i], UV_READABLE, on_events);
    }
    uv_run(loop, UV_RUN_DEFAULT);
    for (int i = 0; i < 2; i++) uv_close((uv_handle_t *)&polls[i], NULL);
    uv_close((uv_handle_t *)&timer, NULL);
    uv_run(loop, UV_RUN_NOWAIT);
}

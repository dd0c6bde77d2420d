/* sd-event, for loops.c. */
#include "loop.h"

#include <sys/epoll.h>
#include <systemd/sd-event.h>
#include <time.h>

const char loop_name[] = "sd-event";

static sd_event *loop;
static void (*tick)(void);
static bool (*take)(int fd);

static int on_tick(sd_event_source *source, uint64_t time, void *nothing) {
    (void)nothing;
    tick();
    sd_event_source_set_time(source, time + 5000);
    return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

static int on_events(sd_event_source *source, int fd, uint32_t events, void *nothing) {
    (void)source, (void)events, (void)nothing;
    return take(fd) ? 0 : sd_event_exit(loop, 0);
}

void loop_run(const int fds[2], void (*ticked)(void), bool (*ready)(int fd)) {
    uint64_t time = 0;
    tick = ticked, take = ready;
    sd_event_default(&loop);
    sd_event_now(loop, CLOCK_MONOTONIC, &time);
    sd_event_add_time(loop, NULL, CLOCK_MONOTONIC, time + 5000, 1, on_tick, NULL);
    for (int i = 0; i < 2; i++) sd_event_add_io(loop, NULL, fds[i], EPOLLIN, on_events, NULL);
    sd_event_loop(loop);
    sd_event_unref(loop);
}

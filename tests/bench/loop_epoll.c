/* epoll by hand, for loops.c. */
#include "loop.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

const char loop_name[] = "epoll";

void loop_run(const int fds[2], void (*ticked)(void), bool (*ready)(int fd)) {
    int loop = epoll_create1(EPOLL_CLOEXEC), tick = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    const int all[] = {fds[0], fds[1], tick};
    timerfd_settime(tick, 0, &(struct itimerspec){{0, 5000000}, {0, 5000000}}, NULL);
    for (int i = 0; i < 3; i++) epoll_ctl(loop, EPOLL_CTL_ADD, all[i], &(struct epoll_event){.events = EPOLLIN, .data.fd = all[i]});
    for (bool left = true; left;) {
        struct epoll_event event;
        uint64_t count;
        if (epoll_wait(loop, &event, 1, -1) != 1) continue;
        if (event.data.fd != tick) left = ready(event.data.fd);
        else if (read(tick, &count, sizeof count) == sizeof count) ticked();
    }
    close(tick), close(loop);
}

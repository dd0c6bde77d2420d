/* Shows: ocireg_context_cancel.
 *
 * A thread waits for the signals, so that a deadline and output that is not read can end the command too. Without one, a signal handler
 * would call it. */
#include "signals.h"

#include "clock.h"

#include <errno.h>
#include <unistd.h>

/* Sent to the watcher alone, to tell it that the call is over. */
#define WAKE SIGUSR1
/* How long output may stay blocked after the command should have ended, in milliseconds. */
#define GLANCE 50

/* A signal that the parent had ignored (nohup, a script's background job) stays ignored. */
static void add_unless_ignored(sigset_t *signals, int number)
{
    struct sigaction action;
    if (sigaction(number, NULL, &action) == 0 && action.sa_handler != SIG_IGN)
        sigaddset(signals, number);
}

/* The error by which the command should have ended; OCIREG_OK if it need not end. */
static ocireg_status is_over(struct watcher *watcher)
{
    if (atomic_load(&watcher->cancelled))
        return OCIREG_CANCELLED;
    return watcher->end > 0 && watcher->end <= clock_ms() ? OCIREG_TIMEOUT : OCIREG_OK;
}

/* The next signal; 0 when it is time to check again. */
static int next_signal(struct watcher *watcher)
{
    int64_t left = is_over(watcher) != OCIREG_OK ? GLANCE : watcher->end - clock_ms();
    struct timespec wait;
    int number;
    if (watcher->end == 0 && is_over(watcher) == OCIREG_OK)
        return sigwait(&watcher->watched, &number) == 0 ? number : -1;
    left = left < 1 ? 1 : left;
    wait.tv_sec = (time_t)(left / 1000);
    wait.tv_nsec = (long)(left % 1000) * 1000000;
    number = sigtimedwait(&watcher->watched, NULL, &wait);
    return number >= 0 ? number : errno == EAGAIN || errno == EINTR ? 0 : -1;
}

/* The library leaves its calls on its own. Our own write that is not read can only be ended by ending the process;
 * perhaps the report of that is not read either. */
static void leave_what_holds(struct watcher *watcher, unsigned *seen)
{
    ocireg_status over = is_over(watcher);
    unsigned now = output_write_under_way();
    if (over != OCIREG_OK && now != 0 && now == *seen) {
        report_if_read(watcher->output, over, over == OCIREG_CANCELLED ? "the call was cancelled while its output was not being read"
                                                                       : "the deadline has passed while the output was not being read");
        _exit(over);
    }
    *seen = over == OCIREG_OK ? 0 : now;
}

static void *watch(void *argument)
{
    struct watcher *watcher = argument;
    unsigned seen = 0;
    int number;
    while ((number = next_signal(watcher)) >= 0 && !atomic_load(&watcher->stop)) {
        if (number != 0 && number != WAKE) {
            if (atomic_exchange(&watcher->cancelled, true))
                _exit(OCIREG_CANCELLED);
            ocireg_context_cancel(watcher->context, NULL);
        }
        leave_what_holds(watcher, &seen);
    }
    return NULL;
}

int watcher_start(struct watcher *watcher, ocireg_context *context, const struct output *output, int64_t end)
{
    int reason;
    watcher->context = context;
    watcher->output = output;
    watcher->end = end;
    sigemptyset(&watcher->watched);
    sigaddset(&watcher->watched, WAKE);
    add_unless_ignored(&watcher->watched, SIGINT);
    add_unless_ignored(&watcher->watched, SIGTERM);
    reason = pthread_sigmask(SIG_BLOCK, &watcher->watched, &watcher->before);
    if (reason != 0)
        return reason;
    reason = pthread_create(&watcher->thread, NULL, watch, watcher);
    watcher->running = reason == 0;
    if (!watcher->running)
        pthread_sigmask(SIG_SETMASK, &watcher->before, NULL);
    return reason;
}

void watcher_stop(struct watcher *watcher)
{
    if (!watcher->running)
        return;
    atomic_store(&watcher->stop, true);
    pthread_kill(watcher->thread, WAKE);
    pthread_join(watcher->thread, NULL);
    pthread_sigmask(SIG_SETMASK, &watcher->before, NULL);
    watcher->running = false;
}

/* Shows: ocireg_context_cancel.
 *
 * It takes locks, so it may not be called in a signal handler. A thread that waits for the signals may. */
#include "signals.h"

#include <unistd.h>

/* Sent to the watcher alone, to tell it that the call is over. */
#define WAKE SIGUSR1

/* A signal that the parent had ignored (nohup, a script's background job) stays ignored. */
static void add_unless_ignored(sigset_t *signals, int number)
{
    struct sigaction action;
    if (sigaction(number, NULL, &action) == 0 && action.sa_handler != SIG_IGN)
        sigaddset(signals, number);
}

static void *watch(void *argument)
{
    struct watcher *watcher = argument;
    int number;
    while (sigwait(&watcher->watched, &number) == 0 && !atomic_load(&watcher->stop)) {
        if (number == WAKE)
            continue;
        if (atomic_exchange(&watcher->cancelled, true))
            _exit(OCIREG_CANCELLED);
        ocireg_context_cancel(watcher->context, NULL);
    }
    return NULL;
}

bool watcher_start(struct watcher *watcher, ocireg_context *context)
{
    watcher->context = context;
    sigemptyset(&watcher->watched);
    sigaddset(&watcher->watched, WAKE);
    add_unless_ignored(&watcher->watched, SIGINT);
    add_unless_ignored(&watcher->watched, SIGTERM);
    if (pthread_sigmask(SIG_BLOCK, &watcher->watched, &watcher->before) != 0)
        return false;
    watcher->running = pthread_create(&watcher->thread, NULL, watch, watcher) == 0;
    if (!watcher->running)
        pthread_sigmask(SIG_SETMASK, &watcher->before, NULL);
    return watcher->running;
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

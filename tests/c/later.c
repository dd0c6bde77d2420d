#include "later.h"

#include <signal.h>
#include <unistd.h>

static void cancel(void *context) {
    ocireg_context_cancel(context, NULL);
}

static void close_client(void *client) {
    ocireg_client_close(client, NULL);
}

static void interrupt(void *thread) {
    pthread_kill(*(const pthread_t *)thread, SIGINT);
}

static void *run(void *argument) {
    struct later *later = argument;
    if (later->peer) peer_wait(later->peer, later->requests, allowed_ms(5000));
    usleep((useconds_t)(later->wait_ms * 1000));
    later->done_at = now_ms();
    later->act(later->object);
    return NULL;
}

static void start(struct later *later, struct later plan) {
    *later = plan;
    assert_int_equal(pthread_create(&later->thread, NULL, run, later), 0);
}

void later_cancel(struct later *later, ocireg_context *context, struct peer *peer, size_t requests, double wait_ms) {
    start(later, (struct later){.act = cancel, .object = context, .peer = peer, .requests = requests, .wait_ms = wait_ms});
}

void later_interrupt(struct later *later, const pthread_t *thread, struct peer *peer, size_t requests, double wait_ms) {
    void *object = (void *)(uintptr_t)thread;
    start(later, (struct later){.act = interrupt, .object = object, .peer = peer, .requests = requests, .wait_ms = wait_ms});
}

void later_close(struct later *later, ocireg_client *client, struct peer *peer, size_t requests, double wait_ms) {
    start(later, (struct later){.act = close_client, .object = client, .peer = peer, .requests = requests, .wait_ms = wait_ms});
}

void was_prompt(struct later *later) {
    double ended = now_ms();
    pthread_join(later->thread, NULL);
    double took = ended - later->done_at;
    if (took < 0) fail_msg("the call ended %.0f ms before it was interrupted", -took);
    if (took > allowed_ms(200)) fail_msg("the call ended %.0f ms after it was interrupted", took);
}

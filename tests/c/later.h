/* An action on another thread a little later, with the time when it happened. */
#ifndef OCIREG_TEST_LATER_H
#define OCIREG_TEST_LATER_H

#include <pthread.h>

#include "common.h"
#include "peer.h"

struct later {
    pthread_t thread;
    void (*act)(void *object);
    void *object;
    struct peer *peer;  /* not before it has received that many requests */
    size_t requests;
    double wait_ms;     /* and then so many milliseconds later */
    double done_at;
};

void later_cancel(struct later *later, ocireg_context *context, struct peer *peer, size_t requests, double wait_ms);
/* SIGINT, delivered to this thread. */
void later_interrupt(struct later *later, const pthread_t *thread, struct peer *peer, size_t requests, double wait_ms);
void later_close(struct later *later, ocireg_client *client, struct peer *peer, size_t requests, double wait_ms);

/* To be called right after the interrupted call: checks that it ended within 200 ms of the action, and not before
 * it. */
void was_prompt(struct later *later);

#endif

/* Every function that blocks, as a job: it starts at once, while the registry still owes its answer, and comes to its end. A
 * function that has no such form fails here. */
#include "calls.h"
#include "jobs.h"

#include <fcntl.h>
#include <unistd.h>

static bool may_block(const struct call *call) {
    return strncmp(call->kinds, "Cx", 2) == 0;
}

/* The arguments of a call as the job makes it, which has the results itself. */
static void as_job(struct arguments *live, const struct call *call, ocireg_job *job, void **arguments) {
    fill_in(live, call, arguments);
    arguments[1] = ocireg_job_context(job);
    for (size_t i = 0; call->kinds[i]; i++)
        if (strchr("onz", call->kinds[i])) arguments[i] = NULL;
}

static void start(struct arguments *live, const struct call *call, ocireg_job *job) {
    void *arguments[MOST_ARGUMENTS] = {0};
    as_job(live, call, job, arguments);
    forget_failure();
    ocireg_status status = call->run(arguments, &failure);
    if (status != OCIREG_OK) fail_msg("%s does not begin as a job: %s", call->name, ocireg_error_message(failure));
}

static void expect_done(ocireg_client *client, const struct call *call, ocireg_job *job) {
    ocireg_job *ended = NULL;
    int event;
    do event = next_event(client, &ended, allowed_ms(20000));
    while (event != OCIREG_EVENT_DONE && event != OCIREG_EVENT_NONE);
    if (event != OCIREG_EVENT_DONE || ended != job) fail_msg("%s has no end", call->name);
    if (ocireg_job_status(job) == OCIREG_BUSY) fail_msg("%s has ended and is busy", call->name);
}

static void bring_back(void *kept) {
    fflush(stdout);
    dup2(*(int *)kept, 1);
    close(*(int *)kept);
}

/* Some calls of the table write to standard output. */
static void silence_output(void) {
    static int kept;
    int nowhere = open("/dev/null", O_WRONLY);
    fflush(stdout);
    kept = dup(1);
    dup2(nowhere, 1);
    close(nowhere);
    keep(&kept, bring_back);
}

/* With a real registry each comes to an end of its own. */
static void test_each_ends(void **state) {
    (void)state;
    silence_output();
    struct arguments *live = live_arguments();
    size_t ended = 0;
    for (size_t i = 0; i < call_count; i++) {
        if (!may_block(&calls[i])) continue;
        ocireg_job *job = new_job(live->client, NULL);
        start(live, &calls[i], job);
        expect_done(live->client, &calls[i], job);
        ended++;
    }
    assert_true(ended >= 80);
}

/* With one that says nothing each start returns all the same: all of them wait at once, or in the queue, and end when they are cancelled. */
static void test_each_starts_while_the_registry_is_silent(void **state) {
    (void)state;
    struct arguments *live = live_arguments();
    struct peer *peer = peer_start(&silent, 1);
    live->client = plain_client();
    live->repository = text("%s/a", peer_host(peer));
    ocireg_job **jobs = keep(calloc(call_count, sizeof(ocireg_job *)), free);
    size_t waiting = 0, ended = 0, begun = 0;
    for (size_t i = 0; i < call_count; i++) {
        if (!may_block(&calls[i])) continue;
        jobs[i] = new_job(live->client, NULL);
        start(live, &calls[i], jobs[i]);
        begun++;
    }
    assert_true(peer_wait(peer, 1, allowed_ms(5000)));
    for (size_t i = 0; i < call_count; i++) {
        if (!jobs[i]) continue;
        waiting += ocireg_job_status(jobs[i]) == OCIREG_BUSY;
        expect_status(OCIREG_OK, ocireg_job_cancel(jobs[i], &failure));
    }
    assert_true(waiting > begun / 2); /* the others are about files, or about another registry */
    while (ended < begun) {
        ocireg_job *job = NULL;
        int event = next_event(live->client, &job, allowed_ms(20000));
        if (event == OCIREG_EVENT_NONE) fail_msg("%zu of %zu have no end", begun - ended, begun);
        ended += event == OCIREG_EVENT_DONE;
    }
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {test(test_each_ends), test(test_each_starts_while_the_registry_is_silent)};
    return run_all(tests, argc, argv);
}

/* The digests of several images at once, from one thread that never waits for one of them: jobs in libuv's loop.
 *
 *     cc loop_libuv.c $(pkg-config --cflags --libs ocireg libuv) -o loop_libuv
 *     ./loop_libuv docker.io/library/busybox quay.io/prometheus/busybox:latest
 */
#include <ocireg.h>
#include <stdio.h>
#include <uv.h>

static int failures;

/* Begins a call, which returns at once; what becomes of it is an event. */
static void begin(ocireg_client *client, char *reference) {
    ocireg_job *job = NULL;
    ocireg_error *error = NULL;
    if (ocireg_job_new(client, NULL, reference, &job, &error) == OCIREG_OK &&
        ocireg_manifest_digest(client, ocireg_job_context(job), reference, NULL, NULL, &error) == OCIREG_OK)
        return;
    fprintf(stderr, "%s: %s\n", reference, ocireg_error_message(error));
    ocireg_error_free(error);
    ocireg_job_free(job);
    failures++;
}

/* Takes all that has happened; returns how many jobs have ended. */
static int take_events(ocireg_client *client) {
    ocireg_job *job;
    int event, ended = 0;
    while (ocireg_client_next_event(client, &job, &event, NULL) == OCIREG_OK && job) {
        if (event != OCIREG_EVENT_DONE) continue;
        const char *reference = ocireg_job_userdata(job);
        if (ocireg_job_status(job) == OCIREG_OK)
            printf("%s %s\n", reference, ocireg_job_json(job));
        else
            failures++, fprintf(stderr, "%s: %s\n", reference, ocireg_error_message(ocireg_job_error(job)));
        ocireg_job_free(job);
        ended++;
    }
    return ended;
}

static int left;

static void on_events(uv_poll_t *poll, int status, int events) {
    (void)status, (void)events;
    left -= take_events(poll->data);
    if (left == 0) uv_close((uv_handle_t *)poll, NULL);
}

int main(int argc, char **argv) {
    ocireg_client *client = NULL;
    uv_poll_t poll;
    int fd = -1;
    if (ocireg_client_new(NULL, &client, NULL) != OCIREG_OK || ocireg_client_fd(client, &fd, NULL) != OCIREG_OK) return 1;
    uv_loop_t *loop = uv_default_loop();
    uv_poll_init(loop, &poll, fd);
    poll.data = client;
    uv_poll_start(&poll, UV_READABLE, on_events);
    for (int i = 1; i < argc; i++) begin(client, argv[i]);
    left = argc - 1 - failures;
    if (left == 0) uv_close((uv_handle_t *)&poll, NULL);
    uv_run(loop, UV_RUN_DEFAULT);
    uv_loop_close(loop);
    ocireg_client_free(client);
    return failures > 0;
}

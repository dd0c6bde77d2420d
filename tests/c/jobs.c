#include "jobs.h"

#include <poll.h>

const struct answer silent = {.then = PEER_SILENT};

void free_job(void *job) {
    ocireg_job_free(job);
}

ocireg_job *new_job(ocireg_client *client, const char *json) {
    ocireg_job *job = NULL;
    expect_status(OCIREG_OK, ocireg_job_new(client, json ? options("%s", json) : NULL, NULL, &job, &failure));
    return keep(job, free_job);
}

int descriptor_of(ocireg_client *client) {
    int fd = -1;
    expect_status(OCIREG_OK, ocireg_client_fd(client, &fd, &failure));
    return fd;
}

bool can_be_read(ocireg_client *client, double milliseconds) {
    struct pollfd waiting = {.fd = descriptor_of(client), .events = POLLIN};
    return poll(&waiting, 1, (int)milliseconds) == 1 && waiting.revents == POLLIN;
}

int next_event(ocireg_client *client, ocireg_job **job, double milliseconds) {
    int event = OCIREG_EVENT_NONE;
    *job = NULL;
    if (can_be_read(client, milliseconds))
        expect_status(OCIREG_OK, ocireg_client_next_event(client, job, &event, &failure));
    assert_int_equal(event == OCIREG_EVENT_NONE, *job == NULL);
    return event;
}

void expect_end(ocireg_client *client, ocireg_job *job, ocireg_status wanted) {
    ocireg_job *other;
    assert_int_equal(next_event(client, &other, allowed_ms(20000)), OCIREG_EVENT_DONE);
    assert_ptr_equal(other, job);
    const ocireg_error *error = ocireg_job_error(job);
    if (ocireg_job_status(job) != wanted && error) print_error("%s\n", ocireg_error_message(error));
    assert_int_equal(ocireg_job_status(job), wanted);
    assert_int_equal(error ? ocireg_error_code(error) : OCIREG_OK, wanted);
}

ocireg_client *plain_client(void) {
    return new_client("{'plain_http':true}");
}

/* job REFERENCE: the digest of a manifest, without a call that waits: the program's own loop does. */
#include <ocireg.h>
#include <poll.h>
#include <stdio.h>

int main(int count, char **arguments)
{
    ocireg_client *client = NULL;
    ocireg_job *job = NULL, *about = NULL;
    ocireg_error *error = NULL;
    struct pollfd ready = {.fd = -1, .events = POLLIN};
    int32_t event = OCIREG_EVENT_NONE;
    if (count != 2) {
        fputs("usage: job REFERENCE\n", stderr);
        return 64;
    }
    ocireg_status status = ocireg_client_new(NULL, &client, &error);
    if (status == OCIREG_OK)
        status = ocireg_client_fd(client, &ready.fd, &error);
    if (status == OCIREG_OK)
        status = ocireg_job_new(client, NULL, NULL, &job, &error);
    if (status == OCIREG_OK)
        status = ocireg_manifest_digest(client, ocireg_job_context(job), arguments[1], NULL, NULL, &error);
    while (status == OCIREG_OK && event != OCIREG_EVENT_DONE) {
        poll(&ready, 1, -1);
        status = ocireg_client_next_event(client, &about, &event, &error);
    }
    /* The errors so far are of the functions; the call that was begun has its own. */
    const ocireg_error *why = error;
    if (status == OCIREG_OK && (status = ocireg_job_status(job)) != OCIREG_OK)
        why = ocireg_job_error(job);
    if (status == OCIREG_OK)
        puts(ocireg_job_json(job));
    else
        fprintf(stderr, "%s: %s\n", ocireg_error_name(why), ocireg_error_message(why));
    ocireg_error_free(error);
    ocireg_job_free(job);
    ocireg_client_free(client);
    return status;
}

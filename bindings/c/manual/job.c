/* job REFERENCE: the digest of a manifest, without a call that waits: the program's own loop does. */
#include <ocireg.h>
#include <poll.h>
#include <stdio.h>

int main(int count, char **arguments)
{
    ocireg_client *client = NULL;
    ocireg_job *job = NULL, *about = NULL;
    struct pollfd ready = {.fd = -1, .events = POLLIN};
    int32_t event = OCIREG_EVENT_NONE;
    if (count != 2 || ocireg_client_new(NULL, &client, NULL) != OCIREG_OK || ocireg_client_fd(client, &ready.fd, NULL) != OCIREG_OK ||
        ocireg_job_new(client, NULL, NULL, &job, NULL) != OCIREG_OK)
        return 1;
    if (ocireg_manifest_digest(client, ocireg_job_context(job), arguments[1], NULL, NULL, NULL) == OCIREG_OK)
        while (event != OCIREG_EVENT_DONE) {
            poll(&ready, 1, -1);
            if (ocireg_client_next_event(client, &about, &event, NULL) != OCIREG_OK)
                break;
        }
    int result = ocireg_job_status(job);
    if (result == OCIREG_OK)
        puts(ocireg_job_json(job));
    else if (ocireg_job_error(job) != NULL)
        fprintf(stderr, "%s\n", ocireg_error_message(ocireg_job_error(job)));
    ocireg_job_free(job);
    ocireg_client_free(client);
    return result;
}

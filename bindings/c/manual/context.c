/* context REPOSITORY@DIGEST FILE: a download that Ctrl-C ends, or a minute, and that shows how far it is. */
#include <ocireg.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>

static ocireg_context *context;

static void interrupt(int number)
{
    (void)number;
    ocireg_context_cancel_from_signal(context);
}

static int32_t show(void *userdata, uint64_t done, uint64_t total)
{
    (void)userdata;
    return fprintf(stderr, "\r%" PRIu64 " of %" PRIu64, done, total) < 0;
}

int main(int count, char **arguments)
{
    ocireg_client *client = NULL;
    ocireg_status status = OCIREG_INVALID_ARGUMENT;
    if (count == 3 && ocireg_client_new(NULL, &client, NULL) == OCIREG_OK && ocireg_context_new(&context, NULL) == OCIREG_OK) {
        ocireg_context_set_deadline(context, 60000, NULL);
        ocireg_context_set_progress(context, show, NULL, NULL);
        signal(SIGINT, interrupt);
        status = ocireg_blob_get_file(client, context, arguments[1], arguments[2], NULL, NULL, NULL);
        signal(SIGINT, SIG_DFL);
    }
    fprintf(stderr, "\n%s\n", ocireg_status_name(status));
    ocireg_context_free(context);
    ocireg_client_free(client);
    return status;
}

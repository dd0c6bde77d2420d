/* context REPOSITORY@DIGEST FILE: a download that Ctrl-C ends, or a minute, and that shows how far it is. */
#include <ocireg.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>

static ocireg_context *context;

static void interrupt(int number)
{
    (void)number;
    ocireg_context_cancel(context, NULL);
}

static int32_t show(void *userdata, uint64_t done, uint64_t total)
{
    (void)userdata;
    return fprintf(stderr, "\r%" PRIu64 " of %" PRIu64, done, total) < 0;
}

int main(int count, char **arguments)
{
    ocireg_client *client = NULL;
    ocireg_error *error = NULL;
    if (count != 3) {
        fputs("usage: context REPOSITORY@DIGEST FILE\n", stderr);
        return 64;
    }
    ocireg_status status = ocireg_client_new(NULL, &client, &error);
    if (status == OCIREG_OK)
        status = ocireg_context_new(&context, &error);
    if (status == OCIREG_OK) {
        ocireg_context_set_deadline(context, 60000, NULL);
        ocireg_context_set_progress(context, show, NULL, NULL);
        signal(SIGINT, interrupt);
        status = ocireg_blob_get_file(client, context, arguments[1], arguments[2], NULL, NULL, &error);
        signal(SIGINT, SIG_DFL);
    }
    if (status != OCIREG_OK)
        fprintf(stderr, "\n%s: %s\n", ocireg_error_name(error), ocireg_error_message(error));
    ocireg_error_free(error);
    ocireg_context_free(context);
    ocireg_client_free(client);
    return status;
}

/* copy SOURCE DESTINATION: an image with its signatures and everything else that refers to it. Ctrl-C stops it; another
 * run does not transfer again what has arrived. */
#include <ocireg.h>
#include <signal.h>
#include <stdio.h>

static ocireg_context *context;

/* A signal handler may call it; the copy returns OCIREG_CANCELLED a moment later. */
static void cancel_copy(int signal_number)
{
    (void)signal_number;
    ocireg_context_cancel(context, NULL);
}

static ocireg_status copy(ocireg_client *client, char **places, ocireg_error **error)
{
    ocireg_options *options = NULL;
    char *json = NULL;
    ocireg_status status;
    if ((status = ocireg_options_new(&options, error)) == OCIREG_OK &&
        (status = ocireg_options_set_bool(options, OCIREG_OPT_REFERRERS, true, error)) == OCIREG_OK)
        status = ocireg_copy(client, context, places[0], places[1], options, &json, error);
    if (status == OCIREG_OK)
        puts(json);
    ocireg_string_free(json);
    ocireg_options_free(options);
    return status;
}

int main(int count, char **arguments)
{
    ocireg_client *client = NULL;
    ocireg_error *error = NULL;
    struct sigaction on_interrupt = {0};
    ocireg_status status;
    if (count != 3)
        return fprintf(stderr, "usage: copy SOURCE DESTINATION\n"), 2;
    if ((status = ocireg_client_new(NULL, &client, &error)) == OCIREG_OK &&
        (status = ocireg_context_new(&context, &error)) == OCIREG_OK) {
        on_interrupt.sa_handler = cancel_copy;
        sigaction(SIGINT, &on_interrupt, NULL);
        status = copy(client, arguments + 1, &error);
        signal(SIGINT, SIG_DFL); /* before the context is freed */
    }
    if (status != OCIREG_OK)
        fprintf(stderr, "copy: %s: %s\n", ocireg_error_name(error), ocireg_error_message(error));
    ocireg_error_free(error);
    ocireg_context_free(context);
    ocireg_client_free(client);
    return status == OCIREG_OK ? 0 : 1;
}

/* copy SOURCE DESTINATION: an image with its signatures and everything else that refers to it. Ctrl-C stops it; another
 * run does not transfer again what has arrived. */
#include <ocireg.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>

static sigset_t interrupt;

/* A thread that waits for Ctrl-C: cancelling from a signal handler is not allowed. */
static void *cancel_on_interrupt(void *context)
{
    int number;
    if (sigwait(&interrupt, &number) == 0)
        ocireg_context_cancel(context, NULL);
    return NULL;
}

static ocireg_status copy(ocireg_client *client, ocireg_context *context, char **places, ocireg_error **error)
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
    ocireg_context *context = NULL;
    ocireg_error *error = NULL;
    pthread_t waiter;
    if (count != 3)
        return fprintf(stderr, "usage: copy SOURCE DESTINATION\n"), 2;
    sigemptyset(&interrupt);
    sigaddset(&interrupt, SIGINT);
    pthread_sigmask(SIG_BLOCK, &interrupt, NULL);
    ocireg_status status = ocireg_client_new(NULL, &client, &error);
    if (status == OCIREG_OK)
        status = ocireg_context_new(&context, &error);
    if (status == OCIREG_OK && pthread_create(&waiter, NULL, cancel_on_interrupt, context) == 0) {
        status = copy(client, context, arguments + 1, &error);
        pthread_cancel(waiter);
        pthread_join(waiter, NULL);
    }
    if (status != OCIREG_OK)
        fprintf(stderr, "copy: %s: %s\n", ocireg_error_name(error), ocireg_error_message(error));
    ocireg_error_free(error);
    ocireg_context_free(context);
    ocireg_client_free(client);
    return status == OCIREG_OK ? 0 : 1;
}

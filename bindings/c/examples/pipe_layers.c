/* pipe_layers REFERENCE COMMAND: runs the shell command for each layer of an image, all at once, with the layer's bytes at its standard
 * input, as bootc imports images from descriptors; no thread of this program waits for any. A command that ends before its layer does is
 * an error, and so are bytes that are not the layer's, which is known at their end. Exit status 3: there is no such image. */
#include <ocireg.h>
#include <poll.h>
#include <stdio.h>

static int failures;

/* Begins the transfer of a layer into a new process, which ends with an event; returns how many have begun. */
static int begin(ocireg_client *client, const char *repository, const char *digest, const char *command)
{
    char blob[1024];
    ocireg_job *job = NULL;
    ocireg_error *error = NULL;
    FILE *process = popen(command, "w");
    snprintf(blob, sizeof blob, "%s@%s", repository, digest);
    if (process != NULL && ocireg_job_new(client, NULL, process, &job, &error) == OCIREG_OK &&
        ocireg_blob_get_fd(client, ocireg_job_context(job), blob, fileno(process), NULL, NULL, &error) == OCIREG_OK)
        return 1;
    fprintf(stderr, "%s: %s\n", digest, error == NULL ? "no process" : ocireg_error_message(error));
    ocireg_error_free(error), ocireg_job_free(job);
    if (process != NULL) pclose(process);
    return failures++, 0;
}

/* Takes all that has happened; returns how many transfers have ended. */
static int take_events(ocireg_client *client)
{
    ocireg_job *job;
    int32_t event;
    int ended = 0;
    while (ocireg_client_next_event(client, &job, &event, NULL) == OCIREG_OK && job != NULL) {
        if (event != OCIREG_EVENT_DONE)
            continue;
        if (ocireg_job_status(job) != OCIREG_OK) /* the message, the errno, whether it may succeed later: everything */
            failures++, fprintf(stderr, "%s\n", ocireg_error_json(ocireg_job_error(job)));
        failures += pclose(ocireg_job_userdata(job)) != 0; /* the end of its input, and its exit status */
        ocireg_job_free(job);
        ended++;
    }
    return ended;
}

int main(int count, char **arguments)
{
    ocireg_client *client = NULL;
    ocireg_options *options = NULL;
    ocireg_error *error = NULL;
    ocireg_json *name = NULL, *size = NULL;
    char *parts = NULL, *text = NULL;
    struct pollfd events = {.fd = -1, .events = POLLIN};
    int left = 0;
    if (count != 3)
        return fprintf(stderr, "usage: pipe_layers REFERENCE COMMAND\n"), 2;
    /* The size of an image lists its layers; of an index, those of the image for this machine. */
    if (ocireg_options_new(&options, &error) || ocireg_options_parse(options, "{\"stored_credentials\": true, \"certs_d\": true}", &error) ||
        ocireg_client_new(options, &client, &error) || ocireg_client_fd(client, &events.fd, &error) ||
        ocireg_reference_parse(arguments[1], NULL, &parts, &error) || ocireg_json_parse(parts, &name, &error) ||
        ocireg_image_size(client, NULL, arguments[1], NULL, &text, &error) || ocireg_json_parse(text, &size, &error))
        failures++, fprintf(stderr, "pipe_layers: %s: %s\n%s\n", ocireg_error_name(error), ocireg_error_message(error),
                            ocireg_error_hint(error) == NULL ? "" : ocireg_error_hint(error));
    for (size_t i = 0; i < ocireg_json_size(size, "/layers"); i++)
        left += begin(client, ocireg_json_text(name, "/canonical_name"), ocireg_json_text(ocireg_json_item(size, "/layers", i), "/digest"), arguments[2]);
    for (; left > 0 && poll(&events, 1, -1) > 0; left -= take_events(client)) {}
    int status = error != NULL && ocireg_error_code(error) == OCIREG_NOT_FOUND ? 3 : failures > 0;
    ocireg_json_free(name), ocireg_json_free(size), ocireg_string_free(parts), ocireg_string_free(text), ocireg_error_free(error);
    return ocireg_options_free(options), ocireg_client_free(client), status;
}

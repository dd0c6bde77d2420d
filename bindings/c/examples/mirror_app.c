/* mirror_app REFERENCE DIRECTORY: an application's image into an OCI layout, under the name in its label org.flatpak.ref, as flatpak installs
 * applications from registries: in the terms of GLib's I/O, with GCancellable and GError. Ctrl-C cancels. Prints the name and what was copied.
 *
 *     cc mirror_app.c $(pkg-config --cflags --libs ocireg gio-2.0) -o mirror_app
 */
#include <gio/gio.h>
#include <ocireg.h>
#include <signal.h>

static void on_cancelled(GCancellable *cancellable, gpointer context) {
    (void)cancellable;
    ocireg_context_cancel(context, NULL);
}

static int io_error_of(ocireg_status status) {
    switch (status) {
    case OCIREG_CANCELLED: return G_IO_ERROR_CANCELLED;
    case OCIREG_NOT_FOUND: return G_IO_ERROR_NOT_FOUND;
    case OCIREG_TIMEOUT: return G_IO_ERROR_TIMED_OUT;
    case OCIREG_UNAUTHENTICATED: case OCIREG_FORBIDDEN: return G_IO_ERROR_PERMISSION_DENIED;
    default: return G_IO_ERROR_FAILED;
    }
}

static gboolean mirror(ocireg_client *client, const char *reference, const char *directory, GCancellable *cancellable, GError **error) {
    ocireg_context *context = NULL;
    ocireg_json *config = NULL;
    ocireg_error *failure = NULL;
    char *text = NULL, *copied = NULL;
    g_autofree char *layout = NULL;
    ocireg_context_new(&context, NULL); /* one that cannot be made is NULL, which every call takes */
    gulong handler = g_cancellable_connect(cancellable, G_CALLBACK(on_cancelled), context, NULL);
    ocireg_status status = ocireg_image_config(client, context, reference, NULL, &text, NULL, &failure);
    if (status == OCIREG_OK) status = ocireg_json_parse(text, &config, &failure);
    const char *name = ocireg_json_text(config, "/config/config/Labels/org.flatpak.ref");
    if (name != NULL) {
        layout = g_strdup_printf("oci:%s:%s", directory, name);
        status = ocireg_copy(client, context, reference, layout, NULL, &copied, &failure);
    }
    if (copied != NULL) g_print("%s %s\n", name, copied);
    else if (status != OCIREG_OK) g_set_error_literal(error, G_IO_ERROR, io_error_of(status), ocireg_error_message(failure));
    else g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "%s is not an application", reference);
    g_cancellable_disconnect(cancellable, handler);
    ocireg_json_free(config), ocireg_string_free(text), ocireg_string_free(copied), ocireg_error_free(failure);
    ocireg_context_free(context);
    return status == OCIREG_OK && name != NULL;
}

static gpointer wait_for_interrupt(gpointer cancellable) {
    int number;
    sigset_t interrupt;
    sigemptyset(&interrupt), sigaddset(&interrupt, SIGINT), sigwait(&interrupt, &number);
    g_cancellable_cancel(cancellable);
    return NULL;
}

int main(int argc, char **argv) {
    GCancellable *cancellable = g_cancellable_new();
    g_autoptr(GError) error = NULL;
    ocireg_client *client = NULL;
    sigset_t interrupt;
    if (argc != 3 || ocireg_client_new(NULL, &client, NULL) != OCIREG_OK) return g_printerr("usage: mirror_app REFERENCE DIRECTORY\n"), 2;
    sigemptyset(&interrupt), sigaddset(&interrupt, SIGINT), pthread_sigmask(SIG_BLOCK, &interrupt, NULL); /* that thread takes it */
    g_thread_unref(g_thread_new("interrupt", wait_for_interrupt, cancellable));
    if (!mirror(client, argv[1], argv[2], cancellable, &error)) g_printerr("mirror_app: %s %d: %s\n", g_quark_to_string(error->domain), error->code, error->message);
    ocireg_client_free(client);
    return error != NULL;
}

/* Calls that a signal handler ends, as Ctrl-C does, and callbacks that come while nothing moves. */
#include "later.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#define BLOB "sha256:0000000000000000000000000000000000000000000000000000000000000000"

/* What the handler cancels. */
static ocireg_context *interrupted;

static void on_interrupt(int number) {
    (void)number;
    ocireg_context_cancel(interrupted, NULL);
}

static void handle(int number) {
    /* Without SA_RESTART, as is worst for the calls. */
    struct sigaction action = {.sa_handler = on_interrupt};
    sigemptyset(&action.sa_mask);
    assert_int_equal(sigaction(number, &action, NULL), 0);
}

/* A call that would wait very long. What it needs is made by its own preparation, at the same place. */
struct waiting {
    const char *name;
    struct peer *(*peer)(void);
    size_t requests;
    ocireg_status (*call)(ocireg_client *client, ocireg_context *context, const char *host, ocireg_error **error);
};

static struct peer *silent(void) {
    static const struct answer answer = {.then = PEER_SILENT};
    return peer_start(&answer, 1);
}

static struct peer *half_a_body(void) {
    static const struct answer answer = {.bytes = "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nsome bytes", .then = PEER_SILENT};
    return peer_start(&answer, 1);
}

static struct peer *busy(void) {
    const struct answer answer = {.bytes = http_answer("503 Service Unavailable", "Retry-After: 30\r\n", "")};
    struct peer *peer = peer_bind();
    peer_serve(peer, &answer, 1);
    return peer;
}

static struct peer *takes_nothing(void) {
    struct peer *peer = peer_bind();
    const struct answer answers[] = {
        {.bytes = "HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n"},
        {.bytes = http_answer("202 Accepted", "Location: /v2/a/blobs/uploads/1\r\n", "")},
        {.body_limit = 1, .then = PEER_SILENT},
    };
    peer_serve(peer, answers, 3);
    return peer;
}

static struct peer *sends_all(void) {
    char *body = keep(calloc(1, (4 << 20) + 1), free);
    memset(body, 'x', 4 << 20);
    const struct answer answer = {.bytes = http_answer("200 OK", "", body)};
    struct peer *peer = peer_bind();
    peer_serve(peer, &answer, 1);
    return peer;
}

static ocireg_status ping(ocireg_client *client, ocireg_context *context, const char *host, ocireg_error **error) {
    char *json = NULL;
    return ocireg_registry_ping(client, context, host, NULL, &json, error);
}

/* A loopback host without a scheme is asked by TLS first. */
static ocireg_status handshake(ocireg_client *client, ocireg_context *context, const char *host, ocireg_error **error) {
    (void)client;
    return ping(new_client(NULL), context, host, error);
}

static ocireg_status memory(ocireg_client *client, ocireg_context *context, const char *host, ocireg_error **error) {
    ocireg_buffer *bytes = NULL;
    return ocireg_blob_get_memory(client, context, text("%s/a@" BLOB, host), NULL, NULL, &bytes, error);
}

static ocireg_status file(ocireg_client *client, ocireg_context *context, const char *host, ocireg_error **error) {
    return ocireg_blob_get_file(client, context, text("%s/a@" BLOB, host), text("%s/blob", new_folder()), NULL, NULL, error);
}

static ocireg_status reader(ocireg_client *client, ocireg_context *context, const char *host, ocireg_error **error) {
    ocireg_blob_reader *reader = NULL;
    uint8_t buffer[4096];
    size_t count = 0;
    ocireg_status status = ocireg_blob_open(client, context, text("%s/a@" BLOB, host), NULL, &reader, error);
    while (status == OCIREG_OK) status = ocireg_blob_reader_read(reader, buffer, sizeof buffer, &count, error);
    ocireg_blob_reader_free(reader);
    return status;
}

static ocireg_status manifest(ocireg_client *client, ocireg_context *context, const char *host, ocireg_error **error) {
    char *json = NULL;
    return ocireg_manifest_get(client, context, text("%s/a:b", host), NULL, &json, NULL, error);
}

static ocireg_status put(ocireg_client *client, ocireg_context *context, const char *host, ocireg_error **error) {
    const size_t size = 8 << 20;
    return ocireg_blob_put_memory(client, context, text("%s/a", host), noise(size, 1), size, NULL, NULL, error);
}

static ocireg_status copy(ocireg_client *client, ocireg_context *context, const char *host, ocireg_error **error) {
    return ocireg_copy(client, context, text("%s/a:b", host), text("oci:%s/layout:b", new_folder()), NULL, NULL, error);
}

/* To a registry, from a layout with a large layer. */
static ocireg_status copy_there(ocireg_client *client, ocireg_context *context, const char *host, ocireg_error **error) {
    ocireg_options *layers = options("{'scratch':true}");
    const char *folder = new_folder(), *path = text("%s/layer.tar", folder), *layout = text("oci:%s/layout:b", folder);
    uint8_t *tar = keep(calloc(1, (1 << 20) + 1024), free);
    write_file(path, tar, (1 << 20) + 1024);
    expect_status(OCIREG_OK, ocireg_options_add_string(layers, "layers", path, &failure));
    expect_status(OCIREG_OK, ocireg_options_set_string(layers, "compression", "none", &failure));
    expect_status(OCIREG_OK, ocireg_image_append(client, NULL, layout, layers, NULL, &failure));
    return ocireg_copy(client, context, layout, text("%s/a:b", host), NULL, NULL, error);
}

/* Into a pipe that nothing reads. */
static ocireg_status full_pipe(ocireg_client *client, ocireg_context *context, const char *host, ocireg_error **error) {
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    ocireg_status status = ocireg_blob_get_fd(client, context, text("%s/a@" BLOB, host), ends[1], NULL, NULL, error);
    close(ends[0]), close(ends[1]);
    return status;
}

/* A pipe that nothing writes to is the layer, and the archive. */
static char *pipe_of_nobody(void) {
    char *path = text("%s/pipe", new_folder());
    assert_int_equal(mkfifo(path, 0600), 0);
    return path;
}

static ocireg_status archive(ocireg_client *client, ocireg_context *context, const char *host, ocireg_error **error) {
    (void)host;
    return ocireg_copy(client, context, text("oci-archive:%s", pipe_of_nobody()), text("oci:%s/layout:b", new_folder()), NULL, NULL, error);
}

/* A large file without content, which takes minutes to hash. */
static ocireg_status hashing(ocireg_client *client, ocireg_context *context, const char *host, ocireg_error **error) {
    const char *path = text("%s/large", new_folder());
    write_file(path, "", 0);
    assert_int_equal(truncate(path, (off_t)1 << 40), 0);
    return ocireg_blob_put_file(client, context, text("%s/a", host), path, NULL, NULL, error);
}

/* A source that never ends and gives a byte now and then. */
static int64_t trickle(void *userdata, uint8_t *buffer, size_t size) {
    (void)userdata, (void)size;
    usleep(5000);
    *buffer = 'x';
    return 1;
}

static ocireg_status slow_source(ocireg_client *client, ocireg_context *context, const char *host, ocireg_error **error) {
    (void)host;
    return ocireg_blob_put_stream(client, context, repository("OCIREG_TEST_V2", "trickle"), trickle, NULL, NULL, NULL, error);
}

static ocireg_status slow_source_to_a_layout(ocireg_client *client, ocireg_context *context, const char *host, ocireg_error **error) {
    (void)host;
    return ocireg_blob_put_stream(client, context, text("oci:%s/layout", new_folder()), trickle, NULL, NULL, NULL, error);
}

static const struct waiting waits[] = {
    {"ping", silent, 1, ping},           {"handshake", silent, 0, handshake},      {"memory", half_a_body, 1, memory},
    {"file", half_a_body, 1, file},      {"reader", half_a_body, 1, reader},       {"manifest", silent, 1, manifest},
    {"retry", busy, 1, ping},            {"put", takes_nothing, 3, put},           {"copy", silent, 1, copy},
    {"copy there", silent, 1, copy_there}, {"full pipe", sends_all, 1, full_pipe}, {"archive", NULL, 0, archive},
    {"hashing", silent, 0, hashing},     {"slow source", NULL, 0, slow_source},
    {"slow source to a layout", NULL, 0, slow_source_to_a_layout},
};
enum { WAITS = sizeof waits / sizeof *waits };

static ocireg_client *plain_client(void) {
    return new_client("{'plain_http':true,'idle_timeout_ms':60000}");
}

static void test_a_handler_ends_every_wait(void **state) {
    (void)state;
    pthread_t self = pthread_self();
    handle(SIGINT);
    for (size_t i = 0; i < WAITS; i++) {
        struct peer *peer = waits[i].peer ? waits[i].peer() : NULL;
        struct later later;
        interrupted = new_context();
        later_interrupt(&later, &self, peer, waits[i].requests, 100);
        expect_status(OCIREG_CANCELLED, waits[i].call(plain_client(), interrupted, peer ? peer_host(peer) : NULL, &failure));
        was_prompt(&later);
        /* It stays cancelled. */
        expect_status(OCIREG_CANCELLED, ping(plain_client(), interrupted, "127.0.0.1:1", &failure));
    }
}

/* The signal goes to a thread that has never seen the library, while the caller waits. */
static void *sleep_long(void *argument) {
    (void)argument;
    while (usleep(60000000) == 0) {
    }
    return NULL;
}

static void test_the_handler_may_run_on_any_thread(void **state) {
    (void)state;
    struct peer *peer = silent();
    struct later later;
    pthread_t other;
    handle(SIGINT);
    interrupted = new_context();
    assert_int_equal(pthread_create(&other, NULL, sleep_long, NULL), 0);
    later_interrupt(&later, &other, peer, 1, 100);
    expect_status(OCIREG_CANCELLED, ping(plain_client(), interrupted, peer_host(peer), &failure));
    was_prompt(&later);
    pthread_join(other, NULL);
}

static void test_whatever_is_no_context_is_ignored(void **state) {
    (void)state;
    uint64_t nothing[8] = {0};
    ocireg_context *context = new_context();
    errno = ENOTTY;
    assert_int_equal(ocireg_context_cancel(NULL, NULL), OCIREG_INVALID_ARGUMENT);
    assert_int_equal(ocireg_context_cancel((ocireg_context *)(uintptr_t)nothing, NULL), OCIREG_INVALID_ARGUMENT);
    assert_int_equal(ocireg_context_cancel(new_context(), NULL), OCIREG_OK);
    ocireg_context_cancel_from_signal(NULL);
    ocireg_context_cancel_from_signal((ocireg_context *)(uintptr_t)nothing);
    ocireg_context_cancel_from_signal((ocireg_context *)(uintptr_t)plain_client());
    ocireg_context_cancel_from_signal(context);
    assert_int_equal(errno, ENOTTY);
}

/* Thousands of signals, wherever they hit: in the allocator, under the library's locks, in ocireg_context_cancel itself. */
static void test_a_storm_of_signals(void **state) {
    (void)state;
    const suseconds_t pause = (suseconds_t)allowed_ms(200);
    const struct itimerval often = {.it_interval.tv_usec = pause, .it_value.tv_usec = pause}, never = {.it_value.tv_usec = 0};
    ocireg_client *client = client_of("OCIREG_TEST_V2");
    interrupted = new_context();
    handle(SIGALRM);
    assert_int_equal(setitimer(ITIMER_REAL, &often, NULL), 0);
    for (int i = 0; i < 300; i++) {
        ocireg_context *context = NULL;
        char *json = NULL, *none = NULL;
        ocireg_status made = ocireg_context_new(&context, NULL), cancelled = ocireg_context_cancel(interrupted, NULL);
        ocireg_status pinged = ocireg_registry_ping(client, context, env("OCIREG_TEST_V2"), NULL, &json, NULL);
        ocireg_status refused = ocireg_registry_ping(client, interrupted, env("OCIREG_TEST_V2"), NULL, &none, NULL);
        ocireg_string_free(json);
        ocireg_context_free(context);
        if (made || cancelled || pinged || refused != OCIREG_CANCELLED) {
            setitimer(ITIMER_REAL, &never, NULL);
            fail_msg("round %d: %d %d %d %d", i, made, cancelled, pinged, refused);
        }
    }
    setitimer(ITIMER_REAL, &never, NULL);
    /* One may still be on its way. */
    signal(SIGALRM, SIG_IGN);
}

struct beats {
    pthread_t thread;
    double last, longest, stop_at;
    unsigned count;
    bool wrong_thread;
};

static int32_t note_beat(void *userdata, uint64_t done, uint64_t total) {
    struct beats *beats = userdata;
    double now = now_ms();
    (void)done, (void)total;
    if (now - beats->last > beats->longest) beats->longest = now - beats->last;
    beats->last = now;
    beats->wrong_thread |= !pthread_equal(pthread_self(), beats->thread);
    beats->count++;
    return now > beats->stop_at;
}

/* Every one of them can be stopped there, too. */
static void test_progress_comes_though_nothing_moves(void **state) {
    (void)state;
    for (size_t i = 0; i < WAITS; i++) {
        struct peer *peer = waits[i].peer ? waits[i].peer() : NULL;
        ocireg_context *context = new_context();
        ocireg_client *client = plain_client();
        double begun = now_ms();
        struct beats beats = {.thread = pthread_self(), .last = begun, .stop_at = begun + 1000};
        expect_status(OCIREG_OK, ocireg_context_set_progress(context, note_beat, &beats, &failure));
        expect_status(OCIREG_CALLBACK, waits[i].call(client, context, peer ? peer_host(peer) : NULL, &failure));
        double ended = now_ms();
        print_message("%s: %u callbacks, at most %.0f ms apart\n", waits[i].name, beats.count, beats.longest);
        assert_false(beats.wrong_thread);
        assert_true(beats.count >= 4 || allowed_ms(1) > 1);
        if (beats.longest > allowed_ms(250)) fail_msg("%s: no callback for %.0f ms", waits[i].name, beats.longest);
        if (ended - begun > allowed_ms(1500)) fail_msg("%s: stopped after %.0f ms", waits[i].name, ended - begun);
    }
}

struct position {
    uint64_t done, total, calls;
};

static int32_t note_position(void *userdata, uint64_t done, uint64_t total) {
    *(struct position *)userdata = (struct position){done, total, ((struct position *)userdata)->calls + 1};
    return ((struct position *)userdata)->calls > 3;
}

/* What an earlier call with the same context has moved is not told again. */
static void test_no_transfer_is_no_bytes(void **state) {
    (void)state;
    const char *bytes = "some bytes";
    struct peer *peer = peer_bind();
    const struct answer answers[] = {{.bytes = http_answer("200 OK", "", bytes)}, {.then = PEER_SILENT}};
    peer_serve(peer, answers, 2);
    ocireg_context *context = new_context();
    ocireg_buffer *found = NULL;
    struct position position = {0};
    expect_status(OCIREG_OK, ocireg_context_set_progress(context, note_position, &position, &failure));
    const char *blob = text("%s/a@%s", peer_host(peer), digest_of(bytes, strlen(bytes)));
    expect_status(OCIREG_OK, ocireg_blob_get_memory(plain_client(), context, blob, NULL, NULL, &found, &failure));
    ocireg_buffer_free(found);
    assert_int_equal(position.done, strlen(bytes));
    expect_status(OCIREG_CALLBACK, manifest(plain_client(), context, peer_host(peer), &failure));
    assert_int_equal(position.done, 0);
    assert_int_equal(position.total, 0);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        test(test_a_handler_ends_every_wait), test(test_the_handler_may_run_on_any_thread), test(test_whatever_is_no_context_is_ignored),
        test(test_a_storm_of_signals), test(test_no_transfer_is_no_bytes), test(test_progress_comes_though_nothing_moves),
    };
    return run_all(tests, argc, argv);
}

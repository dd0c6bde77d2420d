/* Signals belong to the host program: SIGPIPE at its default does not kill it, and no signal mask is changed. */
#include "common.h"
#include "peer.h"

#include <dirent.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

static void assert_sigpipe_is_default(void) {
    struct sigaction now;
    sigset_t mask;
    signal(SIGPIPE, SIG_DFL);
    assert_int_equal(sigaction(SIGPIPE, NULL, &now), 0);
    assert_true(now.sa_handler == SIG_DFL);
    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    assert_false(sigismember(&mask, SIGPIPE));
}

/* A peer that takes part of the uploaded bytes and hangs up. */
static struct peer *hangs_up(enum then then) {
    struct peer *peer = peer_bind();
    const struct answer answers[] = {
        {.bytes = "HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n"},
        {.bytes = http_answer("202 Accepted", "Location: /v2/a/blobs/uploads/1\r\n", "")},
        {.body_limit = 100000, .then = then},
        {.bytes = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"},
    };
    peer_serve(peer, answers, 4);
    return peer;
}

static void test_server_closes_during_upload(void **state) {
    (void)state;
    struct peer *peer = hangs_up(PEER_CLOSE);
    assert_sigpipe_is_default();
    ocireg_client *client = new_client("{'plain_http':true,'retries':0}");
    const size_t size = 16 << 20;
    const char *place = text("%s/a", peer_host(peer));
    expect_status(OCIREG_NETWORK, ocireg_blob_put_memory(client, NULL, place, noise(size, 1), size, NULL, NULL, &failure));
    expect_message(peer_host(peer));
}

static void test_server_resets_during_upload(void **state) {
    (void)state;
    struct peer *peer = hangs_up(PEER_RESET);
    assert_sigpipe_is_default();
    ocireg_client *client = new_client("{'plain_http':true,'retries':0}");
    const size_t size = 16 << 20;
    const char *path = text("%s/big", new_folder());
    write_file(path, noise(size, 2), size);
    expect_status(OCIREG_NETWORK, ocireg_blob_put_file(client, NULL, text("%s/a", peer_host(peer)), path, NULL, NULL, &failure));
}

/* The server hangs up on every chunk. */
static void test_server_resets_chunks(void **state) {
    (void)state;
    struct peer *peer = peer_bind();
    const struct answer answers[] = {
        {.bytes = http_answer("202 Accepted", "Location: /v2/a/blobs/uploads/1\r\n", "")},
        {.body_limit = 100000, .then = PEER_RESET},
    };
    peer_serve(peer, answers, 2);
    assert_sigpipe_is_default();
    ocireg_client *client = new_client("{'plain_http':true,'retries':1}");
    ocireg_upload *upload = NULL;
    const size_t size = 5 << 20; /* more than a chunk */
    expect_status(OCIREG_OK, ocireg_upload_start(client, NULL, text("%s/a", peer_host(peer)), NULL, &upload, &failure));
    expect_status(OCIREG_NETWORK, ocireg_upload_write(upload, noise(size, 3), size, &failure));
    ocireg_upload_free(upload);
}

static const char *blob_on_v2(ocireg_client *client, size_t size) {
    const char *place = repository("OCIREG_TEST_V2", "signals");
    put_blob(client, place, noise(size, 4), size);
    return blob_reference(place, noise(size, 4), size);
}

static void test_closed_pipe(void **state) {
    (void)state;
    ocireg_client *client = client_of("OCIREG_TEST_V2");
    const char *blob = blob_on_v2(client, 300000);
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    close(ends[0]);
    assert_sigpipe_is_default();
    expect_status(OCIREG_IO, ocireg_blob_get_fd(client, NULL, blob, ends[1], NULL, NULL, &failure));
    assert_int_not_equal(fcntl(ends[1], F_GETFD), -1); /* the descriptor stays open */
    close(ends[1]);
    /* No SIGPIPE is left behind for the program. */
    sigset_t pending;
    sigpending(&pending);
    assert_false(sigismember(&pending, SIGPIPE));
}

static bool same_mask(const sigset_t *one, const sigset_t *other) {
    for (int number = 1; number < SIGRTMAX; number++) {
        if (sigismember(one, number) != sigismember(other, number)) return false;
    }
    return true;
}

/* With the mask unchanged, and with SIGPIPE and SIGUSR1 blocked by the caller. */
static void test_mask_is_unchanged(void **state) {
    (void)state;
    ocireg_client *client = client_of("OCIREG_TEST_V2");
    const char *blob = blob_on_v2(client, 2 << 20);
    for (int blocked = 0; blocked < 2; blocked++) {
        sigset_t some, original, before, after;
        ocireg_buffer *bytes = NULL;
        int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
        sigemptyset(&some);
        if (blocked) sigaddset(&some, SIGPIPE), sigaddset(&some, SIGUSR1);
        pthread_sigmask(SIG_BLOCK, &some, &original);
        pthread_sigmask(SIG_SETMASK, NULL, &before);
        ocireg_status put = ocireg_blob_put_memory(client, NULL, repository("OCIREG_TEST_V2", "signals"), noise(2 << 20, 5u + (unsigned)blocked),
                                                   2 << 20, NULL, NULL, NULL);
        ocireg_status got = ocireg_blob_get_memory(client, new_context(), blob, NULL, NULL, &bytes, NULL);
        ocireg_status written = ocireg_blob_get_fd(client, NULL, blob, fd, NULL, NULL, NULL);
        pthread_sigmask(SIG_SETMASK, NULL, &after);
        pthread_sigmask(SIG_SETMASK, &original, NULL);
        ocireg_buffer_free(bytes);
        close(fd);
        assert_int_equal(put | got | written, OCIREG_OK);
        assert_true(same_mask(&before, &after));
    }
}

static unsigned long long blocked_signals(const char *thread) {
    char line[256];
    unsigned long long blocked = 0;
    FILE *file = fopen(text("/proc/self/task/%s/status", thread), "r");
    while (file && fgets(line, sizeof line, file)) {
        if (strncmp(line, "SigBlk:", 7) == 0) blocked = strtoull(line + 7, NULL, 16);
    }
    if (file) fclose(file);
    return blocked;
}

/* The library's threads receive no signal that is meant for the program. */
static void test_threads_block_signals(void **state) {
    (void)state;
    if (allowed_ms(1) > 1) return; /* valgrind sets its own masks */
    ocireg_client *client = client_of("OCIREG_TEST_V2");
    const char *blob = blob_on_v2(client, 2 << 20);
    ocireg_buffer *bytes = NULL;
    expect_status(OCIREG_OK, ocireg_blob_get_memory(client, new_context(), blob, NULL, NULL, &bytes, &failure));
    ocireg_buffer_free(bytes);
    static const int wanted[] = {SIGPIPE, SIGINT, SIGTERM, SIGUSR1, SIGCHLD, SIGALRM};
    const char *self = text("%d", (int)getpid());
    DIR *threads = opendir("/proc/self/task");
    assert_non_null(threads);
    size_t others = 0;
    for (struct dirent *entry; (entry = readdir(threads));) {
        if (entry->d_name[0] == '.' || strcmp(entry->d_name, self) == 0) continue;
        others++;
        unsigned long long blocked = blocked_signals(entry->d_name);
        for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
            if (!(blocked >> (wanted[i] - 1) & 1)) fail_msg("thread %s does not block signal %d", entry->d_name, wanted[i]);
        }
    }
    closedir(threads);
    assert_true(others > 0);
}

/* Reads a TLS hello, answers nonsense, and closes before the alert arrives: writing it fails with EPIPE. */
static void *break_handshakes(void *listener) {
    for (;;) {
        int peer = accept(*(int *)listener, NULL, NULL);
        if (peer < 0) return NULL;
        char hello[4096];
        const char nonsense[] = {22, 3, 3, 0, 4, 99, 0, 0, 0};
        const struct linger at_once = {.l_onoff = 1};
        if (recv(peer, hello, sizeof hello, 0) > 0) send(peer, nonsense, sizeof nonsense, MSG_NOSIGNAL);
        shutdown(peer, SHUT_WR);
        setsockopt(peer, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
        close(peer);
    }
}

static void test_server_breaks_the_handshake(void **state) {
    (void)state;
    assert_sigpipe_is_default();
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    assert_int_equal(bind(listener, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(listener, 16), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size), 0);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, break_handshakes, &listener), 0);
    const char *host = text("127.0.0.1:%d", ntohs(address.sin_port));
    ocireg_client *client = new_client("{'retries':0}");
    set_host(client, host, "{'plain_http':false}");
    for (int i = 0; i < 100; i++) {
        char *json = NULL;
        assert_int_not_equal(ocireg_registry_ping(client, NULL, host, NULL, &json, NULL), OCIREG_OK);
        assert_null(json);
    }
    shutdown(listener, SHUT_RDWR);
    pthread_join(thread, NULL);
    close(listener);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        test(test_server_closes_during_upload), test(test_server_resets_during_upload), test(test_server_resets_chunks),
        test(test_server_breaks_the_handshake), test(test_closed_pipe),                 test(test_mask_is_unchanged),           test(test_threads_block_signals),
    };
    return run_all(tests, argc, argv);
}

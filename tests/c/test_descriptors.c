/* Descriptors to which bytes are written: nothing reads the other end, the reader went away, blocking or not. */
#include "later.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* More than any pipe or socket holds, and a wrong digest: what is written is checked before that is known. */
enum { LARGE = 4 << 20 };
#define BLOB "sha256:0000000000000000000000000000000000000000000000000000000000000000"
#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define CONFIG "{\"architecture\":\"amd64\",\"os\":\"linux\",\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[]}}"

static char *large_answer(size_t *size) {
    const char *head = text("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", LARGE);
    size_t length = strlen(head);
    char *answer = keep(malloc(length + LARGE), free);
    memcpy(answer, head, length);
    memset(answer + length, 'x', LARGE);
    *size = length + LARGE;
    return answer;
}

/* One way to get bytes into a descriptor. */
struct way {
    const char *name;
    ocireg_client *client;
    ocireg_context *context;
    char *place;
    struct peer *peer;
    ocireg_status (*get)(const struct way *way, int fd, ocireg_error **error);
};

static ocireg_status get_blob(const struct way *way, int fd, ocireg_error **error) {
    return ocireg_blob_get_fd(way->client, way->context, way->place, fd, NULL, NULL, error);
}

static struct way a_blob(void) {
    struct way way = {.name = "blob_get_fd", .client = new_client("{'plain_http':true,'retries':0}"), .context = new_context(), .get = get_blob};
    struct answer *answer = keep(calloc(1, sizeof *answer), free);
    answer->bytes = large_answer(&answer->size);
    way.peer = peer_start(answer, 1);
    way.place = text("%s/a@" BLOB, peer_host(way.peer));
    return way;
}

static ocireg_status get_old_layer(const struct way *way, int fd, ocireg_error **error) {
    return ocireg_v1_layer_fd(way->client, way->context, way->place, ID, fd, NULL, NULL, error);
}

static struct way an_old_layer(void) {
    struct way way = {.name = "v1_layer_fd", .client = new_client("{'plain_http':true,'retries':0}"), .context = new_context(), .get = get_old_layer};
    struct answer *answers = keep(calloc(3, sizeof *answers), free);
    answers[0].bytes = http_answer("200 OK", "X-Docker-Token: signature=1\r\n", "[]");
    answers[1].bytes = http_answer("200 OK", "", "{\"id\":\"" ID "\"}");
    answers[2].bytes = large_answer(&answers[2].size);
    way.peer = peer_start(answers, 3);
    way.place = text("%s/a/b", peer_host(way.peer));
    return way;
}

static ocireg_status export_files(const struct way *way, int fd, ocireg_error **error) {
    return ocireg_image_export_fd(way->client, way->context, way->place, fd, NULL, NULL, error);
}

/* A tar file with one large file, in an image in a local layout, which is quick to open. */
static ocireg_status cat_file(const struct way *way, int fd, ocireg_error **error) {
    return ocireg_image_cat(way->client, way->context, way->place, "/file", fd, NULL, NULL, error);
}

static struct way a_file(void) {
    struct way way = {.name = "image_cat", .client = client_of("OCIREG_TEST_V2"), .context = new_context(), .get = cat_file};
    const char *place = repository("OCIREG_TEST_V2", "cat");
    char *tar = keep(calloc(1, LARGE + 2048), free);
    snprintf(tar, 100, "file");
    snprintf(tar + 100, 8, "%07o", 0644);
    snprintf(tar + 124, 12, "%011o", LARGE);
    snprintf(tar + 136, 12, "%011o", 0);
    tar[156] = '0';
    memcpy(tar + 257, "ustar\00000", 8);
    unsigned sum = 8 * ' ';
    for (int i = 0; i < 512; i++) sum += (unsigned char)tar[i];
    snprintf(tar + 148, 8, "%06o", sum);
    tar[155] = ' ';
    put_blob(way.client, place, CONFIG, strlen(CONFIG));
    put_blob(way.client, place, tar, LARGE + 2048);
    const char *manifest = text("{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\",\"config\":{\"mediaType\":"
                                "\"application/vnd.oci.image.config.v1+json\",\"digest\":\"%s\",\"size\":%zu},\"layers\":[{\"mediaType\":"
                                "\"application/vnd.oci.image.layer.v1.tar\",\"digest\":\"%s\",\"size\":%d}]}",
                                digest_of(CONFIG, strlen(CONFIG)), strlen(CONFIG), digest_of(tar, LARGE + 2048), LARGE + 2048);
    way.place = text("%s:one", place);
    expect_status(OCIREG_OK, ocireg_manifest_put(way.client, NULL, way.place, (const uint8_t *)manifest, strlen(manifest), NULL, NULL, &failure));
    return way;
}

static struct way an_archive(void) {
    struct way way = a_file();
    way.name = "image_export_fd";
    way.get = export_files;
    return way;
}

typedef struct way way_fn(void);
static way_fn *const ways[] = {a_blob, an_old_layer, a_file, an_archive};

/* What is written to, whether read from or not: a pipe, a non-blocking pipe, a socket. */
struct ends {
    int reader, writer;
};

static struct ends ends_of(int kind) {
    int fds[2];
    if (kind == 2) assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    else assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    if (kind == 1) assert_int_equal(fcntl(fds[1], F_SETFL, O_NONBLOCK), 0);
    return (struct ends){fds[0], fds[1]};
}

static void close_both(struct ends ends) {
    close(ends.reader);
    close(ends.writer);
}

enum { KINDS = 3 };

/* What ends a write that nothing reads, once it blocks. */
struct leaving {
    void (*leave)(void *object);
    void *object;
    int reader;
    double left_at;
};

/* Until it is full: then no more bytes arrive. */
static void wait_until_full(int reader) {
    double end = now_ms() + allowed_ms(5000);
    for (int before = 0, now = 0; now == 0 || now != before; usleep(50000)) {
        before = now;
        if (ioctl(reader, FIONREAD, &now) != 0 || now_ms() > end) return;
    }
}

static void *leave_when_full(void *argument) {
    struct leaving *leaving = argument;
    wait_until_full(leaving->reader);
    leaving->left_at = now_ms();
    leaving->leave(leaving->object);
    return NULL;
}

static void cancel(void *context) { ocireg_context_cancel(context, NULL); }
static void close_client(void *client) { ocireg_client_close(client, NULL); }
static void end_time(void *context) { ocireg_context_set_deadline(context, 1, NULL); }

static void is_left(const struct way *way, int kind, void (*leave)(void *), void *object, ocireg_status wanted) {
    struct ends ends = ends_of(kind);
    struct leaving leaving = {.leave = leave, .object = object, .reader = ends.reader};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, leave_when_full, &leaving), 0);
    ocireg_status status = way->get(way, ends.writer, NULL);
    double ended = now_ms();
    pthread_join(thread, NULL);
    close_both(ends);
    if (status != wanted) fail_msg("%s, kind %d: %s", way->name, kind, ocireg_status_name(status));
    if (ended - leaving.left_at > allowed_ms(200)) fail_msg("%s, kind %d: left after %.0f ms", way->name, kind, ended - leaving.left_at);
}

static void test_cancel_while_nobody_reads(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        for (int kind = 0; kind < KINDS; kind++) {
            struct way way = ways[i]();
            is_left(&way, kind, cancel, way.context, OCIREG_CANCELLED);
        }
    }
}

static void test_close_while_nobody_reads(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        struct way way = ways[i]();
        is_left(&way, 0, close_client, way.client, OCIREG_CLOSED);
    }
}

static void test_deadline_while_nobody_reads(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        for (int kind = 0; kind < KINDS; kind++) {
            struct way way = ways[i]();
            is_left(&way, kind, end_time, way.context, OCIREG_TIMEOUT);
        }
    }
}

static void *read_a_little(void *argument) {
    static char buffer[100000];
    int fd = *(int *)argument;
    while (read(fd, buffer, 30000) > 0 && !usleep(100000)) break;
    close(fd);
    return NULL;
}

/* SIGPIPE is at its default here: it would end the program. */
static void test_a_reader_that_goes_away(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        for (int kind = 0; kind < KINDS; kind++) {
            struct way way = ways[i]();
            struct ends ends = ends_of(kind);
            pthread_t thread;
            assert_int_equal(pthread_create(&thread, NULL, read_a_little, &ends.reader), 0);
            expect_status(OCIREG_IO, way.get(&way, ends.writer, &failure));
            pthread_join(thread, NULL);
            close(ends.writer);
            if (ocireg_error_errno(failure) != EPIPE) fail_msg("%s, kind %d: %s", way.name, kind, ocireg_error_json(failure));
            expect_number_at(ocireg_error_json(failure), "errno", EPIPE);
        }
    }
}

struct reading {
    int fd;
    size_t count;
};

static void *read_all(void *argument) {
    struct reading *reading = argument;
    static char buffer[100000];
    for (ssize_t count; (count = read(reading->fd, buffer, sizeof buffer)) > 0;) reading->count += (size_t)count;
    return NULL;
}

/* A reader that reads gets all of it, blocking or not, and the descriptor's flags stay as they are. */
static void test_all_bytes(void **state) {
    (void)state;
    for (int kind = 0; kind < KINDS; kind++) {
        struct way way = a_file();
        struct ends ends = ends_of(kind);
        struct reading reading = {ends.reader, 0};
        int flags = fcntl(ends.writer, F_GETFL);
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, read_all, &reading), 0);
        expect_status(OCIREG_OK, way.get(&way, ends.writer, &failure));
        assert_int_equal(fcntl(ends.writer, F_GETFL), flags);
        close(ends.writer);
        pthread_join(thread, NULL);
        close(ends.reader);
        assert_int_equal(reading.count, LARGE);
    }
}

static void test_no_descriptor(void **state) {
    (void)state;
    struct way way = a_blob();
    const int closed[] = {9999, 2147483647};
    for (int i = 0; i < 2; i++) {
        expect_status(OCIREG_IO, way.get(&way, closed[i], &failure));
        assert_int_equal(ocireg_error_errno(failure), EBADF);
    }
    expect_status(OCIREG_INVALID_ARGUMENT, way.get(&way, -1, &failure));
    assert_int_equal(ocireg_error_errno(failure), 0);
    assert_int_equal(peer_count(way.peer), 0);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        test(test_cancel_while_nobody_reads), test(test_close_while_nobody_reads),
        test(test_deadline_while_nobody_reads), test(test_a_reader_that_goes_away),
        test(test_all_bytes), test(test_no_descriptor),
    };
    return run_all(tests, argc, argv);
}

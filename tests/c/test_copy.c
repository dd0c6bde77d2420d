/* Copies between places: every documented field, progress, cancel, and names that are not places. */
#include "common.h"
#include "later.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

/* A small image in a repository of this run; its name with a tag. */
static char *source_image(ocireg_client *client, const char *name) {
    char *place = repository("OCIREG_TEST_V3", name);
    put_image(client, place, "1", 3);
    return text("docker://%s:1", place);
}

static void test_endpoints(void **state) {
    (void)state;
    char *json = NULL;
    expect_status(OCIREG_OK, ocireg_endpoint_parse("oci:/x/y:v1", &json, &failure));
    kept(json);
    expect_shape(json, "transport:string registry:string? reference:string? path:string? name:string?");
    expect_text_at(json, "transport", "oci");
    expect_text_at(json, "path", "/x/y");
    expect_text_at(json, "name", "v1");
    expect_status(OCIREG_OK, ocireg_endpoint_parse("example.org:5000/a:t", &json, &failure));
    kept(json);
    expect_text_at(json, "transport", "docker");
    expect_text_at(json, "registry", "example.org:5000");
    expect_text_at(json, "reference", "example.org:5000/a:t");
    static const char *const bad[] = {"oci:", "dir:", "ftp://x/y", "docker://", "docker-archive::a", "oci:/x:"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        expect_status(OCIREG_INVALID_REFERENCE, ocireg_endpoint_parse(bad[i], &json, &failure));
}

/* An object within has these members, all numbers, and no others. */
static void expect_members(const char *json, const char *path, const char *names) {
    char *list = text("%s", names), *rest = NULL;
    size_t count = 0;
    for (char *name = strtok_r(list, " ", &rest); name; name = strtok_r(NULL, " ", &rest), count++)
        if (json_kind_at(json, text("%s/%s", path, name)) != JSON_NUMBER) fail_msg("%s/%s is not a number", path, name);
    assert_int_equal(json_length(json, path), count);
}

static void check_copied(char *json, const char *digest, long long copied) {
    kept(json);
    expect_shape(json, "source:string destination:string digest:string mediaType:string manifests:object blobs:object");
    expect_members(json, "manifests", "total copied skipped referrers");
    expect_members(json, "blobs", "total copied mounted skipped bytes bytes_copied bytes_resumed");
    expect_text_at(json, "digest", digest);
    expect_number_at(json, "blobs/copied", copied);
}

static void test_everywhere(void **state) {
    (void)state;
    ocireg_client *client = client_of("OCIREG_TEST_V3");
    const char *folder = new_folder(), *from = source_image(client, "copy-from"), *digest;
    char *json = NULL;
    expect_status(OCIREG_OK, ocireg_copy(client, NULL, from, text("oci:%s/layout:v1", folder), NULL, &json, &failure));
    digest = keep(json_string_at(json, "digest"), free);
    check_copied(json, digest, 2);
    const char *const places[] = {
        text("oci:%s/layout:v1", folder),
        text("oci-archive:%s/layout.tar:v1", folder),
        text("docker-archive:%s/docker.tar:example.org/a:v1", folder),
        text("dir:%s/dir", folder),
        text("docker://%s:copied", repository("OCIREG_TEST_V3", "copy-to")),
    };
    for (size_t i = 1; i < sizeof places / sizeof places[0]; i++) {
        expect_status(OCIREG_OK, ocireg_copy(client, NULL, places[i - 1], places[i], NULL, &json, &failure));
        check_copied(json, digest, 2);
    }
    expect_status(OCIREG_OK, ocireg_copy(client, NULL, from, places[0], NULL, &json, &failure));
    check_copied(json, digest, 0);

    expect_status(OCIREG_OK, ocireg_layout_check(client, NULL, text("%s/layout", folder), NULL, &json, &failure));
    kept(json);
    expect_shape(json, "ok:bool images:number blobs:number bytes:number problems:array sparse:array");
    expect_bool_at(json, "ok", true);
    expect_number_at(json, "blobs", 3);
    expect_status(OCIREG_OK, ocireg_layout_clean(client, NULL, text("%s/layout", folder), NULL, &json, &failure));
    kept(json);
    expect_shape(json, "removed:array bytes:number sparse:array");
    expect_number_at(json, "bytes", 0);
}

static void test_dry_run(void **state) {
    (void)state;
    ocireg_client *client = client_of("OCIREG_TEST_V3");
    const char *folder = new_folder(), *from = source_image(client, "copy-dry");
    char *json = NULL;
    expect_status(OCIREG_OK, ocireg_copy(client, NULL, from, text("oci:%s/layout", folder), options("{'dry_run':true}"), &json,
                                         &failure));
    kept(json);
    assert_int_equal(json_length(json, "plan/manifests"), 1);
    assert_int_equal(json_length(json, "plan/blobs"), 2);
    static const char *const wrong[] = {"{'concurrency':0}", "{'concurrency':65}", "{'all':true,'platform':['linux/amd64']}",
                                        "{'sparse':true}", "{'platform':['?']}"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        expect_status(OCIREG_INVALID_ARGUMENT,
                      ocireg_copy(client, NULL, from, text("oci:%s/l", folder), options("%s", wrong[i]), NULL, &failure));
}

struct seen {
    pthread_t thread;
    uint64_t done, total;
    int calls, stop_at;
};

static int on_progress(void *userdata, uint64_t done, uint64_t total) {
    struct seen *seen = userdata;
    if (!pthread_equal(seen->thread, pthread_self())) abort();
    seen->done = done;
    seen->total = total;
    return ++seen->calls == seen->stop_at;
}

/* The events of each blob of a copy. */
struct fate {
    pthread_t thread;
    int begun, ended, moving, stop;
    long long done, last;
    char blob[80], state[16];
};

static int on_blob(void *userdata, const char *event) {
    struct fate *fate = userdata;
    if (!pthread_equal(fate->thread, pthread_self())) abort();
    expect_shape(event, "state:string digest:string size:number done:number");
    char *state = json_string_at(event, "state"), *digest = json_string_at(event, "digest");
    long long done = json_number_at(event, "done"), size = json_number_at(event, "size");
    if (strcmp(state, "begun") == 0) {
        fate->begun++;
        fate->last = 0;
        snprintf(fate->blob, sizeof fate->blob, "%s", digest);
    } else {
        assert_string_equal(digest, fate->blob);
        if (strcmp(state, "moving") == 0) {
            assert_true(done > fate->last && done <= size);
            fate->moving++;
            fate->last = done;
        } else {
            assert_int_equal(done, size);
            fate->ended++;
            fate->done += done;
            snprintf(fate->state, sizeof fate->state, "%s", state);
        }
    }
    free(state);
    free(digest);
    return fate->stop;
}

static void test_blob_progress(void **state) {
    (void)state;
    ocireg_client *client = client_of("OCIREG_TEST_V3");
    ocireg_context *context = new_context();
    const char *folder = new_folder(), *from = source_image(client, "copy-blobs");
    const char *const places[] = {text("oci:%s/layout:1", folder), text("oci:%s/layout:1", folder),
                                  text("docker://%s:1", repository("OCIREG_TEST_V3", "copy-blobs-2"))};
    const char *const states[] = {"copied", "skipped", "mounted"};
    struct fate fate;
    char *json = NULL;
    /* One at a time, so that the events of one blob follow each other. */
    for (int i = 0; i < 3; i++) {
        fate = (struct fate){.thread = pthread_self()};
        expect_status(OCIREG_OK, ocireg_context_set_blob_progress(context, on_blob, &fate, &failure));
        expect_status(OCIREG_OK, ocireg_copy(client, context, from, places[i], options("{'concurrency':1}"), &json, &failure));
        kept(json);
        assert_int_equal(fate.begun, 2);
        assert_int_equal(fate.ended, 2);
        assert_string_equal(fate.state, states[i]);
        expect_number_at(json, "blobs/bytes", fate.done);
        expect_status(OCIREG_OK, ocireg_context_progress(context, &json, &failure));
        kept(json);
        expect_shape(json, "operation:string done:number total:number? blobs:object active:array");
        assert_int_equal(json_length(json, "active"), 0);
    }
    fate = (struct fate){.thread = pthread_self(), .stop = 1};
    expect_status(OCIREG_CALLBACK, ocireg_copy(client, context, from, text("oci:%s/other", folder), NULL, NULL, &failure));
    assert_int_equal(fate.begun, 1);
    expect_status(OCIREG_OK, ocireg_context_set_blob_progress(context, NULL, NULL, &failure));
    expect_status(OCIREG_OK, ocireg_copy(client, context, from, text("oci:%s/other", folder), NULL, NULL, &failure));
    assert_int_equal(fate.begun, 1);
}

static void test_progress(void **state) {
    (void)state;
    ocireg_client *client = client_of("OCIREG_TEST_V3");
    ocireg_context *context = new_context();
    const char *folder = new_folder(), *from = source_image(client, "copy-progress");
    struct seen seen = {.thread = pthread_self()};
    char *json = NULL;
    expect_status(OCIREG_OK, ocireg_context_set_progress(context, on_progress, &seen, &failure));
    expect_status(OCIREG_OK, ocireg_copy(client, context, from, text("oci:%s/layout", folder), NULL, NULL, &failure));
    assert_true(seen.calls > 0 && seen.total > 0);
    assert_int_equal(seen.done, seen.total);
    expect_status(OCIREG_OK, ocireg_context_progress(context, &json, &failure));
    kept(json);
    expect_text_at(json, "operation", "copy");
    expect_number_at(json, "blobs/copied", 2);
    seen = (struct seen){.thread = pthread_self(), .stop_at = 1};
    expect_status(OCIREG_CALLBACK, ocireg_copy(client, context, from, text("oci:%s/other", folder), NULL, NULL, &failure));
    ocireg_context_cancel(context, NULL);
    expect_status(OCIREG_CANCELLED, ocireg_copy(client, context, from, text("oci:%s/third", folder), NULL, NULL, &failure));
}

struct feed {
    int fd;
    const uint8_t *bytes;
    size_t size;
};

static void *feed_all(void *argument) {
    struct feed *feed = argument;
    for (ssize_t put; feed->size > 0 && (put = send(feed->fd, feed->bytes, feed->size, MSG_NOSIGNAL)) > 0;) {
        feed->bytes += put;
        feed->size -= (size_t)put;
    }
    shutdown(feed->fd, SHUT_WR);
    return NULL;
}

/* A pipe, on which send(2) fails. */
static void *feed_pipe(void *argument) {
    struct feed *feed = argument;
    for (ssize_t put; feed->size > 0 && (put = write(feed->fd, feed->bytes, feed->size)) > 0;) {
        feed->bytes += put;
        feed->size -= (size_t)put;
    }
    close(feed->fd);
    return NULL;
}

/* An archive from a descriptor: a file from its current position, a pipe, a socket. It still belongs to the caller. */
static void test_source_descriptor(void **state) {
    (void)state;
    ocireg_client *client = client_of("OCIREG_TEST_V3");
    const char *folder = new_folder(), *file = text("%s/docker.tar", folder), *digest;
    char *json = NULL;
    size_t size;
    expect_status(OCIREG_OK, ocireg_copy(client, NULL, source_image(client, "copy-fd"), text("docker-archive:%s:a:1", file), NULL, &json, &failure));
    digest = keep(json_string_at(json, "digest"), free);
    kept(json);
    uint8_t *bytes = read_file(file, &size);
    write_file(text("%s/behind", folder), text("%500s", ""), 500);
    FILE *behind = fopen(text("%s/behind", folder), "ab");
    assert_int_equal(fwrite(bytes, 1, size, behind), size);
    fclose(behind);
    int fds[3][2] = {{open(file, O_RDONLY | O_CLOEXEC), -1}, {open(text("%s/behind", folder), O_RDONLY | O_CLOEXEC), -1}}, ends[2];
    assert_int_equal(lseek(fds[1][0], 500, SEEK_SET), 500);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds[2]), 0);
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    struct feed by_socket = {fds[2][1], bytes, size}, by_pipe = {ends[1], bytes, size};
    pthread_t socket_feeder, pipe_feeder;
    assert_int_equal(pthread_create(&socket_feeder, NULL, feed_all, &by_socket), 0);
    assert_int_equal(pthread_create(&pipe_feeder, NULL, feed_pipe, &by_pipe), 0);
    const int given[] = {fds[0][0], fds[1][0], fds[2][0], ends[0]};
    for (size_t i = 0; i < sizeof given / sizeof *given; i++) {
        const char *to = text("oci-archive:%s/%zu.tar:v1", folder, i);
        expect_status(OCIREG_OK, ocireg_copy(client, NULL, "docker-archive:-", to, options("{'source_fd':%d}", given[i]), &json, &failure));
        expect_text_at(json, "digest", digest);
        kept(json);
        assert_int_not_equal(fcntl(given[i], F_GETFD), -1);
    }
    pthread_join(socket_feeder, NULL);
    pthread_join(pipe_feeder, NULL);
    /* All of it was read, and an empty file is not an archive. */
    expect_status(OCIREG_NOT_FOUND, ocireg_copy(client, NULL, "docker-archive:-", text("oci:%s/none", folder), options("{'source_fd':%d}", ends[0]), NULL, &failure));
    for (size_t i = 0; i < sizeof given / sizeof *given; i++) close(given[i]);
    close(fds[2][1]);
    expect_status(OCIREG_IO, ocireg_copy(client, NULL, "docker-archive:-", text("oci:%s/none", folder), options("{'source_fd':9999}"), NULL, &failure));
    expect_status(OCIREG_INVALID_ARGUMENT, ocireg_copy(client, NULL, "docker-archive:-", text("oci:%s/none", folder), options("{'source_fd':-2}"), NULL, &failure));
    expect_status(OCIREG_INVALID_ARGUMENT, ocireg_copy(client, NULL, text("docker-archive:%s", file), text("oci:%s/none", folder), options("{'source_fd':0}"), NULL, &failure));
    expect_message("source_fd");
}

/* Nothing writes: the wait ends when the call is cancelled. */
static void test_source_descriptor_that_waits(void **state) {
    (void)state;
    ocireg_client *client = client_of("OCIREG_TEST_V3");
    ocireg_context *context = new_context();
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    expect_status(OCIREG_OK, ocireg_context_set_deadline(context, (int64_t)allowed_ms(200), &failure));
    double begun = now_ms();
    expect_status(OCIREG_TIMEOUT, ocireg_copy(client, context, "oci-archive:-", text("oci:%s/none", new_folder()), options("{'source_fd':%d}", ends[0]), NULL, &failure));
    assert_true(now_ms() - begun < allowed_ms(600));
    close(ends[0]);
    close(ends[1]);
}

static void check_counts(char *json, const char *wanted) {
    kept(json);
    expect_shape(json, "tags:object blobs:object images:array images_left_out:number");
    expect_members(json, "tags", "selected copied skipped pruned failed");
    const char *said = text("%d %d %d %d %d", (int)json_number_at(json, "tags/selected"), (int)json_number_at(json, "tags/copied"),
                            (int)json_number_at(json, "tags/skipped"), (int)json_number_at(json, "tags/pruned"), (int)json_number_at(json, "tags/failed"));
    assert_string_equal(said, wanted);
}

static void test_whole_repositories(void **state) {
    (void)state;
    ocireg_client *client = client_of("OCIREG_TEST_V3");
    const char *folder = new_folder(), *from = repository("OCIREG_TEST_V3", "sync-from"), *to = repository("OCIREG_TEST_V3", "sync-to");
    char *json = NULL;
    const char *const tags[] = {"v1", "v2", "v3", "edge"};
    for (size_t i = 0; i < 4; i++) put_image(client, from, tags[i], 8 + i);
    const char *const places[] = {from, text("oci:%s/layout", folder), text("oci-archive:%s/archive.tar", folder), to};
    for (size_t i = 1; i < 4; i++) {
        expect_status(OCIREG_OK, ocireg_sync(client, NULL, places[i - 1], places[i], options("{'tags':['v*']}"), &json, &failure));
        check_counts(json, "3 3 0 0 0");
        expect_status(OCIREG_OK, ocireg_sync(client, NULL, places[i - 1], places[i], options("{'tags':['v*']}"), &json, &failure));
        check_counts(json, "3 0 3 0 0");
    }
    for (size_t i = 1; i < 3; i++) {
        expect_status(OCIREG_OK, ocireg_sync(client, NULL, from, places[i], options("{'semver':['>=2'],'newest':1,'prune':true,'max_prune':5}"), &json, &failure));
        check_counts(json, "1 0 1 1 0");
    }
    expect_status(OCIREG_OK, ocireg_sync_list(client, NULL, text("%s:v1\n%s:none # not there", from, from), text("oci:%s/many", folder), NULL, &json, &failure));
    check_counts(json, "2 1 0 0 1");
    expect_status(OCIREG_OK, ocireg_endpoint_list(client, NULL, text("oci:%s/many", folder), NULL, &json, &failure));
    expect_text_at(kept(json), "tags/0", text("%s:v1", from));
    const char *const wrong[] = {"{'newest':0}", "{'parallel':65}", "{'semver':['a']}", "{'tags_regex':['(']}", "{'list_format':'x'}"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        expect_status(OCIREG_INVALID_ARGUMENT, ocireg_sync(client, NULL, from, to, options("%s", wrong[i]), NULL, &failure));
    expect_status(OCIREG_UNSUPPORTED, ocireg_sync(client, NULL, from, text("dir:%s/d", folder), NULL, NULL, &failure));
    expect_status(OCIREG_INVALID_ARGUMENT, ocireg_sync_list(client, NULL, from, NULL, NULL, NULL, &failure));
    expect_message("line 1 of the list");
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        test(test_endpoints),
        test(test_everywhere),
        test(test_dry_run),
        test(test_progress),
        test(test_blob_progress),
        test(test_source_descriptor),
        test(test_source_descriptor_that_waits),
        test(test_whole_repositories),
    };
    return run_all(tests, argc, argv);
}

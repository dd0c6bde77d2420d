/* Jobs: calls that return at once, and tell what becomes of them by a descriptor and events. */
#include "common.h"
#include "peer.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#define BLOB "sha256:0000000000000000000000000000000000000000000000000000000000000000"
static const struct answer silent = {.then = PEER_SILENT};

static void free_job(void *job) {
    ocireg_job_free(job);
}

static ocireg_job *new_job(ocireg_client *client, const char *json) {
    ocireg_job *job = NULL;
    expect_status(OCIREG_OK, ocireg_job_new(client, json ? options("%s", json) : NULL, NULL, &job, &failure));
    return keep(job, free_job);
}

static int descriptor_of(ocireg_client *client) {
    int fd = -1;
    expect_status(OCIREG_OK, ocireg_client_fd(client, &fd, &failure));
    return fd;
}

static bool can_be_read(ocireg_client *client, double milliseconds) {
    struct pollfd waiting = {.fd = descriptor_of(client), .events = POLLIN};
    return poll(&waiting, 1, (int)milliseconds) == 1 && waiting.revents == POLLIN;
}

/* The next event of any job, waited for; OCIREG_EVENT_NONE after so many milliseconds. */
static int next_event(ocireg_client *client, ocireg_job **job, double milliseconds) {
    int event = OCIREG_EVENT_NONE;
    *job = NULL;
    if (can_be_read(client, milliseconds))
        expect_status(OCIREG_OK, ocireg_client_next_event(client, job, &event, &failure));
    assert_int_equal(event == OCIREG_EVENT_NONE, *job == NULL);
    return event;
}

/* The job's end is the next event. */
static void expect_end(ocireg_client *client, ocireg_job *job, ocireg_status wanted) {
    ocireg_job *other;
    assert_int_equal(next_event(client, &other, allowed_ms(20000)), OCIREG_EVENT_DONE);
    assert_ptr_equal(other, job);
    const ocireg_error *error = ocireg_job_error(job);
    if (ocireg_job_status(job) != wanted && error) print_error("%s\n", ocireg_error_message(error));
    assert_int_equal(ocireg_job_status(job), wanted);
    assert_int_equal(error ? ocireg_error_code(error) : OCIREG_OK, wanted);
}

static ocireg_client *plain_client(void) {
    return new_client("{'plain_http':true}");
}

static void test_a_call_is_made_elsewhere(void **state) {
    (void)state;
    ocireg_client *client = client_of("OCIREG_TEST_V2");
    char *place = repository("OCIREG_TEST_V2", "jobs");
    char *manifest = put_image(client, place, "latest", 1);
    int mine = 7;
    ocireg_job *job = NULL;
    expect_status(OCIREG_OK, ocireg_job_new(client, NULL, &mine, &job, &failure));
    keep(job, free_job);
    assert_ptr_equal(ocireg_job_userdata(job), &mine);
    assert_int_equal(ocireg_job_status(job), OCIREG_BUSY);
    assert_false(can_be_read(client, 0));
    char *json = (char *)"garbage";
    char *name = strdup(text("%s:latest", place));
    expect_status(OCIREG_OK, ocireg_manifest_get(client, ocireg_job_context(job), name, NULL, &json, NULL, &failure));
    memset(name, 'x', strlen(name)); /* strings are copied */
    free(name);
    assert_null(json);
    expect_end(client, job, OCIREG_OK);
    assert_false(can_be_read(client, 0));
    expect_text_at(ocireg_job_json(job), "kind", "image");
    const ocireg_buffer *bytes = ocireg_job_bytes(job);
    assert_int_equal(ocireg_buffer_size(bytes), strlen(manifest));
    assert_memory_equal(ocireg_buffer_data(bytes), manifest, strlen(manifest));
    assert_null(ocireg_job_error(job));
    assert_string_equal(ocireg_job_event_text(job), "");
    /* The same job makes another call, and has the error of that. */
    expect_status(OCIREG_OK, ocireg_manifest_get(client, ocireg_job_context(job), text("%s:missing", place), NULL, NULL, NULL, &failure));
    expect_end(client, job, OCIREG_NOT_FOUND);
    assert_null(ocireg_job_json(job));
    assert_null(ocireg_job_bytes(job));
}

/* What can be told at once is the function's own error, and no call begins. */
static void test_wrong_arguments(void **state) {
    (void)state;
    ocireg_client *client = plain_client(), *other = plain_client();
    ocireg_job *job = new_job(client, NULL);
    ocireg_context *context = ocireg_job_context(job);
    expect_status(OCIREG_INVALID_REFERENCE, ocireg_manifest_get(client, context, "UPPER CASE", NULL, NULL, NULL, &failure));
    expect_status(OCIREG_INVALID_ARGUMENT, ocireg_manifest_get(client, context, NULL, NULL, NULL, NULL, &failure));
    expect_message("reference");
    expect_status(OCIREG_INVALID_ARGUMENT, ocireg_manifest_get(client, context, "a/b", options("{'no_such':1}"), NULL, NULL, &failure));
    expect_status(OCIREG_INVALID_ARGUMENT, ocireg_manifest_get(other, context, "a/b", NULL, NULL, NULL, &failure));
    expect_message("another client");
    expect_status(OCIREG_INVALID_REFERENCE, ocireg_repository_tags(client, context, "UPPER CASE", NULL, NULL, &failure));
    expect_status(OCIREG_INVALID_REFERENCE, ocireg_registry_ping(client, context, "not a host", NULL, NULL, &failure));
    expect_status(OCIREG_INVALID_ARGUMENT, ocireg_manifest_get(NULL, context, "a/b", NULL, NULL, NULL, &failure));
    expect_status(OCIREG_INVALID_ARGUMENT, ocireg_blob_put_stream(client, context, "a/b", NULL, NULL, NULL, NULL, &failure));
    expect_status(OCIREG_INVALID_ARGUMENT, ocireg_context_set_progress(context, NULL, NULL, &failure));
    expect_message("a job's");
    expect_status(OCIREG_INVALID_ARGUMENT, ocireg_context_set_log(context, NULL, NULL, &failure));
    expect_status(OCIREG_INVALID_ARGUMENT, ocireg_context_set_blob_progress(context, NULL, NULL, &failure));
    expect_status(OCIREG_INVALID_ARGUMENT, ocireg_context_set_credentials(context, NULL, NULL, &failure));
    expect_status(OCIREG_INVALID_ARGUMENT, ocireg_job_answer(job, NULL, &failure));
    ocireg_context_free(context); /* does nothing */
    assert_int_equal(ocireg_job_status(job), OCIREG_BUSY);
    assert_false(can_be_read(client, 50));
    ocireg_job *none = (ocireg_job *)&job;
    expect_status(OCIREG_INVALID_ARGUMENT, ocireg_job_new(client, options("{'no_such':1}"), NULL, &none, &failure));
    assert_null(none);
    expect_status(OCIREG_INVALID_ARGUMENT, ocireg_job_new(NULL, NULL, NULL, &none, &failure));
}

static int64_t no_bytes(void *userdata, uint8_t *buffer, size_t size) {
    (void)userdata, (void)buffer, (void)size;
    return 0;
}

static void test_functions_that_call_back_for_bytes(void **state) {
    (void)state;
    ocireg_client *client = plain_client();
    ocireg_job *job = new_job(client, NULL);
    expect_status(OCIREG_INVALID_ARGUMENT, ocireg_blob_put_stream(client, ocireg_job_context(job), "a/b", no_bytes, NULL, NULL, NULL, &failure));
    expect_message("job");
}

static void test_one_call_at_a_time(void **state) {
    (void)state;
    struct peer *peer = peer_start(&silent, 1);
    ocireg_client *client = plain_client();
    ocireg_job *job = new_job(client, NULL);
    expect_status(OCIREG_OK, ocireg_registry_ping(client, ocireg_job_context(job), peer_host(peer), NULL, NULL, &failure));
    expect_status(OCIREG_BUSY, ocireg_registry_ping(client, ocireg_job_context(job), peer_host(peer), NULL, NULL, &failure));
    assert_int_equal(ocireg_job_status(job), OCIREG_BUSY);
    assert_true(peer_wait(peer, 1, allowed_ms(5000)));
    double begun = now_ms();
    expect_status(OCIREG_OK, ocireg_job_cancel(job, &failure));
    assert_true(now_ms() - begun < allowed_ms(20));
    expect_end(client, job, OCIREG_CANCELLED);
    assert_true(now_ms() - begun < allowed_ms(200));
    /* A job that was cancelled stays so. */
    expect_status(OCIREG_OK, ocireg_registry_ping(client, ocireg_job_context(job), peer_host(peer), NULL, NULL, &failure));
    expect_end(client, job, OCIREG_CANCELLED);
    assert_int_equal(peer_count(peer), 1);
}

static void test_deadline_and_close(void **state) {
    (void)state;
    struct peer *peer = peer_start(&silent, 1);
    ocireg_client *client = plain_client();
    ocireg_job *job = new_job(client, NULL);
    expect_status(OCIREG_OK, ocireg_context_set_deadline(ocireg_job_context(job), 100, &failure));
    expect_status(OCIREG_OK, ocireg_registry_ping(client, ocireg_job_context(job), peer_host(peer), NULL, NULL, &failure));
    expect_end(client, job, OCIREG_TIMEOUT);
    expect_status(OCIREG_OK, ocireg_context_set_deadline(ocireg_job_context(job), 0, &failure));
    expect_status(OCIREG_OK, ocireg_registry_ping(client, ocireg_job_context(job), peer_host(peer), NULL, NULL, &failure));
    assert_true(peer_wait(peer, 2, allowed_ms(5000)));
    expect_status(OCIREG_OK, ocireg_client_close(client, &failure));
    expect_end(client, job, OCIREG_CLOSED);
}

static size_t threads(void) {
    return entries_in("/proc/self/task");
}

/* Many calls wait for few threads; those that are cancelled or freed in the queue end at once. */
static void test_many_jobs_need_few_threads(void **state) {
    (void)state;
    enum { JOBS = 2000, THREADS = 4 };
    struct peer *peer = peer_start(&silent, 1);
    ocireg_client *client = new_client("{'plain_http':true,'job_threads':4}");
    static ocireg_job *jobs[JOBS];
    size_t before = threads();
    for (int i = 0; i < JOBS; i++) {
        expect_status(OCIREG_OK, ocireg_job_new(client, NULL, NULL, &jobs[i], &failure));
        expect_status(OCIREG_OK, ocireg_registry_ping(client, ocireg_job_context(jobs[i]), peer_host(peer), NULL, NULL, &failure));
    }
    assert_true(peer_wait(peer, THREADS, allowed_ms(5000)));
    assert_true(threads() <= before + THREADS + 1 + 8); /* the network's, and the peer's own for its connections */
    assert_false(can_be_read(client, 100));
    double begun = now_ms();
    for (int i = JOBS - 1; i >= JOBS / 2; i--) ocireg_job_free(jobs[i]);
    for (int i = JOBS / 2 - 1; i >= 0; i--) expect_status(OCIREG_OK, ocireg_job_cancel(jobs[i], &failure)); /* those in their calls last */
    for (int i = 0; i < JOBS / 2; i++) {
        ocireg_job *job;
        assert_int_equal(next_event(client, &job, allowed_ms(5000)), OCIREG_EVENT_DONE);
        assert_int_equal(ocireg_job_status(job), OCIREG_CANCELLED);
        ocireg_job_free(job);
    }
    assert_true(now_ms() - begun < allowed_ms(2000));
    assert_int_equal(peer_count(peer), THREADS);
    assert_false(can_be_read(client, 0));
}

static void test_freed_in_its_call(void **state) {
    (void)state;
    struct peer *peer = peer_start(&silent, 1);
    ocireg_client *client = plain_client();
    ocireg_job *job = NULL, *other = new_job(client, NULL);
    expect_status(OCIREG_OK, ocireg_job_new(client, NULL, NULL, &job, &failure));
    expect_status(OCIREG_OK, ocireg_registry_ping(client, ocireg_job_context(job), peer_host(peer), NULL, NULL, &failure));
    assert_true(peer_wait(peer, 1, allowed_ms(5000)));
    double begun = now_ms();
    ocireg_job_free(job);
    assert_true(now_ms() - begun < allowed_ms(20));
    assert_false(can_be_read(client, 300));
    expect_status(OCIREG_OK, ocireg_registry_ping(client, ocireg_job_context(other), env("OCIREG_TEST_V2"), NULL, NULL, &failure));
    expect_end(client, other, OCIREG_OK);
}

static void test_progress(void **state) {
    (void)state;
    size_t size = 8 << 20;
    ocireg_client *client = client_of("OCIREG_TEST_V2");
    char *place = repository("OCIREG_TEST_V2", "jobs-progress");
    uint8_t *data = noise(size, 3);
    ocireg_job *job = new_job(client, "{'progress':true}"), *other;
    expect_status(OCIREG_OK, ocireg_blob_put_memory(client, ocireg_job_context(job), place, data, size, NULL, NULL, &failure));
    int event, moved = 0;
    while ((event = next_event(client, &other, allowed_ms(20000))) == OCIREG_EVENT_PROGRESS) {
        uint64_t done = size + 1, total = 0;
        ocireg_job_progress(other, &done, &total);
        assert_true(done <= size);
        moved++;
    }
    assert_int_equal(event, OCIREG_EVENT_DONE);
    assert_int_equal(ocireg_job_status(job), OCIREG_OK);
    assert_true(moved > 0);
    uint64_t done = 0;
    ocireg_job_progress(job, &done, NULL);
    assert_int_equal(done, size);
    expect_number_at(ocireg_job_json(job), "size", (long long)size);
}

static void test_credentials(void **state) {
    (void)state;
    ocireg_client *client = new_client("{'plain_http':true}");
    ocireg_job *job = new_job(client, "{'credentials':true}"), *other;
    const char *host = env("OCIREG_TEST_HTPASSWD");
    for (int i = 0; i < 2; i++) {
        expect_status(OCIREG_OK, ocireg_repository_tags(client, ocireg_job_context(job), text("%s/none", host), NULL, NULL, &failure));
        if (i == 0) {
            assert_int_equal(next_event(client, &other, allowed_ms(5000)), OCIREG_EVENT_CREDENTIALS);
            assert_ptr_equal(other, job);
            assert_string_equal(ocireg_job_event_text(job), host);
            assert_false(can_be_read(client, 100)); /* it waits */
            expect_status(OCIREG_INVALID_ARGUMENT, ocireg_job_answer(job, options("{'username':'alice'}"), &failure));
            expect_status(OCIREG_OK, ocireg_job_answer(job, options("{'username':'alice','password':'s3cret:with colon'}"), &failure));
            expect_status(OCIREG_INVALID_ARGUMENT, ocireg_job_answer(job, NULL, &failure));
        }
        expect_end(client, job, OCIREG_NOT_FOUND); /* the second time nobody is asked */
    }
    /* While it waits for an answer it can be cancelled. */
    ocireg_client *fresh = new_client("{'plain_http':true}");
    job = new_job(fresh, "{'credentials':true}");
    expect_status(OCIREG_OK, ocireg_repository_tags(fresh, ocireg_job_context(job), text("%s/none", host), NULL, NULL, &failure));
    assert_int_equal(next_event(fresh, &other, allowed_ms(5000)), OCIREG_EVENT_CREDENTIALS);
    expect_status(OCIREG_OK, ocireg_job_cancel(job, &failure));
    expect_end(fresh, job, OCIREG_CANCELLED);
    expect_status(OCIREG_INVALID_ARGUMENT, ocireg_job_answer(job, NULL, &failure));
    /* And no credentials are an answer too. */
    job = new_job(fresh, "{'credentials':true}");
    expect_status(OCIREG_OK, ocireg_repository_tags(fresh, ocireg_job_context(job), text("%s/none", host), NULL, NULL, &failure));
    assert_int_equal(next_event(fresh, &other, allowed_ms(5000)), OCIREG_EVENT_CREDENTIALS);
    expect_status(OCIREG_OK, ocireg_job_answer(job, NULL, &failure));
    expect_end(fresh, job, OCIREG_UNAUTHENTICATED);
}

/* The trace, and the blobs of a copy, in their order and before the end. */
static void test_texts(void **state) {
    (void)state;
    ocireg_client *client = client_of("OCIREG_TEST_V2");
    char *place = repository("OCIREG_TEST_V2", "jobs-texts");
    put_image(client, place, "latest", 4);
    ocireg_job *job = new_job(client, "{'log':true,'blob_progress':true}"), *other;
    expect_status(OCIREG_OK, ocireg_copy(client, ocireg_job_context(job), text("docker://%s:latest", place), text("oci:%s/layout:latest", new_folder()), NULL, NULL, &failure));
    int event, requests = 0, responses = 0, begun = 0, copied = 0;
    while ((event = next_event(client, &other, allowed_ms(20000))) != OCIREG_EVENT_DONE) {
        const char *said = ocireg_job_event_text(job);
        if (event == OCIREG_EVENT_LOG) {
            requests += strstr(said, "\"event\":\"request\"") != NULL;
            responses += strstr(said, "\"event\":\"response\"") != NULL;
            assert_true(responses <= requests);
        } else {
            assert_int_equal(event, OCIREG_EVENT_BLOB);
            begun += strstr(said, "\"begun\"") != NULL;
            copied += strstr(said, "\"copied\"") != NULL;
            assert_true(copied <= begun);
        }
    }
    assert_int_equal(ocireg_job_status(job), OCIREG_OK);
    assert_true(requests >= 3 && responses == requests);
    assert_true(copied == 2 && begun == 2);
}

/* A reader that a job has opened is read by it, piece by piece. */
static void test_reader(void **state) {
    (void)state;
    size_t size = 1 << 20, total = 0;
    ocireg_client *client = client_of("OCIREG_TEST_V2");
    char *place = repository("OCIREG_TEST_V2", "jobs-reader");
    uint8_t *data = noise(size, 5), *got = keep(malloc(size + 1), free);
    put_blob(client, place, data, size);
    ocireg_job *job = new_job(client, NULL);
    assert_null(ocireg_job_take_reader(job));
    expect_status(OCIREG_OK, ocireg_blob_open(client, ocireg_job_context(job), blob_reference(place, data, size), NULL, NULL, &failure));
    expect_end(client, job, OCIREG_OK);
    assert_null(ocireg_job_take_upload(job));
    ocireg_blob_reader *reader = ocireg_job_take_reader(job);
    assert_non_null(reader);
    assert_null(ocireg_job_take_reader(job));
    for (size_t count = 1; count > 0; total += count) {
        uint8_t untouched = 7;
        count = 99;
        expect_status(OCIREG_OK, ocireg_blob_reader_read(reader, total ? NULL : &untouched, 100000, &count, &failure));
        assert_int_equal(count, 0);
        expect_end(client, job, OCIREG_OK);
        assert_int_equal(untouched, 7);
        count = ocireg_buffer_size(ocireg_job_bytes(job));
        assert_true(count <= 100000 && total + count <= size);
        memcpy(got + total, ocireg_buffer_data(ocireg_job_bytes(job)), count);
    }
    assert_int_equal(total, size);
    assert_memory_equal(got, data, size);
    expect_status(OCIREG_INVALID_ARGUMENT, ocireg_blob_reader_read(reader, NULL, 0, &total, &failure));
    ocireg_blob_reader_free(reader);
}

/* While a read of it is on its way there is no other, and freeing the job ends it; then the reader is closed. */
static void test_reader_in_its_read(void **state) {
    (void)state;
    const struct answer half = {.bytes = "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nsome bytes", .then = PEER_SILENT};
    struct peer *peer = peer_start(&half, 1);
    ocireg_client *client = plain_client();
    ocireg_job *job = NULL, *ended;
    size_t count;
    expect_status(OCIREG_OK, ocireg_job_new(client, NULL, NULL, &job, &failure));
    expect_status(OCIREG_OK, ocireg_blob_open(client, ocireg_job_context(job), text("%s/a@" BLOB, peer_host(peer)), NULL, NULL, &failure));
    assert_int_equal(next_event(client, &ended, allowed_ms(5000)), OCIREG_EVENT_DONE);
    ocireg_blob_reader *reader = ocireg_job_take_reader(job);
    for (size_t total = 0; total < 10; total += ocireg_buffer_size(ocireg_job_bytes(job))) {
        expect_status(OCIREG_OK, ocireg_blob_reader_read(reader, NULL, 10, &count, &failure));
        assert_int_equal(next_event(client, &ended, allowed_ms(5000)), OCIREG_EVENT_DONE);
    }
    expect_status(OCIREG_OK, ocireg_blob_reader_read(reader, NULL, 10, &count, &failure));
    usleep(50000);
    double begun = now_ms();
    expect_status(OCIREG_BUSY, ocireg_blob_reader_read(reader, NULL, 10, &count, &failure));
    expect_status(OCIREG_BUSY, ocireg_blob_reader_close(reader, &failure));
    ocireg_job_free(job);
    expect_status(OCIREG_CLOSED, ocireg_blob_reader_read(reader, NULL, 10, &count, &failure));
    assert_true(now_ms() - begun < allowed_ms(50));
    ocireg_blob_reader_free(reader);
}

static void test_upload(void **state) {
    (void)state;
    size_t size = 3 << 20;
    ocireg_client *client = client_of("OCIREG_TEST_V2");
    char *place = repository("OCIREG_TEST_V2", "jobs-upload");
    uint8_t *data = noise(size, 6);
    ocireg_job *job = new_job(client, NULL);
    expect_status(OCIREG_OK, ocireg_upload_start(client, ocireg_job_context(job), place, NULL, NULL, &failure));
    expect_end(client, job, OCIREG_OK);
    ocireg_upload *upload = ocireg_job_take_upload(job);
    assert_non_null(upload);
    for (size_t i = 0; i < size; i += 1 << 20) {
        expect_status(OCIREG_OK, ocireg_upload_write(upload, data + i, 1 << 20, &failure));
        expect_end(client, job, OCIREG_OK);
    }
    expect_status(OCIREG_INVALID_ARGUMENT, ocireg_upload_write(upload, NULL, 1, &failure));
    expect_status(OCIREG_INVALID_REFERENCE, ocireg_upload_finish(upload, "not a digest", NULL, &failure));
    expect_status(OCIREG_OK, ocireg_upload_finish(upload, digest_of(data, size), NULL, &failure));
    expect_end(client, job, OCIREG_OK);
    expect_text_at(ocireg_job_json(job), "digest", digest_of(data, size));
    ocireg_upload_free(upload);
}

/* One that is freed before its end, or that nobody takes, is cancelled, and nobody waits for that. */
static void test_upload_that_is_left(void **state) {
    (void)state;
    const struct answer answers[] = {
        {.bytes = "HTTP/1.1 202 Accepted\r\nLocation: /v2/a/blobs/uploads/1\r\nContent-Length: 0\r\n\r\n"},
        {.then = PEER_SILENT},
    };
    for (int taken = 0; taken < 2; taken++) {
        struct peer *peer = peer_start(answers, 2);
        ocireg_client *client = plain_client();
        ocireg_job *job = NULL, *ended;
        expect_status(OCIREG_OK, ocireg_job_new(client, NULL, NULL, &job, &failure));
        expect_status(OCIREG_OK, ocireg_upload_start(client, ocireg_job_context(job), text("%s/a", peer_host(peer)), NULL, NULL, &failure));
        assert_int_equal(next_event(client, &ended, allowed_ms(20000)), OCIREG_EVENT_DONE);
        double begun = now_ms();
        if (taken) {
            ocireg_upload *upload = ocireg_job_take_upload(job);
            assert_non_null(upload);
            ocireg_upload_free(upload);
        }
        ocireg_job_free(job);
        assert_true(now_ms() - begun < allowed_ms(40));
        assert_true(peer_wait(peer, 2, allowed_ms(5000)));
        assert_non_null(strstr(peer_request(peer, 1), "DELETE /v2/a/blobs/uploads/1"));
    }
}

/* Everything that a call is given is its own: bytes and descriptors too. */
static void test_nothing_must_be_kept(void **state) {
    (void)state;
    ocireg_client *client = client_of("OCIREG_TEST_V2");
    char *place = repository("OCIREG_TEST_V2", "jobs-given"), *path = text("%s/blob", new_folder());
    uint8_t *data = malloc(100000);
    assert_non_null(data);
    memcpy(data, noise(100000, 8), 100000);
    ocireg_job *job = new_job(client, NULL);
    expect_status(OCIREG_OK, ocireg_blob_put_memory(client, ocireg_job_context(job), place, data, 100000, NULL, NULL, &failure));
    memset(data, 0, 100000);
    free(data);
    expect_end(client, job, OCIREG_OK);
    data = noise(100000, 8);
    expect_text_at(ocireg_job_json(job), "digest", digest_of(data, 100000));
    int fd = open(path, O_CREAT | O_WRONLY, 0600);
    expect_status(OCIREG_OK, ocireg_blob_get_fd(client, ocireg_job_context(job), blob_reference(place, data, 100000), fd, NULL, NULL, &failure));
    close(fd);
    expect_end(client, job, OCIREG_OK);
    size_t size = 0;
    uint8_t *got = read_file(path, &size);
    assert_int_equal(size, 100000);
    assert_memory_equal(got, data, size);
    expect_status(OCIREG_INVALID_ARGUMENT, ocireg_blob_get_fd(client, ocireg_job_context(job), blob_reference(place, data, 100000), -1, NULL, NULL, &failure));
    expect_status(OCIREG_IO, ocireg_blob_get_fd(client, ocireg_job_context(job), blob_reference(place, data, 100000), fd, NULL, NULL, &failure));
    put_image(client, place, "latest", 9);
    fd = open(path, O_WRONLY | O_TRUNC);
    expect_status(OCIREG_OK, ocireg_copy(client, ocireg_job_context(job), text("docker://%s:latest", place), "oci-archive:-", options("{'destination_fd':%d}", fd), NULL, &failure));
    close(fd);
    expect_end(client, job, OCIREG_OK);
    read_file(path, &size);
    assert_true(size > 1000);
}

/* A call that waits for a thread keeps its deadline, also one that is set while it waits. */
static void test_deadline_in_the_queue(void **state) {
    (void)state;
    struct peer *peer = peer_start(&silent, 1);
    ocireg_client *client = new_client("{'plain_http':true,'job_threads':1}");
    ocireg_job *first = new_job(client, NULL), *second = new_job(client, NULL), *third = new_job(client, NULL);
    expect_status(OCIREG_OK, ocireg_registry_ping(client, ocireg_job_context(first), peer_host(peer), NULL, NULL, &failure));
    assert_true(peer_wait(peer, 1, allowed_ms(5000)));
    expect_status(OCIREG_OK, ocireg_context_set_deadline(ocireg_job_context(second), 100, &failure));
    expect_status(OCIREG_OK, ocireg_registry_ping(client, ocireg_job_context(second), peer_host(peer), NULL, NULL, &failure));
    expect_status(OCIREG_OK, ocireg_registry_ping(client, ocireg_job_context(third), peer_host(peer), NULL, NULL, &failure));
    double begun = now_ms();
    expect_end(client, second, OCIREG_TIMEOUT);
    assert_true(now_ms() - begun < allowed_ms(400));
    expect_status(OCIREG_OK, ocireg_context_set_deadline(ocireg_job_context(third), 100, &failure));
    expect_end(client, third, OCIREG_TIMEOUT);
    assert_true(now_ms() - begun < allowed_ms(1000));
    expect_status(OCIREG_OK, ocireg_job_cancel(first, &failure));
    expect_end(client, first, OCIREG_CANCELLED);
    assert_int_equal(peer_count(peer), 1);
}

/* A job that waits for an answer leaves its thread's place to the one that finds the answer. */
static void test_answers_by_another_job(void **state) {
    (void)state;
    ocireg_client *client = new_client("{'plain_http':true,'job_threads':1}");
    ocireg_job *asking = new_job(client, "{'credentials':true}"), *finding = new_job(client, NULL), *other;
    expect_status(OCIREG_OK, ocireg_registry_catalog(client, ocireg_job_context(asking), env("OCIREG_TEST_HTPASSWD"), NULL, NULL, &failure));
    assert_int_equal(next_event(client, &other, allowed_ms(5000)), OCIREG_EVENT_CREDENTIALS);
    expect_status(OCIREG_OK, ocireg_registry_ping(client, ocireg_job_context(finding), env("OCIREG_TEST_V2"), NULL, NULL, &failure));
    expect_end(client, finding, OCIREG_OK);
    expect_status(OCIREG_OK, ocireg_job_answer(asking, options("{'username':'alice','password':'s3cret:with colon'}"), &failure));
    expect_end(client, asking, OCIREG_OK);
}

/* Of several jobs that want the credentials of one host one asks, and the answer is for all; when that one leaves another asks. */
static void test_one_question_for_a_host(void **state) {
    (void)state;
    enum { JOBS = 10 };
    ocireg_client *client = new_client("{'plain_http':true}");
    ocireg_job *jobs[JOBS], *asking, *next;
    for (int i = 0; i < JOBS; i++) {
        jobs[i] = new_job(client, "{'credentials':true}");
        expect_status(OCIREG_OK, ocireg_registry_catalog(client, ocireg_job_context(jobs[i]), env("OCIREG_TEST_HTPASSWD"), NULL, NULL, &failure));
    }
    assert_int_equal(next_event(client, &asking, allowed_ms(5000)), OCIREG_EVENT_CREDENTIALS);
    assert_false(can_be_read(client, 300));
    expect_status(OCIREG_OK, ocireg_job_cancel(asking, &failure));
    for (int ended = 0, questions = 0; ended < JOBS;) {
        int event = next_event(client, &next, allowed_ms(20000));
        if (event == OCIREG_EVENT_CREDENTIALS) {
            assert_true(next != asking && ++questions == 1);
            expect_status(OCIREG_OK, ocireg_job_answer(next, options("{'username':'alice','password':'s3cret:with colon'}"), &failure));
        } else {
            assert_int_equal(event, OCIREG_EVENT_DONE);
            assert_int_equal(ocireg_job_status(next), next == asking ? OCIREG_CANCELLED : OCIREG_OK);
            ended++;
        }
    }
    assert_false(can_be_read(client, 0));
}

/* Where nothing moves there is no progress. */
static void test_no_progress(void **state) {
    (void)state;
    struct peer *peer = peer_start(&silent, 1);
    ocireg_client *client = plain_client();
    ocireg_job *job = new_job(client, "{'progress':true}");
    expect_status(OCIREG_OK, ocireg_registry_ping(client, ocireg_job_context(job), peer_host(peer), NULL, NULL, &failure));
    assert_false(can_be_read(client, 700));
    expect_status(OCIREG_OK, ocireg_job_cancel(job, &failure));
    expect_end(client, job, OCIREG_CANCELLED);
}

/* Calls that are begun again and cancelled, over and over, from two threads: each that was begun comes to its end. */
static void *cancel_all(void *argument) {
    for (int i = 0; i < 20000; i++) ocireg_job_cancel(argument, NULL);
    return NULL;
}

static void test_begun_and_cancelled(void **state) {
    (void)state;
    ocireg_client *client = new_client("{'plain_http':true,'job_threads':2}");
    ocireg_job *job = new_job(client, NULL), *ended;
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, cancel_all, job), 0);
    for (int i = 0; i < 500; i++) {
        expect_status(OCIREG_OK, ocireg_registry_ping(client, ocireg_job_context(job), env("OCIREG_TEST_V2"), NULL, NULL, &failure));
        assert_int_equal(next_event(client, &ended, allowed_ms(20000)), OCIREG_EVENT_DONE);
        assert_int_not_equal(ocireg_job_status(job), OCIREG_BUSY);
    }
    pthread_join(thread, NULL);
}

/* The result of an open that nobody takes is freed with the job. */
static void test_untaken(void **state) {
    (void)state;
    ocireg_client *client = client_of("OCIREG_TEST_V2");
    char *place = repository("OCIREG_TEST_V2", "jobs-untaken");
    put_blob(client, place, noise(1000, 7), 1000);
    ocireg_job *job = new_job(client, NULL);
    expect_status(OCIREG_OK, ocireg_blob_open(client, ocireg_job_context(job), blob_reference(place, noise(1000, 7), 1000), NULL, NULL, &failure));
    expect_end(client, job, OCIREG_OK);
    expect_status(OCIREG_BUSY, ocireg_client_quiesce(client, &failure));
}

/* With no call, job or reader there is no thread of the library's: then Linux lets the process into a new user namespace. */
static void test_quiesce(void **state) {
    (void)state;
    struct peer *peer = peer_start(&silent, 1);
    pid_t child = fork();
    if (child == 0) {
        ocireg_client *client = NULL;
        ocireg_options *plain = NULL;
        ocireg_job *job = NULL;
        int event;
        ocireg_options_new(&plain, NULL);
        ocireg_options_set_bool(plain, OCIREG_OPT_PLAIN_HTTP, true, NULL);
        if (ocireg_client_new(plain, &client, NULL) != OCIREG_OK) _exit(1);
        for (int round = 0; round < 3; round++) {
            if (ocireg_job_new(client, NULL, NULL, &job, NULL) != OCIREG_OK) _exit(2);
            if (ocireg_registry_ping(client, ocireg_job_context(job), env("OCIREG_TEST_V2"), NULL, NULL, NULL) != OCIREG_OK) _exit(3);
            while (!ocireg_client_next_event(client, &job, &event, NULL) && !job) usleep(1000);
            if (event != OCIREG_EVENT_DONE || ocireg_job_status(job) != OCIREG_OK) _exit(4);
            if (ocireg_client_quiesce(client, NULL) != OCIREG_OK) _exit(5);
            ocireg_job_free(job);
            if (entries_in("/proc/self/task") != 1) _exit(6);
        }
        if (unshare(CLONE_NEWUSER) != 0 && errno == EINVAL) _exit(7); /* EINVAL: the process has threads; others refuse it for reasons of theirs */
        /* A call in progress is not interrupted. */
        if (ocireg_job_new(client, NULL, NULL, &job, NULL) != OCIREG_OK) _exit(8);
        if (ocireg_registry_ping(client, ocireg_job_context(job), peer_host(peer), NULL, NULL, NULL) != OCIREG_OK) _exit(9);
        if (ocireg_client_quiesce(client, NULL) != OCIREG_BUSY) _exit(10);
        ocireg_job_cancel(job, NULL);
        while (!ocireg_client_next_event(client, &job, &event, NULL) && !job) usleep(1000);
        if (ocireg_client_quiesce(client, NULL) != OCIREG_OK) _exit(11);
        ocireg_job_free(job);
        ocireg_client_free(client);
        ocireg_options_free(plain);
        execl("/bin/true", "true", (char *)NULL); /* valgrind takes what threads of the parent's hold for lost at an exit */
        _exit(12);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

/* A job of the parent's is FORKED in the child, and freeing it does nothing. */
static void test_forked(void **state) {
    (void)state;
    ocireg_client *client = plain_client();
    ocireg_job *job = new_job(client, NULL);
    ocireg_context *context = ocireg_job_context(job);
    pid_t child = fork();
    if (child == 0) {
        ocireg_job *other = NULL;
        int event, fd;
        char *json;
        bool good = ocireg_registry_ping(client, context, "localhost:1", NULL, &json, NULL) == OCIREG_FORKED
            && ocireg_job_cancel(job, NULL) == OCIREG_FORKED && ocireg_context_cancel(context, NULL) == OCIREG_FORKED
            && ocireg_job_new(client, NULL, NULL, &other, NULL) == OCIREG_FORKED
            && ocireg_client_next_event(client, &other, &event, NULL) == OCIREG_FORKED
            && ocireg_client_fd(client, &fd, NULL) == OCIREG_FORKED && ocireg_client_quiesce(client, NULL) == OCIREG_FORKED
            && ocireg_job_answer(job, NULL, NULL) == OCIREG_FORKED && ocireg_job_status(job) == OCIREG_FORKED
            && !ocireg_job_json(job) && !ocireg_job_take_reader(job) && !ocireg_job_event_text(job);
        ocireg_job_free(job);
        if (good) execl("/bin/true", "true", (char *)NULL); /* valgrind takes what is the parent's for lost at an exit */
        _exit(1);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    ocireg_job_cancel(job, NULL);
}

static void test_of_nothing(void **state) {
    (void)state;
    /* A call that must not wait never becomes one that does. */
    ocireg_client *client = plain_client();
    char *json = NULL;
    expect_status(OCIREG_INVALID_ARGUMENT, ocireg_registry_ping(client, ocireg_job_context(NULL), "localhost:1", NULL, &json, &failure));
    expect_message("context");
    ocireg_context_free(ocireg_job_context(NULL));
    assert_null(ocireg_job_userdata(NULL));
    assert_int_equal(ocireg_job_status(NULL), OCIREG_INVALID_ARGUMENT);
    assert_null(ocireg_job_error(NULL));
    assert_null(ocireg_job_json(NULL));
    assert_null(ocireg_job_bytes(NULL));
    assert_null(ocireg_job_take_reader(NULL));
    assert_null(ocireg_job_take_upload(NULL));
    assert_null(ocireg_job_event_text(NULL));
    uint64_t done = 7, total = 7;
    ocireg_job_progress(NULL, &done, &total);
    assert_true(done == 0 && total == 0);
    ocireg_job_free(NULL);
}

/* Jobs that several threads start, and one takes: every end is told once. */
struct starter {
    ocireg_client *client;
    ocireg_job *jobs[50];
};

static void *start_all(void *argument) {
    struct starter *starter = argument;
    for (size_t i = 0; i < 50; i++) {
        ocireg_job_new(starter->client, NULL, starter, &starter->jobs[i], NULL);
        ocireg_registry_ping(starter->client, ocireg_job_context(starter->jobs[i]), getenv("OCIREG_TEST_V2"), NULL, NULL, NULL);
    }
    return NULL;
}

static void test_from_many_threads(void **state) {
    (void)state;
    struct starter starters[4];
    pthread_t ids[4];
    ocireg_client *client = client_of("OCIREG_TEST_V2");
    for (int i = 0; i < 4; i++) {
        starters[i].client = client;
        assert_int_equal(pthread_create(&ids[i], NULL, start_all, &starters[i]), 0);
    }
    for (int ended = 0; ended < 200; ended++) {
        ocireg_job *job;
        assert_int_equal(next_event(client, &job, allowed_ms(20000)), OCIREG_EVENT_DONE);
        assert_int_equal(ocireg_job_status(job), OCIREG_OK);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(ids[i], NULL);
        for (int j = 0; j < 50; j++) ocireg_job_free(starters[i].jobs[j]);
    }
    assert_false(can_be_read(client, 0));
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        test(test_a_call_is_made_elsewhere),
        test(test_wrong_arguments),
        test(test_functions_that_call_back_for_bytes),
        test(test_one_call_at_a_time),
        test(test_deadline_and_close),
        test(test_many_jobs_need_few_threads),
        test(test_freed_in_its_call),
        test(test_progress),
        test(test_credentials),
        test(test_texts),
        test(test_reader),
        test(test_reader_in_its_read),
        test(test_upload),
        test(test_upload_that_is_left),
        test(test_nothing_must_be_kept),
        test(test_deadline_in_the_queue),
        test(test_answers_by_another_job),
        test(test_one_question_for_a_host),
        test(test_no_progress),
        test(test_begun_and_cancelled),
        test(test_untaken),
        test(test_quiesce),
        test(test_forked),
        test(test_of_nothing),
        test(test_from_many_threads),
    };
    return run_all(tests, argc, argv);
}

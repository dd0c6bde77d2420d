/* Jobs: calls that return at once and are made by threads of the library. Their readers and uploads are in test_job_readers.c, what they tell
 * before their end in test_job_events.c. */
#include "jobs.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

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
    expect_message("to a job");
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
    /* A job that could not be made is NULL, and so is its context: the call is none of a job's. */
    char *digest = NULL;
    expect_status(OCIREG_INVALID_ARGUMENT, ocireg_manifest_digest(client, ocireg_job_context(NULL), "localhost:1/a", NULL, NULL, &failure));
    assert_string_equal(ocireg_error_message(failure), "the argument digest is NULL");
    assert_non_null(strstr(ocireg_error_hint(failure), "is the job NULL?"));
    expect_status(OCIREG_INVALID_ARGUMENT, ocireg_manifest_digest(NULL, NULL, "localhost:1/a", NULL, &digest, &failure));
    assert_null(ocireg_error_hint(failure));
}

/* What a job's callback was given or gives: on one thread of the library, one piece after the other, until the end of the call. */
struct moved {
    pthread_t caller;
    unsigned left, pieces;
    size_t bytes;
    bool on_callers_thread;
};

static int64_t give_pieces(void *userdata, uint8_t *buffer, size_t size) {
    struct moved *moved = userdata;
    moved->on_callers_thread |= pthread_equal(moved->caller, pthread_self());
    if (moved->left == 0) return 0;
    moved->left--, moved->pieces++;
    size_t count = size < 1000 ? size : 1000;
    memset(buffer, 'a' + (int)(moved->left % 26), count);
    moved->bytes += count;
    return (int64_t)count;
}

static int32_t take_pieces(void *userdata, const uint8_t *data, size_t size) {
    struct moved *moved = userdata;
    (void)data;
    moved->on_callers_thread |= pthread_equal(moved->caller, pthread_self());
    moved->pieces++, moved->bytes += size;
    return 0;
}

static int64_t give_nothing(void *userdata, uint8_t *buffer, size_t size) {
    (void)userdata, (void)buffer, (void)size;
    return -1;
}

static void test_bytes_by_callback(void **state) {
    (void)state;
    ocireg_client *client = plain_client();
    ocireg_job *job = new_job(client, NULL);
    ocireg_context *context = ocireg_job_context(job);
    struct moved given = {.caller = pthread_self(), .left = 100}, taken = {.caller = pthread_self()};
    expect_status(OCIREG_OK, ocireg_blob_put_stream(client, context, repository("OCIREG_TEST_V2", "job-stream"), give_pieces, &given, NULL, NULL, &failure));
    expect_end(client, job, OCIREG_OK);
    expect_number_at(ocireg_job_json(job), "size", 100000);
    assert_int_equal(given.bytes, 100000);
    assert_false(given.on_callers_thread);
    /* The same image as a file and through a callback. */
    const char *folder = new_folder(), *layout = text("oci:%s/layout:a", folder), *tar = text("%s/a.tar", folder);
    ocireg_options *layers = options("{'scratch':true}");
    write_file(text("%s/layer.tar", folder), keep(calloc(1, 1024), free), 1024);
    expect_status(OCIREG_OK, ocireg_options_add_string(layers, OCIREG_OPT_LAYERS, text("%s/layer.tar", folder), &failure));
    expect_status(OCIREG_OK, ocireg_image_append(client, NULL, layout, layers, NULL, &failure));
    expect_status(OCIREG_OK, ocireg_image_export_file(client, NULL, layout, tar, NULL, NULL, &failure));
    expect_status(OCIREG_OK, ocireg_image_export_stream(client, context, layout, take_pieces, &taken, NULL, NULL, &failure));
    expect_end(client, job, OCIREG_OK);
    size_t size = 0;
    read_file(tar, &size);
    assert_true(size > 0);
    assert_int_equal(taken.bytes, size);
    assert_false(taken.on_callers_thread);
    /* A callback that says no ends it, and one that is not there is the function's own error. */
    expect_status(OCIREG_OK, ocireg_blob_put_stream(client, context, repository("OCIREG_TEST_V2", "job-stream"), give_nothing, NULL, NULL, NULL, &failure));
    expect_end(client, job, OCIREG_CALLBACK);
    expect_status(OCIREG_INVALID_ARGUMENT, ocireg_image_export_stream(client, context, layout, NULL, NULL, NULL, NULL, &failure));
    expect_message("callback");
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

/* A registry that does not answer holds all threads, and calls to others go on. */
static void test_a_silent_host_stops_no_other(void **state) {
    (void)state;
    enum { JOBS = 6 };
    struct peer *peer = peer_start(&silent, 1);
    ocireg_client *client = new_client("{'plain_http':true,'job_threads':2}");
    for (int i = 0; i < JOBS; i++) {
        ocireg_job *job = new_job(client, NULL);
        expect_status(OCIREG_OK, ocireg_registry_ping(client, ocireg_job_context(job), peer_host(peer), NULL, NULL, &failure));
    }
    assert_true(peer_wait(peer, 2, allowed_ms(5000)));
    ocireg_job *good = new_job(client, NULL);
    for (int i = 0; i < 3; i++) {
        expect_status(OCIREG_OK, ocireg_registry_ping(client, ocireg_job_context(good), env("OCIREG_TEST_V2"), NULL, NULL, &failure));
        expect_end(client, good, OCIREG_OK);
    }
    assert_int_equal(peer_count(peer), 2);
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

/* A call that waits for a thread keeps its deadline, also one that is set while it waits, and ends when its context is cancelled. */
static void test_ended_in_the_queue(void **state) {
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
    for (int i = 0; i < 1000; i++) expect_status(OCIREG_OK, ocireg_context_set_deadline(ocireg_job_context(third), i % 2 ? 0 : 60000, &failure));
    begun = now_ms();
    expect_status(OCIREG_OK, ocireg_context_set_deadline(ocireg_job_context(third), 100, &failure));
    expect_end(client, third, OCIREG_TIMEOUT);
    assert_true(now_ms() - begun < allowed_ms(400));
    /* Where nothing can be woken. */
    ocireg_job *fourth = new_job(client, NULL);
    expect_status(OCIREG_OK, ocireg_registry_ping(client, ocireg_job_context(fourth), peer_host(peer), NULL, NULL, &failure));
    begun = now_ms();
    ocireg_context_cancel_from_signal(ocireg_job_context(fourth));
    expect_end(client, fourth, OCIREG_CANCELLED);
    assert_true(now_ms() - begun < allowed_ms(200));
    expect_status(OCIREG_OK, ocireg_job_cancel(first, &failure));
    expect_end(client, first, OCIREG_CANCELLED);
    assert_int_equal(peer_count(peer), 1);
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
            && ocireg_client_next_event(client, NULL, NULL, NULL) == OCIREG_FORKED && ocireg_client_fd(client, NULL, NULL) == OCIREG_FORKED
            && ocireg_context_cancel(ocireg_job_context(job), NULL) == OCIREG_FORKED
            && ocireg_registry_ping(client, ocireg_job_context(job), NULL, NULL, NULL, NULL) == OCIREG_FORKED
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
        test(test_bytes_by_callback),
        test(test_one_call_at_a_time),
        test(test_deadline_and_close),
        test(test_many_jobs_need_few_threads),
        test(test_a_silent_host_stops_no_other),
        test(test_freed_in_its_call),
        test(test_ended_in_the_queue),
        test(test_begun_and_cancelled),
        test(test_quiesce),
        test(test_forked),
        test(test_of_nothing),
        test(test_from_many_threads),
    };
    return run_all(tests, argc, argv);
}

/* What a job tells before its end: progress, the trace, the blobs of a copy, credentials that are wanted. */
#include "jobs.h"

#include <dirent.h>
#include <unistd.h>

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

/* Where nothing moves progress comes at least every 250 ms, and one that is not taken is the only one. */
static void test_progress_while_nothing_moves(void **state) {
    (void)state;
    struct peer *peer = peer_start(&silent, 1);
    ocireg_client *client = plain_client();
    ocireg_job *job = new_job(client, "{'progress':true}"), *quiet = new_job(client, NULL), *other;
    expect_status(OCIREG_OK, ocireg_registry_ping(client, ocireg_job_context(quiet), peer_host(peer), NULL, NULL, &failure));
    assert_false(can_be_read(client, 700)); /* who did not ask for it is told nothing */
    expect_status(OCIREG_OK, ocireg_job_cancel(quiet, &failure));
    expect_end(client, quiet, OCIREG_CANCELLED);
    expect_status(OCIREG_OK, ocireg_registry_ping(client, ocireg_job_context(job), peer_host(peer), NULL, NULL, &failure));
    for (int i = 0; i < 5; i++) {
        uint64_t done = 7, total = 7;
        assert_int_equal(next_event(client, &other, allowed_ms(250)), OCIREG_EVENT_PROGRESS);
        ocireg_job_progress(other, &done, &total);
        assert_true(other == job && done == 0 && total == 0);
    }
    usleep(700000);
    assert_int_equal(next_event(client, &other, 0), OCIREG_EVENT_PROGRESS);
    assert_int_equal(next_event(client, &other, 0), OCIREG_EVENT_NONE);
    expect_status(OCIREG_OK, ocireg_job_cancel(job, &failure));
    usleep(300000);
    expect_end(client, job, OCIREG_CANCELLED);
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

/* A job that is made for an answer does not wait for that answer, on a thread or for one; when nobody asks any more it is as any other. */
static void test_a_job_for_an_answer(void **state) {
    (void)state;
    const char *host = env("OCIREG_TEST_HTPASSWD");
    for (int threads = 1; threads <= 4; threads += 3) {
        ocireg_client *client = new_client(threads == 1 ? "{'plain_http':true,'job_threads':1}" : "{'plain_http':true,'job_threads':4}");
        ocireg_job *asking = new_job(client, "{'credentials':true}"), *nested = new_job(client, "{'credentials':true}"), *next;
        expect_status(OCIREG_OK, ocireg_context_set_within(ocireg_job_context(nested), ocireg_job_context(asking), &failure));
        expect_status(OCIREG_OK, ocireg_registry_catalog(client, ocireg_job_context(asking), host, NULL, NULL, &failure));
        assert_int_equal(next_event(client, &next, allowed_ms(5000)), OCIREG_EVENT_CREDENTIALS);
        expect_status(OCIREG_OK, ocireg_registry_catalog(client, ocireg_job_context(nested), host, NULL, NULL, &failure));
        expect_end(client, nested, OCIREG_BUSY);
        assert_non_null(strstr(ocireg_error_message(ocireg_job_error(nested)), host));
        expect_status(OCIREG_OK, ocireg_job_answer(asking, options("{'username':'alice','password':'s3cret:with colon'}"), &failure));
        expect_end(client, asking, OCIREG_OK);
        /* The answer that has come is for it too. */
        expect_status(OCIREG_OK, ocireg_registry_catalog(client, ocireg_job_context(nested), host, NULL, NULL, &failure));
        expect_end(client, nested, OCIREG_OK);
    }
    expect_status(OCIREG_INVALID_ARGUMENT, ocireg_context_set_within(NULL, NULL, &failure));
}

/* Calls that never ask are made while a question about their host stands, however few threads there are. */
static void test_calls_that_never_ask(void **state) {
    (void)state;
    ocireg_client *client = new_client("{'plain_http':true,'job_threads':1}");
    ocireg_job *asking = new_job(client, "{'credentials':true}"), *other = new_job(client, "{'credentials':true}"), *next;
    const char *host = env("OCIREG_TEST_HTPASSWD");
    expect_status(OCIREG_OK, ocireg_registry_catalog(client, ocireg_job_context(asking), host, NULL, NULL, &failure));
    assert_int_equal(next_event(client, &next, allowed_ms(5000)), OCIREG_EVENT_CREDENTIALS);
    expect_status(OCIREG_OK, ocireg_registry_ping(client, ocireg_job_context(other), host, NULL, NULL, &failure));
    expect_end(client, other, OCIREG_OK);
    expect_status(OCIREG_OK, ocireg_login(client, ocireg_job_context(other), host, options("{'username':'alice','password':'s3cret:with colon','store':false}"),
                                          NULL, &failure));
    expect_end(client, other, OCIREG_OK);
    expect_status(OCIREG_OK, ocireg_client_set_host(client, host, options("{'anonymous':true}"), &failure));
    expect_status(OCIREG_OK, ocireg_registry_catalog(client, ocireg_job_context(other), host, NULL, NULL, &failure));
    expect_end(client, other, OCIREG_UNAUTHENTICATED);
    expect_status(OCIREG_OK, ocireg_client_set_host(client, host, options("{'username':'alice','password':'s3cret:with colon'}"), &failure));
    expect_status(OCIREG_OK, ocireg_registry_catalog(client, ocireg_job_context(other), host, NULL, NULL, &failure));
    expect_end(client, other, OCIREG_OK);
    expect_status(OCIREG_OK, ocireg_job_answer(asking, NULL, &failure));
    expect_end(client, asking, OCIREG_UNAUTHENTICATED);
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

/* The threads that make the calls of jobs, by the name that the library gives them. */
static size_t threads_of_jobs(void) {
    size_t count = 0;
    DIR *folder = opendir("/proc/self/task");
    for (const struct dirent *entry; folder && (entry = readdir(folder));) {
        char name[32] = "";
        FILE *file = fopen(text("/proc/self/task/%s/comm", entry->d_name), "r");
        if (file && fgets(name, sizeof name, file)) count += strcmp(name, "ocireg-job\n") == 0;
        if (file) fclose(file);
    }
    if (folder) closedir(folder);
    return count;
}

/* However many jobs wait for one password, others go on; and they are not a thread each. */
static void test_a_password_holds_nobody_else_up(void **state) {
    (void)state;
    enum { JOBS = 200 };
    static ocireg_job *jobs[JOBS];
    ocireg_client *client = new_client("{'plain_http':true,'job_threads':2}");
    ocireg_job *asking, *next, *open = new_job(client, "{'credentials':true}");
    ocireg_options *alice = options("{'username':'alice','password':'s3cret:with colon'}");
    for (int i = 0; i < JOBS; i++) {
        jobs[i] = new_job(client, "{'credentials':true}");
        expect_status(OCIREG_OK, ocireg_registry_catalog(client, ocireg_job_context(jobs[i]), env("OCIREG_TEST_HTPASSWD"), NULL, NULL, &failure));
    }
    assert_int_equal(next_event(client, &asking, allowed_ms(5000)), OCIREG_EVENT_CREDENTIALS);
    for (int i = 0; i < 5; i++) {
        expect_status(OCIREG_OK, ocireg_registry_ping(client, ocireg_job_context(open), env("OCIREG_TEST_V2"), NULL, NULL, &failure));
        expect_end(client, open, OCIREG_OK);
    }
    assert_in_range(threads_of_jobs(), 3, 6);
    expect_status(OCIREG_BUSY, ocireg_client_quiesce(client, &failure));
    /* What waits for the answer without a thread ends as promptly as what has one. */
    ocireg_job *last = jobs[JOBS - 1], *late = jobs[JOBS - 2];
    expect_status(OCIREG_OK, ocireg_job_cancel(last, &failure));
    expect_end(client, last, OCIREG_CANCELLED);
    expect_status(OCIREG_OK, ocireg_context_set_deadline(ocireg_job_context(late), 50, &failure));
    expect_end(client, late, OCIREG_TIMEOUT);
    expect_status(OCIREG_OK, ocireg_job_answer(asking, alice, &failure));
    for (int ended = 0; ended < JOBS - 2; ended++) {
        assert_int_equal(next_event(client, &next, allowed_ms(20000)), OCIREG_EVENT_DONE);
        assert_int_equal(ocireg_job_status(next), OCIREG_OK);
    }
    expect_status(OCIREG_OK, ocireg_client_quiesce(client, &failure));
    assert_int_equal(threads_of_jobs(), 0);
}

/* Those that wait for an answer end when the client is closed. */
static void test_closed_while_many_wait(void **state) {
    (void)state;
    enum { JOBS = 20 };
    ocireg_client *client = new_client("{'plain_http':true,'job_threads':1}");
    ocireg_job *next;
    for (int i = 0; i < JOBS; i++)
        expect_status(OCIREG_OK, ocireg_registry_catalog(client, ocireg_job_context(new_job(client, "{'credentials':true}")), env("OCIREG_TEST_HTPASSWD"), NULL, NULL, &failure));
    assert_int_equal(next_event(client, &next, allowed_ms(5000)), OCIREG_EVENT_CREDENTIALS);
    double begun = now_ms();
    expect_status(OCIREG_OK, ocireg_client_close(client, &failure));
    for (int ended = 0; ended < JOBS; ended++) {
        assert_int_equal(next_event(client, &next, allowed_ms(5000)), OCIREG_EVENT_DONE);
        assert_int_equal(ocireg_job_status(next), OCIREG_CLOSED);
    }
    assert_true(now_ms() - begun < allowed_ms(500));
}

static bool says(const char *json, const char *path, const char *wanted) {
    const char *found = keep(json_string_at(json, path), free);
    return found && strcmp(found, wanted) == 0;
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
            requests += says(said, "event", "request");
            responses += says(said, "event", "response");
            assert_true(responses <= requests);
        } else {
            assert_int_equal(event, OCIREG_EVENT_BLOB);
            begun += says(said, "state", "begun");
            copied += says(said, "state", "copied");
            assert_true(copied <= begun);
        }
    }
    assert_int_equal(ocireg_job_status(job), OCIREG_OK);
    assert_true(requests >= 3 && responses == requests);
    assert_true(copied == 2 && begun == 2);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        test(test_progress),
        test(test_progress_while_nothing_moves),
        test(test_credentials),
        test(test_answers_by_another_job),
        test(test_a_job_for_an_answer),
        test(test_calls_that_never_ask),
        test(test_one_question_for_a_host),
        test(test_a_password_holds_nobody_else_up),
        test(test_closed_while_many_wait),
        test(test_texts),
    };
    return run_all(tests, argc, argv);
}

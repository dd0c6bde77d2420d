/* Progress, log, credentials and sources of bytes. Nothing is checked inside a callback: a failed check would jump out of it. */
#include "common.h"
#include "peer.h"

#include <pthread.h>

/* The base64 of "alice:s3cret:with colon". */
#define BASIC "YWxpY2U6czNjcmV0OndpdGggY29sb24="

struct events {
    char *text; /* one event per line */
    size_t size;
    size_t count;
    pthread_t thread;
    bool wrong_thread;
    int32_t answer;
};

static void free_events(void *object) {
    free(((struct events *)object)->text);
    free(object);
}

static struct events *new_events(int32_t answer) {
    struct events *events = calloc(1, sizeof *events);
    if (!events) abort();
    *events = (struct events){.thread = pthread_self(), .answer = answer};
    return keep(events, free_events);
}

static int32_t log_event(void *userdata, const char *event) {
    struct events *events = userdata;
    size_t length = strlen(event);
    events->text = realloc(events->text, events->size + length + 2);
    if (!events->text) abort();
    memcpy(events->text + events->size, event, length);
    memcpy(events->text + events->size + length, "\n", 2);
    events->size += length + 1;
    events->count++;
    events->wrong_thread |= !pthread_equal(pthread_self(), events->thread);
    return events->answer;
}

static ocireg_context *logging_context(struct events *events) {
    ocireg_context *context = new_context();
    expect_status(OCIREG_OK, ocireg_context_set_log(context, log_event, events, &failure));
    return context;
}

static void check_event(const char *event) {
    expect_shape(event, "event:string");
    char *kind = keep(json_string_at(event, "event"), free);
    if (strcmp(kind, "request") == 0) {
        expect_shape(event, "method:string url:string attempt:number headers:object");
    } else if (strcmp(kind, "response") == 0) {
        expect_shape(event, "method:string url:string status:number headers:object milliseconds:number");
    } else if (strcmp(kind, "retry") == 0) {
        expect_shape(event, "reason:string wait_ms:number");
    } else {
        fail_msg("unknown event %s", event);
    }
}

/* Whether one of the events is of that kind. */
static bool has_event(const struct events *events, const char *kind) {
    char *copy = text("%s", events->text);
    for (char *event; (event = strtok_r(copy, "\n", &copy));)
        if (strcmp(keep(json_string_at(event, "event"), free), kind) == 0) return true;
    return false;
}

/* Every event has its documented shape, arrived on this thread, and contains no secret. */
static void check_events(struct events *events, const char *const *secrets, size_t count) {
    assert_true(events->count > 0);
    assert_false(events->wrong_thread);
    for (size_t i = 0; i < count; i++) {
        if (strstr(events->text, secrets[i])) fail_msg("the log holds the secret '%s': %s", secrets[i], events->text);
    }
    char *copy = text("%s", events->text);
    for (char *event; (event = strtok_r(copy, "\n", &copy));) check_event(event);
}

/* A push and a pull as alice. */
static void work_at(const char *variable, ocireg_client *client, ocireg_context *context) {
    const char *place = repository(variable, "callbacks");
    uint8_t *bytes = noise(5000, 1);
    ocireg_buffer *found = NULL;
    expect_status(OCIREG_OK, ocireg_blob_put_memory(client, context, place, bytes, 5000, NULL, NULL, &failure));
    expect_status(OCIREG_OK, ocireg_blob_get_memory(client, context, blob_reference(place, bytes, 5000), NULL, NULL, &found, &failure));
    ocireg_buffer_free(found);
}

static void test_log_holds_no_password(void **state) {
    (void)state;
    static const char *const secrets[] = {"s3cret", BASIC, "with%20colon", "eyJ"};
    static const char *const registries[] = {"OCIREG_TEST_HTPASSWD", "OCIREG_TEST_TOKEN", "OCIREG_TEST_TOKEN_TLS"};
    for (size_t i = 0; i < 3; i++) {
        struct events *events = new_events(0);
        work_at(registries[i], client_of(registries[i]), logging_context(events));
        check_events(events, secrets, 4);
        assert_non_null(strstr(events->text, env(registries[i])));
        assert_non_null(strstr(events->text, "redacted")); /* credentials were sent, which the log shows */
    }
}

static void test_log_holds_no_token(void **state) {
    (void)state;
    static const char *const secrets[] = {"very-secret-token", "top-secret-signature", "top-secret-user"};
    struct peer *peer = peer_bind();
    const struct answer answers[] = {
        {.bytes = http_answer("307 Temporary Redirect", text("Location: http://%s/x?X-Amz-Signature=top-secret-signature\r\n", peer_host(peer)), "")},
        {.bytes = http_answer("503 Service Unavailable", "Retry-After: 0\r\nSet-Cookie: top-secret-user\r\n", "")},
        {.bytes = http_answer("200 OK", "Content-Type: application/json\r\n", "{\"name\":\"a\",\"tags\":[]}")},
    };
    peer_serve(peer, answers, 3);
    struct events *events = new_events(0);
    ocireg_client *client = new_client(NULL);
    char *json = NULL;
    set_host(client, peer_host(peer), "{'plain_http':true,'token':'very-secret-token'}");
    expect_status(OCIREG_OK, ocireg_repository_tags(client, logging_context(events), text("%s/a", peer_host(peer)), NULL, &json, &failure));
    kept(json);
    assert_non_null(strstr(peer_request(peer, 0), "Bearer very-secret-token"));
    check_events(events, secrets, 3);
    assert_true(has_event(events, "retry"));
}

static void test_log_can_stop(void **state) {
    (void)state;
    struct events *events = new_events(7);
    char *json = NULL;
    expect_status(OCIREG_CALLBACK,
                  ocireg_registry_ping(client_of("OCIREG_TEST_V2"), logging_context(events), env("OCIREG_TEST_V2"), NULL, &json, &failure));
    expect_message("log");
    assert_null(json);
    assert_int_equal(events->count, 1);
}

struct progress {
    uint64_t last, total, calls, stop_at;
    bool backwards, total_changed, wrong_thread;
    pthread_t thread;
};

static int32_t note_progress(void *userdata, uint64_t done, uint64_t total) {
    struct progress *it = userdata;
    it->backwards |= done < it->last;
    it->total_changed |= it->total != 0 && total != it->total;
    it->wrong_thread |= !pthread_equal(pthread_self(), it->thread);
    it->last = done;
    it->total = total;
    it->calls++;
    return it->stop_at > 0 && done >= it->stop_at;
}

static ocireg_context *watching_context(struct progress *progress, uint64_t stop_at) {
    ocireg_context *context = new_context();
    *progress = (struct progress){.thread = pthread_self(), .stop_at = stop_at};
    expect_status(OCIREG_OK, ocireg_context_set_progress(context, note_progress, progress, &failure));
    return context;
}

static void check_progress(const struct progress *progress, ocireg_context *context, uint64_t size) {
    assert_false(progress->backwards);
    assert_false(progress->total_changed);
    assert_false(progress->wrong_thread);
    assert_int_equal(progress->last, size);
    assert_int_equal(progress->total, size);
    assert_true(progress->calls > 2);
    char *json = NULL;
    expect_status(OCIREG_OK, ocireg_context_progress(context, &json, &failure));
    expect_shape(kept(json), "operation:string done:number total:number?");
    expect_number_at(json, "done", (long long)size);
    expect_number_at(json, "total", (long long)size);
}

enum { BIG = 3 << 20 };

static void test_progress(void **state) {
    (void)state;
    ocireg_client *client = client_of("OCIREG_TEST_V2");
    const char *place = repository("OCIREG_TEST_V2", "progress");
    uint8_t *bytes = noise(BIG, 9);
    struct progress progress;
    ocireg_context *context = watching_context(&progress, 0);
    char *json = NULL;
    expect_status(OCIREG_OK, ocireg_context_progress(context, &json, &failure));
    expect_text_at(kept(json), "operation", "");

    expect_status(OCIREG_OK, ocireg_blob_put_memory(client, context, place, bytes, BIG, NULL, NULL, &failure));
    check_progress(&progress, context, BIG);

    context = watching_context(&progress, 0);
    ocireg_buffer *found = NULL;
    expect_status(OCIREG_OK, ocireg_blob_get_memory(client, context, blob_reference(place, bytes, BIG), NULL, NULL, &found, &failure));
    ocireg_buffer_free(found);
    check_progress(&progress, context, BIG);

    context = watching_context(&progress, 0);
    const char *path = text("%s/blob", new_folder());
    expect_status(OCIREG_OK, ocireg_blob_get_file(client, context, blob_reference(place, bytes, BIG), path, NULL, NULL, &failure));
    check_progress(&progress, context, BIG);
}

static void test_progress_can_stop(void **state) {
    (void)state;
    ocireg_client *client = client_of("OCIREG_TEST_V2");
    const char *place = repository("OCIREG_TEST_V2", "stopped"), *folder = new_folder();
    uint8_t *bytes = noise(BIG, 10);
    struct progress progress;
    ocireg_context *context = watching_context(&progress, 1 << 20);
    expect_status(OCIREG_CALLBACK, ocireg_blob_put_memory(client, context, place, bytes, BIG, NULL, NULL, &failure));
    expect_message("progress");
    char *json = NULL;
    const char *blob = blob_reference(place, bytes, BIG);
    expect_status(OCIREG_OK, ocireg_blob_head(client, NULL, blob, NULL, &json, &failure));
    expect_bool_at(kept(json), "exists", false);

    put_blob(client, place, bytes, BIG);
    context = watching_context(&progress, 1 << 20);
    const char *path = text("%s/blob", folder);
    expect_status(OCIREG_CALLBACK, ocireg_blob_get_file(client, context, blob, path, NULL, NULL, &failure));
    assert_null(fopen(path, "r"));
    /* What the destination has is not fetched again. */
    expect_status(OCIREG_OK, ocireg_blob_get_file(client, NULL, blob, path, NULL, &json, &failure));
    assert_true(json_number_at(kept(json), "resumed") >= 1 << 20);
    assert_int_equal(entries_in(folder), 1);
    /* After its removal the callback is not called any more. */
    expect_status(OCIREG_OK, ocireg_context_set_progress(context, NULL, NULL, &failure));
    ocireg_buffer *found = NULL;
    expect_status(OCIREG_OK, ocireg_blob_get_memory(client, context, blob, NULL, NULL, &found, &failure));
    ocireg_buffer_free(found);
}

struct asked {
    size_t count;
    char host[64];
    const char *password;
    int32_t answer;
    bool wrong_thread;
    pthread_t thread;
};

static int32_t give_credentials(void *userdata, const char *host, ocireg_options *answer) {
    struct asked *asked = userdata;
    asked->count++;
    asked->wrong_thread |= !pthread_equal(pthread_self(), asked->thread);
    snprintf(asked->host, sizeof asked->host, "%s", host);
    if (asked->password) {
        ocireg_options_set_string(answer, "username", "alice", NULL);
        ocireg_options_set_string(answer, "password", asked->password, NULL);
    }
    return asked->answer;
}

static ocireg_context *asking_context(struct asked *asked, const char *password, int32_t answer) {
    ocireg_context *context = new_context();
    *asked = (struct asked){.password = password, .answer = answer, .thread = pthread_self()};
    expect_status(OCIREG_OK, ocireg_context_set_credentials(context, give_credentials, asked, &failure));
    return context;
}

static void test_credentials(void **state) {
    (void)state;
    static const char *const registries[] = {"OCIREG_TEST_HTPASSWD", "OCIREG_TEST_TOKEN"};
    for (size_t i = 0; i < 2; i++) {
        struct asked asked;
        ocireg_context *context = asking_context(&asked, "s3cret:with colon", 0);
        ocireg_client *client = new_client(NULL);
        set_host(client, env(registries[i]), "{'plain_http':true}");
        work_at(registries[i], client, context);
        work_at(registries[i], client, context);
        assert_int_equal(asked.count, 1);
        assert_string_equal(asked.host, env(registries[i]));
        assert_false(asked.wrong_thread);
    }
}

static void test_credentials_that_fail(void **state) {
    (void)state;
    const char *host = env("OCIREG_TEST_HTPASSWD"), *reference = repository("OCIREG_TEST_HTPASSWD", "none");
    static const struct {
        const char *password;
        int32_t answer;
        ocireg_status wanted;
    } cases[] = {{"wrong", 0, OCIREG_UNAUTHENTICATED}, {NULL, 0, OCIREG_UNAUTHENTICATED}, {"s3cret:with colon", 1, OCIREG_CALLBACK}};
    for (size_t i = 0; i < 3; i++) {
        struct asked asked;
        ocireg_context *context = asking_context(&asked, cases[i].password, cases[i].answer);
        ocireg_client *client = new_client(NULL);
        char *json = NULL;
        set_host(client, host, "{'plain_http':true}");
        expect_status(cases[i].wanted, ocireg_repository_tags(client, context, reference, NULL, &json, &failure));
        assert_int_equal(asked.count, 1);
    }
}

struct nested {
    ocireg_client *client;
    ocireg_context *context;
    const char *repository;
    ocireg_status inner;
    int count;
    ocireg_client *inside; /* makes the call within, unless NULL */
    ocireg_context *inside_context;
};

static int32_t ask_within_the_answer(void *userdata, const char *host, ocireg_options *answer) {
    (void)host;
    struct nested *nested = userdata;
    if (++nested->count > 3) return 1;
    char *json = NULL;
    bool other = nested->inside;
    nested->inner = ocireg_repository_tags(other ? nested->inside : nested->client, other ? nested->inside_context : nested->context,
                                           nested->repository, NULL, &json, NULL);
    ocireg_string_free(json);
    ocireg_options_set_string(answer, "username", "alice", NULL);
    ocireg_options_set_string(answer, "password", "s3cret:with colon", NULL);
    return 0;
}

/* A callback for credentials that makes a call which needs them is not asked without end. */
static void test_credentials_that_need_themselves(void **state) {
    (void)state;
    struct nested nested = {new_client(NULL), new_context(), repository("OCIREG_TEST_HTPASSWD", "nested"), .inner = OCIREG_OK};
    set_host(nested.client, env("OCIREG_TEST_HTPASSWD"), "{'plain_http':true}");
    expect_status(OCIREG_OK, ocireg_context_set_credentials(nested.context, ask_within_the_answer, &nested, &failure));
    char *json = NULL;
    expect_status(OCIREG_NOT_FOUND, ocireg_repository_tags(nested.client, nested.context, nested.repository, NULL, &json, &failure));
    assert_int_equal(nested.inner, OCIREG_BUSY);
    assert_int_equal(nested.count, 1);
    /* Of another client the same host is another question. */
    struct asked asked;
    ocireg_context *own = asking_context(&asked, "s3cret:with colon", 0);
    struct nested outer = {new_client(NULL), new_context(), nested.repository, .inside = new_client(NULL), .inside_context = own};
    set_host(outer.client, env("OCIREG_TEST_HTPASSWD"), "{'plain_http':true}");
    set_host(outer.inside, env("OCIREG_TEST_HTPASSWD"), "{'plain_http':true}");
    expect_status(OCIREG_OK, ocireg_context_set_credentials(outer.context, ask_within_the_answer, &outer, &failure));
    expect_status(OCIREG_NOT_FOUND, ocireg_repository_tags(outer.client, outer.context, outer.repository, NULL, &json, &failure));
    assert_int_equal(outer.inner, OCIREG_NOT_FOUND);
    assert_int_equal(asked.count, 1);
}

struct source {
    size_t left;
    int64_t last_answer; /* given instead of 0 at the end */
    bool too_much;
    bool wrong_thread;
    pthread_t thread;
};

static int64_t give_bytes(void *userdata, uint8_t *buffer, size_t size) {
    struct source *source = userdata;
    source->wrong_thread |= !pthread_equal(pthread_self(), source->thread);
    if (source->too_much) return (int64_t)size + 1;
    if (source->left == 0) return source->last_answer;
    size_t count = source->left < size ? source->left : size;
    count = count > 1000 ? 1000 : count;
    memset(buffer, 'x', count);
    source->left -= count;
    return (int64_t)count;
}

static ocireg_status stream(struct source source, bool *wrong_thread) {
    char *json = NULL;
    source.thread = pthread_self();
    forget_failure();
    ocireg_status status = ocireg_blob_put_stream(client_of("OCIREG_TEST_V2"), NULL, repository("OCIREG_TEST_V2", "stream"), give_bytes,
                                                  &source, NULL, &json, &failure);
    if (status != OCIREG_OK) assert_null(json);
    kept(json);
    *wrong_thread = source.wrong_thread;
    return status;
}

static void test_read_callback(void **state) {
    (void)state;
    bool wrong_thread = true;
    assert_int_equal(stream((struct source){.left = 100000}, &wrong_thread), OCIREG_OK);
    assert_false(wrong_thread);
    assert_int_equal(stream((struct source){.left = 5000, .last_answer = -1}, &wrong_thread), OCIREG_CALLBACK);
    expect_message("read");
    assert_int_equal(stream((struct source){.last_answer = INT64_MIN}, &wrong_thread), OCIREG_CALLBACK);
    ocireg_status refused = stream((struct source){.too_much = true}, &wrong_thread);
    assert_true(refused == OCIREG_CALLBACK || refused == OCIREG_INVALID_ARGUMENT);
}

struct reentry {
    ocireg_client *client;
    ocireg_context *context;
    const char *host;
    size_t depth, calls, failures;
};

static void call_again(struct reentry *it) {
    char *json = NULL;
    if (it->depth > 0 || it->calls >= 5) return;
    it->depth++;
    it->calls++;
    it->failures += ocireg_registry_ping(it->client, it->context, it->host, NULL, &json, NULL) != OCIREG_OK;
    ocireg_string_free(json);
    it->depth--;
}

static int32_t call_from_log(void *userdata, const char *event) {
    (void)event;
    call_again(userdata);
    return 0;
}

static int32_t call_from_progress(void *userdata, uint64_t done, uint64_t total) {
    (void)done, (void)total;
    call_again(userdata);
    return 0;
}

/* The library may be used from a callback: the same client, even the same context. */
static void test_reentrant_calls(void **state) {
    (void)state;
    for (int same_context = 0; same_context < 2; same_context++) {
        ocireg_client *client = client_of("OCIREG_TEST_V2");
        ocireg_context *context = new_context();
        struct reentry it = {.client = client, .context = same_context ? context : NULL, .host = env("OCIREG_TEST_V2")};
        expect_status(OCIREG_OK, ocireg_context_set_log(context, call_from_log, &it, &failure));
        expect_status(OCIREG_OK, ocireg_context_set_progress(context, call_from_progress, &it, &failure));
        work_at("OCIREG_TEST_V2", client, context);
        assert_true(it.calls > 1);
        assert_int_equal(it.failures, 0);
    }
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        test(test_log_holds_no_password), test(test_log_holds_no_token), test(test_log_can_stop),
        test(test_progress),              test(test_progress_can_stop),  test(test_credentials),
        test(test_credentials_that_fail), test(test_credentials_that_need_themselves), test(test_read_callback),      test(test_reentrant_calls),
    };
    return run_all(tests, argc, argv);
}

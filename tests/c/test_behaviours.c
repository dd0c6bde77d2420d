/* The behaviours that all bindings have in common (tests/behaviours), in C: a test for each. */
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include "behaviours.h"
#include "peer.h"

struct step {
    const char *json;
    ocireg_client *client;
    ocireg_context *context;
};

typedef void act(const struct step *step, struct outcome *out);

/* Replaces the result by the text at a path in it. */
static void pick(struct outcome *out, const char *path) {
    char *text = json_string_at(out->json, path);
    ocireg_string_free(out->json);
    out->json = text ? quoted(text, strlen(text)) : NULL;
    free(text);
}

/* Results are freed with free(), so those of the library are copied. */
static void own(struct outcome *out) {
    char *copy = out->json ? strdup(out->json) : NULL;
    ocireg_string_free(out->json);
    out->json = copy;
}

static void parse_reference(const struct step *step, struct outcome *out) {
    char *reference = step_text(step->json, "reference");
    out->status = ocireg_reference_parse(reference, NULL, &out->json, &out->error);
    own(out);
    free(reference);
}

static void digest(const struct step *step, struct outcome *out) {
    char *bytes = step_text(step->json, "text"), *made = NULL;
    out->status = ocireg_digest_bytes((const uint8_t *)bytes, strlen(bytes), NULL, &made, &out->error);
    out->json = made ? quoted(made, strlen(made)) : NULL;
    ocireg_string_free(made);
    free(bytes);
}

static void ping(const struct step *step, struct outcome *out) {
    char *registry = step_text(step->json, "registry");
    out->status = ocireg_registry_ping(step->client, step->context, registry, NULL, &out->json, &out->error);
    own(out);
    free(registry);
}

typedef ocireg_status list_page(ocireg_client *, ocireg_context *, const char *, const ocireg_options *, char **, ocireg_error **);

/* All pages of a list, as one. */
static void list(const struct step *step, struct outcome *out, list_page *page, const char *of, const char *member) {
    char *name = step_text(step->json, of), *next = NULL, *all = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&all, &size);
    do {
        ocireg_options *wanted = NULL;
        char *json = NULL;
        ocireg_options_new(&wanted, NULL);
        if (next) ocireg_options_set_string(wanted, "next", next, NULL);
        if (json_at(step->json, "page_size")) ocireg_options_set_int(wanted, "n", json_number_at(step->json, "page_size"), NULL);
        out->status = page(step->client, step->context, name, wanted, &json, &out->error);
        free(next);
        next = json_string_at(json, "next");
        for (size_t i = 0; i < json_length(json, member); i++) {
            char path[64];
            snprintf(path, sizeof path, "%s/%zu", member, i);
            char *text = json_string_at(json, path), *quotes = quoted(text, strlen(text));
            fprintf(stream, "%c%s", ftell(stream) > 0 ? ',' : '[', quotes);
            free(text);
            free(quotes);
        }
        ocireg_string_free(json);
        ocireg_options_free(wanted);
    } while (next);
    fprintf(stream, ftell(stream) > 0 ? "]" : "[]");
    fclose(stream);
    out->json = all;
    free(name);
}

static void repositories(const struct step *step, struct outcome *out) {
    list(step, out, ocireg_registry_catalog, "registry", "repositories");
}

static void tags(const struct step *step, struct outcome *out) {
    list(step, out, ocireg_repository_tags, "repository", "tags");
}

struct rest {
    const char *bytes;
    size_t size;
};

static int64_t give(void *userdata, uint8_t *buffer, size_t size) {
    struct rest *rest = userdata;
    size_t part = size < rest->size ? size : rest->size;
    memcpy(buffer, rest->bytes, part);
    *rest = (struct rest){.bytes = rest->bytes + part, .size = rest->size - part};
    return (int64_t)part;
}

static void put_bytes(const struct step *step, struct outcome *out) {
    char *place = step_text(step->json, "repository"), *bytes = step_text(step->json, "text");
    struct rest rest = {.bytes = bytes, .size = strlen(bytes)};
    out->status = json_is_true(step->json, "stream")
        ? ocireg_blob_put_stream(step->client, step->context, place, give, &rest, NULL, &out->json, &out->error)
        : ocireg_blob_put_memory(step->client, step->context, place, (uint8_t *)bytes, rest.size, NULL, &out->json, &out->error);
    pick(out, "digest");
    free(place);
    free(bytes);
}

static void has_blob(const struct step *step, struct outcome *out) {
    char *blob = step_text(step->json, "reference"), *json = NULL;
    out->status = ocireg_blob_head(step->client, step->context, blob, NULL, &json, &out->error);
    out->json = json ? strdup(json_is_true(json, "exists") ? "true" : "false") : NULL;
    ocireg_string_free(json);
    free(blob);
}

static void take_buffer(struct outcome *out, ocireg_buffer *buffer) {
    if (buffer) out->json = quoted(ocireg_buffer_data(buffer), ocireg_buffer_size(buffer));
    ocireg_buffer_free(buffer);
}

static void read_blob(const struct step *step, struct outcome *out, const char *blob) {
    ocireg_blob_reader *reader = NULL;
    uint8_t bytes[4096];
    size_t size = 0, got = 0;
    out->status = ocireg_blob_open(step->client, step->context, blob, NULL, &reader, &out->error);
    while (out->status == OCIREG_OK) {
        out->status = ocireg_blob_reader_read(reader, bytes + size, sizeof bytes - size, &got, &out->error);
        if (got == 0) break;
        size += got;
    }
    if (out->status == OCIREG_OK) out->json = quoted(bytes, size);
    ocireg_blob_reader_free(reader);
}

static void get_blob(const struct step *step, struct outcome *out) {
    char *blob = step_text(step->json, "reference");
    ocireg_buffer *buffer = NULL;
    if (json_is_true(step->json, "stream")) {
        read_blob(step, out, blob);
    } else {
        out->status = ocireg_blob_get_memory(step->client, step->context, blob, NULL, NULL, &buffer, &out->error);
        take_buffer(out, buffer);
    }
    free(blob);
}

typedef ocireg_status deletion(ocireg_client *, ocireg_context *, const char *, const ocireg_options *, char **, ocireg_error **);

static void delete(const struct step *step, struct outcome *out, deletion *with) {
    char *reference = step_text(step->json, "reference");
    out->status = with(step->client, step->context, reference, NULL, NULL, &out->error);
    out->json = strdup("null");
    free(reference);
}

static void delete_blob(const struct step *step, struct outcome *out) {
    delete(step, out, ocireg_blob_delete);
}

static void delete_manifest(const struct step *step, struct outcome *out) {
    delete(step, out, ocireg_manifest_delete);
}

static void put_manifest(const struct step *step, struct outcome *out) {
    char *reference = step_text(step->json, "reference"), *bytes = step_text(step->json, "text");
    char *type = step_text(step->json, "media_type");
    ocireg_options *wanted = NULL;
    ocireg_options_new(&wanted, NULL);
    ocireg_options_set_string(wanted, "media_type", type, NULL);
    out->status = ocireg_manifest_put(step->client, step->context, reference, (uint8_t *)bytes, strlen(bytes), wanted, &out->json,
        &out->error);
    pick(out, "digest");
    ocireg_options_free(wanted);
    free(reference);
    free(bytes);
    free(type);
}

static void manifest(const struct step *step, struct outcome *out) {
    char *reference = step_text(step->json, "reference");
    out->status = ocireg_manifest_get(step->client, step->context, reference, NULL, &out->json, NULL, &out->error);
    own(out);
    free(reference);
}

static void manifest_text(const struct step *step, struct outcome *out) {
    char *reference = step_text(step->json, "reference");
    ocireg_buffer *buffer = NULL;
    out->status = ocireg_manifest_get(step->client, step->context, reference, NULL, NULL, &buffer, &out->error);
    take_buffer(out, buffer);
    free(reference);
}

static void manifest_digest(const struct step *step, struct outcome *out) {
    char *reference = step_text(step->json, "reference"), *got = NULL;
    out->status = ocireg_manifest_digest(step->client, step->context, reference, NULL, &got, &out->error);
    out->json = got ? quoted(got, strlen(got)) : NULL;
    ocireg_string_free(got);
    free(reference);
}

static void copy(const struct step *step, struct outcome *out) {
    char *source = step_text(step->json, "source"), *destination = step_text(step->json, "destination");
    out->status = ocireg_copy(step->client, step->context, source, destination, NULL, &out->json, &out->error);
    own(out);
    free(source);
    free(destination);
}

typedef ocireg_status placing(ocireg_client *, ocireg_context *, const ocireg_artifact *, const char *, const ocireg_options *, char **,
                              ocireg_error **);

static void put_artifact(const struct step *step, struct outcome *out, placing *put) {
    char *place = step_text(step->json, "destination"), *bytes = step_text(step->json, "text"), *title = step_text(step->json, "title");
    struct rest rest = {.bytes = bytes, .size = strlen(bytes)};
    ocireg_options *named = NULL;
    ocireg_artifact *artifact = NULL;
    ocireg_options_new(&named, NULL);
    ocireg_options_set_string(named, OCIREG_OPT_TITLE, title, NULL);
    ocireg_artifact_new(&artifact, NULL);
    out->status = json_is_true(step->json, "stream")
        ? ocireg_artifact_add_stream(artifact, give, &rest, named, &out->error)
        : ocireg_artifact_add_memory(artifact, (uint8_t *)bytes, rest.size, named, &out->error);
    if (out->status == OCIREG_OK) out->status = put(step->client, step->context, artifact, place, NULL, &out->json, &out->error);
    pick(out, "digest");
    ocireg_artifact_free(artifact);
    ocireg_options_free(named);
    free(place);
    free(bytes);
    free(title);
}

static void push_artifact(const struct step *step, struct outcome *out) {
    put_artifact(step, out, ocireg_artifact_push);
}

static void attach_artifact(const struct step *step, struct outcome *out) {
    put_artifact(step, out, ocireg_artifact_attach);
}

static void pull_artifact(const struct step *step, struct outcome *out) {
    char *source = step_text(step->json, "source"), *folder = step_text(step->json, "destination");
    out->status = ocireg_artifact_pull(step->client, step->context, source, folder, NULL, &out->json, &out->error);
    own(out);
    free(source);
    free(folder);
}

static void close_client(const struct step *step, struct outcome *out) {
    out->status = ocireg_client_close(step->client, &out->error);
    out->json = strdup("null");
}

static const struct {
    const char *name;
    act *act;
} acts[] = {
    {"parse_reference", parse_reference}, {"digest", digest}, {"ping", ping}, {"repositories", repositories}, {"tags", tags},
    {"put_blob", put_bytes}, {"has_blob", has_blob}, {"get_blob", get_blob}, {"delete_blob", delete_blob},
    {"put_manifest", put_manifest}, {"manifest", manifest}, {"manifest_text", manifest_text}, {"manifest_digest", manifest_digest},
    {"delete_manifest", delete_manifest}, {"copy", copy},
    {"push_artifact", push_artifact}, {"attach_artifact", attach_artifact}, {"pull_artifact", pull_artifact}, {"close", close_client},
};

static act *act_of(const char *step) {
    static const char keys[] = " do reference text registry repository page_size stream media_type source destination deadline_ms "
        "title cancel_after_ms close_after_ms threads times gives contains fails says http_status within_ms as ";
    for (size_t i = 0; i < json_length(step, ""); i++) {
        char *key = json_name_at(step, i), *word = text(" %s ", key);
        if (!strstr(keys, word)) fail_msg("unknown key: %s", key);
        free(key);
    }
    char *name = json_string_at(step, "do");
    act *found = NULL;
    for (size_t i = 0; i < sizeof acts / sizeof *acts; i++) {
        if (strcmp(acts[i].name, name) == 0) found = acts[i].act;
    }
    if (!found) fail_msg("unknown step: %s", name);
    free(name);
    return found;
}

/* Runs it once. Returns what is wrong, or NULL; the result, if requested, belongs to the caller. */
static char *once(const struct step *step, act *act, char **result) {
    struct outcome out = {0};
    double begun = now_ms();
    act(step, &out);
    double took = now_ms() - begun;
    char *wrong = judged(step->json, &out);
    if (!wrong && json_at(step->json, "within_ms") && took > allowed_ms((double)json_number_at(step->json, "within_ms")))
        wrong = strdup("it took too long");
    ocireg_error_free(out.error);
    if (result) *result = out.json;
    else free(out.json);
    return wrong;
}

struct worker {
    pthread_t thread;
    const struct step *step;
    act *act;
    char *wrong;
};

static void *work(void *argument) {
    struct worker *worker = argument;
    long long times = json_at(worker->step->json, "times") ? json_number_at(worker->step->json, "times") : 1;
    while (times-- > 0 && !worker->wrong) worker->wrong = once(worker->step, worker->act, NULL);
    return NULL;
}

/* Runs it on several threads, several times on each. */
static char *crowd(const struct step *step, act *act) {
    size_t count = (size_t)json_number_at(step->json, "threads");
    struct worker *workers = calloc(count, sizeof *workers);
    char *wrong = NULL;
    for (size_t i = 0; i < count; i++) {
        workers[i] = (struct worker){.step = step, .act = act};
        assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
    }
    for (size_t i = 0; i < count; i++) {
        pthread_join(workers[i].thread, NULL);
        if (wrong) free(workers[i].wrong);
        else wrong = workers[i].wrong;
    }
    free(workers);
    return wrong;
}

/* An action that another thread takes after a while. */
struct later {
    pthread_t thread;
    const struct step *step;
    long long cancel_ms, close_ms;
};

static void *interrupt(void *argument) {
    struct later *later = argument;
    usleep((useconds_t)(later->cancel_ms > 0 ? later->cancel_ms : later->close_ms) * 1000);
    if (later->cancel_ms > 0) ocireg_context_cancel(later->step->context, NULL);
    else ocireg_client_close(later->step->client, NULL);
    return NULL;
}

static char *taken(const struct step *step) {
    act *act = act_of(step->json);
    struct later later = {.step = step, .cancel_ms = json_number_at(step->json, "cancel_after_ms"),
        .close_ms = json_number_at(step->json, "close_after_ms")};
    bool interrupted = later.cancel_ms > 0 || later.close_ms > 0;
    if (json_at(step->json, "deadline_ms"))
        ocireg_context_set_deadline(step->context, json_number_at(step->json, "deadline_ms"), NULL);
    if (interrupted) assert_int_equal(pthread_create(&later.thread, NULL, interrupt, &later), 0);
    char *result = NULL, *wrong = json_at(step->json, "threads") ? crowd(step, act) : once(step, act, &result);
    if (interrupted) pthread_join(later.thread, NULL);
    char *name = json_string_at(step->json, "as"), *got = name && !wrong ? json_string_at(result, "") : NULL;
    if (got) know(name, got);
    free(name);
    free(got);
    free(result);
    return wrong;
}

static void set_hosts(ocireg_client *client, const char *hosts) {
    static const char *const all[] = {"${registry}", "${secured}", "${token}", "${silent}", "${closed}"};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        const char *settings = hosts ? json_at(hosts, all[i]) : NULL;
        char *host = filled(all[i]), *name = settings ? json_string_at(settings, "username") : NULL;
        char *password = settings ? step_text(settings, "password") : NULL;
        set_host(client, host, name ? text("{'plain_http':true,'username':'%s','password':'%s'}", name, password) : "{'plain_http':true}");
        free(host);
        free(name);
        free(password);
    }
}

/* A behaviour must not contain keys that this interpreter does not know. */
static void expect_hosts(const char *hosts) {
    for (size_t i = 0; i < json_length(hosts, ""); i++) {
        char *host = json_name_at(hosts, i);
        assert_int_equal(json_length(hosts, host), 3);
        free(host);
    }
}

static void behaves(void **state) {
    static unsigned count;
    const char *behaviour = *state, *hosts = json_at(behaviour, "hosts");
    if (hosts) expect_hosts(hosts);
    know("repository", text("behaviours/c-%d-%u", (int)getpid(), count++));
    know("folder", new_folder());
    know("silent", peer_host(peer_start(&(struct answer){.then = PEER_SILENT}, 1)));
    ocireg_client *client = new_client(NULL);
    set_hosts(client, hosts);
    for (size_t i = 0; i < json_length(behaviour, "steps"); i++) {
        const struct step step = {.json = json_at(behaviour, text("steps/%zu", i)), .client = client, .context = new_context()};
        char *wrong = taken(&step);
        if (!wrong) continue;
        keep(wrong, free);
        fail_msg("step %zu: %s", i + 1, wrong);
    }
}

/* Makes one word of a test's name. */
static char *word(char *name) {
    for (char *at = name; *at; at++) {
        if (!strchr("abcdefghijklmnopqrstuvwxyz", *at)) *at = '_';
    }
    return name;
}

int main(int argc, char **argv) {
    char *file = behaviours_file();
    size_t count = json_length(file, "behaviours");
    struct CMUnitTest *tests = calloc(count, sizeof *tests);
    know("registry", env("OCIREG_TEST_V3"));
    know("secured", env("OCIREG_TEST_HTPASSWD"));
    know("token", env("OCIREG_TEST_TOKEN"));
    know("closed", "127.0.0.1:1");
    know("password", "s3cret:with colon");
    for (size_t i = 0; i < count; i++) {
        char path[64];
        snprintf(path, sizeof path, "behaviours/%zu", i);
        const char *behaviour = json_at(file, path);
        tests[i] = (struct CMUnitTest){.name = word(json_string_at(behaviour, "name")), .test_func = behaves,
            .teardown_func = clean, .initial_state = (void *)behaviour};
    }
    int failed = run_named(tests, count, argc, argv);
    for (size_t i = 0; i < count; i++) free((char *)tests[i].name);
    free(tests);
    free(file);
    return failed;
}

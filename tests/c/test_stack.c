/* How much stack the calls need, for which the header states a limit: they run on a thread whose stack is filled
 * with a pattern first. */
#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#endif

#include "calls.h"

#include <pthread.h>
#include <sys/mman.h>

/* The limit in the header, and room to measure by how much it is exceeded; not so much that a call uses more than it needs. */
enum { PROMISED = 64 << 10, GIVEN = 512 << 10, PAINT = 0xa5 };

struct job {
    const char *name;
    void (*run)(void *argument);
    void *argument;
};

static void *on_thread(void *argument) {
    struct job *job = argument;
    job->run(job->argument);
    return NULL;
}

/* The bytes of stack that a job used, without those of the thread itself. */
static size_t used_by(struct job job) {
    uint8_t *stack = mmap(NULL, GIVEN, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    assert_true(stack != MAP_FAILED);
    memset(stack, PAINT, GIVEN);
    pthread_attr_t attributes;
    pthread_t thread;
    pthread_attr_init(&attributes);
    pthread_attr_setstack(&attributes, stack, GIVEN);
    assert_int_equal(pthread_create(&thread, &attributes, on_thread, &job), 0);
    pthread_join(thread, NULL);
    pthread_attr_destroy(&attributes);
    size_t free_bytes = 0;
    while (free_bytes < GIVEN && stack[free_bytes] == PAINT) free_bytes++;
    munmap(stack, GIVEN);
    return GIVEN - free_bytes;
}

static void nothing(void *argument) { (void)argument; }

struct one_call {
    const struct call *call;
    void *arguments[MOST_ARGUMENTS];
    ocireg_status status;
};

static void one_call(void *argument) {
    struct one_call *one = argument;
    one->status = one->call->run(one->arguments, NULL);
}

/* Sanitizers make frames larger, and would report what the calls here return and is not freed. */
static bool is_watched(void) {
#ifdef __SANITIZE_ADDRESS__
    return true;
#elif defined(RUNNING_ON_VALGRIND)
    return RUNNING_ON_VALGRIND;
#else
    return false;
#endif
}

static size_t most, thread_itself;

static void measure(const char *name, void (*run)(void *), void *argument) {
    size_t used = used_by((struct job){name, run, argument});
    used = used > thread_itself ? used - thread_itself : 0;
    if (used > most) most = used;
    print_message("%-40s %6zu bytes of stack\n", name, used);
    if (used > PROMISED && !is_watched()) fail_msg("%s needs %zu bytes of stack, the header promises %d", name, used, PROMISED);
}

static void test_each_call(void **state) {
    (void)state;
    if (is_watched()) skip();
    thread_itself = used_by((struct job){"nothing", nothing, NULL});
    struct arguments *live = live_arguments();
    for (size_t i = 0; i < call_count; i++) {
        struct one_call one = {.call = &calls[i]};
        fill_in(live, &calls[i], one.arguments);
        measure(calls[i].name, one_call, &one);
    }
}

struct work {
    ocireg_client *client;
    const char *from, *to;
    ocireg_status status;
};

static void ping(void *argument) {
    struct work *work = argument;
    char *json = NULL;
    work->status = ocireg_registry_ping(work->client, NULL, work->from, NULL, &json, NULL);
    ocireg_string_free(json);
}

static void copy(void *argument) {
    struct work *work = argument;
    work->status = ocireg_copy(work->client, NULL, work->from, work->to, NULL, NULL, NULL);
}

static void list_files(void *argument) {
    struct work *work = argument;
    char *json = NULL;
    work->status = ocireg_image_files(work->client, NULL, work->from, NULL, &json, NULL);
    ocireg_string_free(json);
}

static void extract(void *argument) {
    struct work *work = argument;
    work->status = ocireg_image_extract(work->client, NULL, work->from, work->to, NULL, NULL, NULL);
}

/* Every compression, decompressed on the way. */
static void test_unpacking_calls(void **state) {
    (void)state;
    const char *folder = new_folder(), *place = repository("OCIREG_TEST_V2", "unpacked");
    ocireg_client *client = client_of("OCIREG_TEST_V2");
    assert_int_equal(system(text("cd %s && printf hello >motd && tar -cf layer motd && gzip -k layer", folder)), 0);
    static const char *const layers[] = {"layer", "layer.gz"}, *const compressions[] = {"gzip", "zstd", "none"};
    for (size_t i = 0; i < 6; i++) {
        const char *how = compressions[i / 2], *layer = layers[i % 2], *layout = text("oci:%s/layout%zu:v1", folder, i);
        ocireg_options *how_to = options("{\"scratch\":true,\"layers\":[\"%s/%s\"],\"compression\":\"%s\"}", folder, layer, how);
        assert_int_equal(ocireg_image_append(client, NULL, layout, how_to, NULL, NULL), OCIREG_OK);
        struct work work = {.client = client, .from = layout, .to = text("%s/extracted%zu", folder, i)};
        measure(text("files (%s, %s)", layer, how), list_files, &work);
        assert_int_equal(work.status, OCIREG_OK);
        measure(text("extract (%s, %s)", layer, how), extract, &work);
        assert_int_equal(work.status, OCIREG_OK);
        work.to = text("docker-archive:%s/%zu.tar:a:1", folder, i);
        measure(text("copy to an archive (%s, %s)", layer, how), copy, &work);
        assert_int_equal(work.status, OCIREG_OK);
        work.from = text("docker-archive:%s/%zu.tar", folder, i), work.to = text("%s:v%zu", place, i);
        measure(text("copy from an archive (%s, %s)", layer, how), copy, &work);
        assert_int_equal(work.status, OCIREG_OK);
        work.from = work.to, work.to = text("%s/copied%zu", folder, i);
        measure(text("extract from a registry (%s, %s)", layer, how), extract, &work);
        assert_int_equal(work.status, OCIREG_OK);
    }
    print_message("the most is %zu bytes of stack\n", most);
}

/* Handshakes, tokens, signatures: the deepest calls. */
static void test_deep_calls(void **state) {
    (void)state;
    static const char *const registries[] = {"OCIREG_TEST_TLS", "OCIREG_TEST_TOKEN", "OCIREG_TEST_TOKEN_TLS", "OCIREG_TEST_HTPASSWD"};
    for (size_t i = 0; i < sizeof registries / sizeof *registries; i++) {
        struct work work = {.client = client_of(registries[i]), .from = env(registries[i])};
        measure(registries[i], ping, &work);
        assert_int_equal(work.status, OCIREG_OK);
    }
    ocireg_client *client = client_of("OCIREG_TEST_V2");
    const char *place = repository("OCIREG_TEST_V2", "stack");
    put_image(client, place, "one", 1);
    struct work work = {.client = client, .from = text("%s:one", place), .to = text("oci:%s/layout:one", new_folder())};
    measure("copy to a layout", copy, &work);
    assert_int_equal(work.status, OCIREG_OK);
    work.from = work.to, work.to = text("%s:two", place);
    measure("copy from a layout", copy, &work);
    assert_int_equal(work.status, OCIREG_OK);
    print_message("the most is %zu bytes of stack\n", most);
}

/* As deep as a document may be: what reads it and what writes it go down with it. */
static const char *deep_document(void) {
    enum { DEEPEST = 48 };
    static char manifest[4096];
    strcpy(manifest, "{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.index.v1+json\",\"manifests\":[],\"x\":");
    for (int i = 1; i < DEEPEST; i++) strcat(manifest, i % 2 ? "{\"x\":" : "[");
    strcat(manifest, "1");
    for (int i = DEEPEST - 1; i > 0; i--) strcat(manifest, i % 2 ? "}" : "]");
    return strcat(manifest, "}");
}

static void inspect(void *argument) {
    struct work *work = argument;
    char *json = NULL;
    work->status = ocireg_manifest_inspect((const uint8_t *)work->from, strlen(work->from), NULL, &json, NULL);
    ocireg_string_free(json);
}

static void read_json(void *argument) {
    struct work *work = argument;
    ocireg_json *json = NULL;
    char *text = NULL;
    work->status = ocireg_json_parse(work->from, &json, NULL);
    if (work->status == OCIREG_OK) work->status = ocireg_json_dump(json, NULL, &text, NULL);
    ocireg_string_free(text);
    ocireg_json_free(json);
}

static void get_manifest(void *argument) {
    struct work *work = argument;
    char *json = NULL;
    work->status = ocireg_manifest_get(work->client, NULL, work->from, NULL, &json, NULL, NULL);
    ocireg_string_free(json);
}

static void test_deep_documents(void **state) {
    (void)state;
    struct work work = {.from = deep_document()};
    measure("inspect a deep manifest", inspect, &work);
    assert_int_equal(work.status, OCIREG_OK);
    measure("read deep JSON", read_json, &work);
    assert_int_equal(work.status, OCIREG_OK);
    ocireg_client *client = client_of("OCIREG_TEST_V2");
    const char *name = text("%s:deep", repository("OCIREG_TEST_V2", "stack"));
    expect_status(OCIREG_OK, ocireg_manifest_put(client, NULL, name, (const uint8_t *)work.from, strlen(work.from), NULL, NULL, &failure));
    work.client = client, work.from = name;
    measure("get a deep manifest", get_manifest, &work);
    assert_int_equal(work.status, OCIREG_OK);
    char *result = NULL;
    expect_status(OCIREG_OK, ocireg_manifest_get(client, NULL, name, NULL, &result, NULL, &failure));
    work.from = kept(result); /* holds the manifest one level down */
    measure("read the result with it", read_json, &work);
    assert_int_equal(work.status, OCIREG_OK);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {test(test_each_call), test(test_deep_calls), test(test_deep_documents), test(test_unpacking_calls)};
    return run_all(tests, argc, argv);
}

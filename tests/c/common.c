#include "common.h"

#include <dirent.h>
#include <fnmatch.h>
#include <time.h>
#include <unistd.h>

ocireg_error *failure;

struct kept {
    struct kept *next;
    void *object;
    void (*destroy)(void *);
};

static struct kept *everything;

void *keep(void *object, void (*destroy)(void *)) {
    struct kept *entry = malloc(sizeof *entry);
    if (!entry) abort();
    *entry = (struct kept){everything, object, destroy};
    everything = entry;
    return object;
}

int clean(void **state) {
    (void)state;
    while (everything) {
        struct kept *entry = everything;
        everything = entry->next;
        entry->destroy(entry->object);
        free(entry);
    }
    forget_failure();
    return 0;
}

/* Whether there is a test with that name, or matching that pattern. */
static bool is_name(const struct CMUnitTest *tests, size_t count, const char *wanted) {
    for (size_t i = 0; i < count; i++) {
        if (fnmatch(wanted, tests[i].name, 0) == 0) return true;
    }
    fprintf(stderr, "there is no test %s; the tests are\n", wanted);
    for (size_t i = 0; i < count; i++) fprintf(stderr, "  %s\n", tests[i].name);
    return false;
}

static bool is_wanted(const char *name, int argc, char **argv) {
    bool wanted = argc < 2;
    for (int i = 1; i < argc; i++) wanted |= fnmatch(argv[i], name, 0) == 0;
    return wanted;
}

/* Nothing that is freed waits for the library's threads, and one that runs at the process's end is a leak to valgrind. */
static void wait_for_other_threads(void) {
    double until = now_ms() + allowed_ms(5000);
    while (entries_in("/proc/self/task") > 1 && now_ms() < until) usleep(1000);
}

int run_named(const struct CMUnitTest *tests, size_t count, int argc, char **argv) {
    for (int i = 1; i < argc; i++) {
        if (!is_name(tests, count, argv[i])) return EXIT_FAILURE;
    }
    struct CMUnitTest *chosen = calloc(count, sizeof *chosen);
    size_t number = 0;
    if (!chosen) abort();
    for (size_t i = 0; i < count; i++) {
        if (is_wanted(tests[i].name, argc, argv)) chosen[number++] = tests[i];
    }
    int failed = _cmocka_run_group_tests("tests", chosen, number, NULL, NULL);
    free(chosen);
    wait_for_other_threads();
    return failed;
}

void forget_failure(void) {
    ocireg_error_free(failure);
    failure = NULL;
}

const char *env(const char *name) {
    const char *value = getenv(name);
    if (!value || !*value) fail_msg("%s is not set: run the tests under tests/registries/run", name);
    return value;
}

static char *format_text(const char *format, va_list values) {
    char *result = NULL;
    if (vasprintf(&result, format, values) < 0) abort();
    return keep(result, free);
}

char *text(const char *format, ...) {
    va_list values;
    va_start(values, format);
    char *result = format_text(format, values);
    va_end(values);
    return result;
}

static void free_options(void *object) { ocireg_options_free(object); }
static void free_client(void *object) { ocireg_client_free(object); }
static void free_context(void *object) { ocireg_context_free(object); }
static void free_string(void *object) { ocireg_string_free(object); }

char *kept(char *json) {
    return keep(json, free_string);
}

static ocireg_options *parsed(char *json) {
    ocireg_options *result = NULL;
    for (char *at = json; (at = strchr(at, '\''));) *at = '"';
    expect_status(OCIREG_OK, ocireg_options_new(&result, &failure));
    keep(result, free_options);
    expect_status(OCIREG_OK, ocireg_options_parse(result, json, &failure));
    return result;
}

ocireg_options *options(const char *format, ...) {
    va_list values;
    va_start(values, format);
    char *json = format_text(format, values);
    va_end(values);
    return parsed(json);
}

ocireg_client *new_client(const char *json) {
    ocireg_client *client = NULL;
    expect_status(OCIREG_OK, ocireg_client_new(json ? options("%s", json) : NULL, &client, &failure));
    assert_non_null(client);
    return keep(client, free_client);
}

ocireg_context *new_context(void) {
    ocireg_context *context = NULL;
    expect_status(OCIREG_OK, ocireg_context_new(&context, &failure));
    assert_non_null(context);
    return keep(context, free_context);
}

void set_host(ocireg_client *client, const char *host, const char *json) {
    expect_status(OCIREG_OK, ocireg_client_set_host(client, host, options("%s", json), &failure));
}

static bool ends_with(const char *name, const char *end) {
    size_t length = strlen(name), wanted = strlen(end);
    return length >= wanted && strcmp(name + length - wanted, end) == 0;
}

ocireg_client *client_of(const char *variable) {
    bool tls = ends_with(variable, "TLS"), users = strstr(variable, "TOKEN") || strstr(variable, "HTPASSWD");
    const char *trust = tls ? text("'ca_file':'%s','ca_only':true", env("OCIREG_TEST_CA")) : "'plain_http':true";
    const char *login = users ? ",'username':'alice','password':'s3cret:with colon'" : "";
    /* A host's CA applies to that host only; the token server is a different host. */
    ocireg_client *client = new_client(tls ? text("{%s}", trust) : NULL);
    set_host(client, env(variable), tls ? text("{'plain_http':false%s}", login) : text("{%s%s}", trust, login));
    return client;
}

char *repository(const char *variable, const char *name) {
    return text("%s/ctest/%s-%d", env(variable), name, (int)getpid());
}

char *digest_of(const void *data, size_t size) {
    char *digest = NULL;
    expect_status(OCIREG_OK, ocireg_digest_bytes(data, size, NULL, &digest, &failure));
    return kept(digest);
}

char *blob_reference(const char *repository, const void *data, size_t size) {
    return text("%s@%s", repository, digest_of(data, size));
}

uint8_t *noise(size_t size, unsigned seed) {
    uint8_t *bytes = keep(malloc(size + 1), free);
    uint64_t state = ((uint64_t)getpid() << 20) + seed + 1;
    if (!bytes) abort();
    for (size_t i = 0; i < size; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        bytes[i] = (uint8_t)(state >> 56);
    }
    return bytes;
}

static void remove_folder(void *object) {
    DIR *folder = opendir(object);
    for (struct dirent *entry; folder && (entry = readdir(folder));) unlinkat(dirfd(folder), entry->d_name, 0);
    if (folder) closedir(folder);
    rmdir(object);
    free(object);
}

char *new_folder(void) {
    char *path = NULL;
    if (asprintf(&path, "%s/c.XXXXXX", env("OCIREG_TEST_TMP")) < 0) abort();
    assert_non_null(mkdtemp(path));
    return keep(path, remove_folder);
}

void write_file(const char *path, const void *data, size_t size) {
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

uint8_t *read_file(const char *path, size_t *size) {
    FILE *file = fopen(path, "rb");
    if (!file) fail_msg("%s cannot be opened", path);
    fseek(file, 0, SEEK_END);
    *size = (size_t)ftell(file);
    rewind(file);
    uint8_t *bytes = keep(malloc(*size + 1), free);
    assert_int_equal(fread(bytes, 1, *size, file), *size);
    fclose(file);
    return bytes;
}

size_t entries_in(const char *folder) {
    DIR *list = opendir(folder);
    size_t count = 0;
    assert_non_null(list);
    for (struct dirent *entry; (entry = readdir(list));) count += strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..");
    closedir(list);
    return count;
}

double now_ms(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e3 + (double)time.tv_nsec / 1e6;
}

/* valgrind preloads its own library into the program it runs. */
double allowed_ms(double native) {
    const char *preload = getenv("LD_PRELOAD");
    return preload && strstr(preload, "vgpreload") ? native * 15 : native;
}

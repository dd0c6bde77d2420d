/* The memory that parsed JSON takes is what the header says. */
#include "common.h"

#include <fcntl.h>
#include <malloc.h>
#include <unistd.h>

/* Writes `count` items with commas between them, in brackets; %zu in an item is its number. */
static char *many(const char *open, const char *item, const char *close, size_t count) {
    char *text = malloc(count * (strlen(item) + 20) + 4), *end = text;
    assert_non_null(text);
    end += sprintf(end, "%s", open);
    for (size_t i = 0; i < count; i++) {
        if (i) *end++ = ',';
        end += sprintf(end, item, i);
    }
    sprintf(end, "%s", close);
    return text;
}

static long status_kib(const char *name) {
    char line[256];
    long value = -1;
    FILE *status = fopen("/proc/self/status", "r");
    assert_non_null(status);
    while (fgets(line, sizeof line, status)) {
        if (!strncmp(line, name, strlen(name))) value = strtol(line + strlen(name), NULL, 10);
    }
    fclose(status);
    return value;
}

/* How many times the memory of its text a document takes at most, while it is parsed and then; 0 where that is not told. */
static double memory_of(char *text) {
    ocireg_json *json = NULL;
    malloc_trim(0);
    int peaks = open("/proc/self/clear_refs", O_WRONLY);
    if (peaks < 0 || write(peaks, "5", 1) != 1) return 0;
    close(peaks);
    long before = status_kib("VmRSS:");
    expect_status(OCIREG_OK, ocireg_json_parse(text, &json, &failure));
    long peak = status_kib("VmHWM:");
    double times = (double)(peak - before) * 1024 / (double)strlen(text);
    ocireg_json_free(json);
    free(text);
    return times;
}

static void test_memory(void **state) {
    (void)state;
    static const char *const hostile[] = {"{\"\":0}", "{\"\":{\"\":0}}", "[]", "[[]]", "0", "\"\"", "[0]", "{}", "{\"\":\"\"}", "1e9", "\"\\u0000\""};
    for (size_t i = 0; i < sizeof hostile / sizeof *hostile; i++) {
        double times = memory_of(many("[", hostile[i], "]", ((size_t)4 << 20) / (strlen(hostile[i]) + 1)));
        if (times > 40) fail_msg("a list of %s takes %.1f times its memory", hostile[i], times);
    }
    double members = memory_of(many("{", "\"%zu\":0", "}", 400000));
    if (members > 40) fail_msg("members take %.1f times their memory", members);
    static const char layer[] = "{\"mediaType\": \"application/vnd.oci.image.layer.v1.tar+gzip\", \"size\": 123%zu, "
                                "\"digest\": \"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\"}";
    double layers = memory_of(many("{\"layers\": [", layer, "]}", 20000));
    double tags = memory_of(many("{\"tags\": [", "\"v1.2.%zu-alpine\"", "]}", 100000));
    if (layers > 8 || tags > 8) fail_msg("results take %.1f and %.1f times their memory", layers, tags);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {test(test_memory)};
    return run_all(tests, argc, argv);
}

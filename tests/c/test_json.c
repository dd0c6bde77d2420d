/* Reading JSON by pointers (RFC 6901). */
#include "common.h"

#include <pthread.h>

static void free_json(void *json) { ocireg_json_free(json); }

static ocireg_json *parse(const char *text) {
    ocireg_json *json = NULL;
    expect_status(OCIREG_OK, ocireg_json_parse(text, &json, &failure));
    return keep(json, free_json);
}

/* The example of RFC 6901, section 5. */
static const char example[] =
    "{\"foo\": [\"bar\", \"baz\"], \"\": 0, \"a/b\": 1, \"c%d\": 2, \"e^f\": 3, \"g|h\": 4, \"i\\\\j\": 5, \"k\\\"l\": 6, \" \": 7, "
    "\"m~n\": 8}";

static void test_pointers(void **state) {
    (void)state;
    ocireg_json *json = parse(example);
    static const char *const pointers[] = {"/", "/a~1b", "/c%d", "/e^f", "/g|h", "/i\\j", "/k\"l", "/ ", "/m~0n"};
    for (int i = 0; i < 9; i++) assert_int_equal(ocireg_json_integer(json, pointers[i], -1), i);
    assert_string_equal(ocireg_json_text(json, "/foo/0"), "bar");
    assert_string_equal(ocireg_json_text(json, "/foo/1"), "baz");
    assert_int_equal(ocireg_json_size(json, ""), 10);
    assert_int_equal(ocireg_json_size(json, NULL), 10);
    assert_int_equal(ocireg_json_size(json, "/foo"), 2);
    static const char *const nothing[] = {"foo", "/foo/2", "/foo/-", "/foo/00", "/foo/0/0", "/bar", "/m~n", "/m~2n", "//", "/a/b"};
    for (size_t i = 0; i < sizeof nothing / sizeof *nothing; i++) {
        if (ocireg_json_kind(json, nothing[i]) != OCIREG_JSON_NONE) fail_msg("something is at %s", nothing[i]);
        assert_null(ocireg_json_at(json, nothing[i]));
    }
}

/* What a result of the library, the bytes of a manifest and hostile values have for layers. */
static void test_layers(void **state) {
    (void)state;
    ocireg_json *manifest = parse("{\"manifest\": {\"layers\": [{\"mediaType\": \"a/b\", \"digest\": \"x\", \"size\": 1}, "
                                  "{\"mediaType\": \"c/d\", \"digest\": \"y\", \"size\": 2}]}}");
    assert_string_equal(ocireg_json_text(ocireg_manifest_layer(manifest, "c/d", 0), "/digest"), "y");
    assert_int_equal(ocireg_json_integer(ocireg_manifest_layer(manifest, NULL, 0), "/size", -1), 1);
    assert_int_equal(ocireg_json_integer(ocireg_manifest_layer(ocireg_json_at(manifest, "/manifest"), NULL, 1), "/size", -1), 2);
    assert_null(ocireg_manifest_layer(manifest, "c/d", 1));
    ocireg_json *odd = parse("{\"layers\":[\"text\",5,{\"digest\":\"z\"}]}");
    assert_string_equal(ocireg_json_text(ocireg_manifest_layer(odd, NULL, 0), "/digest"), "z");
    assert_null(ocireg_manifest_layer(odd, NULL, 1));
    assert_null(ocireg_manifest_layer(manifest, "", 0));
    assert_null(ocireg_manifest_layer(manifest, NULL, SIZE_MAX));
    assert_null(ocireg_manifest_layer(NULL, NULL, 0));
    assert_null(ocireg_manifest_layer((const ocireg_json *)(uintptr_t)new_context(), NULL, 0));
}

static void test_kinds(void **state) {
    (void)state;
    ocireg_json *json = parse("[null, true, -3, \"x\", [1], {\"y\": 2.5}]");
    static const int32_t kinds[] = {OCIREG_JSON_NULL,   OCIREG_JSON_BOOLEAN, OCIREG_JSON_NUMBER,
                                    OCIREG_JSON_STRING, OCIREG_JSON_LIST,    OCIREG_JSON_OBJECT};
    for (size_t i = 0; i < 6; i++) {
        const ocireg_json *item = ocireg_json_item(json, NULL, i);
        assert_int_equal(ocireg_json_kind(item, NULL), kinds[i]);
        assert_int_equal(ocireg_json_boolean(item, "", false), i == 1);
        assert_int_equal(ocireg_json_integer(item, "", 7), i == 2 ? -3 : 7);
        assert_true((ocireg_json_number(item, "", 0.5) == -3) == (i == 2));
        assert_int_equal(ocireg_json_text(item, "") != NULL, i == 3);
        assert_int_equal(ocireg_json_size(item, ""), i >= 4);
        assert_int_equal(ocireg_json_item(item, "", 0) != NULL, i >= 4);
        assert_int_equal(ocireg_json_key(item, "", 0) != NULL, i == 5);
    }
    assert_null(ocireg_json_item(json, NULL, 6));
    assert_true(ocireg_json_boolean(json, "/9", true));
    assert_true(ocireg_json_number(json, "/5/y", 0) == 2.5);
    assert_int_equal(ocireg_json_integer(json, "/5/y", -1), -1);
}

static void test_numbers(void **state) {
    (void)state;
    ocireg_json *json = parse("[9223372036854775807, -9223372036854775808, 18446744073709551615, 1e3]");
    assert_true(ocireg_json_integer(json, "/0", 0) == INT64_MAX);
    assert_true(ocireg_json_integer(json, "/1", 0) == INT64_MIN);
    assert_int_equal(ocireg_json_integer(json, "/2", -5), -5);
    assert_true(ocireg_json_number(json, "/2", 0) == 18446744073709551616.0);
    assert_true(ocireg_json_number(json, "/3", 0) == 1000);
    char *text = NULL;
    expect_status(OCIREG_OK, ocireg_json_dump(json, "/2", &text, &failure));
    assert_string_equal(kept(text), "18446744073709551615");
}

/* A double is the one nearest to the text, as strtod's is. */
static void test_doubles(void **state) {
    (void)state;
    for (unsigned long bits = 0x2f5a3c1b9d4e7f61; bits; bits >>= 1) {
        double wanted = (double)bits / 7919e9;
        char text[64];
        snprintf(text, sizeof text, "%.17g", wanted);
        ocireg_json *json = parse(text);
        if (ocireg_json_number(json, "", -1) != wanted) fail_msg("%s is %.17g", text, ocireg_json_number(json, "", -1));
    }
}

static void test_members_in_order(void **state) {
    (void)state;
    ocireg_json *json = parse("{\"z\": 1, \"a\": 2, \"m\": {\"k\": 3}}");
    assert_string_equal(ocireg_json_key(json, NULL, 0), "z");
    assert_string_equal(ocireg_json_key(json, NULL, 1), "a");
    assert_string_equal(ocireg_json_key(json, NULL, 2), "m");
    assert_null(ocireg_json_key(json, NULL, 3));
    assert_int_equal(ocireg_json_integer(ocireg_json_item(json, NULL, 1), NULL, 0), 2);
    const ocireg_json *inside = ocireg_json_at(json, "/m");
    assert_int_equal(ocireg_json_integer(inside, "/k", 0), 3);
    ocireg_json_free((ocireg_json *)inside); /* is borrowed: nothing happens */
    assert_int_equal(ocireg_json_integer(json, "/m/k", 0), 3);
}

/* A NUL ends what C sees: such a text would be taken for another. */
static void test_texts(void **state) {
    (void)state;
    ocireg_json *json = parse("{\"cut\": \"a\\u0000b\", \"utf\": \"\\u00e9\\ud83d\\ude00\", \"k\\u0000\": 1, \"empty\": \"\"}");
    size_t size = 0;
    assert_null(ocireg_json_text(json, "/cut"));
    assert_memory_equal(ocireg_json_string(json, "/cut", &size), "a\0b", 4);
    assert_int_equal(size, 3);
    assert_string_equal(ocireg_json_text(json, "/utf"), "\xc3\xa9\xf0\x9f\x98\x80");
    assert_null(ocireg_json_key(json, NULL, 2));
    assert_string_equal(ocireg_json_string(json, "/empty", &size), "");
    assert_int_equal(size, 0);
    size = 9;
    assert_null(ocireg_json_string(json, "/none", &size));
    assert_int_equal(size, 0);
    assert_null(ocireg_json_string(json, "/none", NULL));
}

static void test_bytes_and_dump(void **state) {
    (void)state;
    ocireg_json *json = NULL;
    char *text = NULL;
    static const uint8_t bytes[] = "{\"a\": [1, {\"b\": \"\\u001b\"}]}, and more";
    expect_status(OCIREG_OK, ocireg_json_parse_bytes(bytes, 27, &json, &failure));
    keep(json, free_json);
    expect_status(OCIREG_OK, ocireg_json_dump(json, NULL, &text, &failure));
    assert_string_equal(kept(text), "{\"a\":[1,{\"b\":\"\\u001b\"}]}");
    expect_status(OCIREG_OK, ocireg_json_dump(ocireg_json_at(json, "/a"), "/1", &text, &failure));
    assert_string_equal(kept(text), "{\"b\":\"\\u001b\"}");
    expect_status(OCIREG_NOT_FOUND, ocireg_json_dump(json, "/b", &text, &failure));
    assert_null(text);
}

static void test_what_is_not_json(void **state) {
    (void)state;
    static const char *const bad[] = {"", "{", "{\"a\":1,\"a\":2}", "[1] x", "{'a':1}", "nul", "[1,]", "\"\\ud800\"", "\xff"};
    ocireg_json *json = NULL;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        expect_status(OCIREG_INVALID_ARGUMENT, ocireg_json_parse(bad[i], &json, &failure));
        assert_null(json);
    }
    char deep[60];
    memset(deep, '[', sizeof deep);
    deep[sizeof deep - 1] = 0;
    expect_status(OCIREG_INVALID_ARGUMENT, ocireg_json_parse(deep, &json, &failure));
    expect_message("cannot be read: it is nested too deep");
    /* What is JSON, but beyond a double. */
    static const char *const large[] = {"1e400", "[-1e400]", "{\"a\":123e9999999999}"};
    for (size_t i = 0; i < sizeof large / sizeof *large; i++) {
        expect_status(OCIREG_INVALID_ARGUMENT, ocireg_json_parse(large[i], &json, &failure));
        expect_message("the text cannot be read: it has a number that is too large at line 1");
        ocireg_options *parsed = options("{}");
        expect_status(OCIREG_INVALID_ARGUMENT, ocireg_options_parse(parsed, large[i], &failure));
        expect_message("a number that is too large");
    }
    expect_status(OCIREG_OK, ocireg_json_parse("[1e-400, 1e308]", &json, &failure));
    ocireg_json_free(json);
    expect_status(OCIREG_INVALID_ARGUMENT, ocireg_json_parse_bytes((const uint8_t *)"\"a\0\"", 4, &json, &failure));
}

/* The accessors answer for NULL and for an invalid value as for a missing one. */
static void test_no_value(void **state) {
    (void)state;
    ocireg_options *other = options("{}");
    const ocireg_json *const none[] = {NULL, (const ocireg_json *)other, (const ocireg_json *)8};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(ocireg_json_kind(none[i], "/a"), OCIREG_JSON_NONE);
        assert_null(ocireg_json_at(none[i], ""));
        assert_null(ocireg_json_text(none[i], ""));
        assert_null(ocireg_json_string(none[i], "", NULL));
        assert_int_equal(ocireg_json_integer(none[i], "", 5), 5);
        assert_true(ocireg_json_number(none[i], "", 5) == 5);
        assert_true(ocireg_json_boolean(none[i], "", true));
        assert_int_equal(ocireg_json_size(none[i], ""), 0);
        assert_null(ocireg_json_item(none[i], "", 0));
        assert_null(ocireg_json_key(none[i], "", 0));
        ocireg_json_free((ocireg_json *)none[i]);
    }
    char *text = NULL;
    expect_status(OCIREG_INVALID_ARGUMENT, ocireg_json_dump((const ocireg_json *)other, NULL, &text, &failure));
    expect_message("argument json");
}

static void *read_it(void *argument) {
    size_t found = 0;
    for (size_t i = 0; i < 10000; i++) found += ocireg_json_integer(argument, i % 2 ? "/m~0n" : "/a~1b", 0) == (i % 2 ? 8 : 1);
    return found == 10000 ? argument : NULL;
}

static void test_many_threads_read_one(void **state) {
    (void)state;
    ocireg_json *json = parse(example);
    pthread_t threads[4];
    for (size_t i = 0; i < 4; i++) assert_int_equal(pthread_create(&threads[i], NULL, read_it, json), 0);
    for (size_t i = 0; i < 4; i++) {
        void *good = NULL;
        pthread_join(threads[i], &good);
        assert_non_null(good);
    }
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        test(test_pointers),       test(test_layers), test(test_kinds),  test(test_numbers),
        test(test_doubles),        test(test_members_in_order), test(test_texts),  test(test_bytes_and_dump),
        test(test_what_is_not_json), test(test_no_value), test(test_many_threads_read_one),
    };
    return run_all(tests, argc, argv);
}

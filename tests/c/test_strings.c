/* Invalid strings and options. */
#include "calls.h"

#include <math.h>

/* Makes the call with argument number i as given: INVALID_ARGUMENT, a message with `part`, and no result. */
static void refuses(struct arguments *live, const struct call *call, size_t i, void *value, const char *part) {
    void *arguments[MOST_ARGUMENTS];
    ocireg_error *error = NULL;
    fill_in(live, call, arguments);
    arguments[i] = value;
    ocireg_status status = call->run(arguments, &error);
    const char *message = error ? ocireg_error_message(error) : "";
    if (status != OCIREG_INVALID_ARGUMENT || !strstr(message, part)) {
        fail_msg("%s, argument %zu: %s without '%s' in '%s'", call->name, i, ocireg_status_name(status), part, message);
    }
    if (!results_are_empty(live, call, arguments)) fail_msg("%s, argument %zu: a result is unset", call->name, i);
    ocireg_error_free(error);
}

static void test_invalid_utf8(void **state) {
    (void)state;
    static char overlong[] = "a\xc0\xaf", cut[] = "a\xe2\x82", alone[] = "\xff";
    char *const bad[] = {overlong, cut, alone};
    struct arguments *live = live_arguments();
    for (size_t number = 0; number < call_count; number++) {
        for (size_t i = 0; calls[number].kinds[i]; i++) {
            if (!is_text_kind(calls[number].kinds[i])) continue;
            for (size_t k = 0; k < 3; k++) refuses(live, &calls[number], i, bad[k], "UTF-8");
        }
    }
}

static void test_unknown_option(void **state) {
    (void)state;
    struct arguments *live = live_arguments();
    ocireg_options *unknown = options("{'no_such_option':1}");
    for (size_t number = 0; number < call_count; number++) {
        const char *place = strchr(calls[number].kinds, 'p');
        if (place) refuses(live, &calls[number], (size_t)(place - calls[number].kinds), unknown, "no_such_option");
    }
}

static void test_wrong_type(void **state) {
    (void)state;
    struct arguments *live = live_arguments();
    for (size_t number = 0; number < call_count; number++) {
        const struct call *call = &calls[number];
        if (!call->wrong) continue;
        const char *place = strchr(call->kinds, 'p');
        assert_non_null(place);
        char *key = text("%s", call->wrong + 2);
        *strchr(key, '\'') = '\0';
        refuses(live, call, (size_t)(place - call->kinds), options("%s", call->wrong), key);
    }
}

static void test_values_out_of_range(void **state) {
    (void)state;
    ocireg_client *client = NULL;
    static const char *const bad[] = {"{'retries':-1}", "{'max_manifest_bytes':33554433}", "{'idle_timeout_ms':-5}"};
    for (size_t i = 0; i < 3; i++) {
        expect_status(OCIREG_INVALID_ARGUMENT, ocireg_client_new(options("%s", bad[i]), &client, &failure));
        assert_null(client);
        char *key = text("%s", bad[i] + 2);
        *strchr(key, '\'') = '\0';
        expect_message(key);
    }
}

/* A number with a fraction is one only where it may be. */
static void test_doubles(void **state) {
    (void)state;
    ocireg_options *given = options("{}");
    ocireg_client *client = NULL;
    expect_status(OCIREG_OK, ocireg_options_set_double(given, OCIREG_OPT_REQUESTS_PER_SECOND, 0.25, &failure));
    expect_status(OCIREG_OK, ocireg_client_new(given, &client, &failure));
    ocireg_client_free(client);
    static const double none[] = {HUGE_VAL, -HUGE_VAL, NAN};
    for (size_t i = 0; i < 3; i++) {
        expect_status(OCIREG_INVALID_ARGUMENT, ocireg_options_set_double(given, OCIREG_OPT_RETRIES, none[i], &failure));
        expect_message("not a finite number");
    }
    expect_status(OCIREG_OK, ocireg_options_set_double(given, OCIREG_OPT_RETRIES, 2.5, &failure));
    expect_status(OCIREG_INVALID_ARGUMENT, ocireg_client_new(given, &client, &failure));
    expect_message("the option retries must be an integer");
    assert_null(client);
}

/* What is wrong is said in a sentence, and without the value. */
static void test_messages(void **state) {
    (void)state;
    static const struct {
        const char *options, *message;
    } client_cases[] = {
        {"{'idle_timeout':1000}", "unknown option \"idle_timeout\": the header lists those of the call"},
        {"{'idle-timeout-ms':1000}", "unknown option \"idle-timeout-ms\"; did you mean \"idle_timeout_ms\"?"},
        {"{'reties':1}", "unknown option \"reties\"; did you mean \"retries\"?"},
        {"{'retries':'s3cret'}", "the option retries must be an integer"},
        {"{'retries':-1}", "the option retries must be from 0 to 4294967295"},
        {"{'insecure':'s3cret'}", "the option insecure must be a boolean"},
        {"{'requests_per_second':'s3cret'}", "the option requests_per_second must be a number"},
        {"{'ca_file':[1,'s3cret']}", "the option ca_file must be a string or a list of strings"},
        {"{'headers':'X: s3cret'}", "the option headers must be a list of 'Name: value', or an object of names and values"},
    };
    for (size_t i = 0; i < sizeof client_cases / sizeof client_cases[0]; i++) {
        ocireg_client *client = NULL;
        expect_status(OCIREG_INVALID_ARGUMENT, ocireg_client_new(options("%s", client_cases[i].options), &client, &failure));
        assert_string_equal(ocireg_error_message(failure), client_cases[i].message);
    }
    ocireg_client *client = new_client(NULL);
    expect_status(OCIREG_INVALID_ARGUMENT, ocireg_client_set_host(client, "h.example", options("{'username':'a','password':[7]}"), &failure));
    assert_string_equal(ocireg_error_message(failure), "the option password must be a string");
    char *json = NULL;
    ocireg_options *misspelt = options("{'digets':true}");
    expect_status(OCIREG_INVALID_ARGUMENT, ocireg_repository_tags(client, NULL, "h.example/a", misspelt, &json, &failure));
    assert_string_equal(ocireg_error_message(failure), "unknown option \"digets\"; did you mean \"digests\"?");
    expect_status(OCIREG_INVALID_ARGUMENT, ocireg_registry_detect(client, NULL, "h.example", misspelt, &json, &failure));
    assert_string_equal(ocireg_error_message(failure), "unknown option \"digets\": this call has no options");
}

static void test_constants_are_keys(void **state) {
    (void)state;
    ocireg_options *object = options("{}");
    char *json = NULL;
    expect_status(OCIREG_OK, ocireg_options_set_string(object, OCIREG_OPT_DEFAULT_INDEX, "one.example", &failure));
    expect_status(OCIREG_OK, ocireg_reference_parse("a/b", object, &json, &failure));
    expect_text_at(kept(json), "index/name", "one.example");
}

static void test_host_options_that_contradict(void **state) {
    (void)state;
    ocireg_client *client = new_client(NULL);
    static const char *const bad[] = {"{'username':'alice'}", "{'password':'p'}", "{'username':'a','password':'b','token':'c'}",
                                      "{'endpoint':'ftp://h/'}", "{'endpoint':'https://u:p@h/'}"};
    for (size_t i = 0; i < 5; i++) {
        expect_status(OCIREG_INVALID_ARGUMENT, ocireg_client_set_host(client, "h.example", options("%s", bad[i]), &failure));
    }
}

static void test_parse_refuses(void **state) {
    (void)state;
    ocireg_options *object = options("{'n':1}");
    static const char *const bad[] = {"", "{", "[]", "1", "\"text\"", "{\"n\":1,}", "{\"n\":1}}", "{'n':1}", "{\"n\":1,\"n\":2}"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        expect_status(OCIREG_INVALID_ARGUMENT, ocireg_options_parse(object, bad[i], &failure));
        expect_message("JSON");
    }
}

/* Options from the setters and from the parser combine. */
static void test_setters(void **state) {
    (void)state;
    ocireg_options *object = options("{'default_index':'one.example'}");
    char *json = NULL;
    expect_status(OCIREG_OK, ocireg_options_set_string(object, "default_index", "two.example", &failure));
    expect_status(OCIREG_OK, ocireg_reference_parse("a/b", object, &json, &failure));
    expect_text_at(kept(json), "index/name", "two.example");
    expect_status(OCIREG_OK, ocireg_options_set_int(object, "default_index", 1, &failure));
    expect_status(OCIREG_INVALID_ARGUMENT, ocireg_reference_parse("a/b", object, &json, &failure));
    expect_message("default_index");
    expect_status(OCIREG_OK, ocireg_options_set_bool(object, "default_index", true, &failure));
    expect_status(OCIREG_INVALID_ARGUMENT, ocireg_reference_parse("a/b", object, &json, &failure));
    expect_message("default_index");
    /* A list cannot grow out of a single value. */
    expect_status(OCIREG_INVALID_ARGUMENT, ocireg_options_add_string(object, "default_index", "x", &failure));
    expect_message("default_index");
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        test(test_invalid_utf8),
        test(test_unknown_option),
        test(test_wrong_type),
        test(test_values_out_of_range), test(test_doubles),
        test(test_messages),
        test(test_constants_are_keys),
        test(test_host_options_that_contradict),
        test(test_parse_refuses),
        test(test_setters),
    };
    return run_all(tests, argc, argv);
}

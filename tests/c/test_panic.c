/*
 * A panic inside the library becomes OCIREG_INTERNAL, and the program continues. Linked to a build of the release profile
 * with the feature force-panic; the shipped library has no such hook (tests/abi).
 */
#include "common.h"

static void test_a_panic_is_an_error(void **state) {
    (void)state;
    for (int round = 0; round < 3; round++) {
        ocireg_client *client = (ocireg_client *)0x1;
        ocireg_error *error = NULL;
        ocireg_options *wanted = NULL;
        assert_int_equal(ocireg_options_new(&wanted, &error), OCIREG_OK);
        assert_int_equal(ocireg_options_set_bool(wanted, "force_panic", true, &error), OCIREG_OK);
        assert_int_equal(ocireg_client_new(wanted, &client, &error), OCIREG_INTERNAL);
        assert_null(client);
        assert_non_null(strstr(ocireg_error_message(error), "forced"));
        ocireg_error_free(error);
        assert_int_equal(ocireg_client_new(wanted, &client, NULL), OCIREG_INTERNAL);
        ocireg_options_free(wanted);
    }
}

static void test_the_library_works_after_it(void **state) {
    (void)state;
    char *digest = NULL;
    assert_int_equal(ocireg_digest_bytes((const uint8_t *)"{}", 2, NULL, &digest, NULL), OCIREG_OK);
    assert_string_equal(digest, "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a");
    ocireg_string_free(digest);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {test(test_a_panic_is_an_error), test(test_the_library_works_after_it)};
    return run_all(tests, argc, argv);
}

/* Command lines that cannot be run: each is told in the words that were typed, and what would be right. */
#include "command.h"

#define DIGEST "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

struct wrong {
    int status;
    const char *words, *said;
};

static void expect_told(const struct wrong *cases, size_t count) {
    for (size_t i = 0; i < count; i++) {
        expect_failure(cases[i].status, cases[i].words, cases[i].said);
        /* An option is called as it was typed, and not by its name in the library. */
        if (strstr(errors_said(), "the option") || strstr(errors_said(), "_exists")) fail_msg("%s: %s", cases[i].words, errors_said());
    }
}

static void test_options(void **state) {
    (void)state;
    folder = new_folder();
    setenv("PLAIN", env("OCIREG_TEST_V3"), 1);
    static const struct wrong cases[] = {
        {64, "blob get localhost:1/a@" DIGEST " -o - --if-exists skip", "--if-exists does not go with the rest of this command line\nsee ocireg help blob get\n"},
        {64, "blob get localhost:1/a@" DIGEST " --no-resume", "--no-resume does not go with"},
        {64, "blob get localhost:1/a@" DIGEST " -o x --if-exists never", "ocireg: --if-exists is 'never', not \"replace\" or \"skip\"\nsee"},
        {64, "blob get localhost:1/a@" DIGEST " -o x --if-exists skip --offset 3", "--if-exists is for whole blobs"},
        {64, "tags localhost:1/x --n 0", "--n must be more than 0"},
        {64, "copy localhost:1/a oci:x --all --platform linux/amd64", "--all and --platform exclude each other"},
        {64, "copy localhost:1/a localhost:1/b --if-exists never", "--if-exists is 'never'"},
        {64, "copy localhost:1/a oci:x --no-clobber", "oci:x has no name: --no-clobber and --if-digest need one"},
        {64, "copy localhost:1/a oci:x --if-exists skip", "--if-exists and --if-digest need one"},
        {OCIREG_TLS, "ping https://$PLAIN", "ocireg: hint: if it speaks plain http, set --plain-http for this host"},
        {64, "help tags more", "there is no command tags more\n"},
        {64, "help nosuch", "no such command: nosuch\nsee ocireg --help\n"},
        {64, "tags localhost:1/x --user-agent 'a\tb'", "--user-agent must be text"},
        {64, "--json-errors tags localhost:1/x --n 0", "\"code\":1,"},
    };
    expect_told(cases, sizeof cases / sizeof cases[0] - 1);
    expect_failure(64, cases[sizeof cases / sizeof cases[0] - 1].words, "the option n must be");
    /* Those that have no flag are called as they were typed, too; a number that is too small is one all the same. */
    expect_failure(OCIREG_INVALID_ARGUMENT, "ping localhost:1 --host-option requests_per_second=-1", "requests_per_second must be 0, or from 0.001");
    expect_failure(OCIREG_INVALID_ARGUMENT, "ping localhost:1 --host-option requests_per_second=-0.5", "requests_per_second must be 0, or from 0.001");
    expect_failure(OCIREG_INVALID_ARGUMENT, "ping localhost:1 --client-option max_connections_per_host=-3", "max_connections_per_host must be");
    expect_failure(OCIREG_INVALID_ARGUMENT, "tags localhost:1/a --host-option n=1", "INVALID_ARGUMENT: unknown option \"n\"");
    expect_failure(OCIREG_INVALID_ARGUMENT, "tags localhost:1/a --n 5 --client-option platform=x", "INVALID_ARGUMENT: unknown option \"platform\"");
    expect_failure(OCIREG_INVALID_REFERENCE, "catalog oci:folder", "oci:folder is a place, and not a registry, which is HOST[:PORT]\n");
    expect_failure(OCIREG_INVALID_REFERENCE, "ping docker-archive:file", "docker-archive:file is a place, and not a registry");
}

static void test_values(void **state) {
    (void)state;
    folder = new_folder();
    static const struct wrong cases[] = {
        {64, "tags x --deadline 0.000001", "--deadline takes a number of seconds from 0.001 to 1000000000, such as 10 or 0.5, not '0.000001'"},
        {64, "tags x --read-timeout 99999999999", "from 0.001 to 1000000000"},
        {64, "tags x --n 9999999999999999999", "--n takes a number, not '9999999999999999999', which is too large\n"},
        {64, "tags x --n 5K", "--n takes a number, not '5K'\n"},
        {64, "tags x --n ten", "--n takes a number, not 'ten'\n"},
        {64, "tags x --retries 99999999999999999999", ", which is too large\n"},
        {64, "tags x --max-blob-bytes 99999999999999999999", ", which is too large\n"},
        {64, "tags x --max-blob-bytes 0", "greater than 0, not '0'\n"},
        {64, "tags x --limit-rate 9999999999999G", ", which is too large\n"},
        {64, "tags x --limit-rate 5X", "not '5X'\n"},
        {64, "login --username '' localhost:1", "--username needs a value, and this one is empty\n"},
        {64, "tags x --token ''", "--token needs a value"},
        {64, "tags x --mirror ''", "--mirror needs a value"},
    };
    expect_told(cases, sizeof cases / sizeof cases[0]);
}

/* A place where only names in registries are understood: which commands take it is said. */
static void test_places(void **state) {
    (void)state;
    folder = new_folder();
    static const struct wrong cases[] = {
        {OCIREG_INVALID_ARGUMENT, "parse oci:lay:v1", "oci:lay:v1 is not a name in a registry, and this command works with registries only; these take it: inspect, tree, tags, "},
        {OCIREG_INVALID_ARGUMENT, "rmrepo oci:lay:v1", "these take it: "},
        {OCIREG_INVALID_ARGUMENT, "blob delete dir:x", "these take it: "},
        {OCIREG_INVALID_ARGUMENT, "explain docker-archive:file.tar:x", "these take it: "},
        {OCIREG_INVALID_ARGUMENT, "manifest locate oci:x", "(Docker Hub's image of that name is docker.io/library/oci:x)"},
    };
    expect_told(cases, sizeof cases / sizeof cases[0]);
    expect_failure(OCIREG_INVALID_ARGUMENT, "rmrepo oci:a/b:c", "append\n");
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        test(test_options),
        test(test_values),
        test(test_places),
    };
    return run_all(tests, argc, argv);
}

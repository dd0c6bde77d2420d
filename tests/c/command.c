#include "command.h"

#include <dlfcn.h>
#include <libgen.h>
#include <sys/wait.h>
#include <unistd.h>

const char *folder;

const char *command(void) {
    Dl_info library;
    const char *path = getenv("OCIREG_TEST_COMMAND");
    assert_int_not_equal(dladdr((void *)(uintptr_t)&ocireg_version, &library), 0);
    if (!path) path = text("%s/ocireg", dirname(text("%s", library.dli_fname)));
    if (access(path, X_OK) != 0) fail_msg("%s is missing", path);
    return path;
}

static char *contents(const char *name) {
    size_t size = 0;
    char *bytes = (char *)read_file(text("%s/%s", folder, name), &size);
    bytes[size] = '\0';
    return text("%s", bytes);
}

int run(const char *words, char **said) {
    int status = system(text("%s --anonymous %s >%s/out 2>%s/err </dev/null", command(), words, folder, folder));
    if (said) *said = contents("out");
    return WEXITSTATUS(status);
}

char *errors_said(void) { return contents("err"); }

void expect_run(const char *words, char **said) {
    int status = run(words, said);
    if (status != 0) fail_msg("%s: status %d: %s", words, status, errors_said());
}

void expect_failure(int status, const char *words, const char *message) {
    int got = run(words, NULL);
    if (got != status || !strstr(errors_said(), message)) {
        fail_msg("%s: status %d instead of %d, with '%s' in: %s", words, got, status, message, errors_said());
    }
}

static void expect_line(const char *shell, const char *line) {
    int status = system(text("cd %s && %s -ec '%s' '%s'", folder, shell, line, command()));
    if (status != 0) fail_msg("%s: status %d", line, status);
}

void expect_shell(const char *line) { expect_line("sh", line); }

void expect_bash(const char *line) { expect_line("bash -o pipefail", line); }

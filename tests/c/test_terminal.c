/* What the ocireg command shows at a terminal, and what it refuses to write to one. */
#include "command.h"
#include "peer.h"
#include "terminal.h"

#include <signal.h>
#include <sys/wait.h>

static void refused_at_terminal(const char *words) {
    struct terminal terminal = terminal_start("TERM=xterm", words);
    int status = terminal_end(&terminal);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 64) fail_msg("%s ended with %#x: %s", words, (unsigned)status, terminal.said);
    if (!strstr(terminal.said, "not written to a terminal")) fail_msg("%s said: %s", words, terminal.said);
    assert_null(memchr(terminal.said, '\0', terminal.size));
}

/* Whichever command writes the archive, and whatever standard output is called. */
static void test_archives(void **state) {
    (void)state;
    folder = new_folder();
    const char *place = repository("OCIREG_TEST_V3", "archives"), *image = text("%s:a", place);
    put_image(client_of("OCIREG_TEST_V3"), place, "a", 1);
    expect_shell("printf x >x && tar -cf l.tar x");
    const char *const lines[] = {
        "copy %s docker-archive:-:a:b", "copy %s oci-archive:-", "copy %s oci-archive:/dev/stdout:a", "-q pull %s oci-archive:-:a",
        "copy %s oci-archive:- --destination-fd 1", "export %s", "export %s -o /dev/stdout", "append %s --layer l.tar --to oci-archive:-",
        "index create oci-archive:-:a %s",
    };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        const char *hole = strstr(lines[i], "%s");
        refused_at_terminal(text("%.*s%s%s", (int)(hole - lines[i]), lines[i], image, hole + 2));
    }
    /* What writes none, and a pipe. */
    assert_non_null(strstr(terminal_run("TERM=xterm", text("copy %s oci-archive:-:a --dry-run", image)), "plan"));
    expect_bash(text("$0 copy %s docker-archive:-:a:b | tar -t | grep -x manifest.json >out", image));
}

/* Lists are lines there, of every command that has them, and JSON when that is asked for. */
static void test_lists(void **state) {
    (void)state;
    folder = new_folder();
    const char *place = repository("OCIREG_TEST_V3", "lists"), *host = env("OCIREG_TEST_V3"), *name = strchr(place, '/') + 1;
    expect_shell(text("mkdir etc && printf hello >etc/motd && printf x >bin && tar -cf l.tar etc bin && "
                      "$0 append --scratch --platform linux/amd64 image --layer l.tar --to %s:a >out", place));
    char *said = NULL;
    expect_run(text("artifact attach %s:a %s/bin --artifact-type a/b", place, folder), &said);
    const char *attached = keep(json_string_at(said, "digest"), free);
    const struct { const char *words, *wanted; } lists[] = {
        {text("tags %s", place), "a\r\n"},
        {text("catalog %s --search %s", host, name), text("%s\r\n", name)},
        {text("referrers %s:a", place), text("%s  a/b  ", attached)},
        {text("-q files %s:a", place), "/bin\r\n/etc\r\n/etc/motd\r\n"},
    };
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        said = terminal_run("TERM=xterm", lists[i].words);
        if (strncmp(said, lists[i].wanted, strlen(lists[i].wanted)) != 0) fail_msg("%s says: %s", lists[i].words, said);
        said = terminal_run("TERM=xterm", text("%s --json", lists[i].words));
        if (!json_is_valid(said) || *said != '{') fail_msg("%s --json says: %s", lists[i].words, said);
    }
}

/* The old protocol's search, whose names have descriptions beside them. */
static void test_search(void **state) {
    (void)state;
    const char *answer = "{\"num_results\":2,\"query\":\"x\",\"results\":[{\"name\":\"library/x\",\"description\":\"the first\"},"
                         "{\"name\":\"y\",\"description\":\"a\\nsecond\"}]}";
    const struct answer found = {.bytes = http_answer("200 OK", "Content-Type: application/json\r\nX-Docker-Registry-Version: 0.9\r\n", answer)};
    struct peer *peer = peer_start(&found, 1);
    const char *words = text("--plain-http v1 search %s x", peer_host(peer));
    assert_string_equal(terminal_run("TERM=xterm", words), "library/x  the first\r\ny          a?second\r\n");
    assert_true(json_is_valid(terminal_run("TERM=xterm", text("%s --json", words))));
}

/* A blob may be a text, which is shown. */
static void test_blobs(void **state) {
    (void)state;
    folder = new_folder();
    const char *place = repository("OCIREG_TEST_V3", "blobs");
    write_file(text("%s/t", folder), "some\ntext", 9);
    write_file(text("%s/b", folder), "a\0\033c", 4);
    expect_shell(text("$0 blob put %s t >out && $0 blob put %s b >out", place, place));
    const char *digest = digest_of("some\ntext", 9);
    assert_string_equal(terminal_run("TERM=xterm", text("blob get %s@%s", place, digest)), "some\r\ntext");
    const char *binary = text("blob get %s@%s", place, digest_of("a\0\033c", 4));
    refused_at_terminal(binary);
    expect_shell(text("$0 %s >out && cmp out b && $0 %s -o - | cmp - b", binary, binary));
}

/* What strangers have written says nothing to a terminal, also to one that does not block. */
static void test_a_terminal_that_does_not_block(void **state) {
    (void)state;
    folder = new_folder();
    write_file(text("%s/x", folder), "x", 1);
    expect_shell("$0 artifact push oci:lay:a x --artifact-type a/b --annotation \"k=$(printf \"a\\\\033[31mb\")\" >out");
    const char *const how[] = {"", "python3 -c 'import fcntl, os; fcntl.fcntl(1, fcntl.F_SETFL, os.O_NONBLOCK | fcntl.fcntl(1, fcntl.F_GETFL))'; "};
    for (int i = 0; i < 2; i++) {
        struct terminal terminal = terminal_line(text("%sTERM=xterm %s manifest get oci:%s/lay:a --format '{/manifest/annotations/k}'", how[i], command(), folder));
        assert_int_equal(terminal_end(&terminal), 0);
        assert_string_equal(terminal.said, "a?[31mb\r\n");
    }
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {test(test_archives), test(test_lists), test(test_search), test(test_blobs), test(test_a_terminal_that_does_not_block)};
    return run_all(tests, argc, argv);
}

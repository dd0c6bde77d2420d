/* The ocireg command as people use it at a shell: the order of words, help, what a result looks like, prompts. */
#include "command.h"
#include "peer.h"
#include "terminal.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

/* A repository with an image under some tags. */
static const char *tagged(const char *variable, const char *name, size_t count) {
    const char *place = repository(variable, name);
    for (size_t i = 0; i < count; i++) put_image(client_of(variable), place, text("v%zu", i), 1);
    return place;
}

static void test_options_stand_anywhere(void **state) {
    (void)state;
    folder = new_folder();
    const char *place = tagged("OCIREG_TEST_V3", "anywhere", 2);
    const char *const same[] = {
        "manifest get %s:v0 --pretty",        "--pretty manifest get %s:v0",  "manifest --pretty get %s:v0",
        "manifest get --pretty -- %s:v0",     "--raw manifest get %s:v0",     "manifest --raw get --retries 1 %s:v0",
        "--platform linux/amd64 digest %s:v0", "digest %s:v0 --plain-http --platform=linux/amd64", "--n 1 tags %s", "tags %s --n=1 --json",
    };
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) {
        const char *hole = strstr(same[i], "%s");
        expect_run(text("%.*s%s%s", (int)(hole - same[i]), same[i], place, hole + 2), NULL);
    }
    expect_failure(64, text("tags %s -- --digests", place), "tags does not take '--digests'");
    expect_failure(OCIREG_INVALID_REFERENCE, "parse -- --json", "invalid repository name '--json'");
    expect_failure(64, text("tags %s --n", place), "--n needs a value");
    expect_failure(64, text("tags %s --json=1", place), "--json takes no value");
}

/* Before its command an option's name alone tells whether a value follows: it means the same in each. */
static void test_options_mean_the_same(void **state) {
    (void)state;
    folder = new_folder();
    char *help = NULL, *names[2] = {text(" "), text(" ")};
    size_t count = 0;
    expect_run("help", &help);
    for (const char *at = help; (at = strstr(at, "[-")) != NULL; at += 2, count++) {
        size_t length = strcspn(at + 1, " ]"), valued = at[1 + length] == ' ';
        const char *name = text(" %.*s ", (int)length, at + 1);
        if (strstr(names[!valued], name)) fail_msg("%s has a value in one command and none in another", name);
        if (!strstr(names[valued], name)) names[valued] = text("%s%s", names[valued], name);
    }
    assert_true(count > 20);
    /* And each command has it once. */
    expect_bash("$0 help | grep -E \"^  [a-z]\" | while read -r line; do { grep -oE \"\\[-[-a-z]+\" <<<\"$line\" || true; } | sort | uniq -d; done >twice; cat twice; test ! -s twice");
}

static void test_help(void **state) {
    (void)state;
    folder = new_folder();
    char *all = NULL, *said = NULL;
    expect_run("help", &all);
    assert_non_null(strstr(all, "-- ends them"));
    assert_non_null(strstr(all, "(| head) it is 0 too, but 22 (IO), without a message"));
    expect_run("--help", &said);
    assert_string_equal(said, all);
    expect_run("-h", &said);
    assert_string_equal(said, all);
    const char *const ways[] = {"help manifest get", "manifest get --help", "--help manifest get", "manifest get some/thing:1 --help"};
    for (size_t i = 0; i < 4; i++) {
        expect_run(ways[i], &said);
        assert_non_null(strstr(said, "usage: ocireg manifest get PLACE "));
        assert_non_null(strstr(said, "--accept TYPE"));
    }
    expect_run("help manifest", &said);
    assert_non_null(strstr(said, "manifest delete PLACE"));
    expect_run("manifest --help", &all);
    assert_string_equal(said, all);
    expect_run("version", &said);
    assert_string_equal(said, text("ocireg %s\n", ocireg_version()));
    expect_run("--version", &all);
    assert_string_equal(said, all);
    expect_run("version --json", &said);
    expect_text_at(said, "version", ocireg_version());
}

static void test_a_mistyped_word(void **state) {
    (void)state;
    folder = new_folder();
    static const char *const cases[][2] = {
        {"tgas x", "no such command: tgas; did you mean tags?"},
        {"manifset get x", "did you mean manifest?"},
        {"manifest gte x", "no such command: manifest gte; did you mean manifest get?"},
        {"help refferers", "did you mean referrers?"},
        {"tags x --digest", "unknown option of tags: --digest; did you mean --digests?"},
        {"tags x --pretti", "did you mean --pretty?"},
        {"--jsno", "unknown option: --jsno; did you mean --json?"},
        {"copy a b --platfrom x", "did you mean --platform?"},
        {"manifest", "manifest what?\nsee ocireg help manifest\n"},
        {"", "no command given"},
        {"ls x", "did you mean tags?"},
        {"completion tcsh", "bash, zsh and fish"},
        {"tags --dgiests x", "\nsee ocireg help tags\n"},
        {"manifest get", "\nsee ocireg help manifest get\n"},
        {"copy a b --format {", "\nsee ocireg help copy\n"},
        {"--nosuch", "\nsee ocireg --help\n"},
        {"tags x --plat linux/amd64", "unknown option of tags: --plat\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) expect_failure(64, cases[i][0], cases[i][1]);
    expect_failure(64, "entirelyelse", "no such command: entirelyelse\n");
}

/* A pipe gets the JSON that it always got; --text lines; a terminal lines without being asked. */
static void test_lines(void **state) {
    (void)state;
    folder = new_folder();
    const char *place = tagged("OCIREG_TEST_V3", "lines", 3), *host = env("OCIREG_TEST_V3");
    char *said = NULL;
    expect_run(text("tags %s", place), &said);
    assert_true(json_is_valid(said));
    assert_int_equal(json_length(said, "tags"), 3);
    assert_ptr_equal(strchr(said, '\n'), said + strlen(said) - 1);
    expect_run(text("tags %s --text", place), &said);
    assert_string_equal(said, "v0\nv1\nv2\n");
    assert_string_equal(terminal_run("TERM=xterm", text("tags %s", place)), "v0\r\nv1\r\nv2\r\n");
    said = terminal_run("TERM=xterm", text("tags %s --json", place));
    assert_true(json_is_valid(said));
    assert_ptr_equal(strchr(said, '\n'), said + strlen(said) - 1);
    assert_non_null(strstr(terminal_run("TERM=xterm", text("--pretty tags %s", place)), "\r\n  \"tags\": ["));
    expect_run(text("--text tags %s --digests --n 1", place), &said);
    assert_memory_equal(said, "v0\tsha256:", 10);
    assert_non_null(strstr(errors_said(), "ocireg: there are more: --next "));
    assert_non_null(strstr(terminal_run("TERM=xterm", text("tags %s --digests", place)), "v0  sha256:"));
    expect_run(text("catalog %s --text --search %s", host, strchr(place, '/') + 1), &said);
    assert_string_equal(said, text("%s\n", strchr(place, '/') + 1));
    /* Anything but a list is indented; a single value is itself. */
    expect_run(text("manifest head %s:v0 --text", place), &said);
    assert_non_null(strstr(said, "\n  \"digest\": \"sha256:"));
    expect_run(text("digest %s:v0", place), &said);
    assert_memory_equal(said, "sha256:", 7);
    expect_run(text("digest %s:v0 --json", place), &said);
    assert_int_equal(json_kind_at(said, "digest"), JSON_STRING);
    static const char *const contradictions[] = {"--json --text", "--pretty --text", "--text --format x", "--format x --json"};
    for (size_t i = 0; i < 4; i++) expect_failure(64, text("tags %s %s", place, contradictions[i]), "contradicts");
    /* Exact bytes have no form; a result beside them has. */
    static const char *const bytes[] = {"manifest get %s:v0 --raw --json", "manifest get %s:v0 --raw -o - --format {/digest}", "config %s:v0 --raw --text",
                                        "blob get %s@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 --pretty", "cat %s:v0 file --json", "token %s --header --json"};
    for (size_t i = 0; i < sizeof bytes / sizeof *bytes; i++) expect_failure(64, text(bytes[i], place), "exact bytes");
    expect_run(text("manifest get %s:v0 --raw -o /dev/null --json", place), NULL);
}

static void test_formats(void **state) {
    (void)state;
    folder = new_folder();
    const char *place = tagged("OCIREG_TEST_V3", "formats", 2), *manifest = put_image(client_of("OCIREG_TEST_V3"), place, "v0", 1);
    const char *digest = digest_of(manifest, strlen(manifest));
    const struct { const char *words, *wanted; } cases[] = {
        {"manifest head %s:v0 --format {/digest}", text("%s\n", digest)},
        {"manifest head %s:v0 --format '{/size} \\{{/digest}}\\t!'", text("%zu {%s}\t!\n", strlen(manifest), digest)},
        {"manifest get %s:v0 --format '{/manifest/layers/*/mediaType}'", "application/vnd.oci.image.layer.v1.tar\n"},
        {"tags %s --format '{*}:{/tags/*} {/name}'", text("0:v0 %s\n1:v1 %s\n", strchr(place, '/') + 1, strchr(place, '/') + 1)},
        {"tags %s --format '{/tags/1}{/next}'", "v1\n"},
        {"tags %s --format 'tag {/tags}'", "tag [\"v0\",\"v1\"]\n"},
        {"digest %s:v0 --format '<{/digest}>'", text("<%s>\n", digest)},
        {"referrers %s:v0 --format '{/referrers/*/digest}'", ""},
        {"manifest get %s:v0 --format 'x\\ny'", "x\ny\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *hole = strstr(cases[i].words, "%s");
        char *said = NULL;
        expect_run(text("%.*s%s%s", (int)(hole - cases[i].words), cases[i].words, place, hole + 2), &said);
        assert_string_equal(said, cases[i].wanted);
    }
    static const char *const wrong[][2] = {
        {"{digest}", "such as {/digest}, not {digest}"}, {"{/digest", "has no"}, {"{*}", "needs a list"}, {"\\x", "after a backslash"},
        {"{/a/*}{/b/*}", "one list makes the lines"}, {"{/a/*/b/*}", "one list"}, {"{{.Digest}}", "JSON pointer"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        expect_failure(64, text("manifest head nowhere.invalid/a --format '%s'", wrong[i][0]), wrong[i][1]);
    }
    expect_failure(OCIREG_NOT_FOUND, text("manifest head %s:v0 --format '{/digset}'", place), "it has /mediaType, /digest");
    expect_failure(OCIREG_NOT_FOUND, text("tags %s --format '{/tgas/*}'", place), "it has /name");
    expect_run(text("manifest get %s:v0 -o %s/file --format '{/digest}'", place, folder), NULL);
    expect_shell(text("test $(cat file) = %s", digest));
}

/* What a server says cannot control the terminal. */
static void test_harmless_text(void **state) {
    (void)state;
    folder = new_folder();
    const char *type = "evil/\\u001b]0;title\\u0007\\u202e\\u009bm\\nline";
    const char *digest = digest_of("x", 1);
    const char *index = text("{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.index.v1+json\",\"manifests\":[{\"mediaType\":"
                             "\"application/vnd.oci.image.manifest.v1+json\",\"digest\":\"%s\",\"size\":1,\"artifactType\":\"%s\"}]}", digest, type);
    const struct answer answer = {.bytes = http_answer("200 OK", "Content-Type: application/vnd.oci.image.index.v1+json\r\n", index)};
    const char *words = text("--anonymous --plain-http referrers %s/a@%s", peer_host(peer_start(&answer, 1)), digest);
    const char *const ways[] = {"", "--json", "--pretty", "--format '{/referrers/*/artifactType}'", "--format '{/referrers}'", "--text"};
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        const char *said = terminal_run("TERM=xterm", text("%s %s", words, ways[i]));
        assert_non_null(strstr(said, "evil/"));
        assert_null(strpbrk(said, "\033\a\b"));
        assert_null(strstr(said, "\xe2\x80\xae"));
        assert_null(strstr(said, "\xc2\x9b"));
    }
    char *said = NULL;
    expect_run(text("%s --text", words), &said);
    assert_string_equal(said, text("%s\tevil/?]0;title???m?line\t1\n", digest));
    /* A program gets the text as it is. */
    expect_run(text("%s --format '{/referrers/*/artifactType}'", words), &said);
    assert_non_null(strstr(said, "evil/\033]0;title\a"));
    expect_shell("printf x >\"$(printf \"a\\033[31mb\")\" && tar -cf l.tar a* && $0 append --scratch oci:layout --layer l.tar >/dev/null");
    assert_null(strchr(terminal_run("TERM=xterm", text("-q files oci:%s/layout", folder)), '\033'));
    /* The exact bytes are for a file or a pipe. */
    const char *raw = "{\"schemaVersion\":2,\n\r\"mediaType\":\"application/vnd.oci.image.index.v1+json\",\"manifests\":[],"
                      "\"annotations\":{\"a\":\"b\xc2\x9bm\xe2\x80\xae\xc3\xa9\"}}";
    write_file(text("%s/raw", folder), raw, strlen(raw));
    expect_shell("$0 -q manifest put oci:layout:raw raw >/dev/null && $0 manifest get oci:layout:raw --raw | cmp - raw");
    said = terminal_run("TERM=xterm", text("manifest get oci:%s/layout:raw --raw", folder));
    assert_non_null(strstr(said, "{\"schemaVersion\":2,\r\n?\"mediaType"));
    assert_non_null(strstr(said, "\"b?m?\xc3\xa9\"}}"));
    /* All of it, whatever it holds. */
    write_file(text("%s/config", folder), "a\0b\r\nc", 6);
    expect_shell("$0 -q artifact push oci:layout:any --artifact-type application/x.any --config config:application/x.any >/dev/null");
    said = terminal_run("TERM=xterm", text("config oci:%s/layout:any --raw", folder));
    assert_non_null(strstr(said, "a?b\r"));
    assert_non_null(strstr(said, "\nc"));
}

static void test_colour(void **state) {
    (void)state;
    folder = new_folder();
    static const struct { const char *variables; bool coloured; } cases[] = {
        {"TERM=xterm", true}, {"TERM=dumb", false}, {"TERM=xterm NO_COLOR=1", false}, {"TERM=xterm NO_COLOR=", true}, {"-u TERM", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct terminal terminal = terminal_start(cases[i].variables, text("-q layout check %s", folder));
        assert_int_equal(WEXITSTATUS(terminal_end(&terminal)), OCIREG_NOT_FOUND);
        assert_int_equal(strchr(terminal.said, '\033') != NULL, cases[i].coloured);
    }
    run("-q layout check .", NULL);
    assert_null(strchr(errors_said(), '\033'));
}

static const char *const registries[] = {"OCIREG_TEST_HTPASSWD"};

static const char *login_words(const char *options) {
    return text("--docker-config %s login %s %s", folder, env(registries[0]), options);
}

static void test_login_asks(void **state) {
    (void)state;
    folder = new_folder();
    struct terminal terminal = terminal_start("-u OCIREG_USERNAME -u OCIREG_PASSWORD", login_words("--json"));
    terminal_wait(&terminal, "Username: ");
    assert_true(terminal_echoes(&terminal));
    terminal_type(&terminal, "alice\n");
    terminal_wait(&terminal, "Password: ");
    assert_false(terminal_echoes(&terminal));
    terminal_type(&terminal, text("%s\n", "s3cret:with colon"));
    int status = terminal_end(&terminal);
    if (status != 0) fail_msg("%#x: %s", (unsigned)status, terminal.said);
    assert_null(strstr(terminal.said, "s3cret"));
    assert_non_null(strstr(terminal.said, "\"username\":\"alice\""));
    assert_true(terminal_echoes(&terminal));
    /* Only what is missing. */
    terminal = terminal_start("OCIREG_PASSWORD=wrong", login_words(""));
    terminal_wait(&terminal, "Username: ");
    terminal_type(&terminal, "alice\n");
    assert_int_equal(WEXITSTATUS(terminal_end(&terminal)), OCIREG_UNAUTHENTICATED);
    assert_null(strstr(terminal.said, "Password: "));
    terminal = terminal_start("-u OCIREG_PASSWORD", login_words("--username alice"));
    terminal_wait(&terminal, "Password: ");
    terminal_type(&terminal, "\n");
    assert_int_equal(WEXITSTATUS(terminal_end(&terminal)), 64);
    /* Where no user can answer, none is asked. */
    expect_shell(text("if $0 %s </dev/null 2>err; then exit 1; fi; ! grep -q name: err", login_words("--username alice")));
    /* But told what to do. */
    expect_shell(text("unset OCIREG_USERNAME OCIREG_PASSWORD; S=0; $0 %s </dev/null 2>err || S=$?; test $S = 64 && grep -q -e --password-stdin err", login_words("")));
    expect_shell(text("unset OCIREG_USERNAME OCIREG_PASSWORD; S=0; $0 %s </dev/null 2>err || S=$?; test $S = 64 && grep -q -e --password-stdin err", "v1 login localhost:1"));
}

/* Whatever ends the question, the terminal is as it was. */
static void test_an_interrupted_question(void **state) {
    (void)state;
    folder = new_folder();
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
    for (size_t i = 0; i < 4; i++) {
        struct terminal terminal = terminal_start("-u OCIREG_PASSWORD", login_words("--username alice"));
        terminal_wait(&terminal, "Password: ");
        kill(terminal.process, signals[i]);
        int status = terminal_end(&terminal);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == signals[i]);
        assert_true(terminal_echoes(&terminal));
    }
    struct terminal terminal = terminal_start("-u OCIREG_PASSWORD", login_words("--username alice --deadline 0.5"));
    assert_int_equal(WEXITSTATUS(terminal_end(&terminal)), OCIREG_TIMEOUT);
    assert_true(terminal_echoes(&terminal));
    /* Stopped and continued: the question is asked again. */
    terminal = terminal_start("-u OCIREG_PASSWORD", login_words("--username alice"));
    terminal_wait(&terminal, "Password: ");
    kill(terminal.process, SIGTSTP);
    usleep(300000);
    kill(terminal.process, SIGCONT);
    terminal_wait(&terminal, "Password: ");
    assert_false(terminal_echoes(&terminal));
    terminal_type(&terminal, "s3cret:with colon\n");
    int status = terminal_end(&terminal);
    if (status != 0) fail_msg("%#x: %s", (unsigned)status, terminal.said);
}

static void test_dash_is_a_file(void **state) {
    (void)state;
    folder = new_folder();
    const char *place = tagged("OCIREG_TEST_V3", "dash", 1);
    expect_bash(text("printf hello >motd && tar -cf layer.tar motd && P=%s:v0 R=%s && A=\"$0 --anonymous\" &&"
                     "$A manifest get $P --raw -o - | $A manifest put $R:copy - >/dev/null && test $($A digest $P) = $($A digest $R:copy) &&"
                     "D=$(printf blob | $A blob put $R - --format {/digest}) && test $($A blob get $R@$D -o -) = blob && test ! -e - &&"
                     "test \"$($A blob get $R@$D)\" = blob &&"
                     "cat layer.tar | $A append --scratch oci:layout:v1 --layer - >/dev/null && test $($A cat oci:layout:v1 motd -o -) = hello &&"
                     "$A append oci:layout:v1 --layer - --to oci:layout:v2 <layer.tar >/dev/null && $A files oci:layout:v2 --text | grep -qx /motd &&"
                     "$A append oci:layout:v1 --layer <(cat layer.tar) --layer <(printf bye >motd && tar -c motd) --to oci:layout:v3 >/dev/null &&"
                     "test $($A cat oci:layout:v3 motd) = bye &&"
                     "test $($A manifest get oci:layout:v3 --format {/manifest/layers/*/digest} | wc -l) = 3 &&"
                     "mkfifo fifo && { cat layer.tar >fifo & } && $A append --scratch oci:layout:v4 --layer fifo >/dev/null &&"
                     "test $($A cat oci:layout:v4 motd) = hello && test -p fifo &&"
                     "$A schema1 key | $A schema1 sign motd --key - 2>err || grep -q INVALID_MANIFEST err &&"
                     "U=$($A upload start $R --format {/url}) && printf chunk | $A upload chunk $U - --offset 0 >/dev/null", place, place));
    expect_failure(64, "schema1 sign - --key -", "only once");
    expect_failure(64, "blob put a/b - --username u --password-stdin", "");
    struct terminal terminal = terminal_start("-u TERM", "--deadline 0.5 append --scratch oci:/nowhere --layer -");
    assert_int_equal(WEXITSTATUS(terminal_end(&terminal)), OCIREG_TIMEOUT);
    expect_failure(OCIREG_TIMEOUT, text("--deadline 0.5 append --scratch oci:/nowhere --layer %s/fifo", folder), "");
}

/* What each command ends with when nothing reads standard output, and that it says nothing: %s is a repository. Descriptor 4 is a pipe
 * without a reader. */
static const struct {
    int status;
    const char *words;
} unread[] = {
    {0, "help"}, {0, "help manifest"}, {0, "version"}, {0, "completion bash"}, {0, "tags %s"}, {0, "tags %s --text"}, {0, "tags %s --format {/tags/0}"},
    {0, "digest %s:v1"}, {0, "manifest get %s:v1"}, {0, "manifest get %s:v1 --raw"}, {0, "manifest get %s:v1 --raw -o -"}, {0, "manifest get %s:v1 -o -"},
    {0, "manifest get %s:v1 -o /dev/stdout"}, {0, "manifest put %s:v2 manifest"}, {0, "copy %s:v1 %s:v3"}, {0, "inspect %s:v1"}, {0, "tree %s:v1"},
    {0, "config oci:layout"}, {0, "config oci:layout --raw"}, {0, "files oci:layout"}, {0, "schema1 key"}, {0, "schema1 key -o -"},
    {0, "cat oci:layout small -o other"}, {0, "blob head %s@$D"},
    {OCIREG_IO, "blob get %s@$D"}, {OCIREG_IO, "blob get %s@$D -o -"}, {OCIREG_IO, "blob get %s@$D -o /dev/stdout"}, {OCIREG_IO, "--json-errors blob get %s@$D -o -"},
    {OCIREG_IO, "cat oci:layout small"}, {OCIREG_IO, "cat oci:layout small -o -"}, {OCIREG_IO, "copy oci:layout docker-archive:-"},
    {OCIREG_IO, "copy oci:layout oci-archive:/dev/fd/1"},
};

static void test_a_reader_that_leaves(void **state) {
    (void)state;
    folder = new_folder();
    const char *place = repository("OCIREG_TEST_V3", "head");
    put_image(client_of("OCIREG_TEST_V3"), place, "v1", 1);
    put_blob(client_of("OCIREG_TEST_V3"), place, "blob", 4);
    expect_bash(text("$0 --anonymous manifest get %s:v1 --raw >manifest; printf hello >small; tar -cf l.tar small; $0 append --scratch oci:layout --layer l.tar >out", place));
    for (size_t i = 0; i < sizeof unread / sizeof unread[0]; i++) {
        const char *words = "";
        for (const char *from = unread[i].words, *hole; *from; from = hole[0] ? hole + 2 : hole) {
            hole = strstr(from, "%s") ? strstr(from, "%s") : from + strlen(from);
            words = text("%s%.*s%s", words, (int)(hole - from), from, hole[0] ? place : "");
        }
        expect_bash(text("D=%s; rm -f pipe; mkfifo pipe; exec 3<>pipe 4>pipe 3<&-; S=0; $0 --anonymous -q %s 2>err >&4 || S=$?; cat err; "
                         "test $S = %d && test ! -s err", digest_of("blob", 4), words, unread[i].status));
    }
}

static void test_tags_of_digests_are_left_out(void **state) {
    (void)state;
    folder = new_folder();
    const char *place = tagged("OCIREG_TEST_V3", "digest-tags", 2);
    expect_bash(text("A=\"$0 --anonymous\"; R=%s; D=$($A digest $R:v0); $A manifest get $R:v0 --raw | $A manifest put $R:${D/:/-} - >out;"
                     "test $($A tags $R --text | grep -c .) = 3 && test \"$(echo $($A tags $R --text --omit-digest-tags))\" = \"v0 v1\"", place));
}

/* The same with commands of the shell: `| head` has seen enough. */
static void test_head_of_a_list(void **state) {
    (void)state;
    folder = new_folder();
    const uint8_t *blob = noise(3000000, 1);
    const char *place = repository("OCIREG_TEST_V3", "head");
    put_blob(client_of("OCIREG_TEST_V3"), place, blob, 3000000);
    expect_bash("$0 help | head -1 >out && $0 completion bash | true");
    expect_bash(text("if $0 --anonymous -q blob get %s 2>err | head -c 1 >/dev/null; then exit 1; fi; test ! -s err", blob_reference(place, blob, 3000000)));
    expect_bash("head -c 3000000 /dev/zero >big && tar -cf l.tar big && $0 append --scratch oci:layout --layer l.tar >out &&"
                "if $0 -q cat oci:layout big 2>err | head -c 1 >out; then exit 1; fi; test ! -s err");
}

/* An error is two lines where there is something to do about it. */
static void test_hints(void **state) {
    (void)state;
    folder = new_folder();
    expect_failure(OCIREG_UNAUTHENTICATED, text("tags %s/a", env(registries[0])), "\nocireg: hint: ");
    expect_failure(OCIREG_UNAUTHENTICATED, text("--json-errors tags %s/a", env(registries[0])), "\"hint\":\"");
    assert_null(strstr(errors_said(), "\nocireg:"));
}

/* Protocol v1: its login, an image with its layer and checksum, step by step, and a tag. */
static void test_v1(void **state) {
    (void)state;
    folder = new_folder();
    const char *place = repository("OCIREG_TEST_V1", "by-command"), *host = env("OCIREG_TEST_V1");
    char *said = NULL;
    expect_run(text("detect %s --format {/api_version}", host), &said);
    assert_string_equal(said, "1\n");
    expect_run(text("detect %s --format {/api_version}", env("OCIREG_TEST_V3")), &said);
    assert_string_equal(said, "2\n");
    /* With several registries none gets what is for another. */
    expect_shell("S=0; OCIREG_USERNAME=u OCIREG_PASSWORD=p $0 copy localhost:1/a localhost:2/a 2>err || S=$?; test $S = 64 && grep -q HOST=USER err");
    expect_shell("S=0; OCIREG_USERNAME=u OCIREG_PASSWORD=p $0 --deadline 5 copy localhost:1/a LOCALHOST:1/b 2>err || S=$?; test $S != 64");
    expect_shell(text("test \"$(OCIREG_USERNAME=u OCIREG_PASSWORD=p $0 v1 login %s --format {/status})\" = \"Login Succeeded\" &&"
                      "printf p | $0 v1 login %s --username u --password-stdin --email u@example.com | grep -q created.:true", host, host));
    const char *ids[2], *layer = text("%s/layer", folder), *image = text("%s/image", folder);
    write_file(layer, noise(50000, 3), 50000);
    for (unsigned i = 0; i < 2; i++) {
        ids[i] = text("%s", strchr(digest_of(noise(32, 10 + i), 32), ':') + 1);
        char *json = i ? text("{\"id\":\"%s\",\"parent\":\"%s\"}", ids[1], ids[0]) : text("{\"id\":\"%s\"}", ids[0]);
        write_file(image, json, strlen(json));
        expect_run(text("v1 put-image %s %s", place, image), &said);
        expect_bool_at(said, "uploaded", true);
        if (i) {
            expect_bash(text("$0 --anonymous v1 put-layer %s image - --no-checksum <layer >out", place));
            expect_shell(text("$0 --anonymous v1 put-checksum %s %s $(sed s/.*checksum...// out | cut -d\\\" -f1)", place, ids[1]));
        } else {
            expect_run(text("v1 put-layer %s %s %s", place, image, layer), &said);
            expect_number_at(said, "size", 50000);
        }
        expect_run(text("v1 put-tag %s:t%u %s", place, i, ids[i]), &said);
        expect_number_at(said, "status", 200);
    }
    expect_run(text("v1 tags %s --text", place), &said);
    assert_non_null(strstr(said, text("t1\t%s\n", ids[1])));
    expect_run(text("v1 ancestry %s %s --text", place, ids[1]), &said);
    assert_string_equal(said, text("%s\n%s\n", ids[1], ids[0]));
    expect_shell(text("$0 --anonymous v1 layer %s %s >got && cmp got layer", place, ids[1]));
    expect_run(text("v1 search %s by-command --text", host), &said);
    assert_non_null(strstr(said, "by-command"));
}

/* Options of the client and of hosts that have no option of the command, by their names. */
static void test_named_options(void **state) {
    (void)state;
    folder = new_folder();
    const char *place = tagged("OCIREG_TEST_V3", "named", 1), *host = env("OCIREG_TEST_V3");
    const struct answer away = {.bytes = http_answer("307 Temporary Redirect", "Location: /v2/elsewhere\r\n", "")};
    const char *words = text("--plain-http manifest get %s/a:1", peer_host(peer_start(&away, 1)));
    expect_failure(OCIREG_REDIRECT, text("%s --client-option max_redirects=0", words), "");
    expect_run(text("tags --host-option unix_socket=/nowhere tags.example/a --deadline 3 --client-option retries=0 2>/dev/null || test $? = 8"), NULL);
    expect_run(text("tags %s --host-option endpoint=http://%s/", place, host), NULL);
    expect_run(text("tags %s --host-option %s=requests_per_second=100 --client-option user_agent='\"7\"' --client-option requests_per_second=99.5", place, host), NULL);
    expect_failure(OCIREG_INVALID_ARGUMENT, text("%s --client-option max_redirect=3", words), "max_redirects");
    expect_failure(OCIREG_INVALID_ARGUMENT, text("%s --client-option max_redirects=many", words), "max_redirects");
    expect_run(text("tags %s --limit-rate 2M --host-option %s=download_bytes_per_second=100000", place, host), NULL);
    expect_failure(64, text("%s --limit-rate 2X", words), "such as 500000, 500K, 2M or 1G");
    expect_failure(64, text("%s --limit-rate 9999999999G", words), "--limit-rate");
    expect_failure(64, text("%s --client-option max_redirects", words), "takes KEY=VALUE");
    expect_failure(64, text("%s --host-option =x=y", words), "no host before");
}

/* What needs no registry. */
static void test_files_on_this_machine(void **state) {
    (void)state;
    folder = new_folder();
    expect_bash("printf {} >a && test $($0 blob digest a) = sha256:$(sha256sum a | cut -c1-64) &&"
                "test $(printf {} | $0 blob digest - --algorithm sha512) = sha512:$(sha512sum a | cut -c1-128)");
    const char *index = "{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.index.v1+json\",\"manifests\":[]}";
    write_file(text("%s/index", folder), index, strlen(index));
    expect_bash("test $($0 manifest inspect index --format {/kind}) = index && test $($0 manifest inspect - --format {/digest} <index) ="
                " $($0 blob digest index)");
    expect_failure(OCIREG_INVALID_MANIFEST, text("manifest inspect %s/a", folder), "");
    expect_bash("echo '{\"manifests\": []}' >parts && $0 manifest build parts --raw -o built >said && cmp built index &&"
                " test $($0 manifest build parts --format {/digest}) = $($0 blob digest index)");
    expect_failure(OCIREG_INVALID_MANIFEST, text("manifest build %s/a", folder), "artifactType");
    const char *old = "{\"schemaVersion\":1,\"name\":\"a\",\"tag\":\"1\",\"architecture\":\"amd64\",\"fsLayers\":[{\"blobSum\":\"sha256:"
                      "0000000000000000000000000000000000000000000000000000000000000000\"}],\"history\":[{\"v1Compatibility\":\"{\\\"id\\\":\\\""
                      "0000000000000000000000000000000000000000000000000000000000000000\\\"}\"}]}";
    write_file(text("%s/old", folder), old, strlen(old));
    expect_bash("$0 schema1 key --key-format sec1 -o key >made && grep -q \"EC PRIVATE\" key &&"
                "$0 schema1 sign old --key key --time 2015-04-08T18:52:59Z >signed && I=$($0 schema1 verify signed --format {/signatures/0/key_id}) &&"
                "$0 schema1 verify - --key $I <signed | grep -q 2015-04-08T18:52:59Z &&"
                "test sha256:$($0 schema1 payload signed | sha256sum | cut -c1-64) = $($0 schema1 verify signed --format {/digest}) &&"
                "! $0 schema1 verify signed --key AAAA:AAAA 2>err && ! $0 schema1 sign old --key key --chain key 2>err");
}

/* Each function of the library is in the command, or another one that does the same is. */
static void test_nothing_of_the_library_is_missing(void **state) {
    (void)state;
    static const char *const otherwise[] = {
        "blob_get_fd", "blob_get_memory", "image_export_stream", "blob_put_memory", "v1_layer_fd", "v1_layer_memory", "artifact_add_memory", "artifact_add_stream", /* files and standard output */
        "blob_reader_info", "context_progress", "context_set_credentials", "manifest_layer", "json_parse_bytes", "json_string",
        "error_errno", "error_http_status", /* what the JSON and the files say too */
        "upload_start", "upload_write", "upload_finish", "upload_save", "upload_cancel", "upload_free", /* upload start, chunk, ... */
        "client_fd", "client_next_event", "client_quiesce", "context_cancel_from_signal", "context_set_within", "job_", /* for programs that must not wait */
    };
    size_t size = 0, functions = 0;
    char *list = (char *)read_file("tests/abi/symbols.txt", &size), *rest = NULL;
    list[size] = '\0';
    for (char *name = strtok_r(list, "\n", &rest); name; name = strtok_r(NULL, "\n", &rest)) {
        bool known = *name == '#';
        for (size_t i = 0; i < sizeof otherwise / sizeof otherwise[0]; i++) {
            known = known || strncmp(name + strlen("ocireg_"), otherwise[i], strlen(otherwise[i])) == 0;
        }
        functions += !known;
        if (!known && system(text("grep -qw %s bindings/c/*.c", name)) != 0) fail_msg("the command does not use %s", name);
    }
    assert_true(functions > 80);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        test(test_options_stand_anywhere), test(test_options_mean_the_same), test(test_help), test(test_a_mistyped_word), test(test_lines),
        test(test_formats), test(test_harmless_text), test(test_colour), test(test_login_asks), test(test_an_interrupted_question),
        test(test_dash_is_a_file), test(test_a_reader_that_leaves), test(test_tags_of_digests_are_left_out), test(test_head_of_a_list), test(test_hints), test(test_v1), test(test_named_options), test(test_files_on_this_machine),
        test(test_nothing_of_the_library_is_missing),
    };
    return run_all(tests, argc, argv);
}

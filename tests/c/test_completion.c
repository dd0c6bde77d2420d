/* The completion of command lines: what the command offers, and how the shells use it. */
#include "command.h"
#include "terminal.h"

#include <unistd.h>

static void test_completion(void **state) {
    (void)state;
    folder = new_folder();
    static const char *const cases[][2] = {
        {"par", "parse"}, {"manifest g", "get"}, {"--username tags untag", "untag"}, {"tags --di", "--digests"},
        {"help manifest he", "head"}, {"completion z", "zsh"}, {"copy a b --compression z", "zstd"}, {"tags h/r -- --di", ""},
        {"blob put host/repo fi", ""}, {"--pas", "--password-stdin"}, {"--format tags x --pre", "--pretty"},
        {"--username = tags untag", "untag"}, {"copy a b --compression = zs", "zstd"}, {"completion fi", "fish"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int status = system(text("%s __complete %s | cut -f1 >%s/out", command(), cases[i][0], folder));
        size_t size = 0;
        char *said = (char *)read_file(text("%s/out", folder), &size);
        said[size] = '\0';
        assert_int_equal(status, 0);
        assert_string_equal(said, *cases[i][1] ? text("%s\n", cases[i][1]) : "");
    }
    expect_bash("cp $0 ocireg 2>/dev/null || ln -s $0 ocireg; source <($0 completion bash); COMP_WORDS=($0 manifest g); COMP_CWORD=2;"
                "_ocireg; test \"${COMPREPLY[*]}\" = get");
    expect_bash("for shell in zsh fish; do ! command -v $shell || { $0 completion $shell >script; $shell -n script; }; done >/dev/null");
}

/* A shell that has the completion and shows the words of a command instead of running it. */
static struct terminal shell(const char *words, const char *setup) {
    struct terminal terminal = terminal_line(text("cd %s && exec env HOME=. TERM=dumb %s", folder, words));
    terminal_type(&terminal, text("PATH=%s:$PATH; %s; ocireg() { echo \"got:$*.\"; }; PS1='re''ady> '\n", folder, setup));
    terminal_wait(&terminal, "ready> ");
    return terminal;
}

static void expect_completed(struct terminal *terminal, const char *typed, const char *completed) {
    terminal_type(terminal, text("ocireg %s\t", typed));
    /* The line is sent when the shell has completed it: it shows more than was typed. */
    terminal_wait(terminal, strrchr(completed, ':') + 1);
    terminal_type(terminal, "\n");
    terminal_wait(terminal, text("got:%s.", completed));
    terminal_wait(terminal, "ready> ");
}

/* The command's table of places has those that the library knows, which lists them where it refuses one. */
static void test_kinds_of_places(void **state) {
    (void)state;
    folder = new_folder();
    char *help = NULL, *pattern = text("("), *json = NULL;
    ocireg_error *error = NULL;
    size_t count = 0;
    expect_run("help inspect", &help);
    assert_int_equal(ocireg_endpoint_parse("oci-nothing:x", &json, &error), OCIREG_INVALID_REFERENCE);
    const char *at = strstr(ocireg_error_message(error), "docker-v1://REF");
    for (; at != NULL && (at = strstr(at, ", ")) != NULL; count++) {
        at += 2;
        const char *named = text("%.*s", (int)strcspn(at, ":"), at);
        assert_non_null(strstr(help, text("\n    %s:", named)));
        pattern = text("%s%s%s", pattern, count == 0 ? "" : "|", named);
    }
    assert_true(count >= 4);
    for (size_t i = 0; i < 3; i++) {
        static const char *const shells[] = {"bash", "zsh", "fish"};
        char *script = NULL;
        expect_run(text("completion %s", shells[i]), &script);
        assert_non_null(strstr(script, text("%s):", pattern)));
    }
    ocireg_error_free(error);
}

/* Behind the colon of a place it goes on with files. */
static void test_places(void **state) {
    (void)state;
    folder = new_folder();
    expect_bash("mkdir zebra && touch zip.tar && ln -s $0 ocireg");
    static const char *const shells[][3] = {
        {"bash", "bash --norc --noprofile -i", "source <(ocireg completion bash)"},
        {"bash", "bash --norc --noprofile -i", "COMP_WORDBREAKS=${COMP_WORDBREAKS//:}; source <(ocireg completion bash)"},
        {"zsh", "zsh -f -i", "autoload -U compinit; compinit -u -D; source <(ocireg completion zsh)"},
    };
    for (size_t i = 0; i < sizeof shells / sizeof shells[0]; i++) {
        if (system(text("command -v %s >/dev/null", shells[i][0])) != 0) continue;
        struct terminal terminal = shell(shells[i][1], shells[i][2]);
        expect_completed(&terminal, "copy oci:zebra docker-archive:zi", "copy oci:zebra docker-archive:zip.tar");
        expect_completed(&terminal, "append --scratch --layer l oci-archive:zi", "append --scratch --layer l oci-archive:zip.tar");
        terminal_type(&terminal, "exit\n");
        terminal_end(&terminal);
    }
    expect_bash("! command -v fish >/dev/null || PATH=.:$PATH fish --no-config -c \"ocireg completion fish | source; complete -C \\\"ocireg config oci:\\\"\" | grep ^oci:zebra/");
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        test(test_completion),
        test(test_kinds_of_places),
        test(test_places),
    };
    return run_all(tests, argc, argv);
}

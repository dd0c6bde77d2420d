/* The ocireg command where it waits for other processes: named pipes and standard input, under --deadline and
 * Ctrl-C. */
#include "command.h"
#include "peer.h"
#include "tls.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define MOST_WORDS 16

struct program {
    pid_t process;
    int input, errors; /* this side's ends of its standard input and standard error */
    double begun;
};

/* What the next program has for its standard output; -1 is /dev/null. */
static int standard_output = -1;
/* Standard error goes there too, and nothing reads it. */
static bool in_one_pipe;

static void become(const char *path, char *const *words, const int *input, const int *errors) {
    sigset_t none;
    int nothing = standard_output >= 0 ? standard_output : open("/dev/null", O_WRONLY);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGINT, SIG_DFL);
    dup2(input[0], STDIN_FILENO);
    dup2(nothing, STDOUT_FILENO);
    dup2(in_one_pipe ? nothing : errors[1], STDERR_FILENO);
    alarm(60);
    execv(path, words);
    _exit(127);
}

/* Starts the command with words separated by spaces. */
static struct program start(const char *line) {
    const char *path = command();
    char *words[MOST_WORDS] = {text("ocireg")}, *copy = text("%s", line), *rest = NULL;
    size_t count = 1;
    int input[2], errors[2];
    for (char *word = strtok_r(copy, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
        assert_true(count + 1 < MOST_WORDS);
        words[count++] = word;
    }
    assert_int_equal(pipe2(input, O_CLOEXEC), 0);
    assert_int_equal(pipe2(errors, O_CLOEXEC), 0);
    struct program program = {.input = input[1], .errors = errors[0], .begun = now_ms()};
    program.process = fork();
    assert_true(program.process >= 0);
    if (program.process == 0) become(path, words, input, errors);
    close(input[0]);
    close(errors[1]);
    return program;
}

/* Waits for the end, with this status and a message that contains this. Standard input stays open until then. */
static void expect_end(struct program *program, int wanted, const char *message) {
    char said[4096] = "";
    size_t size = 0;
    ssize_t got;
    int status = 0;
    while (size < sizeof said - 1 && (got = read(program->errors, said + size, sizeof said - 1 - size)) > 0) size += (size_t)got;
    close(program->errors);
    assert_int_equal(waitpid(program->process, &status, 0), program->process);
    close(program->input);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != wanted || !strstr(said, message)) {
        fail_msg("wait status %#x instead of exit status %d, with '%s' in: %s", (unsigned)status, wanted, message, said);
    }
}

static void expect_deadline(struct program *program) {
    expect_end(program, OCIREG_TIMEOUT, "ocireg: TIMEOUT: ");
    double took = now_ms() - program->begun;
    if (took < 500 || took > allowed_ms(3000)) fail_msg("a deadline of 500 ms ended it after %.0f ms", took);
}

/* A full pipe that nothing reads. */
static int full_pipe(void) {
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    assert_int_equal(fcntl(ends[1], F_SETFL, O_NONBLOCK), 0);
    for (char byte = 0; write(ends[1], &byte, 1) == 1;) continue;
    assert_int_equal(fcntl(ends[1], F_SETFL, 0), 0);
    return ends[1];
}

static char *named_pipe(void) {
    char *path = text("%s/pipe", new_folder());
    assert_int_equal(mkfifo(path, 0600), 0);
    return path;
}

static const char *some_blob(void) {
    return text("%s/a@%s", closed_port(), digest_of("x", 1));
}

static void test_deadline_ends_the_wait_for_a_reader(void **state) {
    (void)state;
    struct program program = start(text("--deadline 0.5 blob get %s -o %s", some_blob(), named_pipe()));
    expect_deadline(&program);
}

static void test_ctrl_c_ends_the_wait_for_a_reader(void **state) {
    (void)state;
    struct program program = start(text("blob get %s -o %s", some_blob(), named_pipe()));
    usleep(500000);
    assert_int_equal(waitpid(program.process, NULL, WNOHANG), 0);
    double sent = now_ms();
    kill(program.process, SIGINT);
    expect_end(&program, OCIREG_CANCELLED, "ocireg: CANCELLED: ");
    assert_true(now_ms() - sent < allowed_ms(1000));
}

static void test_output_that_nobody_reads(void **state) {
    (void)state;
    const size_t size = 300000;
    const char *place = repository("OCIREG_TEST_V2", "unread");
    const uint8_t *blob = noise(size, 1);
    ocireg_client *client = client_of("OCIREG_TEST_V2");
    put_image(client, place, "1", 1);
    put_blob(client, place, blob, size);
    const char *commands[] = {
        text("tags %s", place),
        text("manifest get %s:1", place),
        text("manifest get %s:1 --raw", place),
        text("config docker://%s:1 --raw", place),
        text("blob get %s", blob_reference(place, blob, size)),
    };
    standard_output = full_pipe();
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        struct program slow = start(text("--deadline 0.5 --plain-http %s", commands[i]));
        expect_deadline(&slow);
        struct program left = start(text("--plain-http %s", commands[i]));
        usleep(500000);
        assert_int_equal(waitpid(left.process, NULL, WNOHANG), 0);
        double sent = now_ms();
        kill(left.process, i % 2 ? SIGINT : SIGTERM);
        expect_end(&left, OCIREG_CANCELLED, "ocireg: CANCELLED: ");
        assert_true(now_ms() - sent < allowed_ms(300));
    }
    close(standard_output);
    standard_output = -1;
}

/* Whatever it wants to print (a result, an error, the trace, or that it was blocked), it ends without printing it. */
static void test_nothing_that_it_says_is_read(void **state) {
    (void)state;
    const char *place = repository("OCIREG_TEST_V2", "unheard");
    put_image(client_of("OCIREG_TEST_V2"), place, "1", 1);
    const char *commands[] = {
        text("--plain-http tags %s", place),
        text("-vv --plain-http tags %s", place),
        text("--plain-http tags %s/nothing", place),
        text("--plain-http --json-errors tags %s/nothing", place),
        text("manifest put %s/a:1 /nowhere", place),
    };
    standard_output = full_pipe();
    in_one_pipe = true;
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        struct program slow = start(text("--deadline 0.5 %s", commands[i]));
        expect_end(&slow, OCIREG_TIMEOUT, "");
        struct program left = start(commands[i]);
        usleep(500000);
        assert_int_equal(waitpid(left.process, NULL, WNOHANG), 0);
        double sent = now_ms();
        kill(left.process, i % 2 ? SIGINT : SIGTERM);
        expect_end(&left, OCIREG_CANCELLED, "");
        assert_true(now_ms() - sent < allowed_ms(300));
    }
    in_one_pipe = false;
    close(standard_output);
    standard_output = -1;
}

/* Reads a descriptor to its end, slowly if that is wanted, and compares. */
static void expect_bytes(int fd, bool slowly, const void *wanted, size_t size) {
    uint8_t *bytes = keep(malloc(size + 1), free);
    size_t count = 0;
    ssize_t got;
    while (count <= size && (got = read(fd, bytes + count, size + 1 - count)) > 0) {
        count += (size_t)got;
        if (slowly) usleep(20000);
    }
    close(fd);
    assert_int_equal(count, size);
    assert_memory_equal(bytes, wanted, size);
}

static void expect_in_pipe(const char *path, const void *wanted, size_t size) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    expect_bytes(fd, false, wanted, size);
}

/* A shell, ssh or a script's host may give it a standard output that does not block: it waits where that is full, and no longer than
 * it may. */
static void test_standard_output_that_does_not_block(void **state) {
    (void)state;
    const size_t size = 600000; /* more than a pipe holds */
    const char *place = repository("OCIREG_TEST_V2", "impatient");
    const uint8_t *blob = noise(size, 1);
    put_blob(client_of("OCIREG_TEST_V2"), place, blob, size);
    for (int i = 0; i < 3; i++) {
        const char *how[] = {"", " -o -", " -o /dev/stdout"};
        int ends[2];
        assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
        assert_int_equal(fcntl(ends[0], F_SETFL, 0), 0);
        standard_output = ends[1];
        struct program program = start(text("--plain-http blob get %s%s", blob_reference(place, blob, size), how[i]));
        close(ends[1]);
        expect_bytes(ends[0], true, blob, size);
        expect_end(&program, 0, "");
    }
    standard_output = full_pipe();
    assert_int_equal(fcntl(standard_output, F_SETFL, O_NONBLOCK), 0);
    struct program slow = start(text("--deadline 0.5 --plain-http blob get %s", blob_reference(place, blob, size)));
    expect_deadline(&slow);
    close(standard_output);
    standard_output = -1;
}

static void test_a_late_reader_gets_everything(void **state) {
    (void)state;
    const size_t size = 300000; /* more than a pipe holds */
    const char *place = repository("OCIREG_TEST_V2", "command"), *path = named_pipe();
    const uint8_t *blob = noise(size, 1);
    put_blob(client_of("OCIREG_TEST_V2"), place, blob, size);
    struct program program = start(text("--plain-http blob get %s -o %s", blob_reference(place, blob, size), path));
    usleep(300000);
    expect_in_pipe(path, blob, size);
    expect_end(&program, 0, "");
}

static void test_a_manifest_waits_for_a_reader(void **state) {
    (void)state;
    const char *place = repository("OCIREG_TEST_V2", "command"), *path = named_pipe();
    const char *manifest = put_image(client_of("OCIREG_TEST_V2"), place, "pipe", 1);
    struct program late = start(text("--plain-http manifest get %s:pipe --raw -o %s", place, path));
    usleep(300000);
    expect_in_pipe(path, manifest, strlen(manifest));
    expect_end(&late, 0, "");
    struct program never = start(text("--deadline 0.5 --plain-http manifest get %s:pipe --raw -o %s", place, path));
    expect_deadline(&never);
}

static void test_deadline_ends_the_wait_for_input(void **state) {
    (void)state;
    static const char *const commands[] = {
        "--deadline 0.5 --username u --password-stdin ping %s",
        "--deadline 0.5 --plain-http manifest put %s/a:t /dev/stdin",
    };
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        char *line = text("%s", commands[i]), *host = strstr(line, "%s");
        struct program program = start(text("%.*s%s%s", (int)(host - line), line, closed_port(), host + 2));
        expect_deadline(&program);
    }
    const char *place = repository("OCIREG_TEST_V2", "command");
    struct program program = start(text("--deadline 0.5 --plain-http blob put %s /dev/stdin", place));
    expect_deadline(&program);
}

/* Waiting for the password counts towards the deadline; a password that arrives in time does not end the command. */
static void test_a_password_in_time(void **state) {
    (void)state;
    const struct answer silent = {.then = PEER_SILENT};
    struct peer *peer = peer_start(&silent, 1);
    struct program program = start(text("--deadline 0.5 --plain-http --username u --password-stdin ping %s", peer_host(peer)));
    assert_int_equal(write(program.input, "secret\n", 7), 7);
    close(program.input);
    program.input = open("/dev/null", O_RDONLY | O_CLOEXEC);
    expect_deadline(&program);
    assert_true(peer_count(peer) > 0);
}

static void test_an_empty_host_is_no_host(void **state) {
    (void)state;
    struct program program = start("--username =u --password-stdin ping example.invalid");
    expect_end(&program, 64, "--username: no host before '='");
    program = start("--token==t ping example.invalid");
    expect_end(&program, 64, "--token: no host before '='");
}

/* An error is followed by its hint; a realm without TLS is used when the command line allows it. */
static void test_trusted_realm(void **state) {
    (void)state;
    const struct answer token = {.bytes = http_answer("200 OK", "", "{\"token\":\"t\"}")};
    struct peer *realm = peer_start(&token, 1);
    const char *folder = new_folder(), *host = tls_start(folder);
    tls_answer(folder, "a/manifests/t", http_answer("401 Unauthorized", text("WWW-Authenticate: Bearer realm=\"http://%s/token\"\r\n", peer_host(realm)), ""));
    const char *url = text("http://%s", peer_host(realm));
    const char *const refused[] = {"", text("--trusted-realm other.example=%s", url), text("--trusted-realm %s", peer_host(realm))};
    const char *const taken[] = {text("--trusted-realm %s", url), text("--trusted-realm x.example --trusted-realm %s=%s", host, url)};
    for (size_t i = 0; i < 3; i++) {
        struct program program = start(text("--anonymous --ca %s/cert.pem %s manifest get %s/a:t", folder, refused[i], host));
        expect_end(&program, OCIREG_PROTOCOL, "\nocireg: hint: the registry should name an https realm");
    }
    assert_int_equal(peer_count(realm), 0);
    for (size_t i = 0; i < 2; i++) {
        struct program program = start(text("--anonymous --ca %s/cert.pem %s manifest get %s/a:t", folder, taken[i], host));
        /* The server continues to answer 401. */
        expect_end(&program, OCIREG_UNAUTHENTICATED, "ocireg: UNAUTHENTICATED: ");
        assert_int_equal(peer_count(realm), i + 1);
    }
    struct program program = start("--trusted-realm =http://h ping h");
    expect_end(&program, 64, "no host before");
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        test(test_output_that_nobody_reads),            test(test_nothing_that_it_says_is_read),
        test(test_deadline_ends_the_wait_for_a_reader), test(test_ctrl_c_ends_the_wait_for_a_reader),
        test(test_standard_output_that_does_not_block), test(test_a_late_reader_gets_everything),       test(test_a_manifest_waits_for_a_reader),
        test(test_deadline_ends_the_wait_for_input),    test(test_a_password_in_time),
        test(test_an_empty_host_is_no_host),            test(test_trusted_realm),
    };
    return run_all(tests, argc, argv);
}

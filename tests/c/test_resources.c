/* What a process may lack: threads, descriptors, standard input and output; and its environment, which is not read. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common.h"
#include "jobs.h"
#include "peer.h"

/* Defined by this program, so that the library uses it instead of libc's. */
static bool no_threads, recording;
static char recorded[4096];

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *argument) {
    static int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
    if (no_threads) return EAGAIN;
    if (!real) *(void **)&real = dlsym(RTLD_NEXT, "pthread_create");
    return real(thread, attributes, run, argument);
}

/* A kernel before Linux 4.14, which cannot wipe a page at fork. */
static int refused_wipes;

int madvise(void *address, size_t size, int advice) {
    if (advice != MADV_WIPEONFORK) return (int)syscall(SYS_madvise, address, size, advice);
    refused_wipes++;
    errno = EINVAL;
    return -1;
}

static char *look_up(const char *name) {
    size_t length = strlen(name);
    for (char **entry = environ; *entry; entry++) {
        if (strncmp(*entry, name, length) == 0 && (*entry)[length] == '=') return *entry + length + 1;
    }
    return NULL;
}

static char *record(const char *name) {
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    if (recording) {
        pthread_mutex_lock(&lock);
        size_t length = strlen(recorded);
        snprintf(recorded + length, sizeof recorded - length, " %s", name);
        pthread_mutex_unlock(&lock);
    }
    return look_up(name);
}

char *getenv(const char *name) { return record(name); }
char *secure_getenv(const char *name) { return record(name); }

/* One call of each kind. */
static void use_everything(void) {
    static const char *const registries[] = {"OCIREG_TEST_V2", "OCIREG_TEST_TLS", "OCIREG_TEST_TOKEN", "OCIREG_TEST_HTPASSWD"};
    char *json = NULL;
    for (size_t i = 0; i < sizeof registries / sizeof *registries; i++) {
        ocireg_client *client = client_of(registries[i]);
        expect_status(OCIREG_OK, ocireg_registry_ping(client, NULL, look_up(registries[i]), NULL, &json, &failure));
        kept(json);
    }
    ocireg_client *client = client_of("OCIREG_TEST_V2");
    const char *place = repository("OCIREG_TEST_V2", "resources");
    put_blob(client, place, noise(5 << 20, 1), 5 << 20);
    put_image(client, place, "one", 2);
    const char *folder = new_folder();
    expect_status(OCIREG_OK, ocireg_blob_get_file(client, NULL, blob_reference(place, noise(5 << 20, 1), 5 << 20), text("%s/blob", folder), NULL, NULL, &failure));
    expect_status(OCIREG_OK, ocireg_copy(client, NULL, text("%s:one", place), text("%s:two", place), NULL, NULL, &failure));
    /* By name, which has to be resolved, and with the platform's authorities. */
    ocireg_client *plain = new_client(NULL);
    expect_status(OCIREG_CONNECT, ocireg_registry_ping(plain, NULL, text("localhost:%s", strchr(closed_port(), ':') + 1), NULL, &json, &failure));
    ocireg_registry_ping(plain, NULL, look_up("OCIREG_TEST_TLS"), NULL, &json, NULL);
    assert_null(json);
}

/* Must be the first test of the program: variables are read only once. */
static void test_environment(void **state) {
    (void)state;
    setenv("RUST_MIN_STACK", "100000000000000", 1);
    setenv("SSL_CERT_FILE", "/nowhere", 1);
    setenv("TMPDIR", "/nowhere", 1);
    setenv("HTTPS_PROXY", "http://127.0.0.1:1", 1);
    setenv("http_proxy", "http://127.0.0.1:1", 1);
    recording = true;
    use_everything();
    recording = false;
    unsetenv("RUST_MIN_STACK");
    /* Variables of the tests, and of libc's name resolution. */
    for (char *name = strtok(recorded, " "); name; name = strtok(NULL, " ")) {
        if (strncmp(name, "OCIREG_TEST_", 12) == 0 || strcmp(name, "LD_PRELOAD") == 0) continue;
        if (strcmp(name, "RES_OPTIONS") == 0 || strcmp(name, "LOCALDOMAIN") == 0) continue;
        fail_msg("the environment variable %s is read", name);
    }
}

static void is_shortage(ocireg_status status, int number, const char *what) {
    if (status != OCIREG_IO || ocireg_error_errno(failure) != number || strstr(ocireg_error_message(failure), "bug")) {
        no_threads = false;
        fail_msg("%s: %s, %s", what, ocireg_status_name(status), failure ? ocireg_error_json(failure) : "no error");
    }
}

static void test_no_threads(void **state) {
    (void)state;
    char *json = NULL;
    const char *host = env("OCIREG_TEST_V2"), *place = repository("OCIREG_TEST_V2", "threads");
    ocireg_client *fresh = client_of("OCIREG_TEST_V2"), *used = client_of("OCIREG_TEST_V2"), *users = client_of("OCIREG_TEST_TOKEN");
    put_image(used, place, "one", 3);
    put_blob(used, place, noise(5 << 20, 4), 5 << 20);
    const char *blob = blob_reference(place, noise(5 << 20, 4), 5 << 20), *path = text("%s/blob", new_folder());
    ocireg_registry_ping(users, NULL, closed_port(), NULL, &json, NULL);
    /* Its address is known: the first thread that it needs is the token's. */
    const char *login = "'plain_http':true,'username':'alice','password':'s3cret:with colon'";
    set_host(users, env("OCIREG_TEST_TOKEN"), text("{%s,'address':'127.0.0.1'}", login));
    ocireg_client *named = new_client("{'plain_http':true}");
    const char *name = text("localhost:%s", strchr(host, ':') + 1);
    ocireg_registry_ping(named, NULL, closed_port(), NULL, &json, NULL);
    no_threads = true;
    forget_failure();
    is_shortage(ocireg_registry_ping(fresh, NULL, host, NULL, &json, &failure), EAGAIN, "a new client");
    forget_failure();
    is_shortage(ocireg_registry_ping(named, NULL, name, NULL, &json, &failure), EAGAIN, "a name");
    forget_failure();
    is_shortage(ocireg_registry_catalog(users, NULL, env("OCIREG_TEST_TOKEN"), NULL, &json, &failure), EAGAIN, "a token");
    forget_failure();
    is_shortage(ocireg_copy(used, NULL, text("%s:one", place), text("%s-too:one", place), NULL, NULL, &failure), EAGAIN, "a copy");
    /* Work that needs no thread still succeeds. */
    expect_status(OCIREG_OK, ocireg_blob_get_file(used, NULL, blob, path, NULL, NULL, &failure));
    no_threads = false;
    expect_status(OCIREG_OK, ocireg_registry_ping(fresh, NULL, host, NULL, &json, &failure));
    kept(json);
    expect_status(OCIREG_OK, ocireg_registry_catalog(users, NULL, env("OCIREG_TEST_TOKEN"), NULL, &json, &failure));
    kept(json);
}

/* A call that no thread can make leaves its job the call before. */
static void test_a_job_without_a_thread(void **state) {
    (void)state;
    ocireg_client *client = client_of("OCIREG_TEST_V2");
    ocireg_job *job = new_job(client, NULL);
    const char *host = env("OCIREG_TEST_V2");
    expect_status(OCIREG_OK, ocireg_registry_ping(client, ocireg_job_context(job), host, NULL, NULL, &failure));
    expect_end(client, job, OCIREG_OK);
    const char *json = ocireg_job_json(job);
    expect_status(OCIREG_OK, ocireg_client_quiesce(client, &failure));
    no_threads = true;
    forget_failure();
    is_shortage(ocireg_registry_ping(client, ocireg_job_context(job), host, NULL, NULL, &failure), EAGAIN, "a job");
    no_threads = false;
    expect_status(OCIREG_OK, ocireg_job_status(job));
    assert_ptr_equal(ocireg_job_json(job), json);
    assert_non_null(strstr(json, host));
    expect_status(OCIREG_OK, ocireg_registry_ping(client, ocireg_job_context(job), host, NULL, NULL, &failure));
    expect_end(client, job, OCIREG_OK);
}

static void test_no_descriptors(void **state) {
    (void)state;
    char *json = NULL;
    const char *host = env("OCIREG_TEST_V2"), *name = text("localhost:%s", strchr(host, ':') + 1), *folder = new_folder();
    ocireg_client *fresh = client_of("OCIREG_TEST_V2"), *used = client_of("OCIREG_TEST_V2"), *named = new_client("{'plain_http':true}");
    ocireg_client *tls = new_client(NULL);
    ocireg_registry_ping(used, NULL, closed_port(), NULL, &json, NULL);
    ocireg_registry_ping(named, NULL, closed_port(), NULL, &json, NULL);
    ocireg_registry_ping(tls, NULL, closed_port(), NULL, &json, NULL);
    struct rlimit before, none;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = (struct rlimit){.rlim_cur = 3, .rlim_max = before.rlim_max};
    ocireg_error *errors[5] = {0};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    const ocireg_status got[] = {
        ocireg_registry_ping(fresh, NULL, host, NULL, &json, &errors[0]),
        ocireg_registry_ping(used, NULL, host, NULL, &json, &errors[1]),
        ocireg_registry_ping(named, NULL, name, NULL, &json, &errors[2]),
        ocireg_copy(used, NULL, text("oci:%s/none:one", folder), text("%s/a:one", host), NULL, NULL, &errors[3]),
        ocireg_registry_ping(tls, NULL, env("OCIREG_TEST_TLS"), NULL, &json, &errors[4]),
    };
    setrlimit(RLIMIT_NOFILE, &before);
    for (size_t i = 0; i < sizeof got / sizeof *got; i++) {
        forget_failure();
        failure = errors[i];
        if (i == 3) assert_int_not_equal(got[i], OCIREG_INTERNAL);
        else is_shortage(got[i], EMFILE, text("call %zu", i));
    }
    expect_status(OCIREG_OK, ocireg_registry_ping(fresh, NULL, host, NULL, &json, &failure));
    kept(json);
    expect_status(OCIREG_OK, ocireg_registry_ping(named, NULL, name, NULL, &json, &failure));
    kept(json);
}

/* None of the standard descriptors is used by the library. Zero when all is well. */
static int32_t look_at_them(void *userdata, const char *event) {
    (void)event;
    for (int fd = 0; fd < 3; fd++) {
        char path[64], what[200] = "";
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        if (readlink(path, what, sizeof what - 1) < 0 || strcmp(what, "/dev/null") != 0) snprintf(userdata, 256, "%d is '%s'", fd, what);
    }
    return 0;
}

static void without_standard_descriptors(int from, char *wrong) {
    ocireg_context *context = NULL;
    ocireg_client *client = client_of("OCIREG_TEST_V2");
    char *json = NULL, *reference = repository("OCIREG_TEST_V2", "standard"), *path = text("%s/blob", new_folder());
    put_blob(client, reference, noise(3 << 20, 9), 3 << 20);
    reference = blob_reference(reference, noise(3 << 20, 9), 3 << 20);
    client = client_of("OCIREG_TEST_V2");
    for (int fd = 0; fd < 3; fd++) {
        close(fd);
        if (fd < from) dup2(open("/dev/null", O_RDWR), fd);
    }
    ocireg_context_new(&context, NULL);
    ocireg_context_set_log(context, look_at_them, wrong, NULL);
    ocireg_status pinged = ocireg_registry_ping(client, context, look_up("OCIREG_TEST_V2"), NULL, &json, NULL);
    ocireg_status got = ocireg_blob_get_file(client, context, reference, path, NULL, NULL, NULL);
    if (pinged || got) snprintf(wrong, 256, "ping %s, get %s", ocireg_status_name(pinged), ocireg_status_name(got));
    look_at_them(wrong, "");
    ocireg_string_free(json);
    ocireg_client_free(client);
    ocireg_context_free(context);
}

static void test_closed_standard_descriptors(void **state) {
    (void)state;
    for (int from = 0; from < 3; from++) {
        char wrong[256] = "";
        int ends[2];
        assert_int_equal(pipe(ends), 0);
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            without_standard_descriptors(from, wrong);
            if (write(ends[1], wrong, sizeof wrong) < 0) _exit(1);
            execl("/bin/true", "true", (char *)NULL);
            _exit(1);
        }
        close(ends[1]);
        ssize_t count = read(ends[0], wrong, sizeof wrong);
        close(ends[0]);
        waitpid(child, NULL, 0);
        assert_int_equal(count, sizeof wrong);
        if (wrong[0]) fail_msg("closed from %d on: %s", from, wrong);
    }
}

static void test_fork_with_an_old_kernel(void **state) {
    (void)state;
    char *json = NULL;
    ocireg_client *client = client_of("OCIREG_TEST_V2");
    expect_status(OCIREG_OK, ocireg_registry_ping(client, NULL, env("OCIREG_TEST_V2"), NULL, &json, &failure));
    kept(json);
    assert_int_equal(refused_wipes, 1);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        alarm(20);
        bool forked = ocireg_registry_ping(client, NULL, look_up("OCIREG_TEST_V2"), NULL, &json, NULL) == OCIREG_FORKED;
        execl(forked ? "/bin/true" : "/bin/false", "", (char *)NULL);
        _exit(1);
    }
    int status = 0;
    waitpid(child, &status, 0);
    assert_int_equal(status, 0);
    expect_status(OCIREG_OK, ocireg_registry_ping(client, NULL, env("OCIREG_TEST_V2"), NULL, &json, &failure));
    kept(json);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {test(test_environment), test(test_fork_with_an_old_kernel), test(test_no_threads), test(test_a_job_without_a_thread), test(test_no_descriptors), test(test_closed_standard_descriptors)};
    return run_all(tests, argc, argv);
}

/* A parent's handles in a forked child: they are refused, and both processes continue to work. */
#include "calls.h"
#include "later.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

struct plan {
    struct arguments *live;
    void *(*filled)[MOST_ARGUMENTS]; /* the arguments of every call, made before the fork */
};

static bool has_handle(const struct call *call) {
    return strchr("CXRUA", call->kinds[0]) != NULL;
}

static struct plan make_plan(void) {
    struct plan plan = {.live = live_arguments(), .filled = keep(calloc(call_count, sizeof *plan.filled), free)};
    for (size_t i = 0; i < call_count; i++) fill_in(plan.live, &calls[i], plan.filled[i]);
    return plan;
}

/* The child's work returns what went wrong, or "": cmocka's checks do not work there. */
typedef void child_fn(const struct plan *plan, char *wrong, size_t size);

static void every_handle_is_refused(const struct plan *plan, char *wrong, size_t size) {
    double begun = now_ms();
    for (size_t i = 0; i < call_count; i++) {
        if (!has_handle(&calls[i])) continue;
        ocireg_error *error = NULL;
        ocireg_status status = calls[i].run(plan->filled[i], &error);
        if (status != OCIREG_FORKED || ocireg_error_code(error) != OCIREG_FORKED) {
            snprintf(wrong, size, "%s gives %s", calls[i].name, ocireg_status_name(status));
        }
        ocireg_error_free(error);
    }
    if (now_ms() - begun > allowed_ms(500)) snprintf(wrong, size, "the answers took %.0f ms", now_ms() - begun);
}

/* Also where everything else is wrong too: nothing but handles is given. */
static void handles_alone_are_refused(const struct plan *plan, char *wrong, size_t size) {
    for (size_t i = 0; i < call_count; i++) {
        void *arguments[MOST_ARGUMENTS] = {0};
        ocireg_error *error = NULL;
        if (!has_handle(&calls[i])) continue;
        for (size_t k = 0; calls[i].kinds[k]; k++)
            if (strchr("CXxRUA", calls[i].kinds[k])) arguments[k] = plan->filled[i][k];
        ocireg_status status = calls[i].run(arguments, &error);
        if (status != OCIREG_FORKED) snprintf(wrong, size, "%s with handles alone gives %s", calls[i].name, ocireg_status_name(status));
        ocireg_error_free(error);
        /* The context alone is the parent's. */
        if (calls[i].kinds[1] != 'x') continue;
        arguments[0] = NULL;
        status = calls[i].run(arguments, NULL);
        if (status != OCIREG_FORKED) snprintf(wrong, size, "%s with a context alone gives %s", calls[i].name, ocireg_status_name(status));
    }
}

static void frees_do_nothing(const struct plan *plan, char *wrong, size_t size) {
    ocireg_blob_reader_free(plan->live->reader);
    ocireg_upload_free(plan->live->upload);
    ocireg_client_free(plan->live->client);
    ocireg_context_free(plan->live->context);
    (void)wrong, (void)size;
}

static void child_has_its_own(const struct plan *plan, char *wrong, size_t size) {
    ocireg_client *client = NULL;
    char *json = NULL;
    const char *host = getenv("OCIREG_TEST_V2");
    ocireg_status made = ocireg_client_new(NULL, &client, NULL);
    ocireg_status foreign = ocireg_registry_ping(client, plan->live->context, host, NULL, &json, NULL);
    ocireg_status pinged = ocireg_registry_ping(client, NULL, host, NULL, &json, NULL);
    if (made != OCIREG_OK || foreign != OCIREG_FORKED || pinged != OCIREG_OK) {
        snprintf(wrong, size, "new %s, with the parent's context %s, ping %s", ocireg_status_name(made), ocireg_status_name(foreign),
                 ocireg_status_name(pinged));
    }
    ocireg_string_free(json);
    ocireg_client_free(client);
}

/* Runs the work in a child. It ends by executing another program, so that no leak check counts what the parent's
 * handles left there. */
static void in_child(child_fn *work, const struct plan *plan) {
    char wrong[256] = "";
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        alarm(30);
        work(plan, wrong, sizeof wrong);
        if (write(ends[1], wrong[0] ? wrong : "fine", wrong[0] ? strlen(wrong) : 4) < 0) _exit(1);
        execl("/bin/true", "true", (char *)NULL);
        _exit(1);
    }
    close(ends[1]);
    ssize_t count = read(ends[0], wrong, sizeof wrong - 1);
    close(ends[0]);
    int status = 0;
    waitpid(child, &status, 0);
    if (count <= 0) fail_msg("the child said nothing and ended with wait status %#x", (unsigned)status);
    wrong[count] = '\0';
    if (strcmp(wrong, "fine") != 0) fail_msg("in the child: %s", wrong);
}

/* The parent's handles still work. */
static void parent_goes_on(const struct plan *plan) {
    struct arguments *live = plan->live;
    uint8_t bytes[8];
    size_t count = 0;
    char *json = NULL;
    expect_status(OCIREG_OK, ocireg_registry_ping(live->client, live->context, env("OCIREG_TEST_V2"), NULL, &json, &failure));
    kept(json);
    expect_status(OCIREG_OK, ocireg_blob_reader_read(live->reader, bytes, sizeof bytes, &count, &failure));
    assert_int_equal(count, 3);
    expect_status(OCIREG_OK, ocireg_upload_write(live->upload, (const uint8_t *)"fork", 4, &failure));
    expect_status(OCIREG_OK, ocireg_upload_finish(live->upload, NULL, NULL, &failure));
}

static void test_handles_answer_forked(void **state) {
    (void)state;
    struct plan plan = make_plan();
    in_child(every_handle_is_refused, &plan);
    in_child(handles_alone_are_refused, &plan);
    parent_goes_on(&plan);
}

static void test_frees_in_the_child(void **state) {
    (void)state;
    struct plan plan = make_plan();
    in_child(frees_do_nothing, &plan);
    parent_goes_on(&plan);
}

static void test_child_makes_a_client(void **state) {
    (void)state;
    struct plan plan = make_plan();
    in_child(child_has_its_own, &plan);
    parent_goes_on(&plan);
}

/* In a new namespace of process ids the child has the id that its parent has in its own: 1. */
static void same_id(const struct plan *plan, char *wrong, size_t size) {
    (void)plan;
    if (unshare(CLONE_NEWPID) != 0) return;
    pid_t first = fork();
    if (first > 0) {
        int status = 0;
        waitpid(first, &status, 0);
        if (status != 0) snprintf(wrong, size, "the first process of the namespace ended with %#x", (unsigned)status);
        return;
    }
    ocireg_client *client = client_of("OCIREG_TEST_V2");
    ocireg_context *context = new_context();
    char *json = NULL;
    const char *host = getenv("OCIREG_TEST_V2"), *said = text("%s/said", new_folder());
    bool good = getpid() == 1 && ocireg_registry_ping(client, NULL, host, NULL, &json, NULL) == OCIREG_OK;
    if (!good || unshare(CLONE_NEWPID) != 0) _exit(2);
    pid_t second = fork();
    if (second == 0) {
        alarm(20);
        dup2(open(said, O_CREAT | O_WRONLY, 0600), 2);
        if (getpid() != 1) _exit(3);
        if (ocireg_registry_ping(client, NULL, host, NULL, &json, NULL) != OCIREG_FORKED) _exit(4);
        if (ocireg_context_cancel(context, NULL) != OCIREG_FORKED) _exit(5);
        ocireg_client_free(client);
        ocireg_context_free(context);
        if (lseek(2, 0, SEEK_END) != 0) _exit(6);
        execl("/bin/true", "true", (char *)NULL);
    }
    int status = 0;
    waitpid(second, &status, 0);
    execl(status == 0 ? "/bin/true" : "/bin/false", "", (char *)NULL);
    _exit(7);
}

static void test_the_same_process_id(void **state) {
    (void)state;
    struct plan plan = make_plan();
    if (geteuid() != 0) skip();
    in_child(same_id, &plan);
    parent_goes_on(&plan);
}

struct caller {
    ocireg_client *client;
    ocireg_context *context;
    const char *host;
};

static void *call_silent_peer(void *argument) {
    struct caller *caller = argument;
    char *json = NULL;
    ocireg_registry_ping(caller->client, caller->context, caller->host, NULL, &json, NULL);
    ocireg_string_free(json);
    return NULL;
}

/* Another thread is in a call, perhaps holding locks, when the process forks. */
static void test_fork_during_a_call(void **state) {
    (void)state;
    const struct answer silent = {.then = PEER_SILENT};
    struct peer *peer = peer_start(&silent, 1);
    struct plan plan = make_plan();
    struct caller caller = {plan.live->client, new_context(), peer_host(peer)};
    set_host(caller.client, caller.host, "{'plain_http':true}");
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, call_silent_peer, &caller), 0);
    bool waits = peer_wait(peer, 1, allowed_ms(5000));
    in_child(every_handle_is_refused, &plan);
    in_child(child_has_its_own, &plan);
    in_child(frees_do_nothing, &plan);
    ocireg_context_cancel(caller.context, NULL);
    pthread_join(thread, NULL);
    assert_true(waits);
    parent_goes_on(&plan);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        test(test_handles_answer_forked),
        test(test_frees_in_the_child),
        test(test_child_makes_a_client),
        test(test_the_same_process_id),
        test(test_fork_during_a_call),
    };
    return run_all(tests, argc, argv);
}

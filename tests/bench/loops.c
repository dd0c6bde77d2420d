/* loops REFERENCE HOW COUNT: what an event loop (loop.h) feels of COUNT downloads of a blob at once: HOW is jobs, or threads, one for each
 * download beside the loop. Prints the longest time between two turns of the loop, which should be 5 ms, and the most threads of the
 * process. */
#include "loop.h"

#include <fcntl.h>
#include <ocireg.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

static ocireg_client *client;
static const char *reference;
static int nowhere, left, failed, most, events, ended;
static double last, worst;

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e3 + (double)time.tv_nsec / 1e6;
}

static int threads(void) {
    char line[200];
    int count = 0;
    FILE *status = fopen("/proc/self/status", "r");
    while (status && fgets(line, sizeof line, status)) sscanf(line, "Threads: %d", &count);
    if (status) fclose(status);
    return count;
}

static void *download(void *nothing) {
    (void)nothing;
    if (ocireg_blob_get_fd(client, NULL, reference, nowhere, NULL, NULL, NULL) != OCIREG_OK) __atomic_add_fetch(&failed, 1, __ATOMIC_RELAXED);
    if (write(ended, &(uint64_t){1}, 8) != 8) abort();
    return NULL;
}

static void by_thread(void) {
    pthread_t thread;
    sigset_t every, before;
    sigfillset(&every); /* else the signals of the loop's program arrive there */
    pthread_sigmask(SIG_SETMASK, &every, &before);
    if (pthread_create(&thread, NULL, download, NULL) != 0) abort();
    pthread_detach(thread);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static void by_job(void) {
    ocireg_job *job = NULL;
    if (ocireg_job_new(client, NULL, NULL, &job, NULL) != OCIREG_OK ||
        ocireg_blob_get_fd(client, ocireg_job_context(job), reference, nowhere, NULL, NULL, NULL) != OCIREG_OK) exit(1);
}

static bool on_ready(int fd) {
    ocireg_job *job;
    int event;
    uint64_t one;
    if (fd == ended) return read(ended, &one, sizeof one) == sizeof one ? --left > 0 : left > 0;
    while (ocireg_client_next_event(client, &job, &event, NULL) == OCIREG_OK && job) {
        failed += ocireg_job_status(job) != OCIREG_OK;
        ocireg_job_free(job);
        left--;
    }
    return left > 0;
}

static void on_tick(void) {
    double time = now();
    int alive = threads();
    if (last > 0 && time - last > worst) worst = time - last;
    if (alive > most) most = alive;
    last = time;
}

int main(int argc, char **argv) {
    if (argc != 4) return 2;
    double begun = now();
    int all = atoi(argv[3]);
    reference = argv[1], left = all;
    nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
    ended = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK | EFD_SEMAPHORE);
    if (ocireg_client_new(NULL, &client, NULL) != OCIREG_OK || ocireg_client_fd(client, &events, NULL) != OCIREG_OK) return 1;
    for (int i = 0; i < all; i++) {
        if (strcmp(argv[2], "jobs") == 0) by_job();
        else by_thread();
    }
    loop_run((int[]){events, ended}, on_tick, on_ready);
    printf("%-8s %-8s %4d downloads: %7.0f ms, longest time between two turns %6.1f ms, %4d threads, %d failures\n", loop_name, argv[2], all,
           now() - begun, worst, most, failed);
    ocireg_client_free(client);
    return failed > 0;
}

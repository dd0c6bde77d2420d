/* loops REFERENCE HOW COUNT: what an event loop feels of COUNT downloads of a blob at once: HOW is jobs, or threads, one for each
 * download. Prints the longest time between two turns of the loop, which should be 5 ms, and the most threads of the process. */
#include <fcntl.h>
#include <ocireg.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

static ocireg_client *client;
static const char *reference;
static int nowhere, all, left, failed;

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

static void *download(void *ended) {
    if (ocireg_blob_get_fd(client, NULL, reference, nowhere, NULL, NULL, NULL) != OCIREG_OK) failed++;
    if (write(*(int *)ended, &(uint64_t){1}, 8) != 8) abort();
    return NULL;
}

static void by_thread(int loop) {
    static int ended = -1;
    pthread_t thread;
    sigset_t every, before;
    if (ended < 0) {
        ended = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK | EFD_SEMAPHORE);
        epoll_ctl(loop, EPOLL_CTL_ADD, ended, &(struct epoll_event){.events = EPOLLIN, .data.fd = ended});
    }
    sigfillset(&every);
    pthread_sigmask(SIG_SETMASK, &every, &before);
    pthread_create(&thread, NULL, download, &ended);
    pthread_detach(thread);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static void by_job(void) {
    ocireg_job *job = NULL;
    if (ocireg_job_new(client, NULL, NULL, &job, NULL) != OCIREG_OK ||
        ocireg_blob_get_fd(client, ocireg_job_context(job), reference, nowhere, NULL, NULL, NULL) != OCIREG_OK) exit(1);
}

static void take_events(void) {
    ocireg_job *job;
    int event;
    while (ocireg_client_next_event(client, &job, &event, NULL) == OCIREG_OK && job) {
        failed += ocireg_job_status(job) != OCIREG_OK;
        ocireg_job_free(job);
        left--;
    }
}

int main(int argc, char **argv) {
    if (argc != 4) return 2;
    bool jobs = strcmp(argv[2], "jobs") == 0;
    int fd = -1, loop = epoll_create1(EPOLL_CLOEXEC), tick = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    double last = 0, worst = 0, begun = now();
    int most = 0;
    reference = argv[1];
    nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (ocireg_client_new(NULL, &client, NULL) != OCIREG_OK || ocireg_client_fd(client, &fd, NULL) != OCIREG_OK) return 1;
    timerfd_settime(tick, 0, &(struct itimerspec){{0, 5000000}, {0, 5000000}}, NULL);
    epoll_ctl(loop, EPOLL_CTL_ADD, tick, &(struct epoll_event){.events = EPOLLIN, .data.fd = tick});
    epoll_ctl(loop, EPOLL_CTL_ADD, fd, &(struct epoll_event){.events = EPOLLIN, .data.fd = fd});
    all = left = atoi(argv[3]);
    for (int i = 0; i < all; i++) {
        if (jobs) by_job();
        else by_thread(loop);
    }
    while (left > 0) {
        struct epoll_event ready;
        uint64_t count;
        if (epoll_wait(loop, &ready, 1, -1) != 1) continue;
        if (ready.data.fd == fd) {
            take_events();
        } else if (read(ready.data.fd, &count, sizeof count) == 8 && ready.data.fd != tick) {
            left--;
        } else if (ready.data.fd == tick) {
            double time = now();
            int alive = threads();
            if (last > 0 && time - last > worst) worst = time - last;
            if (alive > most) most = alive;
            last = time;
        }
    }
    printf("%-8s %4d downloads: %7.0f ms, longest time between two turns %6.1f ms, %4d threads, %d failures\n", argv[2], all, now() - begun, worst, most, failed);
    ocireg_client_free(client);
    return failed > 0;
}

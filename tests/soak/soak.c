/* soak REGISTRY FOLDER CALLS SEED CSV: so many mixed calls, of three processes with sixteen threads each, against a registry that does not
 * always do well, with one layout that all share. Prints and records what the processes hold meanwhile; fails when a result was wrong, or
 * when memory, threads or descriptors grow. */
#include "soak.h"

#include <dirent.h>
#include <ocireg.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { SAMPLES = 20, GROWTH_KIB = 6144, MOST_THREADS = THREADS + 24, MOST_FILES = 256, STILL_SECONDS = 180 };

/* A process that makes calls, and what it came to. */
struct worker {
    pid_t process;
    bool is_over;
    int status;
};

/* What a process holds. */
struct held {
    long kib, threads, files;
};

static struct held look(pid_t process)
{
    struct held held = {0};
    char path[64], line[256];
    snprintf(path, sizeof path, "/proc/%d/status", process);
    FILE *status = fopen(path, "r");
    while (status && fgets(line, sizeof line, status)) {
        if (sscanf(line, "VmRSS: %ld", &held.kib) == 0)
            (void)sscanf(line, "Threads: %ld", &held.threads);
    }
    if (status)
        fclose(status);
    snprintf(path, sizeof path, "/proc/%d/fd", process);
    DIR *files = opendir(path);
    while (files && readdir(files))
        held.files++;
    if (files)
        closedir(files);
    return held;
}

static void collect(struct worker *worker, int how)
{
    if (!worker->is_over && waitpid(worker->process, &worker->status, how) != 0)
        worker->is_over = true;
}

/* Whether a process has failed: it makes no more calls, and the others may wait for what it has locked. */
static bool has_failed(struct worker *workers)
{
    bool failed = false;
    for (int i = 0; i < PROCESSES; i++) {
        collect(&workers[i], WNOHANG);
        failed |= workers[i].is_over && workers[i].status != 0;
    }
    return failed;
}

/* Waits until so many calls are done. Not when a process has failed, nor when for long no call ends. */
static bool wait_for(struct counts *counts, long wanted, struct worker *workers)
{
    const struct timespec moment = {.tv_nsec = 20 * 1000 * 1000};
    long before = -1;
    time_t since = 0;
    while (counts->done < wanted) {
        if (counts->done != before)
            before = counts->done, since = time(NULL);
        if (has_failed(workers) || time(NULL) - since > STILL_SECONDS)
            return false;
        nanosleep(&moment, NULL);
    }
    return true;
}

/* The processes, looked at each time that a twentieth of the calls is done. Returns whether all calls were. */
static bool watch(struct counts *counts, struct worker *workers, struct held samples[SAMPLES][PROCESSES], FILE *csv)
{
    fputs("calls,process,kib,threads,descriptors\n", csv);
    for (int sample = 0; sample < SAMPLES; sample++) {
        long at = counts->wanted * (sample + 1) / (SAMPLES + 1);
        if (!wait_for(counts, at, workers))
            return false;
        for (int i = 0; i < PROCESSES; i++) {
            struct held held = samples[sample][i] = look(workers[i].process);
            fprintf(csv, "%ld,%d,%ld,%ld,%ld\n", at, i, held.kib, held.threads, held.files);
        }
        const struct held *one = samples[sample];
        printf("%8ld calls: %6ld %6ld %6ld KiB, %3ld %3ld %3ld threads, %3ld %3ld %3ld descriptors\n", at, one[0].kib, one[1].kib, one[2].kib,
               one[0].threads, one[1].threads, one[2].threads, one[0].files, one[1].files, one[2].files);
        fflush(stdout);
    }
    return wait_for(counts, counts->wanted, workers);
}

/* How many processes did not end well. Those that still make calls when not all are done are ended. */
static int end(struct worker *workers, bool all_done)
{
    int faults = 0;
    for (int i = 0; i < PROCESSES; i++) {
        if (!all_done && !workers[i].is_over)
            kill(workers[i].process, SIGKILL), printf("soak: process %d came to no end\n", i);
        collect(&workers[i], 0);
        if (workers[i].status != 0)
            faults++, printf("soak: process %d ended with status %d\n", i, workers[i].status);
    }
    return faults + !all_done;
}

/* The last quarter holds no more than the second one, but for noise. */
static int grown(struct held samples[SAMPLES][PROCESSES])
{
    int faults = 0;
    for (int i = 0; i < PROCESSES; i++) {
        long early = 0, last = 0;
        for (int n = 0; n < SAMPLES / 4; n++) {
            early += samples[SAMPLES / 4 + n][i].kib, last += samples[3 * SAMPLES / 4 + n][i].kib;
        }
        early /= SAMPLES / 4, last /= SAMPLES / 4;
        if (last > early + early / 10 + GROWTH_KIB)
            faults++, printf("soak: process %d grew from %ld to %ld KiB\n", i, early, last);
        for (int n = 0; n < SAMPLES; n++) {
            const struct held *held = &samples[n][i];
            if (held->threads > MOST_THREADS || held->files > MOST_FILES)
                faults++, printf("soak: process %d had %ld threads and %ld descriptors\n", i, held->threads, held->files);
        }
    }
    return faults;
}

static void report(struct counts *counts)
{
    for (int status = 0; status < STATUSES; status++) {
        if (counts->by_status[status])
            printf("  %s: %ld\n", ocireg_status_name(status), (long)counts->by_status[status]);
    }
    printf("soak: %ld calls, %ld wrong results\n", (long)counts->done, (long)counts->wrong);
}

int main(int count, char **arguments)
{
    static struct held samples[SAMPLES][PROCESSES];
    struct worker workers[PROCESSES] = {0};
    if (count != 6)
        return fprintf(stderr, "usage: soak REGISTRY FOLDER CALLS SEED CSV\n"), 64;
    struct counts *counts = mmap(NULL, sizeof *counts, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    FILE *csv = fopen(arguments[5], "w");
    if (counts == MAP_FAILED || !csv)
        return perror("soak"), 1;
    counts->wanted = atol(arguments[3]);
    for (unsigned i = 0; i < PROCESSES; i++) {
        workers[i].process = fork();
        if (workers[i].process == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            work(counts, arguments[1], arguments[2], i, strtoull(arguments[4], NULL, 10));
            exit(0);
        }
    }
    bool all_done = watch(counts, workers, samples, csv);
    fclose(csv);
    int faults = end(workers, all_done);
    if (all_done)
        faults += grown(samples);
    report(counts);
    return faults > 0 || counts->wrong > 0;
}

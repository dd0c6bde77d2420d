/* What the processes of the soak share. */
#ifndef OCIREG_SOAK_H
#define OCIREG_SOAK_H

#include <stdatomic.h>
#include <stdint.h>

enum { PROCESSES = 3, THREADS = 16, STATUSES = 32 };

/* In memory that all processes see. */
struct counts {
    long wanted;
    atomic_long begun, done, wrong;
    atomic_long by_status[STATUSES];
};

/* One process's part: calls in THREADS threads until all wanted ones are begun. */
void work(struct counts *counts, const char *registry, const char *folder, unsigned process, uint64_t seed);

#endif

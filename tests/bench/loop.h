/* What loops.c needs of an event loop, so that it is the same program in each. */
#ifndef OCIREG_BENCH_LOOP_H
#define OCIREG_BENCH_LOOP_H

#include <stdbool.h>

extern const char loop_name[];

/* Calls ticked every 5 ms, and ready when one of the two descriptors can be read, until that says that nothing is left. */
void loop_run(const int fds[2], void (*ticked)(void), bool (*ready)(int fd));

#endif

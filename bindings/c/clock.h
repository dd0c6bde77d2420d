/* A steady clock. */
#ifndef OCIREG_COMMAND_CLOCK_H
#define OCIREG_COMMAND_CLOCK_H

#include <stdint.h>

/* Milliseconds since some moment in the past. */
int64_t clock_ms(void);

#endif

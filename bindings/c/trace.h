/* The lines of -v and -vv. */
#ifndef OCIREG_COMMAND_TRACE_H
#define OCIREG_COMMAND_TRACE_H

#include <stdbool.h>

/* Writes an event of the library's log to standard error. It contains no secrets: the library has redacted it. */
void trace_event(const char *event, bool headers);

#endif

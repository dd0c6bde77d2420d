/* The behaviours that all bindings have in common (tests/behaviours): the file, its texts, and what it expects. */
#ifndef OCIREG_TEST_BEHAVIOURS_H
#define OCIREG_TEST_BEHAVIOURS_H

#include "common.h"

/* The whole file. */
char *behaviours_file(void);

/* From now on ${NAME} stands for this text; both are copied. Not while other threads look names up. */
void know(const char *name, const char *text);

/* A text with every ${NAME} replaced, to be freed with free(). An unknown name fails the test. */
char *filled(const char *text);

/* A member of a step with its names replaced, to be freed with free(); NULL when there is none. */
char *step_text(const char *step, const char *name);

/* The outcome of a call. */
struct outcome {
    ocireg_status status;
    ocireg_error *error;
    char *json; /* after success, to be freed with free() */
};

/* NULL when it is what the step expects; otherwise a text that says what is wrong, to be freed with free(). */
char *judged(const char *step, const struct outcome *outcome);

/* A text of that many bytes as a JSON string, to be freed with free(). */
char *quoted(const void *text, size_t size);

#endif

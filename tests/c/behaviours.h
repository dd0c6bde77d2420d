/* The behaviours that all bindings have in common (tests/behaviours): the file, its texts, and what it expects. */
#ifndef OCIREG_TEST_BEHAVIOURS_H
#define OCIREG_TEST_BEHAVIOURS_H

#include "common.h"

/* The whole file. */
char *behaviours_file(void);

/* From now on ${NAME} stands for this text; both are copied. Not while other threads ask. */
void know(const char *name, const char *text);

/* A text with every ${NAME} replaced, for free(). One that is not known fails the test. */
char *filled(const char *text);

/* A member of a step with its names replaced, for free(); NULL when there is none. */
char *step_text(const char *step, const char *name);

/* What a call came to. */
struct outcome {
    ocireg_status status;
    ocireg_error *error;
    char *json; /* of a success, for free() */
};

/* NULL when it is what the step expects; else a text for free() that says what is wrong. */
char *judged(const char *step, const struct outcome *outcome);

/* JSON of a text, of so many bytes; for free(). */
char *quoted(const void *text, size_t size);

#endif

/* "did you mean …?" for a mistyped command or option. */
#ifndef OCIREG_COMMAND_SUGGEST_H
#define OCIREG_COMMAND_SUGGEST_H

#include <stddef.h>

#define LONGEST_SUGGESTION 40

struct suggestion {
    const char *typed;
    char best[LONGEST_SUGGESTION + 1]; /* the nearest that was offered, if any is near enough; else empty */
    size_t distance;
};

/* Compares what was typed with something that exists. */
void suggest(struct suggestion *suggestion, const char *candidate);

/* What follows the message: "; did you mean X?", or nothing. `before` belongs to X. The texts go one after the other. */
#define SUGGESTION "%s%s%s%s"
#define SUGGESTED(before, suggestion) \
    (suggestion).best[0] == '\0' ? "" : "; did you mean ", (suggestion).best[0] == '\0' ? "" : (before), (suggestion).best, \
        (suggestion).best[0] == '\0' ? "" : "?"

#endif

#include "suggest.h"

#include <string.h>

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* The number of letters to add, drop, replace or swap with their neighbour to make one text of another. */
static size_t distance(const char *a, const char *b)
{
    size_t rows[3][LONGEST_SUGGESTION + 1], width = strlen(b);
    for (size_t j = 0; j <= width; j++)
        rows[0][j] = j;
    for (size_t i = 1; a[i - 1] != '\0'; i++) {
        size_t *row = rows[i % 3], *above = rows[(i + 2) % 3], *before = rows[(i + 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= width; j++) {
            row[j] = least(least(above[j], row[j - 1]) + 1, above[j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = least(row[j], before[j - 2] + 1);
        }
    }
    return rows[strlen(a) % 3][width];
}

void suggest(struct suggestion *suggestion, const char *candidate)
{
    /* The dashes of an option do not count as letters that were right. */
    size_t length = strlen(suggestion->typed), letters = length - strspn(suggestion->typed, "-"), near = letters < 6 ? 1 : letters / 3, found;
    if (length < 2 || length > LONGEST_SUGGESTION || strlen(candidate) > LONGEST_SUGGESTION)
        return;
    /* The beginning of a name is as near as can be. */
    found = strncmp(candidate, suggestion->typed, length) == 0 ? 1 : distance(suggestion->typed, candidate);
    if (found > near || (suggestion->best[0] != '\0' && found >= suggestion->distance))
        return;
    strcpy(suggestion->best, candidate);
    suggestion->distance = found;
}

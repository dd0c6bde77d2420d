#include "style.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The rule of no-color.org: any value but an empty one. */
bool style_wanted(FILE *file)
{
    const char *no_color = getenv("NO_COLOR"), *terminal = getenv("TERM");
    if (no_color != NULL && *no_color != '\0')
        return false;
    return terminal != NULL && strcmp(terminal, "dumb") != 0 && isatty(fileno(file));
}

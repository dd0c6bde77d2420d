#include "style.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool is_terminal(FILE *file)
{
    return isatty(file == stdout ? STDOUT_FILENO : fileno(file));
}

bool style_moves(FILE *file)
{
    const char *terminal = getenv("TERM");
    return is_terminal(file) && (terminal == NULL || strcmp(terminal, "dumb") != 0);
}

/* The rule of no-color.org: any value but an empty one. */
bool style_wanted(FILE *file)
{
    const char *no_color = getenv("NO_COLOR"), *terminal = getenv("TERM");
    if (no_color != NULL && *no_color != '\0')
        return false;
    return terminal != NULL && style_moves(file);
}

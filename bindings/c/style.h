/* Colour, on terminals only and never against NO_COLOR. */
#ifndef OCIREG_COMMAND_STYLE_H
#define OCIREG_COMMAND_STYLE_H

#include <stdbool.h>
#include <stdio.h>

#define STYLE_ALARM "\033[1;31m"
#define STYLE_TITLE "\033[1m"
#define STYLE_FAINT "\033[2m"
#define STYLE_END "\033[0m"

/* Standard output need not have its own descriptor here (see patient_stdout.c). */
bool is_terminal(FILE *file);
/* Whether it is a terminal where what was written can be replaced. */
bool style_moves(FILE *file);
/* Whether what is written there may be coloured. */
bool style_wanted(FILE *file);

#endif

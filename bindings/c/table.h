/* Columns for people. */
#ifndef OCIREG_COMMAND_TABLE_H
#define OCIREG_COMMAND_TABLE_H

#include <stdio.h>

/* Writes lines whose cells are separated by tabs so that the cells stand below each other. */
void table_align(FILE *file, const char *lines);

#endif

/* What `tree` shows, as lines. */
#ifndef OCIREG_COMMAND_TREE_H
#define OCIREG_COMMAND_TREE_H

#include <ocireg.h>
#include <stdio.h>

/* Draws the JSON that tree makes. */
void tree_draw(FILE *file, const ocireg_json *root);

#endif

/* What `inspect` shows, as a page. */
#ifndef OCIREG_COMMAND_INSPECT_H
#define OCIREG_COMMAND_INSPECT_H

#include <ocireg.h>
#include <stdio.h>

/* Writes the page of the JSON that inspect makes. */
void inspect_page(FILE *file, const ocireg_json *image);

#endif

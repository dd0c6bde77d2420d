/* What a dry run of `sync` shows, as lines. */
#ifndef OCIREG_COMMAND_SYNC_PLAN_H
#define OCIREG_COMMAND_SYNC_PLAN_H

#include <ocireg.h>
#include <stdio.h>

/* Writes a line for each image that would be moved or taken away, or has failed, and one about all. */
bool sync_plan(FILE *file, const ocireg_json *synced);

#endif

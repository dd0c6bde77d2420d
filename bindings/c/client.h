/* The command's client, with the options that the command line gives. */
#ifndef OCIREG_COMMAND_CLIENT_H
#define OCIREG_COMMAND_CLIENT_H

#include "options.h"

#include <ocireg.h>

ocireg_status client_open(const struct globals *globals, ocireg_client **client, ocireg_error **error);

/* One that knows the machine's files and no credentials, so that no helper or user is asked for them. */
ocireg_status client_open_for_names(const struct globals *globals, ocireg_client **client, ocireg_error **error);

#endif

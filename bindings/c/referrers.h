/* What refers to a manifest, at any place. */
#ifndef OCIREG_COMMAND_REFERRERS_H
#define OCIREG_COMMAND_REFERRERS_H

#include "session.h"

/* A registry is asked for more than other places are: all filters, and pages. */
ocireg_status referrers_of(struct session *session, const char *place, const ocireg_options *options, char **json, ocireg_error **error);

#endif

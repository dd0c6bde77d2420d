/* Options of the library by their names: KEY=VALUE. */
#ifndef OCIREG_COMMAND_NAMED_OPTION_H
#define OCIREG_COMMAND_NAMED_OPTION_H

#include <ocireg.h>
#include <stdbool.h>

bool is_named_option(const char *text);
/* A VALUE of true or false is a boolean, digits are a number, 0.5 is one with a fraction, what begins with [ or " is JSON, and all else is a text. */
ocireg_status named_option_set(ocireg_options *options, const char *text, ocireg_error **error);

#endif

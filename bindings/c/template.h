/* What --format prints, and what commands print for people: text with members of a JSON document.
 *
 *     {/digest} {/size}             the members at these JSON pointers (RFC 6901); {} is the whole
 *     {/layers/ * /digest}          (without the blanks) a line for each item of a list or member of an object
 *     {*}                           the item's number or name
 *     \n \t \\ \{                   a new line, a tab between columns, a backslash, a brace
 *
 * A member that is missing or null prints nothing. What is not a string is printed as JSON. */
#ifndef OCIREG_COMMAND_TEMPLATE_H
#define OCIREG_COMMAND_TEMPLATE_H

#include <ocireg.h>
#include <stdbool.h>
#include <stdio.h>

/* What is written where. */
struct template_target {
    FILE *file;
    bool clean;   /* what controls a terminal is made harmless */
    bool aligned; /* columns stand below each other; else there are tabs between them */
};

/* Whether it is well-formed; reports what is wrong. */
int template_check(const char *text);
/* Writes the document by a template, each line with its end. False: nothing that the template names is there. */
bool template_write(const char *text, const ocireg_json *document, const struct template_target *target);

#endif

/* The commands: the name of each, what it takes, and the function that runs it. */
#ifndef OCIREG_COMMAND_COMMAND_H
#define OCIREG_COMMAND_COMMAND_H

#include "session.h"

#define MOST_ARGUMENTS 2

enum parameter_kind {
    /* Handed to the library as an option of the call, under `key`. */
    PARAMETER_FLAG,
    PARAMETER_OFF, /* a flag that sets its key to false */
    PARAMETER_TEXT,
    PARAMETER_NUMBER,
    PARAMETER_LIST,
    /* Handled by the command itself. */
    PARAMETER_OUTPUT,
    PARAMETER_KEY,
    PARAMETER_RAW,
    PARAMETER_FROM,
    /* Both. */
    PARAMETER_TO,
    PARAMETER_DESCRIPTOR,
};

/* An option of one command. */
struct parameter {
    const char *name;
    enum parameter_kind kind;
    const char *key;
    const char *value; /* the name of its value in the help, or NULL */
    const char *help;
};

/* What the user wrote after the command. */
struct command_line {
    const char *arguments[MOST_ARGUMENTS];
    ocireg_options *options;
    const char *output; /* -o FILE */
    const char *from;   /* --from REPO */
    const char *key;    /* --key FILE */
    const char *to;     /* --to PLACE */
    const char *descriptor; /* --destination-fd N */
    bool raw;
};

struct command {
    const char *name;
    enum target target;                    /* what the first argument says about the registry */
    const char *arguments[MOST_ARGUMENTS]; /* their names; all are required */
    const struct parameter *parameters;    /* ends with one without a name; or NULL */
    const char *summary;
    int (*run)(struct session *session, const struct command_line *line);
};

extern const struct command command_parse;
extern const struct command command_ping, command_catalog, command_tags;
extern const struct command command_login, command_logout, command_explain;
extern const struct command command_manifest_get, command_manifest_head, command_manifest_put, command_manifest_delete;
extern const struct command command_digest;
extern const struct command command_upload_start, command_upload_status, command_upload_chunk, command_upload_finish;
extern const struct command command_upload_cancel, command_blob_mount;
extern const struct command command_copy, command_pull, command_push;
extern const struct command command_layout_check, command_layout_clean;
extern const struct command command_config, command_size, command_tag, command_rmrepo, command_files;
extern const struct command command_extract, command_cat, command_append;
extern const struct command command_referrers, command_untag;
extern const struct command command_schema1_verify, command_schema1_sign, command_schema1_key;
extern const struct command command_blob_get, command_blob_head, command_blob_put, command_blob_delete;
extern const struct command command_v1_ping, command_v1_search, command_v1_images, command_v1_tags, command_v1_tag;
extern const struct command command_v1_ancestry, command_v1_image, command_v1_layer, command_v1_push, command_v1_untag, command_v1_rmrepo;

/* All commands, ended by NULL. */
extern const struct command *const commands[];

/* The command that the arguments name, or NULL after an error has been reported, with `status` set. With --help for
 * a family of commands (`manifest --help`) the help is printed, and `status` is that of printing. */
const struct command *command_find(struct arguments *arguments, const struct output *output, int *status);

/* Reads what follows the command. `*help`: the user asked for the command's help. */
int command_line_parse(struct command_line *line, const struct command *command, struct arguments *arguments,
                       const struct output *output, bool *help);
void command_line_free(struct command_line *line);

int help_all(const struct output *output);
int help_command(const struct command *command, const struct output *output);
int help_family(const char *family, const struct output *output);

#endif

/* The commands: the name of each, what it takes, and the function that runs it. */
#ifndef OCIREG_COMMAND_COMMAND_H
#define OCIREG_COMMAND_COMMAND_H

#include "session.h"

#define MOST_ARGUMENTS 3
/* Of --depth: what the JSON of so deep a tree needs is less than the library reads. */
#define MOST_DEPTH 20

enum parameter_kind {
    /* Handed to the library as an option of the call, under `key`. */
    PARAMETER_FLAG,
    PARAMETER_OFF, /* a flag that sets its key to false */
    PARAMETER_SKIP, /* a flag that sets its key to "skip" */
    PARAMETER_TEXT,
    PARAMETER_NUMBER,
    PARAMETER_LIST,
    PARAMETER_FILES, /* a list of files */
    /* Handled by the command itself. */
    PARAMETER_OUTPUT,
    PARAMETER_FOLDER, /* like PARAMETER_OUTPUT, where standard output cannot be meant */
    PARAMETER_KEY,
    PARAMETER_CHAIN,
    PARAMETER_RAW,
    PARAMETER_DEPTH,
    PARAMETER_TITLE,
    PARAMETER_CONFIG,
    PARAMETER_FROM,
    /* Both. */
    PARAMETER_PLATFORM,
    PARAMETER_TO,
    PARAMETER_DESCRIPTOR,
    PARAMETER_LIST_FORMAT,
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
    char **more; /* the words for `more` of the command, and how many they are */
    size_t more_count;
    const char *title;  /* --title TITLE */
    const char *config; /* --config FILE[:TYPE] */
    const char *from;   /* --from REPO, --from FILE */
    const char *key;    /* --key FILE */
    const char *chain;  /* --chain FILE */
    const char *to;     /* --to PLACE */
    const char *platform; /* --platform P, of a command that looks at it itself */
    const char *descriptor; /* --destination-fd N */
    const char *list_format; /* --list-format FORM */
    int64_t depth;          /* --depth N; 0: not given */
    bool raw, dry_run;
};

struct command {
    const char *name;
    enum target target;                    /* what the first argument says about the registry */
    const char *arguments[MOST_ARGUMENTS]; /* their names; those in brackets may be left out */
    const char *more;                      /* the name of any number of arguments after them; or NULL */
    const struct parameter *parameters;    /* ends with one without a name; or NULL */
    const char *summary;
    bool asks; /* for a user name and a password, when there is a terminal and they are missing */
    bool bytes; /* without -o FILE its result is exact bytes, to which no form of results applies */
    const char *lines; /* a result for people: a template as for --format; NULL: the JSON, indented */
    int (*run)(struct session *session, const struct command_line *line);
};

extern const struct command command_parse;
extern const struct command command_help, command_version, command_completion;
extern const struct command command_ping, command_detect, command_catalog, command_tags;
extern const struct command command_login, command_logout, command_explain, command_token;
extern const struct command command_manifest_get, command_manifest_head, command_manifest_inspect, command_manifest_build, command_manifest_put, command_manifest_delete;
extern const struct command command_digest, command_inspect, command_tree;
extern const struct command command_upload_start, command_upload_status, command_upload_chunk, command_upload_finish;
extern const struct command command_upload_cancel, command_blob_mount;
extern const struct command command_copy, command_pull, command_push, command_sync;
extern const struct command command_layout_list, command_layout_check, command_layout_clean;
extern const struct command command_config, command_size, command_validate, command_tag, command_rmrepo, command_files;
extern const struct command command_extract, command_export, command_cat, command_append;
extern const struct command command_blob_locate, command_manifest_locate;
extern const struct command command_artifact_push, command_artifact_attach, command_artifact_pull;
extern const struct command command_index_create, command_index_append, command_index_remove;
extern const struct command command_referrers, command_untag;
extern const struct command command_schema1_verify, command_schema1_payload, command_schema1_sign, command_schema1_key;
extern const struct command command_blob_digest, command_blob_get, command_blob_head, command_blob_put, command_blob_copy, command_blob_delete;
extern const struct command command_v1_ping, command_v1_search, command_v1_images, command_v1_tags, command_v1_tag;
extern const struct command command_v1_ancestry, command_v1_image, command_v1_layer, command_v1_push, command_v1_untag, command_v1_rmrepo;
extern const struct command command_v1_login, command_v1_put_image, command_v1_put_layer, command_v1_put_checksum, command_v1_put_tag;

/* All commands, ended by NULL: for main.c, and what only it uses. Others have `commands` of the globals. */
extern const struct command *const commands[];

/* The command that the first words name, and how many words that took; NULL when they name none. */
const struct command *command_named(const struct command *const *commands, const struct arguments *arguments, size_t *words);
/* Reports that, and what may have been meant. */
int report_no_command(const struct command *const *commands, const struct arguments *arguments);
/* Whether it is the first word of commands such as "manifest get". */
bool is_family(const struct command *const *commands, const char *name);

/* What any option of the command line takes. */
enum takes option_takes(const char *name);
/* Takes the options, those of the command and those of all, and the command's arguments, which follow `words` words. */
int command_line_parse(struct command_line *line, const struct command *command, const struct arguments *arguments, size_t words,
                       struct globals *globals);
void command_line_free(struct command_line *line);

int help_all(const struct command *const *commands, const struct output *output);
int help_command(const struct command *command, const struct output *output);
int help_family(const struct command *const *commands, const char *family, const struct output *output);
/* The help that these words ask for: of a command, a family or all. */
int help_about(const struct command *const *commands, const struct arguments *about, const struct output *output);

/* What the shells' completion calls, with the words up to the cursor: prints what the last one may become. */
#define COMPLETE "__complete"
int complete(int count, char **items);

/* An argument's name in brackets: it may be left out. */
bool is_optional(const char *argument);

#endif

/* The options before the command: they say how to reach registries and how to print. */
#ifndef OCIREG_COMMAND_OPTIONS_H
#define OCIREG_COMMAND_OPTIONS_H

#include "arguments.h"
#include "output.h"

enum setting_kind { SETTING_USERNAME, SETTING_TOKEN, SETTING_TRUSTED_REALM, SETTING_PLAIN_HTTP, SETTING_INSECURE };

/* An option that may name its host (`--username HOST=U`, `--plain-http=HOST`). */
struct setting {
    enum setting_kind kind;
    const char *option; /* as the user spelled it */
    const char *host;   /* NULL: none was named */
    const char *value;
};

struct globals {
    struct setting *settings; /* in the order given */
    size_t setting_count;
    const char *ca_file, *user_agent;
    const char *cert_file, *key_file, *proxy;
    const char *docker_config;
    int64_t max_blob_bytes; /* 0: not given */
    int64_t connect_ms, read_ms, deadline_ms; /* 0: not given */
    int64_t retries, min_speed;               /* -1: not given */
    bool password_stdin, anonymous, foreign_credentials, plain_http, insecure;
    bool quiet, help, version;
    int verbosity;
    struct output output;
};

/* Reads the options up to the command. They point into the arguments. */
int globals_parse(struct globals *globals, struct arguments *arguments);
void globals_free(struct globals *globals);
/* Whether this is one of them, so that a command can say so when one follows it. */
bool globals_know(const char *option);
void globals_help(FILE *file);

#endif

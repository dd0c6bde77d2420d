/* The options of every command: they say how to reach registries and how to print. */
#ifndef OCIREG_COMMAND_OPTIONS_H
#define OCIREG_COMMAND_OPTIONS_H

#include "arguments.h"
#include "output.h"
#include "suggest.h"

enum setting_kind { SETTING_USERNAME, SETTING_TOKEN, SETTING_TRUSTED_REALM, SETTING_MIRROR, SETTING_MIRRORS_ONLY, SETTING_PLAIN_HTTP, SETTING_INSECURE, SETTING_CLIENT_OPTION, SETTING_HOST_OPTION };

/* An option that may name its host (`--username HOST=U`, `--plain-http=HOST`). */
struct setting {
    enum setting_kind kind;
    const char *option; /* as the user spelled it */
    const char *host;   /* NULL: none was named */
    const char *value;
};

struct command;

struct globals {
    const struct command *const *commands; /* all that there are, ended by NULL */
    struct setting *settings; /* in the order given */
    size_t setting_count;
    const char *ca_file, *user_agent;
    const char *cert_file, *key_file, *proxy;
    const char *docker_config;
    const char *registries_conf, *registries_d, *containerd_certs_dir, *k3s_registries, *docker_daemon_json;
    const char *short_names;
    const char *blob_info_cache;
    int64_t max_blob_bytes; /* 0: not given */
    int64_t connect_ms, read_ms, deadline_ms; /* 0: not given */
    int64_t retries, min_speed;               /* -1: not given */
    int64_t limit_rate;                       /* 0: not given, or no limit */
    bool password_stdin, anonymous, foreign_credentials, no_registries_conf, plain_http, insecure;
    bool quiet, help, version;
    int verbosity;
    struct output output;
};

/* `most_settings`: how many options there are at most. False: out of memory. */
bool globals_init(struct globals *globals, const struct command *const *commands, size_t most_settings);
void globals_free(struct globals *globals);

/* Whether this is one of them, and then what it takes. */
bool globals_know(const char *option, enum takes *takes);
/* Takes one of them, whose value stays where it is. */
int globals_take(struct globals *globals, const struct option *option);
/* When all have been taken: whether they agree. */
int globals_check(const struct globals *globals);

/* The option that sets a key of the library's: --plain-http for plain_http, --ca for ca_file. NULL when there is none. */
const char *globals_flag(const char *key, size_t length);
/* Gives each to `offer`, with what it is. */
void globals_offer(void (*offer)(const char *word, size_t length, const char *what, const char *begun), const char *begun);
void globals_suggest(struct suggestion *suggestion);
void globals_help(FILE *file);

#endif

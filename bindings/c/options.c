#include "options.h"

#include "named_option.h"
#include "pipe_file.h"
#include "template.h"

#include <stdlib.h>
#include <string.h>

enum global {
    OPTION_USERNAME,
    OPTION_PASSWORD_STDIN,
    OPTION_TOKEN,
    OPTION_TRUSTED_REALM,
    OPTION_MIRROR,
    OPTION_MIRRORS_ONLY,
    OPTION_ANONYMOUS,
    OPTION_DOCKER_CONFIG,
    OPTION_FOREIGN_CREDENTIALS,
    OPTION_PLAIN_HTTP,
    OPTION_INSECURE,
    OPTION_CA,
    OPTION_CERT,
    OPTION_KEY,
    OPTION_PROXY,
    OPTION_REGISTRIES_CONF,
    OPTION_NO_REGISTRIES_CONF,
    OPTION_REGISTRIES_D,
    OPTION_CONTAINERD_CERTS_DIR,
    OPTION_K3S_REGISTRIES,
    OPTION_DOCKER_DAEMON_JSON,
    OPTION_SHORT_NAMES,
    OPTION_CONNECT_TIMEOUT,
    OPTION_READ_TIMEOUT,
    OPTION_MIN_SPEED,
    OPTION_LIMIT_RATE,
    OPTION_DEADLINE,
    OPTION_RETRIES,
    OPTION_MAX_BLOB_BYTES,
    OPTION_BLOB_INFO_CACHE,
    OPTION_USER_AGENT,
    OPTION_CLIENT,
    OPTION_HOST,
    OPTION_QUIET,
    OPTION_VERBOSE,
    OPTION_VERY_VERBOSE,
    OPTION_PRETTY,
    OPTION_JSON,
    OPTION_TEXT,
    OPTION_FORMAT,
    OPTION_JSON_ERRORS,
    OPTION_HELP,
    OPTION_VERSION,
};

static const struct {
    const char *name;
    enum global option;
    enum takes takes;
    const char *value, *help;
} table[] = {
    {"--username", OPTION_USERNAME, TAKES_VALUE, " [HOST=]U", "or OCIREG_USERNAME, for a single registry"},
    {"--password-stdin", OPTION_PASSWORD_STDIN, TAKES_NOTHING, "", "read the password, without a final newline; or OCIREG_PASSWORD"},
    {"--token", OPTION_TOKEN, TAKES_VALUE, " [HOST=]T", "a bearer token, used as it is"},
    {"--trusted-realm", OPTION_TRUSTED_REALM, TAKES_VALUE, " [HOST=]R", "a token server trusted with the credentials; http://R: without TLS"},
    {"--mirror", OPTION_MIRROR, TAKES_VALUE, " [HOST=]ENDPOINT", "where to look first, [SCHEME://]HOST[:PORT][/PREFIX] or JSON; repeatable"},
    {"--mirrors-only", OPTION_MIRRORS_ONLY, MAY_TAKE_VALUE, "[=HOST]", "ask only mirrors, never the command's registries, or HOST, themselves; with sync --from give HOST"},
    {"--anonymous", OPTION_ANONYMOUS, TAKES_NOTHING, "", "send no credentials, not even stored ones or those of a list"},
    {"--docker-config", OPTION_DOCKER_CONFIG, TAKES_VALUE, " DIR", "use only the stored credentials in DIR/config.json"},
    {"--foreign-credentials", OPTION_FOREIGN_CREDENTIALS, TAKES_NOTHING, "", "also read credential files of other users, or that others can write to"},
    {"--plain-http", OPTION_PLAIN_HTTP, MAY_TAKE_VALUE, "[=HOST]", "http instead of https, for all hosts or this one"},
    {"--insecure", OPTION_INSECURE, MAY_TAKE_VALUE, "[=HOST]", "do not verify TLS, for all hosts or this one"},
    {"--ca", OPTION_CA, TAKES_VALUE, " FILE", "certificate authorities (PEM) in addition to the platform's"},
    {"--cert", OPTION_CERT, TAKES_VALUE, " FILE", "a client certificate (PEM), with its key in it or in --key"},
    {"--key", OPTION_KEY, TAKES_VALUE, " FILE", "the client certificate's key (PEM)"},
    {"--proxy", OPTION_PROXY, TAKES_VALUE, " URL", "a proxy instead of the environment's; direct: none"},
    {"--registries-conf", OPTION_REGISTRIES_CONF, TAKES_VALUE, " FILE", "mirrors, insecure and blocked registries from FILE alone, not from podman's registries.conf and registries.conf.d"},
    {"--no-registries-conf", OPTION_NO_REGISTRIES_CONF, TAKES_NOTHING, "", "do not read podman's registries.conf and registries.d"},
    {"--registries-d", OPTION_REGISTRIES_D, TAKES_VALUE, " DIR", "where signatures are, for explain, from *.yaml in DIR, not from podman's registries.d"},
    {"--containerd-certs-dir", OPTION_CONTAINERD_CERTS_DIR, TAKES_VALUE, " DIR", "also mirrors from a folder like containerd's certs.d"},
    {"--k3s-registries", OPTION_K3S_REGISTRIES, TAKES_VALUE, " FILE", "also mirrors from a file like k3s's registries.yaml"},
    {"--docker-daemon-json", OPTION_DOCKER_DAEMON_JSON, TAKES_VALUE, " FILE", "also mirrors of Docker Hub from a file like Docker's daemon.json"},
    {"--short-names", OPTION_SHORT_NAMES, TAKES_VALUE, " WHERE", "what names without a registry are: docker.io, or what those files say: files"},
    {"--connect-timeout", OPTION_CONNECT_TIMEOUT, TAKES_VALUE, " S", "seconds to connect"},
    {"--read-timeout", OPTION_READ_TIMEOUT, TAKES_VALUE, " S", "seconds without a byte"},
    {"--limit-rate", OPTION_LIMIT_RATE, TAKES_VALUE, " N", "the most bytes per second in each direction: 500K, 2M, 1G; 0: no limit"},
    {"--min-speed", OPTION_MIN_SPEED, TAKES_VALUE, " N", "the least bytes per second over that time; 0: no minimum"},
    {"--deadline", OPTION_DEADLINE, TAKES_VALUE, " S", "seconds for the whole call"},
    {"--retries", OPTION_RETRIES, TAKES_VALUE, " N", "attempts after the first"},
    {"--max-blob-bytes", OPTION_MAX_BLOB_BYTES, TAKES_VALUE, " N", "the largest blob accepted, in bytes"},
    {"--blob-info-cache", OPTION_BLOB_INFO_CACHE, TAKES_VALUE, " FILE", "remember there which repositories have which blobs, to mount them"},
    {"--user-agent", OPTION_USER_AGENT, TAKES_VALUE, " S", "the User-Agent header"},
    {"--client-option", OPTION_CLIENT, TAKES_VALUE, " KEY=VALUE", "any option of ocireg_client_new, by its name in ocireg.h"},
    {"--host-option", OPTION_HOST, TAKES_VALUE, " [HOST=]KEY=VALUE", "any option of ocireg_client_set_host"},
    {"-q", OPTION_QUIET, TAKES_NOTHING, "", "no progress bar"},
    {"-v", OPTION_VERBOSE, TAKES_NOTHING, "", "a line for each HTTP request and response"},
    {"-vv", OPTION_VERY_VERBOSE, TAKES_NOTHING, "", "their headers too"},
    {"--pretty", OPTION_PRETTY, TAKES_NOTHING, "", "indent the JSON"},
    {"--json", OPTION_JSON, TAKES_NOTHING, "", "the result as JSON on a terminal too; a pipe or a file always gets JSON"},
    {"--text", OPTION_TEXT, TAKES_NOTHING, "", "the result for people, as on a terminal: lists as lines"},
    {"--format", OPTION_FORMAT, TAKES_VALUE, " TEXT", "members of the result, such as '{/digest} {/size}'"},
    {"--json-errors", OPTION_JSON_ERRORS, TAKES_NOTHING, "", "errors as JSON"},
    {"--help", OPTION_HELP, TAKES_NOTHING, "", "this text; with a command, its help"},
    {"-h", OPTION_HELP, TAKES_NOTHING, "", "the same"},
    {"--version", OPTION_VERSION, TAKES_NOTHING, "", "the library's version"},
};

#define TABLE_SIZE (sizeof table / sizeof *table)

static size_t find(const char *name)
{
    size_t i = 0;
    while (i < TABLE_SIZE && strcmp(table[i].name, name) != 0)
        i++;
    return i;
}

bool globals_know(const char *option, enum takes *takes)
{
    size_t i = find(option);
    if (i < TABLE_SIZE)
        *takes = table[i].takes;
    return i < TABLE_SIZE;
}

const char *globals_flag(const char *key, size_t length)
{
    static const char *const others[][2] = {{OCIREG_OPT_CA_FILE, "--ca"}, {OCIREG_OPT_CLIENT_CERT_FILE, "--cert"}, {OCIREG_OPT_CLIENT_KEY_FILE, "--key"},
                                            {OCIREG_OPT_MIRRORS, "--mirror"}, {OCIREG_OPT_TRUSTED_REALMS, "--trusted-realm"}};
    char name[64];
    int written = snprintf(name, sizeof name, "--%.*s", (int)length, key);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (strlen(others[i][0]) == length && strncmp(others[i][0], key, length) == 0)
            return others[i][1];
    for (char *at = name; *at != '\0'; at++)
        if (*at == '_')
            *at = '-';
    return written > 0 && (size_t)written < sizeof name && find(name) < TABLE_SIZE ? table[find(name)].name : NULL;
}

void globals_offer(void (*offer)(const char *word, size_t length, const char *what, const char *begun), const char *begun)
{
    for (size_t i = 0; i < TABLE_SIZE; i++)
        offer(table[i].name, strlen(table[i].name), table[i].help, begun);
}

void globals_suggest(struct suggestion *suggestion)
{
    for (size_t i = 0; i < TABLE_SIZE; i++)
        suggest(suggestion, table[i].name);
}

void globals_help(FILE *file)
{
    for (size_t i = 0; i < TABLE_SIZE; i++) {
        int width = fprintf(file, "  %s%s", table[i].name, table[i].value);
        fprintf(file, "%*s%s\n", width < 26 ? 26 - width : 1, "", table[i].help);
    }
}

static void add(struct globals *globals, enum setting_kind kind, const char *option, const char *host, const char *value)
{
    globals->settings[globals->setting_count++] = (struct setting){kind, option, host, value};
}

static bool is_host_character(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (c != '\0' && strchr(".-:[]_", c));
}

/* The length of HOST in HOST=VALUE, or 0. A token, a name or a URL may contain a '=' itself: what precedes it is a
 * host only if it looks like one, and base64 padding is not a value. */
static size_t named_host(const char *text)
{
    size_t begin = strncmp(text, "http://", 7) == 0 ? 7 : strncmp(text, "https://", 8) == 0 ? 8 : 0, length = begin;
    while (is_host_character(text[length]))
        length++;
    if (length == begin || text[length] != '=' || text[length + 1 + strspn(text + length + 1, "=")] == '\0')
        return 0;
    if (memchr(text, '.', length) || memchr(text + begin, ':', length - begin) || (length - begin == 9 && strncmp(text + begin, "localhost", 9) == 0))
        return length;
    return 0;
}

static void add_for_host(struct globals *globals, enum setting_kind kind, const char *option, char *value)
{
    size_t length = named_host(value);
    if (length > 0)
        value[length] = '\0';
    add(globals, kind, option, length > 0 ? value : NULL, length > 0 ? value + length + 1 : value);
}

static int seconds(const char *option, const char *text, int64_t *milliseconds)
{
    if (parse_seconds(text, milliseconds))
        return 0;
    return report_usage("%s takes a number of seconds from 0.001 to %d, such as 10 or 0.5, not '%s'", option, MOST_SECONDS, text);
}

static int number(const char *option, const char *text, int64_t *result)
{
    return parse_number(text, result) ? 0 : report_usage("%s takes a number, not '%s'%s", option, text, too_large(text));
}

static int check_named_option(const char *option, const char *text)
{
    return is_named_option(text) ? 0 : report_usage("%s takes KEY=VALUE, such as max_redirects=3, not '%s'", option, text);
}

/* `value` is NULL unless the option takes one, or one was given to an option that may. */
static int apply(struct globals *globals, enum global option, const char *name, char *value)
{
    /* An empty host would be Docker Hub or every registry, which is not what a script with an unset variable means. */
    if ((option == OPTION_PLAIN_HTTP || option == OPTION_INSECURE || option == OPTION_MIRRORS_ONLY) && value != NULL && *value == '\0')
        return report_usage("%s= names no host", name);
    if ((option == OPTION_USERNAME || option == OPTION_TOKEN || option == OPTION_TRUSTED_REALM || option == OPTION_MIRROR || option == OPTION_HOST) && *value == '=')
        return report_usage("%s: no host before '='", name);
    /* Nor does it mean anonymous, or no token. */
    if ((option == OPTION_USERNAME || option == OPTION_TOKEN || option == OPTION_TRUSTED_REALM || option == OPTION_MIRROR) && *value == '\0')
        return report_usage("%s needs a value, and this one is empty", name);
    switch (option) {
    case OPTION_USERNAME: add_for_host(globals, SETTING_USERNAME, name, value); break;
    case OPTION_TOKEN: add_for_host(globals, SETTING_TOKEN, name, value); break;
    case OPTION_TRUSTED_REALM: add_for_host(globals, SETTING_TRUSTED_REALM, name, value); break;
    case OPTION_MIRROR: add_for_host(globals, SETTING_MIRROR, name, value); break;
    case OPTION_MIRRORS_ONLY: add(globals, SETTING_MIRRORS_ONLY, name, value, NULL); break;
    case OPTION_PASSWORD_STDIN: globals->password_stdin = true; break;
    case OPTION_ANONYMOUS: globals->anonymous = true; break;
    case OPTION_DOCKER_CONFIG: globals->docker_config = value; break;
    case OPTION_FOREIGN_CREDENTIALS: globals->foreign_credentials = true; break;
    case OPTION_PLAIN_HTTP:
        if (value != NULL)
            add(globals, SETTING_PLAIN_HTTP, name, value, NULL);
        else
            globals->plain_http = true;
        break;
    case OPTION_INSECURE:
        if (value != NULL)
            add(globals, SETTING_INSECURE, name, value, NULL);
        else
            globals->insecure = true;
        break;
    case OPTION_CA: globals->ca_file = file_for_library(value); break;
    case OPTION_CERT: globals->cert_file = file_for_library(value); break;
    case OPTION_KEY: globals->key_file = file_for_library(value); break;
    case OPTION_PROXY: globals->proxy = value; break;
    case OPTION_REGISTRIES_CONF: globals->registries_conf = file_for_library(value); break;
    case OPTION_NO_REGISTRIES_CONF: globals->no_registries_conf = true; break;
    case OPTION_REGISTRIES_D: globals->registries_d = file_for_library(value); break;
    case OPTION_CONTAINERD_CERTS_DIR: globals->containerd_certs_dir = file_for_library(value); break;
    case OPTION_K3S_REGISTRIES: globals->k3s_registries = file_for_library(value); break;
    case OPTION_DOCKER_DAEMON_JSON: globals->docker_daemon_json = file_for_library(value); break;
    case OPTION_SHORT_NAMES: globals->short_names = value; break;
    case OPTION_BLOB_INFO_CACHE: globals->blob_info_cache = value; break;
    case OPTION_USER_AGENT: globals->user_agent = value; break;
    case OPTION_CLIENT:
        add(globals, SETTING_CLIENT_OPTION, name, NULL, value);
        return check_named_option(name, value);
    case OPTION_HOST:
        add_for_host(globals, SETTING_HOST_OPTION, name, value);
        return check_named_option(name, globals->settings[globals->setting_count - 1].value);
    case OPTION_CONNECT_TIMEOUT: return seconds(name, value, &globals->connect_ms);
    case OPTION_READ_TIMEOUT: return seconds(name, value, &globals->read_ms);
    case OPTION_DEADLINE: return seconds(name, value, &globals->deadline_ms);
    case OPTION_RETRIES: return number(name, value, &globals->retries);
    case OPTION_MIN_SPEED: return number(name, value, &globals->min_speed);
    case OPTION_LIMIT_RATE:
        if (!parse_bytes(value, &globals->limit_rate))
            return report_usage("%s takes a number of bytes, such as 500000, 500K, 2M or 1G, not '%s'%s", name, value, too_large(value));
        break;
    case OPTION_MAX_BLOB_BYTES:
        if (!parse_number(value, &globals->max_blob_bytes) || globals->max_blob_bytes == 0)
            return report_usage("%s takes a number greater than 0, not '%s'%s", name, value, too_large(value));
        break;
    case OPTION_QUIET: globals->quiet = true; break;
    case OPTION_VERBOSE: globals->verbosity++; break;
    case OPTION_VERY_VERBOSE: globals->verbosity += 2; break;
    case OPTION_PRETTY: globals->output.pretty = true; break;
    case OPTION_JSON: globals->output.json = true; break;
    case OPTION_TEXT: globals->output.text = true; break;
    case OPTION_FORMAT: globals->output.format = value; break;
    case OPTION_JSON_ERRORS: globals->output.json_errors = true; break;
    case OPTION_HELP: globals->help = true; break;
    case OPTION_VERSION: globals->version = true; break;
    }
    return 0;
}

int globals_take(struct globals *globals, const struct option *option)
{
    size_t i = find(option->name);
    if (table[i].takes == TAKES_NOTHING && option->value != NULL)
        return report_usage("%s takes no value", option->name);
    if (table[i].takes == TAKES_VALUE && option->value == NULL)
        return report_usage("%s needs a value", option->name);
    return apply(globals, table[i].option, table[i].name, option->value);
}

int globals_check(const struct globals *globals)
{
    for (size_t i = 0; i < globals->setting_count && globals->anonymous; i++) {
        enum setting_kind kind = globals->settings[i].kind;
        if (kind == SETTING_USERNAME || kind == SETTING_TOKEN)
            return report_usage("%s contradicts --anonymous", globals->settings[i].option);
    }
    if (globals->anonymous && globals->password_stdin)
        return report_usage("--password-stdin contradicts --anonymous");
    if (globals->registries_conf != NULL && globals->no_registries_conf)
        return report_usage("--registries-conf contradicts --no-registries-conf");
    if (globals->key_file != NULL && globals->cert_file == NULL)
        return report_usage("--key needs --cert");
    const char *format = globals->output.format;
    int wrong = output_check(&globals->output);
    return wrong != OCIREG_OK || format == NULL ? wrong : template_check(format);
}

bool globals_init(struct globals *globals, const struct command *const *commands, size_t most_settings)
{
    *globals = (struct globals){.commands = commands, .retries = -1, .min_speed = -1};
    globals->settings = calloc(most_settings + 1, sizeof *globals->settings);
    return globals->settings != NULL;
}

void globals_free(struct globals *globals)
{
    free(globals->settings);
    globals->settings = NULL;
}

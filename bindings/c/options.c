#include "options.h"

#include "named_option.h"
#include "pipe_file.h"
#include "template.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

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

/* An option as it was given. `value` is NULL unless it takes one, or one was given to an option that may. */
struct given {
    struct globals *globals;
    const char *name;
    char *value;
};

/* What is done with an option: `member` is where it is kept. */
struct way {
    int (*take)(const struct given *given, const struct way *way);
    size_t member;
    enum setting_kind kind;
};

static void *kept_in(const struct given *given, const struct way *way)
{
    return (char *)given->globals + way->member;
}

static int take_text(const struct given *given, const struct way *way)
{
    *(const char **)kept_in(given, way) = given->value;
    return 0;
}

static int take_file(const struct given *given, const struct way *way)
{
    *(const char **)kept_in(given, way) = file_for_library(given->value);
    return 0;
}

static int take_flag(const struct given *given, const struct way *way)
{
    *(bool *)kept_in(given, way) = true;
    return 0;
}

static int take_more(const struct given *given, const struct way *way)
{
    ++*(int *)kept_in(given, way);
    return 0;
}

static int take_much_more(const struct given *given, const struct way *way)
{
    *(int *)kept_in(given, way) += 2;
    return 0;
}

static int take_seconds(const struct given *given, const struct way *way)
{
    if (parse_seconds(given->value, kept_in(given, way)))
        return 0;
    return report_usage("%s takes a number of seconds from 0.001 to %d, such as 10 or 0.5, not '%s'", given->name, MOST_SECONDS, given->value);
}

static int take_number(const struct given *given, const struct way *way)
{
    if (parse_number(given->value, kept_in(given, way)))
        return 0;
    return report_usage("%s takes a number, not '%s'%s", given->name, given->value, too_large(given->value));
}

static int take_positive(const struct given *given, const struct way *way)
{
    int64_t *number = kept_in(given, way);
    if (parse_number(given->value, number) && *number != 0)
        return 0;
    return report_usage("%s takes a number greater than 0, not '%s'%s", given->name, given->value, too_large(given->value));
}

static int take_bytes(const struct given *given, const struct way *way)
{
    if (parse_bytes(given->value, kept_in(given, way)))
        return 0;
    return report_usage("%s takes a number of bytes, such as 500000, 500K, 2M or 1G, not '%s'%s", given->name, given->value, too_large(given->value));
}

/* NAME[=HOST]. An empty host would be Docker Hub or every registry, which is not what a script with an unset variable means. */
static int take_for_a_host(const struct given *given, const struct way *way)
{
    if (given->value != NULL && *given->value == '\0')
        return report_usage("%s= names no host", given->name);
    add(given->globals, way->kind, given->name, given->value, NULL);
    return 0;
}

static int take_flag_for_hosts(const struct given *given, const struct way *way)
{
    return given->value == NULL ? take_flag(given, way) : take_for_a_host(given, way);
}

/* NAME [HOST=]VALUE. An empty value does not mean anonymous, or no token. */
static int take_of_host(const struct given *given, const struct way *way)
{
    if (*given->value == '=')
        return report_usage("%s: no host before '='", given->name);
    if (*given->value == '\0')
        return report_usage("%s needs a value, and this one is empty", given->name);
    add_for_host(given->globals, way->kind, given->name, given->value);
    return 0;
}

static int check_named_option(const char *option, const char *text)
{
    return is_named_option(text) ? 0 : report_usage("%s takes KEY=VALUE, such as max_redirects=3, not '%s'", option, text);
}

static int take_client_option(const struct given *given, const struct way *way)
{
    add(given->globals, way->kind, given->name, NULL, given->value);
    return check_named_option(given->name, given->value);
}

static int take_host_option(const struct given *given, const struct way *way)
{
    const struct globals *globals = given->globals;
    if (*given->value == '=')
        return report_usage("%s: no host before '='", given->name);
    add_for_host(given->globals, way->kind, given->name, given->value);
    return check_named_option(given->name, globals->settings[globals->setting_count - 1].value);
}

#define IN(name) .member = offsetof(struct globals, name)
static const struct {
    const char *name;
    enum takes takes;
    const char *value, *help;
    struct way way;
} table[] = {
    {"--username", TAKES_VALUE, " [HOST=]U", "or OCIREG_USERNAME, for a single registry", {take_of_host, .kind = SETTING_USERNAME}},
    {"--password-stdin", TAKES_NOTHING, "", "read the password, without a final newline; or OCIREG_PASSWORD", {take_flag, IN(password_stdin)}},
    {"--token", TAKES_VALUE, " [HOST=]T", "a bearer token, used as it is", {take_of_host, .kind = SETTING_TOKEN}},
    {"--trusted-realm", TAKES_VALUE, " [HOST=]R", "a token server trusted with the credentials; http://R: without TLS", {take_of_host, .kind = SETTING_TRUSTED_REALM}},
    {"--mirror", TAKES_VALUE, " [HOST=]ENDPOINT", "where to look first, [SCHEME://]HOST[:PORT][/PREFIX] or JSON; repeatable", {take_of_host, .kind = SETTING_MIRROR}},
    {"--mirrors-only", MAY_TAKE_VALUE, "[=HOST]", "ask only mirrors, never the command's registries, or HOST, themselves; with sync --from give HOST", {take_for_a_host, .kind = SETTING_MIRRORS_ONLY}},
    {"--anonymous", TAKES_NOTHING, "", "send no credentials, not even stored ones or those of a list", {take_flag, IN(anonymous)}},
    {"--docker-config", TAKES_VALUE, " DIR", "use only the stored credentials in DIR/config.json", {take_text, IN(docker_config)}},
    {"--foreign-credentials", TAKES_NOTHING, "", "also read credential files of other users, or that others can write to", {take_flag, IN(foreign_credentials)}},
    {"--plain-http", MAY_TAKE_VALUE, "[=HOST]", "http instead of https, for all hosts or this one", {take_flag_for_hosts, IN(plain_http), .kind = SETTING_PLAIN_HTTP}},
    {"--insecure", MAY_TAKE_VALUE, "[=HOST]", "do not verify TLS, for all hosts or this one", {take_flag_for_hosts, IN(insecure), .kind = SETTING_INSECURE}},
    {"--ca", TAKES_VALUE, " FILE", "certificate authorities (PEM) in addition to the platform's", {take_file, IN(ca_file)}},
    {"--cert", TAKES_VALUE, " FILE", "a client certificate (PEM), with its key in it or in --key", {take_file, IN(cert_file)}},
    {"--key", TAKES_VALUE, " FILE", "the client certificate's key (PEM)", {take_file, IN(key_file)}},
    {"--proxy", TAKES_VALUE, " URL", "a proxy instead of the environment's; direct: none", {take_text, IN(proxy)}},
    {"--registries-conf", TAKES_VALUE, " FILE", "mirrors, insecure and blocked registries from FILE alone, not from podman's registries.conf and registries.conf.d", {take_file, IN(registries_conf)}},
    {"--no-registries-conf", TAKES_NOTHING, "", "do not read podman's registries.conf and registries.d", {take_flag, IN(no_registries_conf)}},
    {"--registries-d", TAKES_VALUE, " DIR", "where signatures are, for explain, from *.yaml in DIR, not from podman's registries.d", {take_file, IN(registries_d)}},
    {"--containerd-certs-dir", TAKES_VALUE, " DIR", "also mirrors from a folder like containerd's certs.d", {take_file, IN(containerd_certs_dir)}},
    {"--k3s-registries", TAKES_VALUE, " FILE", "also mirrors from a file like k3s's registries.yaml", {take_file, IN(k3s_registries)}},
    {"--docker-daemon-json", TAKES_VALUE, " FILE", "also mirrors of Docker Hub from a file like Docker's daemon.json", {take_file, IN(docker_daemon_json)}},
    {"--short-names", TAKES_VALUE, " WHERE", "what names without a registry are: docker.io, or what those files say: files", {take_text, IN(short_names)}},
    {"--connect-timeout", TAKES_VALUE, " S", "seconds to connect", {take_seconds, IN(connect_ms)}},
    {"--read-timeout", TAKES_VALUE, " S", "seconds without a byte", {take_seconds, IN(read_ms)}},
    {"--limit-rate", TAKES_VALUE, " N", "the most bytes per second in each direction: 500K, 2M, 1G; 0: no limit", {take_bytes, IN(limit_rate)}},
    {"--min-speed", TAKES_VALUE, " N", "the least bytes per second over that time; 0: no minimum", {take_number, IN(min_speed)}},
    {"--deadline", TAKES_VALUE, " S", "seconds for the whole call", {take_seconds, IN(deadline_ms)}},
    {"--retries", TAKES_VALUE, " N", "attempts after the first", {take_number, IN(retries)}},
    {"--max-blob-bytes", TAKES_VALUE, " N", "the largest blob accepted, in bytes", {take_positive, IN(max_blob_bytes)}},
    {"--blob-info-cache", TAKES_VALUE, " FILE", "remember there which repositories have which blobs, to mount them", {take_text, IN(blob_info_cache)}},
    {"--user-agent", TAKES_VALUE, " S", "the User-Agent header", {take_text, IN(user_agent)}},
    {"--client-option", TAKES_VALUE, " KEY=VALUE", "any option of ocireg_client_new, by its name in ocireg.h", {take_client_option, .kind = SETTING_CLIENT_OPTION}},
    {"--host-option", TAKES_VALUE, " [HOST=]KEY=VALUE", "any option of ocireg_client_set_host", {take_host_option, .kind = SETTING_HOST_OPTION}},
    {"-q", TAKES_NOTHING, "", "no progress bar and no warnings", {take_flag, IN(quiet)}},
    {"-v", TAKES_NOTHING, "", "a line for each HTTP request and response", {take_more, IN(verbosity)}},
    {"-vv", TAKES_NOTHING, "", "their headers too", {take_much_more, IN(verbosity)}},
    {"--pretty", TAKES_NOTHING, "", "indent the JSON", {take_flag, IN(output.pretty)}},
    {"--json", TAKES_NOTHING, "", "the result as JSON on a terminal too; a pipe or a file always gets JSON", {take_flag, IN(output.json)}},
    {"--text", TAKES_NOTHING, "", "the result for people, as on a terminal: lists as lines", {take_flag, IN(output.text)}},
    {"--format", TAKES_VALUE, " TEXT", "members of the result, such as '{/digest} {/size}'", {take_text, IN(output.format)}},
    {"--json-errors", TAKES_NOTHING, "", "errors as JSON", {take_flag, IN(output.json_errors)}},
    {"--help", TAKES_NOTHING, "", "this text; with a command, its help", {take_flag, IN(help)}},
    {"-h", TAKES_NOTHING, "", "the same", {take_flag, IN(help)}},
    {"--version", TAKES_NOTHING, "", "the library's version", {take_flag, IN(version)}},
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

int globals_take(struct globals *globals, const struct option *option)
{
    size_t i = find(option->name);
    if (table[i].takes == TAKES_NOTHING && option->value != NULL)
        return report_usage("%s takes no value", option->name);
    if (table[i].takes == TAKES_VALUE && option->value == NULL)
        return report_usage("%s needs a value", option->name);
    const struct given given = {globals, table[i].name, option->value};
    return table[i].way.take(&given, &table[i].way);
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

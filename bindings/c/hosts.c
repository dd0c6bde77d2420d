/* Shows: ocireg_client_set_host. */
#include "hosts.h"

#include "host_key.h"
#include "named_option.h"
#include "one_registry.h"

#include <stdlib.h>
#include <string.h>

/* The settings of a session, with the keys of their hosts. */
struct hosts {
    const struct globals *globals;
    char **names; /* one for each setting; NULL: no host was named */
    char *const *registries; /* ended by NULL */
    const struct credentials *credentials;
};

/* What is said of no host is for the command's registries; of HOST, also where a setting names its ports. */
static bool is_registry(const struct hosts *hosts, const char *host)
{
    for (char *const *at = hosts->registries; *at != NULL; at++)
        if (registry_has_host_of(*at, host) && (registry_port(*at) == 0 || registry_port(*at) == registry_port(host)))
            return true;
    return false;
}

/* Whether what is said of HOST alone is for one of its ports: for HOST:80 only as http://HOST, by whichever word. */
static bool takes_general(const struct hosts *hosts, const char *host)
{
    if (registry_port(host) != 80 || strncmp(host, "http://", strlen("http://")) == 0)
        return true;
    for (char *const *at = hosts->registries; *at != NULL; at++)
        if (registry_has_host_of(*at, host) && (registry_port(*at) == 0 || strstr(*at, "://") != NULL))
            return true;
    return false;
}

/* How exactly setting i names a host: not at all, as one of the command's registries, by HOST, or with its port. 0: it is not for it. */
static int is_for(const struct hosts *hosts, size_t i, const char *host)
{
    const char *name = hosts->names[i];
    if (name == NULL)
        return is_registry(hosts, host) ? 1 : 0;
    if (registry_is(name, host))
        return 3;
    return registry_has_host_of(name, host) && registry_port(name) == 0 && takes_general(hosts, host) ? 2 : 0;
}

/* The last setting of a kind for a host; one that names the host more exactly wins. */
static const struct setting *find(const struct hosts *hosts, enum setting_kind kind, const char *host)
{
    const struct setting *found = NULL;
    int exactness = 0;
    for (size_t i = hosts->globals->setting_count; i-- > 0;) {
        const struct setting *setting = &hosts->globals->settings[i];
        if (setting->kind != kind || is_for(hosts, i, host) <= exactness)
            continue;
        found = setting;
        exactness = is_for(hosts, i, host);
    }
    return found;
}

static ocireg_status set_password(const struct hosts *hosts, const char *username, ocireg_options *options,
                                  ocireg_error **error)
{
    ocireg_status status = ocireg_options_set_string(options, OCIREG_OPT_USERNAME, username, error);
    return status != OCIREG_OK ? status : ocireg_options_set_string(options, OCIREG_OPT_PASSWORD, hosts->credentials->password, error);
}

/* What the command line says about a host's credentials, and the user name from elsewhere where it says nothing. */
static ocireg_status host_credentials(const struct hosts *hosts, const char *host, ocireg_options *options,
                                      ocireg_error **error)
{
    const struct setting *username = find(hosts, SETTING_USERNAME, host), *token = find(hosts, SETTING_TOKEN, host);
    const char *ambient = is_registry(hosts, host) ? hosts->credentials->username : NULL;
    if (hosts->globals->anonymous)
        return ocireg_options_set_bool(options, OCIREG_OPT_ANONYMOUS, true, error);
    if (token != NULL && username == NULL)
        return ocireg_options_set_string(options, OCIREG_OPT_TOKEN, token->value, error);
    /* Both: the library refuses that with a message. */
    if (token != NULL && ocireg_options_set_string(options, OCIREG_OPT_TOKEN, token->value, error) != OCIREG_OK)
        return ocireg_error_code(*error);
    if (username != NULL)
        return set_password(hosts, username->value, options, error);
    return ambient != NULL ? set_password(hosts, ambient, options, error) : OCIREG_OK;
}

/* What can be given several times. What names the port comes last: it wins over what names the host alone. */
static ocireg_status repeated_options(const struct hosts *hosts, const char *host, ocireg_options *options, ocireg_error **error)
{
    ocireg_status status = OCIREG_OK;
    size_t count = hosts->globals->setting_count;
    for (size_t j = 0; status == OCIREG_OK && j < 2 * count; j++) {
        size_t i = j % count;
        const struct setting *setting = &hosts->globals->settings[i];
        int exactness = is_for(hosts, i, host);
        if (exactness == 0 || (exactness == 3 && registry_port(host) != 0) != (j >= count))
            continue;
        if (setting->kind == SETTING_TRUSTED_REALM)
            status = ocireg_options_add_string(options, OCIREG_OPT_TRUSTED_REALMS, setting->value, error);
        if (setting->kind == SETTING_MIRROR)
            status = ocireg_options_add_string(options, OCIREG_OPT_MIRRORS, setting->value, error);
        if (setting->kind == SETTING_HOST_OPTION)
            status = named_option_set(options, setting->value, error);
    }
    return status;
}

static ocireg_status host_options(const struct hosts *hosts, const char *host, ocireg_options *options, ocireg_error **error)
{
    ocireg_status status = host_credentials(hosts, host, options, error);
    if (status == OCIREG_OK)
        status = repeated_options(hosts, host, options, error);
    if (status == OCIREG_OK && find(hosts, SETTING_PLAIN_HTTP, host) != NULL)
        status = ocireg_options_set_bool(options, OCIREG_OPT_PLAIN_HTTP, true, error);
    if (status == OCIREG_OK && find(hosts, SETTING_MIRRORS_ONLY, host) != NULL)
        status = ocireg_options_set_bool(options, OCIREG_OPT_MIRRORS_ONLY, true, error);
    if (status == OCIREG_OK && find(hosts, SETTING_INSECURE, host) != NULL)
        status = ocireg_options_set_bool(options, OCIREG_OPT_INSECURE, true, error);
    return status;
}

static int set_host(struct session *session, const struct hosts *hosts, const char *host)
{
    ocireg_options *options = NULL;
    ocireg_error *error = NULL;
    ocireg_status status = ocireg_options_new(&options, &error);
    if (status == OCIREG_OK)
        status = host_options(hosts, host, options, &error);
    if (status == OCIREG_OK)
        status = ocireg_client_set_host(session->client, host, options, &error);
    ocireg_options_free(options);
    return status == OCIREG_OK ? OCIREG_OK : report_error(session->output, error);
}

static int read_names(struct session *session, struct hosts *hosts)
{
    const struct globals *globals = hosts->globals;
    for (size_t i = 0; i < globals->setting_count; i++) {
        ocireg_error *error = NULL;
        if (globals->settings[i].host == NULL)
            continue;
        hosts->names[i] = host_key(globals->settings[i].host, &error);
        if (hosts->names[i] == NULL)
            return report_error(session->output, error);
    }
    return OCIREG_OK;
}

/* The registries of the command, and then the hosts of its settings; NULL after the last. */
static const char *host_at(const struct hosts *hosts, size_t at)
{
    size_t count = 0;
    while (hosts->registries[count] != NULL)
        count++;
    if (at < count)
        return hosts->registries[at];
    for (size_t i = 0; i < hosts->globals->setting_count; i++)
        if (hosts->names[i] != NULL && count++ == at)
            return hosts->names[i];
    return NULL;
}

static bool is_repeated(const struct hosts *hosts, size_t at)
{
    for (size_t i = 0; i < at; i++)
        if (registry_is(host_at(hosts, i), host_at(hosts, at)))
            return true;
    return false;
}

/* HOST before its ports, since what is said of it is for both of them. */
static int set_all(struct session *session, const struct hosts *hosts)
{
    int status = OCIREG_OK;
    for (int with_port = 0; with_port < 2; with_port++)
        for (size_t i = 0; status == OCIREG_OK && host_at(hosts, i) != NULL; i++)
            if ((registry_port(host_at(hosts, i)) != 0) == with_port && !is_repeated(hosts, i))
                status = set_host(session, hosts, host_at(hosts, i));
    return status;
}

/* What is said of no host would be for the command's registries, which are in its list. OCIREG_USERNAME is for none of them. */
static int check_list(const struct globals *globals)
{
    for (size_t i = 0; i < globals->setting_count; i++) {
        const struct setting *setting = &globals->settings[i];
        if (setting->host == NULL && setting->kind != SETTING_CLIENT_OPTION)
            return report_usage("with --from, %s must name its registry: %s%s", setting->option, setting->option,
                                setting->kind == SETTING_MIRRORS_ONLY ? "=HOST" : " HOST=...");
    }
    return OCIREG_OK;
}

/* The port at which HOST is asked, as far as the command line says. */
static int asked_port(const struct hosts *hosts, const char *host)
{
    if (registry_port(host) != 0)
        return registry_port(host);
    return hosts->globals->plain_http || find(hosts, SETTING_PLAIN_HTTP, host) != NULL ? 80 : 443;
}

static bool are_several(const struct hosts *hosts)
{
    char *const *registries = hosts->registries;
    for (size_t i = 1; registries[0] != NULL && registries[i] != NULL; i++)
        if (!registry_has_host_of(registries[0], registries[i]) || asked_port(hosts, registries[0]) != asked_port(hosts, registries[i]))
            return true;
    return false;
}

/* With several registries, credentials must name theirs. */
static int check_named(const struct hosts *hosts)
{
    const struct globals *globals = hosts->globals;
    const struct credentials *credentials = hosts->credentials;
    if (!are_several(hosts))
        return OCIREG_OK;
    if (credentials->username != NULL)
        return report_usage("OCIREG_USERNAME does not say which of the registries it is for: use --username HOST=USER");
    for (size_t i = 0; i < globals->setting_count; i++) {
        const struct setting *setting = &globals->settings[i];
        if (setting->host == NULL && has_credentials(setting))
            return report_usage("with several registries --host-option must name whose credentials they are: --host-option HOST=...");
        if (setting->host == NULL && (setting->kind == SETTING_USERNAME || setting->kind == SETTING_TOKEN))
            return report_usage("with several registries %s must name its own: %s HOST=%s", setting->option, setting->option,
                                setting->kind == SETTING_USERNAME ? "USER" : "TOKEN");
    }
    return OCIREG_OK;
}

int hosts_set(struct session *session, char *const *registries, bool is_list, const struct credentials *credentials)
{
    struct hosts hosts = {session->globals, NULL, registries, credentials};
    size_t count = session->globals->setting_count;
    int status = is_list ? check_list(session->globals) : OCIREG_OK;
    if (status != OCIREG_OK)
        return status;
    hosts.names = calloc(count + 1, sizeof *hosts.names);
    if (hosts.names == NULL)
        return report_failure(session->output, OCIREG_INTERNAL, "out of memory");
    status = read_names(session, &hosts);
    if (status == OCIREG_OK && !is_list)
        status = check_named(&hosts);
    if (status == OCIREG_OK)
        status = set_all(session, &hosts);
    for (size_t i = 0; i < count; i++)
        free(hosts.names[i]);
    free(hosts.names);
    return status;
}

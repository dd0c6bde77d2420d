/* Shows: ocireg_client_set_host. */
#include "hosts.h"

#include "host_key.h"
#include "named_option.h"

#include <stdlib.h>
#include <string.h>

/* The settings of a session, with the keys of their hosts. */
struct hosts {
    const struct globals *globals;
    char **names; /* one for each setting; NULL: no host was named */
    char *const *registries; /* ended by NULL */
    const struct credentials *credentials;
};

static bool is_registry(const struct hosts *hosts, const char *host)
{
    for (char *const *at = hosts->registries; *at != NULL; at++)
        if (strcmp(*at, host) == 0)
            return true;
    return false;
}

/* Whether setting i applies to a host. One without a host applies to the command's registries only. */
static bool is_for(const struct hosts *hosts, size_t i, const char *host)
{
    return hosts->names[i] != NULL ? strcmp(hosts->names[i], host) == 0 : is_registry(hosts, host);
}

/* The last setting of a kind for a host; one that names the host wins over one that does not. */
static const struct setting *find(const struct hosts *hosts, enum setting_kind kind, const char *host)
{
    const struct setting *unnamed = NULL;
    for (size_t i = hosts->globals->setting_count; i-- > 0;) {
        const struct setting *setting = &hosts->globals->settings[i];
        if (setting->kind != kind || !is_for(hosts, i, host))
            continue;
        if (hosts->names[i] != NULL)
            return setting;
        if (unnamed == NULL)
            unnamed = setting;
    }
    return unnamed;
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

/* What can be given several times. */
static ocireg_status repeated_options(const struct hosts *hosts, const char *host, ocireg_options *options, ocireg_error **error)
{
    ocireg_status status = OCIREG_OK;
    for (size_t i = 0; status == OCIREG_OK && i < hosts->globals->setting_count; i++) {
        const struct setting *setting = &hosts->globals->settings[i];
        if (setting->kind == SETTING_TRUSTED_REALM && is_for(hosts, i, host))
            status = ocireg_options_add_string(options, OCIREG_OPT_TRUSTED_REALMS, setting->value, error);
        if (setting->kind == SETTING_MIRROR && is_for(hosts, i, host))
            status = ocireg_options_add_string(options, OCIREG_OPT_MIRRORS, setting->value, error);
        if (setting->kind == SETTING_HOST_OPTION && is_for(hosts, i, host))
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

static int set_all(struct session *session, const struct hosts *hosts)
{
    int status = OCIREG_OK;
    for (char *const *at = hosts->registries; status == OCIREG_OK && *at != NULL; at++)
        status = set_host(session, hosts, *at);
    for (size_t i = 0; status == OCIREG_OK && i < hosts->globals->setting_count; i++)
        if (hosts->names[i] != NULL && !is_registry(hosts, hosts->names[i]))
            status = set_host(session, hosts, hosts->names[i]);
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

/* With several registries, credentials must name theirs. */
static int check_named(const struct globals *globals, char *const *registries, const struct credentials *credentials)
{
    if (registries[0] == NULL || registries[1] == NULL)
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
    int status = is_list ? check_list(session->globals) : check_named(session->globals, registries, credentials);
    if (status != OCIREG_OK)
        return status;
    hosts.names = calloc(count + 1, sizeof *hosts.names);
    if (hosts.names == NULL)
        return report_failure(session->output, OCIREG_INTERNAL, "out of memory");
    status = read_names(session, &hosts);
    if (status == OCIREG_OK)
        status = set_all(session, &hosts);
    for (size_t i = 0; i < count; i++)
        free(hosts.names[i]);
    free(hosts.names);
    return status;
}

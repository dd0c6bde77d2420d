/* How the command's client is opened. Shows: ocireg_options_new, _set_string, _set_bool, _set_int; ocireg_client_new. */
#include "client.h"

#include "named_option.h"

#include <stdlib.h>
#include <string.h>

/* The proxy for every host. A command is used from a shell, so the shell's proxy applies unless the user names
 * another. */
static ocireg_status network_options(ocireg_options *options, const struct globals *globals, ocireg_error **error)
{
    ocireg_status status = OCIREG_OK;
    if (globals->cert_file != NULL)
        status = ocireg_options_set_string(options, OCIREG_OPT_CLIENT_CERT_FILE, globals->cert_file, error);
    if (status == OCIREG_OK && globals->key_file != NULL)
        status = ocireg_options_set_string(options, OCIREG_OPT_CLIENT_KEY_FILE, globals->key_file, error);
    if (status == OCIREG_OK && globals->proxy != NULL)
        status = ocireg_options_set_string(options, OCIREG_OPT_PROXY, globals->proxy, error);
    if (status == OCIREG_OK && globals->proxy == NULL)
        status = ocireg_options_set_bool(options, OCIREG_OPT_PROXY_FROM_ENVIRONMENT, true, error);
    return status;
}

/* Settings for all hosts belong to the client; those for one host are set by hosts.c. Whatever the user did not give
 * is left to the library's defaults. */
static ocireg_status transfer_options(ocireg_options *options, const struct globals *globals, ocireg_error **error)
{
    ocireg_status status = OCIREG_OK;
    if (globals->user_agent != NULL)
        status = ocireg_options_set_string(options, OCIREG_OPT_USER_AGENT, globals->user_agent, error);
    if (status == OCIREG_OK && globals->ca_file != NULL)
        status = ocireg_options_set_string(options, OCIREG_OPT_CA_FILE, globals->ca_file, error);
    if (status == OCIREG_OK && globals->connect_ms > 0)
        status = ocireg_options_set_int(options, OCIREG_OPT_CONNECT_TIMEOUT_MS, globals->connect_ms, error);
    if (status == OCIREG_OK && globals->read_ms > 0)
        status = ocireg_options_set_int(options, OCIREG_OPT_IDLE_TIMEOUT_MS, globals->read_ms, error);
    if (status == OCIREG_OK && globals->min_speed >= 0)
        status = ocireg_options_set_int(options, OCIREG_OPT_MIN_SPEED, globals->min_speed, error);
    if (status == OCIREG_OK && globals->limit_rate > 0)
        status = ocireg_options_set_int(options, OCIREG_OPT_DOWNLOAD_BYTES_PER_SECOND, globals->limit_rate, error);
    if (status == OCIREG_OK && globals->limit_rate > 0)
        status = ocireg_options_set_int(options, OCIREG_OPT_UPLOAD_BYTES_PER_SECOND, globals->limit_rate, error);
    if (status == OCIREG_OK && globals->retries >= 0)
        status = ocireg_options_set_int(options, OCIREG_OPT_RETRIES, globals->retries, error);
    if (status == OCIREG_OK && globals->max_blob_bytes > 0)
        status = ocireg_options_set_int(options, OCIREG_OPT_MAX_BLOB_BYTES, globals->max_blob_bytes, error);
    if (status == OCIREG_OK && globals->blob_info_cache != NULL)
        status = ocireg_options_set_string(options, OCIREG_OPT_BLOB_INFO_CACHE, globals->blob_info_cache, error);
    if (status == OCIREG_OK && globals->plain_http)
        status = ocireg_options_set_bool(options, OCIREG_OPT_PLAIN_HTTP, true, error);
    if (status == OCIREG_OK && globals->insecure)
        status = ocireg_options_set_bool(options, OCIREG_OPT_INSECURE, true, error);
    return status;
}

static ocireg_status named_options(ocireg_options *options, const struct globals *globals, ocireg_error **error)
{
    ocireg_status status = OCIREG_OK;
    for (size_t i = 0; status == OCIREG_OK && i < globals->setting_count; i++)
        if (globals->settings[i].kind == SETTING_CLIENT_OPTION)
            status = named_option_set(options, globals->settings[i].value, error);
    return status;
}

/* The folder for bytes that have to be read before an image can be described: a command follows the shell's TMPDIR. */
static ocireg_status temporary_dir(ocireg_options *options, ocireg_error **error)
{
    const char *folder = getenv("TMPDIR");
    if (folder == NULL || *folder == '\0')
        return OCIREG_OK;
    return ocireg_options_set_string(options, OCIREG_OPT_TEMPORARY_DIR, folder, error);
}

/* The command looks for stored credentials where Docker and podman do, unless the user gives another place or
 * --anonymous. */
static ocireg_status stored_credentials(ocireg_options *options, const struct globals *globals, ocireg_error **error)
{
    ocireg_status status = OCIREG_OK;
    if (globals->anonymous)
        return OCIREG_OK;
    if (globals->foreign_credentials)
        status = ocireg_options_set_bool(options, OCIREG_OPT_FOREIGN_CREDENTIALS, true, error);
    if (status != OCIREG_OK)
        return status;
    if (globals->docker_config != NULL)
        return ocireg_options_set_string(options, OCIREG_OPT_DOCKER_CONFIG, globals->docker_config, error);
    return ocireg_options_set_bool(options, OCIREG_OPT_STORED_CREDENTIALS, true, error);
}

/* The command reads the machine's registries.conf and registries.d as podman and skopeo do, unless the user gives another or --no-registries-conf;
 * the files of other programs only when they are given. */
static ocireg_status machine_files(ocireg_options *options, const struct globals *globals, ocireg_error **error)
{
    ocireg_status status = OCIREG_OK;
    if (globals->registries_conf != NULL)
        status = ocireg_options_set_string(options, OCIREG_OPT_REGISTRIES_CONF, globals->registries_conf, error);
    else if (!globals->no_registries_conf)
        status = ocireg_options_set_bool(options, OCIREG_OPT_CONTAINERS_REGISTRIES, true, error);
    if (status == OCIREG_OK && globals->registries_d != NULL)
        status = ocireg_options_set_string(options, OCIREG_OPT_REGISTRIES_D, globals->registries_d, error);
    if (status == OCIREG_OK && globals->containerd_certs_dir != NULL)
        status = ocireg_options_set_string(options, OCIREG_OPT_CONTAINERD_CERTS_DIR, globals->containerd_certs_dir, error);
    if (status == OCIREG_OK && globals->k3s_registries != NULL)
        status = ocireg_options_set_string(options, OCIREG_OPT_K3S_REGISTRIES, globals->k3s_registries, error);
    if (status == OCIREG_OK && globals->docker_daemon_json != NULL)
        status = ocireg_options_set_string(options, OCIREG_OPT_DOCKER_DAEMON_JSON, globals->docker_daemon_json, error);
    if (status == OCIREG_OK && globals->short_names != NULL)
        status = ocireg_options_set_string(options, OCIREG_OPT_SHORT_NAMES, globals->short_names, error);
    return status;
}

/* The machine's files, whatever else they are given by: what names are by them. */
static ocireg_status named_machine_files(ocireg_options *options, const struct globals *globals, ocireg_error **error)
{
    static const char key[] = OCIREG_OPT_SHORT_NAMES, files[] = "registries_";
    ocireg_status status = OCIREG_OK;
    for (size_t i = 0; status == OCIREG_OK && i < globals->setting_count; i++) {
        const char *value = globals->settings[i].value;
        if (globals->settings[i].kind == SETTING_CLIENT_OPTION && (strncmp(value, key, sizeof key - 1) == 0 || strncmp(value, files, sizeof files - 1) == 0))
            status = named_option_set(options, value, error);
    }
    return status;
}

static ocireg_status opened(ocireg_status status, ocireg_options *options, ocireg_client **client, ocireg_error **error)
{
    if (status == OCIREG_OK)
        status = ocireg_client_new(options, client, error);
    ocireg_options_free(options);
    return status;
}

ocireg_status client_open(const struct globals *globals, ocireg_client **client, ocireg_error **error)
{
    ocireg_options *options = NULL;
    ocireg_status status = ocireg_options_new(&options, error);
    if (status == OCIREG_OK)
        status = transfer_options(options, globals, error);
    if (status == OCIREG_OK)
        status = network_options(options, globals, error);
    if (status == OCIREG_OK)
        status = temporary_dir(options, error);
    if (status == OCIREG_OK)
        status = stored_credentials(options, globals, error);
    if (status == OCIREG_OK)
        status = machine_files(options, globals, error);
    if (status == OCIREG_OK)
        status = named_options(options, globals, error);
    return opened(status, options, client, error);
}

ocireg_status client_open_for_names(const struct globals *globals, ocireg_client **client, ocireg_error **error)
{
    ocireg_options *options = NULL;
    ocireg_status status = ocireg_options_new(&options, error);
    if (status == OCIREG_OK)
        status = machine_files(options, globals, error);
    if (status == OCIREG_OK)
        status = named_machine_files(options, globals, error);
    return opened(status, options, client, error);
}

/* Shows: ocireg_index_parse, ocireg_reference_parse and ocireg_endpoint_parse for the name of a host; ocireg_explain for that of a short name. */
#include "registries.h"

#include "client.h"
#include "command.h"
#include "host_key.h"
#include "json.h"

#include <stdlib.h>
#include <string.h>

/* The registry of an upload session: in its JSON, or before the path of its URL. Freed with free(). */
static char *session_registry(const char *text)
{
    ocireg_json *session = *text == '{' ? json_parsed(text) : NULL;
    const char *repository = ocireg_json_text(session, "/repository"), *begin = strstr(text, "://");
    char *registry;
    begin = begin == NULL ? text : begin + 3;
    registry = repository != NULL ? strdup(repository) : strndup(begin, strcspn(begin, "/"));
    ocireg_json_free(session);
    return registry;
}

/* Lets the library parse a name. */
static ocireg_status take_apart(enum target target, const char *name, char **json, ocireg_error **error)
{
    switch (target) {
    case TARGET_REGISTRY:
        return ocireg_index_parse(name, json, error);
    case TARGET_PLACE:
    case TARGET_PLACES:
    case TARGET_PLACE_OF_MANY:
        return ocireg_endpoint_parse(name, json, error);
    case TARGET_SESSION: {
        char *registry = session_registry(name);
        ocireg_status status = registry != NULL && strchr(registry, '/') != NULL
                                   ? ocireg_reference_parse(registry, NULL, json, error)
                                   : ocireg_index_parse(registry, json, error);
        free(registry);
        return status;
    }
    default:
        /* Where only a registry is meant, as where any place is. */
        return ocireg_reference_parse(strncmp(name, "docker://", 9) == 0 ? name + 9 : name, NULL, json, error);
    }
}

static bool is_of_places(enum target target)
{
    return target == TARGET_PLACE || target == TARGET_PLACES || target == TARGET_PLACE_OF_MANY;
}

bool is_other_place(const char *name)
{
    const char *colon = strchr(name, ':');
    char *text = NULL;
    /* It might be a host with a port. */
    if (colon == NULL || (colon[1] != '/' && colon[1 + strspn(colon + 1, "0123456789")] == '/'))
        return false;
    if (ocireg_endpoint_parse(name, &text, NULL) != OCIREG_OK)
        return false;
    ocireg_json *json = json_parsed(text);
    bool is_other = json != NULL && ocireg_json_text(json, "/registry") == NULL;
    ocireg_json_free(json);
    ocireg_string_free(text);
    return is_other;
}

/* "; these take it: inspect, tree, …". Freed with free(); NULL without memory. */
static char *commands_for_places(const struct command *const *commands)
{
    char *list = NULL;
    size_t size;
    FILE *file = open_memstream(&list, &size);
    const char *before = "; these take it: ";
    for (const struct command *const *at = commands; file != NULL && *at != NULL; at++)
        if (is_of_places((*at)->target)) {
            fprintf(file, "%s%s", before, (*at)->name);
            before = ", ";
        }
    if (file != NULL)
        fclose(file);
    return list;
}

int report_other_place(const struct globals *globals, const char *name)
{
    char *others = commands_for_places(globals->commands), *parsed = NULL;
    /* Which may be meant all the same. */
    bool of_hub = ocireg_reference_parse(name, NULL, &parsed, NULL) == OCIREG_OK;
    int status = report_failure(&globals->output, OCIREG_INVALID_ARGUMENT, "%s is not a name in a registry, and this command works with registries only%s%s%s%s",
                                name, others == NULL ? "" : others, of_hub ? " (Docker Hub's image of that name is docker.io/library/" : "",
                                of_hub ? name : "", of_hub ? ")" : "");
    ocireg_string_free(parsed);
    free(others);
    return status;
}

/* Where a registry is needed, a place is not a broken name of one. */
static int report_no_registry(const struct globals *globals, const char *name, ocireg_error *error)
{
    ocireg_error_free(error);
    return report_failure(&globals->output, OCIREG_INVALID_REFERENCE, "%s is a place, and not a registry, which is HOST[:PORT]", name);
}

/* Whether the command line says what names without a registry are. */
static bool reads_short_names(const struct globals *globals)
{
    static const char key[] = OCIREG_OPT_SHORT_NAMES;
    for (size_t i = 0; i < globals->setting_count; i++)
        if (globals->settings[i].kind == SETTING_CLIENT_OPTION && strncmp(globals->settings[i].value, key, sizeof key - 1) == 0)
            return true;
    return globals->short_names != NULL;
}

/* The host that a name stands for by the machine's files, where the command line says so: what it says of the command's registry is for that
 * host, and for no other. */
static int look_up_short_name(const struct globals *globals, const char *name, char **host)
{
    static const char *const transports[] = {"docker://", "docker-v1://"};
    ocireg_client *client = NULL;
    ocireg_error *error = NULL;
    char *text = NULL;
    for (size_t i = 0; i < sizeof transports / sizeof *transports; i++)
        if (strncmp(name, transports[i], strlen(transports[i])) == 0)
            name += strlen(transports[i]);
    if (client_open_for_names(globals, &client, &error) == OCIREG_OK)
        ocireg_explain(client, NULL, name, NULL, &text, &error);
    ocireg_client_free(client);
    if (error != NULL)
        return report_error(&globals->output, error);
    ocireg_json *json = json_parsed(text);
    const char *found = ocireg_json_text(json, "/host");
    free(*host);
    *host = found == NULL ? NULL : strdup(found);
    ocireg_json_free(json);
    ocireg_string_free(text);
    return *host != NULL ? OCIREG_OK : report_failure(&globals->output, OCIREG_INTERNAL, "cannot read the library's answer");
}

/* The name of the registry's host, as the library spells it; NULL for a place that is not in a registry. Freed with
 * free(). */
static int registry_host(const struct globals *globals, enum target target, const char *name, char **host)
{
    const struct output *output = &globals->output;
    ocireg_error *error = NULL;
    char *text = NULL;
    ocireg_json *json;
    const char *found, *scheme;
    bool is_place = is_of_places(target);
    if (target == TARGET_NAME && is_other_place(name))
        return report_other_place(globals, name);
    if (take_apart(target, name, &text, &error) != OCIREG_OK)
        return target == TARGET_REGISTRY && is_other_place(name) ? report_no_registry(globals, name, error) : report_error(output, error);
    json = json_parsed(text);
    found = ocireg_json_text(json, is_place ? "/registry" : ocireg_json_at(json, "/index") == NULL ? "/name" : "/index/name");
    scheme = is_place ? NULL : ocireg_json_text(json, ocireg_json_at(json, "/index") == NULL ? "/scheme" : "/index/scheme");
    if (found == NULL || asprintf(host, "%s%s%s", scheme == NULL ? "" : scheme, scheme == NULL ? "" : "://", found) < 0)
        *host = NULL;
    ocireg_json_free(json);
    ocireg_string_free(text);
    if (*host != NULL && strcmp(*host, "docker.io") == 0 && (is_place || target == TARGET_NAME) && reads_short_names(globals))
        return look_up_short_name(globals, name, host);
    return *host != NULL || is_place
               ? OCIREG_OK
               : report_failure(output, OCIREG_INTERNAL, "cannot read the library's answer");
}

/* Adds the key of a name's host, if it has one and that is not there yet. */
static int add_host(const struct globals *globals, enum target target, const char *name, char *hosts[MOST_REGISTRIES + 1])
{
    char *host = NULL;
    size_t count = 0;
    int status = registry_host(globals, target, name, &host);
    if (status == OCIREG_OK && host != NULL) {
        ocireg_error *error = NULL;
        char *key = host_key(host, &error);
        free(host);
        host = key;
        if (host == NULL)
            return report_error(&globals->output, error);
        while (hosts[count] != NULL && strcmp(hosts[count], host) != 0)
            count++;
        if (hosts[count] == NULL) {
            hosts[count] = host;
            host = NULL;
        }
    }
    free(host);
    return status;
}

/* Whether a word is the digest of something at the command's place. */
static bool is_digest(const char *word)
{
    return strncmp(word, "sha256:", strlen("sha256:")) == 0 || strncmp(word, "sha512:", strlen("sha512:")) == 0;
}

int registry_hosts(const struct globals *globals, enum target target, const struct command_line *line, char *hosts[MOST_REGISTRIES + 1])
{
    size_t named = target == TARGET_LOCAL ? 0 : target == TARGET_PLACES ? 2 : 1;
    int status = OCIREG_OK;
    for (size_t i = 0; status == OCIREG_OK && i < named && line->arguments[i] != NULL; i++)
        status = add_host(globals, target, line->arguments[i], hosts);
    if (status == OCIREG_OK && line->to != NULL)
        status = add_host(globals, TARGET_PLACE, line->to, hosts);
    if (target != TARGET_PLACE_OF_MANY)
        return status;
    /* More are refused by the library. */
    for (size_t i = 0; status == OCIREG_OK && i < line->more_count && i < MOST_REGISTRIES - 2; i++)
        if (!is_digest(line->more[i]))
            status = add_host(globals, target, line->more[i], hosts);
    return status;
}

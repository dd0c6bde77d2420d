#include "one_registry.h"

#include <string.h>

#define HTTP "http://"
#define HTTPS "https://"
#define PORT ":80"

static bool ends_with(const char *text, size_t length, const char *end)
{
    return length >= strlen(end) && strncmp(text + length - strlen(end), end, strlen(end)) == 0;
}

int registry_port(const char *name)
{
    if (strncmp(name, HTTPS, strlen(HTTPS)) == 0)
        return 443;
    return strncmp(name, HTTP, strlen(HTTP)) == 0 || ends_with(name, strlen(name), PORT) ? 80 : 0;
}

/* The host without a scheme and without the port of http. */
static const char *host_of(const char *name, size_t *length)
{
    const char *end = strstr(name, "://");
    const char *host = end == NULL ? name : end + strlen("://");
    *length = strlen(host);
    if (ends_with(host, *length, PORT))
        *length -= strlen(PORT);
    return host;
}

bool registry_has_host_of(const char *name, const char *other)
{
    size_t length, other_length;
    const char *host = host_of(name, &length), *other_host = host_of(other, &other_length);
    return length == other_length && strncmp(host, other_host, length) == 0;
}

bool registry_is(const char *name, const char *other)
{
    return registry_port(name) == registry_port(other) && registry_has_host_of(name, other);
}

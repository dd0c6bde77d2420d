#include "host_key.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Where the port begins, behind its colon; the end of the text when there is none. */
static const char *port_of(const char *host)
{
    const char *colon = strrchr(host, ':');
    bool is_port = colon != NULL && colon[1] != '\0' && (strchr(host, ':') == colon || colon[-1] == ']');
    return is_port ? colon + 1 : host + strlen(host);
}

/* An IPv6 address in brackets in one spelling, or the IPv4 address that it stands for; false for anything else. */
static bool address(const char *name, char *to, size_t size)
{
    char text[INET6_ADDRSTRLEN + 1];
    struct in6_addr found;
    size_t length = strlen(name);
    if (length < 2 || length - 2 >= sizeof text || name[0] != '[' || name[length - 1] != ']')
        return false;
    snprintf(text, sizeof text, "%.*s", (int)length - 2, name + 1);
    if (inet_pton(AF_INET6, text, &found) != 1)
        return false;
    bool is_v4 = IN6_IS_ADDR_V4MAPPED(&found);
    if (inet_ntop(is_v4 ? AF_INET : AF_INET6, is_v4 ? (const void *)&found.s6_addr[12] : &found, text, sizeof text) == NULL)
        return false;
    snprintf(to, size, is_v4 ? "%s" : "[%s]", text);
    return true;
}

/* Docker Hub's own names. */
static bool is_hub(const char *name)
{
    return strcmp(name, "index.docker.io") == 0 || strcmp(name, "registry-1.docker.io") == 0;
}

char *host_key(const char *host)
{
    const char *port = port_of(host);
    size_t length = (size_t)(port - host) - (*port != '\0'), size = strlen(host) + INET6_ADDRSTRLEN + sizeof "docker.io";
    char *name = strndup(host, length), *key = malloc(size);
    if (name == NULL || key == NULL) {
        free(name), free(key);
        return NULL;
    }
    for (char *at = name; *at != '\0'; at++)
        *at = (char)tolower((unsigned char)*at);
    if (length > 0 && name[length - 1] == '.')
        name[length - 1] = '\0';
    port += strspn(port, "0");
    if (strcmp(port, "443") == 0)
        port = "";
    if (*port == '\0' && is_hub(name))
        snprintf(key, size, "docker.io");
    else if (!address(name, key, size))
        snprintf(key, size, "%s", name);
    if (*port != '\0')
        snprintf(key + strlen(key), size - strlen(key), ":%s", port);
    free(name);
    return key;
}

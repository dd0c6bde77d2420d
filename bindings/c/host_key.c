/* Shows: ocireg_index_parse. */
#include "host_key.h"

#include "json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The port in a name; 0 if there is none. */
static int port_in(const char *name)
{
    const char *end = strrchr(name, ']'), *colon = strrchr(end == NULL ? name : end, ':');
    return colon == NULL ? 0 : atoi(colon + 1);
}

char *host_key(const char *host, ocireg_error **error)
{
    char *text = NULL, *key = NULL;
    if (ocireg_index_parse(host, &text, error) == OCIREG_OK) {
        ocireg_json *json = json_parsed(text);
        const char *found = ocireg_json_text(json, "/host"), *scheme = ocireg_json_text(json, "/scheme"), *name = ocireg_json_text(json, "/name");
        int port = name == NULL ? 0 : port_in(name);
        /* The port 443 is not in the key; the port 80 is, whether it was said or is that of http. */
        bool is_http = port == 0 && scheme != NULL && strcmp(scheme, "http") == 0, is_https = port == 443 || (port == 0 && scheme != NULL && !is_http);
        size_t length = found == NULL ? 0 : strlen(found) - (is_http ? strlen(":80") : 0);
        if (found != NULL && asprintf(&key, "%s%.*s", is_http ? "http://" : is_https ? "https://" : "", (int)length, found) < 0)
            key = NULL;
        ocireg_json_free(json);
    }
    ocireg_string_free(text);
    return key;
}

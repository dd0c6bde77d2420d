/* Shows: ocireg_index_parse. */
#include "host_key.h"

#include "json.h"

#include <string.h>

char *host_key(const char *host, ocireg_error **error)
{
    char *text = NULL, *key = NULL;
    if (ocireg_index_parse(host, &text, error) == OCIREG_OK) {
        ocireg_json *json = json_parsed(text);
        const char *found = ocireg_json_text(json, "/host");
        key = found == NULL ? NULL : strdup(found);
        ocireg_json_free(json);
    }
    ocireg_string_free(text);
    return key;
}

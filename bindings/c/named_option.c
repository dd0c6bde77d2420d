/* Shows: ocireg_options_parse, _set_double. */
#include "named_option.h"

#include "arguments.h"
#include "json.h"

#include <stdlib.h>
#include <string.h>

bool is_named_option(const char *text)
{
    size_t length = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_");
    return length > 0 && text[length] == '=';
}

static ocireg_status set_json(ocireg_options *options, const char *key, const char *value, ocireg_error **error)
{
    char *json = NULL;
    ocireg_status status = OCIREG_INTERNAL;
    if (asprintf(&json, "{\"%s\":%s}", key, value) >= 0)
        status = ocireg_options_parse(options, json, error);
    free(json);
    return status;
}

static ocireg_status set(ocireg_options *options, const char *key, const char *value, ocireg_error **error)
{
    const char *digits = value + (*value == '-');
    int64_t number;
    char *end;
    double fraction = strtod(value, &end);
    bool yes = strcmp(value, "true") == 0;
    if (yes || strcmp(value, "false") == 0)
        return ocireg_options_set_bool(options, key, yes, error);
    if (parse_number(digits, &number))
        return ocireg_options_set_int(options, key, digits == value ? number : -number, error);
    if (*digits >= '0' && *digits <= '9' && *end == '\0')
        return ocireg_options_set_double(options, key, fraction, error);
    if (*value == '[' || *value == '"')
        return set_json(options, key, value, error);
    return ocireg_options_set_string(options, key, value, error);
}

ocireg_status named_option_set(ocireg_options *options, const char *text, ocireg_error **error)
{
    char *key = strndup(text, strcspn(text, "="));
    ocireg_status status = key == NULL ? OCIREG_INTERNAL : set(options, key, strchr(text, '=') + 1, error);
    free(key);
    return status;
}

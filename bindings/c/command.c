/* Shows: ocireg_options_new, _set_string, _set_int, _set_bool, _add_string, _free.
 *
 * The options of a command become the options of the library's call. */
#include "command.h"

#include <string.h>

/* In the order the help shows them. */
const struct command *const commands[] = {
    &command_parse,
    &command_ping,
    &command_login,
    &command_logout,
    &command_explain,
    &command_catalog,
    &command_tags,
    &command_tag,
    &command_untag,
    &command_rmrepo,
    &command_manifest_get,
    &command_manifest_head,
    &command_manifest_put,
    &command_manifest_delete,
    &command_digest,
    &command_referrers,
    &command_blob_get,
    &command_blob_head,
    &command_blob_put,
    &command_blob_mount,
    &command_blob_delete,
    &command_upload_start,
    &command_upload_status,
    &command_upload_chunk,
    &command_upload_finish,
    &command_upload_cancel,
    &command_copy,
    &command_pull,
    &command_push,
    &command_layout_check,
    &command_layout_clean,
    &command_schema1_verify,
    &command_schema1_sign,
    &command_schema1_key,
    &command_v1_ping,
    &command_v1_search,
    &command_v1_images,
    &command_v1_tags,
    &command_v1_tag,
    &command_v1_ancestry,
    &command_v1_image,
    &command_v1_layer,
    &command_v1_push,
    &command_v1_untag,
    &command_v1_rmrepo,
    &command_config,
    &command_size,
    &command_extract,
    &command_cat,
    &command_files,
    &command_append,
    NULL,
};

/* Whether `name` is "FAMILY MEMBER"; a NULL member stands for any. */
static bool is_member(const char *name, const char *family, const char *member)
{
    size_t length = strlen(family);
    if (strncmp(name, family, length) != 0 || name[length] != ' ')
        return false;
    return member == NULL || strcmp(name + length + 1, member) == 0;
}

static const struct command *find_name(const char *name)
{
    for (const struct command *const *at = commands; *at != NULL; at++)
        if (strcmp((*at)->name, name) == 0)
            return *at;
    return NULL;
}

static const struct command *find_member(const char *family, const char *member)
{
    for (const struct command *const *at = commands; *at != NULL; at++)
        if (is_member((*at)->name, family, member))
            return *at;
    return NULL;
}

const struct command *command_find(struct arguments *arguments, const struct output *output, int *status)
{
    const struct command *found;
    const char *name = arguments_take(arguments), *member;
    if (name == NULL) {
        *status = report_usage("no command given");
        return NULL;
    }
    found = strchr(name, ' ') == NULL ? find_name(name) : NULL;
    if (found != NULL)
        return found;
    if (find_member(name, NULL) == NULL) {
        *status = report_usage("no such command: %s", name);
        return NULL;
    }
    member = arguments_take(arguments);
    if (member != NULL && strcmp(member, "--help") == 0) {
        *status = help_family(name, output);
        return NULL;
    }
    if (member != NULL)
        found = find_member(name, member);
    if (found == NULL)
        *status = report_usage("no such command: %s%s%s", name, member == NULL ? "" : " ", member == NULL ? "" : member);
    return found;
}

static const struct parameter *find_parameter(const struct command *command, const char *name)
{
    const struct parameter *at = command->parameters;
    while (at != NULL && at->name != NULL && strcmp(at->name, name) != 0)
        at++;
    return at == NULL || at->name == NULL ? NULL : at;
}

/* Hands a value to the library, which copies it. */
static int set(struct command_line *line, const struct parameter *parameter, const char *value, const struct output *output)
{
    ocireg_error *error = NULL;
    ocireg_status status = OCIREG_OK;
    int64_t number = 0;
    switch (parameter->kind) {
    case PARAMETER_FLAG:
        status = ocireg_options_set_bool(line->options, parameter->key, true, &error);
        break;
    case PARAMETER_OFF:
        status = ocireg_options_set_bool(line->options, parameter->key, false, &error);
        break;
    case PARAMETER_TO:
        line->to = value;
        /* fallthrough */
    case PARAMETER_TEXT:
        status = ocireg_options_set_string(line->options, parameter->key, value, &error);
        break;
    case PARAMETER_DESCRIPTOR:
        line->descriptor = value;
        /* fallthrough */
    case PARAMETER_NUMBER:
        if (!parse_number(value, &number))
            return report_usage("%s takes a number, not '%s'", parameter->name, value);
        status = ocireg_options_set_int(line->options, parameter->key, number, &error);
        break;
    case PARAMETER_LIST:
        status = ocireg_options_add_string(line->options, parameter->key, value, &error);
        break;
    case PARAMETER_OUTPUT:
        line->output = value;
        break;
    case PARAMETER_FROM:
        line->from = value;
        break;
    case PARAMETER_KEY:
        line->key = value;
        break;
    case PARAMETER_RAW:
        line->raw = true;
        break;
    }
    return status == OCIREG_OK ? OCIREG_OK : report_error(output, error);
}

static int take_parameter(struct command_line *line, const struct command *command, struct arguments *arguments,
                          const struct output *output)
{
    const struct parameter *parameter = find_parameter(command, arguments->name);
    const char *value = arguments->value;
    if (parameter == NULL && globals_know(arguments->name))
        return report_usage("%s belongs before the command", arguments->name);
    if (parameter == NULL)
        return report_usage("unknown option of %s: %s", command->name, arguments->name);
    if (parameter->value == NULL && value != NULL)
        return report_usage("%s takes no value", parameter->name);
    if (parameter->value != NULL)
        value = arguments_value(arguments);
    if (parameter->value != NULL && value == NULL)
        return report_usage("%s needs a value", parameter->name);
    return set(line, parameter, value, output);
}

static int take_all(struct command_line *line, const struct command *command, struct arguments *arguments,
                    const struct output *output, bool *help)
{
    int count = 0, status;
    for (;;) {
        switch (arguments_next(arguments)) {
        case ARGUMENT_END:
            if (count < MOST_ARGUMENTS && command->arguments[count] != NULL)
                return report_usage("%s needs %s", command->name, command->arguments[count]);
            return OCIREG_OK;
        case ARGUMENT_PLAIN:
            if (count == MOST_ARGUMENTS || command->arguments[count] == NULL)
                return report_usage("%s does not take '%s'", command->name, arguments_take(arguments));
            line->arguments[count++] = arguments_take(arguments);
            break;
        case ARGUMENT_OPTION:
            *help = strcmp(arguments->name, "--help") == 0;
            status = *help ? OCIREG_OK : take_parameter(line, command, arguments, output);
            if (*help || status != OCIREG_OK)
                return status;
            break;
        }
    }
}

int command_line_parse(struct command_line *line, const struct command *command, struct arguments *arguments,
                       const struct output *output, bool *help)
{
    ocireg_error *error = NULL;
    *line = (struct command_line){0};
    *help = false;
    if (ocireg_options_new(&line->options, &error) != OCIREG_OK)
        return report_error(output, error);
    return take_all(line, command, arguments, output, help);
}

void command_line_free(struct command_line *line)
{
    ocireg_options_free(line->options);
    line->options = NULL;
}

/* Shows: ocireg_options_new, _set_string, _set_int, _set_bool, _add_string, _free.
 *
 * The options of a command become the options of the library's call. */
#include "command.h"

#include "flags.h"
#include "pipe_file.h"
#include "suggest.h"

#include <stddef.h>
#include <string.h>

bool is_optional(const char *argument)
{
    return argument[0] == '[';
}

static const struct parameter *find_parameter(const struct command *command, const char *name)
{
    const struct parameter *at = command->parameters;
    while (at != NULL && at->name != NULL && strcmp(at->name, name) != 0)
        at++;
    return at == NULL || at->name == NULL ? NULL : at;
}

/* An option may stand before its command, so its name alone must tell whether it takes a value. */
enum takes option_takes(const char *name)
{
    enum takes takes;
    if (globals_know(name, &takes))
        return takes;
    for (const struct command *const *at = commands; *at != NULL; at++) {
        const struct parameter *parameter = find_parameter(*at, name);
        if (parameter != NULL)
            return parameter->value != NULL ? TAKES_VALUE : TAKES_NOTHING;
    }
    return TAKES_NOTHING;
}

/* An option with its value, as it is taken. */
struct taken {
    struct command_line *line;
    const struct parameter *parameter;
    const char *value;
    const struct output *output;
};

static int handed(const struct taken *taken, ocireg_status status, ocireg_error *error)
{
    return status == OCIREG_OK ? OCIREG_OK : report_error(taken->output, error);
}

static int hand_text(const struct taken *taken, const char *value)
{
    ocireg_error *error = NULL;
    return handed(taken, ocireg_options_set_string(taken->line->options, taken->parameter->key, value, &error), error);
}

static int hand_item(const struct taken *taken, const char *value)
{
    ocireg_error *error = NULL;
    return handed(taken, ocireg_options_add_string(taken->line->options, taken->parameter->key, value, &error), error);
}

static int hand_truth(const struct taken *taken, bool value)
{
    ocireg_error *error = NULL;
    return handed(taken, ocireg_options_set_bool(taken->line->options, taken->parameter->key, value, &error), error);
}

static int take_flag(const struct taken *taken)
{
    taken->line->dry_run |= strcmp(taken->parameter->key, OCIREG_OPT_DRY_RUN) == 0;
    return hand_truth(taken, true);
}

static int take_off(const struct taken *taken)
{
    return hand_truth(taken, false);
}

static int take_skip(const struct taken *taken)
{
    return hand_text(taken, "skip");
}

static int take_text(const struct taken *taken)
{
    return hand_text(taken, taken->value);
}

static int take_number(const struct taken *taken)
{
    ocireg_error *error = NULL;
    int64_t number = 0;
    if (!parse_number(taken->value, &number))
        return report_usage("%s takes a number, not '%s'%s", taken->parameter->name, taken->value, too_large(taken->value));
    return handed(taken, ocireg_options_set_int(taken->line->options, taken->parameter->key, number, &error), error);
}

static int take_item(const struct taken *taken)
{
    return hand_item(taken, taken->value);
}

static int take_file(const struct taken *taken)
{
    return hand_item(taken, file_for_library(taken->value));
}

static int take_folder(const struct taken *taken)
{
    if (is_dash(taken->value))
        return report_usage("%s needs a folder, not standard output; ./- is a folder called -", taken->parameter->name);
    return OCIREG_OK;
}

static int take_output(const struct taken *taken)
{
    /* What goes to a file goes to standard output without this option. */
    if (is_dash(taken->value))
        taken->line->output = NULL;
    return OCIREG_OK;
}

static int take_raw(const struct taken *taken)
{
    taken->line->raw = true;
    return OCIREG_OK;
}

static int take_depth(const struct taken *taken)
{
    int64_t *depth = &taken->line->depth;
    if (!parse_number(taken->value, depth) || *depth < 1 || *depth > MOST_DEPTH)
        return report_usage("%s takes a number from 1 to %d, not '%s'", taken->parameter->name, MOST_DEPTH, taken->value);
    return OCIREG_OK;
}

/* What is done with an option of each kind: where the command keeps the value (0: nowhere), and what else. The library copies what it
 * is handed. */
#define KEPT(member) (offsetof(struct command_line, member) + 1)
static const struct {
    size_t kept;
    int (*take)(const struct taken *taken);
} ways[] = {
    [PARAMETER_FLAG] = {0, take_flag},
    [PARAMETER_OFF] = {0, take_off},
    [PARAMETER_SKIP] = {0, take_skip},
    [PARAMETER_TEXT] = {0, take_text},
    [PARAMETER_NUMBER] = {0, take_number},
    [PARAMETER_LIST] = {0, take_item},
    [PARAMETER_FILES] = {0, take_file},
    [PARAMETER_OUTPUT] = {KEPT(output), take_output},
    [PARAMETER_FOLDER] = {KEPT(output), take_folder},
    [PARAMETER_KEY] = {KEPT(key), NULL},
    [PARAMETER_CHAIN] = {KEPT(chain), NULL},
    [PARAMETER_RAW] = {0, take_raw},
    [PARAMETER_DEPTH] = {0, take_depth},
    [PARAMETER_TITLE] = {KEPT(title), NULL},
    [PARAMETER_CONFIG] = {KEPT(config), NULL},
    [PARAMETER_FROM] = {KEPT(from), NULL},
    [PARAMETER_PLATFORM] = {KEPT(platform), take_text},
    [PARAMETER_TO] = {KEPT(to), take_text},
    [PARAMETER_DESCRIPTOR] = {KEPT(descriptor), take_number},
    [PARAMETER_LIST_FORMAT] = {KEPT(list_format), take_text},
};

static int set(struct command_line *line, const struct parameter *parameter, const char *value, const struct output *output)
{
    const struct taken taken = {line, parameter, value, output};
    size_t kept = ways[parameter->kind].kept;
    if (kept != 0)
        memcpy((char *)line + kept - 1, &value, sizeof value);
    return ways[parameter->kind].take == NULL ? OCIREG_OK : ways[parameter->kind].take(&taken);
}

static int report_unknown(const struct command *command, const char *name)
{
    struct suggestion suggestion = {.typed = name};
    for (const struct parameter *at = command->parameters; at != NULL && at->name != NULL; at++)
        suggest(&suggestion, at->name);
    globals_suggest(&suggestion);
    return report_usage("unknown option%s%s: %s" SUGGESTION, *command->name == '\0' ? "" : " of ", command->name, name,
                        SUGGESTED("", suggestion));
}

/* The command's own options come first: --key is one of `schema1 sign`, and of all others. */
static int take_option(struct command_line *line, const struct command *command, const struct option *option,
                       struct globals *globals)
{
    const struct parameter *parameter = find_parameter(command, option->name);
    enum takes takes;
    if (parameter == NULL && globals_know(option->name, &takes))
        return globals_take(globals, option);
    if (parameter == NULL)
        return report_unknown(command, option->name);
    if (parameter->value == NULL && option->value != NULL)
        return report_usage("%s takes no value", parameter->name);
    if (parameter->value != NULL && option->value == NULL)
        return report_usage("%s needs a value", parameter->name);
    return set(line, parameter, option->value, &globals->output);
}

/* A command line that names standard input twice would find it empty the second time. */
static int check_standard_input(const struct arguments *arguments, const struct globals *globals)
{
    size_t readers = globals->password_stdin;
    for (size_t i = 0; i < arguments->word_count; i++)
        readers += is_dash(arguments->words[i]) || strncmp(arguments->words[i], "-:", 2) == 0;
    for (size_t i = 0; i < arguments->option_count; i++) {
        const struct option *option = &arguments->options[i];
        readers += strcmp(option->name, "-o") != 0 && option->value != NULL && is_dash(option->value);
    }
    return readers < 2 ? OCIREG_OK : report_usage("standard input can be read only once");
}

/* Exact bytes have no form. */
static int check_form(const struct command_line *line, const struct command *command, const struct output *output)
{
    const char *form = output_form(output);
    bool is_bytes = (command->bytes || line->raw) && (line->output == NULL || is_dash(line->output));
    if (!is_bytes || form == NULL)
        return OCIREG_OK;
    return report_usage("%s contradicts the exact bytes that %s%s prints", form, command->name, line->raw ? " so" : "");
}

static int take_words(struct command_line *line, const struct command *command, const struct arguments *arguments, size_t words)
{
    size_t count = 0;
    for (size_t i = words; i < arguments->word_count; i++) {
        if (command->more != NULL && (count == MOST_ARGUMENTS || command->arguments[count] == NULL)) {
            line->more = &arguments->words[i];
            line->more_count = arguments->word_count - i;
            return OCIREG_OK;
        }
        if (count == MOST_ARGUMENTS || command->arguments[count] == NULL)
            return report_usage("%s does not take '%s'", command->name, arguments->words[i]);
        line->arguments[count++] = arguments->words[i];
    }
    if (count < MOST_ARGUMENTS && command->arguments[count] != NULL && !is_optional(command->arguments[count]))
        return report_usage("%s needs %s", command->name, command->arguments[count]);
    return OCIREG_OK;
}

/* Whose options the library's errors may be about, and what was typed. */
static const struct command *current;
static const struct arguments *typed;

static bool is_typed(const char *name)
{
    for (size_t i = 0; i < typed->option_count; i++)
        if (strcmp(typed->options[i].name, name) == 0)
            return true;
    return false;
}

static bool is_key(const char *key, const char *text, size_t length)
{
    return strlen(key) == length && strncmp(key, text, length) == 0;
}

/* The command's own flag comes first, and of several for one key that which was typed. */
static const char *flag_of(const char *key, size_t length, bool *was_typed)
{
    const char *found = NULL;
    for (const struct parameter *at = current->parameters; at != NULL && at->name != NULL; at++)
        if (at->key != NULL && is_key(at->key, key, length) && (found == NULL || is_typed(at->name)))
            found = at->name;
    if (found == NULL)
        found = globals_flag(key, length);
    *was_typed = found != NULL && is_typed(found);
    return found;
}

int command_line_parse(struct command_line *line, const struct command *command, const struct arguments *arguments, size_t words,
                       struct globals *globals)
{
    ocireg_error *error = NULL;
    int status = OCIREG_OK;
    *line = (struct command_line){0};
    usage_is_of(command->name);
    current = command;
    typed = arguments;
    flags_are(flag_of);
    if (ocireg_options_new(&line->options, &error) != OCIREG_OK)
        return report_error(&globals->output, error);
    for (size_t i = 0; status == OCIREG_OK && i < arguments->option_count; i++)
        status = take_option(line, command, &arguments->options[i], globals);
    if (status == OCIREG_OK)
        status = take_words(line, command, arguments, words);
    if (status == OCIREG_OK)
        status = check_standard_input(arguments, globals);
    if (status == OCIREG_OK)
        status = globals_check(globals);
    return status == OCIREG_OK ? check_form(line, command, &globals->output) : status;
}

void command_line_free(struct command_line *line)
{
    ocireg_options_free(line->options);
    line->options = NULL;
}

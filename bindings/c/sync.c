/* The command sync. Shows: ocireg_sync, ocireg_sync_list. */
#include "command.h"
#include "files.h"
#include "flags.h"
#include "json.h"
#include "sync_plan.h"

#include <stdlib.h>
#include <string.h>

/* The largest list that is read. */
#define LARGEST ((size_t)4 << 20)
#define LINES "{/images/*/state}\\t{/images/*/destination}\\t{/images/*/digest}"

/* For people. */
static int show_plan(struct session *session, const ocireg_json *synced)
{
    bar_clear(&session->bar);
    output_write_begins();
    bool shown = sync_plan(stdout, synced);
    output_write_ends();
    return shown ? output_flush(session->output) : report_failure(session->output, OCIREG_INTERNAL, "out of memory");
}

/* Some images may be missing although the call has succeeded: scripts need an exit status for that. */
static int finish(struct session *session, ocireg_status status, char *json, ocireg_error *error)
{
    ocireg_json *synced = json_parsed(json);
    int64_t failed = ocireg_json_integer(synced, "/tags/failed", 0), code = ocireg_json_integer(synced, "/error/code", 0);
    bool is_plan = ocireg_json_boolean(synced, "/dry_run", false);
    bool typed;
    char *message = failed > 0 ? flags_written(ocireg_json_text(synced, "/error/message"), &typed) : NULL;
    char *hint = failed > 0 ? flags_written(ocireg_json_text(synced, "/error/hint"), &typed) : NULL;
    int result;
    if (status == OCIREG_OK && is_plan && output_is_for_people(session->output)) {
        result = show_plan(session, synced);
        ocireg_string_free(json);
    } else {
        result = session_finish(session, status, json, error);
    }
    ocireg_json_free(synced);
    if (result == OCIREG_OK && failed > 0) {
        result = report_failure(session->output, code > 0 ? (ocireg_status)code : OCIREG_INTERNAL, "%lld failed, the first: %s", (long long)failed,
                                message == NULL ? "" : message);
        report_hint(session->output, hint);
    }
    free(message);
    free(hint);
    return result;
}

/* A list in a file; what is called .yaml or .yml is skopeo's. */
static int run_list(struct session *session, const struct command_line *line)
{
    ocireg_error *error = NULL;
    ocireg_status status = OCIREG_OK;
    char *json = NULL;
    uint8_t *text = NULL;
    size_t size = 0;
    const char *end = strrchr(line->from, '.');
    int result = file_read_whole(session, line->from, LARGEST, &text, &size);
    if (result != OCIREG_OK)
        return result;
    if (strlen((char *)text) != size) {
        free(text);
        return report_failure(session->output, OCIREG_INVALID_ARGUMENT, "%s contains a NUL character, which a list cannot have", line->from);
    }
    if (line->list_format == NULL && end != NULL && (strcmp(end, ".yaml") == 0 || strcmp(end, ".yml") == 0))
        status = ocireg_options_set_string(line->options, OCIREG_OPT_LIST_FORMAT, "skopeo", &error);
    /* Not those of the list either. */
    if (status == OCIREG_OK && session->globals->anonymous)
        status = ocireg_options_set_bool(line->options, OCIREG_OPT_LIST_CREDENTIALS, false, &error);
    if (status == OCIREG_OK)
        status = ocireg_sync_list(session->client, session->context, (char *)text, line->arguments[0], line->options, &json, &error);
    free(text);
    return finish(session, status, json, error);
}

static int run(struct session *session, const struct command_line *line)
{
    ocireg_error *error = NULL;
    char *json = NULL;
    ocireg_status status;
    int result = session_show_progress(session);
    if (result != OCIREG_OK)
        return result;
    if (line->from != NULL)
        return line->arguments[1] == NULL ? run_list(session, line) : report_usage("sync --from FILE takes one destination, not '%s'", line->arguments[1]);
    if (line->arguments[1] == NULL)
        return report_usage("sync needs SRC and DST, or --from FILE");
    status = ocireg_sync(session->client, session->context, line->arguments[0], line->arguments[1], line->options, &json, &error);
    return finish(session, status, json, error);
}

static const struct parameter parameters[] = {
    {"--from", PARAMETER_FROM, NULL, "FILE", "sync what a list says: SRC [DST] on each line, or FILE.yaml as for skopeo sync; DST is then for the whole list"},
    {"--list-format", PARAMETER_LIST_FORMAT, OCIREG_OPT_LIST_FORMAT, "lines|skopeo", "the form of FILE, whatever its name is"},
    {"--tags", PARAMETER_LIST, OCIREG_OPT_TAGS, "GLOB", "only tags that match this, with *, ? and [a-z] (repeatable)"},
    {"--tags-regex", PARAMETER_LIST, OCIREG_OPT_TAGS_REGEX, "RE", "only tags that this regular expression matches somewhere (repeatable)"},
    {"--semver", PARAMETER_LIST, OCIREG_OPT_SEMVER, "RANGE", "only versions in a range, such as '>=1.2 <2', ^1.2 or 1.2.x (repeatable)"},
    {"--exclude", PARAMETER_LIST, OCIREG_OPT_EXCLUDE, "GLOB", "no tags that match this (repeatable)"},
    {"--newest", PARAMETER_NUMBER, OCIREG_OPT_NEWEST, "N", "of these only the N highest versions; with --prune, say which tags too"},
    {"--platform", PARAMETER_LIST, OCIREG_OPT_PLATFORM, "OS/ARCH[/VARIANT]", "only this platform of an index (repeatable)"},
    {"--referrers", PARAMETER_FLAG, OCIREG_OPT_REFERRERS, NULL, "also what refers to the images, such as signatures and SBOMs"},
    {"--foreign-layers", PARAMETER_FLAG, OCIREG_OPT_FOREIGN_LAYERS, NULL, "also layers that are normally fetched from elsewhere"},
    {"--no-clobber", PARAMETER_FLAG, OCIREG_OPT_NO_CLOBBER, NULL, "leave tags that the destination has as they are"},
    {"--prune", PARAMETER_FLAG, OCIREG_OPT_PRUNE, NULL, "if nothing failed, remove those of such tags at the destination that the source does not have"},
    {"--max-prune", PARAMETER_NUMBER, OCIREG_OPT_MAX_PRUNE, "N", "with --prune: if more tags would go, all of them stay, and that is a failure"},
    {"--scoped", PARAMETER_FLAG, OCIREG_OPT_SCOPED, NULL, "below DST, keep the registry and the path of the source's name"},
    {"--stop-on-error", PARAMETER_FLAG, OCIREG_OPT_STOP_ON_ERROR, NULL, "end at the first failure"},
    {"--dry-run", PARAMETER_FLAG, OCIREG_OPT_DRY_RUN, NULL, "only show what would be done"},
    {"--parallel", PARAMETER_NUMBER, OCIREG_OPT_PARALLEL, "N", "images at once (4)"},
    {"--concurrency", PARAMETER_NUMBER, OCIREG_OPT_CONCURRENCY, "N", "transfers at once for each (4)"},
    {0},
};

const struct command command_sync = {
    .name = "sync",
    .target = TARGET_PLACES,
    .arguments = {"[SRC]", "[DST]"},
    .parameters = parameters,
    .summary = "Bring the tags of a repository, a layout or an archive to another; the exit status is that of the first failure.",
    .lines = LINES,
    .run = run,
};

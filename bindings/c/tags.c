/* The command tags. Shows: ocireg_repository_tags. */
#include "command.h"
#include "json.h"

static bool has_digests(const char *json)
{
    ocireg_json *document = json_parsed(json);
    bool has = ocireg_json_kind(document, "/digests") == OCIREG_JSON_OBJECT;
    ocireg_json_free(document);
    return has;
}

static int run(struct session *session, const struct command_line *line)
{
    ocireg_error *error = NULL;
    char *json = NULL;
    ocireg_status status = ocireg_repository_tags(session->client, session->context, line->arguments[0], line->options, &json, &error);
    if (has_digests(json))
        session->lines = "{*}\\t{/digests/*}";
    return session_finish(session, status, json, error);
}

static const struct parameter parameters[] = {
    {"--n", PARAMETER_NUMBER, OCIREG_OPT_N, "N", "one page of at most N, instead of all"},
    {"--all", PARAMETER_FLAG, OCIREG_OPT_ALL, NULL, "all, in pages of N"},
    {"--next", PARAMETER_TEXT, OCIREG_OPT_NEXT, "NEXT", "continue after the page that printed this next"},
    {"--last", PARAMETER_TEXT, OCIREG_OPT_LAST, "T", "start after this tag"},
    {"--digests", PARAMETER_FLAG, OCIREG_OPT_DIGESTS, NULL, "also each tag's digest"},
    {"--omit-digest-tags", PARAMETER_OFF, OCIREG_OPT_DIGEST_TAGS, NULL, "without those of referrers and signatures (sha256-...)"},
    {0},
};

const struct command command_tags = {
    .name = "tags",
    .target = TARGET_PLACE,
    .arguments = {"PLACE"},
    .parameters = parameters,
    .summary = "List the tags of a repository, or the names in a layout or an archive.",
    .lines = "{/tags/*}",
    .run = run,
};

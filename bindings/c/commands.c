/* All commands, and finding the one that the user named. */
#include "command.h"

#include "suggest.h"

#include <stdlib.h>
#include <string.h>

/* In the order the help shows them. */
const struct command *const commands[] = {
    &command_parse,
    &command_ping,
    &command_detect,
    &command_login,
    &command_logout,
    &command_explain,
    &command_token,
    &command_inspect,
    &command_tree,
    &command_catalog,
    &command_tags,
    &command_tag,
    &command_untag,
    &command_rmrepo,
    &command_manifest_get,
    &command_manifest_head,
    &command_manifest_locate,
    &command_manifest_inspect,
    &command_manifest_build,
    &command_manifest_put,
    &command_manifest_delete,
    &command_digest,
    &command_referrers,
    &command_artifact_push,
    &command_artifact_attach,
    &command_artifact_pull,
    &command_index_create,
    &command_index_append,
    &command_index_remove,
    &command_blob_digest,
    &command_blob_get,
    &command_blob_head,
    &command_blob_locate,
    &command_blob_put,
    &command_blob_copy,
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
    &command_sync,
    &command_layout_list,
    &command_layout_check,
    &command_layout_clean,
    &command_schema1_verify,
    &command_schema1_payload,
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
    &command_v1_login,
    &command_v1_put_image,
    &command_v1_put_layer,
    &command_v1_put_checksum,
    &command_v1_put_tag,
    &command_v1_push,
    &command_v1_untag,
    &command_v1_rmrepo,
    &command_config,
    &command_size,
    &command_validate,
    &command_extract,
    &command_export,
    &command_cat,
    &command_files,
    &command_append,
    &command_help,
    &command_version,
    &command_completion,
    NULL,
};

/* The second word of a command whose first word is this: "get" of "manifest get". NULL when the first is another. */
static const char *member_of(const struct command *command, const char *family)
{
    size_t length = strlen(family);
    return strncmp(command->name, family, length) == 0 && command->name[length] == ' ' ? command->name + length + 1 : NULL;
}

bool is_family(const char *name)
{
    for (const struct command *const *at = commands; *at != NULL; at++)
        if (member_of(*at, name) != NULL)
            return true;
    return false;
}

const struct command *command_named(const struct arguments *arguments, size_t *words)
{
    const char *first = arguments->word_count > 0 ? arguments->words[0] : NULL;
    const char *second = arguments->word_count > 1 ? arguments->words[1] : NULL;
    for (const struct command *const *at = commands; first != NULL && *at != NULL; at++) {
        const char *member = member_of(*at, first);
        /* A word with a blank in it is not a command. */
        if (strcmp((*at)->name, first) == 0 && strchr(first, ' ') == NULL)
            return *words = 1, *at;
        if (member != NULL && second != NULL && strcmp(member, second) == 0)
            return *words = 2, *at;
    }
    return NULL;
}

static int report_family(const char *family, const char *member)
{
    struct suggestion suggestion = {.typed = member == NULL ? "" : member};
    char before[LONGEST_SUGGESTION];
    snprintf(before, sizeof before, "%s ", family);
    for (const struct command *const *at = commands; *at != NULL; at++)
        if (member_of(*at, family) != NULL)
            suggest(&suggestion, member_of(*at, family));
    usage_is_of(family);
    if (member == NULL)
        return report_usage("%s what?", family);
    return report_usage("no such command: %s %s" SUGGESTION, family, member, SUGGESTED(before, suggestion));
}

/* What other programs call it. */
static const char *known_elsewhere(const char *name)
{
    static const char *const names[][2] = {{"ls", "tags"},       {"list-tags", "tags"}, {"discover", "tree"},   {"head", "manifest head"},
                                           {"get", "manifest get"}, {"put", "manifest put"}, {"delete", "manifest delete"}, {"cp", "copy"},
                                           {"backup", "sync"}, {"restore", "sync"}, {"mirror", "sync"},
                                           {"fetch", "blob get"}, {"search", "v1 search"}, {"retag", "tag"}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i][0], name) == 0)
            return names[i][1];
    return NULL;
}

int report_no_command(const struct arguments *arguments)
{
    const char *first = arguments->word_count > 0 ? arguments->words[0] : NULL;
    struct suggestion suggestion = {.typed = first};
    usage_is_of("");
    if (first == NULL)
        return report_usage("no command given");
    if (is_family(first))
        return report_family(first, arguments->word_count > 1 ? arguments->words[1] : NULL);
    for (const struct command *const *at = commands; *at != NULL; at++) {
        char *word = strndup((*at)->name, strcspn((*at)->name, " "));
        if (word != NULL)
            suggest(&suggestion, word);
        free(word);
    }
    if (known_elsewhere(first) != NULL)
        strcpy(suggestion.best, known_elsewhere(first));
    return report_usage("no such command: %s" SUGGESTION, first, SUGGESTED("", suggestion));
}

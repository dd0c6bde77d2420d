/* The command tree: what refers to a manifest, what refers to that, and so on. Shows: ocireg_referrers, and
 * bounds for what others have written: a referrer may lead back to what it refers to. */
#include "tree.h"

#include "command.h"
#include "json.h"
#include "place.h"
#include "result.h"
#include "senders.h"

#include <stdlib.h>
#include <string.h>

#define USUAL_DEPTH 8
#define MOST_NODES 1000

struct tree {
    struct session *session;
    const char *place; /* where it is read */
    const char *name;  /* as the user wrote it */
    FILE *file; /* the JSON so far */
    char *seen[MOST_NODES];
    size_t count;
    int64_t depth;
    bool is_full;
    struct senders senders;
    bool is_cut; /* what is at the greatest depth was not asked about */
};

/* Whether a digest is new; each one's own referrers are looked for once. */
static bool is_new(struct tree *tree, const char *digest)
{
    for (size_t i = 0; i < tree->count; i++)
        if (strcmp(tree->seen[i], digest) == 0)
            return false;
    tree->is_full = tree->is_full || tree->count == MOST_NODES;
    if (tree->count < MOST_NODES && (tree->seen[tree->count] = strdup(digest)) != NULL)
        tree->count++;
    return !tree->is_full;
}

static int grow(struct tree *tree, const char *place, int64_t depth);

/* A descriptor with what refers to it. */
static int write_node(struct tree *tree, const ocireg_json *node, int64_t depth)
{
    const char *digest = ocireg_json_text(node, "/digest");
    char *text = NULL, *place;
    int result = OCIREG_OK;
    if (digest == NULL || ocireg_json_dump(node, NULL, &text, NULL) != OCIREG_OK)
        return report_failure(tree->session->output, OCIREG_INTERNAL, "cannot read the library's answer");
    fprintf(tree->file, "%.*s,\"referrers\":[", (int)strlen(text) - 1, text);
    ocireg_string_free(text);
    bool is_to_grow = is_new(tree, digest);
    tree->is_cut = tree->is_cut || (is_to_grow && depth >= tree->depth);
    place = is_to_grow && depth < tree->depth ? place_beside(tree->place, digest) : NULL;
    if (place != NULL)
        result = grow(tree, place, depth + 1);
    free(place);
    fputs("]}", tree->file);
    return result;
}

static int write_nodes(struct tree *tree, const ocireg_json *nodes, int64_t depth)
{
    int result = OCIREG_OK;
    for (size_t i = 0; result == OCIREG_OK && !tree->is_full && i < ocireg_json_size(nodes, NULL); i++) {
        if (i > 0)
            fputc(',', tree->file);
        result = write_node(tree, ocireg_json_item(nodes, NULL, i), depth);
    }
    return result;
}

/* The referrers of a place, as the items of a list. At the top the place's own digest comes before them. */
static int grow(struct tree *tree, const char *place, int64_t depth)
{
    ocireg_error *error = NULL;
    char *text = NULL;
    ocireg_json *found;
    const char *subject;
    int result;
    if (ocireg_referrers(tree->session->client, tree->session->context, place, NULL, &text, &error) != OCIREG_OK)
        return session_report(tree->session, error);
    found = json_parsed(text);
    ocireg_string_free(text);
    senders_add(&tree->senders, found);
    subject = ocireg_json_text(found, "/subject");
    if (depth == 1 && subject != NULL) {
        is_new(tree, subject);
        fprintf(tree->file, "{\"place\":");
        json_quote(tree->file, tree->name);
        fprintf(tree->file, ",\"digest\":\"%s\",\"referrers\":[", subject);
    }
    result = write_nodes(tree, ocireg_json_at(found, "/referrers"), depth);
    ocireg_json_free(found);
    return result;
}

static int show(struct session *session, const char *json)
{
    ocireg_json *root;
    if (!output_is_for_people(session->output))
        return result_print(session->output, NULL, json);
    root = json_parsed(json);
    output_write_begins();
    tree_draw(stdout, root);
    output_write_ends();
    ocireg_json_free(root);
    return output_flush(session->output);
}

/* The JSON of the whole tree. */
static int plant(struct tree *tree, char **json)
{
    size_t size = 0;
    int result;
    tree->file = open_memstream(json, &size);
    if (tree->file == NULL)
        return report_failure(tree->session->output, OCIREG_INTERNAL, "out of memory");
    result = grow(tree, tree->place, 1);
    fprintf(tree->file, "],\"truncated\":%s,\"served_by\":[", tree->is_full || tree->is_cut ? "true" : "false");
    senders_write(tree->file, &tree->senders);
    fputs("]}", tree->file);
    if (fclose(tree->file) != 0 && result == OCIREG_OK)
        result = report_failure(tree->session->output, OCIREG_INTERNAL, "out of memory");
    return result;
}

static int run(struct session *session, const struct command_line *line)
{
    struct tree tree = {.session = session, .name = line->arguments[0], .depth = line->depth > 0 ? line->depth : USUAL_DEPTH};
    char *json = NULL, *place;
    int result = place_to_read_again(session, line->arguments[0], &place);
    tree.place = place;
    if (result == OCIREG_OK)
        result = plant(&tree, &json);
    if (result == OCIREG_OK)
        result = show(session, json);
    for (size_t i = 0; i < tree.count; i++)
        free(tree.seen[i]);
    senders_free(&tree.senders);
    free(json);
    free(place);
    return result;
}

static const struct parameter parameters[] = {
    {"--depth", PARAMETER_DEPTH, NULL, "N", "how far down, 1 to 20 (8)"},
    {0},
};

const struct command command_tree = {
    .name = "tree",
    .target = TARGET_PLACE,
    .arguments = {"PLACE"},
    .parameters = parameters,
    .summary = "Show what refers to a manifest, such as signatures and attestations, what refers to that, and so on.",
    .run = run,
};

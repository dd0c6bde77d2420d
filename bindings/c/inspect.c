/* The command inspect: one page about an image. Shows: several calls about one place, ocireg_endpoint_manifest, ocireg_endpoint_referrers,
 * ocireg_image_config, ocireg_image_size, and one JSON document made of their results. */
#include "inspect.h"

#include "command.h"
#include "json.h"
#include "place.h"
#include "result.h"
#include "senders.h"

#include <stdlib.h>
#include <string.h>

/* What is known about a place. `config` and `size` are those of one image, and NULL where there is none. */
struct known {
    ocireg_json *root, *config, *size, *referrers;
};

/* A result, parsed; `missing` is an error that only means that there is no such thing. */
static int take(struct session *session, ocireg_status status, char *text, ocireg_error *error, ocireg_status missing, ocireg_json **json)
{
    if (status != OCIREG_OK && status != missing)
        return session_report(session, error);
    ocireg_error_free(error);
    *json = json_parsed(text);
    ocireg_string_free(text);
    return OCIREG_OK;
}

static int ask_about_root(struct session *session, const char *place, struct known *known)
{
    ocireg_error *error = NULL;
    char *text = NULL;
    ocireg_status status = ocireg_endpoint_manifest(session->client, session->context, place, NULL, &text, NULL, &error);
    return take(session, status, text, error, OCIREG_OK, &known->root);
}

static int ask_about_referrers(struct session *session, const char *place, struct known *known)
{
    ocireg_error *error = NULL;
    char *text = NULL;
    ocireg_status status = ocireg_endpoint_referrers(session->client, session->context, place, NULL, &text, &error);
    return take(session, status, text, error, OCIREG_UNSUPPORTED, &known->referrers);
}

/* An index need not have an image for this machine; one for a platform that the user names must be there. */
static int ask_about_image(struct session *session, const struct command_line *line, const char *place, struct known *known)
{
    const char *kind = ocireg_json_text(known->root, "/kind");
    ocireg_status missing = line->platform == NULL && kind != NULL && strcmp(kind, "index") == 0 ? OCIREG_NOT_FOUND : OCIREG_UNSUPPORTED;
    ocireg_error *error = NULL;
    char *text = NULL;
    ocireg_status status = ocireg_image_size(session->client, session->context, place, line->options, &text, &error);
    int result = take(session, status, text, error, missing, &known->size);
    if (result != OCIREG_OK || status != OCIREG_OK)
        return result;
    text = NULL, error = NULL;
    status = ocireg_image_config(session->client, session->context, place, line->options, &text, NULL, &error);
    return take(session, status, text, error, OCIREG_UNSUPPORTED, &known->config);
}

/* A member of a platform, unless it is missing or empty. */
static const char *part(const ocireg_json *platform, const char *pointer)
{
    const char *text = ocireg_json_text(platform, pointer);
    return text == NULL || *text == '\0' ? NULL : text;
}

/* OS/ARCH[/VARIANT], where one of the first two may be unknown; null when both are. */
static void write_platform(FILE *file, const ocireg_json *platform)
{
    static const char unknown[] = "unknown";
    const char *os = part(platform, "/os"), *architecture = part(platform, "/architecture"), *variant = part(platform, "/variant");
    char *text = NULL;
    if ((os != NULL || architecture != NULL) &&
        asprintf(&text, "%s/%s%s%s", os == NULL ? unknown : os, architecture == NULL ? unknown : architecture, variant == NULL ? "" : "/",
                 variant == NULL ? "" : variant) < 0)
        text = NULL;
    if (text == NULL)
        fputs("null", file);
    else
        json_quote(file, text);
    free(text);
}

/* The images of an index, or the one that it is. */
static void write_platforms(FILE *file, const struct known *known)
{
    size_t count = ocireg_json_size(known->root, "/manifest/manifests");
    for (size_t i = 0; i < count; i++) {
        const ocireg_json *entry = ocireg_json_item(known->root, "/manifest/manifests", i);
        fprintf(file, "%s{\"platform\":", i == 0 ? "" : ",");
        write_platform(file, ocireg_json_at(entry, "/platform"));
        fputs(",\"digest\":", file);
        json_write(file, entry, "/digest");
        fputs(",\"size\":", file);
        json_write(file, entry, "/size");
        fputc('}', file);
    }
}

/* The digest is part of another name, by which the same bytes are had whatever becomes of the tag. */
static void write_names(FILE *file, const char *place, const struct known *known)
{
    char *full = place_full_name(place), *beside = place_beside(place, ocireg_json_text(known->root, "/digest"));
    json_quote(file, full == NULL ? place : full);
    if (beside != NULL && full != NULL && strcmp(beside, full) != 0) {
        fputc(',', file);
        json_quote(file, beside);
    }
    free(full);
    free(beside);
}

static void write_member(FILE *file, const char *name, const ocireg_json *from, const char *pointer)
{
    fprintf(file, ",\"%s\":", name);
    json_write(file, from, pointer);
}

/* Those of all calls. */
static void write_senders(FILE *file, const struct known *known)
{
    const ocireg_json *results[] = {known->root, known->size, known->config, known->referrers};
    struct senders senders = {0};
    for (size_t i = 0; i < sizeof results / sizeof *results; i++)
        senders_add(&senders, results[i]);
    fputs(",\"served_by\":[", file);
    senders_write(file, &senders);
    fputs("]", file);
    senders_free(&senders);
}

static void write_document(FILE *file, const char *place, const struct known *known)
{
    static const struct {
        const char *name, *pointer;
    } config[] = {{"created", "/config/created"},        {"author", "/config/author"},      {"entrypoint", "/config/config/Entrypoint"},
                  {"cmd", "/config/config/Cmd"},         {"env", "/config/config/Env"},     {"user", "/config/config/User"},
                  {"workdir", "/config/config/WorkingDir"}, {"ports", "/config/config/ExposedPorts"}, {"volumes", "/config/config/Volumes"},
                  {"labels", "/config/config/Labels"}};
    fputs("{\"names\":[", file);
    write_names(file, place, known);
    fputs("]", file);
    write_member(file, "digest", known->root, "/digest");
    write_member(file, "mediaType", known->root, "/mediaType");
    write_member(file, "kind", known->root, "/kind");
    fputs(",\"platforms\":[", file);
    write_platforms(file, known);
    fputs("]", file);
    write_member(file, "image", known->size, "/digest");
    fputs(",\"platform\":", file);
    write_platform(file, ocireg_json_at(known->config, "/config"));
    write_member(file, "size", known->size, "/total");
    for (size_t i = 0; i < sizeof config / sizeof *config; i++)
        write_member(file, config[i].name, known->config, config[i].pointer);
    write_member(file, "annotations", known->root, "/manifest/annotations");
    write_member(file, "artifactType", known->root, "/manifest/artifactType");
    write_member(file, "layers", known->size, "/layers");
    write_member(file, "referrers", known->referrers, "/referrers");
    write_senders(file, known);
    fputc('}', file);
}

static int print_page(struct session *session, const char *json)
{
    ocireg_json *image = json_parsed(json);
    output_write_begins();
    inspect_page(stdout, image);
    output_write_ends();
    ocireg_json_free(image);
    return output_flush(session->output);
}

static int print(struct session *session, const char *place, const struct known *known)
{
    char *json = NULL;
    size_t size = 0;
    FILE *memory = open_memstream(&json, &size);
    int result;
    if (memory != NULL)
        write_document(memory, place, known);
    if (memory == NULL || fclose(memory) != 0)
        return report_failure(session->output, OCIREG_INTERNAL, "out of memory");
    bar_clear(&session->bar);
    result = output_is_for_people(session->output) ? print_page(session, json) : result_print(session->output, NULL, json);
    free(json);
    return result;
}

/* What a tag leads to is asked once: it may move meanwhile, and the page is about one image. */
static void pin(char **place, const struct known *known)
{
    bool is_of_registry = ocireg_json_size(known->root, "/served_by") > 0;
    char *pinned = is_of_registry ? place_beside(*place, ocireg_json_text(known->root, "/digest")) : NULL;
    if (pinned == NULL)
        return;
    free(*place);
    *place = pinned;
}

static int run(struct session *session, const struct command_line *line)
{
    struct known known = {0};
    char *place;
    int result = place_to_read_again(session, line->arguments[0], &place);
    if (result == OCIREG_OK)
        result = ask_about_root(session, place, &known);
    if (result == OCIREG_OK)
        pin(&place, &known);
    if (result == OCIREG_OK)
        result = ask_about_image(session, line, place, &known);
    if (result == OCIREG_OK) {
        /* Anybody who may push can make the list of referrers too long: what else is known is shown all the same. */
        int listed = ask_about_referrers(session, place, &known);
        result = print(session, line->arguments[0], &known);
        result = result == OCIREG_OK ? listed : result;
    }
    ocireg_json_free(known.root);
    ocireg_json_free(known.config);
    ocireg_json_free(known.size);
    ocireg_json_free(known.referrers);
    free(place);
    return result;
}

static const struct parameter parameters[] = {
    {"--platform", PARAMETER_PLATFORM, OCIREG_OPT_PLATFORM, "OS/ARCH[/VARIANT]", "the image of an index for this platform instead of this machine's"},
    {0},
};

const struct command command_inspect = {
    .name = "inspect",
    .target = TARGET_PLACE,
    .arguments = {"PLACE"},
    .parameters = parameters,
    .summary = "Show an image on one page: names, digest, platforms, size, config, labels, layers, and what refers to it.",
    .run = run,
};

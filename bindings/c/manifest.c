/* The commands manifest get, head, inspect, build, put and delete, and digest. Shows: ocireg_manifest_get, _head, _inspect, _build, _put, _delete, _digest;
 * ocireg_buffer_data, _size, _free. */
#include "command.h"
#include "files.h"
#include "json.h"
#include "output_file.h"
#include "result.h"

#include <stdlib.h>
#include <string.h>

/* The most that the library takes for a manifest. */
#define LARGEST_MANIFEST ((size_t)32 << 20)

/* --raw: the exact bytes, to standard output or to a file. With a file the result is printed too. */
static int finish_raw(struct session *session, const struct command_line *line, const char *json, const ocireg_buffer *bytes)
{
    const uint8_t *data = ocireg_buffer_data(bytes);
    size_t size = ocireg_buffer_size(bytes);
    int result;
    if (line->output == NULL)
        return output_bytes(session->output, data, size);
    result = file_write_whole(session, line->output, data, size);
    return result == OCIREG_OK && !is_standard_output(line->output) ? session_print(session, json) : result;
}

/* -o without --raw: the result, as it would have been printed. */
static int finish_file(struct session *session, const char *path, const char *json)
{
    char *text = NULL;
    size_t size = 0;
    FILE *memory = open_memstream(&text, &size);
    int result = OCIREG_OK;
    if (memory != NULL)
        result = result_write(session->output, memory, json);
    if (memory == NULL || fclose(memory) != 0)
        result = report_failure(session->output, OCIREG_INTERNAL, "out of memory");
    if (result == OCIREG_OK)
        result = file_write_whole(session, path, (const uint8_t *)text, size);
    free(text);
    return result;
}

static int get(struct session *session, const struct command_line *line)
{
    ocireg_error *error = NULL;
    ocireg_buffer *bytes = NULL;
    char *json = NULL;
    int result;
    ocireg_status status = ocireg_manifest_get(session->client, session->context, line->arguments[0], line->options, &json,
                                               line->raw ? &bytes : NULL, &error);
    if (status != OCIREG_OK)
        result = session_report(session, error);
    else if (line->raw)
        result = finish_raw(session, line, json, bytes);
    else if (line->output != NULL)
        result = finish_file(session, line->output, json);
    else
        result = session_print(session, json);
    ocireg_buffer_free(bytes);
    ocireg_string_free(json);
    return result;
}

static int head(struct session *session, const struct command_line *line)
{
    ocireg_error *error = NULL;
    char *json = NULL;
    ocireg_status status = ocireg_manifest_head(session->client, session->context, line->arguments[0], line->options, &json, &error);
    return session_finish(session, status, json, error);
}

/* As an object the digest stands beside those who said it, which other calls tell: of an index's image, with its manifest. */
static int digest_told(struct session *session, const struct command_line *line)
{
    static const char *const members[] = {"digest", "served_by", "resolved_by"};
    ocireg_error *error = NULL;
    char *json = NULL, *part;
    ocireg_json *found;
    int result;
    ocireg_status status =
        line->platform == NULL
            ? ocireg_manifest_head(session->client, session->context, line->arguments[0], NULL, &json, &error)
            : ocireg_manifest_get(session->client, session->context, line->arguments[0], line->options, &json, NULL, &error);
    if (status != OCIREG_OK)
        return session_report(session, error);
    found = json_parsed(json);
    ocireg_string_free(json);
    part = json_members(found, members, sizeof members / sizeof *members);
    ocireg_json_free(found);
    result = part != NULL ? session_print(session, part) : report_failure(session->output, OCIREG_INTERNAL, "out of memory");
    free(part);
    return result;
}

static int digest(struct session *session, const struct command_line *line)
{
    ocireg_error *error = NULL;
    char *text = NULL;
    int result;
    if (session_prints_objects(session))
        return digest_told(session, line);
    if (ocireg_manifest_digest(session->client, session->context, line->arguments[0], line->options, &text, &error) != OCIREG_OK)
        return session_report(session, error);
    result = session_print_value(session, "digest", text, "");
    ocireg_string_free(text);
    return result;
}

static int put(struct session *session, const struct command_line *line)
{
    ocireg_error *error = NULL;
    char *json = NULL;
    uint8_t *data;
    size_t size;
    ocireg_status status;
    int result = file_read_whole(session, line->arguments[1], LARGEST_MANIFEST, &data, &size);
    if (result != OCIREG_OK)
        return result;
    status = ocireg_manifest_put(session->client, session->context, line->arguments[0], data, size, line->options, &json,
                                 &error);
    free(data);
    return session_finish(session, status, json, error);
}

static int inspect(struct session *session, const struct command_line *line)
{
    ocireg_error *error = NULL;
    char *json = NULL;
    uint8_t *data;
    size_t size;
    ocireg_status status;
    int result = file_read_whole(session, line->arguments[0], LARGEST_MANIFEST, &data, &size);
    if (result != OCIREG_OK)
        return result;
    status = ocireg_manifest_inspect(data, size, line->options, &json, &error);
    free(data);
    return session_finish(session, status, json, error);
}

/* --raw: the bytes, for manifest put. */
static int finish_built(struct session *session, const struct command_line *line, const char *json, const ocireg_buffer *bytes)
{
    if (line->raw)
        return finish_raw(session, line, json, bytes);
    return line->output != NULL ? finish_file(session, line->output, json) : session_print(session, json);
}

static int build(struct session *session, const struct command_line *line)
{
    ocireg_error *error = NULL;
    ocireg_buffer *bytes = NULL;
    char *json = NULL;
    uint8_t *parts;
    size_t size;
    int result = file_read_whole(session, line->arguments[0], LARGEST_MANIFEST, &parts, &size);
    if (result != OCIREG_OK)
        return result;
    if (memchr(parts, 0, size) != NULL)
        result = report_failure(session->output, OCIREG_INVALID_ARGUMENT, "%s contains a NUL, which JSON does not", line->arguments[0]);
    else if (ocireg_manifest_build((const char *)parts, line->options, &json, &bytes, &error) != OCIREG_OK)
        result = session_report(session, error);
    else
        result = finish_built(session, line, json, bytes);
    free(parts);
    ocireg_buffer_free(bytes);
    ocireg_string_free(json);
    return result;
}

static int delete(struct session *session, const struct command_line *line)
{
    ocireg_error *error = NULL;
    char *json = NULL;
    ocireg_status status =
        ocireg_manifest_delete(session->client, session->context, line->arguments[0], line->options, &json, &error);
    return session_finish(session, status, json, error);
}

static const struct parameter get_parameters[] = {
    {"--platform", PARAMETER_TEXT, OCIREG_OPT_PLATFORM, "OS/ARCH[/VARIANT]", "the manifest for this platform, if it is an index"},
    {"--accept", PARAMETER_LIST, OCIREG_OPT_ACCEPT, "TYPE", "the media types to accept, instead of all"},
    {"--max-schema-version", PARAMETER_NUMBER, OCIREG_OPT_MAX_SCHEMA_VERSION, "N", "1: ask for schema 1 only"},
    {"--no-index", PARAMETER_OFF, OCIREG_OPT_ACCEPT_INDEX, NULL, "do not accept an index"},
    {"--raw", PARAMETER_RAW, NULL, NULL, "the exact bytes of the manifest"},
    {"-o", PARAMETER_OUTPUT, NULL, "FILE", "into this file"},
    {0},
};

const struct command command_manifest_get = {
    .name = "manifest get",
    .target = TARGET_PLACE,
    .arguments = {"PLACE"},
    .parameters = get_parameters,
    .summary = "Fetch a manifest: parsed, with digest, media type, size and headers.",
    .run = get,
};

static const struct parameter head_parameters[] = {
    {"--accept", PARAMETER_LIST, OCIREG_OPT_ACCEPT, "TYPE", "the media types to accept, instead of all"},
    {0},
};

const struct command command_manifest_head = {
    .name = "manifest head",
    .target = TARGET_PLACE,
    .arguments = {"PLACE"},
    .parameters = head_parameters,
    .summary = "Show a manifest's descriptor without fetching it.",
    .run = head,
};

static const struct parameter digest_parameters[] = {
    {"--platform", PARAMETER_PLATFORM, OCIREG_OPT_PLATFORM, "OS/ARCH[/VARIANT]", "the manifest for this platform, if it is an index"},
    {0},
};

const struct command command_digest = {
    .name = "digest",
    .target = TARGET_PLACE,
    .arguments = {"PLACE"},
    .parameters = digest_parameters,
    .summary = "Show only a manifest's digest.",
    .run = digest,
};

static const struct parameter inspect_parameters[] = {
    {"--media-type", PARAMETER_TEXT, OCIREG_OPT_MEDIA_TYPE, "T", "the media type that it must have"},
    {0},
};

const struct command command_manifest_inspect = {
    .name = "manifest inspect",
    .arguments = {"FILE"},
    .parameters = inspect_parameters,
    .summary = "Show a manifest in a file as manifest get shows one: parsed, with digest, media type and size.",
    .run = inspect,
};

static const struct parameter build_parameters[] = {
    {"--raw", PARAMETER_RAW, NULL, NULL, "the exact bytes of the manifest"},
    {"-o", PARAMETER_OUTPUT, NULL, "FILE", "into this file"},
    {"--algorithm", PARAMETER_TEXT, OCIREG_OPT_ALGORITHM, "NAME", "of its digest: sha256 or sha512"},
    {0},
};

const struct command command_manifest_build = {
    .name = "manifest build",
    .arguments = {"FILE"},
    .parameters = build_parameters,
    .summary = "Make a manifest or an index of its parts, a JSON object: what is left out is filled in, and what is not valid is refused.",
    .run = build,
};

static const struct parameter put_parameters[] = {
    {"--media-type", PARAMETER_TEXT, OCIREG_OPT_MEDIA_TYPE, "T", "the media type, instead of what the manifest says"},
    {"--tag", PARAMETER_LIST, OCIREG_OPT_TAGS, "TAG", "also this tag (repeatable)"},
    {"--if-exists", PARAMETER_TEXT, OCIREG_OPT_IF_EXISTS, "replace|skip|fail", "what to do with a tag that refers to something (replace)"},
    {"--no-clobber", PARAMETER_SKIP, OCIREG_OPT_IF_EXISTS, NULL, "the same as --if-exists skip"},
    {"--if-digest", PARAMETER_TEXT, OCIREG_OPT_IF_DIGEST, "DIGEST", "only if the tag still refers to this manifest"},
    {"--no-referrers-tag", PARAMETER_OFF, OCIREG_OPT_REFERRERS_TAG, NULL, "do not list it under its subject's referrers tag"},
    {"--allow-missing", PARAMETER_FLAG, OCIREG_OPT_ALLOW_MISSING, NULL, "into a layout, archive or dir:, even if what it refers to is missing"},
    {0},
};

const struct command command_manifest_put = {
    .name = "manifest put",
    .target = TARGET_PLACE,
    .arguments = {"PLACE", "FILE"},
    .parameters = put_parameters,
    .summary = "Store a manifest under a tag or its digest, in a registry, a layout, an archive or dir:DIR.",
    .run = put,
};

static const struct parameter delete_parameters[] = {
    {"--no-referrers-tag", PARAMETER_OFF, OCIREG_OPT_REFERRERS_TAG, NULL, "leave its subject's referrers tag alone"},
    {0},
};

const struct command command_manifest_delete = {
    .name = "manifest delete",
    .target = TARGET_PLACE,
    .arguments = {"PLACE"},
    .parameters = delete_parameters,
    .summary = "Delete a manifest of a registry, a layout or an archive by its digest, or a tag where the registry supports that.",
    .run = delete,
};

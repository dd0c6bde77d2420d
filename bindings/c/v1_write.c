/* The commands v1 … that write by protocol v1, and its login. Shows: ocireg_v1_login, _put_image, _put_layer, _put_layer_file,
 * _put_checksum, _put_tag, _push, _delete_tag, _delete_repository. */
#include "command.h"
#include "files.h"

#include <stdlib.h>

/* Far more than an image's JSON needs; a layer from a pipe is held in memory, because its size comes before it. */
#define LARGEST_IMAGE ((size_t)32 << 20)
#define LARGEST_LAYER ((size_t)1 << 30)

static int login(struct session *session, const struct command_line *line)
{
    ocireg_error *error = NULL;
    char *json = NULL;
    ocireg_status status =
        ocireg_v1_login(session->client, session->context, line->arguments[0], line->options, &json, &error);
    return session_finish(session, status, json, error);
}

static int put_image(struct session *session, const struct command_line *line)
{
    ocireg_error *error = NULL;
    char *json = NULL;
    uint8_t *image;
    size_t size;
    ocireg_status status;
    int result = file_read_whole(session, line->arguments[1], LARGEST_IMAGE, &image, &size);
    if (result != OCIREG_OK)
        return result;
    status = ocireg_v1_put_image(session->client, session->context, line->arguments[0], image, size, line->options, &json, &error);
    free(image);
    return session_finish(session, status, json, error);
}

static int put_layer_of(struct session *session, const struct command_line *line, const uint8_t *image, size_t image_size)
{
    ocireg_error *error = NULL;
    char *json = NULL;
    uint8_t *layer = NULL;
    size_t size;
    ocireg_status status;
    int result = session_show_progress(session);
    if (result == OCIREG_OK && is_stream(line->arguments[2]))
        result = file_read_whole(session, line->arguments[2], LARGEST_LAYER, &layer, &size);
    if (result != OCIREG_OK)
        return result;
    if (layer != NULL)
        status = ocireg_v1_put_layer(session->client, session->context, line->arguments[0], image, image_size, layer, size,
                                     line->options, &json, &error);
    else
        status = ocireg_v1_put_layer_file(session->client, session->context, line->arguments[0], image, image_size,
                                          line->arguments[2], line->options, &json, &error);
    free(layer);
    return session_finish(session, status, json, error);
}

static int put_layer(struct session *session, const struct command_line *line)
{
    uint8_t *image;
    size_t size;
    int result = file_read_whole(session, line->arguments[1], LARGEST_IMAGE, &image, &size);
    if (result != OCIREG_OK)
        return result;
    result = put_layer_of(session, line, image, size);
    free(image);
    return result;
}

static int put_checksum(struct session *session, const struct command_line *line)
{
    ocireg_error *error = NULL;
    char *json = NULL;
    ocireg_status status = ocireg_v1_put_checksum(session->client, session->context, line->arguments[0], line->arguments[1],
                                                  line->arguments[2], line->options, &json, &error);
    return session_finish(session, status, json, error);
}

static int put_tag(struct session *session, const struct command_line *line)
{
    ocireg_error *error = NULL;
    char *json = NULL;
    ocireg_status status = ocireg_v1_put_tag(session->client, session->context, line->arguments[0], line->arguments[1],
                                             line->options, &json, &error);
    return session_finish(session, status, json, error);
}

static int untag(struct session *session, const struct command_line *line)
{
    ocireg_error *error = NULL;
    char *json = NULL;
    ocireg_status status =
        ocireg_v1_delete_tag(session->client, session->context, line->arguments[0], line->options, &json, &error);
    return session_finish(session, status, json, error);
}

static int rmrepo(struct session *session, const struct command_line *line)
{
    ocireg_error *error = NULL;
    char *json = NULL;
    ocireg_status status =
        ocireg_v1_delete_repository(session->client, session->context, line->arguments[0], line->options, &json, &error);
    return session_finish(session, status, json, error);
}

static int push(struct session *session, const struct command_line *line)
{
    ocireg_error *error = NULL;
    char *json = NULL;
    ocireg_status status;
    int result = session_show_progress(session);
    if (result != OCIREG_OK)
        return result;
    status = ocireg_v1_push(session->client, session->context, line->arguments[0], line->arguments[1], line->options, &json,
                            &error);
    return session_finish(session, status, json, error);
}

static const struct parameter login_parameters[] = {
    {"--email", PARAMETER_TEXT, OCIREG_OPT_EMAIL, "E", "make an account with this address first"},
    {0},
};

const struct command command_v1_login = {
    .name = "v1 login",
    .target = TARGET_REGISTRY,
    .arguments = {"REGISTRY"},
    .parameters = login_parameters,
    .summary = "Check the user name and password at an index of protocol v1. Nothing is stored.",
    .asks = true,
    .run = login,
};

const struct command command_v1_put_image = {
    .name = "v1 put-image",
    .target = TARGET_NAME,
    .arguments = {"REPO", "FILE"},
    .summary = "Put an image's JSON; its layer follows.",
    .run = put_image,
};

static const struct parameter layer_parameters[] = {
    {"--no-checksum", PARAMETER_OFF, OCIREG_OPT_FINISH, NULL, "leave the image unfinished: v1 put-checksum completes it"},
    {0},
};

const struct command command_v1_put_layer = {
    .name = "v1 put-layer",
    .target = TARGET_NAME,
    .arguments = {"REPO", "IMAGE", "FILE"},
    .parameters = layer_parameters,
    .summary = "Put the layer of the image whose JSON is the file IMAGE, and its checksum.",
    .run = put_layer,
};

const struct command command_v1_put_checksum = {
    .name = "v1 put-checksum",
    .target = TARGET_NAME,
    .arguments = {"REPO", "ID", "CHECKSUM"},
    .summary = "Put an image's checksum, which completes it.",
    .run = put_checksum,
};

const struct command command_v1_put_tag = {
    .name = "v1 put-tag",
    .target = TARGET_NAME,
    .arguments = {"REPO:TAG", "ID"},
    .summary = "Put a tag on an image.",
    .run = put_tag,
};

static const struct parameter push_parameters[] = {
    {"--platform", PARAMETER_TEXT, OCIREG_OPT_PLATFORM, "OS/ARCH[/VARIANT]", "the image of an index for this platform"},
    {0},
};

const struct command command_v1_push = {
    .name = "v1 push",
    .target = TARGET_PLACES,
    .arguments = {"SRC", "REPO:TAG"},
    .parameters = push_parameters,
    .summary = "Push an image from any place as a chain of v1 images.",
    .run = push,
};

const struct command command_v1_untag = {
    .name = "v1 untag",
    .target = TARGET_NAME,
    .arguments = {"REPO:TAG"},
    .summary = "Delete a tag.",
    .run = untag,
};

const struct command command_v1_rmrepo = {
    .name = "v1 rmrepo",
    .target = TARGET_NAME,
    .arguments = {"REPO"},
    .summary = "Delete a repository and its tags.",
    .run = rmrepo,
};

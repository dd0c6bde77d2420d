/* The commands schema1 verify, payload, sign and key. Shows: ocireg_schema1_verify, _payload, _sign, _key, _key_info, which need no
 * client. */
#include "command.h"
#include "files.h"
#include "output_file.h"

#include <stdlib.h>
#include <string.h>

/* The largest manifest that the library accepts, and far more than a key needs. */
#define LARGEST_MANIFEST ((size_t)32 << 20)
#define LARGEST_KEY ((size_t)1 << 20)

/* Prints what is known about a signed manifest. */
static int show(struct session *session, const uint8_t *data, size_t size, const ocireg_options *options)
{
    ocireg_error *error = NULL;
    char *json = NULL;
    ocireg_status status = ocireg_schema1_verify(data, size, options, &json, &error);
    return session_finish(session, status, json, error);
}

static int verify(struct session *session, const struct command_line *line)
{
    uint8_t *data;
    size_t size;
    int result = file_read_whole(session, line->arguments[0], LARGEST_MANIFEST, &data, &size);
    if (result != OCIREG_OK)
        return result;
    result = show(session, data, size, line->options);
    free(data);
    return result;
}

static int payload(struct session *session, const struct command_line *line)
{
    ocireg_error *error = NULL;
    ocireg_buffer *bytes = NULL;
    uint8_t *data;
    size_t size;
    ocireg_status status;
    int result = file_read_whole(session, line->arguments[0], LARGEST_MANIFEST, &data, &size);
    if (result != OCIREG_OK)
        return result;
    status = ocireg_schema1_payload(data, size, &bytes, &error);
    free(data);
    if (status != OCIREG_OK)
        return session_report(session, error);
    if (line->output == NULL)
        result = output_bytes(session->output, ocireg_buffer_data(bytes), ocireg_buffer_size(bytes));
    else
        result = file_write_whole(session, line->output, ocireg_buffer_data(bytes), ocireg_buffer_size(bytes));
    ocireg_buffer_free(bytes);
    return result;
}

static void forget(char *secret, size_t size)
{
    if (secret != NULL)
        explicit_bzero(secret, size);
    free(secret);
}

/* A file of PEM as text, with its size so that forget() can erase a private key. */
static int read_pem(struct session *session, const char *path, char **key, size_t *size)
{
    uint8_t *data;
    int result = file_read_whole(session, path, LARGEST_KEY, &data, size);
    *key = NULL;
    if (result != OCIREG_OK)
        return result;
    *key = malloc(*size + 1);
    if (*key != NULL) {
        memcpy(*key, data, *size);
        (*key)[*size] = '\0';
    }
    forget((char *)data, *size);
    return *key != NULL ? OCIREG_OK : report_failure(session->output, OCIREG_INTERNAL, "out of memory");
}

/* With a file, what is known about the result is printed too. */
static int finish_sign(struct session *session, const struct command_line *line, const ocireg_buffer *bytes)
{
    const uint8_t *data = ocireg_buffer_data(bytes);
    size_t size = ocireg_buffer_size(bytes);
    int result;
    if (line->output == NULL)
        return output_bytes(session->output, data, size);
    result = file_write_whole(session, line->output, data, size);
    return result == OCIREG_OK && !is_standard_output(line->output) ? show(session, data, size, NULL) : result;
}

static int sign_with(struct session *session, const struct command_line *line, const char *key)
{
    ocireg_error *error = NULL;
    ocireg_buffer *bytes = NULL;
    uint8_t *data;
    size_t size;
    ocireg_status status;
    int result = file_read_whole(session, line->arguments[0], LARGEST_MANIFEST, &data, &size);
    if (result != OCIREG_OK)
        return result;
    status = ocireg_schema1_sign(data, size, key, line->options, &bytes, &error);
    free(data);
    if (status != OCIREG_OK)
        return session_report(session, error);
    result = finish_sign(session, line, bytes);
    ocireg_buffer_free(bytes);
    return result;
}

/* The certificates that go with the key. */
static int take_chain(struct session *session, const struct command_line *line)
{
    ocireg_error *error = NULL;
    char *chain;
    size_t size;
    int result;
    if (line->chain == NULL)
        return OCIREG_OK;
    result = read_pem(session, line->chain, &chain, &size);
    if (result == OCIREG_OK && ocireg_options_set_string(line->options, OCIREG_OPT_CHAIN, chain, &error) != OCIREG_OK)
        result = session_report(session, error);
    free(chain);
    return result;
}

static int sign(struct session *session, const struct command_line *line)
{
    char *key;
    size_t size;
    int result;
    if (line->key == NULL)
        return report_usage("schema1 sign needs --key KEY.pem");
    result = take_chain(session, line);
    if (result != OCIREG_OK)
        return result;
    result = read_pem(session, line->key, &key, &size);
    if (result == OCIREG_OK)
        result = sign_with(session, line, key);
    forget(key, size);
    return result;
}

static int show_key(struct session *session, const char *pem)
{
    ocireg_error *error = NULL;
    char *json = NULL;
    ocireg_status status = ocireg_schema1_key_info(pem, &json, &error);
    return session_finish(session, status, json, error);
}

static int finish_key(struct session *session, const struct command_line *line, const char *pem)
{
    int result;
    if (line->output == NULL)
        return output_bytes(session->output, (const uint8_t *)pem, strlen(pem));
    result = file_write_secret(session, line->output, (const uint8_t *)pem, strlen(pem));
    return result == OCIREG_OK && !is_standard_output(line->output) ? show_key(session, pem) : result;
}

static int key(struct session *session, const struct command_line *line)
{
    ocireg_error *error = NULL;
    char *pem = NULL;
    int result;
    if (ocireg_schema1_key(line->options, &pem, &error) != OCIREG_OK)
        return session_report(session, error);
    result = finish_key(session, line, pem);
    explicit_bzero(pem, strlen(pem));
    ocireg_string_free(pem);
    return result;
}

static const struct parameter verify_parameters[] = {
    {"--key", PARAMETER_LIST, OCIREG_OPT_KEYS, "ID", "a key that must have signed, by its id or as PEM text"},
    {"--ca", PARAMETER_TEXT, OCIREG_OPT_CA_FILE, "FILE", "certificate authorities (PEM), one of which must have certified a signer"},
    {"--time", PARAMETER_TEXT, OCIREG_OPT_TIME, "T", "when the certificates must be valid, such as 2015-04-08T18:52:59Z"},
    {0},
};

const struct command command_schema1_verify = {
    .name = "schema1 verify",
    .arguments = {"FILE"},
    .parameters = verify_parameters,
    .summary = "Verify the signatures of a schema-1 manifest, and show what they sign.",
    .run = verify,
};

static const struct parameter payload_parameters[] = {
    {"-o", PARAMETER_OUTPUT, NULL, "FILE", "write to this file"},
    {0},
};

const struct command command_schema1_payload = {
    .name = "schema1 payload",
    .arguments = {"FILE"},
    .parameters = payload_parameters,
    .bytes = true,
    .summary = "Print the exact bytes that the signatures of a schema-1 manifest sign; they are not verified.",
    .run = payload,
};

static const struct parameter sign_parameters[] = {
    {"--time", PARAMETER_TEXT, OCIREG_OPT_TIME, "T", "when it was signed, such as 2015-04-08T18:52:59Z, instead of now"},
    {"--key", PARAMETER_KEY, NULL, "KEY.pem", "the private key (P-256, PKCS#8 or SEC 1); required"},
    {"--chain", PARAMETER_CHAIN, NULL, "FILE", "certificates (PEM), that of the key first, to be in the signature instead of the key"},
    {"-o", PARAMETER_OUTPUT, NULL, "FILE", "write to this file"},
    {0},
};

const struct command command_schema1_sign = {
    .name = "schema1 sign",
    .arguments = {"FILE"},
    .parameters = sign_parameters,
    .bytes = true,
    .summary = "Sign a schema-1 manifest; adds a signature if it is already signed.",
    .run = sign,
};

static const struct parameter key_parameters[] = {
    {"--key-format", PARAMETER_TEXT, OCIREG_OPT_FORMAT, "pkcs8|sec1", "sec1: as libtrust writes it"},
    {"-o", PARAMETER_OUTPUT, NULL, "KEY.pem", "write to this file, readable by its owner only"},
    {0},
};

const struct command command_schema1_key = {
    .name = "schema1 key",
    .parameters = key_parameters,
    .summary = "Create a private key for schema1 sign.",
    .run = key,
};

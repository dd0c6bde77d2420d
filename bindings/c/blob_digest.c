/* The command blob digest. Shows: ocireg_digest_bytes, which needs no client. */
#include "command.h"
#include "files.h"

#include <stdlib.h>

/* The file is held in memory. */
#define LARGEST_FILE ((size_t)1 << 30)

static int run(struct session *session, const struct command_line *line)
{
    ocireg_error *error = NULL;
    char *digest = NULL;
    uint8_t *data;
    size_t size;
    ocireg_status status;
    int result = file_read_whole(session, line->arguments[0], LARGEST_FILE, &data, &size);
    if (result != OCIREG_OK)
        return result;
    status = ocireg_digest_bytes(data, size, line->options, &digest, &error);
    free(data);
    if (status != OCIREG_OK)
        return session_report(session, error);
    result = session_print_value(session, "digest", digest, "");
    ocireg_string_free(digest);
    return result;
}

static const struct parameter parameters[] = {
    {"--algorithm", PARAMETER_TEXT, OCIREG_OPT_ALGORITHM, "sha256|sha512", "the kind of digest (sha256)"},
    {0},
};

const struct command command_blob_digest = {
    .name = "blob digest",
    .arguments = {"FILE"},
    .parameters = parameters,
    .summary = "Show the digest that a file of at most 1 GiB has as a blob.",
    .run = run,
};

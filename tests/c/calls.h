/* Every function that can fail, in one table, so that rules for all of them are tested on all of them. */
#ifndef OCIREG_TEST_CALLS_H
#define OCIREG_TEST_CALLS_H

#include "common.h"

enum { MOST_ARGUMENTS = 8 };

/*
 * The kinds of a function's pointer arguments, in order, without the error:
 *   C client   X context (required)   x context (may be NULL)   O options (required)   p options (may be NULL)
 *   R reader   U upload   A job   F artifact   j JSON value   D bytes                   f callback (required)
 *   o result (required)   n result (may be NULL)   z size_t result (required)
 * and strings: N name, K key, J JSON, H registry, Q repository, T tagged manifest, B blob, P file to read, W file to write,
 *   l list of repositories, Y private key, s digest (may be NULL), r JSON pointer (may be NULL), I image ID of protocol v1; V is the JSON of such an image
 */
struct call {
    const char *name;
    const char *kinds;
    ocireg_status (*run)(void **arguments, ocireg_error **error);
    const char *wrong; /* options with a value of the wrong type for its first key */
};

extern const struct call calls[];
extern const size_t call_count;

bool is_text_kind(char kind);

/* Valid values for every kind, and places for results. */
struct arguments {
    ocireg_client *client;
    ocireg_context *context;
    ocireg_options *options;
    ocireg_blob_reader *reader;
    ocireg_upload *upload;
    ocireg_job *job;
    ocireg_json *json;
    ocireg_artifact *artifact;
    const char *folder;
    const char *repository; /* on OCIREG_TEST_V2 */
    void *results[MOST_ARGUMENTS];
    size_t size;
};

/* A live handle of each type, with a small blob on the registry behind the reader. */
struct arguments *live_arguments(void);

/* Fills in the arguments of a call; the result places first hold garbage. */
void fill_in(struct arguments *from, const struct call *call, void **arguments);

/* Whether every result place that was given was set to NULL or 0. */
bool results_are_empty(const struct arguments *from, const struct call *call, void *const *arguments);

#endif

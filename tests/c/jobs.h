/* Jobs and their events, for the tests of them. */
#ifndef OCIREG_TEST_JOBS_H
#define OCIREG_TEST_JOBS_H

#include "common.h"
#include "peer.h"

#define BLOB "sha256:0000000000000000000000000000000000000000000000000000000000000000"

/* A server's answer: none. */
extern const struct answer silent;

/* A client that talks HTTP to every registry. */
ocireg_client *plain_client(void);

/* For keep(). */
void free_job(void *job);

/* A job with these options, or NULL; freed with the test. */
ocireg_job *new_job(ocireg_client *client, const char *json);

int descriptor_of(ocireg_client *client);
bool can_be_read(ocireg_client *client, double milliseconds);

/* The next event of any job, waited for; OCIREG_EVENT_NONE after so many milliseconds. */
int next_event(ocireg_client *client, ocireg_job **job, double milliseconds);

/* The job's end is the next event. */
void expect_end(ocireg_client *client, ocireg_job *job, ocireg_status wanted);

#endif

/* A server on a thread that answers as a test tells it to, also with faults. Every connection carries one request. */
#ifndef OCIREG_TEST_PEER_H
#define OCIREG_TEST_PEER_H

#include <stdbool.h>
#include <stddef.h>

/* What comes after the answer's bytes. */
enum then { PEER_CLOSE, PEER_RESET, PEER_SILENT };

struct answer {
    const char *bytes; /* the whole HTTP response; NULL sends nothing */
    size_t size;       /* its size; 0: it is text */
    enum then then;
    size_t body_limit; /* read only that many bytes of the request's body first; 0: all of it */
};

struct peer;

/* Starts answering request number i with answers[i], every later one with the last. It is stopped when the test
 * ends. */
struct peer *peer_start(const struct answer *answers, size_t count);

/* HOST:PORT of a peer. One that is created before its answers are known gets them with peer_serve. */
const char *peer_host(const struct peer *peer);
struct peer *peer_bind(void);
void peer_serve(struct peer *peer, const struct answer *answers, size_t count);

/* The number of requests so far; waits up to that many milliseconds until there are at least that many. */
size_t peer_count(struct peer *peer);
bool peer_wait(struct peer *peer, size_t count, double milliseconds);

/* The head of request number i; NULL when there was none. It stays valid until the test's end. */
const char *peer_request(struct peer *peer, size_t i);

/* An HTTP response with a Content-Length, to be followed by PEER_CLOSE. headers end with \r\n each, or are "". */
char *http_answer(const char *status, const char *headers, const char *body);

/* A loopback port on which nothing listens, as HOST:PORT. */
const char *closed_port(void);

#endif

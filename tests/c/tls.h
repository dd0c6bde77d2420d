/* A server with a self-signed certificate, as made by `openssl req -x509`. */
#ifndef OCIREG_TEST_TLS_H
#define OCIREG_TEST_TLS_H

/* Starts it in a folder, and returns its HOST:PORT. folder/cert.pem is its certificate. It ends with the test. */
const char *tls_start(const char *folder);

/* Sets its response to a GET of /v2/PATH: a whole HTTP response. */
void tls_answer(const char *folder, const char *path, const char *answer);

#endif

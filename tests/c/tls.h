/* A server with a certificate that it has signed itself, as `openssl req -x509` makes it. */
#ifndef OCIREG_TEST_TLS_H
#define OCIREG_TEST_TLS_H

/* Starts it in a folder, and gives its HOST:PORT. folder/cert.pem is its certificate. It ends with the test. */
const char *tls_start(const char *folder);

/* What it answers to a GET of /v2/PATH: a whole HTTP answer. */
void tls_answer(const char *folder, const char *path, const char *answer);

#endif

// plain HOST PORT REPOSITORY FOLDER DIGEST…
//
// The minimum for a pull: one thread and one connection; for each blob receive, hash, write, compare. No manifest, no retry, no
// flush to disk. The benchmark compares the pulls with it.

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static char buffer[256 * 1024];

static void fail(const char *what) {
    fprintf(stderr, "plain: %s: %s\n", what, strerror(errno));
    exit(1);
}

static int connected(const char *host, const char *port) {
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found;
    if (getaddrinfo(host, port, &hints, &found) != 0) fail("no such host");
    int connection = socket(found->ai_family, found->ai_socktype, 0);
    if (connect(connection, found->ai_addr, found->ai_addrlen) != 0) fail("cannot connect");
    freeaddrinfo(found);
    return connection;
}

// Reads the head of a response. The bytes of the body that arrived with it are left in the buffer; returns how many, and the body's size.
static size_t head(int connection, unsigned long long *size) {
    size_t filled = 0;
    for (;;) {
        ssize_t count = recv(connection, buffer + filled, sizeof buffer - 1 - filled, 0);
        if (count <= 0) fail("no answer");
        filled += (size_t)count;
        buffer[filled] = 0;
        char *end = strstr(buffer, "\r\n\r\n");
        if (end == NULL) continue;
        const char *length = strcasestr(buffer, "\r\ncontent-length:");
        if (strncmp(buffer, "HTTP/1.1 200", 12) != 0 || length == NULL) fail("not the blob");
        *size = strtoull(length + 17, NULL, 10);
        size_t left = filled - (size_t)(end + 4 - buffer);
        memmove(buffer, end + 4, left);
        return left;
    }
}

static void keep(int file, EVP_MD_CTX *hash, size_t count) {
    EVP_DigestUpdate(hash, buffer, count);
    for (size_t done = 0; done < count;) {
        ssize_t written = write(file, buffer + done, count - done);
        if (written < 0) fail("cannot write");
        done += (size_t)written;
    }
}

static void pull(int connection, const char *host, const char *repository, const char *folder, const char *digest) {
    char text[1024];
    int length = snprintf(text, sizeof text, "GET /v2/%s/blobs/%s HTTP/1.1\r\nHost: %s\r\n\r\n", repository, digest, host);
    if (send(connection, text, (size_t)length, 0) != length) fail("cannot ask");
    const char *hex = digest + strlen("sha256:");
    snprintf(text, sizeof text, "%s/%s", folder, hex);
    int file = open(text, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    if (file < 0) fail(text);
    EVP_MD_CTX *hash = EVP_MD_CTX_new();
    EVP_DigestInit_ex(hash, EVP_sha256(), NULL);
    unsigned long long size, done;
    size_t count = head(connection, &size);
    keep(file, hash, count);
    for (done = count; done < size; done += count) {
        ssize_t received = recv(connection, buffer, sizeof buffer, 0);
        if (received <= 0) fail("the blob ended early");
        count = (size_t)received;
        keep(file, hash, count);
    }
    unsigned char value[EVP_MAX_MD_SIZE];
    char found[2 * EVP_MAX_MD_SIZE + 1];
    unsigned bytes;
    EVP_DigestFinal_ex(hash, value, &bytes);
    EVP_MD_CTX_free(hash);
    for (unsigned at = 0; at < bytes; at++) sprintf(found + 2 * at, "%02x", value[at]);
    if (strcmp(found, hex) != 0) fail("not the digest");
    if (close(file) != 0) fail("cannot write");
}

int main(int count, char **arguments) {
    if (count < 6) return 2;
    int connection = connected(arguments[1], arguments[2]);
    for (int at = 5; at < count; at++) pull(connection, arguments[1], arguments[3], arguments[4], arguments[at]);
    return 0;
}

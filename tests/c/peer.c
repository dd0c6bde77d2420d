#include "peer.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common.h"

enum { MOST = 128, LARGEST_HEAD = 32768 };

struct peer {
    int listener;
    int wake[2]; /* its end of file tells every thread to stop */
    char host[32];
    const struct answer *answers;
    size_t answer_count;
    pthread_mutex_t lock;
    pthread_t acceptor;
    pthread_t threads[MOST];
    size_t thread_count;
    char *requests[MOST];
    size_t request_count;
};

struct connection {
    struct peer *peer;
    int fd;
};

/* Waits until there is something to read; false when the peer is stopped. */
static bool readable(const struct peer *peer, int fd) {
    struct pollfd wanted[] = {{.fd = peer->wake[0], .events = POLLIN}, {.fd = fd, .events = POLLIN}};
    while (poll(wanted, 2, -1) < 0) {
    }
    return wanted[0].revents == 0;
}

static ssize_t receive(const struct peer *peer, int fd, char *buffer, size_t size) {
    return readable(peer, fd) ? recv(fd, buffer, size, 0) : -1;
}

/* The head of a request; *more counts the bytes of its body that arrived with it. False when no request came. */
static bool read_head(const struct peer *peer, int fd, char *head, size_t *more) {
    size_t size = 0;
    while (size < LARGEST_HEAD) {
        ssize_t count = receive(peer, fd, head + size, LARGEST_HEAD - size);
        if (count <= 0) return false;
        size += (size_t)count;
        head[size] = '\0';
        char *end = strstr(head, "\r\n\r\n");
        if (end) {
            *more = size - (size_t)(end + 4 - head);
            end[4] = '\0';
            return true;
        }
    }
    return false;
}

/* How much of the body is still to be read; a chunked one is not needed here. */
static size_t body_size(const char *head) {
    const char *field = strcasestr(head, "\r\ncontent-length:");
    return field ? strtoul(field + 17, NULL, 10) : 0;
}

static void read_body(const struct peer *peer, int fd, size_t wanted, size_t found) {
    static _Thread_local char buffer[65536];
    while (found < wanted) {
        ssize_t count = receive(peer, fd, buffer, sizeof buffer);
        if (count <= 0) return;
        found += (size_t)count;
    }
}

static const struct answer *record(struct peer *peer, const char *head) {
    pthread_mutex_lock(&peer->lock);
    size_t number = peer->request_count;
    if (number < MOST) {
        peer->requests[number] = strdup(head);
        peer->request_count++;
    }
    pthread_mutex_unlock(&peer->lock);
    return &peer->answers[number < peer->answer_count ? number : peer->answer_count - 1];
}

static void send_all(int fd, const char *bytes, size_t size) {
    while (size > 0) {
        ssize_t count = send(fd, bytes, size, MSG_NOSIGNAL);
        if (count <= 0) return;
        bytes += count;
        size -= (size_t)count;
    }
}

static void end(const struct peer *peer, int fd, enum then then) {
    char rest[4096];
    switch (then) {
        case PEER_RESET: {
            struct linger at_once = {.l_onoff = 1, .l_linger = 0};
            setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
            break;
        }
        case PEER_CLOSE:
            /* Unread bytes would turn the close into a reset, so the client closes first. */
            shutdown(fd, SHUT_WR);
            while (receive(peer, fd, rest, sizeof rest) > 0) {
            }
            break;
        case PEER_SILENT:
            while (receive(peer, fd, rest, sizeof rest) > 0) {
            }
            break;
    }
    close(fd);
}

static void *talk(void *argument) {
    struct connection connection = *(struct connection *)argument;
    free(argument);
    char *head = malloc(LARGEST_HEAD + 1);
    size_t more = 0;
    if (head && read_head(connection.peer, connection.fd, head, &more)) {
        const struct answer *answer = record(connection.peer, head);
        size_t size = body_size(head);
        bool limited = answer->body_limit > 0 && answer->body_limit < size;
        read_body(connection.peer, connection.fd, limited ? answer->body_limit : size, more);
        if (answer->bytes) send_all(connection.fd, answer->bytes, answer->size ? answer->size : strlen(answer->bytes));
        /* An upload that is cut off should find a closed connection at once. */
        if (limited && answer->then == PEER_CLOSE) close(connection.fd);
        else end(connection.peer, connection.fd, answer->then);
    } else {
        close(connection.fd);
    }
    free(head);
    return NULL;
}

static void *accept_all(void *argument) {
    struct peer *peer = argument;
    while (readable(peer, peer->listener) && peer->thread_count < MOST) {
        int fd = accept(peer->listener, NULL, NULL);
        struct connection *connection = fd < 0 ? NULL : malloc(sizeof *connection);
        if (!connection) continue;
        *connection = (struct connection){peer, fd};
        if (pthread_create(&peer->threads[peer->thread_count], NULL, talk, connection) != 0) abort();
        peer->thread_count++;
    }
    return NULL;
}

static void stop(void *object) {
    struct peer *peer = object;
    close(peer->wake[1]);
    peer->wake[1] = -1;
    pthread_join(peer->acceptor, NULL);
    for (size_t i = 0; i < peer->thread_count; i++) pthread_join(peer->threads[i], NULL);
}

static void destroy(void *object) {
    struct peer *peer = object;
    for (size_t i = 0; i < peer->request_count; i++) free(peer->requests[i]);
    if (peer->wake[1] >= 0) close(peer->wake[1]);
    close(peer->wake[0]);
    close(peer->listener);
    pthread_mutex_destroy(&peer->lock);
    free(peer);
}

/* A loopback socket at a free port, whose address is written to `host`. */
static int bound_socket(char host[32]) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    snprintf(host, 32, "127.0.0.1:%d", ntohs(address.sin_port));
    return fd;
}

struct peer *peer_bind(void) {
    struct peer *peer = calloc(1, sizeof *peer);
    if (!peer) abort();
    peer->listener = bound_socket(peer->host);
    assert_int_equal(listen(peer->listener, 64), 0);
    assert_int_equal(pipe(peer->wake), 0);
    pthread_mutex_init(&peer->lock, NULL);
    return keep(peer, destroy);
}

void peer_serve(struct peer *peer, const struct answer *answers, size_t count) {
    struct answer *copy = keep(calloc(count, sizeof *copy), free);
    if (!copy) abort();
    memcpy(copy, answers, count * sizeof *copy);
    peer->answers = copy;
    peer->answer_count = count;
    assert_int_equal(pthread_create(&peer->acceptor, NULL, accept_all, peer), 0);
    /* Registered after the answers, so that the threads end before the answers are freed. */
    keep(peer, stop);
}

struct peer *peer_start(const struct answer *answers, size_t count) {
    struct peer *peer = peer_bind();
    peer_serve(peer, answers, count);
    return peer;
}

const char *peer_host(const struct peer *peer) {
    return peer->host;
}

size_t peer_count(struct peer *peer) {
    pthread_mutex_lock(&peer->lock);
    size_t count = peer->request_count;
    pthread_mutex_unlock(&peer->lock);
    return count;
}

bool peer_wait(struct peer *peer, size_t count, double milliseconds) {
    double end = now_ms() + milliseconds;
    while (peer_count(peer) < count) {
        if (now_ms() > end) return false;
        usleep(1000);
    }
    return true;
}

const char *peer_request(struct peer *peer, size_t i) {
    pthread_mutex_lock(&peer->lock);
    const char *head = i < peer->request_count ? peer->requests[i] : NULL;
    pthread_mutex_unlock(&peer->lock);
    return head;
}

char *http_answer(const char *status, const char *headers, const char *body) {
    return text("HTTP/1.1 %s\r\n%sContent-Length: %zu\r\nConnection: close\r\n\r\n%s", status, headers, strlen(body), body);
}

const char *closed_port(void) {
    char host[32];
    /* Bound and closed: free, and not reused immediately. */
    close(bound_socket(host));
    return text("%s", host);
}

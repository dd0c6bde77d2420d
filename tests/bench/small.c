/* small serve: a server on loopback that has one manifest, whatever it is asked for; prints its port and serves until it is killed.
 * small WHO WHAT THREADS COUNT PORT: so many requests by each thread, on one client, and what one of them cost. WHO is ocireg, or curl:
 * libcurl, which checks nothing. WHAT is get or head. */
#include <arpa/inet.h>
#include <curl/curl.h>
#include <netinet/tcp.h>
#include <ocireg.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

static const char manifest[] =
    "{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\",\"config\":{\"mediaType\":"
    "\"application/vnd.oci.image.config.v1+json\",\"digest\":\"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a\","
    "\"size\":2},\"layers\":[{\"mediaType\":\"application/vnd.oci.image.layer.v1.tar+gzip\",\"digest\":"
    "\"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\",\"size\":1}]}";

static const char digest[] = "sha256:06f3b29eec19ea154a9023e0aa4b1e07b688596ac8bbbddde868fb86cd538605";

static char answer[4096], reference[200], url[200];
static size_t head_size, answer_size;
static ocireg_client *client;
static bool by_curl, is_head;
static int count;

static void *serve_one(void *argument) {
    int connection = (int)(intptr_t)argument, filled = 0;
    char buffer[16384];
    setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    for (;;) {
        ssize_t got = read(connection, buffer + filled, sizeof buffer - 1 - (size_t)filled);
        if (got <= 0) break;
        filled += (int)got;
        buffer[filled] = 0;
        if (!strstr(buffer, "\r\n\r\n")) continue;
        size_t size = buffer[0] == 'H' ? head_size : answer_size;
        if (send(connection, answer, size, MSG_NOSIGNAL) != (ssize_t)size) break;
        filled = 0;
    }
    close(connection);
    return NULL;
}

static int serve(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t length = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    head_size = (size_t)sprintf(answer, "HTTP/1.1 200 OK\r\nServer: bench\r\nDate: Mon, 30 Nov 2026 05:00:00 GMT\r\nContent-Type: "
        "application/vnd.oci.image.manifest.v1+json\r\nContent-Length: %zu\r\nLast-Modified: Mon, 30 Nov 2026 05:00:00 GMT\r\n"
        "Connection: keep-alive\r\nETag: \"12345678-215\"\r\nAccept-Ranges: bytes\r\nDocker-Distribution-API-Version: registry/2.0\r\n"
        "Docker-Content-Digest: %s\r\n\r\n", strlen(manifest), digest);
    answer_size = head_size + (size_t)sprintf(answer + head_size, "%s", manifest);
    if (bind(listener, (struct sockaddr *)&address, length) != 0 || listen(listener, 64) != 0) return 1;
    getsockname(listener, (struct sockaddr *)&address, &length);
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    for (;;) {
        pthread_t thread;
        int connection = accept(listener, NULL, NULL);
        if (pthread_create(&thread, NULL, serve_one, (void *)(intptr_t)connection) == 0) pthread_detach(thread);
    }
}

struct body {
    char bytes[sizeof manifest];
    size_t size;
};

static size_t receive(char *bytes, size_t one, size_t size, void *argument) {
    struct body *body = argument;
    if (body->size + size > sizeof body->bytes) return 0;
    memcpy(body->bytes + body->size, bytes, one * size);
    body->size += size;
    return size;
}

static void *ask_by_curl(void *failed) {
    static char error[CURL_ERROR_SIZE];
    struct body body;
    CURL *curl = curl_easy_init();
    struct curl_slist *headers = curl_slist_append(NULL, "Accept: application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json");
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_NOBODY, (long)is_head);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, error);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, receive);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &body);
    for (int i = 0; i < count; i++) {
        body.size = 0;
        if (curl_easy_perform(curl) != CURLE_OK || body.size != (is_head ? 0 : sizeof manifest - 1)) __atomic_fetch_add((int *)failed, 1, __ATOMIC_RELAXED);
    }
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
    return NULL;
}

static void *ask(void *failed) {
    for (int i = 0; i < count; i++) {
        char *json = NULL;
        ocireg_buffer *bytes = NULL;
        ocireg_status status = is_head ? ocireg_manifest_head(client, NULL, reference, NULL, &json, NULL)
                                       : ocireg_manifest_get(client, NULL, reference, NULL, &json, &bytes, NULL);
        if (status != OCIREG_OK) __atomic_fetch_add((int *)failed, 1, __ATOMIC_RELAXED);
        ocireg_string_free(json);
        ocireg_buffer_free(bytes);
    }
    return NULL;
}

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3;
}

static double seconds(struct timeval time) { return (double)time.tv_sec * 1e6 + (double)time.tv_usec; }

static int ask_all(int threads) {
    pthread_t all[64];
    int failed = 0;
    struct rusage before, after;
    getrusage(RUSAGE_SELF, &before);
    double begun = now();
    for (int i = 0; i < threads; i++) pthread_create(&all[i], NULL, by_curl ? ask_by_curl : ask, &failed);
    for (int i = 0; i < threads; i++) pthread_join(all[i], NULL);
    double wall = now() - begun, requests = (double)threads * count;
    getrusage(RUSAGE_SELF, &after);
    double used = seconds(after.ru_utime) + seconds(after.ru_stime) - seconds(before.ru_utime) - seconds(before.ru_stime);
    printf("%-6s %4s %d threads: %8.0f requests a second, %6.1f us of processor time, %5.2f switches each, %d failed\n",
           by_curl ? "curl" : "ocireg", is_head ? "head" : "get", threads, requests / wall * 1e6, used / requests,
           (double)(after.ru_nvcsw - before.ru_nvcsw) / requests, failed);
    return failed > 0;
}

int main(int arguments, char **argument) {
    if (arguments == 2) return serve();
    if (arguments != 6) return 2;
    by_curl = strcmp(argument[1], "curl") == 0, is_head = strcmp(argument[2], "head") == 0;
    int threads = atoi(argument[3]);
    sprintf(reference, "127.0.0.1:%s/bench/small:latest", argument[5]);
    sprintf(url, "http://127.0.0.1:%s/v2/bench/small/manifests/latest", argument[5]);
    ocireg_options *options = NULL;
    ocireg_options_new(&options, NULL);
    ocireg_options_set_bool(options, OCIREG_OPT_PLAIN_HTTP, true, NULL);
    if (ocireg_client_new(options, &client, NULL) != OCIREG_OK) return 1;
    ocireg_options_free(options);
    count = 100; /* connections, and what is done once */
    int failed = 0;
    (by_curl ? ask_by_curl : ask)(&failed);
    count = atoi(argument[4]);
    int outcome = ask_all(threads);
    ocireg_client_free(client);
    return outcome;
}

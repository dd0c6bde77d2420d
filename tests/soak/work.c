/* The calls of one process. What a thread has written it knows, so it knows what each read may give: the last write, or after a failed one
 * also that. Any other answer is a wrong result. */
#include "soak.h"

#include <ocireg.h>

#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BLOBS = 48, IMAGES = 16, NAMES = 4, NONE = IMAGES, PATH = 512, LARGEST = 256 << 10 };

struct blob {
    uint8_t *bytes;
    size_t size;
    char digest[80];
};

struct image {
    char manifest[1024], digest[80];
    unsigned layers[2];
};

/* The images that a name may have, a bit each, and NONE: that it may be missing. */
struct name {
    char reference[PATH];
    bool is_held;
    uint32_t may_be;
};

struct process {
    struct counts *counts;
    const char *registry, *folder;
    ocireg_client *client;
    struct blob blobs[BLOBS], config;
    struct image images[IMAGES];
    unsigned number;
};

struct thread {
    struct process *process;
    pthread_t handle;
    char repository[PATH], file[PATH];
    struct name tags[NAMES], held[NAMES];
    bool pushed[BLOBS];
    uint64_t random;
};

static uint64_t next(uint64_t *state)
{
    *state ^= *state << 13, *state ^= *state >> 7, *state ^= *state << 17;
    return *state;
}

static unsigned below(struct thread *thread, unsigned limit) { return (unsigned)(next(&thread->random) >> 33) % limit; }

static void wrong(struct thread *thread, const char *what, ...)
{
    va_list more;
    va_start(more, what);
    fprintf(stderr, "soak: WRONG, in %s: ", thread->repository);
    vfprintf(stderr, what, more);
    fputc('\n', stderr);
    va_end(more);
    thread->process->counts->wrong++;
}

/* What a network and a registry that are not well may lead to. */
static bool may_happen(ocireg_status status)
{
    switch (status) {
    case OCIREG_CONNECT: case OCIREG_NETWORK: case OCIREG_TIMEOUT: case OCIREG_SERVER: case OCIREG_RATE_LIMITED: case OCIREG_DIGEST_MISMATCH:
    case OCIREG_SIZE_MISMATCH: case OCIREG_PROTOCOL: case OCIREG_CANCELLED:
        return true;
    default:
        return false;
    }
}

static bool is_result(struct thread *thread, const char *what, ocireg_status status, ocireg_error *error, bool may_fail)
{
    thread->process->counts->by_status[status]++;
    if (status != OCIREG_OK && status != OCIREG_NOT_FOUND && !may_fail)
        wrong(thread, "%s: %s", what, ocireg_error_message(error));
    ocireg_error_free(error);
    return status == OCIREG_OK;
}

/* Whether a call to the registry has a result. */
static bool has_result(struct thread *thread, const char *what, ocireg_status status, ocireg_error *error)
{
    return is_result(thread, what, status, error, may_happen(status));
}

/* Whether a call in the layout alone has one: nothing is wrong with the disk. */
static bool has_held(struct thread *thread, const char *what, ocireg_status status, ocireg_error *error)
{
    return is_result(thread, what, status, error, false);
}

static unsigned image_of(struct process *process, const char *digest)
{
    unsigned image = 0;
    while (image < IMAGES && strcmp(process->images[image].digest, digest) != 0)
        image++;
    return image;
}

/* What a name was found to be; NULL when it was not found. */
static void check(struct thread *thread, const struct name *name, const char *digest)
{
    unsigned image = digest ? image_of(thread->process, digest) : NONE;
    if ((name->may_be & 1u << image) == 0)
        wrong(thread, "%s is %s", name->reference, digest ? digest : "missing");
}

/* Reads what a name is, by a call that gives a digest. */
static void read_name(struct thread *thread, struct name *name, ocireg_context *context)
{
    ocireg_error *error = NULL;
    char *digest = NULL;
    ocireg_status status = ocireg_manifest_digest(thread->process->client, context, name->reference, NULL, &digest, &error);
    bool is_there = name->is_held ? has_held(thread, "digest", status, error) : has_result(thread, "digest", status, error);
    if (is_there || status == OCIREG_NOT_FOUND)
        check(thread, name, digest);
    ocireg_string_free(digest);
}

static bool put_blob(struct thread *thread, const struct blob *blob)
{
    ocireg_error *error = NULL;
    ocireg_status status =
        ocireg_blob_put_memory(thread->process->client, NULL, thread->repository, blob->bytes, blob->size, NULL, NULL, &error);
    return has_result(thread, "blob put", status, error);
}

static void push(struct thread *thread, struct name *tag)
{
    struct process *process = thread->process;
    const struct image *image = &process->images[below(thread, IMAGES)];
    ocireg_error *error = NULL;
    bool there = put_blob(thread, &process->config);
    for (unsigned i = 0; i < 2 && there; i++)
        thread->pushed[image->layers[i]] |= there = put_blob(thread, &process->blobs[image->layers[i]]);
    if (!there)
        return;
    uint32_t it = 1u << (image - process->images);
    ocireg_status status = ocireg_manifest_put(process->client, NULL, tag->reference, (const uint8_t *)image->manifest,
                                               strlen(image->manifest), NULL, NULL, &error);
    tag->may_be = has_result(thread, "manifest put", status, error) ? it : tag->may_be | it;
}

static void get_manifest(struct thread *thread, struct name *tag)
{
    ocireg_error *error = NULL;
    ocireg_buffer *bytes = NULL;
    char *digest = NULL;
    ocireg_status status = ocireg_manifest_get(thread->process->client, NULL, tag->reference, NULL, NULL, &bytes, &error);
    if (has_result(thread, "manifest get", status, error)) {
        if (ocireg_digest_bytes(ocireg_buffer_data(bytes), ocireg_buffer_size(bytes), NULL, &digest, NULL) == OCIREG_OK)
            check(thread, tag, digest);
    } else if (status == OCIREG_NOT_FOUND) {
        check(thread, tag, NULL);
    }
    ocireg_string_free(digest);
    ocireg_buffer_free(bytes);
}

static const struct blob *some_blob(struct thread *thread, char *reference)
{
    unsigned number = below(thread, BLOBS);
    if (!thread->pushed[number])
        return NULL;
    snprintf(reference, PATH, "%.400s@%s", thread->repository, thread->process->blobs[number].digest);
    return &thread->process->blobs[number];
}

static void get_blob(struct thread *thread)
{
    char reference[PATH];
    const struct blob *blob = some_blob(thread, reference);
    ocireg_error *error = NULL;
    ocireg_buffer *bytes = NULL;
    if (!blob)
        return;
    ocireg_status status = ocireg_blob_get_memory(thread->process->client, NULL, reference, NULL, NULL, &bytes, &error);
    if (has_result(thread, "blob get", status, error) &&
        (ocireg_buffer_size(bytes) != blob->size || memcmp(ocireg_buffer_data(bytes), blob->bytes, blob->size) != 0))
        wrong(thread, "other bytes than those of %s", reference);
    else if (status == OCIREG_NOT_FOUND)
        wrong(thread, "%s is missing", reference);
    ocireg_buffer_free(bytes);
}

static void get_file(struct thread *thread)
{
    char reference[PATH];
    const struct blob *blob = some_blob(thread, reference);
    ocireg_error *error = NULL;
    if (!blob)
        return;
    ocireg_status status = ocireg_blob_get_file(thread->process->client, NULL, reference, thread->file, NULL, NULL, &error);
    if (has_result(thread, "blob get to a file", status, error)) {
        uint8_t *bytes = malloc(blob->size + 1);
        FILE *file = fopen(thread->file, "rb");
        if (!file || fread(bytes, 1, blob->size + 1, file) != blob->size || memcmp(bytes, blob->bytes, blob->size) != 0)
            wrong(thread, "a file has other bytes than those of %s", reference);
        if (file)
            fclose(file);
        free(bytes);
    }
    unlink(thread->file);
}

/* The beginning of a blob, and then no more. */
static void read_some(struct thread *thread)
{
    char reference[PATH];
    uint8_t piece[4096];
    size_t count = 0;
    const struct blob *blob = some_blob(thread, reference);
    ocireg_error *error = NULL;
    ocireg_blob_reader *reader = NULL;
    if (!blob)
        return;
    ocireg_status status = ocireg_blob_open(thread->process->client, NULL, reference, NULL, &reader, &error);
    if (has_result(thread, "blob open", status, error)) {
        error = NULL;
        status = ocireg_blob_reader_read(reader, piece, sizeof piece, &count, &error);
        /* Bytes of a blob that was not read to its end are not verified: a wrong one may be among them. */
        if (has_result(thread, "blob read", status, error) && count > blob->size)
            wrong(thread, "more bytes than %s has", reference);
    }
    ocireg_blob_reader_free(reader);
}

static void list_tags(struct thread *thread)
{
    ocireg_error *error = NULL;
    char *text = NULL;
    ocireg_status status = ocireg_repository_tags(thread->process->client, NULL, thread->repository, NULL, &text, &error);
    ocireg_json *list = NULL;
    if (has_result(thread, "tags", status, error) && ocireg_json_parse(text, &list, NULL) == OCIREG_OK) {
        for (unsigned i = 0; i < NAMES; i++) {
            const char *tag = strrchr(thread->tags[i].reference, ':') + 1;
            bool found = false;
            char pointer[32];
            for (size_t n = 0; n < ocireg_json_size(list, "/tags") && !found; n++) {
                snprintf(pointer, sizeof pointer, "/tags/%zu", n);
                found = strcmp(ocireg_json_text(list, pointer), tag) == 0;
            }
            uint32_t may_be = thread->tags[i].may_be;
            if (found ? may_be == 1u << NONE : (may_be & 1u << NONE) == 0)
                wrong(thread, "the list of tags %s %s", found ? "has" : "lacks", tag);
        }
    }
    ocireg_json_free(list);
    ocireg_string_free(text);
}

/* Copies what one name is to another. */
static void copy(struct thread *thread, const struct name *from, struct name *to)
{
    ocireg_error *error = NULL;
    char *text = NULL;
    ocireg_json *result = NULL;
    if (from->may_be & 1u << NONE)
        return;
    ocireg_status status = ocireg_copy(thread->process->client, NULL, from->reference, to->reference, NULL, &text, &error);
    if (has_result(thread, "copy", status, error) && ocireg_json_parse(text, &result, NULL) == OCIREG_OK) {
        check(thread, from, ocireg_json_text(result, "/digest"));
        to->may_be = 1u << image_of(thread->process, ocireg_json_text(result, "/digest"));
    } else {
        to->may_be |= from->may_be;
        if (status == OCIREG_NOT_FOUND)
            wrong(thread, "%s is missing", from->reference);
    }
    ocireg_json_free(result);
    ocireg_string_free(text);
}

static void untag(struct thread *thread, struct name *held)
{
    ocireg_error *error = NULL;
    ocireg_status status = ocireg_tag_delete(thread->process->client, NULL, held->reference, NULL, NULL, &error);
    if (status == OCIREG_NOT_FOUND)
        check(thread, held, NULL);
    held->may_be = has_held(thread, "untag", status, error) ? 1u << NONE : held->may_be | 1u << NONE;
}

static void clean(struct thread *thread)
{
    ocireg_error *error = NULL;
    char path[PATH];
    snprintf(path, sizeof path, "%s/layout", thread->process->folder);
    ocireg_status status = ocireg_layout_clean(thread->process->client, NULL, path, NULL, NULL, &error);
    has_held(thread, "clean", status, error);
}

/* A call that has hardly any time, or none. */
static void hurry(struct thread *thread, struct name *tag)
{
    ocireg_context *context = NULL;
    if (ocireg_context_new(&context, NULL) != OCIREG_OK)
        return;
    if (below(thread, 4) == 0)
        ocireg_context_cancel(context, NULL);
    else
        ocireg_context_set_deadline(context, 1 + below(thread, 30), NULL);
    read_name(thread, tag, context);
    ocireg_context_free(context);
}

/* A client of its own, with a job, which is waited for or not. */
static void job(struct thread *thread, struct name *tag)
{
    ocireg_options *options = NULL;
    ocireg_client *client = NULL;
    ocireg_job *job = NULL, *ended = NULL;
    int event = OCIREG_EVENT_NONE;
    ocireg_options_new(&options, NULL);
    ocireg_options_set_bool(options, OCIREG_OPT_PLAIN_HTTP, true, NULL);
    if (ocireg_client_new(options, &client, NULL) == OCIREG_OK && ocireg_job_new(client, NULL, NULL, &job, NULL) == OCIREG_OK &&
        ocireg_manifest_digest(client, ocireg_job_context(job), tag->reference, NULL, NULL, NULL) == OCIREG_OK && below(thread, 4) > 0) {
        struct pollfd happened = {.events = POLLIN};
        ocireg_client_fd(client, &happened.fd, NULL);
        while (event != OCIREG_EVENT_DONE && poll(&happened, 1, 60000) > 0)
            ocireg_client_next_event(client, &ended, &event, NULL);
        ocireg_status status = ocireg_job_status(job);
        if (event != OCIREG_EVENT_DONE)
            wrong(thread, "a job has no end");
        else if (status == OCIREG_OK || status == OCIREG_NOT_FOUND)
            check(thread, tag, ocireg_job_json(job));
        else if (!may_happen(status))
            wrong(thread, "a job: %s", ocireg_error_message(ocireg_job_error(job)));
    }
    ocireg_job_free(job);
    ocireg_client_free(client);
    ocireg_options_free(options);
}

static void step(struct thread *thread)
{
    struct name *tag = &thread->tags[below(thread, NAMES)], *held = &thread->held[below(thread, NAMES)];
    unsigned chosen = below(thread, 100);
    if (chosen < 14) push(thread, tag);
    else if (chosen < 28) get_manifest(thread, tag);
    else if (chosen < 40) read_name(thread, tag, NULL);
    else if (chosen < 54) get_blob(thread);
    else if (chosen < 60) get_file(thread);
    else if (chosen < 64) read_some(thread);
    else if (chosen < 69) list_tags(thread);
    else if (chosen < 75) copy(thread, tag, held);
    else if (chosen < 79) copy(thread, held, tag);
    else if (chosen < 88) read_name(thread, held, NULL);
    else if (chosen < 91) untag(thread, held);
    else if (chosen < 97) hurry(thread, tag);
    else if (chosen < 99) job(thread, tag);
    else if (below(thread, 4) == 0) clean(thread);
}

static void *steps(void *argument)
{
    struct thread *thread = argument;
    struct counts *counts = thread->process->counts;
    while (atomic_fetch_add(&counts->begun, 1) < counts->wanted) {
        step(thread);
        counts->done++;
    }
    return NULL;
}

static void fill(struct blob *blob, size_t size, uint64_t seed)
{
    char *digest = NULL;
    blob->size = size, blob->bytes = malloc(size + 1);
    for (size_t i = 0; i < size; i++)
        blob->bytes[i] = (uint8_t)next(&seed);
    ocireg_digest_bytes(blob->bytes, size, NULL, &digest, NULL);
    snprintf(blob->digest, sizeof blob->digest, "%s", digest);
    ocireg_string_free(digest);
}

static void make_contents(struct process *process)
{
    char *digest = NULL;
    for (unsigned i = 0; i < BLOBS; i++)
        fill(&process->blobs[i], i % 12 == 0 ? LARGEST : (i * 977) % 20000, i + 1);
    process->config = (struct blob){.bytes = (uint8_t *)"{}", .size = 2};
    ocireg_digest_bytes(process->config.bytes, 2, NULL, &digest, NULL);
    snprintf(process->config.digest, sizeof process->config.digest, "%s", digest);
    ocireg_string_free(digest);
    for (unsigned i = 0; i < IMAGES; i++) {
        struct image *image = &process->images[i];
        image->layers[0] = i * 3 % BLOBS, image->layers[1] = (i * 3 + 4) % BLOBS;
        const struct blob *one = &process->blobs[image->layers[0]], *two = &process->blobs[image->layers[1]];
        snprintf(image->manifest, sizeof image->manifest,
                 "{\"schemaVersion\":2,\"mediaType\":\"%s\",\"artifactType\":\"application/x.soak\",\"config\":{\"mediaType\":"
                 "\"application/vnd.oci.empty.v1+json\",\"digest\":\"%s\",\"size\":2},\"layers\":[{\"mediaType\":\"application/x.a\","
                 "\"digest\":\"%s\",\"size\":%zu},{\"mediaType\":\"application/x.b\",\"digest\":\"%s\",\"size\":%zu}]}",
                 OCIREG_MEDIA_TYPE_OCI_MANIFEST, process->config.digest, one->digest, one->size, two->digest, two->size);
        ocireg_digest_bytes((const uint8_t *)image->manifest, strlen(image->manifest), NULL, &digest, NULL);
        snprintf(image->digest, sizeof image->digest, "%s", digest);
        ocireg_string_free(digest);
    }
}

static void begin(struct thread *thread, struct process *process, unsigned number, uint64_t seed)
{
    thread->process = process;
    thread->random = seed * 1000003 + process->number * 101 + number + 1;
    snprintf(thread->repository, sizeof thread->repository, "%s/soak/p%u-t%u", process->registry, process->number, number);
    snprintf(thread->file, sizeof thread->file, "%s/file-%u-%u", process->folder, process->number, number);
    for (unsigned i = 0; i < NAMES; i++) {
        struct name *tag = &thread->tags[i], *held = &thread->held[i];
        tag->may_be = held->may_be = 1u << NONE, held->is_held = true;
        snprintf(tag->reference, sizeof tag->reference, "%.400s:n%u", thread->repository, i);
        snprintf(held->reference, sizeof held->reference, "oci:%.400s/layout:p%u-t%u-n%u", process->folder, process->number, number, i);
    }
    if (pthread_create(&thread->handle, NULL, steps, thread) != 0)
        abort();
}

void work(struct counts *counts, const char *registry, const char *folder, unsigned number, uint64_t seed)
{
    struct process *process = calloc(1, sizeof *process);
    struct thread *threads = calloc(THREADS, sizeof *threads);
    ocireg_options *options = NULL;
    *process = (struct process){.counts = counts, .registry = registry, .folder = folder, .number = number};
    ocireg_options_new(&options, NULL);
    ocireg_options_set_bool(options, OCIREG_OPT_PLAIN_HTTP, true, NULL);
    if (ocireg_client_new(options, &process->client, NULL) != OCIREG_OK)
        abort();
    ocireg_options_free(options);
    make_contents(process);
    for (unsigned i = 0; i < THREADS; i++)
        begin(&threads[i], process, i, seed);
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(threads[i].handle, NULL);
    ocireg_client_free(process->client);
    for (unsigned i = 0; i < BLOBS; i++)
        free(process->blobs[i].bytes);
    free(threads);
    free(process);
}

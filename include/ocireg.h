/*
 * ocireg: a client for Docker and OCI registries.
 *
 * This header is the reference manual. It is generated from the library's source and belongs to it.
 *
 * CONVENTIONS
 *
 * Results. A function that can fail returns an ocireg_status: OCIREG_OK (0) or a stable code. Its results come through
 * out-parameters, which are set to NULL or 0 first and are the caller's on success. Structured results are JSON strings in
 * UTF-8, with OCI's own field names and snake_case for ours; fields are only ever added. Exact bytes are an ocireg_buffer.
 *
 * Errors. The last parameter may be NULL; else it is set to NULL first, and on failure to an ocireg_error that is the
 * caller's. There is no last-error state: two threads never see each other's errors.
 *
 * NULL. "context" and "options" may be NULL everywhere, "error" too, and out-parameters of which the text says so. Every free
 * function accepts NULL. Any other NULL is OCIREG_INVALID_ARGUMENT, which names the argument.
 *
 * Options. What a call can be asked to do differently has a key, listed at the function with its type and default; OCIREG_OPT_ constants
 * are the keys, so that the compiler finds a misspelt one. A call refuses a key that it does not know (OCIREG_INVALID_ARGUMENT), and
 * says which one may have been meant.
 *
 * Memory. What the library returns through a T ** is freed with that type's _free, strings with ocireg_string_free; never
 * with free(). A const pointer that a function returns is borrowed from the object it came from. What a caller passes in is
 * read during the call only. Handles carry a mark: a handle of another type, one that was freed, and other memory are
 * OCIREG_INVALID_ARGUMENT, and their free functions do nothing, as far as freed memory can tell. A pointer outside of the program's
 * memory ends it, as everywhere in C. A callback may free what its own call was made with. A process that runs out of
 * memory is aborted with a message on standard error, as Rust programs are. When everything was freed valgrind finds nothing lost,
 * definitely or possibly. Only with TLS does it take 16 bytes of each record, which assembly code makes, for uninitialised, wrongly:
 * share/doc/ocireg/valgrind.supp suppresses that and says why.
 *
 * Stack. A call needs at most 64 KiB of its thread's stack, and what its callbacks use (a test measures it on the release build). Where half
 * a MiB of it is free, a call that waits for a small response drives the connection itself, and takes what that needs.
 *
 * Threads. A client may be used by any number of threads at once, and so may a context. Options, readers and uploads belong
 * to one thread at a time, and may move. Callbacks run during the call, on the thread that made it (of a job: on one of the library). After
 * some requests to a host, small ones go over sockets that the calling thread makes and reads, and other threads use them next: so what a
 * thread has for itself (a network namespace, seccomp, Landlock) matters, and such a thread must not be ended by pthread_cancel in a call.
 * Where max_connections_per_host is less than 8, only a thread of the library has sockets.
 *
 * Blocking. Functions that say "Blocks" use the network on the calling thread's time. They can be ended: by ocireg_context_cancel
 * (from any thread and in a signal handler) and ocireg_client_close (from any thread) within 200 ms, by the
 * context's deadline, and by the client's time limits. Only a flush of a file to the disk that has begun is waited for, and
 * for about a second a server on this machine that without TLS sends informational responses (1xx) without end. A program
 * with an event loop gives them the context of a job: then they return at once (see ocireg_job). SIGPIPE is blocked on the
 * calling thread meanwhile, its callbacks included; the signal mask is the same afterwards.
 *
 * Processes. After fork() the child makes its own client: the parent's clients, contexts, jobs, readers, uploads and artifacts answer
 * OCIREG_FORKED there at once, and freeing them does nothing; a child that was forked in a callback must not return from it. When
 * a call that blocks finds one of the descriptors 0, 1 and 2 closed, it opens /dev/null in its place, close-on-exec, and leaves it
 * there. So no file and no socket of the library is ever taken for standard input or output. The library installs no signal
 * handler, writes to no standard stream and changes no global state. It reads no environment variable and starts no process (a
 * credential helper) unless an option asks for stored credentials. It cannot be unloaded: its threads outlive a dlclose.
 *
 * Security. TLS is verified and http is used only for hosts that the caller says speak it (a loopback host without a chosen
 * scheme is asked by https first, and by http only if it does not speak TLS). Credentials go to the origin they were given for
 * and to its token server, never along a redirect. Everything that a server sends is bounded and checked.
 *
 * Names. REFERENCE is [HOST[:PORT]/]REPOSITORY[:TAG][@DIGEST]; without a host it is Docker Hub's, unless the option
 * short_names says otherwise. Digests are sha256 or sha512.
 *
 * Who answered. "served_by" of a result names the endpoint, or all of them, whose answers it rests on, HOST[:PORT] each: the registry or
 * its mirrors that sent manifests, blobs, and lists of tags or referrers, or said what a tag refers to, which nothing can verify. Where
 * it is one endpoint, "resolved_by" lists those that were asked before it what the name refers to. One that answers that it has nothing is
 * not named, nor is a copy's destination for what it says that it has already, unless a name there stays as it is, or is changed, for
 * what it refers to.
 *
 * COMMON ERRORS. Every function that blocks can give: OCIREG_INVALID_ARGUMENT, OCIREG_INVALID_REFERENCE, OCIREG_UNAUTHENTICATED,
 * OCIREG_FORBIDDEN, OCIREG_NOT_FOUND, OCIREG_RATE_LIMITED, OCIREG_CONNECT, OCIREG_RESOLVE, OCIREG_TLS, OCIREG_NETWORK,
 * OCIREG_TIMEOUT, OCIREG_CANCELLED, OCIREG_CLOSED, OCIREG_FORKED, OCIREG_REDIRECT, OCIREG_PROTOCOL, OCIREG_LIMIT_EXCEEDED,
 * OCIREG_SERVER, OCIREG_HTTP, OCIREG_IO (an unreadable CA or credentials file, a credential helper that fails, and whatever the
 * system has no more of: threads, descriptors, room on the disk; see ocireg_error_errno), OCIREG_CALLBACK, OCIREG_INTERNAL.
 *
 *     ocireg_client *client = NULL;
 *     ocireg_error *error = NULL;
 *     char *json = NULL;
 *     if (ocireg_client_new(NULL, &client, &error) == OCIREG_OK &&
 *         ocireg_repository_tags(client, NULL, "quay.io/prometheus/busybox", NULL, &json, &error) == OCIREG_OK)
 *         puts(json);
 *     else
 *         fprintf(stderr, "%s: %s\n", ocireg_error_name(error), ocireg_error_message(error));
 *     ocireg_string_free(json);
 *     ocireg_error_free(error);
 *     ocireg_client_free(client);
 *
 * What is in a result is read by ocireg_json_parse and its family:
 *
 *     ocireg_json *manifest = NULL;
 *     if (ocireg_json_parse(text, &manifest, &error) == OCIREG_OK)
 *         for (size_t i = 0; i < ocireg_json_size(manifest, "/manifest/layers"); i++) {
 *             const ocireg_json *layer = ocireg_json_item(manifest, "/manifest/layers", i);
 *             printf("%s %lld\n", ocireg_json_text(layer, "/digest"), (long long)ocireg_json_integer(layer, "/size", -1));
 *         }
 *     ocireg_json_free(manifest);
 *
 * In a program with an event loop, calls are jobs:
 *
 *     ocireg_job_new(client, NULL, NULL, &job, &error);
 *     ocireg_manifest_get(client, ocireg_job_context(job), "busybox", NULL, NULL, NULL, &error);
 *     // ... and whenever the descriptor of ocireg_client_fd can be read from:
 *     while (ocireg_client_next_event(client, &job, &event, NULL) == OCIREG_OK && job)
 *         if (event == OCIREG_EVENT_DONE) {
 *             if (ocireg_job_status(job) == OCIREG_OK)
 *                 puts(ocireg_job_json(job));
 *             else
 *                 fprintf(stderr, "%s\n", ocireg_error_message(ocireg_job_error(job)));
 *             ocireg_job_free(job);
 *         }
 */


#ifndef OCIREG_H
#define OCIREG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The version of this header; ocireg_version() returns that of the library. */
#define OCIREG_VERSION "0.1.0"
#define OCIREG_VERSION_MAJOR 0
#define OCIREG_VERSION_MINOR 1
#define OCIREG_VERSION_PATCH 0
#define OCIREG_VERSION_NUMBER ((OCIREG_VERSION_MAJOR << 16) | (OCIREG_VERSION_MINOR << 8) | OCIREG_VERSION_PATCH)

/* The defaults for names without a registry or tag. */
// The registry of names without one.
#define OCIREG_DEFAULT_INDEX "docker.io"
// The tag of names that have neither tag nor digest.
#define OCIREG_DEFAULT_TAG "latest"

/* Media types. */
// An OCI image manifest.
#define OCIREG_MEDIA_TYPE_OCI_MANIFEST "application/vnd.oci.image.manifest.v1+json"
// An OCI index.
#define OCIREG_MEDIA_TYPE_OCI_INDEX "application/vnd.oci.image.index.v1+json"
// An OCI image's config.
#define OCIREG_MEDIA_TYPE_OCI_CONFIG "application/vnd.oci.image.config.v1+json"
// An OCI layer, uncompressed.
#define OCIREG_MEDIA_TYPE_OCI_LAYER "application/vnd.oci.image.layer.v1.tar"
// An OCI layer, compressed with gzip.
#define OCIREG_MEDIA_TYPE_OCI_LAYER_GZIP "application/vnd.oci.image.layer.v1.tar+gzip"
// An OCI layer, compressed with zstd.
#define OCIREG_MEDIA_TYPE_OCI_LAYER_ZSTD "application/vnd.oci.image.layer.v1.tar+zstd"
// The empty descriptor's content, `{}`.
#define OCIREG_MEDIA_TYPE_OCI_EMPTY "application/vnd.oci.empty.v1+json"
// The artifact manifest of the 1.1 release candidates, still in use.
#define OCIREG_MEDIA_TYPE_OCI_ARTIFACT "application/vnd.oci.artifact.manifest.v1+json"
// A Docker image manifest.
#define OCIREG_MEDIA_TYPE_DOCKER_MANIFEST "application/vnd.docker.distribution.manifest.v2+json"
// A Docker manifest list.
#define OCIREG_MEDIA_TYPE_DOCKER_LIST "application/vnd.docker.distribution.manifest.list.v2+json"
// A Docker image's config.
#define OCIREG_MEDIA_TYPE_DOCKER_CONFIG "application/vnd.docker.container.image.v1+json"
// A Docker layer, compressed with gzip.
#define OCIREG_MEDIA_TYPE_DOCKER_LAYER "application/vnd.docker.image.rootfs.diff.tar.gzip"
// A Docker layer, uncompressed.
#define OCIREG_MEDIA_TYPE_DOCKER_LAYER_PLAIN "application/vnd.docker.image.rootfs.diff.tar"
// A Docker layer, compressed with zstd: used by containerd.
#define OCIREG_MEDIA_TYPE_DOCKER_LAYER_ZSTD "application/vnd.docker.image.rootfs.diff.tar.zstd"
// A Docker layer that is fetched from elsewhere.
#define OCIREG_MEDIA_TYPE_DOCKER_FOREIGN_LAYER "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
// A signed schema-1 manifest.
#define OCIREG_MEDIA_TYPE_SCHEMA1_SIGNED "application/vnd.docker.distribution.manifest.v1+prettyjws"
// An unsigned schema-1 manifest.
#define OCIREG_MEDIA_TYPE_SCHEMA1 "application/vnd.docker.distribution.manifest.v1+json"

/* The keys of options. */
#define OCIREG_OPT_ACCEPT "accept"
#define OCIREG_OPT_ACCEPT_INDEX "accept_index"
#define OCIREG_OPT_ACTIONS "actions"
#define OCIREG_OPT_ADDRESS "address"
#define OCIREG_OPT_ALGORITHM "algorithm"
#define OCIREG_OPT_ALL "all"
#define OCIREG_OPT_ALLOW_MISSING "allow_missing"
#define OCIREG_OPT_ANNOTATIONS "annotations"
#define OCIREG_OPT_ANONYMOUS "anonymous"
#define OCIREG_OPT_ANSWER_TIMEOUT_MS "answer_timeout_ms"
#define OCIREG_OPT_ARTIFACT_TYPE "artifact_type"
#define OCIREG_OPT_BLOB_INFO_CACHE "blob_info_cache"
#define OCIREG_OPT_BLOB_PROGRESS "blob_progress"
#define OCIREG_OPT_CA_FILE "ca_file"
#define OCIREG_OPT_CA_ONLY "ca_only"
#define OCIREG_OPT_CA_PEM "ca_pem"
#define OCIREG_OPT_CERTS_D "certs_d"
#define OCIREG_OPT_CERTS_DIR "certs_dir"
#define OCIREG_OPT_CHAIN "chain"
#define OCIREG_OPT_CHECK "check"
#define OCIREG_OPT_CHUNK_SIZE "chunk_size"
#define OCIREG_OPT_CLIENT_CERT_FILE "client_cert_file"
#define OCIREG_OPT_CLIENT_KEY_FILE "client_key_file"
#define OCIREG_OPT_COMPRESSION "compression"
#define OCIREG_OPT_COMPRESSION_LEVEL "compression_level"
#define OCIREG_OPT_CONCURRENCY "concurrency"
#define OCIREG_OPT_CONFIG "config"
#define OCIREG_OPT_CONNECT_TIMEOUT_MS "connect_timeout_ms"
#define OCIREG_OPT_CONTAINERD_CERTS_DIR "containerd_certs_dir"
#define OCIREG_OPT_CONTAINERS_REGISTRIES "containers_registries"
#define OCIREG_OPT_CONVERT_SCHEMA1 "convert_schema1"
#define OCIREG_OPT_CREATE "create"
#define OCIREG_OPT_CREDENTIALS "credentials"
#define OCIREG_OPT_CREDENTIALS_FILE "credentials_file"
#define OCIREG_OPT_DEFAULT_INDEX "default_index"
#define OCIREG_OPT_DESTINATION_FD "destination_fd"
#define OCIREG_OPT_DEVICES "devices"
#define OCIREG_OPT_DIGEST "digest"
#define OCIREG_OPT_DIGEST_ALGORITHM "digest_algorithm"
#define OCIREG_OPT_DIGEST_TAGS "digest_tags"
#define OCIREG_OPT_DIGESTS "digests"
#define OCIREG_OPT_DOCKER_CONFIG "docker_config"
#define OCIREG_OPT_DOCKER_DAEMON_JSON "docker_daemon_json"
#define OCIREG_OPT_DOWNLOAD_BYTES_PER_SECOND "download_bytes_per_second"
#define OCIREG_OPT_DRY_RUN "dry_run"
#define OCIREG_OPT_EMAIL "email"
#define OCIREG_OPT_ENDPOINT "endpoint"
#define OCIREG_OPT_ENTRY_ANNOTATIONS "entry_annotations"
#define OCIREG_OPT_EXCLUDE "exclude"
#define OCIREG_OPT_FAILED "failed"
#define OCIREG_OPT_FINISH "finish"
#define OCIREG_OPT_FOLLOW "follow"
#define OCIREG_OPT_FOREIGN_CREDENTIALS "foreign_credentials"
#define OCIREG_OPT_FOREIGN_LAYERS "foreign_layers"
#define OCIREG_OPT_FORMAT "format"
#define OCIREG_OPT_FRESH "fresh"
#define OCIREG_OPT_HEADERS "headers"
#define OCIREG_OPT_HELPER_PATH "helper_path"
#define OCIREG_OPT_HELPER_TIMEOUT_MS "helper_timeout_ms"
#define OCIREG_OPT_IDENTITY_TOKEN "identity_token"
#define OCIREG_OPT_IDLE_TIMEOUT_MS "idle_timeout_ms"
#define OCIREG_OPT_IF_DIGEST "if_digest"
#define OCIREG_OPT_IF_EXISTS "if_exists"
#define OCIREG_OPT_IMAGE_SPEC "image_spec"
#define OCIREG_OPT_INSECURE "insecure"
#define OCIREG_OPT_JOB_THREADS "job_threads"
#define OCIREG_OPT_K3S_REGISTRIES "k3s_registries"
#define OCIREG_OPT_KEEP_OLD "keep_old"
#define OCIREG_OPT_KEEP_SESSION "keep_session"
#define OCIREG_OPT_KEYS "keys"
#define OCIREG_OPT_LAST "last"
#define OCIREG_OPT_LAYERS "layers"
#define OCIREG_OPT_LENGTH "length"
#define OCIREG_OPT_LIMIT "limit"
#define OCIREG_OPT_LIST_CREDENTIALS "list_credentials"
#define OCIREG_OPT_LIST_FORMAT "list_format"
#define OCIREG_OPT_LIST_OTHERS "list_others"
#define OCIREG_OPT_LOG "log"
#define OCIREG_OPT_MAX "max"
#define OCIREG_OPT_MAX_BLOB_BYTES "max_blob_bytes"
#define OCIREG_OPT_MAX_BYTES "max_bytes"
#define OCIREG_OPT_MAX_CONNECTIONS_PER_HOST "max_connections_per_host"
#define OCIREG_OPT_MAX_LIST_BYTES "max_list_bytes"
#define OCIREG_OPT_MAX_MANIFEST_BYTES "max_manifest_bytes"
#define OCIREG_OPT_MAX_PRUNE "max_prune"
#define OCIREG_OPT_MAX_RATIO "max_ratio"
#define OCIREG_OPT_MAX_REDIRECTS "max_redirects"
#define OCIREG_OPT_MAX_SCHEMA_VERSION "max_schema_version"
#define OCIREG_OPT_MAX_TEMPORARY_BYTES "max_temporary_bytes"
#define OCIREG_OPT_MEDIA_TYPE "media_type"
#define OCIREG_OPT_MEDIA_TYPES "media_types"
#define OCIREG_OPT_MIN_SPEED "min_speed"
#define OCIREG_OPT_MIN_VALIDITY_MS "min_validity_ms"
#define OCIREG_OPT_MIRRORS "mirrors"
#define OCIREG_OPT_MIRRORS_ONLY "mirrors_only"
#define OCIREG_OPT_MOUNT_FROM "mount_from"
#define OCIREG_OPT_N "n"
#define OCIREG_OPT_NEWEST "newest"
#define OCIREG_OPT_NEXT "next"
#define OCIREG_OPT_NO_CLOBBER "no_clobber"
#define OCIREG_OPT_NO_PROXY "no_proxy"
#define OCIREG_OPT_OFFLINE_TOKEN "offline_token"
#define OCIREG_OPT_OFFSET "offset"
#define OCIREG_OPT_OVERWRITE "overwrite"
#define OCIREG_OPT_OWNER "owner"
#define OCIREG_OPT_PAGE "page"
#define OCIREG_OPT_PARALLEL "parallel"
#define OCIREG_OPT_PASSWORD "password"
#define OCIREG_OPT_PATHS "paths"
#define OCIREG_OPT_PLAIN_HTTP "plain_http"
#define OCIREG_OPT_PLATFORM "platform"
#define OCIREG_OPT_PROGRESS "progress"
#define OCIREG_OPT_PROXY "proxy"
#define OCIREG_OPT_PROXY_FROM_ENVIRONMENT "proxy_from_environment"
#define OCIREG_OPT_PRUNE "prune"
#define OCIREG_OPT_PRUNE_SPARSE "prune_sparse"
#define OCIREG_OPT_PUT_AS "put_as"
#define OCIREG_OPT_QUICK "quick"
#define OCIREG_OPT_REFERENCES "references"
#define OCIREG_OPT_REFERRERS "referrers"
#define OCIREG_OPT_REFERRERS_TAG "referrers_tag"
#define OCIREG_OPT_REFUSED "refused"
#define OCIREG_OPT_REGEX "regex"
#define OCIREG_OPT_REGISTRIES_CONF "registries_conf"
#define OCIREG_OPT_REGISTRIES_CONF_DIR "registries_conf_dir"
#define OCIREG_OPT_REGISTRIES_D "registries_d"
#define OCIREG_OPT_REPLACE "replace"
#define OCIREG_OPT_REQUESTS_PER_SECOND "requests_per_second"
#define OCIREG_OPT_RESUME "resume"
#define OCIREG_OPT_RETRIES "retries"
#define OCIREG_OPT_RETURN_TOKEN "return_token"
#define OCIREG_OPT_SCOPE "scope"
#define OCIREG_OPT_SCOPED "scoped"
#define OCIREG_OPT_SCRATCH "scratch"
#define OCIREG_OPT_SEARCH "search"
#define OCIREG_OPT_SEMVER "semver"
#define OCIREG_OPT_SETUID "setuid"
#define OCIREG_OPT_SHORT_NAMES "short_names"
#define OCIREG_OPT_SINGLE_POST "single_post"
#define OCIREG_OPT_SIZE "size"
#define OCIREG_OPT_SOURCE_FD "source_fd"
#define OCIREG_OPT_SPARSE "sparse"
#define OCIREG_OPT_STOP_ON_ERROR "stop_on_error"
#define OCIREG_OPT_STORE "store"
#define OCIREG_OPT_STORED_CREDENTIALS "stored_credentials"
#define OCIREG_OPT_SUBJECT "subject"
#define OCIREG_OPT_TAGS "tags"
#define OCIREG_OPT_TAGS_REGEX "tags_regex"
#define OCIREG_OPT_TEMPORARY_DIR "temporary_dir"
#define OCIREG_OPT_TIME "time"
#define OCIREG_OPT_TIMES "times"
#define OCIREG_OPT_TITLE "title"
#define OCIREG_OPT_TITLES "titles"
#define OCIREG_OPT_TO "to"
#define OCIREG_OPT_TOKEN "token"
#define OCIREG_OPT_TRUSTED_REALMS "trusted_realms"
#define OCIREG_OPT_UNIX_SOCKET "unix_socket"
#define OCIREG_OPT_UNPACK "unpack"
#define OCIREG_OPT_UPLOAD_BYTES_PER_SECOND "upload_bytes_per_second"
#define OCIREG_OPT_USER_AGENT "user_agent"
#define OCIREG_OPT_USERNAME "username"
#define OCIREG_OPT_VERIFY "verify"
#define OCIREG_OPT_VERSION "version"


// There is no such value.
#define OCIREG_JSON_NONE 0

// null.
#define OCIREG_JSON_NULL 1

// true or false.
#define OCIREG_JSON_BOOLEAN 2

// A number, whole or not.
#define OCIREG_JSON_NUMBER 3

// A string, without its quotes.
#define OCIREG_JSON_STRING 4

// A list of values.
#define OCIREG_JSON_LIST 5

// An object: values with names.
#define OCIREG_JSON_OBJECT 6

// Nothing has happened.
#define OCIREG_EVENT_NONE 0

// The call has ended: see ocireg_job_status.
#define OCIREG_EVENT_DONE 1

// Bytes have moved, or the call still runs: see ocireg_job_progress. With the job's option progress.
#define OCIREG_EVENT_PROGRESS 2

// The credentials of the host that ocireg_job_event_text names are wanted; the call waits for ocireg_job_answer. With the job's
// option credentials.
#define OCIREG_EVENT_CREDENTIALS 3

// The trace: ocireg_job_event_text is what ocireg_log_fn gets. With the job's option log.
#define OCIREG_EVENT_LOG 4

// How a blob of a copy fares: ocireg_job_event_text is what ocireg_blob_fn gets. With the job's option blob_progress.
#define OCIREG_EVENT_BLOB 5

// What an artifact is to be made of: files, folders, and bytes. It is read by ocireg_artifact_push and ocireg_artifact_attach,
// any number of times, and belongs to no client.
typedef struct ocireg_artifact ocireg_artifact;

// An open blob. It belongs to one thread at a time, and may move between threads; a second one at the same time gets
// OCIREG_BUSY. It keeps what it needs of its client and context, so the order of the frees does not matter; one that a job has opened
// reads as long as the job is there.
typedef struct ocireg_blob_reader ocireg_blob_reader;

// Exact bytes, such as a manifest's. Read-only, so any threads may read it at once.
typedef struct ocireg_buffer ocireg_buffer;

// A client: connections, tokens and per-host settings for any number of registries. Cheap to keep, safe to share: any
// number of threads may make calls with it at once.
typedef struct ocireg_client ocireg_client;

// What a call needs from outside: cancel, deadline, progress and callbacks. A context may serve several calls, also at
// once; its callbacks run on the thread that made the call, while it is in the call, and never while the library holds
// a lock, so they may use the library. They must return normally: no longjmp, no exception. A non-zero return stops
// the call with OCIREG_CALLBACK.
typedef struct ocireg_context ocireg_context;

// What went wrong in one call. Read-only, so any threads may read it at once. It holds no secret: URLs are without
// userinfo and query, and no credential or token is ever part of a text.
typedef struct ocireg_error ocireg_error;

// Makes calls, one at a time, on a thread of the library, for programs that must not block, such as those with an event loop. A
// function that says "Blocks" returns at once when its context is that of a job, and events tell what becomes of the call (see the
// example at the top of this header).
//
// Wrong arguments (NULL, invalid names, unknown options and options of a wrong type) are still the function's own error, and what
// else is wrong with an option is the call's; else it returns OCIREG_OK, its out-parameters (all may be NULL) stay
// empty, and the result is kept by the job. Everything that the function is given is copied, bytes too, and descriptors are
// duplicated: nothing must be kept for the call. A job makes one call at a time (OCIREG_BUSY), and may make another when that
// has ended; if it begins before OCIREG_EVENT_DONE of the last one was taken, that event is dropped. Large data is better given as
// a file than copied. A callback for bytes (ocireg_read_fn, ocireg_write_fn) runs on the thread that makes the call, one of the library's
// with 2 MiB of stack, so it and its userdata must stay valid until OCIREG_EVENT_DONE: such a job is freed after that.
// The calls of readers and uploads that a job has opened are calls of that job too, and OCIREG_CLOSED when it was freed.
//
// The threads are started when they are needed, at most job_threads of a client; further calls wait for their turn, and end
// there when they are cancelled or their deadline passes. While all threads are at work, a call to a registry host that none of
// them is for gets one more (at most job_threads more), so that a registry that does not answer holds up no other. A call that
// waits for ocireg_job_answer leaves its place to another (at most 1,024 do, each on a thread). When job_threads calls wait so,
// further ones to the same registry host have their turn after the answer. That does not hold for a ping, nor for hosts whose
// options have credentials or say anonymous. No function of a job blocks. Any thread may use a job; it is freed while no other
// thread uses it or is in ocireg_client_next_event (several threads that take events need a lock of the caller's), and before
// its client. A job that was cancelled stays so. What a call has opened, and the caller has not taken, ends with the job's next
// call.
typedef struct ocireg_job ocireg_job;

// A value of a JSON document: the whole, which is freed, or one inside of it, which is borrowed from it. Read-only, so any threads may
// read it at once.
typedef struct ocireg_json ocireg_json;

// Named options of a call. The header lists each call's keys; an unknown key or a value of the wrong type is found by
// the call, which names it. NULL stands for no options everywhere. Options are read during a call only, and may be
// used for several.
typedef struct ocireg_options ocireg_options;

// A blob that is being uploaded in chunks. It belongs to one thread at a time, and may move between threads; a second one
// at the same time gets OCIREG_BUSY. It keeps what it needs of its client and context.
typedef struct ocireg_upload ocireg_upload;

// The result of a call: OCIREG_OK or one of the codes below. A plain integer, so that new codes break no program.
typedef int32_t ocireg_status;

// Receives the progress of a transfer: bytes done, and bytes in all (0 while unknown); both are 0 before the call's transfer has begun.
typedef int32_t (*ocireg_progress_fn)(void *userdata, uint64_t done, uint64_t total);

// Receives how one blob of a copy or of an artifact's push or pull fares, a JSON object, borrowed during the callback: {"state":
// "begun", "moving", and then "copied", "mounted" or "skipped" (it was there already), "digest": string, "size": number, "done":
// number (bytes of it)}. Every blob is begun and ends, unless the copy fails; between them "moving" comes when there are more
// bytes, at most every 50 ms.
typedef int32_t (*ocireg_blob_fn)(void *userdata, const char *event);

// Receives one event of the trace, a JSON object; borrowed during the callback.
//
// {"event": "request", "method", "url", "attempt", "headers": {}}, {"event": "response", "method", "url", "status", "headers":
// {}, "milliseconds"}, {"event": "retry", "reason", "wait_ms"}, {"event": "warning", "host", "text"} for a warning of
// ocireg_context_warnings, when it comes, {"event": "passed_over", "host", "reason", "seconds"} when another endpoint is asked
// instead of this endpoint, which comes after the others for that long (0: what was asked for is not there). Credentials and
// tokens are replaced by "<redacted>", and query values other than those of the protocol by "...".
typedef int32_t (*ocireg_log_fn)(void *userdata, const char *event);

// Is asked for the credentials of a registry host, once for each client and host (calls of several threads that begin together may
// each ask), and again after they were refused: sets options in `answer` with the ocireg_options_set_... functions. Nothing set means
// that it has none: then those stored on the machine are used if the client's options ask for them, else the call is anonymous. A
// call that it makes on its own thread with the same client, and for which credentials of the same host would be asked for again, is
// OCIREG_BUSY; for one on another thread see ocireg_context_set_within. Both arguments are borrowed during the callback; freeing them
// does nothing.
//
// Options:
//   username (string): with password: for Basic and for the host's token server; or with identity_token, if known
//   password (string): with username
//   identity_token (string): a refresh token for the host's token server
//   token (string): a bearer token, used as it is
//
// identity_token: a new identity token that the server issues replaces this one. Protocol v1 has no use for identity tokens.
typedef int32_t (*ocireg_credentials_fn)(void *userdata, const char *host, ocireg_options *answer);

// Gives the bytes of a blob: puts up to `size` bytes into `buffer` and returns how many; 0 is the end, a negative number
// stops the call with OCIREG_CALLBACK.
typedef int64_t (*ocireg_read_fn)(void *userdata, uint8_t *buffer, size_t size);

// Takes bytes, all of them. 0 goes on; anything else stops the call with OCIREG_CALLBACK.
typedef int32_t (*ocireg_write_fn)(void *userdata, const uint8_t *data, size_t size);

// Success.
#define OCIREG_OK 0

// An argument or option is NULL, unknown, of the wrong type or out of range; the message names it.
#define OCIREG_INVALID_ARGUMENT 1

// A name, tag or digest is malformed; the message says what is wrong with it.
#define OCIREG_INVALID_REFERENCE 2

// The registry wants credentials, or does not take these.
#define OCIREG_UNAUTHENTICATED 3

// The credentials are valid, but do not allow this.
#define OCIREG_FORBIDDEN 4

// There is no such repository, tag, manifest, blob or platform.
#define OCIREG_NOT_FOUND 5

// The registry cannot or will not do this.
#define OCIREG_UNSUPPORTED 6

// Too many requests; the error's retry_after says when to come back, if the registry did.
#define OCIREG_RATE_LIMITED 7

// No connection to the host.
#define OCIREG_CONNECT 8

// The TLS handshake failed: certificate, name, date or protocol.
#define OCIREG_TLS 9

// The deadline has passed, or the server was silent or too slow. After a write the outcome is unknown.
#define OCIREG_TIMEOUT 10

// The context was cancelled. After a write the outcome is unknown.
#define OCIREG_CANCELLED 11

// A redirect, upload location or token server was refused: a loop, too many, a downgrade, or an address that a server may not name.
#define OCIREG_REDIRECT 12

// The server's answer breaks the protocol.
#define OCIREG_PROTOCOL 13

// The bytes do not have the digest that they should have, or a name refers to another one than the call allows.
#define OCIREG_DIGEST_MISMATCH 14

// There are more or fewer bytes than there should be.
#define OCIREG_SIZE_MISMATCH 15

// Something is larger than its limit.
#define OCIREG_LIMIT_EXCEEDED 16

// A manifest is malformed, ambiguous, or of a kind that was not accepted.
#define OCIREG_INVALID_MANIFEST 17

// A schema-1 signature is missing or wrong.
#define OCIREG_SIGNATURE 18

// A manifest names a blob that the registry does not have.
#define OCIREG_MISSING_BLOB 19

// The server failed (5xx), retries spent.
#define OCIREG_SERVER 20

// Any other HTTP error (4xx).
#define OCIREG_HTTP 21

// A local file or descriptor failed.
#define OCIREG_IO 22

// A callback of the caller stopped the call.
#define OCIREG_CALLBACK 23

// The handle belongs to the parent of this forked process.
#define OCIREG_FORKED 24

// The handle is closed.
#define OCIREG_CLOSED 25

// The handle is in use on another thread.
#define OCIREG_BUSY 26

// A bug in the library.
#define OCIREG_INTERNAL 27

// An established connection broke, retries spent.
#define OCIREG_NETWORK 28

// The host name is unknown.
#define OCIREG_RESOLVE 29

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// The name of a status without its prefix, such as "NOT_FOUND"; "OK" for OCIREG_OK, "UNKNOWN" for a number that this
// version does not know. Static: never freed. Any thread.
const char *ocireg_status_name(ocireg_status status);

// The library's version, such as "0.1.0". Static: never freed. Any thread.
const char *ocireg_version(void);

// The library's version as a number: major << 16 | minor << 8 | patch, as OCIREG_VERSION_NUMBER is. Any thread.
uint32_t ocireg_version_number(void);

// Frees a string that a function of this library returned through a `char **`. NULL is accepted, and anything else is
// left alone where that can be told.
void ocireg_string_free(char *string);

// The bytes of a buffer, borrowed until it is freed; never NULL for a buffer of this library, even when its size is 0.
// NULL for NULL, and for anything that is not a buffer.
const uint8_t *ocireg_buffer_data(const ocireg_buffer *buffer);

// The number of bytes in a buffer. 0 for NULL, and for anything that is not a buffer.
size_t ocireg_buffer_size(const ocireg_buffer *buffer);

// Frees a buffer. NULL is accepted, and anything that is not a buffer is ignored.
void ocireg_buffer_free(ocireg_buffer *buffer);

// Parses a JSON text, such as a result of this library, for the functions below. All of it is copied and nothing is allocated later:
// what they return is borrowed from `json` and good until it is freed. Any thread.
//
// A pointer says where a value is (RFC 6901): "/layers/0/digest" is member "digest" of element 0 of member "layers"; in a member's name
// "~1" stands for "/" and "~0" for "~". "" and NULL are the value itself. Where there is no such value, or one of another kind, the
// answer is NULL, 0 or what the caller gives for that case; NULL for `json` is such a case too. Free with ocireg_json_free.
// The document takes at most 40 times the memory of its text; results of this library take 2 to 8 times.
//
// Errors: OCIREG_INVALID_ARGUMENT for a text that is not one JSON document, is nested more than 56 deep (every result of the
// library can be parsed), or has a member twice, or a number that is too large for a double. Source: RFC 8259.
ocireg_status ocireg_json_parse(const char *text,
                                ocireg_json **json,
                                ocireg_error **error);

// Parses JSON of a size, such as the bytes of a manifest. The same as ocireg_json_parse otherwise.
//
// Errors: as in ocireg_json_parse.
ocireg_status ocireg_json_parse_bytes(const uint8_t *data,
                                      size_t size,
                                      ocireg_json **json,
                                      ocireg_error **error);

// What kind of value a pointer leads to: OCIREG_JSON_STRING, ...; OCIREG_JSON_NONE when there is none.
int32_t ocireg_json_kind(const ocireg_json *json, const char *pointer);

// The value that a pointer leads to, for further pointers from there. Borrowed: it is never freed, and is valid until the whole is freed.
// NULL when there is none.
const ocireg_json *ocireg_json_at(const ocireg_json *json,
                                  const char *pointer);

// The text of a string. Borrowed. NULL when there is no string, or one that has a NUL in it, which C would take for its end:
// ocireg_json_string gives that whole.
const char *ocireg_json_text(const ocireg_json *json,
                             const char *pointer);

// The text of a string with its size, NULs inside of it and all. Borrowed. `size` may be NULL. NULL and 0 when there is no string.
const char *ocireg_json_string(const ocireg_json *json,
                               const char *pointer,
                               size_t *size);

// An integer, however it is written (2, 2.0, 2e3); `otherwise` when there is no number, or one with a fraction or out of range. What is
// written with a point or an exponent is exact up to 2^53.
int64_t ocireg_json_integer(const ocireg_json *json,
                            const char *pointer,
                            int64_t otherwise);

// A number, as exact as a double is; `otherwise` when there is none.
double ocireg_json_number(const ocireg_json *json, const char *pointer, double otherwise);

// true or false; `otherwise` when there is neither.
bool ocireg_json_boolean(const ocireg_json *json, const char *pointer, bool otherwise);

// How many elements a list has, or members an object; 0 for any other value.
size_t ocireg_json_size(const ocireg_json *json, const char *pointer);

// The element of a list, or the value of an object's member, at a position from 0 on; members are in the document's order. Borrowed.
// NULL when there is none.
const ocireg_json *ocireg_json_item(const ocireg_json *json,
                                    const char *pointer,
                                    size_t position);

// The name of an object's member at a position from 0 on. Borrowed. NULL when there is none, or one that has a NUL in it.
const char *ocireg_json_key(const ocireg_json *json,
                            const char *pointer,
                            size_t position);

// The descriptor of a layer. `manifest` is a manifest, or a result that holds one, such as that of ocireg_manifest_get. The layer
// is the one at a position, from 0 on, among those of this media type (of any type, when it is NULL). Its
// "/digest", "/size" and "/mediaType" are read by ocireg_json_text and ocireg_json_integer, its bytes by ocireg_blob_get_file
// with REPOSITORY@DIGEST. An artifact's blobs count as layers. Borrowed. NULL when there is none: an index has no layers, and
// those of schema 1 have no descriptors.
const ocireg_json *ocireg_manifest_layer(const ocireg_json *manifest,
                                         const char *media_type,
                                         size_t position);

// Writes the value that a pointer leads to as JSON again: members in their order, strings the same, numbers that fit 64 bits exact, and
// others as the nearest double (1e2 becomes 100.0). Keep the text where its exact bytes matter. `text` is freed with ocireg_string_free. Any thread.
//
// Errors: OCIREG_INVALID_ARGUMENT; OCIREG_NOT_FOUND when there is no such value.
ocireg_status ocireg_json_dump(const ocireg_json *json,
                               const char *pointer,
                               char **text,
                               ocireg_error **error);

// Frees a document with all that was borrowed from it. NULL is accepted; a value inside of a document, and what is not a value at
// all, is left alone.
void ocireg_json_free(ocireg_json *json);

// The code of an error: the same number that the call returned. OCIREG_INVALID_ARGUMENT for NULL.
ocireg_status ocireg_error_code(const ocireg_error *error);

// The name of an error's code, such as "NOT_FOUND". Static: never freed. NULL for NULL.
const char *ocireg_error_name(const ocireg_error *error);

// A text in English that names what was wrong. Borrowed until the error is freed. NULL for NULL.
const char *ocireg_error_message(const ocireg_error *error);

// What to do about an error, in English: "check the user name and the password". Borrowed until the error is freed. NULL when there is
// nothing to say, and for NULL.
const char *ocireg_error_hint(const ocireg_error *error);

// The system's number for what failed at a file or descriptor, as in errno.h, such as ENOSPC, or EPIPE when the reader of a pipe went
// away; 0 when there is none, and for NULL.
int32_t ocireg_error_errno(const ocireg_error *error);

// The HTTP status of the answer that failed the call; 0 when there was none, and for NULL.
int32_t ocireg_error_http_status(const ocireg_error *error);

// The whole error as JSON. Borrowed until the error is freed. NULL for NULL.
//
// {"code": number, "name": string, "message": string, "hint": string or null (what to do about it), "side": "source",
// "destination" or null, "errno": number or null (as ocireg_error_errno), "http_status": number or null, "registry_errors":
// [{"code", "message"[, "detail"]}] (the registry's own words), "url": string or null, "attempts": number (how often the request
// was sent), "retryable": boolean (the same call may succeed later), "retry_after": seconds or null, "rate_limit": of
// OCIREG_RATE_LIMITED what the registry says, as in ocireg_manifest_get, else null, "conflict": {"name", "digest": string or
// null} or null (the tag or name that was not to be set, and what it refers to now), "cause": [string] (the errors underneath,
// outermost first)}
const char *ocireg_error_json(const ocireg_error *error);

// Frees an error. NULL is accepted, and anything that is not an error is ignored.
void ocireg_error_free(ocireg_error *error);

// Makes empty options. Free with ocireg_options_free.
//
// Errors: OCIREG_INVALID_ARGUMENT.
ocireg_status ocireg_options_new(ocireg_options **options, ocireg_error **error);

// Sets a string option; the value is copied. A value set before is replaced.
//
// Errors: OCIREG_INVALID_ARGUMENT.
ocireg_status ocireg_options_set_string(ocireg_options *options,
                                        const char *key,
                                        const char *value,
                                        ocireg_error **error);

// Sets an integer option.
//
// Errors: OCIREG_INVALID_ARGUMENT.
ocireg_status ocireg_options_set_int(ocireg_options *options,
                                     const char *key,
                                     int64_t value,
                                     ocireg_error **error);

// Sets an option that is a number with a fraction, such as requests_per_second. One that is an integer takes none.
//
// Errors: OCIREG_INVALID_ARGUMENT, also when it is infinite or not a number.
ocireg_status ocireg_options_set_double(ocireg_options *options,
                                        const char *key,
                                        double value,
                                        ocireg_error **error);

// Sets a boolean option.
//
// Errors: OCIREG_INVALID_ARGUMENT.
ocireg_status ocireg_options_set_bool(ocireg_options *options,
                                      const char *key,
                                      bool value,
                                      ocireg_error **error);

// Adds a string to a list option; the value is copied.
//
// Errors: OCIREG_INVALID_ARGUMENT, also when the option holds something other than a list.
ocireg_status ocireg_options_add_string(ocireg_options *options,
                                        const char *key,
                                        const char *value,
                                        ocireg_error **error);

// Adds the members of a JSON object: {"key": string, number, boolean or list of strings, ...}.
//
// Errors: OCIREG_INVALID_ARGUMENT when it is not a JSON object, or has a key twice.
ocireg_status ocireg_options_parse(ocireg_options *options, const char *json, ocireg_error **error);

// Frees options. NULL is accepted; anything that is not options, and the `answer` of a callback, is ignored.
void ocireg_options_free(ocireg_options *options);

// Makes a context with nothing set. Free with ocireg_context_free.
//
// Errors: OCIREG_INVALID_ARGUMENT.
ocireg_status ocireg_context_new(ocireg_context **context, ocireg_error **error);

// Cancels the calls that use this context, and every later one: they answer OCIREG_CANCELLED within 200 ms, even when
// the server is silent. Any thread, at any time before the context is freed. After a cancelled write its outcome is unknown.
//
// It is async-signal-safe, so a signal handler may call it, on whichever thread and in whatever code the signal arrives: it takes no lock,
// allocates nothing and leaves errno alone. Only the errors below allocate, unless `error` is NULL.
//
// Errors: OCIREG_INVALID_ARGUMENT, OCIREG_FORKED.
ocireg_status ocireg_context_cancel(ocireg_context *context,
                                    ocireg_error **error);

// As ocireg_context_cancel without an `error`, which may be called in a signal handler too. NULL is accepted, and anything that is not a
// context is ignored.
void ocireg_context_cancel_from_signal(ocireg_context *context);

// Sets the time by which calls with this context must be done, in milliseconds from now; then they answer
// OCIREG_TIMEOUT. 0 removes the deadline. A call in progress heeds the new one from its next wait on.
//
// Errors: OCIREG_INVALID_ARGUMENT (a negative time), OCIREG_FORKED.
ocireg_status ocireg_context_set_deadline(ocireg_context *context,
                                          int64_t milliseconds,
                                          ocireg_error **error);

// How far the transfer is, as JSON: {"operation": "blob get", "blob put", "copy", "sync", "artifact pull", "extract", "export", "cat", "files",
// "validate", "repository remove" (which counts no bytes), "v1 layer", "v1 put layer", "v1 push", "schema-1 layers" or "v1
// layers" (old images on their way to be converted) or "" (none yet), "done": bytes, "total": bytes or null [, "blobs":
// {"total", "copied", "mounted", "skipped", "bytes", "bytes_copied", "bytes_resumed"}, of a copy, a pull or a validation, as in
// the result of ocireg_copy, "active": [{"digest": string, "size": number, "done": number}], of the same, the blobs on their
// way]}. Any thread. Free with ocireg_string_free.
//
// Errors: OCIREG_INVALID_ARGUMENT, OCIREG_FORKED.
ocireg_status ocireg_context_progress(const ocireg_context *context,
                                      char **json,
                                      ocireg_error **error);

// The warnings that servers gave their users in answers to calls with this context: they are for people, and no
// action follows from them. One that is this library's own has the name of what it is about as its "host": an archive, say, or the file
// or folder that another process has locked for two seconds, while the call waits for it. JSON:
// [{"host": string, "text": string}], each once, in the order they came, at most 64; the
// text has no control characters, and the warnings of one answer at most 4096 bytes. Any thread. Free with
// ocireg_string_free.
//
// Errors: OCIREG_INVALID_ARGUMENT, OCIREG_FORKED. Source: distribution-spec "Warnings".
ocireg_status ocireg_context_warnings(const ocireg_context *context,
                                      char **json,
                                      ocireg_error **error);

// Sets the progress callback; NULL removes it. While a call that uses the network or reads and writes much is under way, it is
// called at least every 250 ms. When nothing has moved it gets the same numbers as before, so that a program can check there
// whether the call is still wanted. A callback that takes long is called less often, so that no more than half of the time is
// its own, and always for the last piece where the total is known. `userdata` must stay valid until then or until the context is
// freed and no call uses it.
//
// Errors: OCIREG_INVALID_ARGUMENT, OCIREG_FORKED.
ocireg_status ocireg_context_set_progress(ocireg_context *context,
                                          ocireg_progress_fn callback,
                                          void *userdata,
                                          ocireg_error **error);

// Sets the callback for the blobs of a copy, one by one; NULL removes it. `userdata` as for ocireg_context_set_progress. It serves
// ocireg_copy and what copies too, such as ocireg_image_append and ocireg_image_tag, from their next call on.
//
// Errors: OCIREG_INVALID_ARGUMENT, OCIREG_FORKED.
ocireg_status ocireg_context_set_blob_progress(ocireg_context *context,
                                               ocireg_blob_fn callback,
                                               void *userdata,
                                               ocireg_error **error);

// Says that calls with this context are made in a callback of a call with `outer`, or for the answer to a question of that job, though
// on another thread or in another job; NULL takes it back. Where such a call needs the credentials that `outer` asks for it gets
// OCIREG_BUSY: it would wait for itself, or be asked without end. Calls on the callback's own thread need not be told.
//
// Errors: OCIREG_INVALID_ARGUMENT, OCIREG_FORKED.
ocireg_status ocireg_context_set_within(ocireg_context *context,
                                        const ocireg_context *outer,
                                        ocireg_error **error);

// Sets the log callback; NULL removes it. `userdata` as for ocireg_context_set_progress.
//
// Errors: OCIREG_INVALID_ARGUMENT, OCIREG_FORKED.
ocireg_status ocireg_context_set_log(ocireg_context *context,
                                     ocireg_log_fn callback,
                                     void *userdata,
                                     ocireg_error **error);

// Sets the credentials callback, which is asked for hosts whose options hold no credentials; NULL removes it. `userdata`
// as for ocireg_context_set_progress.
//
// Errors: OCIREG_INVALID_ARGUMENT, OCIREG_FORKED.
ocireg_status ocireg_context_set_credentials(ocireg_context *context,
                                             ocireg_credentials_fn callback,
                                             void *userdata,
                                             ocireg_error **error);

// Frees a context. NULL is accepted; anything that is not a context, and the context of a job, is ignored. Calls, readers and
// uploads that began with it keep what they need of it, so a callback of it may free it too; no call of another thread may be
// just beginning with it.
void ocireg_context_free(ocireg_context *context);

// Makes a client. Nothing is connected, read or started before the first call, but for the environment where an option
// asks for it. Free with ocireg_client_free.
//
// Options:
//   max_manifest_bytes (integer, default: 4194304): the largest manifest taken; at most 33554432
//   max_list_bytes (integer, default: 33554432): the largest page of a list taken
//   max_blob_bytes (integer, default: any of known size, else 8589934592): the largest blob or layer taken, by copies too
//   user_agent (string, default: "ocireg/VERSION"): the User-Agent that is sent
//   connect_timeout_ms (integer, default: 10000): name, TCP and TLS together
//   idle_timeout_ms (integer, default: 30000): no byte for that long; of an upload, no 32 KiB
//   min_speed (integer, default: 1024): the fewest bytes a second of a response's body, counted over idle_timeout_ms
//   answer_timeout_ms (integer, default: 300000): from the end of an upload to its answer
//   retries (integer, default: 4): tries after the first one
//   max_redirects (integer, default: 10): redirects followed for one request
//   plain_http (boolean, default: false): every host by http
//   headers (list of strings): "Name: value" each, or in JSON an object: added to requests to the hosts that the caller names
// TLS:
//   insecure (boolean, default: false): TLS is not verified
//   ca_file (string or list of strings): PEM files of certificate authorities, and of servers' own certificates
//   ca_only (boolean, default: false): those instead of the platform's
//   client_cert_file (string): PEM file of a client certificate with its chain
//   client_key_file (string, default: client_cert_file): PEM file of its key in PKCS #8, SEC 1 or PKCS #1 without passphrase
//   certs_dir (string or list of strings): folders as Docker has them, with certificates in DIR/HOST[:PORT]/
//   certs_d (boolean, default: false): also the folders of certificates that podman and Docker read
// Proxy:
//   proxy (string): the proxy's URL, with "http://", "https://", "socks5://" or "socks5h://", or "direct" for none
//   no_proxy (string or list of strings): hosts that the proxy is not for, as Go reads NO_PROXY
//   proxy_from_environment (boolean, default: false): if the option proxy is not given, use HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY
// Limits:
//   max_connections_per_host (integer, default: 8): how many requests of all threads wait for one host's responses at once
//   requests_per_second (number, default: 0): requests to one host that begin in a second, over all threads; 0 is any
//   download_bytes_per_second (integer, default: 0): bytes of bodies that come from all hosts together in a second; 0 is any
//   upload_bytes_per_second (integer, default: 0): the same for the bytes that are sent
// What is where:
//   blob_info_cache (string): a file in which processes remember which repositories have which blobs
// Temporary files:
//   temporary_dir (string, default: /var/tmp, or /tmp where there is none): the folder for temporary files
//   max_temporary_bytes (integer, default: 68719476736): the most that may wait there for one call
// Stored credentials:
//   credentials_file (string): a file of Docker's or podman's form, which must be there
//   docker_config (string): a folder, whose config.json is read if it is there
//   stored_credentials (boolean, default: false): use those of docker login, podman login and credential helpers
//   foreign_credentials (boolean, default: false): also read files of other users than root and this one, and files that they may write
//   helper_timeout_ms (integer, default: 60000): for one run of a credential helper, which is killed then
//   helper_path (string, default: PATH): the folders of the helpers, with ':' between
// Files of the machine:
//   registries_conf (string): a file in the format of containers-registries.conf(5), version 2
//   registries_conf_dir (string or list of strings): folders whose *.conf are merged over registries_conf, in the order of their names
//   registries_d (string or list of strings): folders as containers-registries.d(5) has them, for what ocireg_explain shows of signatures
//   containers_registries (boolean, default: false): also the files that podman and skopeo read on this machine
//   containerd_certs_dir (string or list of strings): folders as containerd has them: DIR/HOST[:PORT]/hosts.toml, DIR/HOST_PORT_/ or DIR/_default/
//   k3s_registries (string): a file like k3s's /etc/rancher/k3s/registries.yaml
//   docker_daemon_json (string): a file like Docker's /etc/docker/daemon.json
//   short_names (string, default: "docker.io"): what a name without a registry is: "docker.io" or "files"
// Jobs:
//   job_threads (integer, default: 16): how many threads may make the calls of jobs, at most 1024
//
// max_blob_bytes: the size of a blob is known if the registry or the caller says it. By default blobs of any known size are taken, and 8589934592
// bytes of one whose size neither says.
//
// min_speed: a slower response is OCIREG_TIMEOUT; 0 allows any speed. The default is counted over 30 s or idle_timeout_ms, whichever is longer. Time
// in which the library itself waits, for download_bytes_per_second too, is not counted.
//
// headers: the headers also go to the own token servers of the hosts that the caller names, and not along with a redirect to another host. Refused
// are headers that are the library's own (Authorization, Host, Cookie, User-Agent, Range, Accept, Content-..., If-..., connection and framing
// headers).
//
// ca_file: a server's own certificate is trusted as it is, for its names and days, as one among the platform's is.
//
// client_cert_file: the client certificate is for the hosts that the caller names and their own token servers, never for hosts that a server names.
//
// certs_dir: files *.crt are certificate authorities, and NAME.cert with NAME.key is a client certificate. Of several folders the first that has one
// for the host counts.
//
// certs_d: the folders are ~/.config/containers/certs.d, ~/.config/docker/certs.d, /etc/containers/certs.d and /etc/docker/certs.d.
//
// proxy: the URL may have "USER:PASSWORD@" before its host. With socks5 names are resolved here, with socks5h by the proxy.
//
// no_proxy: each entry is "*", a "name" with all names below it, a ".name" for those below it only, an address, or "ADDRESS/BITS"; all but the last
// may have ":PORT".
//
// proxy_from_environment: the variables are read when the client is made, their names in upper or in lower case. This machine's own names and
// addresses are never reached by a proxy from the environment, and HTTP_PROXY is not used in a CGI program.
//
// max_connections_per_host: a request counts until its response has come, up to the end of the body if that is read whole. The bytes of blobs are not
// counted in either direction, so that a transfer never waits for itself, nor are transfers that wait for a limit of bytes a second.
//
// download_bytes_per_second: all transfers of the client share the limit fairly. Responses with tokens are not counted, nor are headers.
//
// blob_info_cache: the file is made if it is missing. A copy to a registry mounts what another repository of that registry is known to have. The file
// has only hints, no secrets, and at most 4194304 bytes; the oldest hints are dropped. A file that other users may read or write, or that is not a
// regular file, is not used, which is a warning, not an error.
//
// temporary_dir: no environment variable, such as TMPDIR, changes the default.
//
// stored_credentials: the places that are read are the text in DOCKER_AUTH_CONFIG, the file REGISTRY_AUTH_FILE, config.json in DOCKER_CONFIG or in
// ~/.docker, containers/auth.json in XDG_RUNTIME_DIR, and in XDG_CONFIG_HOME or ~/.config, and ~/.dockercfg. The environment is read by the call that
// gets this option.
//
// foreign_credentials: a container whose user is not the one outside needs this option, because the files have another owner there.
//
// registries_conf_dir: of several files with one name that of the first folder counts.
//
// registries_d: the folders' *.yaml say where the signatures of images are. Only ocireg_explain reads them, and no signature is looked at. Of several
// files with one name that of the first folder counts; a key that occurs in two files is an error that names both.
//
// containers_registries: the files are registries.conf in XDG_CONFIG_HOME/containers or ~/.config/containers, else in /etc/containers, else in
// /usr/share/containers, with the files of all their registries.conf.d; or, if CONTAINERS_REGISTRIES_CONF names a file, that file alone. If
// registries_d is not given, all their registries.d are read too. Older versions of podman and skopeo (containers/image 5) read the files of the
// user's folder after those of the machine's, which are not read if the user has a registries.conf. They read all folders even beside a file that is
// named, and of registries.d that of ~/.config, or if there is none that of /etc. What podman remembers in short-name-aliases.conf, and
// credential-helpers, are not read.
//
// containerd_certs_dir: a folder of a host may have certificates instead of a hosts.toml. A broken hosts.toml is an error for the names that it is
// for, while containerd passes over it; a host http:// is asked by https first only with skip_verify = true; docker.io and index.docker.io are Docker
// Hub's registry. A header Authorization, Basic or Bearer, goes with every request to its host, and nowhere else, until the host refuses it; it is
// not sent where the caller or the stored credentials have some for that host, and where a credential helper fails, that is a warning. A User-Agent
// in a hosts.toml is sent instead of the client's.
//
// k3s_registries: an endpoint or expression that is not valid is an error, while k3s skips it. Of several expressions that change a name the first in
// the file counts, with k3s any of them. The configs of * are ignored, because their login would reach any registry. registry-1.docker.io is Docker
// Hub.
//
// docker_daemon_json: the file's registry-mirrors, which are for Docker Hub, and its insecure-registries are used. With this option loopback hosts
// are insecure too, as for Docker; names are not looked up to see whether they are in an insecure network.
//
// short_names: with "docker.io", every call takes a name without a registry as one of Docker Hub. With "files" such a name is what the aliases in the
// files of registries_conf, registries_conf_dir and containers_registries say, else a name of the registry of their unqualified-search-registries. If
// there are several registries, the call is OCIREG_INVALID_REFERENCE, which lists them, in each short-name-mode, because a library cannot ask the
// user. podman, where it cannot ask, tries them in turn except when enforcing, and may take what somebody else has published in the first. skopeo
// always takes Docker Hub.
//
// job_threads: calls that wait for ocireg_job_answer (at most 1024) leave their place to others. While all threads are at work, a call to a registry
// host that none of them is for gets one more, at most as many again.
//
// Redirects go through the proxy too. A proxy resolves names itself, so of the hosts that a server names only local addresses,
// "localhost" and the names of clouds' metadata services can be refused there. A proxy that refuses or wants other credentials
// is OCIREG_CONNECT with the proxy's name (http_status 407 for the latter). https to an IPv6 address cannot go through one
// (OCIREG_INVALID_ARGUMENT): give the host by its name.
//
// A host that answers 429 or 503 with Retry-After is left alone by all threads until then, or each gets OCIREG_RATE_LIMITED when
// that is later than 60 s or its deadline.
//
// The disk is needed for layers that are packed on the way, and for archives that come packed or by a pipe. It is also needed for
// the layers of old images, which have to be read before the image can be described (docker-v1:// as a place, the option
// convert_schema1 of ocireg_copy, ocireg_v1_push). The file there has no name: it is gone when the call has ended in any way.
//
// Stored credentials are used for hosts whose own options hold none and when the credentials callback gives none. The places are
// asked in the order of the options; in each the helper that credHelpers names for the host, then that of credsStore, then the
// entries in auths, of which the one for the longest part of HOST/REPOSITORY wins. Of several for one host the one that says the port that is
// asked wins: HOST:443 or https://HOST, and for http HOST:80, before HOST. A helper, which compares texts, is asked for such a name of the file
// first, then for the host's one spelling (an IPv6 address is short), then for the caller's, and then for others in the file; after the first a
// failure is only a warning. A file is read when a registry asks for credentials, and again when it has changed; what a helper said holds until the
// registry refuses it: then the helper is asked again, and if it says something else, the request is sent once more. A helper that
// failed is not run again for 10 s (5 min if it was silent) by calls that had begun before. One that is ended is killed, but not what it
// has started: it shares the terminal of the calling program, where it may ask for a password. A file that is broken is
// OCIREG_IO. So is one that belongs to another user than root, or that other users may write (its group too, unless that is the
// owner's own, has no other members and is not root's): it decides where passwords go and which program is run.
//
// The files of the machine say which mirrors of a registry are asked before it, which registries are reached insecurely, and
// which not at all. What several say about one name, the first says alone, in the order of the options: registries_conf with
// registries_conf_dir, containers_registries, each folder of containerd_certs_dir, k3s_registries, docker_daemon_json. Their
// values mean what they mean to the programs whose files they are; keys that this library has no use for are passed over. They
// are read once, up to 1 MiB each and 16 MiB in all: make a new client when they have changed (only after one is broken
// the next call reads all of them again). An error names the file and the line, OCIREG_IO for
// one that is broken, and OCIREG_LIMIT_EXCEEDED for one that is too large or a folder with more than 1000 entries.
//
// A registry that registries.conf blocks as a whole is not asked, whatever leads there. A redirect of another registry, its token
// server, or the next step of an upload there is OCIREG_REDIRECT. If only a part of a registry is blocked, or a part is allowed,
// only repositories are not asked for. The owner and the mode of these files are not looked at, as those programs do not:
// unlike files of credentials they are usually not the user's own. A user who may write them decides where requests go and that
// plain http will do, also with the credentials that are stored for the host: only files of the machine's administrator
// should be named.
//
// The differences from those programs: In registries.conf, a prefix without a port is not for the same host with one, unless it is
// blocked or begins with *.; of a name with a port, what would be read at the mirrors or the location of one that begins so is
// OCIREG_INVALID_REFERENCE (skopeo asks another port of the mirror, or refuses it too; it lists tags at the registry). Writes, and
// what is about the registry itself, go to the registry. A prefix and a host are the same in capitals. A loopback host
// that is not insecure is asked by http if it speaks no TLS. Mirrors are asked for lists of tags and referrers too. The parts of
// an image need not all come from one mirror: a blob is asked for at a mirror that lacks the manifest or is for digests only, too, as its
// digest is all that it needs. A registry that is blocked is blocked whatever its location is. Version 1 is
// refused. In hosts.toml, a broken file is an error. What may be pulled and resolved may be asked for referrers, after all
// others. A host by http with ca or client is not tried by https first. docker.io by https is Docker Hub. A 'server' elsewhere
// takes the registry's place for repositories only: what is about the registry itself (ping, login, catalog, ocireg_token) and
// protocol v1 still ask that, because a login is for the host that the caller names. In registries.yaml, an endpoint that is not
// a URL is an error. In daemon.json, insecure networks are for hosts that are written as addresses.
//
// Errors: OCIREG_INVALID_ARGUMENT. Files are read at the first call that needs them: OCIREG_IO when one cannot be read,
// OCIREG_TLS when it does not hold what it should.
ocireg_status ocireg_client_new(const ocireg_options *options,
                                ocireg_client **client,
                                ocireg_error **error);

// Replaces the settings of one registry host, HOST[:PORT]. They hold for later calls, and for that host only: never for
// the hosts that it redirects to.
//
// HOST:443 and https://HOST are one registry, HOST:80 and http://HOST are another one. What is said of HOST holds for HOST:443 and for
// http://HOST, what is said of one of the two not for the other one: credentials for HOST:443 are not sent to port 80 (by http://HOST, plain_http
// or for want of TLS), nor are stored ones for HOST:443 or https://HOST. http://HOST, and HOST that is asked by http, have the settings of
// HOST:80 or http://HOST if there are any, else those of HOST.
//
// Options:
//   plain_http (boolean, default: https, or on loopback http if a TLS hello gets any other answer): true: http; false: https
//   endpoint (string): scheme, host, port and path prefix under which the host's API really is, such as "https://h/dockerproxy"
//   mirrors (list of strings): where else to get what is there, before it is asked itself, in this order; see below
//   mirrors_only (boolean, default: false): only its mirrors are asked: no request is sent to the host itself, and none is led to it by others
//   proxy (string): instead of the client's option; "direct": no proxy; no_proxy is ignored
//   unix_socket (string): path of a unix socket that leads to the host; scheme, Host header and TLS still use the host's name
//   address (string): "IP" or "IP:PORT" to connect to, whatever the name resolves to
//   headers (list of strings): "Name: value" each, or in JSON an object: in addition to the client's with other names
//   max_connections_per_host (integer): instead of the client's option
//   requests_per_second (number): instead of the client's option; 0 is any
//   download_bytes_per_second (integer, default: 0): bytes of bodies that come from this host in a second; 0 is any
//   upload_bytes_per_second (integer, default: 0): the same for the bytes that are sent, wherever the host says that an upload goes
//   anonymous (boolean, default: false): never send credentials, and for its repositories none that hosts.toml and registries.yaml have for mirrors
//   trusted_realms (list of strings): HOST[:PORT] that may receive this host's credentials as its token server
// Credentials:
//   username (string): with password: for Basic and for the host's token server; or with identity_token, if known
//   password (string): with username
//   identity_token (string): a refresh token for the host's token server
//   token (string): a bearer token, used as it is
// TLS, instead of what the client's options say (insecure holds if either says so):
//   insecure (boolean, default: false): TLS is not verified
//   ca_file (string or list of strings): PEM files of certificate authorities, and of servers' own certificates
//   ca_only (boolean, default: false): those instead of the platform's
//   client_cert_file (string): PEM file of a client certificate with its chain
//   client_key_file (string, default: client_cert_file): PEM file of its key in PKCS #8, SEC 1 or PKCS #1 without passphrase
//
// address: the Host header and TLS still use the name. A host that is an address itself cannot have this option.
//
// download_bytes_per_second: the client's option of this name holds too. What the host redirects to elsewhere, such as the storage of its blobs,
// counts as its own.
//
// anonymous: a mirror is a host of its own: what its options say, and what is stored for it, is still sent to it.
//
// trusted_realms: a token server of the host's own domain may receive them without this option. With "http://HOST[:PORT]" a server may receive them
// without TLS although this host uses https; without it that is refused with OCIREG_PROTOCOL.
//
// identity_token: a new identity token that the server issues replaces this one. Protocol v1 has no use for identity tokens.
//
// ca_file: a server's own certificate is trusted as it is, for its names and days, as one among the platform's is.
//
// client_cert_file: the client certificate is for the hosts that the caller names and their own token servers, never for hosts that a server names.
//
// A mirror is [SCHEME://]HOST[:PORT][/PREFIX]; PREFIX is put before the repository's name, after the usual /v2/. In JSON it may
// be an object, and a string may be the text of one: {"endpoint": the same, "by_digest_only": boolean (it is not asked for
// tags and referrers, because those answers cannot be verified), "push": boolean (it takes what is written), "namespace":
// boolean (the query ns tells a proxy of several registries which one is asked)}. Each is a host of its own:
// ocireg_client_set_host for it gives its credentials, headers and network settings, and nothing of this host's reaches it.
// The headers and the client certificate of the client's own options go to mirrors that the caller names, here or by
// ocireg_client_set_host, and not to those that only a file of the machine names.
//
// Manifests, blobs, tags and referrers are asked of the mirrors in this order, and then of the host itself. One is passed over if
// it does not connect within 5 s (or connect_timeout_ms if that is less), refuses, does not have it, sends something else, or
// fewer bytes than min_speed allows. The
// same holds if it sends no byte of its answer within 10 s (or idle_timeout_ms, or half of the time until the deadline). The log
// tells so. If no other endpoint answers, one that was only slow is asked again, with all the time that a registry has. For a
// minute, or as long as its Retry-After says, it then comes after the others. Not so if it only did not have something, which says
// nothing of the next thing. If the deadline left it less time than it usually has, it comes after the others in this call only.
// Other settings for its host are tried at once. A download goes on at the next one where it broke off. A list without any tag or
// referrer is believed of the last one only. What is written goes to the first mirror with push, else to the host itself; the tags
// that this client has set or deleted are asked there first from then on. What is written by what a tag of the same registry refers
// to (ocireg_image_tag, a subject, the sources of an index, a copy within the registry) is what the tag refers to at the registry, and
// its referrers are those that are listed there: nothing checks what a mirror says of either. That holds whatever files say of the two
// repositories, unless they do not let the registry itself be asked for tags (a location elsewhere, blocked, without the capability
// resolve, under another name): then it is read like any other reference. A copy to another registry is of what the first endpoint says that the
// tag is. Where the host itself answers that it does not have
// something, the mirrors that come after it only for such a failure, in which they did answer, are asked anyway. With
// mirrors_only what would be asked of the host itself is OCIREG_FORBIDDEN, under each of its names, and so is what the mirrors of
// other hosts would ask there. Where another host redirects there, or names a token server there, it is OCIREG_REDIRECT.
//
// username and password are given together, or identity_token, or token. Of unix_socket, address and a proxy only one can be
// given; the first two go past the client's proxy.
//
// Errors: OCIREG_INVALID_ARGUMENT, OCIREG_INVALID_REFERENCE, OCIREG_CLOSED, OCIREG_FORKED.
ocireg_status ocireg_client_set_host(ocireg_client *client,
                                     const char *host,
                                     const ocireg_options *options,
                                     ocireg_error **error);

// Closes a client: its calls in progress end with OCIREG_CLOSED within 200 ms, later ones answer OCIREG_CLOSED at once.
// Any thread, any number of times. The memory stays until ocireg_client_free.
//
// Errors: OCIREG_INVALID_ARGUMENT, OCIREG_FORKED.
ocireg_status ocireg_client_close(ocireg_client *client,
                                  ocireg_error **error);

// Frees a client. NULL is accepted, and anything that is not a client is ignored. No call of another thread may be just
// beginning with it; a callback may free the client of its own call, which goes on and lets go of it at its end. Readers and
// uploads may be freed before or after. It waits for what the network thread has at hand: about a second where a server floods
// it, else nothing that is felt. It does not wait for the threads of jobs that are still running. In a forked child the parent's
// client is leaked, not freed.
void ocireg_client_free(ocireg_client *client);

// Takes the name of a registry apart: [SCHEME://]HOST[:PORT]; "" is Docker Hub. Any thread.
//
// Result: {"name": string, "host": string (the same for all spellings of a registry: HOST for HOST:443 and https://HOST, HOST:80 for
// http://HOST), "official": boolean (Docker Hub), "scheme": "https", "http" or null}. Free with ocireg_string_free.
//
// Errors: OCIREG_INVALID_ARGUMENT, OCIREG_INVALID_REFERENCE.
ocireg_status ocireg_index_parse(const char *name,
                                 char **json,
                                 ocireg_error **error);

// Takes a name apart: [[SCHEME://]HOST[:PORT]/]REPOSITORY[:TAG][@DIGEST]. Any thread.
//
// Options:
//   default_index (string): the registry of names without one, instead of Docker Hub
//
// Result: {"index": as in ocireg_index_parse, "official": boolean, "remote_name": "library/mongo" (what the registry calls
// it), "local_name": "mongo", "canonical_name": "docker.io/mongo", "tag": string or null ("latest" when there is neither
// tag nor digest), "digest": string or null, "canonical_ref": "docker.io/mongo:latest", "reference":
// "docker.io/library/mongo:latest", "repository": "docker.io/library/mongo"}. Free with ocireg_string_free.
//
// Errors: OCIREG_INVALID_ARGUMENT, OCIREG_INVALID_REFERENCE. Source: distribution's reference grammar.
ocireg_status ocireg_reference_parse(const char *name,
                                     const ocireg_options *options,
                                     char **json,
                                     ocireg_error **error);

// The digest of bytes in memory, as "sha256:...". `data` may be NULL when `size` is 0. Any thread.
//
// Options:
//   algorithm (string, default: "sha256"): "sha256" or "sha512"
//
// Result: a string; free with ocireg_string_free.
//
// Errors: OCIREG_INVALID_ARGUMENT. Source: OCI image-spec, descriptor.md "Digests".
ocireg_status ocireg_digest_bytes(const uint8_t *data,
                                  size_t size,
                                  const ocireg_options *options,
                                  char **digest,
                                  ocireg_error **error);

// Checks the bytes of a manifest and says what it is. The digest of a signed schema-1 manifest is that of its payload; its
// signatures are ocireg_schema1_verify's business. Any thread.
//
// Options:
//   media_type (string): what the bytes are said to be, which they are checked against
//
// Result: {"mediaType": string, "digest": string, "size": number, "schema_version": 1 or 2, "kind": "image", "index",
// "artifact" or "schema1", "manifest": the document}. Free with ocireg_string_free.
//
// Errors: OCIREG_INVALID_ARGUMENT, OCIREG_INVALID_MANIFEST, OCIREG_SIGNATURE, OCIREG_LIMIT_EXCEEDED. Source: OCI image-spec
// manifest.md and image-index.md, Docker's manifest v2 schema 1 and 2.
ocireg_status ocireg_manifest_inspect(const uint8_t *data,
                                      size_t size,
                                      const ocireg_options *options,
                                      char **json,
                                      ocireg_error **error);

// Makes a manifest or an index from descriptors, so that callers need not join strings. `parts` is a JSON object with the members
// of the manifest: "manifests" for an index, or "config" and "layers" for an image or an artifact; "artifactType", "subject",
// "annotations" and "mediaType" as wanted. A descriptor is {"mediaType", "digest", "size" [, "urls", "annotations", "data",
// "platform", "artifactType"]}. What is left out is filled in: "schemaVersion", which may only be 2; "mediaType", the OCI one; for an
// artifact the empty descriptor as "config", and as the only one of "layers" if there are none (an image, by the type of its config,
// has none then). A manifest that exists may be given, with changes. Refused are members that do not exist, descriptors that
// are not valid, annotations that are not strings, and what Docker's own kinds do not have. The members come in the order that Go's
// programs write, annotations by name: the same parts make the same bytes. Put them with ocireg_manifest_put. Any thread.
//
// Options:
//   algorithm (string, default: "sha256"): "sha256" or "sha512"
//
// Result, either may be NULL when not wanted: `bytes`, the exact bytes, freed with ocireg_buffer_free; `json`, as in
// ocireg_manifest_inspect, freed with ocireg_string_free.
//
// Errors: OCIREG_INVALID_ARGUMENT (`parts` is not a JSON object), OCIREG_INVALID_MANIFEST, OCIREG_LIMIT_EXCEEDED. Source: OCI
// image-spec manifest.md, image-index.md and descriptor.md.
ocireg_status ocireg_manifest_build(const char *parts,
                                    const ocireg_options *options,
                                    char **json,
                                    ocireg_buffer **bytes,
                                    ocireg_error **error);

// Asks a registry, HOST[:PORT], whether and how it speaks the protocol. No credentials are sent. Blocks.
//
// Options:
//   version (integer, default: 0): the protocol version to ask for, 2 or 1; 0 asks for v2, and for v1 if /v2/ answers 404
//
// Result: {"registry": string, "url": string, "status": 200, 401 or 404 (with version 1 whatever /v1/_ping answers),
// "api_version": 2, 1 (it answers only /v1/_ping) or null, "versions": [string] (its Docker-Distribution-API-Version),
// "challenges": [string] (the authentication schemes it asks for), "headers": {name: value}}. Free with ocireg_string_free.
//
// Errors: the common ones. Source: distribution-spec end-1.
ocireg_status ocireg_registry_ping(ocireg_client *client,
                                   ocireg_context *context,
                                   const char *registry,
                                   const ocireg_options *options,
                                   char **json,
                                   ocireg_error **error);

// Finds out which protocol a registry, HOST[:PORT], speaks: 2 when /v2/ answers 200 or 401, 1 when it answers 404 and
// /v1/_ping answers as protocol v1 does. No credentials are sent. No other call chooses between the protocols, or falls back
// from one to the other. Blocks.
//
// Options: none.
//
// Result: {"registry": string, "api_version": 2 or 1}. Free with ocireg_string_free.
//
// Errors: the common ones; OCIREG_UNSUPPORTED when it speaks neither. Source: distribution-spec end-1; Docker's Registry
// API v1, "_ping".
ocireg_status ocireg_registry_detect(ocireg_client *client,
                                     ocireg_context *context,
                                     const char *registry,
                                     const ocireg_options *options,
                                     char **json,
                                     ocireg_error **error);

// Lists the repositories of a registry, all pages unless `n` is given. Blocks.
//
// To go on after `n` names, call again with the page's `next`, until that is null. Where a list goes on is the registry's own
// business: `next` is what its Link says, with the place on that page, as an opaque text of at most 16 KiB. It belongs to this
// list and this host, may be kept and used by another process, and leads nowhere else, even if it was forged. Pages that form a
// loop are OCIREG_PROTOCOL, though each is a call of its own.
//
// Options:
//   n (integer): at most this many, also the page size requested, up to 1000
//   all (boolean, default: false): all pages, each of `n` names
//   last (string): only repositories after this one
//   next (string): go on where the page with this `next` ended; `last` does not count then
//   search (string): only names that contain it
//   regex (string): only names that it matches somewhere; Rust's regex syntax
//
// Result: {"repositories": [string], "last": string or null (the last of them, when there are more), "next": string or null (give
// it as `next` to go on; null at the end)}. What cannot be a name (it is empty, or would lead elsewhere, or a terminal obeys it) is left
// out, with a warning that says how much that was. Free with ocireg_string_free.
//
// Errors: the common ones; OCIREG_UNSUPPORTED where the registry has no catalog, or ignores `last` and begins again;
// OCIREG_INVALID_ARGUMENT for a `next` of another list, or one that no list gave; OCIREG_LIMIT_EXCEEDED (5,000,000 names, or 100,000 pages
// in one call); OCIREG_PROTOCOL when more than 100 pages in a row bring nothing new. Source: distribution's API, "Catalog"; not in
// the OCI specification.
ocireg_status ocireg_registry_catalog(ocireg_client *client,
                                      ocireg_context *context,
                                      const char *registry,
                                      const ocireg_options *options,
                                      char **json,
                                      ocireg_error **error);

// Lists the tags of a repository, [HOST[:PORT]/]REPOSITORY, or the names at another place (see ocireg_endpoint_parse; those that
// containerd and Docker write too), all pages unless `n` is given. To go on after `n` tags, call again with
// the page's `next`, until that is null, as with ocireg_registry_catalog. Blocks.
//
// Options:
//   n (integer): at most this many, also the page size requested, up to 1000
//   all (boolean, default: false): all pages, each of `n` tags
//   last (string): only tags after this one
//   next (string): go on where the page with this `next` ended; `last` does not count then
//   digests (boolean, default: false): look up each tag's digest too, one request a tag
//   digest_tags (boolean, default: true): false leaves out tags that are made of a digest
//
// digest_tags: such tags are lists of referrers (sha256-HEX), and what cosign and others keep beside them (sha256-HEX.sig).
//
// Result: {"name": string, "tags": [string], "last": string or null (the last of them, when there are more), "next": string or
// null (give it as `next` to go on; null at the end), "served_by": HOST[:PORT], the registry's or a mirror's, null of another place,
// "resolved_by": [HOST[:PORT]] (with `digests`: the endpoints that said them) [, "digests": {tag: string or null}]} (the name as
// the registry says it, and as the caller does where a mirror answers), and further members that the registry sends (Google's
// "child" and "manifest"). What cannot be a tag is left out, with a warning that says how much that was; a list that holds
// anything but strings and nulls is OCIREG_PROTOCOL. Free with ocireg_string_free.
//
// Errors: the common ones; OCIREG_UNSUPPORTED where the registry takes no notice of `last` and begins again (one that gives its
// whole list, as distribution 2.8 does, is cut here); OCIREG_INVALID_ARGUMENT for a `next` of another list, or one that no list
// gave; OCIREG_LIMIT_EXCEEDED and OCIREG_PROTOCOL as in ocireg_registry_catalog. Source:
// distribution-spec end-8a, end-8b.
ocireg_status ocireg_repository_tags(ocireg_client *client,
                                     ocireg_context *context,
                                     const char *repository,
                                     const ocireg_options *options,
                                     char **json,
                                     ocireg_error **error);

// Gets a manifest, [HOST[:PORT]/]REPOSITORY[:TAG][@DIGEST]; with both, the digest decides. Or that of another place (see
// ocireg_endpoint_parse). Its bytes are verified against the digest before they are looked at, and its content against its media
// type. Blocks.
//
// Options:
//   platform (string): of an index, the manifest for this platform, OS/ARCH[/VARIANT][:OS.VERSION]
//   accept (list of strings): media types to ask for, instead of all that are known
//   max_schema_version (integer, default: 2): 1 asks for schema 1 only
//   accept_index (boolean, default: true): false: an index is not accepted
//
// A place that is not a registry is not asked for media types (accept).
//
// Result, either may be NULL when not wanted: `bytes`, the exact bytes, freed with ocireg_buffer_free; `json`, {"mediaType",
// "digest", "size", "schema_version", "kind", "manifest"} as in ocireg_manifest_inspect, "reference" (HOST/REPOSITORY@DIGEST;
// of another place oci:DIR@DIGEST, or the place itself), "repository" (HOST/REPOSITORY, null of another place), "headers": {name:
// value} (none there), "rate_limit": {"limit", "remaining", "window_seconds": number or null, "source": string or null} as the
// registry's headers say, or null [, "platform": {"os", "architecture" [, "variant", "os.version", "os.features"]} when one was
// picked] [, "signatures": as in ocireg_schema1_verify, when it is a signed schema-1 manifest], "served_by": HOST[:PORT], the
// registry's or a mirror's, null of another place, "resolved_by": [HOST[:PORT]] (with `platform`: the endpoints that sent the
// indexes in which it was found), freed with ocireg_string_free.
//
// Errors: the common ones; OCIREG_DIGEST_MISMATCH (after a second try), OCIREG_INVALID_MANIFEST, OCIREG_LIMIT_EXCEEDED,
// OCIREG_SIZE_MISMATCH (against the index), OCIREG_SIGNATURE (a signed schema-1 manifest with a signature that is not
// good), OCIREG_NOT_FOUND also when the index has no such platform; of another place those of ocireg_endpoint_manifest. Source:
// distribution-spec end-3.
ocireg_status ocireg_manifest_get(ocireg_client *client,
                                  ocireg_context *context,
                                  const char *reference,
                                  const ocireg_options *options,
                                  char **json,
                                  ocireg_buffer **bytes,
                                  ocireg_error **error);

// The descriptor of a manifest in a registry or at another place, without its bytes. It takes one HEAD, or a GET where the
// registry does not answer HEAD well or refuses it (400, 401, 403, 404), because only a GET tells its reason. A password that was
// refused is not sent again by a GET. The digest of a reference by tag is what the registry says. Blocks.
//
// Options:
//   accept (list of strings): media types to ask for, instead of all that are known
//
// Result: {"mediaType": string, "digest": string, "size": number, "headers": {name: value}, "rate_limit" and "served_by" as in
// ocireg_manifest_get}. Free with ocireg_string_free.
//
// Errors: the common ones; OCIREG_DIGEST_MISMATCH. Source: distribution-spec end-3.
ocireg_status ocireg_manifest_head(ocireg_client *client,
                                   ocireg_context *context,
                                   const char *reference,
                                   const ocireg_options *options,
                                   char **json,
                                   ocireg_error **error);

// The digest of a manifest, as ocireg_manifest_head finds it; with a platform, of the one in the index for it. Blocks.
//
// Options: those of ocireg_manifest_get.
//
// Result: a string; free with ocireg_string_free.
//
// Errors: those of ocireg_manifest_get. Source: distribution-spec end-3.
ocireg_status ocireg_manifest_digest(ocireg_client *client,
                                     ocireg_context *context,
                                     const char *reference,
                                     const ocireg_options *options,
                                     char **digest,
                                     ocireg_error **error);

// Puts a manifest, its bytes unchanged, under a tag or a digest; with both the digest is checked and the tag is put. Into a registry,
// oci:DIR:NAME, oci:DIR@DIGEST, an oci-archive: likewise, docker-archive:FILE:REF or dir:DIR. Blocks. After OCIREG_TIMEOUT or
// OCIREG_CANCELLED the outcome is unknown.
//
// A layout or a dir: takes it only when everything that it refers to is there, with the right size, unless the option
// allow_missing says otherwise: config and layers, of schema 1 by their digests alone, and what an index lists, but not the
// subject. There the tag comes last too, and a condition holds because no other process can change the layout meanwhile
// ("locked"). A reader, or the next process after one that was killed, finds the name either as it was or as it is.
//
// An archive is a file, which is written anew with each call and replaced whole (for the cost see ocireg_blob_put_file); what
// stays of it is as in ocireg_copy, and blobs that nothing names stay too. Other processes that write to it wait. It has to be
// one that a copy could add to (see ocireg_copy), and not packed or a pipe (OCIREG_UNSUPPORTED). With allow_missing an index in
// it may lack some of its images, but an image has its config and layers (OCIREG_MISSING_BLOB), and nothing that is there has
// another size than the manifest says (OCIREG_SIZE_MISMATCH). A docker-archive: takes images alone, and no index.
//
// What an index lists is put before it, by its digest, and is an image of its own in a layout or an archive only until the index is put: then it is
// found by that, and goes with it. A dir: has one image, what was put last; the manifests before stay under their digests, so that an
// index can list them. A folder that has files and is not such a directory is refused (OCIREG_IO). No name may be a digest or end
// with one, here or in a copy: as an option's tag that is OCIREG_INVALID_REFERENCE.
//
// With the option `tags` it is put by its digest with all tags in one request; tags that the answer does not confirm
// (most registries do not know of it yet) are put one by one. The reference's own tag comes first, if it has one: a bare
// REPOSITORY does not stand for `latest` beside that option.
//
// With if_exists or if_digest a tag is set only if it refers to nothing, or to what the caller has seen. The tags are looked at
// first: when one does not allow it, nothing is written, and the "conflict" of the error (see ocireg_error_json) says what it refers to
// now. Then the manifest is put by its digest, and each tag is set on the condition. The registry checks it (If-None-Match,
// If-Match), if it supports that, which is found out by one more PUT of the manifest and remembered for ten minutes. Otherwise the
// tag is looked at once more just before. "condition" in the result says which it was: "registry", which is sure, or "looked",
// which guarantees nothing: another client may write between the look and the PUT. Few registries check conditions; distribution
// does not.
//
// A manifest with a subject is listed among the subject's referrers: by the registry, which says so by its OCI-Subject
// header, else in the referrers tag (`sha256-` and the hexadecimal digits). That tag is read, added to and written back, three
// requests more. Calls of one client take turns at that. Against other writers the write is conditional (If-Match,
// If-None-Match), and after three times as long as it took, at most a second, the list is read again and repaired if the entry was
// lost. Where a registry ignores conditions, as distribution does, an entry can still be lost to a writer that is slower than
// that.
//
// Options:
//   media_type (string): instead of the one in the bytes, which are checked against it
//   tags (list of strings): tags to set besides the reference's own; a reference with neither tag nor digest does not stand for `latest` then
//   referrers_tag (boolean, default: true): false leaves the referrers tag alone
//   allow_missing (boolean, default: false): into a layout or a dir:, put the manifest even if what it refers to is missing
// Each of the tags, which are looked at before anything is written, and once more when they are set:
//   if_exists (string, default: "replace"): "replace", "fail" or "skip": what becomes of a name that refers to a manifest already
//   if_digest (string): the name has to refer to this manifest still, else OCIREG_DIGEST_MISMATCH, and nothing is written
//
// allow_missing: layouts and directories take a manifest only if what it refers to is there; a registry decides that itself. In a layout with an
// index of which something is missing, ocireg_layout_clean removes nothing, unless it is told to.
//
// if_exists: with "fail", a name that refers to a manifest, even to this one, is OCIREG_DIGEST_MISMATCH, and nothing is written; with "skip" it stays
// as it is, and the result says so.
//
// Result, `json` may be NULL: {"digest": string, "size": number, "mediaType": string, "location": string or null, "tags":
// [string], all that were set, "skipped": [string], those that were left as they are (if_exists "skip"; when it is all of them,
// nothing was written), "condition": "registry", "locked" or "looked" (for several tags the weaker), null without a condition,
// "subject": digest or null, "referrers": how it is listed, "api", "tag", "index" (by a place that is not a registry) or "none",
// null without a subject}. Free with ocireg_string_free.
//
// Errors: the common ones; OCIREG_INVALID_MANIFEST, OCIREG_DIGEST_MISMATCH (also when a tag refers to what if_exists or if_digest
// do not allow), OCIREG_MISSING_BLOB, OCIREG_LIMIT_EXCEEDED;
// OCIREG_PROTOCOL when the referrers tag is not an index, OCIREG_HTTP when it changes all the time: then the manifest is
// stored, and the message says so. Source: distribution-spec end-7a, end-7b, "Pushing Manifests with Subject", "Referrers
// Tag Schema".
ocireg_status ocireg_manifest_put(ocireg_client *client,
                                  ocireg_context *context,
                                  const char *reference,
                                  const uint8_t *data,
                                  size_t size,
                                  const ocireg_options *options,
                                  char **json,
                                  ocireg_error **error);

// Deletes a manifest by its digest, and with it every tag of that digest; by tag only that tag, on registries that can
// (ocireg_tag_delete does that with more care). In a registry, in a layout, oci:DIR@DIGEST, or in an archive,
// oci-archive:FILE@DIGEST, or docker-archive:FILE:REF by the name. Blocks.
//
// In a layout its names go at once; its bytes, what only it named, and what refers to it without a name (signatures, SBOMs), when the
// layout is cleaned (ocireg_layout_clean). An archive is written anew without all of that, and replaced whole, as by
// ocireg_manifest_put. What an index that stays lists there, or a manifest with a name refers to, stays with that, and a warning says
// so; if it has no entry of its own, that is OCIREG_UNSUPPORTED.
//
// At a registry without the referrers API, a manifest with a subject is taken out of the subject's referrers tag. That
// costs one GET of the manifest there, and nothing where the registry has the API; that is asked once for a repository
// and remembered for ten minutes. A referrers tag that has become empty is deleted, or left as an empty
// index where it cannot be.
//
// Options:
//   referrers_tag (boolean, default: true): false leaves the referrers tag alone
//
// Result, `json` may be NULL: {"status": the registry's HTTP status, null in a layout or an archive, "subject": digest or null,
// "referrers": "tag" when the manifest was taken out of the referrers tag, else null}. Free with ocireg_string_free.
//
// Errors: the common ones; OCIREG_UNSUPPORTED where the registry deletes nothing, or no single tag, and of a dir:, a pipe and an archive that is
// packed or that a copy could not add to. Source:
// distribution-spec end-9, "Deleting Manifests".
ocireg_status ocireg_manifest_delete(ocireg_client *client,
                                     ocireg_context *context,
                                     const char *reference,
                                     const ocireg_options *options,
                                     char **json,
                                     ocireg_error **error);

// Lists what refers to a manifest (signatures, attestations, bills of materials), [HOST[:PORT]/]REPOSITORY@DIGEST; a tag
// is resolved first. At another place (see ocireg_endpoint_parse) it lists what that holds. From the registry's referrers API,
// all pages; where there is none (404, 400, 405, 406, or a web page), from the index under the referrers tag. Which one it was
// is remembered for a repository for ten minutes. Blocks.
//
// Options:
//   artifact_type (string): only those of this type; requested from the registry, and filtered here unless it says that it did
//   annotations (list of strings): "KEY" or "KEY=VALUE": only those that have all of them
//   max (integer): at most this many
//   next (string): go on where the call with this `next` stopped, of the same digest and artifact_type
//
// Result: {"subject": digest, "referrers": [descriptor: {"mediaType", "digest", "size" [, "artifactType", "annotations",
// "urls", "data", "platform"]}], each digest once, "source": "api", "tag", "index" of another place, or "none" when there is
// neither the API nor the tag, "served_by": HOST[:PORT], the registry's or a mirror's, null of another place,
// "resolved_by": [HOST[:PORT]] (the endpoint that said what the tag refers to; none for a digest), "filters_applied": [string],
// the filters that the registry says it applied, "truncated": whether there are more than `max`, "next": string or null (give it
// as `next` to go on; null at the end; opaque, as that of ocireg_registry_catalog)}. Free with ocireg_string_free.
//
// Errors: the common ones; OCIREG_PROTOCOL when what is there is not an image index, or more than 100 pages in a row bring nothing new,
// OCIREG_LIMIT_EXCEEDED (100,000 referrers, or as many pages),
// OCIREG_INVALID_ARGUMENT for a `next` of another list, or one that no list gave. Source: distribution-spec end-12a, end-12b,
// "Listing Referrers", "Referrers Tag Schema".
ocireg_status ocireg_referrers(ocireg_client *client,
                               ocireg_context *context,
                               const char *reference,
                               const ocireg_options *options,
                               char **json,
                               ocireg_error **error);

// Deletes one tag, [HOST[:PORT]/]REPOSITORY:TAG, and leaves its manifest and the manifest's other tags; with a digest
// too, only if the tag names it. Or the name of a layout or an archive, oci:DIR:NAME[@DIGEST]: what no name or index leads to any
// more lies in a layout until that is cleaned (ocireg_layout_clean), and in an archive, which is written anew and replaced whole as
// by ocireg_manifest_put, no longer, unless an index there lacks some of its images: these may need any of it. A manifest with a
// subject stays there without a name, among the subject's referrers, as long as the subject, or until it is deleted by its
// digest (ocireg_manifest_delete). There it is a name as ocireg_manifest_put sets it, taken from all images that have it: not a
// digest, and not the last part of a name that containerd has written. Blocks.
//
// distribution 3 and go-containerregistry's registry delete a tag; distribution 2.8 refuses. A registry that deletes the
// whole manifest instead is not noticed before: so the manifest is read first, and put back by its digest, with its
// other tags if `list_others` has found them.
//
// Options:
//   list_others (boolean, default: false): find the other tags of the same digest, one HEAD a tag for the first 256
//   replace (boolean, default: false): where the registry deletes no tag, put an empty index under it and delete that by its digest
//
// replace: the tag names the empty index for a moment, until that is deleted.
//
// Result, `json` may be NULL: {"tag": string, "digest": what it named (of several images the first), "status": the registry's
// HTTP status, null in a layout or an archive, "manifest": "kept", "restored" (the registry deleted it, and it was put back),
// "deleted", "unknown" when the registry does not say, or "unnamed" (in a layout or an archive: no name and no index leads to it
// any more), "replaced": boolean, whether it took the empty index [, "other_tags": [string], with list_others]}. Free with
// ocireg_string_free.
//
// Errors: the common ones; OCIREG_INVALID_REFERENCE without a tag, OCIREG_UNSUPPORTED where the registry deletes no
// single tag (the hint says what else to do, and the other tags of the digest if they were looked for), and of a dir:, a pipe
// and an archive that is packed or that a copy could not add to, OCIREG_NOT_FOUND, OCIREG_DIGEST_MISMATCH. Source:
// distribution-spec end-9, "Deleting tags".
ocireg_status ocireg_tag_delete(ocireg_client *client,
                                ocireg_context *context,
                                const char *reference,
                                const ocireg_options *options,
                                char **json,
                                ocireg_error **error);

// What a registry knows about a blob, HOST[:PORT]/REPOSITORY@DIGEST, or another place, PLACE@DIGEST: oci:DIR@DIGEST,
// oci-archive:FILE@DIGEST, docker-archive:FILE@DIGEST, dir:DIR@DIGEST. A missing blob is not an error. What such a place says is not
// verified before the blob is got. Blocks.
//
// Options: none.
//
// Result: {"exists": boolean, "digest": string, "size": number or null, "mediaType": string or null, "redirects":
// [{"status": number, "url": string}] (the way to the server that has the bytes, without queries), "headers": {name: value} of the last
// answer [, "first_headers": {name: value} of the registry's own, when that was a redirect], "served_by": HOST[:PORT], the
// registry's or a mirror's, null of another place}. Free with ocireg_string_free.
//
// Errors: the common ones. Source: distribution-spec end-2.
ocireg_status ocireg_blob_head(ocireg_client *client,
                               ocireg_context *context,
                               const char *reference,
                               const ocireg_options *options,
                               char **json,
                               ocireg_error **error);

// Gets a blob, named as for ocireg_blob_head, into a file. The file appears under its name only whole and verified, replacing
// what was there, whose permissions it keeps where it was the caller's. Until then the bytes are in a hidden file beside it,
// which a later call for the same blob and path continues after a broken transfer. Links are followed to what they name. A named
// pipe, a character device, `-` (standard output) and the names of the process's own descriptors, such as /dev/stdout, are
// written through, as by ocireg_blob_get_fd. Blocks.
//
// Options:
//   if_exists (string, default: "replace"): "replace", or "skip": a file that holds the blob already stays as it is
//   resume (boolean, default: true): false: begin at the first byte, remove what an earlier call has left, and leave nothing after a failure
//   offset (integer, default: 0): only a piece, which cannot be verified, wherever it comes from: from this byte on
//   length (integer, default: all that follow): only a piece, which cannot be verified, wherever it comes from: this many bytes
//   size (integer): the blob's size from its descriptor
//
// if_exists: with "skip", a regular file of this user or root is found to hold the blob by its digest, and by its size if that is given; nothing is
// requested for it then.
//
// offset: a piece that a mirror sent is a warning that names it (ocireg_context_warnings).
//
// Result, `json` may be NULL: {"digest": string, "size": number or null (of the whole blob), "offset": number, "length": number
// (bytes delivered), "verified": boolean (false for a piece), "resumed": number (how many of them an earlier call had left),
// "served_by": HOST[:PORT], the registry's or a mirror's that sent it or its last part, null when nothing was requested, "path":
// string, "skipped": boolean (the file was there already and nothing was requested: then all its bytes were left by an earlier
// call)}. Free with ocireg_string_free.
//
// Errors: the common ones; OCIREG_DIGEST_MISMATCH (after a second try), OCIREG_SIZE_MISMATCH, OCIREG_IO. Source:
// distribution-spec end-2, RFC 9110 14 (ranges).
ocireg_status ocireg_blob_get_file(ocireg_client *client,
                                   ocireg_context *context,
                                   const char *reference,
                                   const char *path,
                                   const ocireg_options *options,
                                   char **json,
                                   ocireg_error **error);

// Gets a blob and writes it to a descriptor, which stays open. The bytes are written as they come: on an error,
// OCIREG_DIGEST_MISMATCH too, what was written must not be trusted. It may be a file, a pipe, a socket or a terminal, with or without
// O_NONBLOCK; while nothing reads from its other end, the call waits, and cancel, deadline and close end that wait like any other.
// A reader that went away is OCIREG_IO with ocireg_error_errno EPIPE; no SIGPIPE comes. Blocks.
//
// Options:
//   offset (integer, default: 0): only a piece, which cannot be verified, wherever it comes from: from this byte on
//   length (integer, default: all that follow): only a piece, which cannot be verified, wherever it comes from: this many bytes
//   size (integer): the blob's size from its descriptor
//
// offset: a piece that a mirror sent is a warning that names it (ocireg_context_warnings).
//
// Result, `json` may be NULL: as in ocireg_blob_get_file without "path" and "skipped". Free with ocireg_string_free.
//
// Errors: those of ocireg_blob_get_file.
ocireg_status ocireg_blob_get_fd(ocireg_client *client,
                                 ocireg_context *context,
                                 const char *reference,
                                 int32_t fd,
                                 const ocireg_options *options,
                                 char **json,
                                 ocireg_error **error);

// Gets a blob into memory. Blocks.
//
// Options:
//   offset (integer, default: 0): only a piece, which cannot be verified, wherever it comes from: from this byte on
//   length (integer, default: all that follow): only a piece, which cannot be verified, wherever it comes from: this many bytes
//   size (integer): the blob's size from its descriptor
//   limit (integer, default: 67108864): the most bytes to read; more are OCIREG_LIMIT_EXCEEDED
//
// offset: a piece that a mirror sent is a warning that names it (ocireg_context_warnings).
//
// Result: `bytes`, freed with ocireg_buffer_free; `json`, may be NULL: as in ocireg_blob_get_fd, freed with
// ocireg_string_free.
//
// Errors: those of ocireg_blob_get_file, and OCIREG_LIMIT_EXCEEDED.
ocireg_status ocireg_blob_get_memory(ocireg_client *client,
                                     ocireg_context *context,
                                     const char *reference,
                                     const ocireg_options *options,
                                     char **json,
                                     ocireg_buffer **bytes,
                                     ocireg_error **error);

// Opens a blob for reading. The context, if given, also governs the reads. Close or free it before its end to stop the
// transfer. Free with ocireg_blob_reader_free. Blocks.
//
// Options: those of ocireg_blob_get_fd.
//
// Errors: those of ocireg_blob_get_file.
ocireg_status ocireg_blob_open(ocireg_client *client,
                               ocireg_context *context,
                               const char *reference,
                               const ocireg_options *options,
                               ocireg_blob_reader **reader,
                               ocireg_error **error);

// What is known of an open blob: {"digest": string, "size": number or null, "offset": number, "mediaType": string or null}.
// Free with ocireg_string_free.
//
// Errors: OCIREG_INVALID_ARGUMENT, OCIREG_CLOSED, OCIREG_BUSY, OCIREG_FORKED.
ocireg_status ocireg_blob_reader_info(const ocireg_blob_reader *reader,
                                      char **json,
                                      ocireg_error **error);

// Reads up to `size` bytes; `*read` says how many. 0 is the end, and then the blob has been verified: a wrong digest or a
// short transfer is an error, never an end. A broken transfer is resumed automatically.
// After an error the reader answers that error from then on; only a progress callback that stopped it costs
// nothing. Blocks.
//
// A reader that a job has opened returns at once, with `*read` 0, which is not the end: the bytes are ocireg_job_bytes when the job's
// call has ended, and none are the end. `buffer` is not used then.
//
// Errors: the common ones; OCIREG_DIGEST_MISMATCH, OCIREG_SIZE_MISMATCH, OCIREG_CLOSED, OCIREG_BUSY.
ocireg_status ocireg_blob_reader_read(ocireg_blob_reader *reader,
                                      uint8_t *buffer,
                                      size_t size,
                                      size_t *read,
                                      ocireg_error **error);

// Closes a reader: ends the transfer; later reads answer OCIREG_CLOSED. Any number of times. While another thread is in
// a read it answers OCIREG_BUSY; the reader's context ends such a read.
//
// Errors: OCIREG_INVALID_ARGUMENT, OCIREG_BUSY, OCIREG_FORKED.
ocireg_status ocireg_blob_reader_close(ocireg_blob_reader *reader,
                                       ocireg_error **error);

// Frees a reader. NULL is accepted, and anything that is not a reader is ignored.
void ocireg_blob_reader_free(ocireg_blob_reader *reader);

// Puts a file's bytes as a blob into [HOST[:PORT]/]REPOSITORY, oci:DIR, dir:DIR, oci-archive:FILE or docker-archive:FILE, unless
// it is there already. A failure on the way is tried again from the start. Blocks. After OCIREG_TIMEOUT or OCIREG_CANCELLED the
// outcome is unknown.
//
// Options:
//   digest (string, default: their sha256): the digest that the bytes must have
//   size (integer): the size that it must have; of a stream no more is sent, and with digest no more is read
//   chunk_size (integer): send it in chunks of this many bytes, each kept in memory
//   single_post (boolean, default: false): one POST instead of POST and PUT, where the registry can
//   mount_from (list of strings): repositories of the same registry that may have it: it is mounted from the first that has
//
// chunk_size: by default only a stream whose size or digest is not given goes in chunks, of 4194304 bytes.
//
// Into a layout or a dir:, which is made if it is not there, only digest and size count. The blob appears whole and verified, under its
// digest. Until a manifest names it, cleaning the layout removes it (ocireg_layout_clean). The bytes are read, and have to be those of
// the option digest, also when the place has that blob. A folder that has files and is neither a layout nor a dir: is refused. A killed
// call may leave a hidden file (`.` to `.partial`) there, which a clean-up of the layout removes, and nothing in a dir:.
//
// An archive, which is made if it is not there, is written anew with the blob and replaced whole: all of it is read, hashed and
// written each time, within the timeout of the call, and the disk needs room for the old one, the new one and the blob once more.
// For many blobs a layout is faster. What stays of the archive is as in ocireg_copy. The blob stays whatever else is put, copied, tagged
// and taken away, until a manifest that needs it has come and gone; a copy of the images to a new file leaves it behind. A blob that the
// archive has with another size or with wrong bytes is replaced. One that is damaged and that nothing names is left out whenever the
// archive is written, with a warning; one that another image there needs stays as it is, with a warning too.
//
// A registry that finds a blob too large for one request (413) gets it in chunks, smaller and smaller.
//
// Result, `json` may be NULL: {"digest": string, "size": number, "location": string or null, "uploaded": boolean (false
// when the registry had it, or it was mounted), "mounted": boolean}. Free with ocireg_string_free.
//
// Errors: the common ones; OCIREG_IO, OCIREG_DIGEST_MISMATCH, OCIREG_SIZE_MISMATCH. Source: distribution-spec end-4a to
// end-6.
ocireg_status ocireg_blob_put_file(ocireg_client *client,
                                   ocireg_context *context,
                                   const char *repository,
                                   const char *path,
                                   const ocireg_options *options,
                                   char **json,
                                   ocireg_error **error);

// Puts bytes in memory as a blob; as ocireg_blob_put_file. `data` may be NULL when `size` is 0.
//
// Options, result and errors: those of ocireg_blob_put_file.
ocireg_status ocireg_blob_put_memory(ocireg_client *client,
                                     ocireg_context *context,
                                     const char *repository,
                                     const uint8_t *data,
                                     size_t size,
                                     const ocireg_options *options,
                                     char **json,
                                     ocireg_error **error);

// Puts what a callback gives as a blob: in one request when size and digest are given, which cannot be made again when it fails, else in
// chunks, each of which is kept until the registry has it, and is sent again. The callback runs on this thread; of a job on one of the
// library's, until OCIREG_EVENT_DONE (see ocireg_job). Blocks.
//
// Options: those of ocireg_blob_put_file.
//
// Result and errors: those of ocireg_blob_put_file; OCIREG_CALLBACK.
ocireg_status ocireg_blob_put_stream(ocireg_client *client,
                                     ocireg_context *context,
                                     const char *repository,
                                     ocireg_read_fn callback,
                                     void *userdata,
                                     const ocireg_options *options,
                                     char **json,
                                     ocireg_error **error);

// Copies one blob from a place to another, as ocireg_copy does with those of an image, and nothing else: from a registry into a layout,
// say, for a program that puts the manifest there itself (ocireg_manifest_put). `source` names a blob as for ocireg_blob_head,
// `destination` a repository or place as for ocireg_blob_put_file. It passes in pieces, and is verified; within a registry it is
// mounted where that can be; what an ended call has moved into a layout, a dir: or an archive, the next one does not move again, of
// an archive as long as it was not written meanwhile. What a
// layout, archive or dir: has must be of the option's size, and at most max_blob_bytes (ocireg_client_new), before anything is made.
// Blocks. After OCIREG_TIMEOUT or OCIREG_CANCELLED the outcome is unknown.
//
// Options:
//   size (integer, default: what the source says): the blob's size from its descriptor
//
// Result, `json` may be NULL: {"source": string, "destination": string, "digest": string, "size": number, "uploaded": boolean (false
// when the destination had it, or it was mounted), "mounted": boolean, "resumed": number (how many bytes an earlier call had
// moved), "served_by": [HOST[:PORT]] (the endpoints that told its size or sent it: the source's registry, its mirrors, or several of
// them)}. Free with ocireg_string_free.
//
// Errors: those of ocireg_blob_put_file, with "side" "source" or "destination"; OCIREG_MISSING_BLOB when the source has no such blob.
// Source: distribution-spec "Pulling blobs", "Pushing blobs".
ocireg_status ocireg_blob_copy(ocireg_client *client,
                               ocireg_context *context,
                               const char *source,
                               const char *destination,
                               const ocireg_options *options,
                               char **json,
                               ocireg_error **error);

// Deletes a blob, HOST[:PORT]/REPOSITORY@DIGEST. Blocks.
//
// Options: none.
//
// Result, `json` may be NULL: {"status": the registry's HTTP status}. Free with ocireg_string_free.
//
// Errors: the common ones; OCIREG_UNSUPPORTED. Source: distribution-spec end-10.
ocireg_status ocireg_blob_delete(ocireg_client *client,
                                 ocireg_context *context,
                                 const char *reference,
                                 const ocireg_options *options,
                                 char **json,
                                 ocireg_error **error);

// Starts an upload of unknown length to [HOST[:PORT]/]REPOSITORY. The context, if given, also governs the writes. Free with
// ocireg_upload_free. Blocks.
//
// Options:
//   chunk_size (integer, default: 4194304): bytes in one request, kept in memory until the registry has them
//
// chunk_size: an OCI-Chunk-Min-Length of the registry makes the chunks larger.
//
// Errors: the common ones. Source: distribution-spec end-4a, end-5.
ocireg_status ocireg_upload_start(ocireg_client *client,
                                  ocireg_context *context,
                                  const char *repository,
                                  const ocireg_options *options,
                                  ocireg_upload **upload,
                                  ocireg_error **error);

// Adds bytes. They are copied, and sent when a chunk is full; a chunk whose sending broke is continued where the registry
// has it. Blocks while sending.
//
// After an error the upload is broken: it answers the same error from then on, and can only be cancelled or freed.
//
// Errors: the common ones; OCIREG_CLOSED after its end, OCIREG_BUSY.
ocireg_status ocireg_upload_write(ocireg_upload *upload,
                                  const uint8_t *data,
                                  size_t size,
                                  ocireg_error **error);

// Ends the upload: the blob exists from now on. `digest` may be NULL; else the bytes must have it (sha256). Blocks. After
// OCIREG_TIMEOUT or OCIREG_CANCELLED the outcome is unknown.
//
// Result, `json` may be NULL: as in ocireg_blob_put_file. Free with ocireg_string_free.
//
// Errors: the common ones; OCIREG_DIGEST_MISMATCH (the upload is cancelled then), OCIREG_CLOSED, OCIREG_BUSY. Source:
// distribution-spec end-6.
ocireg_status ocireg_upload_finish(ocireg_upload *upload,
                                   const char *digest,
                                   char **json,
                                   ocireg_error **error);

// Sends what was written and lets go of the session, which stays open at the registry: it is continued by the
// ocireg_upload_session_ functions, by this process or another. The upload is over then. Blocks.
//
// Result: a session, as in ocireg_upload_session_start. Free with ocireg_string_free.
//
// Errors: the common ones; OCIREG_CLOSED, OCIREG_BUSY. Source: distribution-spec end-5.
ocireg_status ocireg_upload_save(ocireg_upload *upload, char **json, ocireg_error **error);

// Abandons the upload, and tells the registry. No error when it is over already. Blocks.
//
// Errors: the common ones; OCIREG_BUSY. Source: distribution's API, "Canceling an upload"; distribution-spec 1.2 end-14.
ocireg_status ocireg_upload_cancel(ocireg_upload *upload,
                                   ocireg_error **error);

// Frees an upload. NULL is accepted, and anything that is not an upload is ignored. One that is not finished is cancelled first,
// without waiting for the answer longer than 120 ms.
void ocireg_upload_free(ocireg_upload *upload);

// Opens an upload session in [HOST[:PORT]/]REPOSITORY, to be continued by the ocireg_upload_session_ functions, by this
// process or another: keep the result. Nothing is cancelled automatically; a registry lets a forgotten session expire.
// For an upload that is simply fed with bytes see ocireg_upload_start. Blocks.
//
// Options:
//   digest_algorithm (string, default: "sha256"): of the digest that the blob will have; newer registries are told any other
//
// Result, a session: {"url": string (absolute; any client that has it may be able to write to the session), "repository": string,
// "offset":
// number (bytes that the registry has), "min_chunk_size": number (the registry's OCI-Chunk-Min-Length; every chunk but the last must be
// that long; 0: any)}. Free with ocireg_string_free.
//
// Errors: the common ones. Source: distribution-spec end-4a; 1.2 end-4c.
ocireg_status ocireg_upload_session_start(ocireg_client *client,
                                          ocireg_context *context,
                                          const char *repository,
                                          const ocireg_options *options,
                                          char **json,
                                          ocireg_error **error);

// Asks a registry how far a session is. `session` is the JSON of an earlier call, or the bare URL of a session at
// HOST/v2/REPOSITORY/blobs/uploads/. Blocks.
//
// Options: none.
//
// Result: the session as it stands, to be used from now on; its url may have changed. A registry that answers with the range
// 0-0 has one byte or none; it is taken for none when the session that was given has the offset 0. Free with ocireg_string_free.
//
// Errors: the common ones; OCIREG_NOT_FOUND when the registry has forgotten the session; OCIREG_INVALID_ARGUMENT when `session` is
// neither. Source: distribution-spec end-13.
ocireg_status ocireg_upload_session_status(ocireg_client *client,
                                           ocireg_context *context,
                                           const char *session,
                                           const ocireg_options *options,
                                           char **json,
                                           ocireg_error **error);

// Sends the next bytes of a session, in smaller pieces where the registry finds them too many at once. A chunk that breaks is
// continued where the registry has it. Blocks.
//
// Options:
//   offset (integer, default: the session's offset): where the bytes start in the blob
//
// Result: the session behind the chunk, as in ocireg_upload_session_start. Free with ocireg_string_free.
//
// Errors: the common ones; OCIREG_INVALID_ARGUMENT for an empty chunk, OCIREG_PROTOCOL when the registry is at another offset. After an
// error ocireg_upload_session_status tells where to go on. Source: distribution-spec end-5.
ocireg_status ocireg_upload_session_chunk(ocireg_client *client,
                                          ocireg_context *context,
                                          const char *session,
                                          const uint8_t *data,
                                          size_t size,
                                          const ocireg_options *options,
                                          char **json,
                                          ocireg_error **error);

// Ends a session: the blob exists from now on, if its bytes have this digest; the registry checks that. `data` are the last
// bytes, if there are any left. Blocks. After OCIREG_TIMEOUT or OCIREG_CANCELLED the outcome is unknown.
//
// Options: none.
//
// Result, `json` may be NULL: as in ocireg_blob_put_file, its size counted from the session's offset. Free with ocireg_string_free.
//
// Errors: the common ones; OCIREG_HTTP or OCIREG_DIGEST_MISMATCH when the bytes have another digest. Source: distribution-spec end-6.
ocireg_status ocireg_upload_session_finish(ocireg_client *client,
                                           ocireg_context *context,
                                           const char *session,
                                           const char *digest,
                                           const uint8_t *data,
                                           size_t size,
                                           const ocireg_options *options,
                                           char **json,
                                           ocireg_error **error);

// Gives a session up. No error where the registry has no way to cancel, or has forgotten it. Blocks.
//
// Options: none.
//
// Errors: the common ones. Source: distribution's API, "Canceling an upload"; distribution-spec 1.2 end-14.
ocireg_status ocireg_upload_session_cancel(ocireg_client *client,
                                           ocireg_context *context,
                                           const char *session,
                                           const ocireg_options *options,
                                           ocireg_error **error);

// Makes a blob, HOST[:PORT]/REPOSITORY@DIGEST, out of the same blob in another repository of that registry, without moving its
// bytes. `from` is that repository, with its host; NULL asks the registry to find the blob itself. That a registry declines is not an
// error. Blocks.
//
// Options:
//   keep_session (boolean, default: false): a declined mount leaves an upload session open, which is cancelled; true: returns it
//
// Result, `json` may be NULL: {"mounted": boolean, "digest": string, "location": string or null, "session": a session, as in
// ocireg_upload_session_start, or null}. Free with ocireg_string_free.
//
// Errors: the common ones; OCIREG_INVALID_ARGUMENT when `from` is at another registry. Source: distribution-spec end-11.
ocireg_status ocireg_blob_mount(ocireg_client *client,
                                ocireg_context *context,
                                const char *reference,
                                const char *from,
                                const ocireg_options *options,
                                char **json,
                                ocireg_error **error);

// Takes the name of a place to copy from or to apart. Any thread. A place is one of
//   docker://REF or REF           a repository's tag or digest, [HOST[:PORT]/]REPOSITORY[:TAG][@DIGEST]
//   docker-v1://REF               a tag at a registry that speaks protocol v1, [HOST[:PORT]/]REPOSITORY[:TAG]; only to copy or
//                                 read from
//   oci:DIR[:NAME]                an OCI image layout, and a name in it; to read from also oci:DIR@DIGEST, by the digest
//   oci-archive:FILE[:NAME]       a tar of such a layout; to read from also oci-archive:FILE@DIGEST; to copy to `-` is standard output
//   docker-archive:FILE[:REF]     what `docker save` writes and `docker load` reads, likewise; without a tag REF is REF:latest
//   dir:DIR                       a directory with a file for each blob, named by the hex of its digest, manifest.json
//                                 and version, as skopeo has it
// A bare REF whose first part is the name of a transport of another program (tarball:x, docker-daemon:a:t), or of one of these in
// other letters (OCI:x), is refused; docker://REF is a reference whatever it is.
//
// To read from, NAME is the name of an entry (org.opencontainers.image.ref.name), the name of an image as containerd and Docker
// write it (io.containerd.image.name). It may also be @DIGEST, of an entry or of a manifest that an index there names, or @INDEX,
// the entry of that number from 0 on. REF is one of an image's names, or @INDEX. Without a name the place must hold one image,
// with as many names as it likes: with several, the error lists what can be given. Where several images have one name, a platform
// that is asked for decides between them. FILE is then a file, `-` (standard input), a named pipe or /dev/fd/N, packed by gzip,
// zstd, xz, bzip2 or not at all. What cannot be read in place is unpacked into a temporary file first (temporary_dir and
// max_temporary_bytes of ocireg_client_new).
//
// Which functions take which place, beside those that say so themselves (ocireg_copy, ocireg_image_*, ocireg_artifact_*):
//   ocireg_manifest_get, _head, _digest, ocireg_referrers,   any: docker-v1: and a docker-archive: give the manifest that is made of them
//   ocireg_repository_tags                                   any but docker-v1:; the repository, or the place without a name
//   ocireg_blob_head, _get_*, _open                          any, named PLACE@DIGEST
//   ocireg_manifest_put, ocireg_blob_put_*                   any but docker-v1:; archives are written anew, each time
//   ocireg_blob_copy                                         from any, named PLACE@DIGEST, to any but docker-v1:
//   ocireg_image_tag                                         a registry, oci:, and archives, which are written anew
//   ocireg_manifest_delete, ocireg_tag_delete                a registry, oci:, and archives, which are written anew
//   ocireg_layout_check, _clean                              a path, DIR alone
//   ocireg_blob_delete, _mount, _locate, ocireg_upload_*, ocireg_manifest_locate, ocireg_repository_remove, ocireg_registry_*,
//   ocireg_explain, ocireg_token, ocireg_login, _logout      registries only, since they are about requests and credentials; what
//                                                            nothing in a layout names is removed by ocireg_layout_clean
// Whatever else is asked of a place is OCIREG_UNSUPPORTED.
//
// Result: {"transport": "docker", "docker-v1", "oci", "oci-archive", "docker-archive" or "dir", "registry": string (the host,
// or http://HOST, for ocireg_client_set_host) or null, "reference": string or null, "repository": string or null (HOST/REPOSITORY), "path":
// string or null, "name": string or null}. Free with ocireg_string_free.
//
// Errors: OCIREG_INVALID_ARGUMENT, OCIREG_INVALID_REFERENCE. Source: containers-transports(5).
ocireg_status ocireg_endpoint_parse(const char *name,
                                    char **json,
                                    ocireg_error **error);

// Copies what one place names to another: an image, an index with everything in it, or an artifact. Places are named as for
// ocireg_endpoint_parse. Manifests arrive after everything that they refer to, by their digests. The tag comes last and only the
// root gets it, so that whatever is refused or interrupted, the tag refers to what it referred to before. For a destination with a
// tag and a digest, the tag is put and the root must have that digest. What refers to others gets onto the lists of referrers, at
// a registry without the referrers API by one write for each list, before the tag too. What is there already is not moved. Bytes
// are moved unchanged and verified: those of a file that go to a registry by the registry, which is told their digest. When it
// finds them wrong, they are checked here, and the error says which side is wrong. A blob of 64 MiB or more is hashed here as it
// is sent, and its last bytes are not sent when it is wrong. What an ended copy (an error, a cancel, a kill) has moved, the next
// one does not move again. Several processes can copy to one layout at once; copies to one archive wait for each other. Blocks.
//
// Options:
//   platform (list of strings): OS/ARCH[/VARIANT] each: of an index, only these
//   all (boolean, default: false): says explicitly that an index is copied whole, as it is by default
//   sparse (boolean, default: false): with platform, keep the index unchanged, even though only these manifests are there
//   referrers (boolean, default: false): also signatures, SBOMs and whatever else names the copied manifests as its subject
//   foreign_layers (boolean, default: false): also layers that are meant to be fetched from elsewhere
//   convert_schema1 (boolean, default: false): make an OCI image of a schema-1 manifest, which is copied unchanged otherwise
//   compression (string): "gzip", "zstd" or "none": for layers that are plain tars
//   compression_level (integer, default: 6 for gzip, 1 for zstd): 1 to 9 for gzip, 1 for zstd, and refused with "none"
//   concurrency (integer, default: 4): 1 to 64: transfers at once
//   dry_run (boolean, default: false): only say what would be done
//   source_fd (integer): the descriptor that the `-` of a source docker-archive:- or oci-archive:- stands for
//   destination_fd (integer): the descriptor that the `-` of a destination docker-archive:- or oci-archive:- stands for
// The destination's name, which is looked at before anything is read or written, and once more when it is set:
//   if_exists (string, default: "replace"): "replace", "fail" or "skip": what becomes of a name that refers to a manifest already
//   if_digest (string): the name has to refer to this manifest still, else OCIREG_DIGEST_MISMATCH, and nothing is written
//
// platform: one platform gives that image alone, several give an index that holds only their images and the attestations of these. An image that is
// not in an index must be for the wanted platforms.
//
// all: to a docker-archive the image for the host's platform is copied by default, and all is refused.
//
// referrers: what cosign keeps under tags made of the manifests' digests, sha256-HEX.sig, .att and .sbom, is copied too and keeps these tags, in a
// layout as names.
//
// convert_schema1: the signatures of a schema-1 manifest are verified first, and are not part of the OCI image. Schema-1 manifests in an index are
// left alone.
//
// compression: the default is gzip for layers that come from a docker-archive and go to a registry, as docker and other tools do it, else none, so
// that any other copy keeps its digests.
//
// dry_run: the counts of the result are those of the plan, in which what a killed call has left of a blob counts as still to be moved; nothing is
// made at the destination, and no lock is waited for.
//
// source_fd: the descriptor may be a file, a pipe or a socket, and is read from its current position. It stays open, and its position afterwards is
// not specified. By default `-` is standard input.
//
// destination_fd: the descriptor stays open, at the end of what was written. By default `-` is standard output.
//
// if_exists: with "fail", a name that refers to a manifest, even to this one, is OCIREG_DIGEST_MISMATCH, and nothing is written; with "skip" it stays
// as it is, and the result says so.
//
// An archive is a file that appears whole. One that is there keeps its other images and names; a name that it has already moves to
// the new image, and an image that has no name left is removed. What refers to another manifest (a signature, an SBOM: whatever has a
// subject) stays without a name, there and in a layout, as long as its subject: it is removed with that (from an archive when that is written, from
// a layout when that is cleaned, ocireg_layout_clean), or when it is deleted by its digest (ocireg_manifest_delete). If its subject is
// not there, it stays; what has a name keeps its subject too. Blobs that nothing named before stay, as those of ocireg_blob_put_file. Files go
// that are neither a layout's nor manifest.json: `repositories` and the layers' folders for older versions of Docker, and what
// other programs put there. What cannot be added to (compressed, of another writer) is refused with
// OCIREG_UNSUPPORTED or OCIREG_INVALID_MANIFEST before anything is written. Links are followed. A named pipe, a character device, `-` and
// the names of the process's own descriptors, such as /dev/stdout, are written to directly, in one pass and when all of the image
// is here (until then it is in temporary_dir of ocireg_client_new). A failure before that writes nothing. Cancel and deadline end
// such a write.
//
// With if_exists or if_digest the destination's name is looked at before anything is read or moved, and again when it is set, as
// ocireg_manifest_put does; in a layout that is done while no other process can change it. When it is not allowed, the "conflict"
// of the error says what the name refers to. A place without a name is OCIREG_INVALID_ARGUMENT then; dir:DIR is its own.
//
// Where layers are packed on the way, manifests and their digests differ from the source's, the config (with its diff_ids) does
// not, and the same image gives the same digests. Layers that are packed already stay as they are. Packed layers wait in a
// temporary file (temporary_dir and max_temporary_bytes of ocireg_client_new), also for dry_run. Signatures of the image as it was
// are not copied with it, nor are attestations of an index.
//
// An image of version 1 (docker-v1://, and schema 1 with convert_schema1) names no diff_ids, and by protocol v1 no digests either: its
// layers are read into a temporary file first (temporary_dir of ocireg_client_new), also for dry_run. What is made of it is an OCI
// image: the old images become its config and history. Throwaway images, and layers without a file in them, become entries of the
// history without a layer. Layers stay as they are, with the media type that their bytes show. The same images give the same
// digest. By protocol v1 a layer is verified only where the registry gives a checksum for it that can be checked.
//
// What is read from a docker-archive is what its manifest.json says. Every layer has the diff_id that the config names for it, or
// nothing is copied. Where the archive is a layout too, its manifest is taken when it is about the same files in the same order.
// Otherwise a manifest is made of the files, and ocireg_context_warnings says so when the layout has another one, or another image
// of that name. An oci-archive whose manifest says something else than its manifest.json, or which has another image under a name,
// is OCIREG_INVALID_MANIFEST.
//
// An archive takes no image whose config, layers or manifests have another size there than it says (OCIREG_SIZE_MISMATCH). A docker-
// archive, or an oci-archive with a manifest.json, takes none whose config and layers contradict each other (OCIREG_INVALID_MANIFEST),
// as far as that can be told without unpacking: by their number, unless the config names none, and by the digests of layers that are
// not compressed. What a copy to an archive that failed or was killed has moved stays beside it, hidden as .NAME.partial.d, for the
// next one, which removes it; so may a user.
//
// In a folder that all users may write to, links of other users than its owner are not followed to a place that is written to or
// cleaned. Within a layout no link of another user than root is followed.
//
// Result, `json` may be NULL: {"source": string, "destination": string, "digest": string (of what was copied), "mediaType":
// string, "manifests": {"total": number, "copied": number, "skipped": number (there already), "referrers": number},
// "blobs": {"total": number, "copied": number, "mounted": number, "skipped": number (there already), "bytes": number (of
// all), "bytes_copied": number (moved by this call), "bytes_resumed": number (moved by earlier ones that did not finish)},
// "served_by": [HOST[:PORT]] (the endpoints that sent manifests, blobs and lists of referrers of it: the source's registry, its
// mirrors, or several of them), "skipped": [string] (the name, when it was left as it is by if_exists "skip"; then digest and
// mediaType are those of what it refers to, and the counts are 0, unless another client removed it while the copy was running),
// "condition": "registry", "locked" (in a layout), "looked" (no guarantee), or null without a condition [, "plan": {"manifests":
// [descriptor], "blobs": [descriptor]}, with dry_run: what the destination lacks]}. Free with ocireg_string_free.
//
// Progress: bytes of all blobs; ocireg_context_progress has "blobs" with the members above too, and "active", the blobs on
// their way; ocireg_context_set_blob_progress tells of each. Callbacks come on the calling thread.
//
// Errors: the common ones, with "side" "source" or "destination"; OCIREG_DIGEST_MISMATCH also when the name refers to what if_exists or
// if_digest do not allow; OCIREG_MISSING_BLOB, OCIREG_INVALID_MANIFEST, OCIREG_IO.
// Source: distribution-spec "Pulling manifests", "Pushing manifests"; image-spec image-layout.md.
ocireg_status ocireg_copy(ocireg_client *client,
                          ocireg_context *context,
                          const char *source,
                          const char *destination,
                          const ocireg_options *options,
                          char **json,
                          ocireg_error **error);

// Reads everything that the images of an OCI layout need and compares it with its digests. A manifest that an index in the layout
// names and that is missing (a sparse copy leaves such) is not a problem, but the layout is not ok: it is listed as sparse. So is
// what a JSON document of an unknown kind names by a descriptor. Clean-ups wait until it is done; it waits for no lock: that another
// process has one is a warning. Blocks.
//
// Options: none.
//
// Result: {"ok": boolean, "images": number (entries of index.json), "blobs": number (manifests, configs and layers read),
// "bytes": number, "problems": [{"digest": string, "problem": string}], "sparse": [string] (digests)}. Free with
// ocireg_string_free.
//
// Errors: the common ones; OCIREG_IO, OCIREG_NOT_FOUND when it is not a layout. Source: image-spec image-layout.md.
ocireg_status ocireg_layout_check(ocireg_client *client,
                                  ocireg_context *context,
                                  const char *path,
                                  const ocireg_options *options,
                                  char **json,
                                  ocireg_error **error);

// Removes the blobs of an OCI layout that no image in it needs, hidden files of this library that killed processes left (known by their
// names, those beside index.json that may be a caller's output only after a day), and what the next copy could go on with when
// that is more than a day old. What another user has left in a folder with the sticky bit stays, which is a warning. What refers
// to another manifest and has no name (a signature, an SBOM) goes with its subject, out of index.json too: it stays while a
// name, an index, or an image without a name that refers to nothing keeps that, or if its subject is not in the layout. It waits
// until no copy by this library is at work there; but an output file (of an export, say) that a caller has put into blobs/ itself
// may be taken from its writer. While a manifest is missing that an index in the layout names, no blob is
// removed: any may be one of its. An entry of a media type that is not known needs what its JSON names; one that is not JSON
// either is OCIREG_UNSUPPORTED. Blocks.
//
// Options:
//   prune_sparse (boolean, default: false): also remove blobs that only a missing manifest may need, or an entry that cannot be read
//
// Result, `json` may be NULL: {"removed": [string] (digests), "bytes": number (of hidden files too), "sparse": [string] (digests of the missing
// manifests)}. Free with ocireg_string_free.
//
// Errors: the common ones; OCIREG_IO, OCIREG_NOT_FOUND when it is not a layout, OCIREG_MISSING_BLOB when a manifest is missing,
// and nothing is removed then. Source: image-spec image-layout.md.
ocireg_status ocireg_layout_clean(ocireg_client *client,
                                  ocireg_context *context,
                                  const char *path,
                                  const ocireg_options *options,
                                  char **json,
                                  ocireg_error **error);

// The manifest that any place names (see ocireg_endpoint_parse), as ocireg_manifest_get, which says more about one in a registry. Its
// bytes are verified. Blocks.
//
// Options:
//   platform (string): of an index, the image for this platform, OS/ARCH[/VARIANT][:OS.VERSION], instead of the index itself
//
// Result, either may be NULL when not wanted: `bytes`, the exact bytes, freed with ocireg_buffer_free; `json`, {"mediaType", "digest",
// "size", "schema_version", "kind", "manifest"} as in ocireg_manifest_inspect, "place": string, "served_by": [HOST[:PORT]] (the
// endpoints that sent it: the registry, its mirrors, or several of them) [, "platform": {"os", "architecture", ...} when one was
// picked], freed with ocireg_string_free.
//
// Errors: the common ones; OCIREG_INVALID_REFERENCE when the place holds several images and names none, OCIREG_NOT_FOUND also when
// the index has no such platform, OCIREG_INVALID_MANIFEST, OCIREG_DIGEST_MISMATCH, OCIREG_IO. Source: image-spec image-layout.md.
ocireg_status ocireg_endpoint_manifest(ocireg_client *client,
                                       ocireg_context *context,
                                       const char *place,
                                       const ocireg_options *options,
                                       char **json,
                                       ocireg_buffer **bytes,
                                       ocireg_error **error);

// Lists everything that a layout, an archive or a directory holds (see ocireg_endpoint_parse), whatever image the place's name
// names; for the tags of a repository there is ocireg_repository_tags. Blocks.
//
// Options: none.
//
// Result: {"place": string, "tags": [string] (all names), "images": [descriptor with "names": [string]], in the order of the place:
// the position is the INDEX of a name @INDEX}. Free with ocireg_string_free.
//
// Errors: the common ones; OCIREG_UNSUPPORTED for a place in a registry, OCIREG_NOT_FOUND when there is nothing, OCIREG_INVALID_MANIFEST,
// OCIREG_IO. Source: image-spec image-layout.md.
ocireg_status ocireg_endpoint_list(ocireg_client *client,
                                   ocireg_context *context,
                                   const char *place,
                                   const ocireg_options *options,
                                   char **json,
                                   ocireg_error **error);

// Lists what refers to the manifest that any place names (see ocireg_endpoint_parse), such as signatures and attestations that were
// copied with it; as ocireg_referrers, which says more about those in a registry. Blocks.
//
// Options:
//   artifact_type (string): only those of this type
//
// Result: {"place": string, "subject": digest, "referrers": [descriptor as in ocireg_referrers], "served_by":
// [HOST[:PORT]] (the endpoints that sent the manifest and the list, or said what the tag is)}. Free with ocireg_string_free.
//
// Errors: those of ocireg_endpoint_manifest; OCIREG_LIMIT_EXCEEDED. Source: distribution-spec "Listing Referrers".
ocireg_status ocireg_endpoint_referrers(ocireg_client *client,
                                        ocireg_context *context,
                                        const char *place,
                                        const ocireg_options *options,
                                        char **json,
                                        ocireg_error **error);

// Makes an artifact without parts. Free with ocireg_artifact_free.
//
// Errors: OCIREG_INVALID_ARGUMENT.
ocireg_status ocireg_artifact_new(ocireg_artifact **artifact, ocireg_error **error);

// Adds a file or a folder, by its path; it is read when the artifact is pushed. A regular file, through whatever links, has to
// stay as it is meanwhile, else OCIREG_IO. A folder is packed as a tar of regular files, folders and symbolic links, with gzip
// and the annotations that let ocireg_artifact_pull and oras unpack it; anything else in it, and a link that leads out of it, is
// refused. `-` is standard input; that, a named pipe and a character device are read to their ends by the first push, and wait in
// a temporary file until the artifact is freed. Any thread.
//
// Options:
//   title (string): the name under which it is pulled (org.opencontainers.image.title)
//   media_type (string): its media type
//   annotations (list of strings): KEY=VALUE each, of its descriptor
//   config (boolean, default: false): it is the artifact's config, of which there is one at most, and has no title
//
// title: a title is relative, without "..", and different from those of the other parts. The default for a file or folder is its path, or the last
// part of a path that is absolute or leads upwards.
//
// media_type: the default is what oras gives too: application/vnd.oci.image.layer.v1.tar for a file, application/vnd.oci.image.layer.v1.tar+gzip for
// a folder, and application/vnd.unknown.config.v1+json for a config.
//
// Errors: OCIREG_INVALID_ARGUMENT, OCIREG_FORKED.
ocireg_status ocireg_artifact_add_file(ocireg_artifact *artifact,
                                       const char *path,
                                       const ocireg_options *options,
                                       ocireg_error **error);

// Adds bytes in memory, which are copied. `data` may be NULL when `size` is 0. Any thread.
//
// Options: those of ocireg_artifact_add_file.
//
// Errors: OCIREG_INVALID_ARGUMENT, OCIREG_FORKED.
ocireg_status ocireg_artifact_add_memory(ocireg_artifact *artifact,
                                         const uint8_t *data,
                                         size_t size,
                                         const ocireg_options *options,
                                         ocireg_error **error);

// Adds everything that a callback gives, which is called on this thread until it returns 0. The bytes wait in a temporary file
// until the artifact is freed.
//
// Options:
// The part:
//   title (string): the name under which it is pulled (org.opencontainers.image.title)
//   media_type (string): its media type
//   annotations (list of strings): KEY=VALUE each, of its descriptor
//   config (boolean, default: false): it is the artifact's config, of which there is one at most, and has no title
// Where the bytes wait:
//   temporary_dir (string, default: /var/tmp, or /tmp where there is none): the folder for temporary files
//   max_temporary_bytes (integer, default: 68719476736): the most that may wait there for one call
//
// title: a title is relative, without "..", and different from those of the other parts. The default for a file or folder is its path, or the last
// part of a path that is absolute or leads upwards.
//
// media_type: the default is what oras gives too: application/vnd.oci.image.layer.v1.tar for a file, application/vnd.oci.image.layer.v1.tar+gzip for
// a folder, and application/vnd.unknown.config.v1+json for a config.
//
// temporary_dir: no environment variable, such as TMPDIR, changes the default.
//
// Errors: OCIREG_INVALID_ARGUMENT, OCIREG_CALLBACK, OCIREG_IO, OCIREG_LIMIT_EXCEEDED, OCIREG_FORKED.
ocireg_status ocireg_artifact_add_stream(ocireg_artifact *artifact,
                                         ocireg_read_fn callback,
                                         void *userdata,
                                         const ocireg_options *options,
                                         ocireg_error **error);

// Frees an artifact. NULL is allowed.
void ocireg_artifact_free(ocireg_artifact *artifact);

// Makes an artifact of its parts and puts it where a place says (see ocireg_endpoint_parse): blobs first, several at once, and
// the manifest last, under the place's tag or name. It is what `oras push` makes of the same files and types, byte for byte, but
// for the time of its making, which is left out unless annotations has org.opencontainers.image.created, and for the tars of
// folders. The same parts give the same artifact. `artifact` may be changed and pushed again afterwards. Blocks. After
// OCIREG_TIMEOUT or OCIREG_CANCELLED the outcome is unknown.
//
// Options:
//   image_spec (string, default: "v1.1"): the version of the image specification, "v1.1" or "v1.0"
//   subject (string): the place of what it is about, in the same repository or layout, or its digest alone
// The artifact:
//   artifact_type (string, default: application/vnd.unknown.artifact.v1, or what its config is): what it is, a media type
//   annotations (list of strings): KEY=VALUE each, of the manifest; org.opencontainers.image.created is there only when it is given here
//   times (boolean, default: false): the tars of folders have the times of their files
//   concurrency (integer, default: 4): 1 to 64: transfers at once
// The name of its place, which is looked at before anything else, and once more when it is set:
//   if_exists (string, default: "replace"): "replace", "fail" or "skip": what becomes of a name that refers to a manifest already
//   if_digest (string): the name has to refer to this manifest still, else OCIREG_DIGEST_MISMATCH, and nothing is written
//
// image_spec: "v1.0" is for registries that refuse a manifest with an artifactType: the type of its config is then that of the artifact.
//
// times: without this option the same files give the same bytes whenever they were made.
//
// if_exists: with "fail", a name that refers to a manifest, even to this one, is OCIREG_DIGEST_MISMATCH, and nothing is written; with "skip" it stays
// as it is, and the result says so.
//
// Result, `json` may be NULL: {"destination": string, "digest": string, "mediaType": string, "size": number (of the manifest),
// "artifactType": string or null, "config": descriptor, "layers": [descriptor], "subject": descriptor or null, "blobs": as in
// ocireg_copy, "skipped": [string], "condition": string or null, as in ocireg_copy, "served_by": [HOST[:PORT]] (the endpoint that
// sent the subject's manifest); what was left as it is has no size, config and layers}. Free with ocireg_string_free.
//
// Errors: the common ones; OCIREG_INVALID_ARGUMENT for titles that cannot both be, OCIREG_IO for what cannot be read or changes
// meanwhile, OCIREG_DIGEST_MISMATCH as in ocireg_copy, OCIREG_LIMIT_EXCEEDED, OCIREG_NOT_FOUND without the subject,
// OCIREG_UNSUPPORTED for docker-archive and docker-v1. Source: image-spec manifest.md "Guidelines for Artifact Usage".
ocireg_status ocireg_artifact_push(ocireg_client *client,
                                   ocireg_context *context,
                                   const ocireg_artifact *artifact,
                                   const char *place,
                                   const ocireg_options *options,
                                   char **json,
                                   ocireg_error **error);

// Makes an artifact that refers to what a place names (see ocireg_endpoint_parse), its subject, and puts it into the same
// repository or layout, under its digest alone: ocireg_referrers finds it. At a registry without the referrers API it gets
// onto the list under the referrers tag. Blocks. After OCIREG_TIMEOUT or OCIREG_CANCELLED the outcome is unknown.
//
// Options:
//   platform (string): of an index, the image for this platform, OS/ARCH[/VARIANT][:OS.VERSION], instead of the index itself
// The artifact:
//   artifact_type (string, default: application/vnd.unknown.artifact.v1, or what its config is): what it is, a media type
//   annotations (list of strings): KEY=VALUE each, of the manifest; org.opencontainers.image.created is there only when it is given here
//   times (boolean, default: false): the tars of folders have the times of their files
//   concurrency (integer, default: 4): 1 to 64: transfers at once
//
// times: without this option the same files give the same bytes whenever they were made.
//
// Result, `json` may be NULL: as in ocireg_artifact_push. Free with ocireg_string_free.
//
// Errors: those of ocireg_artifact_push; OCIREG_INVALID_ARGUMENT also for an artifact without files, annotations and a config;
// OCIREG_UNSUPPORTED also for a dir:. Source: distribution-spec "Pushing Manifests with Subject".
ocireg_status ocireg_artifact_attach(ocireg_client *client,
                                     ocireg_context *context,
                                     const ocireg_artifact *artifact,
                                     const char *place,
                                     const ocireg_options *options,
                                     char **json,
                                     ocireg_error **error);

// Pulls the files of an artifact at any place (see ocireg_endpoint_parse), made by oras or another program, into a folder, which
// is created if it does not exist. Each gets its title as name, in folders where that has slashes; a folder that was packed is
// unpacked. Everything is kept in a private folder in that one, .ocireg-pull, until all of it is there, verified and unpacked.
// Only then each file gets its name, whole, and replaces what has that name; folders that are there get the files that are new.
// What a broken pull has left there, whole blobs and parts, the next one goes on with. What belongs on another disk, which is mounted in
// the folder, is copied there before that, into a private folder .ocireg-pull-disk-NUMBER, which the next pull empties and uses if the
// process was killed; so a full disk leaves the old files. Nothing is written outside of the folder. Titles that are absolute, lead
// upwards, contain control characters, are the same or in one another are refused before anything is fetched. Links in the folder are
// followed within it; one that leads out of it is OCIREG_IO, and so is, in a folder that all users may write to, one of another
// user than its owner. A symbolic link that leads out of a packed folder is refused. Special files are replaced by nothing; a
// file that replaces one of the caller's keeps its permissions. Other pulls into the same folder wait. Blocks.
//
// Options:
//   platform (string): of an index, the image for this platform, OS/ARCH[/VARIANT][:OS.VERSION], instead of this machine's
//   titles (list of strings): only files with one of these titles, in which * is any text and ? any one character
//   media_types (list of strings): only files of one of these media types, with * and ? too
//   keep_old (boolean, default: false): files that are there are left as they are, and not replaced
//   unpack (boolean, default: true): false: packed folders stay the files that they came as
//   max_bytes (integer, default: 68719476736): the most bytes to unpack, and of copies of blobs that have several titles
//   max_ratio (integer, default: 250): the most bytes of a folder for each packed one, from the first GiB on
//   concurrency (integer, default: 4): 1 to 64: transfers at once
//
// titles: if no file has one of these titles, the call is OCIREG_NOT_FOUND; an empty list is OCIREG_INVALID_ARGUMENT.
//
// Result, `json` may be NULL: {"source": string, "digest": string, "mediaType": string, "artifactType": string or null, "path":
// string (the folder), "files": [{"title": string, "path": string, "digest": string, "size": number, "mediaType": string (of its
// blob), "unpacked": boolean (a folder), "kept": boolean (it was there, with keep_old)}], "skipped": [{"digest", "size",
// "mediaType", "title": string or null, "reason": "no title" or "not wanted"}], "kept": number (names left as they are, those in
// folders too), "bytes_resumed": number (left by earlier calls), "served_by": [HOST[:PORT]] (the endpoints that sent its manifests
// and blobs: the registry, its mirrors, or several of them)}. Free with ocireg_string_free.
//
// Progress: bytes of the blobs.
//
// Errors: the common ones; OCIREG_INVALID_MANIFEST for titles and archives that cannot be, OCIREG_NOT_FOUND also when titles or
// media_types choose nothing, OCIREG_DIGEST_MISMATCH, OCIREG_SIZE_MISMATCH, OCIREG_MISSING_BLOB, OCIREG_LIMIT_EXCEEDED,
// OCIREG_UNSUPPORTED (another packing), OCIREG_IO. Source: image-spec annotations.md.
ocireg_status ocireg_artifact_pull(ocireg_client *client,
                                   ocireg_context *context,
                                   const char *place,
                                   const char *folder,
                                   const ocireg_options *options,
                                   char **json,
                                   ocireg_error **error);

// Brings the tags of a repository to another place, several images at once, each as ocireg_copy does it: what its manifest needs
// first, its tag last. What fails is reported, and the rest goes on; a call that was ended or killed is made again, and moves only
// what is missing. `source` and `destination` are each one of
//   docker://REPO or REPO         a repository, [HOST[:PORT]/]REPOSITORY; as a source also with a tag or a digest, for that alone
//   oci:DIR                       an OCI image layout; as a source also oci:DIR:NAME, for that alone
//   oci-archive:FILE              a tar of such a layout, likewise; it is written once, when all images are there
//   docker-archive:FILE           what `docker save` writes, likewise; as a destination also docker-archive:FILE:REPOSITORY
// In a layout or an archive the images of a repository are called by their tags, as oras has it. What is called HOST/REPOSITORY:TAG
// there (ocireg_sync_list does so) goes below the destination, as the repository of the same last word, or with scoped of the same
// registry and path. In a docker-archive every image is called REPOSITORY:TAG, by the repository at its source if none is given; what
// has tags alone at its source needs one. It holds images and nothing else: of an index the one for the host's platform comes, or for
// the one of the option platform, and anything else is a failure. Images without a name, as some tools write all of them, are left
// out, which is a warning (ocireg_context_warnings), and so is a selection without any tag. Blocks.
//
// Options:
//   platform (list of strings): OS/ARCH[/VARIANT] each: of an index, only these, as in ocireg_copy
//   referrers (boolean, default: false): also signatures, SBOMs and whatever else refers to the images, as in ocireg_copy
//   foreign_layers (boolean, default: false): also layers that are meant to be fetched from elsewhere
//   no_clobber (boolean, default: false): tags that the destination has stay as they are
//   prune (boolean, default: false): at the end, remove the destination's selected tags that the source does not have
//   max_prune (integer): with prune: if more tags than this would be removed, none is, and that is a failure, which says how many
//   scoped (boolean, default: false): the source's registry and path are part of a name below a registry or path
//   stop_on_error (boolean, default: false): the first failure ends the call, and is its error
//   dry_run (boolean, default: false): only say what would be done: nothing is changed
//   parallel (integer, default: 4): 1 to 64: images at once; what a host takes at once is its own limit
//   concurrency (integer, default: 4): 1 to 64: transfers at once for each image; 256 of all images
// Which tags:
//   tags (list of strings): globs, with *, ? and [a-z]: only tags that are as one of them
//   tags_regex (list of strings): regular expressions: only tags in which one of them finds something, ^ and $ being the ends of the tag
//   semver (list of strings): only tags that are versions in one of these ranges: ">=1.2 <2", "^1.2", "1.2 || 1.4"
//   exclude (list of strings): globs: none of these
//   newest (integer): of the tags that are left, only so many: those of the highest versions
//
// referrers: with this option images that the destination has already are looked through too.
//
// prune: tags are removed only if nothing failed, and only those that tags, tags_regex, semver and exclude select. With newest, which then needs
// tags, tags_regex or semver, those that are no longer among the newest are removed too. Manifests stay, and if no tag of the source is selected,
// nothing is removed.
//
// scoped: the name below the destination is HOST[_PORT]/PATH; without this option it is only the last word of the path.
//
// semver: a range may also be "~1.2.3", "1.2.x" or "1.2 - 1.4". The tags v1.2.3 and 1.2 are versions too. A tag with a suffix such as 1.2.3-alpine is
// a pre-release, which comes before its version: it is in "^1.2" and "<=1.2.3", and not in ">=1.2.3". A range that ends before a version has no
// pre-release of that version: 2.0.0-rc1 is not in "^1.2", "1.x", "<2" and "<2.0.0", but it is in "<=2.0.0" and "<2.0.0-rc2".
//
// newest: what is not a version comes after all versions, the highest by its name first. A date such as 20240131 is a version too, and a high one.
//
// Each kind of filter narrows the selection: a tag must match one of tags, one of tags_regex, and one of semver.
// Tags that are made of a digest (sha256-HEX, sha256-HEX.sig) are never selected by themselves: with referrers they come with
// what they refer to. The source's list of tags is one request for each page, and so is the destination's; of a tag that the
// destination has, each side is asked once for the digest, and where both are the same, nothing more. With referrers or platform
// the manifests of each image are read.
//
// A list that is broken or refused is an error of the call, and nothing is pruned then. Nor is anything pruned if an image failed,
// or at a destination for which one source has no tag that is selected, which is a warning. To prune, the source's list is taken
// from the registry itself, never from a mirror, and of each tag that it lacks the registry is asked once more: what it still has
// stays, and is a failure. In a layout or an archive blobs that nothing needs any more stay until ocireg_layout_clean, or
// until the archive is written, and what has a subject stays among the subject's referrers, as long as that. Registries that delete
// no tag (distribution 2) refuse to prune: each such tag is a failure. So is the first where a registry deletes the manifest with its
// tag: then nothing more is pruned there, and tags of the source that went with it are brought again. With max_prune, nothing is
// removed if the list lacks more tags than that.
//
// The destination's tags become those of the source whatever they refer to, unless no_clobber is set. A tag at a registry is
// looked up again right before it is set, also one that is new: if another client has changed it since, it stays, and is a failure.
// With no_clobber it stays, and is skipped. No condition is
// sent with the request (RFC 9110 If-Match): few registries look at one, and to find out which do costs requests for each tag.
//
// In a layout or an archive an image whose blobs are not all there, or do not have their size, is copied again, even if its name is
// unchanged. Blobs of the right size are not read, unless an archive is written anyway: ocireg_validate finds wrong bytes in them, and
// ocireg_copy replaces them.
// index.json is written for many names at once, the last of them at the end, also when the call fails. Archives are locked against
// other writers from the beginning on, in one order, and are written only if there is something new.
//
// After ten images in a row of one source failed for the same reason (credentials, a rate limit, no connection, a full disk) the others of
// it fail without being tried.
//
// Result, `json` may be NULL: {"source": string or null (of a list), "destination": string or null, "dry_run": boolean, "tags":
// {"selected": number (of the source), "copied": number, "skipped": number (there already, or left as they are), "pruned": number,
// "failed": number}, "blobs": as in ocireg_copy, of all images together (with dry_run a blob that several images need counts
// once in bytes_copied for each repository, layout or archive; what a registry would mount counts too, and the part of a
// blob that a killed call has left, which will not be moved again), "images":
// [{"source": string or null (of a tag that was pruned), "destination": string, "state": "copied",
// "pruned" or "failed", "digest": string or null, "bytes": number, "bytes_copied": number, "error": as in ocireg_error_json, or
// null}] (none that were skipped; at most 10,000, and 1,000 that failed), "images_left_out": number (more than these), "error": the
// first failure, or null, "served_by": [HOST[:PORT]] (the endpoints that sent manifests, blobs and lists of tags of the sources, or said what
// a tag refers to: registries, their mirrors, or several of them)}. With dry_run it says what would be done. Free with
// ocireg_string_free. OCIREG_OK does not say that every image is there: "failed" does.
//
// Progress: bytes of all blobs, of a total that is not known; "blobs" counts those of the images that are done. The log has an
// event for each image, {"event": "image"} and the members above, those that are skipped too.
//
// Errors: the common ones; OCIREG_UNSUPPORTED for dir, which holds one image without a name (ocireg_copy takes it), and docker-v1;
// OCIREG_INVALID_ARGUMENT for a choice that cannot be
// read, OCIREG_LIMIT_EXCEEDED (5,000,000 tags, or 512 MiB of their names), OCIREG_NOT_FOUND without the repository,
// OCIREG_INVALID_MANIFEST, OCIREG_IO.
// Source: distribution-spec "Listing Tags"; skopeo-sync(1).
ocireg_status ocireg_sync(ocireg_client *client,
                          ocireg_context *context,
                          const char *source,
                          const char *destination,
                          const ocireg_options *options,
                          char **json,
                          ocireg_error **error);

// The same for many repositories, which a list names. In the usual form a line is SOURCE or SOURCE DESTINATION, as in ocireg_sync, and
// what follows a # is a comment. In skopeo's form it is the YAML of skopeo sync, with these keys for each registry: `images`
// (repositories with tags and digests, none for all), `images-by-tag-regex`, `images-by-semver`, `credentials`, `tls-verify` and
// `cert-dir`. A version with a suffix is in a range only if that names one, as skopeo has it; without a suffix ranges are as in
// ocireg_sync. The last three count only for what this call reads from that registry: tls-verify overrides the option insecure,
// and cert-dir replaces all certificates of the host's options. So the author of a list can have files of cert-dir read and shown
// to its registry. Where skopeo leaves out what it cannot read, and unknown keys, this is an error; and with tls-verify false
// certificates are not verified, but plain http is spoken only to hosts of which an option says so. The options tags, tags_regex,
// semver, exclude and newest narrow each repository of which no tag or digest is named.
//
// `destination` is where everything goes that has none of its own: HOST[:PORT][/PATH], below which a repository has the last word
// of its source's name, or with scoped its registry and path. It may also be a layout or an archive, in which images are called
// HOST/REPOSITORY:TAG. Neither holds a registry whose host is an IPv6 address, nor does a path of scoped. It may be NULL when
// each line has its own, which is as in ocireg_sync. Two repositories with one last word
// are refused then, before anything is asked. Of two sources that a list itself brings to one place, and that have a tag in
// common, the first has it, and the other's is a failure. Blocks.
//
// Options:
//   list_format (string, default: "lines"): "lines" or "skopeo"
//   list_credentials (boolean, default: true): send the credentials that a list of skopeo's form has for its registries
// As of one:
//   platform (list of strings): OS/ARCH[/VARIANT] each: of an index, only these, as in ocireg_copy
//   referrers (boolean, default: false): also signatures, SBOMs and whatever else refers to the images, as in ocireg_copy
//   foreign_layers (boolean, default: false): also layers that are meant to be fetched from elsewhere
//   no_clobber (boolean, default: false): tags that the destination has stay as they are
//   prune (boolean, default: false): at the end, remove the destination's selected tags that the source does not have
//   max_prune (integer): with prune: if more tags than this would be removed, none is, and that is a failure, which says how many
//   scoped (boolean, default: false): the source's registry and path are part of a name below a registry or path
//   stop_on_error (boolean, default: false): the first failure ends the call, and is its error
//   dry_run (boolean, default: false): only say what would be done: nothing is changed
//   parallel (integer, default: 4): 1 to 64: images at once; what a host takes at once is its own limit
//   concurrency (integer, default: 4): 1 to 64: transfers at once for each image; 256 of all images
// Which tags:
//   tags (list of strings): globs, with *, ? and [a-z]: only tags that are as one of them
//   tags_regex (list of strings): regular expressions: only tags in which one of them finds something, ^ and $ being the ends of the tag
//   semver (list of strings): only tags that are versions in one of these ranges: ">=1.2 <2", "^1.2", "1.2 || 1.4"
//   exclude (list of strings): globs: none of these
//   newest (integer): of the tags that are left, only so many: those of the highest versions
//
// list_format: in "lines" each line is SOURCE [DESTINATION], and a comment begins with #; "skopeo" is the YAML of skopeo sync.
//
// list_credentials: a registry whose host's option anonymous is true gets none of the list either.
//
// referrers: with this option images that the destination has already are looked through too.
//
// prune: tags are removed only if nothing failed, and only those that tags, tags_regex, semver and exclude select. With newest, which then needs
// tags, tags_regex or semver, those that are no longer among the newest are removed too. Manifests stay, and if no tag of the source is selected,
// nothing is removed.
//
// scoped: the name below the destination is HOST[_PORT]/PATH; without this option it is only the last word of the path.
//
// semver: a range may also be "~1.2.3", "1.2.x" or "1.2 - 1.4". The tags v1.2.3 and 1.2 are versions too. A tag with a suffix such as 1.2.3-alpine is
// a pre-release, which comes before its version: it is in "^1.2" and "<=1.2.3", and not in ">=1.2.3". A range that ends before a version has no
// pre-release of that version: 2.0.0-rc1 is not in "^1.2", "1.x", "<2" and "<2.0.0", but it is in "<=2.0.0" and "<2.0.0-rc2".
//
// newest: what is not a version comes after all versions, the highest by its name first. A date such as 20240131 is a version too, and a high one.
//
// Result, `json` may be NULL: as in ocireg_sync. Free with ocireg_string_free. A repository whose tags cannot be listed is one
// failure, with the repositories as source and destination, and so is a layout or an archive that cannot be read.
//
// Errors: those of ocireg_sync; OCIREG_INVALID_ARGUMENT also for what a list cannot contain, with the line,
// OCIREG_LIMIT_EXCEEDED (more than 4 MiB or 100,000 lines). Source: skopeo-sync(1).
ocireg_status ocireg_sync_list(ocireg_client *client,
                               ocireg_context *context,
                               const char *list,
                               const char *destination,
                               const ocireg_options *options,
                               char **json,
                               ocireg_error **error);

// Verifies a signed schema-1 manifest: every signature must be valid, and everything in the result but the signatures is
// read from what they sign. Valid signatures alone prove that nothing was changed, and nothing about the signer: the keys
// stand in the manifest. So ask for a key or an authority where that matters. Any thread.
//
// Accepted are ES256, ES384, ES512 (P-256, P-384, P-521), RS256, RS384 and RS512 (RSA of 2048 to 8192 bits), each with the
// key in the header (jwk) or in a certificate (x5c).
//
// Options:
//   keys (list of strings): keys that must all have signed, each an id such as "LJ5H:RTFE:..." or a public key as PEM text
//   ca_pem (string): certificate authorities as PEM text, one of which must stand behind at least one signature
//   ca_file (string): a PEM file of such certificate authorities
//   time (string, default: now): when the certificates must be valid, such as "2015-04-08T18:52:59Z"
//
// Result: {"digest": string (of the payload, which is the manifest's), "name": string, "tag": string, "architecture":
// string or null, "fs_layers": [string] (digests, the topmost layer first), "history": [{"id": string, "parent": string or
// null, "throwaway": boolean}] (as many, the topmost first), "signatures": [{"key_id": string, "key_type": "EC" or "RSA",
// "algorithm": string, "x5c": boolean (the key came in a certificate), "subject": string or null (whose certificate),
// "time": string or null (as the signer says), "trusted": boolean (of a key or an authority that was asked for)}]}. Free
// with ocireg_string_free.
//
// Errors: OCIREG_SIGNATURE (its message says what is wrong), OCIREG_INVALID_MANIFEST (well signed, but not a valid manifest),
// OCIREG_INVALID_ARGUMENT, OCIREG_IO and OCIREG_TLS (the CA file). Source: Docker's manifest v2 schema 1, libtrust, RFC
// 7515, RFC 7517, RFC 7518.
ocireg_status ocireg_schema1_verify(const uint8_t *data,
                                    size_t size,
                                    const ocireg_options *options,
                                    char **json,
                                    ocireg_error **error);

// The exact bytes that the signatures of a schema-1 manifest sign: their digest is the manifest's. The signatures are not
// verified. Any thread.
//
// Result: `payload`, freed with ocireg_buffer_free.
//
// Errors: OCIREG_INVALID_ARGUMENT, OCIREG_SIGNATURE. Source: Docker's manifest v2 schema 1, libtrust.
ocireg_status ocireg_schema1_payload(const uint8_t *data,
                                     size_t size,
                                     ocireg_buffer **payload,
                                     ocireg_error **error);

// Signs a schema-1 manifest with ES256, as libtrust does; its bytes stay unchanged inside. A manifest with valid
// signatures gets another one; an earlier one of the same key is replaced. The same key, content and time give the
// same bytes. To put them, use ocireg_manifest_put. Any thread.
//
// `key` is a private key as PEM text, of the curve P-256, not encrypted: "PRIVATE KEY" or "EC PRIVATE KEY".
//
// Options:
//   chain (string): certificates as PEM text, that of the key first; they go into the header instead of the key
//   time (string, default: now): when it was signed, such as "2015-04-08T18:52:59Z"
//
// Result: `signed_manifest`, freed with ocireg_buffer_free.
//
// Errors: OCIREG_INVALID_ARGUMENT, OCIREG_UNSUPPORTED (another kind of key, or an encrypted one), OCIREG_INVALID_MANIFEST,
// OCIREG_SIGNATURE (its signatures are not valid). Source: Docker's manifest v2 schema 1, libtrust, RFC 6979.
ocireg_status ocireg_schema1_sign(const uint8_t *data,
                                  size_t size,
                                  const char *key,
                                  const ocireg_options *options,
                                  ocireg_buffer **signed_manifest,
                                  ocireg_error **error);

// Makes a private key for ocireg_schema1_sign, on the curve P-256, from the system's random numbers. Any thread.
//
// Options:
//   format (string, default: "pkcs8"): "pkcs8" ("PRIVATE KEY"), or as libtrust writes it "sec1" ("EC PRIVATE KEY")
//
// Result: PEM text, not encrypted; overwrite it before it is freed with ocireg_string_free, where that matters.
//
// Errors: OCIREG_INVALID_ARGUMENT. Source: RFC 5958, RFC 5915.
ocireg_status ocireg_schema1_key(const ocireg_options *options,
                                 char **pem,
                                 ocireg_error **error);

// What a key is: a public one as PEM text ("PUBLIC KEY": EC of the curves P-256, P-384, P-521, or RSA), or a private one
// that can sign. Any thread.
//
// Result: {"key_id": string (libtrust's), "key_type": "EC" or "RSA", "crv": string or null, "public_key": string (PEM
// text)}. Free with ocireg_string_free.
//
// Errors: OCIREG_INVALID_ARGUMENT, OCIREG_UNSUPPORTED. Source: libtrust, RFC 5280, RFC 7517.
ocireg_status ocireg_schema1_key_info(const char *pem,
                                      char **json,
                                      ocireg_error **error);

// Tries credentials out at a registry, HOST[:PORT], and keeps them where Docker's tools do. The registry is pinged, and then
// asked again with the credentials: by Basic, or with a token of its token server. The credentials are those of the call's
// options, else those of the host's options, else what the credentials callback says; never stored ones. Blocks.
//
// Options:
//   username (string): with password; or with identity_token, if known
//   password (string): with username
//   identity_token (string): a refresh token for the token server, instead of a password
//   store (boolean, default: true): keep them
//   offline_token (boolean, default: false): ask the token server for an identity token, and store that instead of the password
//   scope (string or list of strings): the scopes of the token, each TYPE:NAME:ACTION[,ACTION...]
//   return_token (boolean, default: false): the result has the token
//   credentials_file (string): keep them in this file
//   docker_config (string): keep them in the config.json of this folder
//
// offline_token: not all servers issue an identity token.
//
// scope: an example is "repository:team/app:pull,push". At a host that uses Basic, scopes mean nothing.
//
// Without credentials_file and docker_config they are kept in the first file that the client's own options credentials_file,
// docker_config and stored_credentials look into.
//
// They are handed to the credential helper that the file names for the host (credHelpers, else credsStore), else written into the
// file, which is created if it does not exist. It is replaced whole or not at all, with the mode 0600, and keeps what else it
// holds and its order; of a symbolic link the target is replaced, not the link.
//
// A login to HOST is for both of its usual ports. One to HOST:443 or https://HOST is kept by that name, and one to http://HOST by HOST:80:
// it is for calls to that port only, by whichever name. An entry that would be found before it is removed, from the helper too (where that
// fails, a warning says so). If credHelpers name different helpers for the two ports, a login to HOST leaves what is kept for HOST:80.
//
// Result: {"registry": string, "status": number (of the registry's last answer), "auth": "none" (it asks for nothing: then
// nothing was checked), "basic" or "bearer", "username": string or null, "identity_token": boolean (one is kept, and no
// password), "stored_in": string or null (the path of the file, or the name of the helper), and with return_token also "token":
// string (the bearer token, a secret; the token server may have granted less than was asked) or null (none is used)}. Free with
// ocireg_string_free.
//
// Errors: the common ones; OCIREG_UNAUTHENTICATED when the credentials are wrong, and then nothing is kept;
// OCIREG_INVALID_ARGUMENT also without credentials or without a place to keep them; OCIREG_IO (a broken credentials file, one
// that others may write, a helper that fails); OCIREG_BUSY (another login holds the file for 10 s). Source: distribution's
// token and oauth specifications, Docker's config.json, docker-credential-helpers.
ocireg_status ocireg_login(ocireg_client *client,
                           ocireg_context *context,
                           const char *registry,
                           const ocireg_options *options,
                           char **json,
                           ocireg_error **error);

// Removes what is kept for a registry, HOST[:PORT], from every place that the client's options look into: from the files,
// and from the helpers that they name for the host. Entries for a part of the host only (HOST/NAMESPACE) stay, and so does
// what is in an environment variable. All names of one registry are meant: with HOST:443 what is kept for HOST goes too, and with HOST
// what is kept for HOST:80. No network, but helpers may take their time. Blocks.
//
// Options:
//   credentials_file (string): remove them from this file, and nowhere else
//   docker_config (string): remove them from the config.json of this folder, and nowhere else
//
// Result: {"registry": string, "removed": boolean (false: nothing was kept, which is not an error), "from": [string] (the paths of
// files and the names of helpers that held something)}. Free with ocireg_string_free.
//
// Errors: OCIREG_INVALID_ARGUMENT, OCIREG_INVALID_REFERENCE, OCIREG_IO, OCIREG_BUSY, OCIREG_TIMEOUT, OCIREG_CANCELLED,
// OCIREG_CLOSED, OCIREG_FORKED, OCIREG_LIMIT_EXCEEDED.
ocireg_status ocireg_logout(ocireg_client *client,
                            ocireg_context *context,
                            const char *registry,
                            const ocireg_options *options,
                            char **json,
                            ocireg_error **error);

// Says what a call for a reference, [HOST[:PORT]/]REPOSITORY[:TAG][@DIGEST], would use: which registry, as which user, and
// where that was set. Nothing is sent; the credentials callback and credential helpers are asked as a call would ask them. Blocks.
//
// Options: none.
//
// Result: {"reference": string, "host": string, "repository": string, "endpoint": string (the URL of the API), "scheme_source":
// "endpoint", "host options", "reference", "client options", "default" (https) or "probe" (a loopback host is asked by its first
// call; until then https is shown), "anonymous": boolean (the host's option), "credentials": {"kind": "none", "password",
// "token" or "identity_token", "username": string or null, "source": "host options", "callback", "file", "environment",
// "helper", "rule" (of the mirror) or null, "path": string or null (the file that holds them or names the helper), "variable":
// string or null (the same of an environment variable), "key": string or null (the entry), "helper": string or null},
// "trusted_realms": [string], "network": {"insecure": boolean, "ca_files": [string], "ca_only": boolean, "client_cert_file":
// string or null, "client_key_file": string or null, "proxy": string (without its password) or null, "unix_socket": string or
// null, "address": string or null, "headers": [string] (names), "max_connections_per_host": number, "requests_per_second":
// number, "download_bytes_per_second": number, "upload_bytes_per_second": number (of the host alone)}, "endpoints": [{"url":
// string, "host": string, "repository": string (there) or null (it cannot have it), "asked_for": ["digest", "tag",
// "referrers", "push"] (what it may be asked for), "blocked": string or null (FILE:LINE that forbids to ask it, as that of a
// registry that is blocked does; of one of its ports, if that is the one of the url: a host of loopback that nobody has asked yet
// is shown by https), "passed_over_seconds": number (for how much longer it comes after the others, because it
// failed; 0: it does not), "passed_over_reason": string or null, "anonymous": boolean, "credentials": as above, "headers":
// [string] (names), "network": as above, "source": string or null (the option, or FILE:LINE, that says so)}] (the endpoints that
// are asked, in this order: mirrors and the host itself), "short_name": {"name": string, "stands_for": string or null (for none,
// or for several), "source": string or null (FILE:LINE), "registries": [string] (that are searched, in order), "mode":
// "enforcing", "permissive" or "disabled"} or null (what the machine's registries.conf makes of the name without its registry;
// null for other registries than Docker Hub, and without such a file), "signatures": {"lookaside": string (the URL below which
// signatures of simple signing are) or null, "lookaside_source": string (FILE:LINE) or null, "lookaside_staging": string (the
// URL below which they are written; the same if nothing else is said) or null, "lookaside_staging_source": string or null,
// "use_sigstore_attachments": boolean (sigstore's signatures are beside the image in its repository),
// "use_sigstore_attachments_source": string or null} or null (what the machine's registries.d says of the image; null if it says
// nothing)}. A name without registry is Docker Hub's to this library, unless the option short_names of the client says
// otherwise. No secret is shown. Free with ocireg_string_free.
//
// Errors: OCIREG_INVALID_ARGUMENT, OCIREG_INVALID_REFERENCE, OCIREG_IO, OCIREG_CALLBACK, OCIREG_TIMEOUT, OCIREG_CANCELLED,
// OCIREG_CLOSED, OCIREG_FORKED, OCIREG_LIMIT_EXCEEDED.
ocireg_status ocireg_explain(ocireg_client *client,
                             ocireg_context *context,
                             const char *reference,
                             const ocireg_options *options,
                             char **json,
                             ocireg_error **error);

// Gets the authorization for a repository, [HOST[:PORT]/]REPOSITORY, for requests that the caller sends itself, by curl, wget or
// an HTTP library of its own. It is the header that this client would send, with a token from its cache or a new one. The
// credentials are found as for every other call; without any a token server is asked for an anonymous token. What the registry
// asks for is known from earlier calls, or found out without credentials: by a ping, or where that needs nothing, by asking for
// one of the repository's tags. Where reading needs nothing and more is wanted, it is found out by a PATCH of an upload session
// that does not exist, which changes nothing. Blocks.
//
// Options:
//   actions (string or list of strings, default: "pull"): what it is for: "pull", "push", "delete", "*" or what else the registry knows
//   scope (string or list of strings): more that the same token is for, each TYPE:NAME:ACTION[,ACTION...]
// Which tokens are acceptable:
//   fresh (boolean, default: false): a new token, whatever is in the cache
//   min_validity_ms (integer): of the cached ones only one that is valid for longer than that; a new one may still end sooner
//   refused (string): the value of the Authorization header that the registry refused, or the token in it
//
// actions: a text may have several actions, with commas between them.
//
// scope: an example is "repository:team/base:pull", which a mount from there needs.
//
// refused: the token that was refused is dropped from the cache and not returned again; other tokens stay in the cache.
//
// When the registry answers the caller's request with 401, or a token that is no longer new with 400 or 403: call again with the
// option refused. If there is nothing but what was refused, the call ends with OCIREG_UNAUTHENTICATED, so that a loop ends.
//
// Where there are mirrors, it is for the registry itself, and not to be sent to a URL of ocireg_blob_locate or
// ocireg_manifest_locate, which may be a mirror's: each of those comes with its own headers.
//
// The result is a secret. It is the caller's to protect: the library never logs it, and wipes the string when it is freed. The
// header belongs to the host of the repository, over the scheme that "endpoint" of ocireg_explain has, and to no host to which
// that redirects.
//
// Result: {"registry": string, "repository": string (HOST/REPOSITORY), "auth": "none", "basic" or "bearer" (what the registry
// requires), "header": {"name": "Authorization", "value": string} or null (send none), "reason": string (why there is none) or
// null, "token": string (of "bearer", without the scheme) or null, "expires": string (RFC 3339, UTC) or null (unknown, or
// never), "expires_in": number (seconds from now) or null, "scopes": [string] (what was asked for), "granted": [string] or null
// (what the token is for, when its server or the token itself says so: it may be less than was asked), "token_server": string
// (URL) or null, "service": string or null, "username": string or null, "credentials": "host options", "callback", "rule" (of
// mirrors), "file", "environment", "helper" or null (anonymous), "cached": boolean (an earlier call got the token)}. Free with
// ocireg_string_free.
//
// Errors: the common ones; OCIREG_UNAUTHENTICATED also when the registry requires credentials and there are none, or when
// nothing is left but what was refused. Source: distribution's token and oauth specifications, RFC 9110 11.6, RFC 7617, RFC
// 6750.
ocireg_status ocireg_token(ocireg_client *client,
                           ocireg_context *context,
                           const char *repository,
                           const ocireg_options *options,
                           char **json,
                           ocireg_error **error);

// Says where a blob, HOST[:PORT]/REPOSITORY@DIGEST, can be downloaded with another HTTP client: the URLs to ask with GET, in
// order, and the headers for each. Many registries redirect to a URL that is signed and good for minutes: that comes first, the
// registry's own second. The registry is asked for one byte of the blob; the blob itself is not downloaded. That is one request,
// and one more where it refuses a range; besides those for a token, tries again after failures, redirects that are followed, and
// what other mirrors are asked. Blocks.
//
// Options:
//   follow (boolean, default: true): false: the registry is not asked for it, and its own URL is given
//   check (boolean, default: false): what a redirect leads to is asked as well, so that it is known to answer
//   failed (string or list of strings): "endpoint" of earlier results whose URLs did not serve
// The token:
//   fresh (boolean, default: false): a new token, whatever is in the cache
//   min_validity_ms (integer): of the cached ones only one that is valid for longer than that; a new one may still end sooner
//   refused (string): the value of the Authorization header that the registry refused, or the token in it
//
// follow: the registry's own URL, which is given with false, may answer with a redirect. Which authorization it requires is found out as in
// ocireg_token.
//
// check: with this option redirects are followed to their end, and a token that the last URL requires is in its headers. If they lead to another
// host, what the registry itself requires is found out as in ocireg_token.
//
// failed: endpoints that are named here are passed over for a minute, as those that fail this client itself. If no other endpoint is left the call is
// OCIREG_NETWORK, and a text that is not an endpoint of the reference is OCIREG_INVALID_ARGUMENT.
//
// refused: the token that was refused is dropped from the cache and not returned again; other tokens stay in the cache.
//
// The caller has to follow redirects itself, and to send the headers of a location to its host and to no other to which that
// redirects. It also has to compare size and digest of what arrives: ocireg_blob_get_file with the option if_exists "skip" does
// that with a file that is complete, and ocireg_digest_bytes with bytes in memory. Ranges (RFC 9110 14) may be asked for at each
// URL.
//
// When a URL does not answer as it should, the next one is asked; after the last, or when they have ended, call again, each call
// gets new ones. When a location with an Authorization header answered 401 (400 or 403, if it had served before), call again
// with the option refused: if nothing is left but what was refused, that ends with OCIREG_UNAUTHENTICATED, so that a loop ends.
//
// Where there are mirrors, the locations are those of the first that has it; the option failed gets those of another one.
//
// The result is a secret, headers and URLs: a signed URL needs no other right. The library never logs it, and wipes the
// string when it is freed. A redirect to an address that this client would not ask itself, such as a cloud's metadata service,
// is refused; names are resolved only with the option check, and by the caller.
//
// Result: {"reference": string, "repository": string (HOST/REPOSITORY), "digest": string, "size": number or null (unknown: a
// redirect does not say it, and nothing is asked only for that; check asks where it leads), "mediaType": string or null,
// "locations": [{"url": string, "headers": {name: value}, "expires": string (RFC 3339, UTC: of the token, or as a signed URL of
// a known kind says itself) or null (unknown, or never), "expires_in": number (seconds from now) or null, "endpoint": string
// (the URL of the API of the registry that it is from, and the PREFIX of a mirror), "redirected": boolean (it redirected
// there)}]}. Free with ocireg_string_free.
//
// Errors: the common ones; OCIREG_NOT_FOUND, with follow; OCIREG_REDIRECT; OCIREG_UNAUTHENTICATED as in ocireg_token. Source:
// distribution-spec end-2; the query parameters of AWS, Google, Azure, CloudFront, Alibaba and Tencent.
ocireg_status ocireg_blob_locate(ocireg_client *client,
                                 ocireg_context *context,
                                 const char *reference,
                                 const ocireg_options *options,
                                 char **json,
                                 ocireg_error **error);

// Says where a manifest, [HOST[:PORT]/]REPOSITORY[:TAG][@DIGEST], can be downloaded with another HTTP client, as
// ocireg_blob_locate does for a blob. The registry is asked by HEAD, which does not count as a pull, and by GET where it has no HEAD or
// refuses it without a reason; a redirect that is signed for HEAD is left out. The headers include the Accept of
// ocireg_manifest_get. A tag may be moved before it is asked for: then the bytes have another digest. Blocks.
//
// Options:
//   follow (boolean, default: true): false: the registry is not asked for it, and its own URL is given
//   check (boolean, default: false): what a redirect leads to is asked as well, so that it is known to answer
//   failed (string or list of strings): "endpoint" of earlier results whose URLs did not serve
// The token:
//   fresh (boolean, default: false): a new token, whatever is in the cache
//   min_validity_ms (integer): of the cached ones only one that is valid for longer than that; a new one may still end sooner
//   refused (string): the value of the Authorization header that the registry refused, or the token in it
//
// follow: the registry's own URL, which is given with false, may answer with a redirect. Which authorization it requires is found out as in
// ocireg_token.
//
// check: with this option redirects are followed to their end, and a token that the last URL requires is in its headers. If they lead to another
// host, what the registry itself requires is found out as in ocireg_token.
//
// failed: endpoints that are named here are passed over for a minute, as those that fail this client itself. If no other endpoint is left the call is
// OCIREG_NETWORK, and a text that is not an endpoint of the reference is OCIREG_INVALID_ARGUMENT.
//
// refused: the token that was refused is dropped from the cache and not returned again; other tokens stay in the cache.
//
// Result: as ocireg_blob_locate's; "digest", "size" and "mediaType" as the registry says, or null where it does not, or was not
// asked. A secret. Free with ocireg_string_free.
//
// Errors: as ocireg_blob_locate's; OCIREG_DIGEST_MISMATCH (the registry says another digest than the reference). Source:
// distribution-spec end-3.
ocireg_status ocireg_manifest_locate(ocireg_client *client,
                                     ocireg_context *context,
                                     const char *reference,
                                     const ocireg_options *options,
                                     char **json,
                                     ocireg_error **error);

// Asks a registry, HOST[:PORT], whether it speaks protocol v1. No credentials are sent. Blocks.
//
// Options: none.
//
// Result: {"registry": string, "url": string, "status": 200, "version": string or null (its X-Docker-Registry-Version),
// "standalone": boolean (whether it is its own index, by its X-Docker-Registry-Standalone; "mirror" is false) or null, "body":
// any (its answer: true, or an object, in which verbose ones have "versions" of what they run on) or null (the answer is not
// JSON), "headers": {name: value}}. Free with ocireg_string_free.
//
// Errors: the common ones; OCIREG_PROTOCOL for an answer that does not follow protocol v1. Source: Docker's Registry API v1, "_ping".
ocireg_status ocireg_v1_ping(ocireg_client *client,
                             ocireg_context *context,
                             const char *registry,
                             const ocireg_options *options,
                             char **json,
                             ocireg_error **error);

// Searches the index at HOST[:PORT] for repositories. Blocks.
//
// Options:
//   n (integer): how many a page has, for indexes that have pages
//   page (integer): which page, from 1
//
// Result: {"query": string, "num_results": number, "results": [{"name": string, ...}]}, and further members that the index sends,
// here and in each result ("description", "is_official", "star_count", "num_pages", ...). Free with ocireg_string_free.
//
// Errors: the common ones. Source: Docker's Hub API v1, "Search".
ocireg_status ocireg_v1_search(ocireg_client *client,
                               ocireg_context *context,
                               const char *registry,
                               const char *term,
                               const ocireg_options *options,
                               char **json,
                               ocireg_error **error);

// Lists the images of [HOST[:PORT]/]REPOSITORY as the index knows them. Begins the session that the other calls use: the index
// gets the credentials, and names the registry that has the images, which gets the index's token. Blocks.
//
// Options: none.
//
// Result: {"name": string, "images": [{"id": string, ...}] (with what the index says of each, such as "checksum"; some indexes
// know of none), "endpoint": string (the registry's URL)}. Free with ocireg_string_free.
//
// Errors: the common ones; OCIREG_REDIRECT when the index names a registry that it may not. Source: Docker's Hub API v1, "List
// repository images", X-Docker-Token, X-Docker-Endpoints.
ocireg_status ocireg_v1_images(ocireg_client *client,
                               ocireg_context *context,
                               const char *repository,
                               const ocireg_options *options,
                               char **json,
                               ocireg_error **error);

// Lists the tags of [HOST[:PORT]/]REPOSITORY and their images. Blocks.
//
// Options: none.
//
// Result: {"name": string, "tags": {tag: image id}}; an id may be cut to its first digits in the lists of Docker Hub's time:
// ocireg_v1_tag gives the whole. Free with ocireg_string_free.
//
// Errors: the common ones. Source: Docker's Registry API v1, "List repository tags".
ocireg_status ocireg_v1_tags(ocireg_client *client,
                             ocireg_context *context,
                             const char *repository,
                             const ocireg_options *options,
                             char **json,
                             ocireg_error **error);

// The image of a tag, [HOST[:PORT]/]REPOSITORY[:TAG]. Blocks.
//
// Options: none.
//
// Result: {"tag": string, "id": string}. Free with ocireg_string_free.
//
// Errors: the common ones; OCIREG_INVALID_REFERENCE for a reference with a digest. Source: Docker's Registry API v1, "Get a tag".
ocireg_status ocireg_v1_tag(ocireg_client *client,
                            ocireg_context *context,
                            const char *reference,
                            const ocireg_options *options,
                            char **json,
                            ocireg_error **error);

// An image and its ancestors. `id` is 64 hexadecimal digits. Blocks.
//
// Options: none.
//
// Result: {"id": string, "ancestry": [string] (the image itself, its parent, and so on)}. Free with ocireg_string_free.
//
// Errors: the common ones; OCIREG_PROTOCOL for one that has an image twice or does not begin with the image,
// OCIREG_LIMIT_EXCEEDED. Source: Docker's Registry API v1, "Get image ancestry".
ocireg_status ocireg_v1_ancestry(ocireg_client *client,
                                 ocireg_context *context,
                                 const char *repository,
                                 const char *id,
                                 const ocireg_options *options,
                                 char **json,
                                 ocireg_error **error);

// An image's JSON. Nothing proves that it is unchanged: IDs are not digests. Blocks.
//
// Options: none.
//
// Result, either may be NULL when not wanted: `bytes`, the exact bytes of the JSON, freed with ocireg_buffer_free; `json`,
// {"id": string, "size": number or null (of the layer, as the registry has it), "checksum": string or null (its
// X-Docker-Checksum-Payload, "sha256:..." over the JSON, a newline and the layer; or an older "tarsum..."), "image": the document,
// "headers": {name: value}}, freed with ocireg_string_free.
//
// Errors: the common ones; OCIREG_PROTOCOL, also for the JSON of another image, OCIREG_LIMIT_EXCEEDED over 4 MiB. Source: Docker's
// Registry API v1, "Get image layer".
ocireg_status ocireg_v1_image(ocireg_client *client,
                              ocireg_context *context,
                              const char *repository,
                              const char *id,
                              const ocireg_options *options,
                              char **json,
                              ocireg_buffer **bytes,
                              ocireg_error **error);

// Checks a user's password at the index of HOST[:PORT], as protocol v1 does. With an e-mail address it asks for a new account first,
// and checks the password when there is one of that name. Nothing is stored. Blocks.
//
// Options:
//   username (string): with password; the host's when neither is given
//   password (string): with username
//   email (string): make the account
//
// Result: {"status": string (what Docker showed: "Login Succeeded" or "Account created. ..."), "username": string, "created":
// boolean}. Free with ocireg_string_free.
//
// Errors: the common ones; OCIREG_UNAUTHENTICATED for a wrong password, OCIREG_FORBIDDEN for an account that is not active yet,
// OCIREG_HTTP with "Registration: ..." when the index makes no such account. Source: Docker's Hub API v1, "Users".
ocireg_status ocireg_v1_login(ocireg_client *client,
                              ocireg_context *context,
                              const char *registry,
                              const ocireg_options *options,
                              char **json,
                              ocireg_error **error);

// Gets the layer of an image into a file, which appears under its name only whole. The bytes are checked against the image's
// checksum when the registry gives one that can be checked. A broken transfer is continued within the call; and where the bytes can
// be checked what a broken call left, in a hidden file beside the target, is continued by the next call, in this process or
// another. Blocks.
//
// Options: offset, length, if_exists and resume, as in ocireg_blob_get_file; the image is requested in any case, its layer is not when the
// file stays.
//
// Result, `json` may be NULL: {"id": string, "checksum": string or null, "verified": boolean (false for a piece, without a
// checksum, and with a "tarsum..."), "size": number or null (of the whole layer), "offset": number, "length": number (bytes
// delivered), "resumed": number (how many of them were there from an earlier call), "path": string, "skipped": boolean (the file
// was there already and the layer was not requested)}. Free with ocireg_string_free.
//
// Errors: the common ones; OCIREG_DIGEST_MISMATCH (after a second try), OCIREG_SIZE_MISMATCH, OCIREG_IO. Source: Docker's
// Registry API v1, "Get image layer"; docker-registry 0.9.1 for the checksum.
ocireg_status ocireg_v1_layer_file(ocireg_client *client,
                                   ocireg_context *context,
                                   const char *repository,
                                   const char *id,
                                   const char *path,
                                   const ocireg_options *options,
                                   char **json,
                                   ocireg_error **error);

// Gets the layer of an image and writes it to a descriptor, which stays open. The bytes are written as they come: on an error,
// OCIREG_DIGEST_MISMATCH too, what was written must not be trusted. The descriptor is as
// for ocireg_blob_get_fd. Blocks.
//
// Options: offset and length, as in ocireg_blob_get_fd. Result and errors: those of ocireg_v1_layer_file, without "path" and "skipped".
ocireg_status ocireg_v1_layer_fd(ocireg_client *client,
                                 ocireg_context *context,
                                 const char *repository,
                                 const char *id,
                                 int32_t fd,
                                 const ocireg_options *options,
                                 char **json,
                                 ocireg_error **error);

// Gets the layer of an image into memory. Blocks.
//
// Options: offset, length and limit, as in ocireg_blob_get_fd.
//
// Result: `bytes`, freed with ocireg_buffer_free; `json`, may be NULL: as in ocireg_v1_layer_fd, freed with
// ocireg_string_free.
//
// Errors: those of ocireg_v1_layer_file, and OCIREG_LIMIT_EXCEEDED.
ocireg_status ocireg_v1_layer_memory(ocireg_client *client,
                                     ocireg_context *context,
                                     const char *repository,
                                     const char *id,
                                     const ocireg_options *options,
                                     char **json,
                                     ocireg_buffer **bytes,
                                     ocireg_error **error);

// Opens the layer of an image for reading by ocireg_blob_reader_read. ocireg_blob_reader_info says of it: {"id": string,
// "checksum": string or null, "size": number or null (a hint until bytes have come), "offset": number, "verifiable": boolean
// (whether the end of the reads will have checked the checksum)}. Free with ocireg_blob_reader_free. Blocks.
//
// Options: those of ocireg_v1_layer_fd. Errors: those of ocireg_v1_layer_file.
ocireg_status ocireg_v1_layer_open(ocireg_client *client,
                                   ocireg_context *context,
                                   const char *repository,
                                   const char *id,
                                   const ocireg_options *options,
                                   ocireg_blob_reader **reader,
                                   ocireg_error **error);

// Puts the JSON of an image, its bytes unchanged, for [HOST[:PORT]/]REPOSITORY. Its "id" names it, and its "parent" must be at
// the registry. Its layer follows by ocireg_v1_put_layer. Blocks.
// After OCIREG_TIMEOUT or OCIREG_CANCELLED the outcome is unknown.
//
// Options: none.
//
// Result, `json` may be NULL: {"id": string, "uploaded": boolean (false when the registry has a whole image of this id, whatever
// it holds)}. Free with ocireg_string_free.
//
// Errors: the common ones; OCIREG_INVALID_MANIFEST for JSON that does not describe an image. Source: Docker's Registry API v1,
// "Put image layer".
ocireg_status ocireg_v1_put_image(ocireg_client *client,
                                  ocireg_context *context,
                                  const char *repository,
                                  const uint8_t *image,
                                  size_t image_size,
                                  const ocireg_options *options,
                                  char **json,
                                  ocireg_error **error);

// Puts the layer, from memory, of an image whose JSON was put, and its checksum, which makes the image whole. `image` is the
// same JSON: the checksum is over it too. Blocks.
// After OCIREG_TIMEOUT or OCIREG_CANCELLED the outcome is unknown.
//
// Options:
//   finish (boolean, default: true): put the checksum
//
// Result, `json` may be NULL: {"id": string, "size": number, "checksum": "sha256:..." (over the JSON, a newline and the layer),
// "uploaded": boolean (false when the registry has a whole image of this id)}. Free with ocireg_string_free.
//
// Errors: the common ones; OCIREG_INVALID_MANIFEST, OCIREG_DIGEST_MISMATCH when the registry got other bytes. Source: Docker's
// Registry API v1, "Put image layer"; docker-registry 0.9.1 for the checksum.
ocireg_status ocireg_v1_put_layer(ocireg_client *client,
                                  ocireg_context *context,
                                  const char *repository,
                                  const uint8_t *image,
                                  size_t image_size,
                                  const uint8_t *data,
                                  size_t size,
                                  const ocireg_options *options,
                                  char **json,
                                  ocireg_error **error);

// Puts the layer, from a file, of an image whose JSON was put; as ocireg_v1_put_layer. Blocks.
//
// Options, result and errors: those of ocireg_v1_put_layer; OCIREG_IO.
ocireg_status ocireg_v1_put_layer_file(ocireg_client *client,
                                       ocireg_context *context,
                                       const char *repository,
                                       const uint8_t *image,
                                       size_t image_size,
                                       const char *path,
                                       const ocireg_options *options,
                                       char **json,
                                       ocireg_error **error);

// Puts the checksum of an image, "sha256:..." or "tarsum...", after its layer was put with `finish` false. Blocks.
// After OCIREG_TIMEOUT or OCIREG_CANCELLED the outcome is unknown.
//
// Options: none.
//
// Result, `json` may be NULL: {"status": the registry's HTTP status}. Free with ocireg_string_free.
//
// Errors: the common ones; OCIREG_DIGEST_MISMATCH when it is not what the registry got. Source: docker-registry 0.9.1.
ocireg_status ocireg_v1_put_checksum(ocireg_client *client,
                                     ocireg_context *context,
                                     const char *repository,
                                     const char *id,
                                     const char *checksum,
                                     const ocireg_options *options,
                                     char **json,
                                     ocireg_error **error);

// Puts a tag, [HOST[:PORT]/]REPOSITORY[:TAG], on an image. Blocks.
// After OCIREG_TIMEOUT or OCIREG_CANCELLED the outcome is unknown.
//
// Options: none.
//
// Result, `json` may be NULL: {"status": the registry's HTTP status}. Free with ocireg_string_free.
//
// Errors: the common ones; OCIREG_NOT_FOUND without such an image. Source: Docker's Registry API v1, "Set a tag".
ocireg_status ocireg_v1_put_tag(ocireg_client *client,
                                ocireg_context *context,
                                const char *reference,
                                const char *id,
                                const ocireg_options *options,
                                char **json,
                                ocireg_error **error);

// Pushes one image as a chain of old ones to a tag, [HOST[:PORT]/]REPOSITORY[:TAG], of a registry that speaks protocol v1.
// `source` is any place that ocireg_endpoint_parse knows; a schema-1 image is converted first. There is an old image for each
// step of the image's history (a step without a layer gets an empty one), or for each layer when the history does not fit them.
// Their ids follow from the config and the digests of the layers, so that the same image is the same chain, and what the registry
// has is not moved. Layers go as they are, and are verified. The tag comes last. Blocks. After OCIREG_TIMEOUT or
// OCIREG_CANCELLED the outcome is unknown; the next call goes on.
//
// Options:
//   platform (string): of an index, the image for this platform, OS/ARCH[/VARIANT][:OS.VERSION], instead of this machine's
//
// Result, `json` may be NULL: {"source": string, "destination": string, "digest": string (of the image's manifest, which the registry
// does not know), "id": string (what the tag stands for now), "images": [{"id": string, "layer": string (digest) or null for an empty
// one, "size": number (of the layer), "uploaded": boolean (false: it is there)}], the lowest first, "served_by": [HOST[:PORT]], as in
// ocireg_copy}. Free with ocireg_string_free.
//
// Progress: bytes of all layers.
//
// Errors: the common ones, with "side" "source" or "destination"; OCIREG_UNSUPPORTED for anything that is not an image, for
// layers packed by zstd or meant to be fetched from elsewhere; OCIREG_INVALID_REFERENCE for a reference with a digest;
// OCIREG_DIGEST_MISMATCH. Source: Docker's Registry API v1, "Put image layer", Hub API "Update user repository images".
ocireg_status ocireg_v1_push(ocireg_client *client,
                             ocireg_context *context,
                             const char *source,
                             const char *reference,
                             const ocireg_options *options,
                             char **json,
                             ocireg_error **error);

// Deletes a tag, [HOST[:PORT]/]REPOSITORY[:TAG]. Blocks.
// After OCIREG_TIMEOUT or OCIREG_CANCELLED the outcome is unknown.
//
// Options: none.
//
// Result, `json` may be NULL: {"status": the registry's HTTP status}. Free with ocireg_string_free.
//
// Errors: the common ones. Source: Docker's Registry API v1, "Delete a tag".
ocireg_status ocireg_v1_delete_tag(ocireg_client *client,
                                   ocireg_context *context,
                                   const char *reference,
                                   const ocireg_options *options,
                                   char **json,
                                   ocireg_error **error);

// Deletes [HOST[:PORT]/]REPOSITORY with all its tags, at the registry and at the index; the registry may keep the images.
// Blocks.
// After OCIREG_TIMEOUT or OCIREG_CANCELLED the outcome is unknown.
//
// Options: none.
//
// Result, `json` may be NULL: {"status": the registry's HTTP status}. Free with ocireg_string_free.
//
// Errors: the common ones. Source: Docker's Registry API v1, "Delete a repository".
ocireg_status ocireg_v1_delete_repository(ocireg_client *client,
                                          ocireg_context *context,
                                          const char *repository,
                                          const ocireg_options *options,
                                          char **json,
                                          ocireg_error **error);

// The config of an image at any place (see ocireg_endpoint_parse). Its bytes are verified. Blocks.
//
// Options:
//   platform (string): of an index, the image for this platform, OS/ARCH[/VARIANT][:OS.VERSION], instead of this machine's
//
// platform: an image that is in no index is taken as it is.
//
// Wherever an option is a platform, the image is looked for in the same way. If an index does not say what its entries run on,
// they are read: an index in it has entries of its own, an image says it in its config. At most 16 levels and 256 manifests are
// read. What refers to images, such as an attestation, is never taken.
//
// Result, either may be NULL when not wanted: `bytes`, the exact bytes, freed with ocireg_buffer_free; `json`, {"digest":
// string, "size": number, "mediaType": string (of the config), "manifest": string (the image's digest), "config": the
// config parsed, or null when it is not an image's and not JSON, "served_by": [HOST[:PORT]] (the endpoints that sent the manifest and the config: the
// registry, its mirrors, or several of them) [, "platform": {"os", "architecture", ...} of an image in an index]},
// freed with ocireg_string_free.
//
// Errors: the common ones; OCIREG_UNSUPPORTED when the manifest has no config (schema 1), OCIREG_NOT_FOUND also when the
// index has no such platform, OCIREG_MISSING_BLOB, OCIREG_INVALID_MANIFEST, OCIREG_DIGEST_MISMATCH, OCIREG_SIZE_MISMATCH,
// OCIREG_LIMIT_EXCEEDED. Source: image-spec config.md.
ocireg_status ocireg_image_config(ocireg_client *client,
                                  ocireg_context *context,
                                  const char *image,
                                  const ocireg_options *options,
                                  char **json,
                                  ocireg_buffer **bytes,
                                  ocireg_error **error);

// Validates what any place names (see ocireg_endpoint_parse): an image, an index with all its images, or an artifact. It reports
// everything that is wrong instead of the first error. That is what is missing or has another digest or size, and descriptors and
// configs that are wrong (media types, the platforms of an index, the number of diff_ids, which are none where an image's config
// does not say them, and an OCI config without architecture or os). It is also layers that are packed in another way than their
// media types say, do not unpack to their diff_ids or are not valid tar archives. Each blob is read once, a layer
// of an image unpacked as well (and read again if it cannot be, for its digest). A folder or a pipe in the place of a layout's
// blob is a missing one. Layers that their manifest says to be elsewhere are not looked for. What cannot be found out for another
// reason, such as a registry that does not answer or a file that may not be read, is an error of the call. So is what is wrong
// with a docker-archive's layers, of which its manifest is made. Blocks.
//
// Options:
//   platform (string): of an index, only the image for this platform, OS/ARCH[/VARIANT][:OS.VERSION]
//   quick (boolean, default: false): blobs are not read, configs excepted: only whether they are there, with the right size
//   referrers (boolean, default: false): also what refers to each manifest, and what refers to that
//   concurrency (integer, default: 4): how many blobs are looked at at the same time, 1 to 64
//   max_bytes (integer, default: 68719476736): the most bytes that a layer may unpack to
//   max_ratio (integer, default: 250): the most bytes of a layer for each packed one, from the first GiB on
//
// Result: {"place": string, "digest": string, "mediaType": string (both of the manifest), "valid": boolean (whether there is no
// problem), "quick": boolean, "manifests": number, "blobs": number, "bytes": number (of these blobs), "foreign": [string] (digests of
// layers that come from elsewhere, which were not looked for), "problems": [{"digest": string (of what is wrong), "manifest": string
// or null (the digest of the manifest that names it), "code": string (the name of an error: MISSING_BLOB for whatever is not there), "problem":
// string}], "served_by": [HOST[:PORT]] (the endpoints that sent what was read, or said that it is there: the registry, its mirrors, or
// several of them)}. Free with ocireg_string_free.
//
// Progress: bytes of the blobs.
//
// Errors: the common ones; of the place's own manifest OCIREG_NOT_FOUND, OCIREG_MISSING_BLOB, OCIREG_DIGEST_MISMATCH and
// OCIREG_INVALID_MANIFEST, since there is nothing to report then; OCIREG_LIMIT_EXCEEDED (more than 100,000 manifests, or indexes
// in indexes 16 deep). Source: image-spec manifest.md, config.md, image-index.md.
ocireg_status ocireg_image_validate(ocireg_client *client,
                                    ocireg_context *context,
                                    const char *place,
                                    const ocireg_options *options,
                                    char **json,
                                    ocireg_error **error);

// The bytes of an image at any place (see ocireg_endpoint_parse), as its manifest says: no blob is read. Blocks.
//
// Options:
//   platform (string): of an index, the image for this platform, OS/ARCH[/VARIANT][:OS.VERSION], instead of this machine's
//   all (boolean, default: false): every image of an index
//
// Result: {"digest": string, "mediaType": string (of the manifest) [, "platform": {"os", "architecture", ...}],
// "manifest": number (its own bytes), "config": number, "layers": [{"digest": string, "size": number, "mediaType":
// string}], the oldest first, "layers_total": number (their sizes, as listed), "total": number (config and layers, each
// blob once), "served_by": [HOST[:PORT]] (the endpoints that sent the manifests: the registry, its mirrors, or several of them)};
// with all, {"images": [such an object without served_by], "total": number (the blobs of all, each once), "served_by"}. Free with
// ocireg_string_free.
//
// Errors: the common ones; OCIREG_NOT_FOUND also when the index has no such platform, OCIREG_INVALID_MANIFEST. Source:
// image-spec manifest.md.
ocireg_status ocireg_image_size(ocireg_client *client,
                                ocireg_context *context,
                                const char *image,
                                const ocireg_options *options,
                                char **json,
                                ocireg_error **error);

// Gives what [HOST[:PORT]/]REPOSITORY[:TAG][@DIGEST] names another tag, byte for byte; an index stays whole. `tag` is a tag in
// the same repository, or a whole name, [HOST[:PORT]/]REPOSITORY[:TAG], on the same registry: then what the manifest needs
// comes before it, by mounts where the registry can. Of a layout or an archive it is another name in that; an archive is
// rewritten for it as by ocireg_copy. Blocks. After OCIREG_TIMEOUT or OCIREG_CANCELLED the outcome is unknown.
//
// Options:
//   referrers (boolean, default: false): into another repository, also signatures, SBOMs and whatever else names it as its subject
// The new tag, which is looked at before anything is read or written, and once more when it is set:
//   if_exists (string, default: "replace"): "replace", "fail" or "skip": what becomes of a name that refers to a manifest already
//   if_digest (string): the name has to refer to this manifest still, else OCIREG_DIGEST_MISMATCH, and nothing is written
//
// if_exists: with "fail", a name that refers to a manifest, even to this one, is OCIREG_DIGEST_MISMATCH, and nothing is written; with "skip" it stays
// as it is, and the result says so.
//
// Result, `json` may be NULL: {"source": string, "destination": string, "digest": string, "mediaType": string,
// "skipped": [string], "condition": string or null, "served_by": [HOST[:PORT]], as in ocireg_copy}. Free with ocireg_string_free.
//
// Errors: the common ones; OCIREG_DIGEST_MISMATCH when the tag refers to what if_exists or if_digest do not allow (see
// ocireg_manifest_put); OCIREG_INVALID_REFERENCE when `tag` is neither, OCIREG_INVALID_ARGUMENT when it is on another
// registry. Source: distribution-spec "Pushing manifests".
ocireg_status ocireg_image_tag(ocireg_client *client,
                               ocireg_context *context,
                               const char *reference,
                               const char *tag,
                               const ocireg_options *options,
                               char **json,
                               ocireg_error **error);

// Puts layers on top of an image at any place (see ocireg_endpoint_parse): tar files, compressed by gzip or zstd, or not. Those
// that are compressed are stored as they are; plain ones are packed on their way to a registry, the same to the same bytes. The
// config gets their diff_ids and history, the manifest their descriptors, with media types of Docker or OCI as it has them;
// everything else stays as it was. The same layers on the same image give the same image. Blocks. After OCIREG_TIMEOUT or
// OCIREG_CANCELLED the outcome is unknown.
//
// Options:
//   layers (list of strings): the layers' files, the oldest first; without any the call is OCIREG_INVALID_ARGUMENT
//   to (string, default: the image's own name, which then needs a tag): the place for the result
//   platform (string): of an index, the image for this platform, instead of this machine's: the result is that image alone
//   all (boolean, default: false): every image of an index, and a new index of them, without attestations
//   scratch (boolean, default: false): on a new image without layers, an OCI one for the platform, instead of what `image` names
//   media_type (string): of the new layers, instead of what they and the manifest are
//   compression (string): "gzip", "zstd" or "none": for layers that are plain tars
//   compression_level (integer, default: 6 for gzip, 1 for zstd): 1 to 9 for gzip, 1 for zstd, and refused with "none"
// The result's name, which is looked at before anything else, and once more when it is set:
//   if_exists (string, default: "replace"): "replace", "fail" or "skip": what becomes of a name that refers to a manifest already
//   if_digest (string): the name has to refer to this manifest still, else OCIREG_DIGEST_MISMATCH, and nothing is written
//
// scratch: the place that `image` names need not have an image.
//
// media_type: when a media type is given, the layers' files stay as they are, unless compression says otherwise. The default is what the files and
// the manifest are.
//
// compression: the option is for the layers that are added, and for those of an image in a docker-archive. The default is gzip when the result goes
// to a registry, else none.
//
// if_exists: with "fail", a name that refers to a manifest, even to this one, is OCIREG_DIGEST_MISMATCH, and nothing is written; with "skip" it stays
// as it is, and the result says so.
//
// Result, `json` may be NULL: {"destination": string, "digest": string, "mediaType": string, "base": string or null (the digest
// of what they were put on, null with scratch), "images": [{"digest": string, "config": string [, "platform": {"os",
// "architecture", ...}]}], "layers": [{"digest": string, "size": number, "diff_id": string}] (the new ones), "skipped":
// [string], "condition": string or null, "served_by": [HOST[:PORT]], as in ocireg_copy; what was left as it is has no images and layers}. Free with
// ocireg_string_free.
//
// Errors: the common ones; OCIREG_DIGEST_MISMATCH when the result's name refers to what if_exists or if_digest do not allow (see
// ocireg_manifest_put); OCIREG_INVALID_ARGUMENT without layers, OCIREG_INVALID_REFERENCE when the image is named by digest and
// `to` is missing, OCIREG_INVALID_MANIFEST when a file is not a valid tar archive or the config does not fit the layers,
// OCIREG_UNSUPPORTED when it is not an image (artifacts, schema 1), OCIREG_IO. Source: image-spec config.md, manifest.md.
ocireg_status ocireg_image_append(ocireg_client *client,
                                  ocireg_context *context,
                                  const char *image,
                                  const ocireg_options *options,
                                  char **json,
                                  ocireg_error **error);

// Deletes everything in a repository, [HOST[:PORT]/]REPOSITORY: the manifest of every tag, and of an index what it holds.
// The plan is made before anything is deleted. What no tag leads to stays, and so does the registry's name for the
// repository. Blocks. After OCIREG_TIMEOUT or OCIREG_CANCELLED the outcome is unknown; the next call goes on.
//
// Options:
//   dry_run (boolean, default: false): only report what would be deleted
//
// Result, `json` may be NULL: {"repository": string, "manifests": [{"digest": string, "mediaType": string (empty when it
// cannot be read), "tags": [string], "deleted": boolean}], indexes before what they hold, "tags": number, "deleted":
// number, "dry_run": boolean}. Free with ocireg_string_free.
//
// Errors: the common ones; OCIREG_UNSUPPORTED where the registry deletes nothing, OCIREG_LIMIT_EXCEEDED. The message says how many
// manifests were deleted before, the hint which are left. Source: distribution-spec end-8a, end-9.
ocireg_status ocireg_repository_remove(ocireg_client *client,
                                       ocireg_context *context,
                                       const char *repository,
                                       const ocireg_options *options,
                                       char **json,
                                       ocireg_error **error);

// Makes an index of what references name, in any repositories, layouts and archives, and puts it at a place (see
// ocireg_endpoint_parse). First everything is put there that is missing, mounted from other repositories of the same registry or
// copied from elsewhere, then the index under the place's tag or name. So whatever fails, the name refers to what it referred to
// before. An image is an entry for the platform that its config says (with variant, os.version and os.features); an index gives
// its entries as they stand in it, with the platforms that it leaves out, and what attests something about them. An index in an
// index stays one entry. An image has one entry for a platform, the first, and two only where an index names it for two; two images
// for one platform are two entries. What several references lead to comes from the first of them that has it.
//
// The index is OCI's, unless nothing but Docker's images is put in and it has no annotations, subject or artifact_type: then it
// is Docker's list, as docker makes it. Its entries keep all that they say. The same references give the same bytes; of different
// OCI images `oras manifest index create` makes the same. Blocks. After OCIREG_TIMEOUT or OCIREG_CANCELLED the outcome is unknown.
//
// Options:
//   annotations (list of strings): KEY=VALUE each, of the index; org.opencontainers.image.created is there only when it is given here
//   artifact_type (string): what the index is, a media type, if it does not list images
//   subject (string): the place of what it is about, in the same repository or layout, or its digest alone
// What is put into it:
//   references (list of strings): what is put in, in this order: names of places, or digests of manifests
//   platform (list of strings): OS/ARCH[/VARIANT][:OS.VERSION] each: of references that are indexes only these
//   media_type (string): "oci" or "docker": of the index itself, its entries stay what they are; a Docker list can hold Docker's images only
//   entry_annotations (list of strings): KEY=VALUE each, of each new entry that attests nothing
//   referrers (boolean, default: false): also signatures, SBOMs and whatever else names what is put in as its subject, as in ocireg_copy
//   tags (list of strings): other tags that the index gets, or other names in its layout or archive
//   dry_run (boolean, default: false): only say what would be written: nothing is changed, and the result has the index's bytes
//   concurrency (integer, default: 4): 1 to 64: transfers at once
// The index's name, which is looked at before anything else, and once more when it is set:
//   if_exists (string, default: "replace"): "replace", "fail" or "skip": what becomes of a name that refers to a manifest already
//   if_digest (string): the name has to refer to this manifest still, else OCIREG_DIGEST_MISMATCH, and nothing is written
//
// references: places are named as ocireg_endpoint_parse tells, and digests are of manifests that are in the repository or layout of the index.
// Without any reference the call is OCIREG_INVALID_ARGUMENT.
//
// platform: the images are chosen as ocireg_copy does it, with their attestations. An image that is not in an index must be for one of the platforms,
// and each platform must be found.
//
// if_exists: with "fail", a name that refers to a manifest, even to this one, is OCIREG_DIGEST_MISMATCH, and nothing is written; with "skip" it stays
// as it is, and the result says so.
//
// Result, `json` may be NULL: {"destination": string, "digest": string, "mediaType": string, "size": number (of the index),
// "before": string or null (the digest of the index before, of a change), "manifests": [descriptor] (all entries, with
// "platform"), "added": [descriptor] (the new ones of them), "removed": [descriptor] (what is not in it any more), "subject":
// descriptor or null, "copied": {"manifests": {...}, "blobs": {...}} as in ocireg_copy (with the index itself), "attempts":
// number, "served_by": [HOST[:PORT]] (the endpoints that sent manifests and blobs), "skipped": [string], "condition": string or null, as in
// ocireg_copy, or "unconfirmed" (see ocireg_index_append), "tags": [string] (the other names that it was given, in the order of the
// option), "manifest": string or null (with dry_run the exact bytes that would be put); what was left as it is has no size and
// entries}. Other names are set when the index is there under its own; with if_exists each of them is looked at before anything is
// written.
// Free with ocireg_string_free.
//
// Progress: as for ocireg_copy; each try begins anew.
//
// Errors: those of ocireg_copy; OCIREG_NOT_FOUND also when no reference has an image for one of the platforms,
// OCIREG_DIGEST_MISMATCH also for a place with a digest that the index does not have, OCIREG_SIZE_MISMATCH and
// OCIREG_INVALID_MANIFEST also when an index says something else of an entry than that is, OCIREG_INVALID_MANIFEST also for a
// Docker list that were to have what it cannot, OCIREG_LIMIT_EXCEEDED (1000 references, 10000 entries in all, 32 MiB),
// OCIREG_UNSUPPORTED for schema 1 and for a docker-archive or docker-v1 as the place. Source: image-spec image-index.md.
ocireg_status ocireg_index_create(ocireg_client *client,
                                  ocireg_context *context,
                                  const char *place,
                                  const ocireg_options *options,
                                  char **json,
                                  ocireg_error **error);

// Puts what references name into the index that a place names, as ocireg_index_create does it, behind the entries that are
// there, which stay as they are, as does everything else in the index. What is in it already is not added again, but copied
// where it is missing, and with the option referrers what refers to it too; when all of that is there, nothing is written. An
// image for a platform that has an entry is one more entry, as with crane, regctl, oras and buildx, unless the option replace
// is set. A Docker list takes Docker's images only, unless media_type makes it OCI's.
//
// The index is put only if the name still refers to the one that was read, else all of that is done again, up to 16 times: when
// several users of this library change it at once, none of the changes is lost. In an oci: layout no other process can write in
// between. In an oci-archive:, a dir: and a registry that does not check conditions (see ocireg_manifest_put) the index is read
// once more, after about three times as long as writing took, at most 10 seconds. If the change was lost, it is made again. A
// client that writes even later, without reading what is there, can still undo it. When that look fails, "condition" is
// "unconfirmed". An index with a subject stays among the subject's referrers when another takes its name. Blocks. After
// OCIREG_TIMEOUT or OCIREG_CANCELLED the outcome is unknown.
//
// Options:
//   replace (boolean, default: false): images replace the entry that the index has for the same platform, with its attestations
//   annotations (list of strings): KEY=VALUE each, of the index, over those that it has
//   subject (string, default: what it is about already): the place of what it is about, in the same repository or layout, or its digest alone
//   put_as (string): another tag, or name in the layout or archive, which the changed index gets
//   create (boolean, default: false): make the index when its name refers to nothing
//   if_digest (string): the name has to refer to this index, else OCIREG_DIGEST_MISMATCH, and nothing is written
// What is put into it:
//   references (list of strings): what is put in, in this order: names of places, or digests of manifests
//   platform (list of strings): OS/ARCH[/VARIANT][:OS.VERSION] each: of references that are indexes only these
//   media_type (string): "oci" or "docker": of the index itself, its entries stay what they are; a Docker list can hold Docker's images only
//   entry_annotations (list of strings): KEY=VALUE each, of each new entry that attests nothing
//   referrers (boolean, default: false): also signatures, SBOMs and whatever else names what is put in as its subject, as in ocireg_copy
//   tags (list of strings): other tags that the index gets, or other names in its layout or archive
//   dry_run (boolean, default: false): only say what would be written: nothing is changed, and the result has the index's bytes
//   concurrency (integer, default: 4): 1 to 64: transfers at once
//
// replace: an entry is replaced whichever revision of a Windows build it and the new image are. Without this option both are listed, as with other
// tools.
//
// put_as: the changed index gets this name whatever it refers to, and the place's own name stays as it is.
//
// references: places are named as ocireg_endpoint_parse tells, and digests are of manifests that are in the repository or layout of the index.
// Without any reference the call is OCIREG_INVALID_ARGUMENT.
//
// platform: the images are chosen as ocireg_copy does it, with their attestations. An image that is not in an index must be for one of the platforms,
// and each platform must be found.
//
// With put_as the index goes under another name, whatever that refers to, and what is read stays as it is.
//
// Result, `json` may be NULL: as in ocireg_index_create; "removed" is what was replaced. Free with ocireg_string_free.
//
// Errors: those of ocireg_index_create; OCIREG_NOT_FOUND when there is no index, OCIREG_UNSUPPORTED when the name refers to
// something else, OCIREG_INVALID_REFERENCE for a place with a digest or without a name, or with a part of an image's name,
// OCIREG_DIGEST_MISMATCH when if_digest is another, or others changed the index each time.
ocireg_status ocireg_index_append(ocireg_client *client,
                                  ocireg_context *context,
                                  const char *place,
                                  const ocireg_options *options,
                                  char **json,
                                  ocireg_error **error);

// Takes entries out of the index that a place names, with what attests something about them; everything else stays as it is.
// The manifests themselves stay in the repository; in a layout nothing names them any more, so that a clean-up takes them, and an
// archive drops them. It is put as ocireg_index_append does it; what other clients remove at the same moment is gone, which is not
// an error. Blocks. After OCIREG_TIMEOUT or OCIREG_CANCELLED the outcome is unknown.
//
// Options:
//   digests (list of strings): of entries; without these and platform the call is OCIREG_INVALID_ARGUMENT
//   platform (list of strings): OS/ARCH[/VARIANT][:OS.VERSION] each: all entries for it
//   if_digest (string): the name has to refer to this index, else OCIREG_DIGEST_MISMATCH, and nothing is written
//   dry_run (boolean, default: false): only say what would be written: nothing is changed, and the result has the index's bytes
//
// platform: a platform without os.version is that of any os.version, and unknown/unknown are all attestations.
//
// Result, `json` may be NULL: as in ocireg_index_create. Free with ocireg_string_free.
//
// Errors: those of ocireg_index_append; OCIREG_NOT_FOUND also when a digest or a platform is not in the index as it is read first:
// then nothing is written.
ocireg_status ocireg_index_remove(ocireg_client *client,
                                  ocireg_context *context,
                                  const char *place,
                                  const ocireg_options *options,
                                  char **json,
                                  ocireg_error **error);

// Writes the file system of an image at any place (see ocireg_endpoint_parse) as one tar archive (POSIX pax) to a file: what is there
// after the last layer. The file appears under its name only whole and verified, replacing what was there, as by
// ocireg_blob_get_file; what is not a file is written through, as by ocireg_image_export_fd: the reader of a pipe gets its end, and no
// whole archive, also when the place cannot be opened. A process that is killed meanwhile leaves a hidden file beside it
// (`.` to `.partial`). Blocks.
//
// The layers are read from the newest on, each once, and written as they come, without temporary files. An entry is in the archive
// unless a newer layer has its name, removes it, or has something else in the place of a folder above it. Types, permissions with
// set-user-ID, set-group-ID and sticky bit, numbers of owners, times with their parts of a second, devices and extended attributes
// are as in the layer; names of owners are left out, which mean something only within the image. Whiteouts are not in it, nor is the
// root. Names are relative, without `.` and `..`. Each folder follows everything in it, so that folders without write permission
// can be unpacked. A folder that has no entry of its own in any layer has the mode 0755, and zeros for owner and time. A hard link
// follows its target; where a newer layer hides that, the link has the bytes itself, for which its layer is read once more. What a layer
// has twice is there twice, the last time as it should be. Files in folders with a name for marks of aufs (`.wh..wh.`) are left out.
//
// What a layer has behind a link of an older layer, or has twice, as a folder with files in it and as something else, cannot be told
// in this order and is OCIREG_UNSUPPORTED; ocireg_image_extract can do it. No more than 512 MiB of memory are used for names.
//
// Options:
//   platform (string): of an index, the image for this platform, OS/ARCH[/VARIANT][:OS.VERSION], instead of this machine's
//   max_bytes (integer, default: 68719476736): the most bytes to unpack
//   max_ratio (integer, default: 250): the most bytes of a layer for each packed one, from the first GiB on
//
// Result, `json` may be NULL: {"digest": string (the image's) [, "platform": {"os", "architecture", ...}] [, "path": string, of
// ocireg_image_export_file], "layers": [{"digest": string, "diff_id": string, "diff_id_checked": boolean (false when the config does
// not tell it)}], the oldest first, "files", "directories", "symlinks", "hard_links", "devices" (and pipes), "bytes" (of the files),
// "size" (of the archive): numbers,
// "served_by": [HOST[:PORT]] (the endpoints that sent manifests and blobs of it: the registry, its mirrors, or several of them)}. Free with
// ocireg_string_free.
//
// Progress: bytes of the layers, as they are stored.
//
// Errors: the common ones; OCIREG_INVALID_MANIFEST when a layer is not a valid tar archive or a name leads out, OCIREG_DIGEST_MISMATCH,
// OCIREG_LIMIT_EXCEEDED, OCIREG_UNSUPPORTED (another packing too), OCIREG_NOT_FOUND also when the index has no such
// platform, OCIREG_MISSING_BLOB, OCIREG_IO. Source: image-spec layer.md.
ocireg_status ocireg_image_export_file(ocireg_client *client,
                                       ocireg_context *context,
                                       const char *image,
                                       const char *path,
                                       const ocireg_options *options,
                                       char **json,
                                       ocireg_error **error);

// As ocireg_image_export_file, to a descriptor, which stays open and is as for ocireg_blob_get_fd. The bytes are written as they come:
// on an error, OCIREG_DIGEST_MISMATCH and a place that cannot be opened too, what was written must not be trusted. As far as
// more can be written, the archive then ends with an extended header that is cut short, or in the middle of a file: so tar and
// others that read it fail too. Blocks.
//
// Options, result and errors: those of ocireg_image_export_file.
ocireg_status ocireg_image_export_fd(ocireg_client *client,
                                     ocireg_context *context,
                                     const char *image,
                                     int32_t fd,
                                     const ocireg_options *options,
                                     char **json,
                                     ocireg_error **error);

// As ocireg_image_export_fd, to a callback, which gets at most 256 KiB at a time, on this thread; of a job on one of the library's, until
// OCIREG_EVENT_DONE (see ocireg_job). Blocks.
//
// Options, result and errors: those of ocireg_image_export_file; OCIREG_CALLBACK.
ocireg_status ocireg_image_export_stream(ocireg_client *client,
                                         ocireg_context *context,
                                         const char *image,
                                         ocireg_write_fn callback,
                                         void *userdata,
                                         const ocireg_options *options,
                                         char **json,
                                         ocireg_error **error);

// Extracts the files of an image at any place (see ocireg_endpoint_parse) into a folder, which is created if it does not exist.
// The layers are applied from the oldest on, packed by gzip, zstd or not at all, with their whiteouts, hard and symbolic links,
// permissions and times. Nothing is written outside of the folder, whatever the layers say: names that lead out are refused,
// links are followed as if the folder were the root. Layers are verified by digest, and against the config's diff_ids.
// With overwrite, what the image has as a folder is a folder afterwards, in whatever order its entries come: a link or a file that was
// there before the call is not followed but replaced by it, and nothing behind such a link is changed. The image's own links are followed.
// Neither the folder nor a file in it is reached through a link that, in a folder that all users may write to, another user than
// its owner has. After an error it holds a part. The holes of sparse files (GNU tar's old form, and its versions 0.0, 0.1 and
// 1.0 in POSIX headers) are written as zeros, which count to max_bytes and max_ratio. Extended attributes are left out. Blocks.
//
// Options:
//   platform (string): of an index, the image for this platform, OS/ARCH[/VARIANT][:OS.VERSION], instead of this machine's
//   overwrite (boolean, default: false): into a folder that is not empty, in the place of what is there
//   owner (boolean, default: false): keep the owners of files, as root only
//   setuid (boolean, default: false): keep set-user-ID and set-group-ID
//   devices (boolean, default: false): make devices and pipes too
//   max_bytes (integer, default: 68719476736): the most bytes to unpack
//   max_ratio (integer, default: 250): the most bytes of a layer for each packed one, from the first GiB on
//   paths (list of strings): only these paths of the image, each with everything below it and the folders above it
//
// overwrite: what none of the image's layers names stays: whiteouts are for what lower layers have, and a folder with files in it does not become a
// link or a file (OCIREG_IO). What came before that is written by then, as layers are read once, one after another; with paths nothing is. What a
// layer names takes the place of what is there even if a higher layer removes it; with paths only what the image has in the end does.
//
// paths: in patterns `*` is any part of a name, `?` one byte, `[a-z]` one of several, and `**` any number of names; after a backslash each of these
// stands for itself. An empty list is OCIREG_INVALID_ARGUMENT.
//
// With paths, as ocireg_image_files lists them (links are not followed), only what they name is written, with everything below it and
// the folders above it, which get the modes of the image. The layers are read from the newest on, as by ocireg_image_export_file,
// to their ends. Where each path is exactly one file, they are read no further than to the one that has the last of the paths.
// What is written waits in a temporary file (the client's temporary_dir) until all of it is there and verified, so that any
// failure leaves the folder as it was but one of writing itself. A path that names nothing is OCIREG_NOT_FOUND.
//
// Result, `json` may be NULL: {"digest": string (the image's) [, "platform": {"os", "architecture", ...}], "path": string,
// "layers": [{"digest": string, "diff_id": string, "diff_id_checked": boolean (false when the config does not tell it)}],
// the oldest first, of those that were read, "files", "directories", "symlinks", "hard_links", "devices", "skipped" (devices and pipes
// left out), "whiteouts" (0 with paths), "bytes" (of the files): numbers,
// "served_by": [HOST[:PORT]] (the endpoints that sent manifests and blobs of it: the registry, its mirrors, or several of them)}. Free with
// ocireg_string_free.
//
// Progress: bytes of the layers, as they are stored.
//
// Errors: the common ones; OCIREG_IO, also when the folder is not empty, OCIREG_INVALID_MANIFEST when a layer is not a valid tar
// archive or a name leads out, OCIREG_DIGEST_MISMATCH, OCIREG_LIMIT_EXCEEDED, OCIREG_UNSUPPORTED (another packing;
// with paths, what cannot be told from the newest layer on), OCIREG_NOT_FOUND also when the index has no such platform,
// OCIREG_MISSING_BLOB. Source: image-spec layer.md.
ocireg_status ocireg_image_extract(ocireg_client *client,
                                   ocireg_context *context,
                                   const char *image,
                                   const char *folder,
                                   const ocireg_options *options,
                                   char **json,
                                   ocireg_error **error);

// The files of an image at any place (see ocireg_endpoint_parse), as ocireg_image_extract would leave them: what is there after
// the last layer, whiteouts heeded and links on the way followed. Nothing is written. Layers are read to their ends and verified
// by digest, and against the config's diff_ids. Blocks.
//
// Options:
//   platform (string): of an index, the image for this platform, OS/ARCH[/VARIANT][:OS.VERSION], instead of this machine's
//   max_bytes (integer, default: 68719476736): the most bytes to unpack
//   max_ratio (integer, default: 250): the most bytes of a layer for each packed one, from the first GiB on
//   paths (list of strings): only these paths of the image, with all below and the folders above them, or patterns
//
// paths: patterns are those of ocireg_image_extract.
//
// Result: {"digest": string (the image's) [, "platform": {"os", "architecture", ...}], "layers": [{"digest": string, "diff_id":
// string, "diff_id_checked": boolean (false when the config does not tell it)}], the oldest first, "bytes": number (of the
// regular files), "files": [{"path": string (from "/" on; bytes that are not UTF-8 are replaced by U+FFFD), "type": "file",
// "directory", "symlink", "hardlink", "character", "block" or "fifo", "size": number (0 but for files and hard links), "mode":
// number (permissions, with set-user-ID, set-group-ID and sticky bit), "uid": number, "gid": number, "mtime": number (seconds
// since 1970), "link": string or null (what a symbolic link says; the name that a hard link was made of, which later layers may
// have changed or removed) [, "device": {"major": number, "minor": number}, of a device], "layer": string (the digest of the
// layer that it is from)}],
// "served_by": [HOST[:PORT]] (the endpoints that sent manifests and blobs of it: the registry, its mirrors, or several of them)}, the files
// sorted by the bytes of their paths, the root left out. A folder that the layers name only in the
// paths of others has the mode 0755 and zeros. A sparse file has its whole size, but its holes do not count to max_bytes and max_ratio,
// as they do where the file is read: what ocireg_image_extract refuses for them is listed. Free with ocireg_string_free.
//
// With paths only what they name is listed, with everything below it and the folders above it. The layers are read from the newest on,
// as ocireg_image_extract does with paths, and "layers" has those that were read. Which of the names of a hard link is the file may
// differ from the whole list; what cannot be told from the newest layer on is OCIREG_UNSUPPORTED.
//
// Progress: bytes of the layers, as they are stored.
//
// Errors: the common ones; OCIREG_INVALID_MANIFEST when a layer is not a valid tar archive or a name leads out, OCIREG_DIGEST_MISMATCH,
// OCIREG_LIMIT_EXCEEDED (also when the names need more than 512 MiB of memory), OCIREG_UNSUPPORTED (another
// packing), OCIREG_NOT_FOUND also when the index has no such platform, or a path names nothing, OCIREG_MISSING_BLOB. Source: image-spec layer.md.
ocireg_status ocireg_image_files(ocireg_client *client,
                                 ocireg_context *context,
                                 const char *image,
                                 const ocireg_options *options,
                                 char **json,
                                 ocireg_error **error);

// Writes one file of an image at any place (see ocireg_endpoint_parse) to a descriptor, which stays open: the bytes that
// ocireg_image_extract would leave there. Layers are read from the newest on until no older one can change what is there, as
// ocireg_image_export and ocireg_image_extract with paths do, and what cannot be told in that order is OCIREG_UNSUPPORTED: that a layer has
// files behind a link of an older layer, or the file twice, if only behind a link. Symbolic links are followed within the image, at most 40,
// to a file that is looked for in all layers again. The bytes are written as they come: on an error, OCIREG_DIGEST_MISMATCH too, what
// was written must not be trusted. The descriptor is as for ocireg_blob_get_fd. Blocks.
//
// Options:
//   platform (string): of an index, the image for this platform, OS/ARCH[/VARIANT][:OS.VERSION], instead of this machine's
//   verify (boolean, default: true): read the layer that has the file to its end, so that its digest is known to be right
//
// verify: with false, reading ends where the file ends: that the layer has another one of the name after it is not seen.
//
// Result, `json` may be NULL: {"digest": string (the image's) [, "platform": {"os", "architecture", ...}], "path": string (behind all
// symbolic links), "size": number, "mode": number, "layer": string (the digest of the layer that has its bytes), "verified": boolean,
// "served_by": [HOST[:PORT]] (the endpoints that sent manifests and blobs of it: the registry, its mirrors, or several of them)}.
// Free with ocireg_string_free.
//
// Errors: the common ones; OCIREG_NOT_FOUND, OCIREG_INVALID_ARGUMENT when it is not a regular file, OCIREG_INVALID_MANIFEST when
// a layer is not a valid tar archive, OCIREG_DIGEST_MISMATCH, OCIREG_LIMIT_EXCEEDED, OCIREG_UNSUPPORTED,
// OCIREG_MISSING_BLOB, OCIREG_IO. Source: image-spec layer.md.
ocireg_status ocireg_image_cat(ocireg_client *client,
                               ocireg_context *context,
                               const char *image,
                               const char *path,
                               int32_t fd,
                               const ocireg_options *options,
                               char **json,
                               ocireg_error **error);

// Makes a job of a client. `userdata` is whatever the caller wants to find by ocireg_job_userdata. Free with ocireg_job_free.
//
// Options:
//   progress (boolean, default: false): OCIREG_EVENT_PROGRESS comes while its bytes move, and while nothing moves
//   blob_progress (boolean, default: false): OCIREG_EVENT_BLOB comes for each blob of a copy
//   log (boolean, default: false): OCIREG_EVENT_LOG comes for each event of the trace
//   credentials (boolean, default: false): OCIREG_EVENT_CREDENTIALS comes when a registry asks for some and no option has them
//
// progress: such events come at most every 50 ms, and at least every 250 ms while the call runs and nothing moves. Of those that wait one is kept.
//
// blob_progress: when more than 1,000 events of blobs and of the log wait, the oldest are lost.
//
// credentials: the call waits for ocireg_job_answer, and so do other jobs that need the credentials of the same host.
//
// Errors: OCIREG_INVALID_ARGUMENT, OCIREG_CLOSED, OCIREG_IO (no free file descriptor), OCIREG_FORKED.
ocireg_status ocireg_job_new(ocireg_client *client,
                             const ocireg_options *options,
                             void *userdata,
                             ocireg_job **job,
                             ocireg_error **error);

// The context that makes a call the job's. Borrowed until the job is freed; freeing it does nothing. It can be cancelled and given a
// deadline, and its progress and warnings can be read; callbacks are refused, as events take their place. For NULL, and for what is not
// a job, one that every function refuses: a call that must not wait never becomes one that does.
ocireg_context *ocireg_job_context(const ocireg_job *job);

// What ocireg_job_new was given. NULL for NULL.
void *ocireg_job_userdata(const ocireg_job *job);

// The descriptor that can be read from (poll, epoll, kqueue, any event loop) while ocireg_client_next_event has something to give. It
// is only waited for, never read, written or closed, and is the client's until that is freed.
//
// Errors: OCIREG_INVALID_ARGUMENT, OCIREG_IO (no free file descriptor), OCIREG_FORKED.
ocireg_status ocireg_client_fd(ocireg_client *client,
                               int32_t *fd,
                               ocireg_error **error);

// The next thing that has happened to a job of this client: `*job`, which stays its owner's, and what it was, an OCIREG_EVENT_
// constant. When nothing has happened `*job` is NULL. Never blocks. Events of one job come in their order, and OCIREG_EVENT_DONE
// last; a job that was freed has none.
//
// Errors: OCIREG_INVALID_ARGUMENT, OCIREG_IO (no free file descriptor), OCIREG_FORKED.
ocireg_status ocireg_client_next_event(ocireg_client *client,
                                       ocireg_job **job,
                                       int32_t *event,
                                       ocireg_error **error);

// What the job's event that was given last says: JSON of OCIREG_EVENT_LOG and OCIREG_EVENT_BLOB, the host of
// OCIREG_EVENT_CREDENTIALS, else "". Borrowed until the job's next event. NULL for NULL, and in a forked child.
const char *ocireg_job_event_text(const ocireg_job *job);

// How far the job's transfer is: bytes done, and bytes in all (0 while unknown). Either pointer may be NULL.
// ocireg_context_progress, with the job's context, says more.
void ocireg_job_progress(const ocireg_job *job, uint64_t *done, uint64_t *total);

// Answers OCIREG_EVENT_CREDENTIALS. NULL, or options with nothing set, say that there are none: then those stored on the machine are
// used if the client's options ask for them, else the call is anonymous. The client remembers the answer for that host, also that there are
// none, and asks no later job; ocireg_client_set_host makes it forget it.
//
// Options:
//   username (string): with password: for Basic and for the host's token server; or with identity_token, if known
//   password (string): with username
//   identity_token (string): a refresh token for the host's token server
//   token (string): a bearer token, used as it is
//
// identity_token: a new identity token that the server issues replaces this one. Protocol v1 has no use for identity tokens.
//
// Errors: OCIREG_INVALID_ARGUMENT, also when nothing was asked, or no call waits for the answer any more; OCIREG_FORKED.
ocireg_status ocireg_job_answer(ocireg_job *job,
                                const ocireg_options *options,
                                ocireg_error **error);

// Cancels the job's call, and every later one, as ocireg_context_cancel does with the job's context, but not in a signal handler; a call
// that waits for a thread ends at once.
//
// Errors: OCIREG_INVALID_ARGUMENT, OCIREG_FORKED.
ocireg_status ocireg_job_cancel(ocireg_job *job,
                                ocireg_error **error);

// What the job's call has returned.
//
// Errors of its own, when there is no ocireg_job_error: OCIREG_BUSY (the call has not ended, or none was begun), OCIREG_INVALID_ARGUMENT
// (NULL, or not a job), OCIREG_FORKED.
ocireg_status ocireg_job_status(const ocireg_job *job);

// The error of the job's call. Borrowed until the job is freed or makes another call. NULL when there is none.
const ocireg_error *ocireg_job_error(const ocireg_job *job);

// The result of the job's call that the function gives as JSON, or as another string (a digest). Borrowed until the job is freed
// or makes another call. NULL when there is none.
const char *ocireg_job_json(const ocireg_job *job);

// The result of the job's call that the function gives as a buffer, or the bytes of a read (none, but not NULL, at the end).
// Borrowed until the job is freed or makes another call. NULL when there is none.
const ocireg_buffer *ocireg_job_bytes(const ocireg_job *job);

// The reader that ocireg_blob_open or ocireg_v1_layer_open has opened as the job's call. Each read is then a call of the job too: see
// ocireg_blob_reader_read. The caller's from now on, free with ocireg_blob_reader_free.
// NULL when there is none, or it was taken before.
ocireg_blob_reader *ocireg_job_take_reader(ocireg_job *job);

// The upload that ocireg_upload_start has started as the job's call. Its calls are the job's from now on. The caller's, free with
// ocireg_upload_free. NULL when there is none, or it was taken before.
ocireg_upload *ocireg_job_take_upload(ocireg_job *job);

// Frees a job. A call that has not ended is cancelled, and nothing more is told of it. It may still be ending a moment later, even
// when the client was freed. A caller that wants to know when it has ended cancels the job, and frees it after OCIREG_EVENT_DONE.
// NULL is accepted, and anything that is not a job is ignored. In a forked child the parent's job is leaked, not freed.
void ocireg_job_free(ocireg_job *job);

// Ends the threads of a client and closes its connections. The client must not be in a call, of a job neither, and must have no
// reader or upload. Until the next call no thread of the library runs on its behalf, as unshare(CLONE_NEWUSER), setns and seccomp
// filters may require. The next call begins anew; what was learnt (tokens, hosts) is kept. Waits for the threads to end.
// A job that was freed while it ran is still ending for a moment, and no event tells when it has: before that, cancel it and wait for
// OCIREG_EVENT_DONE.
//
// Errors: OCIREG_INVALID_ARGUMENT, OCIREG_BUSY (there is a call, reader or upload, a job has not ended yet, or the system still
// looks up a name for a call that was left), OCIREG_FORKED.
ocireg_status ocireg_client_quiesce(ocireg_client *client,
                                    ocireg_error **error);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* OCIREG_H */

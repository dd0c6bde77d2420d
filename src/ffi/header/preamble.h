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

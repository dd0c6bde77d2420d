/* shim.c: the callbacks that C calls; they call the Go functions in callbacks.go. */
#include "shim.h"
#include "_cgo_export.h"
#include <pthread.h>

uintptr_t ocireg_go_thread(void)
{
    return (uintptr_t)pthread_self();
}

static int32_t on_progress(void *handle, uint64_t done, uint64_t total)
{
    return ocireg_go_progress((uintptr_t)handle, done, total);
}

static int32_t on_blob(void *handle, const char *event)
{
    return ocireg_go_blob((uintptr_t)handle, (char *)event);
}

static int32_t on_log(void *handle, const char *event)
{
    return ocireg_go_log((uintptr_t)handle, (char *)event);
}

static int32_t on_credentials(void *handle, const char *host, ocireg_options *answer)
{
    return ocireg_go_credentials((uintptr_t)handle, (char *)host, answer);
}

static int64_t on_read(void *handle, uint8_t *buffer, size_t size)
{
    return ocireg_go_read((uintptr_t)handle, buffer, size);
}

ocireg_status ocireg_go_set_progress(ocireg_context *context, uintptr_t handle, ocireg_error **error)
{
    return ocireg_context_set_progress(context, on_progress, (void *)handle, error);
}

ocireg_status ocireg_go_set_blob_progress(ocireg_context *context, uintptr_t handle, ocireg_error **error)
{
    return ocireg_context_set_blob_progress(context, on_blob, (void *)handle, error);
}

ocireg_status ocireg_go_set_log(ocireg_context *context, uintptr_t handle, ocireg_error **error)
{
    return ocireg_context_set_log(context, on_log, (void *)handle, error);
}

ocireg_status ocireg_go_set_credentials(ocireg_context *context, uintptr_t handle, ocireg_error **error)
{
    return ocireg_context_set_credentials(context, on_credentials, (void *)handle, error);
}

ocireg_status ocireg_go_put_stream(ocireg_client *client, ocireg_context *context, const char *repository, uintptr_t handle,
                                   const ocireg_options *options, char **json, ocireg_error **error)
{
    return ocireg_blob_put_stream(client, context, repository, on_read, (void *)handle, options, json, error);
}

ocireg_status ocireg_go_artifact_add_stream(ocireg_artifact *artifact, uintptr_t handle, const ocireg_options *options,
                                            ocireg_error **error)
{
    return ocireg_artifact_add_stream(artifact, on_read, (void *)handle, options, error);
}

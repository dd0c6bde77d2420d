/* shim.h: what Go cannot express directly: C callbacks with a number (a cgo.Handle) as their userdata. */
#ifndef OCIREG_GO_SHIM_H
#define OCIREG_GO_SHIM_H

#include <ocireg.h>
#include <string.h>

#if OCIREG_VERSION_NUMBER < 0x000100
#error "this binding needs ocireg 0.1.0 or newer"
#endif

/* A number of the calling thread that no other thread has while it lives. */
uintptr_t ocireg_go_thread(void);
ocireg_status ocireg_go_set_progress(ocireg_context *context, uintptr_t handle, ocireg_error **error);
ocireg_status ocireg_go_set_blob_progress(ocireg_context *context, uintptr_t handle, ocireg_error **error);
ocireg_status ocireg_go_set_log(ocireg_context *context, uintptr_t handle, ocireg_error **error);
ocireg_status ocireg_go_set_credentials(ocireg_context *context, uintptr_t handle, ocireg_error **error);
ocireg_status ocireg_go_put_stream(ocireg_client *client, ocireg_context *context, const char *repository, uintptr_t handle,
                                   const ocireg_options *options, char **json, ocireg_error **error);
ocireg_status ocireg_go_artifact_add_stream(ocireg_artifact *artifact, uintptr_t handle, const ocireg_options *options,
                                            ocireg_error **error);

#endif

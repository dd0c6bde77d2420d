package ocireg

// Functions that call no callback are declared as such: then what is passed to them may be on Go's stack. The others
// may call back, and a callback may move the stack, so their arguments are always on the heap.

/*
#cgo noescape ocireg_reference_parse
#cgo nocallback ocireg_reference_parse
#cgo noescape ocireg_index_parse
#cgo nocallback ocireg_index_parse
#cgo noescape ocireg_endpoint_parse
#cgo nocallback ocireg_endpoint_parse
#cgo noescape ocireg_digest_bytes
#cgo nocallback ocireg_digest_bytes
#cgo noescape ocireg_manifest_inspect
#cgo nocallback ocireg_manifest_inspect
#cgo noescape ocireg_manifest_build
#cgo nocallback ocireg_manifest_build
#cgo noescape ocireg_options_new
#cgo nocallback ocireg_options_new
#cgo noescape ocireg_options_parse
#cgo nocallback ocireg_options_parse
#cgo noescape ocireg_options_free
#cgo nocallback ocireg_options_free
#cgo noescape ocireg_context_new
#cgo nocallback ocireg_context_new
#cgo noescape ocireg_context_free
#cgo nocallback ocireg_context_free
#cgo noescape ocireg_context_cancel
#cgo nocallback ocireg_context_cancel
#cgo noescape ocireg_context_set_deadline
#cgo nocallback ocireg_context_set_deadline
#cgo noescape ocireg_context_set_within
#cgo nocallback ocireg_context_set_within
#cgo noescape ocireg_go_set_progress
#cgo nocallback ocireg_go_set_progress
#cgo noescape ocireg_go_set_blob_progress
#cgo nocallback ocireg_go_set_blob_progress
#cgo noescape ocireg_go_set_log
#cgo nocallback ocireg_go_set_log
#cgo noescape ocireg_go_set_credentials
#cgo nocallback ocireg_go_set_credentials
#cgo noescape ocireg_string_free
#cgo nocallback ocireg_string_free
#cgo noescape ocireg_buffer_data
#cgo nocallback ocireg_buffer_data
#cgo noescape ocireg_buffer_size
#cgo nocallback ocireg_buffer_size
#cgo noescape ocireg_buffer_free
#cgo nocallback ocireg_buffer_free
#cgo noescape ocireg_error_json
#cgo nocallback ocireg_error_json
#cgo noescape ocireg_error_free
#cgo nocallback ocireg_error_free
#cgo noescape ocireg_status_name
#cgo nocallback ocireg_status_name
#cgo noescape strlen
#cgo nocallback strlen
#include "shim.h"
*/
import "C"

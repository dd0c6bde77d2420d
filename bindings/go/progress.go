package ocireg

// #include "shim.h"
import "C"

// Progress is how far a transfer is. It is valid during the callback only.
type Progress struct {
	// Done is the bytes that are done.
	Done uint64
	// Total is the bytes in all; 0 while unknown.
	Total uint64

	outside *nativeContext
}

// ProgressDetail says more of a transfer.
type ProgressDetail struct {
	// Operation is "blob get", "blob put", "copy", "extract", "cat" or "files".
	Operation string `json:"operation"`
	// Done is the bytes that are done.
	Done uint64 `json:"done"`
	// Total is the bytes in all; 0 while unknown.
	Total uint64 `json:"total"`
	// Blobs counts those of a copy.
	Blobs *BlobCounts `json:"blobs"`
	// Active are the blobs of a copy that are on their way.
	Active []BlobProgress `json:"active"`
}

// BlobProgress is how one blob of a copy fares.
type BlobProgress struct {
	// State is "begun", "moving", and at the end "copied", "mounted" or "skipped" (it was there already); empty in a ProgressDetail.
	State  string `json:"state"`
	Digest string `json:"digest"`
	Size   int64  `json:"size"`
	// Done is the bytes of it.
	Done int64 `json:"done"`
}

// Detail says more; only during the callback. When the call is over it is ErrClosed.
func (p Progress) Detail() (*ProgressDetail, error) {
	if p.outside == nil {
		return nil, newError(ErrInvalidArgument, "a progress that is not the library's")
	}
	p.outside.lock.Lock()
	defer p.outside.lock.Unlock()
	if p.outside.pointer == nil {
		return nil, newError(ErrClosed, "the call of this progress is over")
	}
	var text *C.char
	var failure *C.ocireg_error
	if status := C.ocireg_context_progress(p.outside.pointer, &text, &failure); status != C.OCIREG_OK {
		return nil, takeError(status, failure)
	}
	detail := &ProgressDetail{}
	return detail, takeJSON(text, detail)
}

package ocireg

// #include "shim.h"
import "C"

// Progress is the progress of a transfer. It is valid during the callback only.
type Progress struct {
	// Done is the number of bytes transferred.
	Done uint64
	// Total is the total number of bytes; 0 while unknown.
	Total uint64

	outside *nativeContext
}

// ProgressDetail has more details of a transfer.
type ProgressDetail struct {
	// Operation is "blob get", "blob put", "copy", "extract", "export", "cat" or "files".
	Operation string `json:"operation"`
	// Done is the number of bytes transferred.
	Done uint64 `json:"done"`
	// Total is the total number of bytes; 0 while unknown.
	Total uint64 `json:"total"`
	// Blobs counts the blobs of a copy.
	Blobs *BlobCounts `json:"blobs"`
	// Active are the blobs of a copy that are being transferred.
	Active []BlobProgress `json:"active"`
}

// BlobProgress is the progress of one blob of a copy.
type BlobProgress struct {
	// State is "begun", "moving", and at the end "copied", "mounted" or "skipped" (the destination had it); empty in a
	// ProgressDetail.
	State  string `json:"state"`
	Digest string `json:"digest"`
	Size   int64  `json:"size"`
	// Done is the number of its bytes transferred.
	Done int64 `json:"done"`
}

// Detail returns more details; only during the callback. After the call it fails with ErrClosed.
//
// C: ocireg_context_progress.
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

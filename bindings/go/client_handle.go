package ocireg

// #include "shim.h"
import "C"

import "sync"

// clientHandle owns C's client: the last of those who use it frees it, after it was closed.
type clientHandle struct {
	lock    sync.Mutex
	pointer *C.ocireg_client
	users   int
	closed  bool
}

func newClientHandle(wanted *settings) (*clientHandle, error) {
	options, err := wanted.native()
	if err != nil {
		return nil, err
	}
	defer C.ocireg_options_free(options)
	var made *C.ocireg_client
	var failure *C.ocireg_error
	if status := C.ocireg_client_new(options, &made, &failure); status != C.OCIREG_OK {
		return nil, takeError(status, failure)
	}
	return &clientHandle{pointer: made}, nil
}

// acquire gives C's client for one call, which ends with release.
func (h *clientHandle) acquire() (*C.ocireg_client, error) {
	h.lock.Lock()
	defer h.lock.Unlock()
	if h.closed {
		return nil, newError(ErrClosed, "the client is closed")
	}
	h.users++
	return h.pointer, nil
}

func (h *clientHandle) release() {
	h.lock.Lock()
	defer h.lock.Unlock()
	h.users--
	h.freeWhenUnused()
}

func (h *clientHandle) close() {
	h.lock.Lock()
	defer h.lock.Unlock()
	if h.closed {
		return
	}
	h.closed = true
	C.ocireg_client_close(h.pointer, nil)
	h.freeWhenUnused()
}

func (h *clientHandle) freeWhenUnused() {
	if h.closed && h.users == 0 && h.pointer != nil {
		C.ocireg_client_free(h.pointer)
		h.pointer = nil
	}
}

package ocireg

// #include "shim.h"
import "C"

import "sync"

// clientHandle owns the C client: its last user frees it, after it was closed.
type clientHandle struct {
	lock    sync.Mutex
	pointer *C.ocireg_client
	users   int
	closed  chan struct{} // closed by close, with the lock held
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
	return &clientHandle{pointer: made, closed: make(chan struct{})}, nil
}

// acquire returns the C client for one call, which ends with release.
func (h *clientHandle) acquire() (*C.ocireg_client, error) {
	h.lock.Lock()
	defer h.lock.Unlock()
	if h.isClosed() {
		return nil, errClientClosed()
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
	if h.isClosed() {
		return
	}
	close(h.closed)
	C.ocireg_client_close(h.pointer, nil)
	h.freeWhenUnused()
}

func (h *clientHandle) freeWhenUnused() {
	if h.isClosed() && h.users == 0 && h.pointer != nil {
		C.ocireg_client_free(h.pointer)
		h.pointer = nil
	}
}

func (h *clientHandle) isClosed() bool {
	select {
	case <-h.closed:
		return true
	default:
		return false
	}
}

// made tells whether New made the client.
func (c *Client) made() bool { return c != nil && c.handle != nil }

func errNoClient() *Error { return newError(ErrInvalidArgument, "the client was not made by New") }

func errClientClosed() *Error { return newError(ErrClosed, "the client is closed") }

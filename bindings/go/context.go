package ocireg

// #include "shim.h"
import "C"

import (
	"context"
	"runtime/cgo"
	"sync"
	"time"
)

// nativeContext carries a Go context and the callbacks into C. nil stands for none: a context that cannot end, and no
// callbacks.
type nativeContext struct {
	lock      sync.Mutex
	pointer   *C.ocireg_context
	handle    cgo.Handle
	callbacks *callbacks
	unwatch   func() bool
}

// newContext creates one if there is something to carry, or always.
func newContext(ctx context.Context, with *callbacks, always bool) (*nativeContext, error) {
	if ctx.Done() == nil && with == nil && !always {
		return nil, nil
	}
	made := &nativeContext{callbacks: with}
	var failure *C.ocireg_error
	if status := C.ocireg_context_new(&made.pointer, &failure); status != C.OCIREG_OK {
		return nil, takeError(status, failure)
	}
	if err := made.install(ctx); err != nil {
		made.free()
		return nil, err
	}
	made.unwatch = context.AfterFunc(ctx, made.cancel)
	return made, nil
}

// install sets the deadline and the callbacks.
func (n *nativeContext) install(ctx context.Context) error {
	var failure *C.ocireg_error
	status := C.ocireg_status(C.OCIREG_OK)
	if deadline, ok := ctx.Deadline(); ok {
		// A little later than Go's own timer, which should fire first: the library plans its waits by the deadline.
		status = C.ocireg_context_set_deadline(n.pointer, C.int64_t(max(milliseconds(time.Until(deadline)), 0)+20), &failure)
	}
	if outer, ok := ctx.Value(enclosing{}).(*nativeContext); ok && status == C.OCIREG_OK {
		status = n.within(outer, &failure)
	}
	if n.callbacks != nil {
		n.callbacks.ctx = context.WithValue(ctx, enclosing{}, n)
		n.callbacks.outside = n
		n.handle = cgo.NewHandle(n.callbacks)
	}
	handle := C.uintptr_t(n.handle)
	if status == C.OCIREG_OK && n.callbacks != nil {
		status = n.callbacks.install(n.pointer, handle, &failure)
	}
	if status != C.OCIREG_OK {
		return takeError(status, failure)
	}
	return nil
}

// enclosing is the key of the call whose callback got a context: what is called with that context, on any goroutine, is made in that callback.
type enclosing struct{}

// within says so to the library: a call that would be asked for what the outer one asks is refused.
func (n *nativeContext) within(outer *nativeContext, failure **C.ocireg_error) C.ocireg_status {
	outer.lock.Lock()
	defer outer.lock.Unlock()
	if outer.pointer == nil {
		return C.OCIREG_OK
	}
	return C.ocireg_context_set_within(n.pointer, outer.pointer, failure)
}

// serve tells the callbacks, if any, which object's calls they belong to.
func (n *nativeContext) serve(whose *turn) {
	if n.callbacks != nil {
		n.callbacks.turn = whose
	}
}

// native is C's context, nil for none.
func (n *nativeContext) native() *C.ocireg_context {
	if n == nil {
		return nil
	}
	return n.pointer
}

// cancel ends the calls that use it. From any goroutine.
func (n *nativeContext) cancel() {
	n.lock.Lock()
	defer n.lock.Unlock()
	if n.pointer != nil {
		C.ocireg_context_cancel(n.pointer, nil)
	}
}

// free frees it; no call may be using it.
func (n *nativeContext) free() {
	if n == nil {
		return
	}
	if n.unwatch != nil {
		n.unwatch()
	}
	n.lock.Lock()
	defer n.lock.Unlock()
	if n.pointer == nil {
		return
	}
	C.ocireg_context_free(n.pointer)
	n.pointer = nil
	if n.handle != 0 {
		n.handle.Delete()
		n.handle = 0
	}
}

// result makes a Go error from a call's status and C error, which it frees. A panic of a callback continues here.
func (n *nativeContext) result(ctx context.Context, status C.ocireg_status, failure **C.ocireg_error) error {
	var err *Error
	if status != C.OCIREG_OK {
		err = takeError(status, *failure)
		*failure = nil
	}
	var own error
	if n != nil && n.callbacks != nil {
		own = n.callbacks.takeFailure()
	}
	if err == nil {
		return nil
	}
	if err.Code == ErrCallback && own == errLeft {
		return errClientClosed()
	}
	if err.Code == ErrCallback && own != nil {
		err.Message += ": " + own.Error()
		err.wrapped = append(err.wrapped, own)
	}
	err.blame(ctx)
	return err
}

// Warning is a message from a server to its users.
type Warning struct {
	Host string `json:"host"`
	Text string `json:"text"`
}

// collect adds the call's warnings to those of the caller.
func (n *nativeContext) collect(into *[]Warning) {
	if n == nil || into == nil {
		return
	}
	var text *C.char
	if C.ocireg_context_warnings(n.pointer, &text, nil) != C.OCIREG_OK {
		return
	}
	var found []Warning
	if takeJSON(text, &found) == nil {
		*into = append(*into, found...)
	}
}

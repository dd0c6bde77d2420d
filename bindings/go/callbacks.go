package ocireg

// #include "shim.h"
import "C"

import (
	"context"
	"encoding/json"
	"log/slog"
	"runtime/cgo"
	"unsafe"
)

// callbacks are the Go functions that C may call during a call, on the call's goroutine.
type callbacks struct {
	ctx         context.Context
	outside     *nativeContext
	progress    func(Progress)
	blobs       func(BlobProgress)
	logger      *slog.Logger
	credentials CredentialsFunc
	client      *clientHandle
	turn        *turn // of the object that the call uses, nil for none

	failure  error
	panicked any
}

// callbacks collects those of a call; nil when there are none.
func (c *Client) callbacks(wanted *settings) *callbacks {
	logger := c.logger
	if logger != nil && !logger.Enabled(context.Background(), slog.LevelWarn) {
		logger = nil
	}
	if logger == nil && c.credentials == nil && wanted.progress == nil && wanted.blobs == nil && wanted.warnings == nil {
		return nil
	}
	return &callbacks{progress: wanted.progress, blobs: wanted.blobs, logger: logger, credentials: c.credentials, client: c.handle}
}

// install registers them with C.
func (b *callbacks) install(into *C.ocireg_context, handle C.uintptr_t, failure **C.ocireg_error) C.ocireg_status {
	status := C.ocireg_status(C.OCIREG_OK)
	if b.progress != nil {
		status = C.ocireg_go_set_progress(into, handle, failure)
	}
	if status == C.OCIREG_OK && b.blobs != nil {
		status = C.ocireg_go_set_blob_progress(into, handle, failure)
	}
	if status == C.OCIREG_OK && b.logger != nil {
		status = C.ocireg_go_set_log(into, handle, failure)
	}
	if status == C.OCIREG_OK && b.credentials != nil {
		status = C.ocireg_go_set_credentials(into, handle, failure)
	}
	return status
}

// guard runs a function of the caller. Its panic must not pass through C: it continues when C has returned.
func (b *callbacks) guard(run func() error) (stop C.int32_t) {
	b.turn.enter()
	defer b.turn.exit()
	defer callbackThreads.enter(C.ocireg_go_thread())()
	finished := false
	defer func() {
		if finished {
			return
		}
		b.panicked = recover()
		stop = 1
	}()
	err := run()
	finished = true
	if err != nil {
		b.failure = err
		return 1
	}
	return 0
}

// takeFailure returns the error of a callback, once; if it panicked, the panic continues.
func (b *callbacks) takeFailure() error {
	failure, panicked := b.failure, b.panicked
	b.failure, b.panicked = nil, nil
	if panicked != nil {
		panic(panicked)
	}
	return failure
}

func callbacksOf(handle C.uintptr_t) *callbacks { return cgo.Handle(handle).Value().(*callbacks) }

//export ocireg_go_progress
func ocireg_go_progress(handle C.uintptr_t, done, total C.uint64_t) C.int32_t {
	b := callbacksOf(handle)
	return b.guard(func() error {
		b.progress(Progress{Done: uint64(done), Total: uint64(total), outside: b.outside})
		return nil
	})
}

//export ocireg_go_blob
func ocireg_go_blob(handle C.uintptr_t, event *C.char) C.int32_t {
	b := callbacksOf(handle)
	return b.guard(func() error {
		var told BlobProgress
		if err := decode(view(event), &told); err != nil {
			return err
		}
		b.blobs(told)
		return nil
	})
}

//export ocireg_go_log
func ocireg_go_log(handle C.uintptr_t, event *C.char) C.int32_t {
	b := callbacksOf(handle)
	return b.guard(func() error {
		logEvent(b.ctx, b.logger, view(event))
		return nil
	})
}

//export ocireg_go_credentials
func ocireg_go_credentials(handle C.uintptr_t, host *C.char, answer *C.ocireg_options) C.int32_t {
	b := callbacksOf(handle)
	return b.guard(func() error {
		given, err := b.credentials(b.ctx, string(view(host)))
		if err != nil {
			return err
		}
		if b.client.isClosed() {
			return errLeft // otherwise the call would go on with what was given, and fail for another reason
		}
		text, err := json.Marshal(given)
		if err != nil {
			return err
		}
		return fillOptions(answer, string(text))
	})
}

//export ocireg_go_read
func ocireg_go_read(handle C.uintptr_t, buffer *C.uint8_t, size C.size_t) C.int64_t {
	s := cgo.Handle(handle).Value().(*source)
	defer callbackThreads.enter(C.ocireg_go_thread())()
	return C.int64_t(s.fill(unsafe.Slice((*byte)(buffer), int(size))))
}

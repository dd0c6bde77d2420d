package ocireg

// #include "shim.h"
import "C"

import (
	"context"
	"errors"
	"io"
	"runtime"
)

// Upload is a blob that is being uploaded in chunks. Write to it, then Finish it; Close cancels one that is not finished. The
// context that it was started with governs the writes. After an error it can only be closed.
type Upload struct {
	client *Client
	handle *uploadHandle
}

// uploadHandle owns the C upload.
type uploadHandle struct {
	turn    turn // taken during a call with pointer
	pointer *C.ocireg_upload
	ctx     context.Context
	outside *nativeContext
	json    *C.char
	failure *C.ocireg_error
}

var (
	_ io.WriteCloser = (*Upload)(nil)
	_ io.ReaderFrom  = (*Upload)(nil)
)

// UploadStart starts an upload of unknown length to [HOST[:PORT]/]REPOSITORY. Options: WithChunkSize, WithProgress.
//
// C: ocireg_upload_start.
func (c *Client) UploadStart(ctx context.Context, repository string, options ...Option) (*Upload, error) {
	handle := &uploadHandle{ctx: ctx}
	err := c.with(ctx, lastingSettings(options), []string{repository}, func(k *call) C.ocireg_status {
		status := C.ocireg_upload_start(k.client, k.context, k.text[0], k.options, &k.upload, &k.failure)
		handle.pointer, handle.outside = k.upload, k.keep(status)
		return status
	})
	if err != nil {
		return nil, err
	}
	handle.turn.init(handle.free)
	handle.outside.serve(&handle.turn)
	upload := &Upload{client: c, handle: handle}
	runtime.AddCleanup(upload, (*uploadHandle).close, handle)
	return upload, nil
}

// Write adds bytes. They are sent when a chunk is full.
//
// C: ocireg_upload_write.
func (u *Upload) Write(data []byte) (int, error) {
	err := u.use(func(h *uploadHandle) C.ocireg_status {
		return C.ocireg_upload_write(h.pointer, cBytes(data), C.size_t(len(data)), &h.failure)
	}, nil)
	if err != nil {
		return 0, err
	}
	return len(data), nil
}

// ReadFrom adds everything that a reader returns.
func (u *Upload) ReadFrom(from io.Reader) (int64, error) {
	return io.CopyBuffer(struct{ io.Writer }{u}, struct{ io.Reader }{from}, make([]byte, copySize))
}

// Finish completes the upload: the blob exists from now on. The bytes must have the digest; "" for any. After
// ErrTimeout or ErrCancelled the outcome is unknown.
//
// C: ocireg_upload_finish.
func (u *Upload) Finish(digest string) (*BlobPut, error) {
	text, err := cText(digest)
	if err != nil {
		return nil, err
	}
	if digest == "" {
		text = nil
	}
	result := &BlobPut{}
	err = u.use(func(h *uploadHandle) C.ocireg_status {
		return C.ocireg_upload_finish(h.pointer, text, &h.json, &h.failure)
	}, result)
	if err != nil {
		return nil, err
	}
	return result, nil
}

// Save sends what was written and releases the session, which stays open at the registry: UploadSessionStatus, UploadSessionChunk
// and UploadSessionFinish continue it, in this process or another. The Upload is then over.
//
// C: ocireg_upload_save.
func (u *Upload) Save() (*Session, error) {
	result := &Session{}
	err := u.use(func(h *uploadHandle) C.ocireg_status {
		return C.ocireg_upload_save(h.pointer, &h.json, &h.failure)
	}, result)
	if err != nil {
		return nil, err
	}
	return result, nil
}

// Cancel cancels the upload, also at the registry. It is not an error if it is already over. When the context has ended, it is Close.
//
// C: ocireg_upload_cancel.
func (u *Upload) Cancel() error {
	if contextEnd(u.handle.ctx) != nil {
		return u.Close()
	}
	return u.use(func(h *uploadHandle) C.ocireg_status {
		return C.ocireg_upload_cancel(h.pointer, &h.failure)
	}, nil)
}

// Close frees the upload, and ends a Write in progress on another goroutine with ErrClosed; an unfinished upload is cancelled, without
// waiting longer than 120 ms for the response. A callback of that Write may call it too; it then does not wait for the
// Write's end. Any other call from there is ErrBusy. It may be called repeatedly, and always returns nil.
func (u *Upload) Close() error {
	u.handle.close()
	return nil
}

// use makes a call with C's upload.
func (u *Upload) use(run func(*uploadHandle) C.ocireg_status, result any) error {
	h := u.handle
	if err := h.turn.take("upload"); err != nil {
		return err
	}
	defer h.turn.leave()
	defer runtime.KeepAlive(u)
	if err := h.outside.result(h.ctx, run(h), &h.failure); err != nil {
		// Close ends a call by cancelling it.
		if errors.Is(err, ErrCancelled) && h.turn.isClosing() {
			return newError(ErrClosed, "the upload is closed")
		}
		return err
	}
	text := h.json
	h.json = nil
	return takeJSON(text, result)
}

func (h *uploadHandle) close() {
	h.turn.close(func(taken bool) {
		if taken {
			h.outside.cancel() // ends a call in progress on another goroutine
		}
	})
}

func (h *uploadHandle) free() {
	C.ocireg_upload_free(h.pointer)
	h.pointer = nil
	h.outside.free()
}

package ocireg

// #include "shim.h"
import "C"

import (
	"context"
	"io"
	"runtime"
)

// BlobInfo is what is known about an open blob.
type BlobInfo struct {
	Digest string `json:"digest"`
	// Size is -1 when unknown.
	Size      int64  `json:"size"`
	Offset    int64  `json:"offset"`
	MediaType string `json:"mediaType"`
	// ServedBy is the HOST[:PORT] that sends it: the registry or a mirror.
	ServedBy string `json:"served_by"`
	// ID, Checksum and Verifiable are set for a layer of protocol v1.
	ID         string `json:"id"`
	Checksum   string `json:"checksum"`
	Verifiable bool   `json:"verifiable"`
}

func (b *BlobInfo) unknown() { b.Size = -1 }

// BlobReader reads a blob. It is an io.ReadCloser and an io.WriterTo. Its bytes are verified when io.EOF is returned,
// and not before: a wrong digest or a short transfer is an error instead. The context that it was opened with governs
// the reads.
type BlobReader struct {
	client *Client // keeps it from being closed meanwhile
	handle *readerHandle
}

// readerHandle owns the C reader.
type readerHandle struct {
	turn    turn // taken during a call with pointer
	pointer *C.ocireg_blob_reader
	ctx     context.Context
	outside *nativeContext
	count   C.size_t
	failure *C.ocireg_error

	closed chan struct{}
}

var (
	_ io.ReadCloser = (*BlobReader)(nil)
	_ io.WriterTo   = (*BlobReader)(nil)
)

// BlobOpen opens a blob for reading, HOST[:PORT]/REPOSITORY@DIGEST. Close it, whether or not it was read to the
// end. Options: WithOffset, WithLength, WithSize, WithProgress.
//
// C: ocireg_blob_open.
func (c *Client) BlobOpen(ctx context.Context, reference string, options ...Option) (*BlobReader, error) {
	return c.open(ctx, options, func(k *call) C.ocireg_status {
		return C.ocireg_blob_open(k.client, k.context, k.text[0], k.options, &k.reader, &k.failure)
	}, reference)
}

// open creates a reader by a call that sets k.reader.
func (c *Client) open(ctx context.Context, options []Option, run native, texts ...string) (*BlobReader, error) {
	handle := &readerHandle{ctx: ctx, closed: make(chan struct{})}
	err := c.with(ctx, lastingSettings(options), texts, func(k *call) C.ocireg_status {
		status := run(k)
		handle.pointer, handle.outside = k.reader, k.keep(status)
		return status
	})
	if err != nil {
		return nil, err
	}
	handle.turn.init(handle.free)
	handle.outside.serve(&handle.turn)
	reader := &BlobReader{client: c, handle: handle}
	runtime.AddCleanup(reader, (*readerHandle).close, handle)
	return reader, nil
}

// Info returns what is known about the blob. In one of the reader's own callbacks, such as its progress, it fails with
// ErrBusy.
//
// C: ocireg_blob_reader_info.
func (r *BlobReader) Info() (*BlobInfo, error) {
	h := r.handle
	if err := h.turn.take("reader"); err != nil {
		return nil, err
	}
	defer h.turn.leave()
	defer runtime.KeepAlive(r)
	var text *C.char
	if status := C.ocireg_blob_reader_info(h.pointer, &text, &h.failure); status != C.OCIREG_OK {
		return nil, h.error(status)
	}
	info := &BlobInfo{Size: -1}
	return info, takeJSON(text, info)
}

// Read reads the next bytes; io.EOF when all have arrived and are verified.
//
// C: ocireg_blob_reader_read.
func (r *BlobReader) Read(into []byte) (int, error) {
	if len(into) == 0 {
		return 0, nil
	}
	h := r.handle
	if err := h.turn.take("reader"); err != nil {
		return 0, err
	}
	defer h.turn.leave()
	defer runtime.KeepAlive(r)
	status := C.ocireg_blob_reader_read(h.pointer, cBytes(into), C.size_t(len(into)), &h.count, &h.failure)
	if err := h.error(status); err != nil {
		return 0, err
	}
	if h.count == 0 {
		return 0, io.EOF
	}
	return int(h.count), nil
}

// WriteTo writes the rest of the blob.
func (r *BlobReader) WriteTo(into io.Writer) (int64, error) {
	// Without the writer's own ReadFrom, which would choose a smaller buffer.
	return io.CopyBuffer(struct{ io.Writer }{into}, struct{ io.Reader }{r}, make([]byte, copySize))
}

// copySize is the buffer of WriteTo and Upload.ReadFrom.
const copySize = 256 << 10

// Close ends the transfer, and a Read in progress on another goroutine. A callback of that Read may call it too; it
// then does not wait for the Read's end. It may be called repeatedly, and always returns nil.
func (r *BlobReader) Close() error {
	r.handle.close()
	return nil
}

func (h *readerHandle) close() {
	h.turn.close(func(bool) {
		close(h.closed)
		h.outside.cancel()
	})
}

func (h *readerHandle) free() {
	C.ocireg_blob_reader_close(h.pointer, nil)
	C.ocireg_blob_reader_free(h.pointer)
	h.pointer = nil
	h.outside.free()
}

// error converts a status to a Go error. A read that Close ended says so.
func (h *readerHandle) error(status C.ocireg_status) error {
	err := h.outside.result(h.ctx, status, &h.failure)
	if err == nil {
		return nil
	}
	select {
	case <-h.closed:
		return errReaderClosed()
	default:
		return err
	}
}

func errReaderClosed() error { return newError(ErrClosed, "the reader is closed") }

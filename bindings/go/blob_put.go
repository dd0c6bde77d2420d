package ocireg

// #include "shim.h"
import "C"

import (
	"context"
	"errors"
	"io"
	"runtime/cgo"
)

// BlobPut describes what was put.
type BlobPut struct {
	Digest   string `json:"digest"`
	Size     int64  `json:"size"`
	Location string `json:"location"`
	// Uploaded is false when the registry already had the blob, or it was mounted.
	Uploaded bool `json:"uploaded"`
	Mounted  bool `json:"mounted"`
}

// BlobPutFrom puts the bytes from a reader as a blob into [HOST[:PORT]/]REPOSITORY. The bytes must have the digest; ""
// has it computed. The blob is sent in one request when digest and size are known (WithSize, or a reader that tells:
// *bytes.Reader, *bytes.Buffer, *strings.Reader, *os.File of a regular file), otherwise in chunks. A cancelled upload,
// or one whose client is closed, does not wait for a reader that blocks, which may still be in its Read afterwards.
// Options: WithSize, WithChunkSize, WithSinglePost, WithMountFrom, WithProgress.
//
// C: ocireg_blob_put_stream.
func (c *Client) BlobPutFrom(ctx context.Context, repository, digest string, from io.Reader, options ...Option) (*BlobPut, error) {
	if ctx == nil || from == nil {
		return nil, newError(ErrInvalidArgument, "the context or the reader is nil")
	}
	if !c.made() {
		return nil, errNoClient()
	}
	bytes := newSource(ctx, c.handle.closed, from)
	defer bytes.close()
	handle := cgo.NewHandle(bytes)
	defer handle.Delete()
	result, err := ask[BlobPut](ctx, c, uploadOptions(digest, from, options), func(k *call) C.ocireg_status {
		return C.ocireg_go_put_stream(k.client, k.context, k.text[0], C.uintptr_t(handle), k.options, &k.json, &k.failure)
	}, repository)
	return result, bytes.blame(err)
}

// uploadOptions adds what is known about the bytes; the caller's own options come last.
func uploadOptions(digest string, from io.Reader, options []Option) []Option {
	var known []Option
	if digest != "" {
		known = append(known, WithDigest(digest))
	}
	if size, ok := remaining(from); ok {
		known = append(known, WithSize(size))
	}
	return append(known, options...)
}

// blame adds the reader's own error to the call's.
func (s *source) blame(err error) error {
	if s.panicked != nil {
		panic(s.panicked)
	}
	var failed *Error
	if s.failure == errLeft && errors.As(err, &failed) && failed.Code == ErrCallback {
		return errClientClosed()
	}
	if s.failure != nil && errors.As(err, &failed) && failed.Code == ErrCallback {
		if s.failure == contextEnd(s.ctx) {
			// The reader did not fail, it was left.
			failed.Code, failed.Message = codeOf(s.failure), "the call was cancelled: "+s.failure.Error()
		} else {
			failed.Message += ": " + s.failure.Error()
			failed.wrapped = append(failed.wrapped, s.failure)
		}
		failed.blame(s.ctx)
	}
	return err
}

// BlobPutFile puts a file's bytes as a blob into [HOST[:PORT]/]REPOSITORY, unless the registry has it already. Options:
// WithDigest, WithSize, WithChunkSize, WithSinglePost, WithMountFrom, WithProgress.
//
// C: ocireg_blob_put_file.
func (c *Client) BlobPutFile(ctx context.Context, repository, path string, options ...Option) (*BlobPut, error) {
	return ask[BlobPut](ctx, c, options, func(k *call) C.ocireg_status {
		return C.ocireg_blob_put_file(k.client, k.context, k.text[0], k.text[1], k.options, &k.json, &k.failure)
	}, repository, path)
}

// BlobPutBytes puts bytes in memory as a blob, like BlobPutFile.
//
// C: ocireg_blob_put_memory.
func (c *Client) BlobPutBytes(ctx context.Context, repository string, data []byte, options ...Option) (*BlobPut, error) {
	return ask[BlobPut](ctx, c, options, func(k *call) C.ocireg_status {
		return C.ocireg_blob_put_memory(k.client, k.context, k.text[0], cBytes(data), C.size_t(len(data)), k.options, &k.json, &k.failure)
	}, repository)
}

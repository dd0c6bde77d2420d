package ocireg

// #include "shim.h"
import "C"

import (
	"context"
	"io"
)

// BlobGet describes what was delivered of a blob.
type BlobGet struct {
	Digest string `json:"digest"`
	// Size is that of the whole blob; -1 when unknown.
	Size int64 `json:"size"`
	// Offset and Length describe the bytes delivered.
	Offset int64 `json:"offset"`
	Length int64 `json:"length"`
	// Verified is false for a piece.
	Verified bool `json:"verified"`
	// Resumed is the number of bytes that an earlier call had left.
	Resumed int64 `json:"resumed"`
	// ServedBy is the HOST[:PORT] that sent it or its last part: the registry or a mirror; empty when nothing was requested.
	ServedBy string `json:"served_by"`
	// Path is the file that BlobGetFile wrote.
	Path string `json:"path"`
	// Skipped tells that the file was there already, and nothing was requested.
	Skipped bool `json:"skipped"`
}

func (b *BlobGet) unknown() { b.Size = -1 }

// BlobGetFile gets a blob, HOST[:PORT]/REPOSITORY@DIGEST, into a file, which appears under its name only when complete
// and verified. A later call for the same blob and path continues a broken transfer. Options: WithOffset, WithLength,
// WithSize, WithIfExists, WithoutResume, WithProgress.
//
// C: ocireg_blob_get_file.
func (c *Client) BlobGetFile(ctx context.Context, reference, path string, options ...Option) (*BlobGet, error) {
	return ask[BlobGet](ctx, c, options, func(k *call) C.ocireg_status {
		return C.ocireg_blob_get_file(k.client, k.context, k.text[0], k.text[1], k.options, &k.json, &k.failure)
	}, reference, path)
}

// BlobGetTo gets a blob and writes it to a writer, to an *os.File without a detour. The bytes are written as they arrive: after an
// error, also ErrDigestMismatch, what was written must not be trusted. A writer that blocks is left behind, still in its Write, when the
// context ends or the client is closed. Options: WithOffset, WithLength, WithSize, WithProgress.
//
// C: ocireg_blob_get_fd.
func (c *Client) BlobGetTo(ctx context.Context, reference string, into io.Writer, options ...Option) (*BlobGet, error) {
	return toWriter(ctx, c, into, func(fd C.int32_t) (*BlobGet, error) {
		return ask[BlobGet](ctx, c, options, func(k *call) C.ocireg_status {
			return C.ocireg_blob_get_fd(k.client, k.context, k.text[0], fd, k.options, &k.json, &k.failure)
		}, reference)
	})
}

// BlobGetBytes gets a blob into memory, at most 64 MiB or the limit given by WithLimit. Options: those of BlobGetTo, and
// WithLimit.
//
// C: ocireg_blob_get_memory.
func (c *Client) BlobGetBytes(ctx context.Context, reference string, options ...Option) ([]byte, *BlobGet, error) {
	result, bytes, err := askBytes[BlobGet](ctx, c, options, func(k *call) C.ocireg_status {
		return C.ocireg_blob_get_memory(k.client, k.context, k.text[0], k.options, &k.json, &k.bytes, &k.failure)
	}, reference)
	return bytes, result, err
}

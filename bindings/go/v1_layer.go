package ocireg

// #include "shim.h"
import "C"

import (
	"context"
	"io"
)

// V1Layer describes what was delivered of an image's layer.
type V1Layer struct {
	ID       string `json:"id"`
	Checksum string `json:"checksum"`
	// Verified is false for a piece, without a checksum, and with a "tarsum…".
	Verified bool `json:"verified"`
	// Size is that of the whole layer; -1 when unknown.
	Size   int64 `json:"size"`
	Offset int64 `json:"offset"`
	Length int64 `json:"length"`
	// Resumed is the number of bytes that an earlier call had left.
	Resumed int64  `json:"resumed"`
	Path    string `json:"path"`
	// Skipped tells that the file was there already, and the layer was not requested.
	Skipped bool `json:"skipped"`
}

func (l *V1Layer) unknown() { l.Size = -1 }

// V1LayerFile gets the layer of an image into a file, which appears under its name only when complete. Options:
// WithOffset, WithLength, WithIfExists, WithoutResume, WithProgress.
//
// C: ocireg_v1_layer_file.
func (c *Client) V1LayerFile(ctx context.Context, repository, id, path string, options ...Option) (*V1Layer, error) {
	return ask[V1Layer](ctx, c, options, func(k *call) C.ocireg_status {
		return C.ocireg_v1_layer_file(k.client, k.context, k.text[0], k.text[1], k.text[2], k.options, &k.json, &k.failure)
	}, repository, id, path)
}

// V1LayerTo gets the layer of an image and writes it to a writer, to an *os.File without a detour; after an error, what was written
// must not be trusted, and a writer that blocks is left behind as by BlobGetTo. Options: WithOffset, WithLength, WithProgress.
//
// C: ocireg_v1_layer_fd.
func (c *Client) V1LayerTo(ctx context.Context, repository, id string, into io.Writer, options ...Option) (*V1Layer, error) {
	return toWriter(ctx, c, into, func(fd C.int32_t) (*V1Layer, error) {
		return ask[V1Layer](ctx, c, options, func(k *call) C.ocireg_status {
			return C.ocireg_v1_layer_fd(k.client, k.context, k.text[0], k.text[1], fd, k.options, &k.json, &k.failure)
		}, repository, id)
	})
}

// V1LayerBytes gets the layer of an image into memory. Options: those of V1LayerTo, and WithLimit.
//
// C: ocireg_v1_layer_memory.
func (c *Client) V1LayerBytes(ctx context.Context, repository, id string, options ...Option) ([]byte, *V1Layer, error) {
	result, bytes, err := askBytes[V1Layer](ctx, c, options, func(k *call) C.ocireg_status {
		return C.ocireg_v1_layer_memory(k.client, k.context, k.text[0], k.text[1], k.options, &k.json, &k.bytes, &k.failure)
	}, repository, id)
	return bytes, result, err
}

// V1LayerOpen opens the layer of an image for reading. Options: those of V1LayerTo.
//
// C: ocireg_v1_layer_open.
func (c *Client) V1LayerOpen(ctx context.Context, repository, id string, options ...Option) (*BlobReader, error) {
	return c.open(ctx, options, func(k *call) C.ocireg_status {
		return C.ocireg_v1_layer_open(k.client, k.context, k.text[0], k.text[1], k.options, &k.reader, &k.failure)
	}, repository, id)
}

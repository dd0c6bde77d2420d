package ocireg

// #include "shim.h"
import "C"

import "context"

// V1Put describes what was put of an image.
type V1Put struct {
	ID string `json:"id"`
	// Size and Checksum are those of the layer.
	Size     int64  `json:"size"`
	Checksum string `json:"checksum"`
	// Uploaded is false when the registry already has the complete image with this ID.
	Uploaded bool `json:"uploaded"`
}

// V1Status is the registry's response.
type V1Status struct {
	// Status is the HTTP status.
	Status int `json:"status"`
}

// V1PutImage puts the JSON of an image with unchanged bytes into [HOST[:PORT]/]REPOSITORY. Its layer follows with
// V1PutLayer.
//
// C: ocireg_v1_put_image.
func (c *Client) V1PutImage(ctx context.Context, repository string, image []byte, options ...Option) (*V1Put, error) {
	return ask[V1Put](ctx, c, options, func(k *call) C.ocireg_status {
		return C.ocireg_v1_put_image(k.client, k.context, k.text[0], cBytes(image), C.size_t(len(image)), k.options, &k.json, &k.failure)
	}, repository)
}

// V1PutLayer puts the layer of an image whose JSON was put, and its checksum, which completes the image. Options:
// WithoutChecksum.
//
// C: ocireg_v1_put_layer.
func (c *Client) V1PutLayer(ctx context.Context, repository string, image, layer []byte, options ...Option) (*V1Put, error) {
	return ask[V1Put](ctx, c, options, func(k *call) C.ocireg_status {
		return C.ocireg_v1_put_layer(k.client, k.context, k.text[0], cBytes(image), C.size_t(len(image)), cBytes(layer), C.size_t(len(layer)), k.options, &k.json, &k.failure)
	}, repository)
}

// V1PutLayerFile puts the layer from a file, like V1PutLayer.
//
// C: ocireg_v1_put_layer_file.
func (c *Client) V1PutLayerFile(ctx context.Context, repository string, image []byte, path string, options ...Option) (*V1Put, error) {
	return ask[V1Put](ctx, c, options, func(k *call) C.ocireg_status {
		return C.ocireg_v1_put_layer_file(k.client, k.context, k.text[0], cBytes(image), C.size_t(len(image)), k.text[1], k.options, &k.json, &k.failure)
	}, repository, path)
}

// V1PutChecksum puts the checksum of an image, after its layer was put with WithoutChecksum.
//
// C: ocireg_v1_put_checksum.
func (c *Client) V1PutChecksum(ctx context.Context, repository, id, checksum string, options ...Option) (*V1Status, error) {
	return ask[V1Status](ctx, c, options, func(k *call) C.ocireg_status {
		return C.ocireg_v1_put_checksum(k.client, k.context, k.text[0], k.text[1], k.text[2], k.options, &k.json, &k.failure)
	}, repository, id, checksum)
}

// V1PutTag puts a tag, [HOST[:PORT]/]REPOSITORY[:TAG], on an image.
//
// C: ocireg_v1_put_tag.
func (c *Client) V1PutTag(ctx context.Context, reference, id string, options ...Option) (*V1Status, error) {
	return ask[V1Status](ctx, c, options, func(k *call) C.ocireg_status {
		return C.ocireg_v1_put_tag(k.client, k.context, k.text[0], k.text[1], k.options, &k.json, &k.failure)
	}, reference, id)
}

// V1DeleteTag deletes a tag, [HOST[:PORT]/]REPOSITORY[:TAG].
//
// C: ocireg_v1_delete_tag.
func (c *Client) V1DeleteTag(ctx context.Context, reference string, options ...Option) (*V1Status, error) {
	return ask[V1Status](ctx, c, options, func(k *call) C.ocireg_status {
		return C.ocireg_v1_delete_tag(k.client, k.context, k.text[0], k.options, &k.json, &k.failure)
	}, reference)
}

// V1DeleteRepository deletes [HOST[:PORT]/]REPOSITORY with all its tags; the registry may keep the images.
//
// C: ocireg_v1_delete_repository.
func (c *Client) V1DeleteRepository(ctx context.Context, repository string, options ...Option) (*V1Status, error) {
	return ask[V1Status](ctx, c, options, func(k *call) C.ocireg_status {
		return C.ocireg_v1_delete_repository(k.client, k.context, k.text[0], k.options, &k.json, &k.failure)
	}, repository)
}

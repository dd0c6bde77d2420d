package ocireg

// #include "shim.h"
import "C"

import "context"

// V1Push describes an image that was pushed as a chain of v1 images.
type V1Push struct {
	Source      string `json:"source"`
	Destination string `json:"destination"`
	// Digest is that of the image's manifest, which the registry does not know.
	Digest string `json:"digest"`
	// ID is that of the image that the tag now names.
	ID string `json:"id"`
	// Images are the chain, the base image first.
	Images []V1PushedImage `json:"images"`
	// ServedBy has the endpoints that sent manifests and blobs of it, HOST[:PORT] each: the registry, its mirrors, or several of them.
	ServedBy []string `json:"served_by"`
}

// V1PushedImage is one image of the chain.
type V1PushedImage struct {
	ID string `json:"id"`
	// Layer is the layer's digest; empty for an empty layer.
	Layer string `json:"layer"`
	Size  int64  `json:"size"`
	// Uploaded is false when the registry already had it.
	Uploaded bool `json:"uploaded"`
}

// V1Push pushes one image, from any place (see EndpointParse), as a chain of v1 images to a tag,
// [HOST[:PORT]/]REPOSITORY[:TAG], of a registry that speaks protocol v1. What the registry has is not transferred, and
// the tag comes last. Options: WithPlatform, WithProgress.
//
// C: ocireg_v1_push.
func (c *Client) V1Push(ctx context.Context, source, reference string, options ...Option) (*V1Push, error) {
	return ask[V1Push](ctx, c, options, func(k *call) C.ocireg_status {
		return C.ocireg_v1_push(k.client, k.context, k.text[0], k.text[1], k.options, &k.json, &k.failure)
	}, source, reference)
}

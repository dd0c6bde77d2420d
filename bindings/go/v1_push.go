package ocireg

// #include "shim.h"
import "C"

import "context"

// V1Push is an image that was pushed as a chain of old ones.
type V1Push struct {
	Source      string `json:"source"`
	Destination string `json:"destination"`
	// Digest is that of the image's manifest, which the registry does not know.
	Digest string `json:"digest"`
	// ID is what the tag stands for now.
	ID string `json:"id"`
	// Images are the chain, the lowest first.
	Images []V1PushedImage `json:"images"`
}

// V1PushedImage is one image of the chain.
type V1PushedImage struct {
	ID string `json:"id"`
	// Layer is the layer's digest; empty for an empty one.
	Layer string `json:"layer"`
	Size  int64  `json:"size"`
	// Uploaded is false when it was there.
	Uploaded bool `json:"uploaded"`
}

// V1Push pushes one image, from any place (see ParsePlace), as a chain of old ones to a tag, [HOST[:PORT]/]REPOSITORY[:TAG], of a
// registry that speaks protocol v1. What the registry has is not moved, and the tag comes last. Options: WithPlatform,
// WithProgress.
func (c *Client) V1Push(ctx context.Context, source, reference string, options ...Option) (*V1Push, error) {
	return ask[V1Push](ctx, c, options, func(k *call) C.ocireg_status {
		return C.ocireg_v1_push(k.client, k.context, k.text[0], k.text[1], k.options, &k.json, &k.failure)
	}, source, reference)
}

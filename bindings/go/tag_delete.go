package ocireg

// #include "shim.h"
import "C"

import "context"

// TagDelete is the result of deleting a tag.
type TagDelete struct {
	Tag string `json:"tag"`
	// Digest is that of the manifest it named.
	Digest string `json:"digest"`
	// Status is the registry's HTTP status; 0 in a layout or an archive.
	Status int `json:"status"`
	// Manifest is "kept", "restored" (the registry deleted it, and it was put back), "deleted", "unknown", or "unnamed" in a layout or an archive where nothing
	// leads to it any more.
	Manifest string `json:"manifest"`
	// Replaced tells whether the empty index of WithReplace was needed.
	Replaced bool `json:"replaced"`
	// OtherTags are those of the same digest, with WithOtherTags.
	OtherTags []string `json:"other_tags"`
}

// TagDelete deletes one tag, [HOST[:PORT]/]REPOSITORY:TAG, and keeps its manifest and the manifest's other tags;
// ErrUnsupported if the registry cannot delete a single tag. Or a name in a layout or an archive, oci:DIR:NAME. Options: WithOtherTags, WithReplace.
//
// C: ocireg_tag_delete.
func (c *Client) TagDelete(ctx context.Context, reference string, options ...Option) (*TagDelete, error) {
	return ask[TagDelete](ctx, c, options, func(k *call) C.ocireg_status {
		return C.ocireg_tag_delete(k.client, k.context, k.text[0], k.options, &k.json, &k.failure)
	}, reference)
}

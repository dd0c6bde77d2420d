package ocireg

// #include "shim.h"
import "C"

import (
	"context"
	"iter"
)

// ReferrerList is what refers to a manifest.
type ReferrerList struct {
	// Subject is the manifest's digest.
	Subject   string       `json:"subject"`
	Referrers []Descriptor `json:"referrers"`
	// Source is "api", "tag", "index" of a place that is not a registry, or "none".
	Source string `json:"source"`
	// ServedBy is the host that told them: the registry or a mirror; empty of another place.
	ServedBy string `json:"served_by"`
	// ResolvedBy is the host that said what the tag refers to; empty for a digest.
	ResolvedBy []string `json:"resolved_by"`
	// FiltersApplied are those that the registry says it applied.
	FiltersApplied []string `json:"filters_applied"`
	// Truncated tells whether there are more than WithMax allows.
	Truncated bool `json:"truncated"`
	// Next is passed to WithNext to continue; empty at the end.
	Next string `json:"next"`
}

// ReferrerList lists what refers to a manifest (signatures, attestations, SBOMs), [HOST[:PORT]/]REPOSITORY@DIGEST; a
// tag is resolved first. Or at another place, such as oci:DIR:NAME. Options: WithArtifactType, WithAnnotations, WithMax, WithNext.
//
// C: ocireg_referrers.
func (c *Client) ReferrerList(ctx context.Context, reference string, options ...Option) (*ReferrerList, error) {
	return ask[ReferrerList](ctx, c, options, func(k *call) C.ocireg_status {
		return C.ocireg_referrers(k.client, k.context, k.text[0], k.options, &k.json, &k.failure)
	}, reference)
}

// Referrers iterates over what refers to a manifest. A registry chooses the size of its pages, so the list is read as a
// whole. An error is the last pair. Options: those of ReferrerList.
func (c *Client) Referrers(ctx context.Context, reference string, options ...Option) iter.Seq2[Descriptor, error] {
	return func(yield func(Descriptor, error) bool) {
		list, err := c.ReferrerList(ctx, reference, options...)
		if err != nil {
			yield(Descriptor{}, err)
			return
		}
		for _, referrer := range list.Referrers {
			if !yield(referrer, nil) {
				return
			}
		}
	}
}

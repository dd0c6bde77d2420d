package ocireg

// #include "shim.h"
import "C"

import "context"

// LayoutCheck describes what was found in an OCI layout.
type LayoutCheck struct {
	OK bool `json:"ok"`
	// Images counts the entries of index.json, Blobs the manifests, configs and layers read.
	Images   int64           `json:"images"`
	Blobs    int64           `json:"blobs"`
	Bytes    int64           `json:"bytes"`
	Problems []LayoutProblem `json:"problems"`
	// Sparse are the digests of missing manifests that an index names: the layout is then not OK.
	Sparse []string `json:"sparse"`
}

// LayoutProblem is one problem in a layout.
type LayoutProblem struct {
	Digest  string `json:"digest"`
	Problem string `json:"problem"`
}

// LayoutClean describes what was removed from an OCI layout.
type LayoutClean struct {
	// Removed are the digests of the removed blobs.
	Removed []string `json:"removed"`
	Bytes   int64    `json:"bytes"`
	// Sparse are the digests of missing manifests that an index names: without WithPruneSparse no blob is then removed.
	Sparse []string `json:"sparse"`
}

// LayoutCheck reads everything that the images of an OCI layout need and checks its digests.
//
// C: ocireg_layout_check.
func (c *Client) LayoutCheck(ctx context.Context, path string, options ...Option) (*LayoutCheck, error) {
	return ask[LayoutCheck](ctx, c, options, func(k *call) C.ocireg_status {
		return C.ocireg_layout_check(k.client, k.context, k.text[0], k.options, &k.json, &k.failure)
	}, path)
}

// LayoutClean removes the blobs of an OCI layout that no image in it needs, and what broken copies left behind more
// than a day ago.
//
// C: ocireg_layout_clean.
func (c *Client) LayoutClean(ctx context.Context, path string, options ...Option) (*LayoutClean, error) {
	return ask[LayoutClean](ctx, c, options, func(k *call) C.ocireg_status {
		return C.ocireg_layout_clean(k.client, k.context, k.text[0], k.options, &k.json, &k.failure)
	}, path)
}

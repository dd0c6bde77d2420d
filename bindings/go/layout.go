package ocireg

// #include "shim.h"
import "C"

import "context"

// LayoutCheck is what was found in an OCI layout.
type LayoutCheck struct {
	OK bool `json:"ok"`
	// Images are the entries of index.json, Blobs the manifests, configs and layers read.
	Images   int64           `json:"images"`
	Blobs    int64           `json:"blobs"`
	Bytes    int64           `json:"bytes"`
	Problems []LayoutProblem `json:"problems"`
	// Sparse are the digests of manifests that an index names and that are not there: the layout is not OK then.
	Sparse []string `json:"sparse"`
}

// LayoutProblem is one thing that is wrong in a layout.
type LayoutProblem struct {
	Digest  string `json:"digest"`
	Problem string `json:"problem"`
}

// LayoutClean is what was removed from an OCI layout.
type LayoutClean struct {
	// Removed are digests.
	Removed []string `json:"removed"`
	Bytes   int64    `json:"bytes"`
	// Sparse are the digests of manifests that an index names and that are not there: without WithPruneSparse no blob is
	// removed then.
	Sparse []string `json:"sparse"`
}

// CheckLayout reads everything that the images of an OCI layout need and compares it with its digests.
func (c *Client) CheckLayout(ctx context.Context, path string, options ...Option) (*LayoutCheck, error) {
	return ask[LayoutCheck](ctx, c, options, func(k *call) C.ocireg_status {
		return C.ocireg_layout_check(k.client, k.context, k.text[0], k.options, &k.json, &k.failure)
	}, path)
}

// CleanLayout removes the blobs of an OCI layout that no image in it needs, and what broken copies left more than a day ago.
func (c *Client) CleanLayout(ctx context.Context, path string, options ...Option) (*LayoutClean, error) {
	return ask[LayoutClean](ctx, c, options, func(k *call) C.ocireg_status {
		return C.ocireg_layout_clean(k.client, k.context, k.text[0], k.options, &k.json, &k.failure)
	}, path)
}

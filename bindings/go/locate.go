package ocireg

// #include "shim.h"
import "C"

import (
	"context"
	"time"
)

// Located says where a blob or a manifest can be had by a downloader of the caller's own. It contains secrets.
type Located struct {
	Reference string `json:"reference"`
	// Repository is HOST/REPOSITORY.
	Repository string `json:"repository"`
	// Digest is what the bytes must have; empty when unknown.
	Digest string `json:"digest"`
	// Size is nil when unknown.
	Size *int64 `json:"size"`
	// MediaType is empty when the registry does not say it.
	MediaType string `json:"mediaType"`
	// Locations are the URLs to ask, in order.
	Locations []Location `json:"locations"`
}

// Location is one URL to send a GET to.
type Location struct {
	// URL is a secret when it is signed.
	URL string `json:"url"`
	// Headers are to be sent to the URL's host, and to no other to which it redirects.
	Headers map[string]string `json:"headers"`
	// Expires is when it is of no use any more; nil when that is unknown, or never.
	Expires *time.Time `json:"expires"`
	// ExpiresIn is how many seconds are left until then.
	ExpiresIn *int64 `json:"expires_in"`
	// Endpoint is the URL of the API of the registry that it is from.
	Endpoint string `json:"endpoint"`
	// Redirected tells whether that registry redirected there.
	Redirected bool `json:"redirected"`
}

// BlobLocate says where a blob, HOST[:PORT]/REPOSITORY@DIGEST, can be had by a downloader of the caller's own, for example net/http: the
// URLs to ask, a signed one first, and the headers for each. The registry is asked for one byte of it. Size and digest of what arrives
// are for the caller to check. When the last URL has failed, call again, after a 401 with WithRefused. Options: WithoutFollowing, WithCheck,
// WithFailed, WithFresh, WithMinValidity, WithRefused.
//
// C: ocireg_blob_locate.
func (c *Client) BlobLocate(ctx context.Context, reference string, options ...Option) (*Located, error) {
	return ask[Located](ctx, c, options, func(k *call) C.ocireg_status {
		return C.ocireg_blob_locate(k.client, k.context, k.text[0], k.options, &k.json, &k.failure)
	}, reference)
}

// ManifestLocate says where a manifest, [HOST[:PORT]/]REPOSITORY[:TAG][@DIGEST], can be had, as BlobLocate does for a blob. The registry is
// asked by HEAD. Options: those of BlobLocate.
//
// C: ocireg_manifest_locate.
func (c *Client) ManifestLocate(ctx context.Context, reference string, options ...Option) (*Located, error) {
	return ask[Located](ctx, c, options, func(k *call) C.ocireg_status {
		return C.ocireg_manifest_locate(k.client, k.context, k.text[0], k.options, &k.json, &k.failure)
	}, reference)
}

package ocireg

// #include "shim.h"
import "C"

import "context"

// BlobHead is what a registry says about a blob.
type BlobHead struct {
	Exists bool   `json:"exists"`
	Digest string `json:"digest"`
	// Size is -1 when the registry does not say.
	Size      int64  `json:"size"`
	MediaType string `json:"mediaType"`
	// Redirects lead to the server that has the bytes; their URLs are without queries.
	Redirects []Redirect `json:"redirects"`
	// Headers are those of the last response, FirstHeaders the registry's own when it redirected.
	Headers      map[string]string `json:"headers"`
	FirstHeaders map[string]string `json:"first_headers"`
	// ServedBy is the HOST[:PORT] that answered: the registry or a mirror; empty of another place.
	ServedBy string `json:"served_by"`
}

// Redirect is one step of a chain of redirects.
type Redirect struct {
	Status int    `json:"status"`
	URL    string `json:"url"`
}

func (b *BlobHead) unknown() { b.Size = -1 }

// BlobDelete is the result of a deletion.
type BlobDelete struct {
	// Status is the registry's HTTP status.
	Status int `json:"status"`
}

// BlobCopy is the result of a copy of one blob.
type BlobCopy struct {
	Source      string `json:"source"`
	Destination string `json:"destination"`
	Digest      string `json:"digest"`
	Size        int64  `json:"size"`
	// Uploaded is false when the destination had it, or it was mounted.
	Uploaded bool `json:"uploaded"`
	Mounted  bool `json:"mounted"`
	// Resumed is how many of its bytes an earlier call had moved.
	Resumed int64 `json:"resumed"`
	// ServedBy has the endpoints that told its size or sent it, HOST[:PORT] each: the registry, its mirrors, or several of them.
	ServedBy []string `json:"served_by"`
}

// BlobMount is the result of a mount.
type BlobMount struct {
	// Mounted is false when the registry declined.
	Mounted  bool   `json:"mounted"`
	Digest   string `json:"digest"`
	Location string `json:"location"`
	// Session is the upload session that a declined mount left, with WithKeepSession.
	Session *Session `json:"session"`
}

// BlobHead asks about a blob, HOST[:PORT]/REPOSITORY@DIGEST, or of another place, such as oci:DIR@DIGEST. A missing one is not an
// error.
//
// C: ocireg_blob_head.
func (c *Client) BlobHead(ctx context.Context, reference string, options ...Option) (*BlobHead, error) {
	return ask[BlobHead](ctx, c, options, func(k *call) C.ocireg_status {
		return C.ocireg_blob_head(k.client, k.context, k.text[0], k.options, &k.json, &k.failure)
	}, reference)
}

// HasBlob tells whether the registry or another place has a blob, named as for BlobHead.
func (c *Client) HasBlob(ctx context.Context, reference string, options ...Option) (bool, error) {
	head, err := c.BlobHead(ctx, reference, options...)
	return err == nil && head.Exists, err
}

// BlobDelete deletes a blob, HOST[:PORT]/REPOSITORY@DIGEST.
//
// C: ocireg_blob_delete.
func (c *Client) BlobDelete(ctx context.Context, reference string, options ...Option) (*BlobDelete, error) {
	return ask[BlobDelete](ctx, c, options, func(k *call) C.ocireg_status {
		return C.ocireg_blob_delete(k.client, k.context, k.text[0], k.options, &k.json, &k.failure)
	}, reference)
}

// BlobCopy copies one blob, and nothing else, from any place (named as for BlobHead) into a repository, a layout, an archive or dir:DIR: from a
// registry into a layout, say, whose manifest ManifestPut puts then. It passes in pieces and is verified. Options: WithSize,
// WithProgress.
//
// C: ocireg_blob_copy.
func (c *Client) BlobCopy(ctx context.Context, source, destination string, options ...Option) (*BlobCopy, error) {
	return ask[BlobCopy](ctx, c, options, func(k *call) C.ocireg_status {
		return C.ocireg_blob_copy(k.client, k.context, k.text[0], k.text[1], k.options, &k.json, &k.failure)
	}, source, destination)
}

// BlobMount mounts the same blob of another repository of that registry as HOST[:PORT]/REPOSITORY@DIGEST, without
// transferring its bytes; from "" lets the registry find it itself. It is not an error when the registry declines.
// Options: WithKeepSession.
//
// C: ocireg_blob_mount.
func (c *Client) BlobMount(ctx context.Context, reference, from string, options ...Option) (*BlobMount, error) {
	return ask[BlobMount](ctx, c, options, func(k *call) C.ocireg_status {
		repository := k.text[1]
		if from == "" {
			repository = nil
		}
		return C.ocireg_blob_mount(k.client, k.context, k.text[0], repository, k.options, &k.json, &k.failure)
	}, reference, from)
}

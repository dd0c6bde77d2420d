package ocireg

// #include "shim.h"
import "C"

import "context"

// WrittenIndex is an index that was made or changed.
type WrittenIndex struct {
	Destination string `json:"destination"`
	Digest      string `json:"digest"`
	MediaType   string `json:"mediaType"`
	// Size is that of the index; 0, without entries, when the name was left as it is.
	Size int64 `json:"size"`
	// Before is the digest of the index before the change; empty when it was made.
	Before string `json:"before"`
	// Manifests are all entries; Added those that are new, Removed what is not in it any more.
	Manifests []Descriptor `json:"manifests"`
	Added     []Descriptor `json:"added"`
	Removed   []Descriptor `json:"removed"`
	// Subject is what it is about; nil when it is about nothing.
	Subject *Descriptor `json:"subject"`
	// Copied counts what was moved, with the index itself.
	Copied IndexCopied `json:"copied"`
	// Attempts is how often it was tried, because others changed the index too.
	Attempts int `json:"attempts"`
	// Skipped and Condition are as in a CopyResult; after a change Condition may also be "unconfirmed": it is made, but the look
	// whether it has lasted failed.
	Skipped   []string `json:"skipped"`
	Condition string   `json:"condition"`
	// ServedBy has the endpoints that sent manifests and blobs of it, HOST[:PORT] each: the registry, its mirrors, or several of them.
	ServedBy []string `json:"served_by"`
	// Tags are the other names that it was given, by WithTags.
	Tags []string `json:"tags"`
	// Manifest has the exact bytes that would be put, with WithDryRun; else it is empty.
	Manifest string `json:"manifest"`
}

// IndexCopied counts what an index brought with it.
type IndexCopied struct {
	Manifests ManifestCounts `json:"manifests"`
	Blobs     BlobCounts     `json:"blobs"`
}

// IndexCreate makes an index of what references name, at any places (see EndpointParse), and puts it where place says, with everything that
// it needs. A digest is that of a manifest in the same repository or layout; an index gives its entries, with their attestations.
// Options: WithPlatforms, WithIndexType, WithAnnotations, WithEntryAnnotations, WithArtifactType, WithSubject, WithReferrers, WithTags,
// WithConcurrency, WithIfExists, WithIfDigest, WithDryRun, WithProgress, WithBlobProgress.
//
// C: ocireg_index_create.
func (c *Client) IndexCreate(ctx context.Context, place string, references []string, options ...Option) (*WrittenIndex, error) {
	options = append([]Option{callOption(set("references", references))}, options...)
	return ask[WrittenIndex](ctx, c, options, func(k *call) C.ocireg_status {
		return C.ocireg_index_create(k.client, k.context, k.text[0], k.options, &k.json, &k.failure)
	}, place)
}

// IndexAppend puts what references name into an index, as IndexCreate does, behind what is in it already. Of several clients
// that do that at once, each one's entries get in. Options: WithPlatforms, WithReplace, WithCreate, WithIndexType, WithAnnotations,
// WithEntryAnnotations, WithPutAs, WithReferrers, WithTags, WithConcurrency, WithIfDigest, WithDryRun, WithProgress, WithBlobProgress.
//
// C: ocireg_index_append.
func (c *Client) IndexAppend(ctx context.Context, place string, references []string, options ...Option) (*WrittenIndex, error) {
	options = append([]Option{callOption(set("references", references))}, options...)
	return ask[WrittenIndex](ctx, c, options, func(k *call) C.ocireg_status {
		return C.ocireg_index_append(k.client, k.context, k.text[0], k.options, &k.json, &k.failure)
	}, place)
}

// IndexRemove takes entries out of an index, by their digests and WithPlatforms, with what attests something about them. The manifests
// themselves stay. Options: WithPlatforms, WithIfDigest, WithDryRun.
//
// C: ocireg_index_remove.
func (c *Client) IndexRemove(ctx context.Context, place string, digests []string, options ...Option) (*WrittenIndex, error) {
	options = append([]Option{callOption(set("digests", digests))}, options...)
	return ask[WrittenIndex](ctx, c, options, func(k *call) C.ocireg_status {
		return C.ocireg_index_remove(k.client, k.context, k.text[0], k.options, &k.json, &k.failure)
	}, place)
}

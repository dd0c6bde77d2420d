package ocireg

// #include "shim.h"
import "C"

import "context"

// CopyResult describes what was copied.
type CopyResult struct {
	Source      string `json:"source"`
	Destination string `json:"destination"`
	// Digest is that of the copied manifest.
	Digest    string         `json:"digest"`
	MediaType string         `json:"mediaType"`
	Manifests ManifestCounts `json:"manifests"`
	Blobs     BlobCounts     `json:"blobs"`
	// ServedBy are the endpoints that sent manifests and blobs of it, HOST[:PORT] each: the source's registry, its mirrors, or
	// several of them.
	ServedBy []string `json:"served_by"`
	// Skipped are the names that were left as they are, with WithIfExists("skip"); Condition says what made sure that the name could
	// be set with WithIfExists or WithIfDigest: "registry", "locked" (in a layout) or "looked", which guarantees nothing; otherwise
	// empty.
	Skipped   []string `json:"skipped"`
	Condition string   `json:"condition"`
	// Plan is what the destination lacks; only with WithDryRun.
	Plan *CopyPlan `json:"plan"`
}

// ManifestCounts counts the manifests of a copy.
type ManifestCounts struct {
	Total  int64 `json:"total"`
	Copied int64 `json:"copied"`
	// Skipped counts those that the destination already had.
	Skipped   int64 `json:"skipped"`
	Referrers int64 `json:"referrers"`
}

// BlobCounts counts the blobs of a copy.
type BlobCounts struct {
	Total   int64 `json:"total"`
	Copied  int64 `json:"copied"`
	Mounted int64 `json:"mounted"`
	// Skipped counts those that the destination already had.
	Skipped int64 `json:"skipped"`
	// Bytes is the total size, BytesCopied what this call transferred, BytesResumed what earlier unfinished calls did.
	Bytes        int64 `json:"bytes"`
	BytesCopied  int64 `json:"bytes_copied"`
	BytesResumed int64 `json:"bytes_resumed"`
}

// CopyPlan is what a copy would transfer.
type CopyPlan struct {
	Manifests []Descriptor `json:"manifests"`
	Blobs     []Descriptor `json:"blobs"`
}

// Copy copies what one place names to another (see EndpointParse): an image, an index with everything in it, or an artifact.
// Manifests arrive after everything that they refer to, the tag last; what the destination has is not transferred;
// bytes are verified, those that go from a file to a registry by the registry. What an unfinished copy has transferred
// is not transferred again. Options: WithPlatforms, WithSparse, WithAll, WithReferrers, WithForeignLayers,
// WithConvertSchema1, WithCompression, WithCompressionLevel, WithConcurrency, WithDryRun, WithDestinationFD,
// WithProgress, WithBlobProgress.
//
// C: ocireg_copy.
func (c *Client) Copy(ctx context.Context, source, destination string, options ...Option) (*CopyResult, error) {
	return ask[CopyResult](ctx, c, options, func(k *call) C.ocireg_status {
		return C.ocireg_copy(k.client, k.context, k.text[0], k.text[1], k.options, &k.json, &k.failure)
	}, source, destination)
}

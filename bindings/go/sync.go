package ocireg

// #include "shim.h"
import "C"

import "context"

// SyncResult says what became of the images of a repository, or of those of a list. Tags.Failed may be more than 0 although the call
// has succeeded.
type SyncResult struct {
	// Source and Destination are empty where a list has them.
	Source      string `json:"source"`
	Destination string `json:"destination"`
	// DryRun says that nothing was to be changed: the rest is what would have become of them.
	DryRun bool       `json:"dry_run"`
	Tags   SyncCounts `json:"tags"`
	Blobs  BlobCounts `json:"blobs"`
	// Images are those that were copied or pruned, or that failed; so many are left out because there are too many.
	Images        []SyncedImage `json:"images"`
	ImagesLeftOut int64         `json:"images_left_out"`
	// Err is the first failure; nil when nothing failed.
	Err *Error `json:"error"`
	// ServedBy has the endpoints that sent manifests and blobs of it, HOST[:PORT] each: the registry, its mirrors, or several of them.
	ServedBy []string `json:"served_by"`
}

// SyncCounts counts tags.
type SyncCounts struct {
	// Selected counts those of the source that were meant.
	Selected int64 `json:"selected"`
	Copied   int64 `json:"copied"`
	// Skipped counts those that the destination had, and those that were left as they are.
	Skipped int64 `json:"skipped"`
	Pruned  int64 `json:"pruned"`
	Failed  int64 `json:"failed"`
}

// SyncedImage is one image of a sync.
type SyncedImage struct {
	// Source is empty of a tag that was pruned.
	Source      string `json:"source"`
	Destination string `json:"destination"`
	// State is "copied", "pruned" or "failed".
	State  string `json:"state"`
	Digest string `json:"digest"`
	// Bytes are those of its blobs, BytesCopied those of them that were transferred.
	Bytes       int64  `json:"bytes"`
	BytesCopied int64  `json:"bytes_copied"`
	Err         *Error `json:"error"`
}

// Sync brings the tags of a repository, an OCI layout (oci:DIR) or an archive (oci-archive:FILE) to another, several images at once. What
// fails is reported, and the rest goes on; what the destination has is not transferred. Options: WithTagGlobs, WithTagExpressions,
// WithVersions, WithoutTags, WithNewest, WithPlatforms, WithReferrers, WithForeignLayers, WithNoClobber, WithPrune, WithMaxPrune,
// WithScoped, WithStopOnError, WithDryRun, WithParallel, WithConcurrency, WithProgress.
//
// C: ocireg_sync.
func (c *Client) Sync(ctx context.Context, source, destination string, options ...Option) (*SyncResult, error) {
	return ask[SyncResult](ctx, c, options, func(k *call) C.ocireg_status {
		return C.ocireg_sync(k.client, k.context, k.text[0], k.text[1], k.options, &k.json, &k.failure)
	}, source, destination)
}

// SyncList does so with what a list says: SOURCE or SOURCE DESTINATION a line, or with WithListFormat("skopeo") the YAML of skopeo sync.
// destination is where everything goes that has no destination of its own, HOST[:PORT][/PATH], a layout or an archive. It may be
// empty.
// Options: those of Sync, WithListFormat, and WithoutListCredentials.
//
// C: ocireg_sync_list.
func (c *Client) SyncList(ctx context.Context, list, destination string, options ...Option) (*SyncResult, error) {
	return ask[SyncResult](ctx, c, options, func(k *call) C.ocireg_status {
		below := k.text[1]
		if destination == "" {
			below = nil
		}
		return C.ocireg_sync_list(k.client, k.context, k.text[0], below, k.options, &k.json, &k.failure)
	}, list, destination)
}

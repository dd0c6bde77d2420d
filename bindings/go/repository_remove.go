package ocireg

// #include "shim.h"
import "C"

import "context"

// RepositoryRemove describes what was deleted from a repository.
type RepositoryRemove struct {
	Repository string `json:"repository"`
	// Manifests are listed with indexes before their children.
	Manifests []RemovedManifest `json:"manifests"`
	Tags      int64             `json:"tags"`
	Deleted   int64             `json:"deleted"`
	DryRun    bool              `json:"dry_run"`
}

// RemovedManifest is one manifest of a repository.
type RemovedManifest struct {
	Digest string `json:"digest"`
	// MediaType is empty when the manifest cannot be read.
	MediaType string   `json:"mediaType"`
	Tags      []string `json:"tags"`
	Deleted   bool     `json:"deleted"`
}

// RepositoryRemove deletes everything in a repository, [HOST[:PORT]/]REPOSITORY: the manifest of every tag, and the
// children of indexes. Options: WithDryRun.
//
// C: ocireg_repository_remove.
func (c *Client) RepositoryRemove(ctx context.Context, repository string, options ...Option) (*RepositoryRemove, error) {
	return ask[RepositoryRemove](ctx, c, options, func(k *call) C.ocireg_status {
		return C.ocireg_repository_remove(k.client, k.context, k.text[0], k.options, &k.json, &k.failure)
	}, repository)
}

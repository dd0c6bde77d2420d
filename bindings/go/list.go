package ocireg

// #include "shim.h"
import "C"

import (
	"context"
	"iter"
)

// defaultPageSize is how many entries the iterators request.
const defaultPageSize = 100

// RepositoryList is a list of a registry's repositories.
type RepositoryList struct {
	Repositories []string `json:"repositories"`
	// Last is the last name, if there are more.
	Last string `json:"last"`
	// Next is passed to WithNext to continue; empty at the end.
	Next string `json:"next"`
}

// TagList is a list of a repository's tags.
type TagList struct {
	Name string   `json:"name"`
	Tags []string `json:"tags"`
	// Last is the last name, if there are more.
	Last string `json:"last"`
	// Next is passed to WithNext to continue; empty at the end.
	Next string `json:"next"`
	// Digests are those of the tags, with WithDigests; empty for a tag that disappeared meanwhile, and for a damaged image of an archive.
	Digests map[string]string `json:"digests"`
	// ServedBy is the host that told them: the registry or a mirror.
	ServedBy string `json:"served_by"`
	// ResolvedBy are the hosts that said the digests, with WithDigests.
	ResolvedBy []string `json:"resolved_by"`
}

// RegistryCatalog lists the repositories of a registry, HOST[:PORT]: all, or one page with WithPageSize. Options: WithPageSize,
// WithAll, WithNext, WithLast, WithSearch, WithRegex.
//
// C: ocireg_registry_catalog.
func (c *Client) RegistryCatalog(ctx context.Context, registry string, options ...Option) (*RepositoryList, error) {
	return ask[RepositoryList](ctx, c, options, func(k *call) C.ocireg_status {
		return C.ocireg_registry_catalog(k.client, k.context, k.text[0], k.options, &k.json, &k.failure)
	}, registry)
}

// Repositories iterates over the repositories of a registry, HOST[:PORT], fetching pages as needed. An error is the
// last pair. Options: those of RegistryCatalog.
func (c *Client) Repositories(ctx context.Context, registry string, options ...Option) iter.Seq2[string, error] {
	return pages(options, func(options []Option) ([]string, string, error) {
		page, err := c.RegistryCatalog(ctx, registry, options...)
		if err != nil {
			return nil, "", err
		}
		return page.Repositories, page.Next, nil
	})
}

// RepositoryTags lists the tags of [HOST[:PORT]/]REPOSITORY: all, or one page with WithPageSize. Options: WithPageSize, WithAll,
// WithNext, WithLast, WithDigests, WithoutDigestTags.
//
// C: ocireg_repository_tags.
func (c *Client) RepositoryTags(ctx context.Context, repository string, options ...Option) (*TagList, error) {
	return ask[TagList](ctx, c, options, func(k *call) C.ocireg_status {
		return C.ocireg_repository_tags(k.client, k.context, k.text[0], k.options, &k.json, &k.failure)
	}, repository)
}

// Tags iterates over the tags of [HOST[:PORT]/]REPOSITORY, fetching pages as needed. An error is the last pair.
// Options: WithPageSize, WithNext, WithLast, WithoutDigestTags.
func (c *Client) Tags(ctx context.Context, repository string, options ...Option) iter.Seq2[string, error] {
	return pages(options, func(options []Option) ([]string, string, error) {
		page, err := c.RepositoryTags(ctx, repository, options...)
		if err != nil {
			return nil, "", err
		}
		return page.Tags, page.Next, nil
	})
}

// pages iterates over a list page by page; fetch returns one page and the cursor of the next.
func pages(options []Option, fetch func([]Option) ([]string, string, error)) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		asked := append([]Option{WithPageSize(defaultPageSize)}, options...)
		wanted := asked
		for {
			names, next, err := fetch(wanted)
			if err != nil {
				yield("", err)
				return
			}
			for _, name := range names {
				if !yield(name, nil) {
					return
				}
			}
			if next == "" {
				return
			}
			wanted = append(asked[:len(asked):len(asked)], WithNext(next))
		}
	}
}

package ocireg

// #include "shim.h"
import "C"

import (
	"context"
	"iter"
)

// defaultPageSize is what the iterators ask for.
const defaultPageSize = 100

// RepositoryList is a list of a registry's repositories.
type RepositoryList struct {
	Repositories []string `json:"repositories"`
	// Last is the last of them, if there are more.
	Last string `json:"last"`
	// Next is what WithNext goes on with; empty at the end.
	Next string `json:"next"`
}

// TagList is a list of a repository's tags.
type TagList struct {
	Name string   `json:"name"`
	Tags []string `json:"tags"`
	// Last is the last of them, if there are more.
	Last string `json:"last"`
	// Next is what WithNext goes on with; empty at the end.
	Next string `json:"next"`
	// Digests are those of the tags, with WithDigests; empty for a tag that vanished meanwhile.
	Digests map[string]string `json:"digests"`
}

// RepositoryList lists the repositories of a registry, HOST[:PORT]: all, or one page with WithPageSize. Options: WithPageSize,
// WithAll, WithNext, WithLast, WithSearch, WithRegex.
func (c *Client) RepositoryList(ctx context.Context, registry string, options ...Option) (*RepositoryList, error) {
	return ask[RepositoryList](ctx, c, options, func(k *call) C.ocireg_status {
		return C.ocireg_registry_catalog(k.client, k.context, k.text[0], k.options, &k.json, &k.failure)
	}, registry)
}

// Repositories goes through the repositories of a registry, HOST[:PORT], a page when it is needed. An error is the last pair.
// Options: those of RepositoryList.
func (c *Client) Repositories(ctx context.Context, registry string, options ...Option) iter.Seq2[string, error] {
	return pages(options, func(options []Option) ([]string, string, error) {
		page, err := c.RepositoryList(ctx, registry, options...)
		if err != nil {
			return nil, "", err
		}
		return page.Repositories, page.Next, nil
	})
}

// TagList lists the tags of [HOST[:PORT]/]REPOSITORY: all, or one page with WithPageSize. Options: WithPageSize, WithAll,
// WithNext, WithLast, WithDigests.
func (c *Client) TagList(ctx context.Context, repository string, options ...Option) (*TagList, error) {
	return ask[TagList](ctx, c, options, func(k *call) C.ocireg_status {
		return C.ocireg_repository_tags(k.client, k.context, k.text[0], k.options, &k.json, &k.failure)
	}, repository)
}

// Tags goes through the tags of [HOST[:PORT]/]REPOSITORY, a page when it is needed. An error is the last pair. Options:
// WithPageSize, WithNext, WithLast.
func (c *Client) Tags(ctx context.Context, repository string, options ...Option) iter.Seq2[string, error] {
	return pages(options, func(options []Option) ([]string, string, error) {
		page, err := c.TagList(ctx, repository, options...)
		if err != nil {
			return nil, "", err
		}
		return page.Tags, page.Next, nil
	})
}

// pages goes through a list page by page; fetch gives one and what leads to the next.
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

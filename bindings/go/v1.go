package ocireg

// #include "shim.h"
import "C"

import (
	"context"
	"encoding/json"
)

// V1Ping is what a registry of protocol v1 says about itself.
type V1Ping struct {
	Registry string `json:"registry"`
	URL      string `json:"url"`
	Status   int    `json:"status"`
	Version  string `json:"version"`
	// Standalone tells whether it is its own index; nil when it does not say.
	Standalone *bool `json:"standalone"`
	// Body is the body of its response: true, or an object, in which verbose registries have "versions"; null when it is
	// not JSON.
	Body    json.RawMessage   `json:"body"`
	Headers map[string]string `json:"headers"`
}

// V1Search is what an index found. Its results are as the index sends them.
type V1Search struct {
	Query      string           `json:"query"`
	NumResults int64            `json:"num_results"`
	Results    []V1SearchResult `json:"results"`
}

// V1SearchResult is one repository; All has every member that the index sends.
type V1SearchResult struct {
	Name string
	All  map[string]json.RawMessage
}

// UnmarshalJSON keeps every member.
func (r *V1SearchResult) UnmarshalJSON(text []byte) error {
	if err := json.Unmarshal(text, &r.All); err != nil {
		return err
	}
	return decode(r.All["name"], &r.Name)
}

// V1Images are the images of a repository, as the index knows them.
type V1Images struct {
	Name   string    `json:"name"`
	Images []V1Entry `json:"images"`
	// Endpoint is the registry's URL.
	Endpoint string `json:"endpoint"`
}

// V1Entry is one image in an index.
type V1Entry struct {
	ID       string `json:"id"`
	Checksum string `json:"checksum"`
}

// V1Tags are the tags of a repository and their images.
type V1Tags struct {
	Name string `json:"name"`
	// Tags maps each tag to an image ID; some old lists have only its first digits.
	Tags map[string]string `json:"tags"`
}

// V1Image is an image's JSON. Its integrity cannot be verified: IDs are not digests.
type V1Image struct {
	ID string `json:"id"`
	// Size is the layer's compressed size, according to the registry; -1 when it does not say.
	Size     int64             `json:"size"`
	Checksum string            `json:"checksum"`
	Image    json.RawMessage   `json:"image"`
	Headers  map[string]string `json:"headers"`
	// Bytes are the exact bytes from the registry.
	Bytes []byte `json:"-"`
}

func (i *V1Image) unknown() { i.Size = -1 }

// V1Login is an index's response to a login.
type V1Login struct {
	// Status is the message of the index, which Docker used to show.
	Status   string `json:"status"`
	Username string `json:"username"`
	Created  bool   `json:"created"`
}

// V1Ping asks a registry, HOST[:PORT], whether it speaks protocol v1. No credentials are sent.
//
// C: ocireg_v1_ping.
func (c *Client) V1Ping(ctx context.Context, registry string, options ...Option) (*V1Ping, error) {
	return ask[V1Ping](ctx, c, options, func(k *call) C.ocireg_status {
		return C.ocireg_v1_ping(k.client, k.context, k.text[0], k.options, &k.json, &k.failure)
	}, registry)
}

// V1Search searches the index at HOST[:PORT] for repositories. Options: WithPageSize, WithPage.
//
// C: ocireg_v1_search.
func (c *Client) V1Search(ctx context.Context, registry, term string, options ...Option) (*V1Search, error) {
	return ask[V1Search](ctx, c, options, func(k *call) C.ocireg_status {
		return C.ocireg_v1_search(k.client, k.context, k.text[0], k.text[1], k.options, &k.json, &k.failure)
	}, registry, term)
}

// V1Images lists the images of [HOST[:PORT]/]REPOSITORY as the index knows them.
//
// C: ocireg_v1_images.
func (c *Client) V1Images(ctx context.Context, repository string, options ...Option) (*V1Images, error) {
	return ask[V1Images](ctx, c, options, func(k *call) C.ocireg_status {
		return C.ocireg_v1_images(k.client, k.context, k.text[0], k.options, &k.json, &k.failure)
	}, repository)
}

// V1Tags lists the tags of [HOST[:PORT]/]REPOSITORY and their images.
//
// C: ocireg_v1_tags.
func (c *Client) V1Tags(ctx context.Context, repository string, options ...Option) (*V1Tags, error) {
	return ask[V1Tags](ctx, c, options, func(k *call) C.ocireg_status {
		return C.ocireg_v1_tags(k.client, k.context, k.text[0], k.options, &k.json, &k.failure)
	}, repository)
}

// V1Tag returns the ID of a tag's image, [HOST[:PORT]/]REPOSITORY[:TAG].
//
// C: ocireg_v1_tag.
func (c *Client) V1Tag(ctx context.Context, reference string, options ...Option) (string, error) {
	result, err := ask[struct {
		Tag string `json:"tag"`
		ID  string `json:"id"`
	}](ctx, c, options, func(k *call) C.ocireg_status {
		return C.ocireg_v1_tag(k.client, k.context, k.text[0], k.options, &k.json, &k.failure)
	}, reference)
	if err != nil {
		return "", err
	}
	return result.ID, nil
}

// V1Ancestry lists an image, its parent, and so on. An ID has 64 hexadecimal digits.
//
// C: ocireg_v1_ancestry.
func (c *Client) V1Ancestry(ctx context.Context, repository, id string, options ...Option) ([]string, error) {
	result, err := ask[struct {
		ID       string   `json:"id"`
		Ancestry []string `json:"ancestry"`
	}](ctx, c, options, func(k *call) C.ocireg_status {
		return C.ocireg_v1_ancestry(k.client, k.context, k.text[0], k.text[1], k.options, &k.json, &k.failure)
	}, repository, id)
	if err != nil {
		return nil, err
	}
	return result.Ancestry, nil
}

// V1Image gets an image's JSON.
//
// C: ocireg_v1_image.
func (c *Client) V1Image(ctx context.Context, repository, id string, options ...Option) (*V1Image, error) {
	result, bytes, err := askBytes[V1Image](ctx, c, options, func(k *call) C.ocireg_status {
		return C.ocireg_v1_image(k.client, k.context, k.text[0], k.text[1], k.options, &k.json, &k.bytes, &k.failure)
	}, repository, id)
	if err == nil {
		result.Bytes = bytes
	}
	return result, err
}

// V1Login checks a user's password at the index of HOST[:PORT]; with WithEmail it creates the account first. Nothing is
// stored. Options: WithPassword (otherwise the host's), WithEmail.
//
// C: ocireg_v1_login.
func (c *Client) V1Login(ctx context.Context, registry string, options ...Option) (*V1Login, error) {
	return ask[V1Login](ctx, c, options, func(k *call) C.ocireg_status {
		return C.ocireg_v1_login(k.client, k.context, k.text[0], k.options, &k.json, &k.failure)
	}, registry)
}

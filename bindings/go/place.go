package ocireg

// #include "shim.h"
import "C"

import "context"

// PlaceManifest is the manifest that a place names.
type PlaceManifest struct {
	ManifestInfo
	// Bytes are its exact bytes.
	Bytes []byte `json:"-"`
	Place string `json:"place"`
	// Platform is the one that was selected from an index.
	Platform *Platform `json:"platform"`
	// ServedBy has the endpoints that sent it, HOST[:PORT] each: the registry, its mirrors, or several of them.
	ServedBy []string `json:"served_by"`
}

// PlaceList is what a layout, an archive or a directory holds.
type PlaceList struct {
	Place string `json:"place"`
	// Tags are all names.
	Tags   []string     `json:"tags"`
	Images []PlaceImage `json:"images"`
}

// PlaceImage is one of them.
type PlaceImage struct {
	Names []string `json:"names"`
	Descriptor
}

// PlaceReferrers is what refers to the manifest that a place names.
type PlaceReferrers struct {
	Place     string       `json:"place"`
	Subject   string       `json:"subject"`
	Referrers []Descriptor `json:"referrers"`
	// ServedBy has the endpoints that sent the manifest and the list, HOST[:PORT] each: the registry, its mirrors, or several of them.
	ServedBy []string `json:"served_by"`
}

// EndpointManifest gets the manifest that any place names: a registry's, or that of a layout or an archive. Options:
// WithPlatform.
//
// C: ocireg_endpoint_manifest.
func (c *Client) EndpointManifest(ctx context.Context, place string, options ...Option) (*PlaceManifest, error) {
	result, bytes, err := askBytes[PlaceManifest](ctx, c, options, func(k *call) C.ocireg_status {
		return C.ocireg_endpoint_manifest(k.client, k.context, k.text[0], k.options, &k.json, &k.bytes, &k.failure)
	}, place)
	if err == nil {
		result.Bytes = bytes
	}
	return result, err
}

// EndpointList lists everything that a layout, an archive or a directory holds. For a repository there is Tags.
//
// C: ocireg_endpoint_list.
func (c *Client) EndpointList(ctx context.Context, place string, options ...Option) (*PlaceList, error) {
	return ask[PlaceList](ctx, c, options, func(k *call) C.ocireg_status {
		return C.ocireg_endpoint_list(k.client, k.context, k.text[0], k.options, &k.json, &k.failure)
	}, place)
}

// EndpointReferrers lists what refers to the manifest that any place names. Options: WithArtifactType.
//
// C: ocireg_endpoint_referrers.
func (c *Client) EndpointReferrers(ctx context.Context, place string, options ...Option) (*PlaceReferrers, error) {
	return ask[PlaceReferrers](ctx, c, options, func(k *call) C.ocireg_status {
		return C.ocireg_endpoint_referrers(k.client, k.context, k.text[0], k.options, &k.json, &k.failure)
	}, place)
}

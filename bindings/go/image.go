package ocireg

// #include "shim.h"
import "C"

import (
	"context"
	"encoding/json"
	"os"
	"runtime"
)

// ImageConfig is the config of an image.
type ImageConfig struct {
	Digest    string `json:"digest"`
	Size      int64  `json:"size"`
	MediaType string `json:"mediaType"`
	// Manifest is the image's digest.
	Manifest string `json:"manifest"`
	// Config is the JSON; null when it is no image's.
	Config   json.RawMessage `json:"config"`
	Platform *Platform       `json:"platform"`
	// Bytes are exactly the config's.
	Bytes []byte `json:"-"`
}

// ImageSize is the bytes of an image.
type ImageSize struct {
	Digest    string    `json:"digest"`
	MediaType string    `json:"mediaType"`
	Platform  *Platform `json:"platform"`
	// Manifest, Config and LayersTotal are the bytes of these, Total those of config and layers, each blob once.
	Manifest    int64        `json:"manifest"`
	Config      int64        `json:"config"`
	Layers      []Descriptor `json:"layers"`
	LayersTotal int64        `json:"layers_total"`
	Total       int64        `json:"total"`
	// Images are those of an index, with WithAll; then only Total is set besides.
	Images []ImageSize `json:"images"`
}

// ImageTag is what was tagged.
type ImageTag struct {
	Source      string `json:"source"`
	Destination string `json:"destination"`
	Digest      string `json:"digest"`
	MediaType   string `json:"mediaType"`
}

// ImageAppend is the image with new layers.
type ImageAppend struct {
	Destination string `json:"destination"`
	Digest      string `json:"digest"`
	MediaType   string `json:"mediaType"`
	// Base is the digest of what they were put on; empty with WithScratch.
	Base   string          `json:"base"`
	Images []AppendedImage `json:"images"`
	// Layers are the new ones.
	Layers []AppendedLayer `json:"layers"`
}

// AppendedImage is one image of the result.
type AppendedImage struct {
	Digest   string    `json:"digest"`
	Config   string    `json:"config"`
	Platform *Platform `json:"platform"`
}

// AppendedLayer is one new layer.
type AppendedLayer struct {
	Digest string `json:"digest"`
	Size   int64  `json:"size"`
	DiffID string `json:"diff_id"`
}

// ImageFile is a file of an image.
type ImageFile struct {
	// Digest is the image's.
	Digest   string    `json:"digest"`
	Platform *Platform `json:"platform"`
	// Path is the one behind all links.
	Path string `json:"path"`
	Size int64  `json:"size"`
	Mode uint32 `json:"mode"`
	// Layer is the digest of the layer that has it.
	Layer    string `json:"layer"`
	Verified bool   `json:"verified"`
}

// ImageConfig gets the config of an image at any place (see ParsePlace), verified. Options: WithPlatform.
func (c *Client) ImageConfig(ctx context.Context, image string, options ...Option) (*ImageConfig, error) {
	result, bytes, err := askBytes[ImageConfig](ctx, c, options, func(k *call) C.ocireg_status {
		return C.ocireg_image_config(k.client, k.context, k.text[0], k.options, &k.json, &k.bytes, &k.failure)
	}, image)
	if err == nil {
		result.Bytes = bytes
	}
	return result, err
}

// ImageSize tells the bytes of an image at any place (see ParsePlace), as its manifest says. Options: WithPlatform, WithAll.
func (c *Client) ImageSize(ctx context.Context, image string, options ...Option) (*ImageSize, error) {
	return ask[ImageSize](ctx, c, options, func(k *call) C.ocireg_status {
		return C.ocireg_image_size(k.client, k.context, k.text[0], k.options, &k.json, &k.failure)
	}, image)
}

// TagImage gives what a reference names another tag, byte for byte: a tag in the same repository, or a whole name on the same
// registry. Options: WithReferrers.
func (c *Client) TagImage(ctx context.Context, reference, tag string, options ...Option) (*ImageTag, error) {
	return ask[ImageTag](ctx, c, options, func(k *call) C.ocireg_status {
		return C.ocireg_image_tag(k.client, k.context, k.text[0], k.text[1], k.options, &k.json, &k.failure)
	}, reference, tag)
}

// AppendImage puts layers, the paths of tar files, on top of an image at any place (see ParsePlace), the oldest first. The same
// layers on the same image give the same image. Options: WithDestination, WithPlatform, WithAll, WithScratch, WithMediaType,
// WithCompression, WithCompressionLevel, WithBlobProgress.
func (c *Client) AppendImage(ctx context.Context, image string, layers []string, options ...Option) (*ImageAppend, error) {
	options = append([]Option{callOption(set("layers", layers))}, options...)
	return ask[ImageAppend](ctx, c, options, func(k *call) C.ocireg_status {
		return C.ocireg_image_append(k.client, k.context, k.text[0], k.options, &k.json, &k.failure)
	}, image)
}

// CatImage writes one file of an image at any place (see ParsePlace) to an open file. On an error what was written is not to
// be trusted. Options: WithPlatform, WithoutVerifying.
func (c *Client) CatImage(ctx context.Context, image, path string, into *os.File, options ...Option) (*ImageFile, error) {
	defer runtime.KeepAlive(into)
	return ask[ImageFile](ctx, c, options, func(k *call) C.ocireg_status {
		return C.ocireg_image_cat(k.client, k.context, k.text[0], k.text[1], C.int32_t(into.Fd()), k.options, &k.json, &k.failure)
	}, image, path)
}

package ocireg

// #include "shim.h"
import "C"

import (
	"context"
	"encoding/json"
	"io"
)

// ImageConfig is the config of an image.
type ImageConfig struct {
	Digest    string `json:"digest"`
	Size      int64  `json:"size"`
	MediaType string `json:"mediaType"`
	// Manifest is the digest of the image's manifest.
	Manifest string `json:"manifest"`
	// Config is the JSON; null when it is not the config of an image.
	Config   json.RawMessage `json:"config"`
	Platform *Platform       `json:"platform"`
	// ServedBy has the endpoints that sent manifests and blobs of it, HOST[:PORT] each: the registry, its mirrors, or several of them.
	ServedBy []string `json:"served_by"`
	// Bytes are the exact bytes of the config.
	Bytes []byte `json:"-"`
}

// ImageSize is the size of an image, in bytes.
type ImageSize struct {
	Digest    string    `json:"digest"`
	MediaType string    `json:"mediaType"`
	Platform  *Platform `json:"platform"`
	// Manifest, Config and LayersTotal are the sizes of these, Total is that of config and layers, each blob counted once.
	Manifest    int64        `json:"manifest"`
	Config      int64        `json:"config"`
	Layers      []Descriptor `json:"layers"`
	LayersTotal int64        `json:"layers_total"`
	Total       int64        `json:"total"`
	// Images are those of an index, with WithAll; besides them only Total is then set.
	Images []ImageSize `json:"images"`
	// ServedBy has the endpoints that sent the manifests, HOST[:PORT] each: the registry, its mirrors, or several of them.
	ServedBy []string `json:"served_by"`
}

// ImageTag describes what was tagged.
type ImageTag struct {
	Source      string `json:"source"`
	Destination string `json:"destination"`
	Digest      string `json:"digest"`
	MediaType   string `json:"mediaType"`
	// Skipped are the names that were left as they are, with WithIfExists("skip"); Condition says what made sure that the name could
	// be set with WithIfExists or WithIfDigest: "registry", "locked" (in a layout) or "looked", which guarantees nothing; otherwise
	// empty.
	Skipped   []string `json:"skipped"`
	Condition string   `json:"condition"`
	// ServedBy has the endpoints that sent manifests and blobs of it, HOST[:PORT] each: the registry, its mirrors, or several of them.
	ServedBy []string `json:"served_by"`
}

// ImageAppend is the image with new layers.
type ImageAppend struct {
	Destination string `json:"destination"`
	Digest      string `json:"digest"`
	MediaType   string `json:"mediaType"`
	// Base is the digest of the image that they were appended to; empty with WithScratch.
	Base   string          `json:"base"`
	Images []AppendedImage `json:"images"`
	// Layers are the new ones.
	Layers []AppendedLayer `json:"layers"`
	// Skipped are the names that were left as they are, with WithIfExists("skip"); Condition says what made sure that the name could
	// be set with WithIfExists or WithIfDigest: "registry", "locked" (in a layout) or "looked", which guarantees nothing; otherwise
	// empty.
	Skipped   []string `json:"skipped"`
	Condition string   `json:"condition"`
	// ServedBy has the endpoints that sent manifests and blobs of the base, HOST[:PORT] each: the registry, its mirrors, or several of them.
	ServedBy []string `json:"served_by"`
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

// ImageFile describes one file of an image.
type ImageFile struct {
	// Digest is that of the image's manifest.
	Digest   string    `json:"digest"`
	Platform *Platform `json:"platform"`
	// Path is the path after following all links.
	Path string `json:"path"`
	Size int64  `json:"size"`
	Mode uint32 `json:"mode"`
	// Layer is the digest of the layer that contains it.
	Layer    string `json:"layer"`
	Verified bool   `json:"verified"`
	// ServedBy has the endpoints that sent manifests and blobs of it, HOST[:PORT] each: the registry, its mirrors, or several of them.
	ServedBy []string `json:"served_by"`
}

// ImageConfig gets the config of an image at any place (see EndpointParse), verified. Options: WithPlatform.
//
// C: ocireg_image_config.
func (c *Client) ImageConfig(ctx context.Context, image string, options ...Option) (*ImageConfig, error) {
	result, bytes, err := askBytes[ImageConfig](ctx, c, options, func(k *call) C.ocireg_status {
		return C.ocireg_image_config(k.client, k.context, k.text[0], k.options, &k.json, &k.bytes, &k.failure)
	}, image)
	if err == nil {
		result.Bytes = bytes
	}
	return result, err
}

// ImageSize returns the size of an image at any place (see EndpointParse), according to its manifest. Options:
// WithPlatform, WithAll.
//
// C: ocireg_image_size.
func (c *Client) ImageSize(ctx context.Context, image string, options ...Option) (*ImageSize, error) {
	return ask[ImageSize](ctx, c, options, func(k *call) C.ocireg_status {
		return C.ocireg_image_size(k.client, k.context, k.text[0], k.options, &k.json, &k.failure)
	}, image)
}

// Validation is what ImageValidate found.
type Validation struct {
	Place     string `json:"place"`
	Digest    string `json:"digest"`
	MediaType string `json:"mediaType"`
	// Valid is true when there is no problem.
	Valid bool `json:"valid"`
	// Quick is true when blobs were only looked for.
	Quick     bool  `json:"quick"`
	Manifests int64 `json:"manifests"`
	// Blobs counts the blobs that were read or looked for, Bytes their bytes.
	Blobs int64 `json:"blobs"`
	Bytes int64 `json:"bytes"`
	// Foreign are the digests of layers that come from elsewhere, which were not looked for.
	Foreign  []string            `json:"foreign"`
	Problems []ValidationProblem `json:"problems"`
	// ServedBy has the endpoints that sent what was read, or said that it is there, HOST[:PORT] each: the registry, its mirrors, or several of them.
	ServedBy []string `json:"served_by"`
}

// ValidationProblem is something that is missing, damaged or contradicts something else.
type ValidationProblem struct {
	Digest string `json:"digest"`
	// Manifest is the digest of the manifest that names it; empty for none.
	Manifest string `json:"manifest"`
	// Code is the name of an error: "MISSING_BLOB" for whatever is not there.
	Code    string `json:"code"`
	Problem string `json:"problem"`
}

// ImageValidate looks whether everything that an image, an index or an artifact at any place (see EndpointParse) leads to is there and
// is what it says it is, and reports all that is wrong. Options: WithPlatform, WithQuick, WithReferrers, WithConcurrency,
// WithMaxBytes, WithMaxRatio.
//
// C: ocireg_image_validate.
func (c *Client) ImageValidate(ctx context.Context, place string, options ...Option) (*Validation, error) {
	return ask[Validation](ctx, c, options, func(k *call) C.ocireg_status {
		return C.ocireg_image_validate(k.client, k.context, k.text[0], k.options, &k.json, &k.failure)
	}, place)
}

// ImageTag puts the manifest that a reference names under another tag, byte for byte: a tag in the same repository, or
// a full name in the same registry. Options: WithReferrers.
//
// C: ocireg_image_tag.
func (c *Client) ImageTag(ctx context.Context, reference, tag string, options ...Option) (*ImageTag, error) {
	return ask[ImageTag](ctx, c, options, func(k *call) C.ocireg_status {
		return C.ocireg_image_tag(k.client, k.context, k.text[0], k.text[1], k.options, &k.json, &k.failure)
	}, reference, tag)
}

// ImageAppend appends layers, given as paths of tar files, the oldest first, to an image at any place (see EndpointParse).
// The same layers on the same image give the same image. Options: WithDestination, WithPlatform, WithAll, WithScratch,
// WithMediaType, WithCompression, WithCompressionLevel, WithBlobProgress.
//
// C: ocireg_image_append.
func (c *Client) ImageAppend(ctx context.Context, image string, layers []string, options ...Option) (*ImageAppend, error) {
	options = append([]Option{callOption(set("layers", layers))}, options...)
	return ask[ImageAppend](ctx, c, options, func(k *call) C.ocireg_status {
		return C.ocireg_image_append(k.client, k.context, k.text[0], k.options, &k.json, &k.failure)
	}, image)
}

// ImageCat writes one file of an image at any place (see EndpointParse) to a writer, to an *os.File without a detour. After an error, what
// was written must not be trusted, and a writer that blocks is left behind as by BlobGetTo. Options: WithPlatform, WithoutVerifying.
//
// C: ocireg_image_cat.
func (c *Client) ImageCat(ctx context.Context, image, path string, into io.Writer, options ...Option) (*ImageFile, error) {
	return toWriter(ctx, c, into, func(fd C.int32_t) (*ImageFile, error) {
		return ask[ImageFile](ctx, c, options, func(k *call) C.ocireg_status {
			return C.ocireg_image_cat(k.client, k.context, k.text[0], k.text[1], fd, k.options, &k.json, &k.failure)
		}, image, path)
	})
}

package ocireg

// #include "shim.h"
import "C"

import (
	"context"
	"encoding/json"
)

// ManifestInfo describes a manifest.
type ManifestInfo struct {
	MediaType     string `json:"mediaType"`
	Digest        string `json:"digest"`
	Size          int64  `json:"size"`
	SchemaVersion int    `json:"schema_version"`
	// Kind is "image", "index", "artifact" or "schema1".
	Kind string `json:"kind"`
	// Document is the manifest's JSON.
	Document json.RawMessage `json:"manifest"`
}

// Manifest is a manifest from a registry. Its bytes were verified against its digest.
type Manifest struct {
	ManifestInfo
	// Bytes are the exact bytes from the registry.
	Bytes []byte `json:"-"`
	// Reference is HOST/REPOSITORY@DIGEST, Repository HOST/REPOSITORY. Of another place they are that place, and empty.
	Reference  string            `json:"reference"`
	Repository string            `json:"repository"`
	Headers    map[string]string `json:"headers"`
	RateLimit  *RateLimit        `json:"rate_limit"`
	// ServedBy is the HOST[:PORT] that answered: the registry or a mirror.
	ServedBy string `json:"served_by"`
	// ResolvedBy are the hosts that sent the indexes in which it was found, with WithPlatform.
	ResolvedBy []string `json:"resolved_by"`
	// Platform is the one that was selected from an index.
	Platform *Platform `json:"platform"`
	// Signatures are those of a signed schema-1 manifest.
	Signatures []Schema1Signature `json:"signatures"`
}

// ManifestHead is a manifest's descriptor, without its bytes.
type ManifestHead struct {
	MediaType string            `json:"mediaType"`
	Digest    string            `json:"digest"`
	Size      int64             `json:"size"`
	Headers   map[string]string `json:"headers"`
	RateLimit *RateLimit        `json:"rate_limit"`
	// ServedBy is the HOST[:PORT] that answered: the registry or a mirror.
	ServedBy string `json:"served_by"`
}

// ManifestPut describes what was put.
type ManifestPut struct {
	Digest    string `json:"digest"`
	Size      int64  `json:"size"`
	MediaType string `json:"mediaType"`
	Location  string `json:"location"`
	// Tags are all tags that were set.
	Tags []string `json:"tags"`
	// Skipped are the tags that were left as they are, with WithIfExists("skip"); Condition says what made sure that the tags could
	// be set with WithIfExists or WithIfDigest: "registry", "locked" (in a layout) or "looked", which guarantees nothing; otherwise
	// empty.
	Skipped   []string `json:"skipped"`
	Condition string   `json:"condition"`
	// Subject is the digest of the manifest's subject, and Referrers how it is listed there: "api", "tag", "index" (in a layout or an archive) or "none";
	// otherwise empty.
	Subject   string `json:"subject"`
	Referrers string `json:"referrers"`
}

// ManifestDelete describes what was deleted.
type ManifestDelete struct {
	// Status is the registry's HTTP status; 0 in a layout or an archive.
	Status  int    `json:"status"`
	Subject string `json:"subject"`
	// Referrers is "tag" when the manifest was removed from its subject's referrers tag.
	Referrers string `json:"referrers"`
}

// Image reads the document of an image or artifact.
func (m *ManifestInfo) Image() (*ImageManifest, error) { return document[ImageManifest](m, "image") }

// Layer finds a layer of an image, or a blob of an artifact: of those of a media type, or of all when it is empty, the one at a position,
// from 0 on. It tells whether there is one.
func (m *ManifestInfo) Layer(mediaType string, position int) (Descriptor, bool) {
	var found struct {
		Layers []Descriptor `json:"layers"`
		Blobs  []Descriptor `json:"blobs"`
	}
	if decode(m.Document, &found) != nil || position < 0 {
		return Descriptor{}, false
	}
	for _, layer := range append(found.Layers, found.Blobs...) {
		if mediaType != "" && layer.MediaType != mediaType {
			continue
		}
		if position == 0 {
			return layer, true
		}
		position--
	}
	return Descriptor{}, false
}

// Index reads the document of an index.
func (m *ManifestInfo) Index() (*ImageIndex, error) { return document[ImageIndex](m, "index") }

func document[T any](m *ManifestInfo, kind string) (*T, error) {
	if m.Kind != kind && !(kind == "image" && m.Kind == "artifact") {
		return nil, newError(ErrInvalidManifest, "the manifest is of kind "+m.Kind+", not "+kind)
	}
	result := new(T)
	if err := decode(m.Document, result); err != nil {
		return nil, newError(ErrInvalidManifest, "the manifest cannot be read: "+err.Error())
	}
	return result, nil
}

// ManifestInspect checks the bytes of a manifest and describes it. Options: WithMediaType.
//
// C: ocireg_manifest_inspect.
func ManifestInspect(data []byte, options ...Option) (*ManifestInfo, error) {
	wanted, err := callSettings(options).native()
	if err != nil {
		return nil, err
	}
	defer C.ocireg_options_free(wanted)
	var json *C.char
	var failure *C.ocireg_error
	if status := C.ocireg_manifest_inspect(cBytes(data), C.size_t(len(data)), wanted, &json, &failure); status != C.OCIREG_OK {
		return nil, takeError(status, failure)
	}
	result := &ManifestInfo{}
	return result, takeJSON(json, result)
}

// ManifestBuild makes a manifest or an index of its parts, a value that becomes a JSON object such as an ImageManifest or an
// ImageIndex: what is left out is filled in, and what cannot be is refused. It returns the exact bytes, for ManifestPut, and what they
// are. Options: WithAlgorithm.
//
// C: ocireg_manifest_build.
func ManifestBuild(parts any, options ...Option) ([]byte, *ManifestInfo, error) {
	text, err := json.Marshal(parts)
	if err != nil {
		return nil, nil, newError(ErrInvalidArgument, "the parts of the manifest are not JSON: "+err.Error())
	}
	wanted, err := callSettings(options).native()
	if err != nil {
		return nil, nil, err
	}
	defer C.ocireg_options_free(wanted)
	given, err := cText(string(text))
	if err != nil {
		return nil, nil, err
	}
	var json *C.char
	var bytes *C.ocireg_buffer
	var failure *C.ocireg_error
	if status := C.ocireg_manifest_build(given, wanted, &json, &bytes, &failure); status != C.OCIREG_OK {
		return nil, nil, takeError(status, failure)
	}
	made := takeBuffer(bytes)
	result := &ManifestInfo{}
	if err := takeJSON(json, result); err != nil {
		return nil, nil, err
	}
	return made, result, nil
}

// ManifestGet gets a manifest, [HOST[:PORT]/]REPOSITORY[:TAG][@DIGEST]; with both, the digest decides. It is verified against
// the digest and its media type. Options: WithPlatform, WithAccept, WithMaxSchemaVersion, WithoutIndex.
//
// C: ocireg_manifest_get.
func (c *Client) ManifestGet(ctx context.Context, reference string, options ...Option) (*Manifest, error) {
	result, bytes, err := askBytes[Manifest](ctx, c, options, func(k *call) C.ocireg_status {
		return C.ocireg_manifest_get(k.client, k.context, k.text[0], k.options, &k.json, &k.bytes, &k.failure)
	}, reference)
	if err == nil {
		result.Bytes = bytes
	}
	return result, err
}

// ManifestHead gets the descriptor of a manifest: one HEAD where the registry answers that properly. Options:
// WithAccept.
//
// C: ocireg_manifest_head.
func (c *Client) ManifestHead(ctx context.Context, reference string, options ...Option) (*ManifestHead, error) {
	return ask[ManifestHead](ctx, c, options, func(k *call) C.ocireg_status {
		return C.ocireg_manifest_head(k.client, k.context, k.text[0], k.options, &k.json, &k.failure)
	}, reference)
}

// ManifestDigest gets the digest of a manifest; with a platform, that of the manifest for it in the index. Options:
// those of ManifestGet.
//
// C: ocireg_manifest_digest.
func (c *Client) ManifestDigest(ctx context.Context, reference string, options ...Option) (string, error) {
	var digest string
	err := c.with(ctx, callSettings(options), []string{reference}, func(k *call) C.ocireg_status {
		return C.ocireg_manifest_digest(k.client, k.context, k.text[0], k.options, &k.json, &k.failure)
	}, func(k *call) error {
		digest = string(view(k.json))
		return nil
	})
	return digest, err
}

// ManifestPut puts a manifest with unchanged bytes under a tag or a digest; with both, the digest is checked and the
// tag is put. A manifest with a subject is listed among the subject's referrers. After ErrTimeout or ErrCancelled the
// outcome is unknown.
// Options: WithMediaType, WithTags, WithoutReferrersTag.
//
// C: ocireg_manifest_put.
func (c *Client) ManifestPut(ctx context.Context, reference string, data []byte, options ...Option) (*ManifestPut, error) {
	return ask[ManifestPut](ctx, c, options, func(k *call) C.ocireg_status {
		return C.ocireg_manifest_put(k.client, k.context, k.text[0], cBytes(data), C.size_t(len(data)), k.options, &k.json, &k.failure)
	}, reference)
}

// ManifestDelete deletes a manifest by its digest, and with it every tag of that digest; by tag only that tag, on registries
// that support it (TagDelete does that more carefully). Options: WithoutReferrersTag.
//
// C: ocireg_manifest_delete.
func (c *Client) ManifestDelete(ctx context.Context, reference string, options ...Option) (*ManifestDelete, error) {
	return ask[ManifestDelete](ctx, c, options, func(k *call) C.ocireg_status {
		return C.ocireg_manifest_delete(k.client, k.context, k.text[0], k.options, &k.json, &k.failure)
	}, reference)
}

package registry

import (
	"context"
	"encoding/json"

	"github.com/docker/distribution"
	"github.com/docker/distribution/manifest/schema1"
	"github.com/docker/distribution/manifest/schema2"
	"github.com/ocireg/ocireg/bindings/go"
	"github.com/opencontainers/go-digest"
)

// Manifest gets a schema-1 manifest, by tag or digest.
func (r *Registry) Manifest(repository, reference string) (*schema1.SignedManifest, error) {
	body, err := r.manifest(repository, reference, ocireg.WithMaxSchemaVersion(1))
	if err != nil {
		return nil, err
	}
	manifest := &schema1.SignedManifest{}
	if err := manifest.UnmarshalJSON(body); err == nil {
		return manifest, nil
	}
	// Some registries return manifests without signatures.
	manifest = &schema1.SignedManifest{Canonical: body}
	return manifest, json.Unmarshal(body, &manifest.Manifest)
}

// ManifestV2 gets a schema-2 manifest, by tag or digest.
func (r *Registry) ManifestV2(repository, reference string) (*schema2.DeserializedManifest, error) {
	body, err := r.manifest(repository, reference, ocireg.WithAccept(schema2.MediaTypeManifest))
	if err != nil {
		return nil, err
	}
	manifest := &schema2.DeserializedManifest{}
	if err := manifest.UnmarshalJSON(body); err != nil {
		return nil, err
	}
	return manifest, nil
}

func (r *Registry) manifest(repository, reference string, option ocireg.Option) ([]byte, error) {
	r.log("manifest.get url=%s/v2/%s/manifests/%s repository=%s reference=%s", r.URL, repository, reference, repository, reference)
	name, err := r.reference(repository, reference)
	if err != nil {
		return nil, err
	}
	got, err := r.Client.ManifestGet(context.Background(), name, option)
	if err != nil {
		return nil, failed("Get", err)
	}
	return got.Bytes, nil
}

// ManifestDigest returns the digest of the manifest that a tag names, as DeleteManifest takes it.
func (r *Registry) ManifestDigest(repository, reference string) (digest.Digest, error) {
	r.log("manifest.head url=%s/v2/%s/manifests/%s repository=%s reference=%s", r.URL, repository, reference, repository, reference)
	name, err := r.reference(repository, reference)
	if err != nil {
		return "", err
	}
	found, err := r.Client.ManifestDigest(context.Background(), name)
	if err != nil {
		return "", failed("Head", err)
	}
	return digest.Parse(found)
}

// DeleteManifest deletes a manifest, and with it every tag that names it.
func (r *Registry) DeleteManifest(repository string, digest digest.Digest) error {
	r.log("manifest.delete url=%s/v2/%s/manifests/%s repository=%s reference=%s", r.URL, repository, digest, repository, digest)
	name, err := r.reference(repository, digest.String())
	if err != nil {
		return err
	}
	_, err = r.Client.ManifestDelete(context.Background(), name)
	return failed("Delete", err)
}

// PutManifest puts a manifest under a tag or its digest, with the bytes of its Payload.
func (r *Registry) PutManifest(repository, reference string, manifest distribution.Manifest) error {
	r.log("manifest.put url=%s/v2/%s/manifests/%s repository=%s reference=%s", r.URL, repository, reference, repository, reference)
	name, err := r.reference(repository, reference)
	if err != nil {
		return err
	}
	mediaType, payload, err := manifest.Payload()
	if err != nil {
		return err
	}
	_, err = r.Client.ManifestPut(context.Background(), name, payload, ocireg.WithMediaType(mediaType))
	return failed("Put", err)
}

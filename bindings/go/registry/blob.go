package registry

import (
	"bytes"
	"context"
	"io"

	"github.com/docker/distribution"
	"github.com/ocireg/ocireg/bindings/go"
	"github.com/opencontainers/go-digest"
)

// DownloadBlob opens a blob. Close it, whether or not it was read to the end. Its bytes are verified when io.EOF is
// returned, and not before.
func (r *Registry) DownloadBlob(repository string, digest digest.Digest) (io.ReadCloser, error) {
	r.log("blob.download url=%s/v2/%s/blobs/%s repository=%s digest=%s", r.URL, repository, digest, repository, digest)
	name, err := r.reference(repository, digest.String())
	if err != nil {
		return nil, err
	}
	reader, err := r.Client.BlobOpen(context.Background(), name)
	if err != nil {
		return nil, failed("Get", err)
	}
	return reader, nil
}

// UploadBlob puts the bytes from the reader as a blob; they must have the digest.
func (r *Registry) UploadBlob(repository string, digest digest.Digest, content io.Reader) error {
	r.log("blob.upload url=%s/v2/%s/blobs/uploads/ repository=%s digest=%s", r.URL, repository, repository, digest)
	name, err := r.reference(repository, "")
	if err != nil {
		return err
	}
	if content == nil {
		content = bytes.NewReader(nil)
	}
	_, err = r.Client.BlobPutFrom(context.Background(), name, digest.String(), content)
	return failed("Put", err)
}

// HasBlob tells whether the registry has a blob.
func (r *Registry) HasBlob(repository string, digest digest.Digest) (bool, error) {
	head, err := r.head(repository, digest)
	return err == nil && head.Exists, err
}

// BlobMetadata returns a blob's digest and size.
func (r *Registry) BlobMetadata(repository string, digest digest.Digest) (distribution.Descriptor, error) {
	head, err := r.head(repository, digest)
	if err == nil && !head.Exists {
		missing := &ocireg.Error{Code: ocireg.ErrNotFound, Message: "there is no blob " + digest.String(), HTTPStatus: 404}
		err = failed("Head", missing)
	}
	if err != nil {
		return distribution.Descriptor{}, err
	}
	return distribution.Descriptor{Digest: digest, Size: head.Size}, nil
}

func (r *Registry) head(repository string, digest digest.Digest) (*ocireg.BlobHead, error) {
	r.log("blob.check url=%s/v2/%s/blobs/%s repository=%s digest=%s", r.URL, repository, digest, repository, digest)
	name, err := r.reference(repository, digest.String())
	if err != nil {
		return nil, err
	}
	head, err := r.Client.BlobHead(context.Background(), name)
	return head, failed("Head", err)
}

// DownloadLayer is the older name of DownloadBlob.
func (r *Registry) DownloadLayer(repository string, digest digest.Digest) (io.ReadCloser, error) {
	return r.DownloadBlob(repository, digest)
}

// UploadLayer is the older name of UploadBlob.
func (r *Registry) UploadLayer(repository string, digest digest.Digest, content io.Reader) error {
	return r.UploadBlob(repository, digest, content)
}

// HasLayer is the older name of HasBlob.
func (r *Registry) HasLayer(repository string, digest digest.Digest) (bool, error) {
	return r.HasBlob(repository, digest)
}

// LayerMetadata is the older name of BlobMetadata.
func (r *Registry) LayerMetadata(repository string, digest digest.Digest) (distribution.Descriptor, error) {
	return r.BlobMetadata(repository, digest)
}

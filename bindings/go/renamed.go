package ocireg

// The names that calls had before they got those of the C functions. They are gone in the next version.

import (
	"context"
	"io"
	"os"
)

// Deprecated: PullArtifact is the old name of ArtifactPull.
//
//go:fix inline
func (c *Client) PullArtifact(ctx context.Context, place, folder string, options ...Option) (*PulledArtifact, error) {
	return c.ArtifactPull(ctx, place, folder, options...)
}

// Deprecated: PushArtifact is the old name of ArtifactPush.
//
//go:fix inline
func (c *Client) PushArtifact(ctx context.Context, place string, files []ArtifactFile, options ...Option) (*PushedArtifact, error) {
	return c.ArtifactPush(ctx, place, files, options...)
}

// Deprecated: AttachArtifact is the old name of ArtifactAttach.
//
//go:fix inline
func (c *Client) AttachArtifact(ctx context.Context, place string, files []ArtifactFile, options ...Option) (*PushedArtifact, error) {
	return c.ArtifactAttach(ctx, place, files, options...)
}

// Deprecated: DeleteBlob is the old name of BlobDelete.
//
//go:fix inline
func (c *Client) DeleteBlob(ctx context.Context, reference string, options ...Option) (*BlobDelete, error) {
	return c.BlobDelete(ctx, reference, options...)
}

// Deprecated: CopyBlob is the old name of BlobCopy.
//
//go:fix inline
func (c *Client) CopyBlob(ctx context.Context, source, destination string, options ...Option) (*BlobCopy, error) {
	return c.BlobCopy(ctx, source, destination, options...)
}

// Deprecated: MountBlob is the old name of BlobMount.
//
//go:fix inline
func (c *Client) MountBlob(ctx context.Context, reference, from string, options ...Option) (*BlobMount, error) {
	return c.BlobMount(ctx, reference, from, options...)
}

// Deprecated: BlobBytes is the old name of BlobGetBytes.
//
//go:fix inline
func (c *Client) BlobBytes(ctx context.Context, reference string, options ...Option) ([]byte, *BlobGet, error) {
	return c.BlobGetBytes(ctx, reference, options...)
}

// Deprecated: UploadBlob is the old name of BlobPutFrom.
//
//go:fix inline
func (c *Client) UploadBlob(ctx context.Context, repository, digest string, from io.Reader, options ...Option) (*BlobPut, error) {
	return c.BlobPutFrom(ctx, repository, digest, from, options...)
}

// Deprecated: UploadBlobFile is the old name of BlobPutFile.
//
//go:fix inline
func (c *Client) UploadBlobFile(ctx context.Context, repository, path string, options ...Option) (*BlobPut, error) {
	return c.BlobPutFile(ctx, repository, path, options...)
}

// Deprecated: UploadBlobBytes is the old name of BlobPutBytes.
//
//go:fix inline
func (c *Client) UploadBlobBytes(ctx context.Context, repository string, data []byte, options ...Option) (*BlobPut, error) {
	return c.BlobPutBytes(ctx, repository, data, options...)
}

// Deprecated: ValidateImage is the old name of ImageValidate.
//
//go:fix inline
func (c *Client) ValidateImage(ctx context.Context, place string, options ...Option) (*Validation, error) {
	return c.ImageValidate(ctx, place, options...)
}

// Deprecated: TagImage is the old name of ImageTag.
//
//go:fix inline
func (c *Client) TagImage(ctx context.Context, reference, tag string, options ...Option) (*ImageTag, error) {
	return c.ImageTag(ctx, reference, tag, options...)
}

// Deprecated: AppendImage is the old name of ImageAppend.
//
//go:fix inline
func (c *Client) AppendImage(ctx context.Context, image string, layers []string, options ...Option) (*ImageAppend, error) {
	return c.ImageAppend(ctx, image, layers, options...)
}

// Deprecated: CatImage is the old name of ImageCat.
//
//go:fix inline
func (c *Client) CatImage(ctx context.Context, image, path string, into io.Writer, options ...Option) (*ImageFile, error) {
	return c.ImageCat(ctx, image, path, into, options...)
}

// Deprecated: ExtractImage is the old name of ImageExtract.
//
//go:fix inline
func (c *Client) ExtractImage(ctx context.Context, image, folder string, options ...Option) (*ImageExtract, error) {
	return c.ImageExtract(ctx, image, folder, options...)
}

// Deprecated: ExportImage is the old name of ImageExportTo.
//
//go:fix inline
func (c *Client) ExportImage(ctx context.Context, image string, into io.Writer, options ...Option) (*ImageExport, error) {
	return c.ImageExportTo(ctx, image, into, options...)
}

// Deprecated: ExportImageFile is the old name of ImageExportFile.
//
//go:fix inline
func (c *Client) ExportImageFile(ctx context.Context, image, path string, options ...Option) (*ImageExport, error) {
	return c.ImageExportFile(ctx, image, path, options...)
}

// Deprecated: CreateIndex is the old name of IndexCreate.
//
//go:fix inline
func (c *Client) CreateIndex(ctx context.Context, place string, references []string, options ...Option) (*WrittenIndex, error) {
	return c.IndexCreate(ctx, place, references, options...)
}

// Deprecated: AppendToIndex is the old name of IndexAppend.
//
//go:fix inline
func (c *Client) AppendToIndex(ctx context.Context, place string, references []string, options ...Option) (*WrittenIndex, error) {
	return c.IndexAppend(ctx, place, references, options...)
}

// Deprecated: RemoveFromIndex is the old name of IndexRemove.
//
//go:fix inline
func (c *Client) RemoveFromIndex(ctx context.Context, place string, digests []string, options ...Option) (*WrittenIndex, error) {
	return c.IndexRemove(ctx, place, digests, options...)
}

// Deprecated: CheckLayout is the old name of LayoutCheck.
//
//go:fix inline
func (c *Client) CheckLayout(ctx context.Context, path string, options ...Option) (*LayoutCheck, error) {
	return c.LayoutCheck(ctx, path, options...)
}

// Deprecated: CleanLayout is the old name of LayoutClean.
//
//go:fix inline
func (c *Client) CleanLayout(ctx context.Context, path string, options ...Option) (*LayoutClean, error) {
	return c.LayoutClean(ctx, path, options...)
}

// Deprecated: RepositoryList is the old name of RegistryCatalog.
//
//go:fix inline
func (c *Client) RepositoryList(ctx context.Context, registry string, options ...Option) (*RepositoryList, error) {
	return c.RegistryCatalog(ctx, registry, options...)
}

// Deprecated: TagList is the old name of RepositoryTags.
//
//go:fix inline
func (c *Client) TagList(ctx context.Context, repository string, options ...Option) (*TagList, error) {
	return c.RepositoryTags(ctx, repository, options...)
}

// Deprecated: LocateBlob is the old name of BlobLocate.
//
//go:fix inline
func (c *Client) LocateBlob(ctx context.Context, reference string, options ...Option) (*Located, error) {
	return c.BlobLocate(ctx, reference, options...)
}

// Deprecated: LocateManifest is the old name of ManifestLocate.
//
//go:fix inline
func (c *Client) LocateManifest(ctx context.Context, reference string, options ...Option) (*Located, error) {
	return c.ManifestLocate(ctx, reference, options...)
}

// Deprecated: InspectManifest is the old name of ManifestInspect.
//
//go:fix inline
func InspectManifest(data []byte, options ...Option) (*ManifestInfo, error) {
	return ManifestInspect(data, options...)
}

// Deprecated: BuildManifest is the old name of ManifestBuild.
//
//go:fix inline
func BuildManifest(parts any, options ...Option) ([]byte, *ManifestInfo, error) {
	return ManifestBuild(parts, options...)
}

// Deprecated: Manifest is the old name of ManifestGet.
//
//go:fix inline
func (c *Client) Manifest(ctx context.Context, reference string, options ...Option) (*Manifest, error) {
	return c.ManifestGet(ctx, reference, options...)
}

// Deprecated: PutManifest is the old name of ManifestPut.
//
//go:fix inline
func (c *Client) PutManifest(ctx context.Context, reference string, data []byte, options ...Option) (*ManifestPut, error) {
	return c.ManifestPut(ctx, reference, data, options...)
}

// Deprecated: DeleteManifest is the old name of ManifestDelete.
//
//go:fix inline
func (c *Client) DeleteManifest(ctx context.Context, reference string, options ...Option) (*ManifestDelete, error) {
	return c.ManifestDelete(ctx, reference, options...)
}

// Deprecated: PlaceManifest is the old name of EndpointManifest.
//
//go:fix inline
func (c *Client) PlaceManifest(ctx context.Context, place string, options ...Option) (*PlaceManifest, error) {
	return c.EndpointManifest(ctx, place, options...)
}

// Deprecated: ListPlace is the old name of EndpointList.
//
//go:fix inline
func (c *Client) ListPlace(ctx context.Context, place string, options ...Option) (*PlaceList, error) {
	return c.EndpointList(ctx, place, options...)
}

// Deprecated: PlaceReferrers is the old name of EndpointReferrers.
//
//go:fix inline
func (c *Client) PlaceReferrers(ctx context.Context, place string, options ...Option) (*PlaceReferrers, error) {
	return c.EndpointReferrers(ctx, place, options...)
}

// Deprecated: DownloadBlob is the old name of BlobOpen.
//
//go:fix inline
func (c *Client) DownloadBlob(ctx context.Context, reference string, options ...Option) (*BlobReader, error) {
	return c.BlobOpen(ctx, reference, options...)
}

// Deprecated: ParseReference is the old name of ReferenceParse.
//
//go:fix inline
func ParseReference(name string, options ...Option) (*Reference, error) {
	return ReferenceParse(name, options...)
}

// Deprecated: ParseRegistry is the old name of IndexParse.
//
//go:fix inline
func ParseRegistry(name string) (*RegistryName, error) {
	return IndexParse(name)
}

// Deprecated: ParsePlace is the old name of EndpointParse.
//
//go:fix inline
func ParsePlace(name string) (*Place, error) {
	return EndpointParse(name)
}

// Deprecated: Ping is the old name of RegistryPing.
//
//go:fix inline
func (c *Client) Ping(ctx context.Context, registry string, options ...Option) (*Ping, error) {
	return c.RegistryPing(ctx, registry, options...)
}

// Deprecated: Detect is the old name of RegistryDetect.
//
//go:fix inline
func (c *Client) Detect(ctx context.Context, registry string, options ...Option) (*Detected, error) {
	return c.RegistryDetect(ctx, registry, options...)
}

// Deprecated: RemoveRepository is the old name of RepositoryRemove.
//
//go:fix inline
func (c *Client) RemoveRepository(ctx context.Context, repository string, options ...Option) (*RepositoryRemove, error) {
	return c.RepositoryRemove(ctx, repository, options...)
}

// Deprecated: VerifySchema1 is the old name of Schema1Verify.
//
//go:fix inline
func VerifySchema1(data []byte, options ...Option) (*Schema1, error) {
	return Schema1Verify(data, options...)
}

// Deprecated: SignSchema1 is the old name of Schema1Sign.
//
//go:fix inline
func SignSchema1(data []byte, key string, options ...Option) ([]byte, error) {
	return Schema1Sign(data, key, options...)
}

// Deprecated: NewSchema1Key is the old name of Schema1Key.
//
//go:fix inline
func NewSchema1Key(options ...Option) (string, error) {
	return Schema1Key(options...)
}

// Deprecated: StartSession is the old name of UploadSessionStart.
//
//go:fix inline
func (c *Client) StartSession(ctx context.Context, repository string, options ...Option) (*Session, error) {
	return c.UploadSessionStart(ctx, repository, options...)
}

// Deprecated: SessionStatus is the old name of UploadSessionStatus.
//
//go:fix inline
func (c *Client) SessionStatus(ctx context.Context, session *Session, options ...Option) (*Session, error) {
	return c.UploadSessionStatus(ctx, session, options...)
}

// Deprecated: SessionChunk is the old name of UploadSessionChunk.
//
//go:fix inline
func (c *Client) SessionChunk(ctx context.Context, session *Session, data []byte, options ...Option) (*Session, error) {
	return c.UploadSessionChunk(ctx, session, data, options...)
}

// Deprecated: FinishSession is the old name of UploadSessionFinish.
//
//go:fix inline
func (c *Client) FinishSession(ctx context.Context, session *Session, digest string, last []byte, options ...Option) (*BlobPut, error) {
	return c.UploadSessionFinish(ctx, session, digest, last, options...)
}

// Deprecated: CancelSession is the old name of UploadSessionCancel.
//
//go:fix inline
func (c *Client) CancelSession(ctx context.Context, session *Session, options ...Option) error {
	return c.UploadSessionCancel(ctx, session, options...)
}

// Deprecated: DeleteTag is the old name of TagDelete.
//
//go:fix inline
func (c *Client) DeleteTag(ctx context.Context, reference string, options ...Option) (*TagDelete, error) {
	return c.TagDelete(ctx, reference, options...)
}

// Deprecated: StartUpload is the old name of UploadStart.
//
//go:fix inline
func (c *Client) StartUpload(ctx context.Context, repository string, options ...Option) (*Upload, error) {
	return c.UploadStart(ctx, repository, options...)
}

// Deprecated: V1DownloadLayer is the old name of V1LayerOpen.
//
//go:fix inline
func (c *Client) V1DownloadLayer(ctx context.Context, repository, id string, options ...Option) (*BlobReader, error) {
	return c.V1LayerOpen(ctx, repository, id, options...)
}

// Deprecated: BlobToPath is the old name of BlobGetFile.
//
//go:fix inline
func (c *Client) BlobToPath(ctx context.Context, reference, path string, options ...Option) (*BlobGet, error) {
	return c.BlobGetFile(ctx, reference, path, options...)
}

// Deprecated: BlobToFile is the old name of BlobGetTo.
//
//go:fix inline
func (c *Client) BlobToFile(ctx context.Context, reference string, file *os.File, options ...Option) (*BlobGet, error) {
	return c.BlobGetTo(ctx, reference, file, options...)
}

// Deprecated: V1LayerToPath is the old name of V1LayerFile.
//
//go:fix inline
func (c *Client) V1LayerToPath(ctx context.Context, repository, id, path string, options ...Option) (*V1Layer, error) {
	return c.V1LayerFile(ctx, repository, id, path, options...)
}

// Deprecated: V1LayerToFile is the old name of V1LayerTo.
//
//go:fix inline
func (c *Client) V1LayerToFile(ctx context.Context, repository, id string, file *os.File, options ...Option) (*V1Layer, error) {
	return c.V1LayerTo(ctx, repository, id, file, options...)
}

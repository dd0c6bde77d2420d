package ocireg

import "time"

// WithProgress reports the progress of a transfer, on the goroutine of the call, while it runs.
func WithProgress(tell func(Progress)) Option {
	return callOption(func(s *settings) { s.progress = tell })
}

// WithBlobProgress reports the progress of each blob of a copy, on the goroutine of the call. For Copy and other calls
// that copy, such as ImageAppend and ImageTag.
func WithBlobProgress(tell func(BlobProgress)) Option {
	return callOption(func(s *settings) { s.blobs = tell })
}

// WithWarnings collects the warnings that servers sent during the call.
func WithWarnings(into *[]Warning) Option {
	return callOption(func(s *settings) { s.warnings = into })
}

// WithDefaultRegistry is the registry of names without one, instead of Docker Hub. For ReferenceParse.
func WithDefaultRegistry(name string) Option { return callOption(set("default_index", name)) }

// WithAlgorithm is the algorithm of the digest: "sha256", the default, or "sha512". For DigestBytes.
func WithAlgorithm(name string) Option { return callOption(set("algorithm", name)) }

// WithDigestAlgorithm is the algorithm of the digest that the blob will have, "sha256" by default. For UploadSessionStart.
func WithDigestAlgorithm(name string) Option { return callOption(set("digest_algorithm", name)) }

// WithMediaType declares the media type of the bytes. For ManifestInspect, ManifestPut and ImageAppend (of the new
// layers).
func WithMediaType(name string) Option { return callOption(set("media_type", name)) }

// WithAllowMissing puts a manifest into a layout, an archive or a dir: though what it names is not there; a registry decides that itself. For
// ManifestPut.
func WithAllowMissing() Option { return callOption(set("allow_missing", true)) }

// WithProtocol asks only for one version of the protocol, 2 or 1. For RegistryPing.
func WithProtocol(version int) Option { return callOption(set("version", version)) }

// WithPageSize is how many entries a page has, 1 to 1000. For Tags, Repositories (100 by default), RepositoryTags and
// RegistryCatalog (which then return one page, or with WithAll all pages) and V1Search.
func WithPageSize(n int) Option { return callOption(set("n", n)) }

// WithNext continues where the page with this Next ended; WithLast is then ignored. For Tags, Repositories, RepositoryTags,
// RegistryCatalog and ReferrerList.
func WithNext(next string) Option { return callOption(set("next", next)) }

// WithLast starts after this name, where the registry supports it. For Tags, Repositories, RepositoryTags and RegistryCatalog.
func WithLast(name string) Option { return callOption(set("last", name)) }

// WithDigests also looks up each tag's digest, one request per tag. For RepositoryTags.
func WithDigests() Option { return callOption(set("digests", true)) }

// WithoutDigestTags leaves out tags that are made of a digest, those of referrers and signatures. For Tags and RepositoryTags.
func WithoutDigestTags() Option { return callOption(set("digest_tags", false)) }

// WithSearch lists only names that contain the text. For Repositories and RegistryCatalog.
func WithSearch(text string) Option { return callOption(set("search", text)) }

// WithRegex lists only names that the expression matches somewhere; Rust's regex syntax. For Repositories and
// RegistryCatalog.
func WithRegex(pattern string) Option { return callOption(set("regex", pattern)) }

// WithPage is the number of the page, from 1. For V1Search.
func WithPage(number int) Option { return callOption(set("page", number)) }

// WithPlatform selects OS/ARCH[/VARIANT][:OS.VERSION] from an index. For ManifestGet, ManifestDigest and the calls for
// images.
func WithPlatform(platform string) Option { return callOption(set("platform", platform)) }

// WithPlatforms copies only these platforms of an index, each OS/ARCH[/VARIANT]. For Copy, IndexCreate and IndexAppend; for
// IndexRemove it takes away all entries for them.
func WithPlatforms(platforms ...string) Option { return callOption(add("platform", platforms)) }

// WithAccept lists the media types to accept, instead of all that are known. For ManifestGet, ManifestHead and
// ManifestDigest.
func WithAccept(mediaTypes ...string) Option { return callOption(add("accept", mediaTypes)) }

// WithMaxSchemaVersion of 1 asks for manifests of schema 1 only. For ManifestGet and ManifestDigest.
func WithMaxSchemaVersion(version int) Option {
	return callOption(set("max_schema_version", version))
}

// WithoutIndex does not accept an index. For ManifestGet and ManifestDigest.
func WithoutIndex() Option { return callOption(set("accept_index", false)) }

// WithTags also sets these tags, besides the reference's own; a name with neither tag nor digest does not stand for latest then. For
// ManifestPut. For IndexCreate and IndexAppend other tags that the index gets, or other names in its layout or archive.
func WithTags(tags ...string) Option { return callOption(add("tags", tags)) }

// WithoutReferrersTag leaves the referrers tag alone. For ManifestPut and ManifestDelete.
func WithoutReferrersTag() Option { return callOption(set("referrers_tag", false)) }

// WithArtifactType lists only referrers of this type. For Referrers and ReferrerList; for ArtifactPush, ArtifactAttach and IndexCreate
// it is what the artifact is.
func WithArtifactType(name string) Option { return callOption(set("artifact_type", name)) }

// WithAnnotations lists only referrers that have all of these, each "KEY" or "KEY=VALUE". For Referrers and ReferrerList; for
// ArtifactPush and ArtifactAttach they are the manifest's, for IndexCreate and IndexAppend the index's, "KEY=VALUE" each.
func WithAnnotations(wanted ...string) Option { return callOption(add("annotations", wanted)) }

// WithSubject is the place of what an artifact or an index is about, in the same repository or layout. For ArtifactPush, IndexCreate and
// IndexAppend.
func WithSubject(place string) Option { return callOption(set("subject", place)) }

// WithImageSpec is the version of the manifest, "v1.1", the default, or "v1.0". For ArtifactPush.
func WithImageSpec(version string) Option { return callOption(set("image_spec", version)) }

// WithTimes lets the tars of folders have the times of their files. For ArtifactPush and ArtifactAttach.
func WithTimes() Option { return callOption(set("times", true)) }

// WithTitles pulls only files with one of these titles, in which * is any text and ? any one character; without any it is an
// error, as with WithMediaTypes and WithPaths. For ArtifactPull.
func WithTitles(patterns ...string) Option { return callOption(add("titles", patterns)) }

// WithMediaTypes pulls only files of one of these media types, with * and ? too. For ArtifactPull.
func WithMediaTypes(patterns ...string) Option { return callOption(add("media_types", patterns)) }

// WithKeepOld leaves files that are there as they are. For ArtifactPull.
func WithKeepOld() Option { return callOption(set("keep_old", true)) }

// WithoutUnpacking leaves packed folders the files that they came as. For ArtifactPull.
func WithoutUnpacking() Option { return callOption(set("unpack", false)) }

// WithMax lists at most this many. For Referrers and ReferrerList.
func WithMax(count int) Option { return callOption(set("max", count)) }

// WithOtherTags also lists the other tags with the same digest. For TagDelete.
func WithOtherTags() Option { return callOption(set("list_others", true)) }

// WithReplace puts an empty index under the tag and deletes that, if the registry cannot delete a tag. For TagDelete; for IndexAppend
// images for a platform that has an entry take that one's place.
func WithReplace() Option { return callOption(set("replace", true)) }

// WithOffset starts at this byte: when reading a blob (a piece cannot be verified), or for the bytes of UploadSessionChunk.
func WithOffset(offset int64) Option { return callOption(set("offset", offset)) }

// WithLength gets only this many bytes of a blob, which cannot be verified.
func WithLength(length int64) Option { return callOption(set("length", length)) }

// WithSize is the blob's size, from its descriptor. For the calls that get or put one.
func WithSize(size int64) Option { return callOption(set("size", size)) }

// WithIfExists says what happens to a file that holds the blob already: "replace", the default, or "skip", which leaves it, with nothing
// requested. For BlobGetFile and V1LayerFile. For ManifestPut, Copy, ImageTag, ImageAppend and IndexCreate it is about a name that refers to a
// manifest already: "replace", the default, "skip", which leaves it, or "fail", an ErrDigestMismatch whose Error.Conflict says what it
// refers to.
func WithIfExists(what string) Option { return callOption(set("if_exists", what)) }

// WithIfDigest sets a name only if it refers to this manifest still; otherwise the call is an ErrDigestMismatch, whose Error.Conflict says
// what it refers to now, and nothing is written. For ManifestPut, Copy, ImageTag, ImageAppend and the calls
// for indexes.
func WithIfDigest(digest string) Option { return callOption(set("if_digest", digest)) }

// WithoutResume begins at the first byte, removes what an earlier call has left, and leaves nothing after a failure. For BlobGetFile and
// V1LayerFile.
func WithoutResume() Option { return callOption(set("resume", false)) }

// WithLimit is the most bytes to read into memory; 64 MiB by default. For BlobGetBytes and V1LayerBytes.
func WithLimit(size int64) Option { return callOption(set("limit", size)) }

// WithDigest is the digest that the bytes must have. For BlobPutFile and BlobPutBytes.
func WithDigest(digest string) Option { return callOption(set("digest", digest)) }

// WithChunkSize sends a blob in chunks of this many bytes. For BlobPutFrom, BlobPutFile, BlobPutBytes and UploadStart.
func WithChunkSize(size int64) Option { return callOption(set("chunk_size", size)) }

// WithSinglePost sends one POST instead of POST and PUT, where the registry supports it. For BlobPutFrom and its like.
func WithSinglePost() Option { return callOption(set("single_post", true)) }

// WithMountFrom names repositories of the same registry that may have the blob. For BlobPutFrom and its like.
func WithMountFrom(repositories ...string) Option { return callOption(add("mount_from", repositories)) }

// WithKeepSession returns the upload session that a declined mount leaves, instead of cancelling it. For BlobMount.
func WithKeepSession() Option { return callOption(set("keep_session", true)) }

// WithSparse keeps the index unchanged although only the platforms' manifests are copied. For Copy.
func WithSparse() Option { return callOption(set("sparse", true)) }

// WithPruneSparse also removes what only missing manifests may need. For LayoutClean.
func WithPruneSparse() Option { return callOption(set("prune_sparse", true)) }

// WithAll includes every image of an index. For Copy, ImageSize and ImageAppend; and for RepositoryTags and RegistryCatalog with WithPageSize: all
// pages of that size.
func WithAll() Option { return callOption(set("all", true)) }

// WithReferrers includes signatures, SBOMs and everything else that refers to the manifest. For Copy, ImageTag, ImageValidate,
// IndexCreate and IndexAppend.
func WithReferrers() Option { return callOption(set("referrers", true)) }

// WithQuick looks whether blobs are there, with the right size, and does not read them. For ImageValidate.
func WithQuick() Option { return callOption(set("quick", true)) }

// WithForeignLayers includes layers that are normally fetched from elsewhere. For Copy.
func WithForeignLayers() Option { return callOption(set("foreign_layers", true)) }

// WithConvertSchema1 converts a schema-1 manifest to an OCI image; otherwise it is copied unchanged. For Copy.
func WithConvertSchema1() Option { return callOption(set("convert_schema1", true)) }

// WithCompression is how uncompressed layers are compressed: "gzip", "zstd" or "none". Without it, gzip is used for those that go
// to a registry from a docker-archive or a file, and every other copy keeps its digests. For Copy and ImageAppend.
func WithCompression(name string) Option { return callOption(set("compression", name)) }

// WithCompressionLevel is 1 to 9 with gzip, 6 by default, and 1 with zstd. For Copy and ImageAppend.
func WithCompressionLevel(level int) Option { return callOption(set("compression_level", level)) }

// WithConcurrency is how many transfers run at once, 1 to 64; 4 by default. For Copy, ImageValidate, IndexCreate and IndexAppend.
func WithConcurrency(count int) Option { return callOption(set("concurrency", count)) }

// WithSourceFD is the descriptor that the - of a source docker-archive:- or oci-archive:- stands for, instead of standard input. It
// is read from where it stands and stays open. For Copy.
func WithSourceFD(fd uintptr) Option { return callOption(set("source_fd", int(fd))) }

// WithDestinationFD is the descriptor that the - of a destination docker-archive:- or oci-archive:- stands for, instead of standard
// output. For Copy.
func WithDestinationFD(fd uintptr) Option { return callOption(set("destination_fd", int(fd))) }

// WithDryRun only reports what would be done. For Copy, RepositoryRemove, Sync and SyncList; for IndexCreate, IndexAppend and
// IndexRemove also the bytes that would be put.
func WithDryRun() Option { return callOption(set("dry_run", true)) }

// WithKeys names keys that must all have signed, each a key ID or a public key as PEM text. For Schema1Verify.
func WithKeys(keys ...string) Option { return callOption(add("keys", keys)) }

// WithCAPEM contains certificate authorities as PEM text, one of which must have certified a signature. For Schema1Verify.
func WithCAPEM(pem string) Option { return callOption(set("ca_pem", pem)) }

// WithTime is the time at which the certificates must be valid, or the signing time; now by default. For Schema1Verify and Schema1Sign.
func WithTime(at time.Time) Option {
	return callOption(set("time", at.UTC().Format("2006-01-02T15:04:05Z")))
}

// WithChain contains certificates as PEM text, that of the key first. For Schema1Sign.
func WithChain(pem string) Option { return callOption(set("chain", pem)) }

// WithKeyFormat is "pkcs8", the default, or "sec1". For Schema1Key.
func WithKeyFormat(name string) Option { return callOption(set("format", name)) }

// WithoutStoring only checks the credentials. For Login.
func WithoutStoring() Option { return callOption(set("store", false)) }

// WithOfflineToken stores an identity token of the token server instead of the password. For Login.
func WithOfflineToken() Option { return callOption(set("offline_token", true)) }

// WithScope requests a token for these scopes, each TYPE:NAME:ACTION[,ACTION…] such as "repository:team/app:pull,push". For Login
// and, in addition to the repository's own, Token.
func WithScope(scopes ...string) Option { return callOption(add("scope", scopes)) }

// WithActions is what the token is for, instead of "pull": "pull", "push", "delete", "*" or what else the registry knows. For Token.
func WithActions(actions ...string) Option { return callOption(add("actions", actions)) }

// WithFresh gets a new token, whatever is in the cache. For Token, BlobLocate and ManifestLocate.
func WithFresh() Option { return callOption(set("fresh", true)) }

// WithMinValidity takes a token from the cache only if it is valid for longer than that. For Token, BlobLocate and
// ManifestLocate.
func WithMinValidity(least time.Duration) Option {
	return callOption(set("min_validity_ms", milliseconds(least)))
}

// WithRefused is the value of the Authorization header that the registry refused, or the token in it: it is dropped from the cache, which
// other tokens are not, and not returned again. For Token, BlobLocate and ManifestLocate.
func WithRefused(authorization string) Option { return callOption(set("refused", authorization)) }

// WithoutFollowing does not ask the registry: the result is its own URL, which may answer with a redirect. For BlobLocate and
// ManifestLocate.
func WithoutFollowing() Option { return callOption(set("follow", false)) }

// WithCheck also asks what a redirect leads to, so that it is known to answer, further redirects are followed, and a token that it requires
// is in its headers. For BlobLocate and ManifestLocate.
func WithCheck() Option { return callOption(set("check", true)) }

// WithFailed names the Endpoint of earlier Locations whose URLs did not serve: where there are mirrors, others come first for a minute. For
// BlobLocate and ManifestLocate.
func WithFailed(endpoints ...string) Option { return callOption(add("failed", endpoints)) }

// WithTokenReturned puts the token into the result. For Login.
func WithTokenReturned() Option { return callOption(set("return_token", true)) }

// WithEmail creates the account. For V1Login.
func WithEmail(address string) Option { return callOption(set("email", address)) }

// WithoutChecksum leaves the checksum to V1PutChecksum. For V1PutLayer and V1PutLayerFile.
func WithoutChecksum() Option { return callOption(set("finish", false)) }

// WithDestination is the place for the result, instead of the image's own name. For ImageAppend.
func WithDestination(place string) Option { return callOption(set("to", place)) }

// WithScratch appends the layers to a new empty image, instead of the named one. For ImageAppend.
func WithScratch() Option { return callOption(set("scratch", true)) }

// WithCreate makes the index when its name refers to nothing. For IndexAppend.
func WithCreate() Option { return callOption(set("create", true)) }

// WithEntryAnnotations gives each new entry of an index these, "KEY=VALUE" each, unless it attests something. For IndexCreate and
// IndexAppend.
func WithEntryAnnotations(pairs ...string) Option { return callOption(add("entry_annotations", pairs)) }

// WithPutAs puts the changed index under another tag, or another name in the layout or archive, whatever that refers to: its own name
// stays as it is. For IndexAppend.
func WithPutAs(name string) Option { return callOption(set("put_as", name)) }

// WithIndexType is "oci" or "docker", of the index itself: its entries stay what they are. For IndexCreate and IndexAppend.
func WithIndexType(name string) Option { return callOption(set("media_type", name)) }

// WithOverwrite extracts into a folder that is not empty. For ImageExtract.
func WithOverwrite() Option { return callOption(set("overwrite", true)) }

// WithOwner keeps the owners; only as root. For ImageExtract.
func WithOwner() Option { return callOption(set("owner", true)) }

// WithSetuid keeps set-user-ID and set-group-ID. For ImageExtract.
func WithSetuid() Option { return callOption(set("setuid", true)) }

// WithDevices also creates devices and pipes. For ImageExtract.
func WithDevices() Option { return callOption(set("devices", true)) }

// WithPaths takes only these paths of the image, or patterns of them: each with everything below it and the folders above it. For
// ImageExtract and ImageFiles.
func WithPaths(paths ...string) Option { return callOption(add("paths", paths)) }

// WithMaxBytes is the most bytes to unpack; 64 GiB by default. For ImageExtract, ImageExportTo, ImageFiles
// and ImageValidate.
func WithMaxBytes(size int64) Option { return callOption(set("max_bytes", size)) }

// WithMaxRatio is the most uncompressed bytes of a layer per compressed byte; 250 by default. For ImageExtract,
// ImageExportTo, ImageFiles and ImageValidate.
func WithMaxRatio(ratio int) Option { return callOption(set("max_ratio", ratio)) }

// WithoutVerifying stops reading after the file, before its layer's digest is known to be right. For ImageCat.
func WithoutVerifying() Option { return callOption(set("verify", false)) }

// WithTagGlobs takes only tags that are as one of these, with *, ? and [a-z]. For Sync and SyncList.
func WithTagGlobs(globs ...string) Option { return callOption(add("tags", globs)) }

// WithTagExpressions takes only tags in which one of these regular expressions finds something; Rust's regex syntax. For Sync and
// SyncList.
func WithTagExpressions(expressions ...string) Option {
	return callOption(add("tags_regex", expressions))
}

// WithVersions takes only tags that are versions in one of these ranges, such as ">=1.2 <2", "^1.2" and "1.2.x". For Sync and SyncList.
func WithVersions(ranges ...string) Option { return callOption(add("semver", ranges)) }

// WithoutTags takes no tags that are as one of these, with *, ? and [a-z]. For Sync and SyncList.
func WithoutTags(globs ...string) Option { return callOption(add("exclude", globs)) }

// WithNewest takes only the n tags of the highest versions, of those that are meant. For Sync and SyncList.
func WithNewest(n int) Option { return callOption(set("newest", n)) }

// WithNoClobber leaves tags that the destination has as they are. For Sync and SyncList.
func WithNoClobber() Option { return callOption(set("no_clobber", true)) }

// WithPrune takes those tags away at the destination that are meant and that the source does not have, if nothing failed. For Sync and
// SyncList.
func WithPrune() Option { return callOption(set("prune", true)) }

// WithMaxPrune takes no tags away if they were more than n, which is a failure. For Sync and SyncList, with WithPrune.
func WithMaxPrune(n int) Option { return callOption(set("max_prune", n)) }

// WithScoped keeps the registry, its port after _, and the path of the source's name below the destination. For Sync and SyncList.
func WithScoped() Option { return callOption(set("scoped", true)) }

// WithStopOnError ends the call at the first failure. For Sync and SyncList.
func WithStopOnError() Option { return callOption(set("stop_on_error", true)) }

// WithParallel is how many images are brought at once, 4 by default. For Sync and SyncList.
func WithParallel(n int) Option { return callOption(set("parallel", n)) }

// WithoutListCredentials sends none of the credentials that a list of skopeo's form has for its registries. For SyncList.
func WithoutListCredentials() Option { return callOption(set("list_credentials", false)) }

// WithListFormat is the form of the list: "lines", the default, or "skopeo". For SyncList.
func WithListFormat(form string) Option { return callOption(set("list_format", form)) }

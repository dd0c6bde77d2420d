"""The options of calls."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..context import Context
    from ..types import HasFileno, Path


class CallOptions(TypedDict, total=False):
    """What every call that uses the network takes."""

    # cancellation, time limit, progress and callbacks; without it those of the client
    context: Context | None
    # seconds that this call may take, besides what the context says
    timeout: float | None


class PingOptions(CallOptions, total=False):
    """The options of `ocireg_registry_ping`."""

    # the protocol version to ask for, 2 or 1; 0 asks for v2, and for v1 if /v2/ answers 404 (default: 0)
    version: int | None


class CatalogOptions(CallOptions, total=False):
    """The options of `ocireg_registry_catalog`."""

    # at most this many, also the page size requested, up to 1000
    n: int | None
    # all pages, each of `n` names
    all: bool | None
    # only repositories after this one
    last: str | None
    # go on where the page with this `next` ended; `last` does not count then
    next: str | None
    # only names that contain it
    search: str | None
    # only names that it matches somewhere; Rust's regex syntax
    regex: str | None


class TagsOptions(CallOptions, total=False):
    """The options of `ocireg_repository_tags`."""

    # at most this many, also the page size requested, up to 1000
    n: int | None
    # all pages, each of `n` tags
    all: bool | None
    # only tags after this one
    last: str | None
    # go on where the page with this `next` ended; `last` does not count then
    next: str | None
    # look up each tag's digest too, one request a tag
    digests: bool | None
    # false leaves out tags that are made of a digest: lists of referrers (sha256-HEX), and what cosign and others keep
    # beside them (sha256-HEX.sig)
    digest_tags: bool | None


class RemoveOptions(CallOptions, total=False):
    """The options of `ocireg_repository_remove`."""

    # only report what would be deleted
    dry_run: bool | None


class TagDeleteOptions(CallOptions, total=False):
    """The options of `ocireg_tag_delete`."""

    # find the other tags of the same digest, one HEAD a tag for the first 256
    list_others: bool | None
    # where the registry deletes no tag, put an empty index under it and delete that by its digest; for that moment the
    # tag names the empty index
    replace: bool | None


class ManifestOptions(CallOptions, total=False):
    """The options of `ocireg_manifest_get`."""

    # of an index, the manifest for this platform, OS/ARCH[/VARIANT][:OS.VERSION]
    platform: str | None
    # media types to ask for, instead of all that are known
    accept: Iterable[str] | None
    # 1 asks for schema 1 only (default: 2)
    max_schema_version: int | None
    # false: an index is not accepted (default: true)
    accept_index: bool | None


class ManifestHeadOptions(CallOptions, total=False):
    """The options of `ocireg_manifest_head`."""

    # media types to ask for, instead of all that are known
    accept: Iterable[str] | None


class ManifestPutOptions(CallOptions, total=False):
    """The options of `ocireg_manifest_put`."""

    # instead of the one in the bytes, which are checked against it
    media_type: str | None
    # tags to set besides the reference's own; a reference with neither tag nor digest does not stand for `latest` then
    tags: Iterable[str] | None
    # false leaves the referrers tag alone (default: true)
    referrers_tag: bool | None
    # into a layout, an archive or a dir:, where this is checked: put the manifest even if what it refers to is missing; a registry decides
    # that itself
    allow_missing: bool | None
    # "replace" (the default); "fail": a name that refers to a manifest already, even to this one, is DigestMismatch,
    # and nothing is written; "skip": it stays as it is, and the result says so
    if_exists: str | None
    # the name has to refer to this manifest still, else DigestMismatch, and nothing is written
    if_digest: str | None


class ManifestDeleteOptions(CallOptions, total=False):
    """The options of `ocireg_manifest_delete`."""

    # false leaves the referrers tag alone (default: true)
    referrers_tag: bool | None


class ReferrersOptions(CallOptions, total=False):
    """The options of `ocireg_referrers`."""

    # only those of this type; requested from the registry, and filtered here unless it says that it did
    artifact_type: str | None
    # "KEY" or "KEY=VALUE": only those that have all of them
    annotations: Iterable[str] | None
    # at most this many
    max: int | None
    # go on where the call with this `next` stopped, of the same digest and artifact_type
    next: str | None


class BlobOptions(CallOptions, total=False):
    """The options of `ocireg_blob_get_fd`."""

    # only a piece, which cannot be verified: from this byte on (default: 0)
    offset: int | None
    # only a piece, which cannot be verified: this many bytes; without it all that follow
    length: int | None
    # the blob's size from its descriptor
    size: int | None
    # only for reads into memory: the most bytes to read, 67108864 without it
    limit: int | None


class BlobSaveOptions(BlobOptions, total=False):
    """The options of `ocireg_blob_get_file`."""

    # "replace" (the default) or "skip": a regular file of this user or root that holds the blob already, by its
    # digest, and by its size if that is given, stays as it is, and nothing is requested for it
    if_exists: str | None
    # false: begin at the first byte, remove what an earlier call has left, and leave nothing after a failure (default: true)
    resume: bool | None


class LayerOptions(CallOptions, total=False):
    """The options of `ocireg_v1_layer_fd`: of a piece, and the limit of reads into memory, as in BlobOptions."""

    offset: int | None
    length: int | None
    limit: int | None


class LayerSaveOptions(LayerOptions, total=False):
    """The options of `ocireg_v1_layer_file`, as in BlobSaveOptions."""

    if_exists: str | None
    resume: bool | None


class BlobPutOptions(CallOptions, total=False):
    """The options of `ocireg_blob_put_file`."""

    # the digest that the bytes must have; without it sha256 is computed
    digest: str | None
    # the size that it must have
    size: int | None
    # send it in chunks of this many bytes, each kept in memory; a stream whose size or digest is not given goes in chunks
    # of 4194304 without it
    chunk_size: int | None
    # one POST instead of POST and PUT, where the registry can
    single_post: bool | None
    # repositories of the same registry that may have it: it is mounted from the first that has
    mount_from: Iterable[str] | None


class BlobCopyOptions(CallOptions, total=False):
    """The options of `ocireg_blob_copy`."""

    # the blob's size from its descriptor; without it the source is asked for that
    size: int | None


class MountOptions(CallOptions, total=False):
    """The options of `ocireg_blob_mount`."""

    # a declined mount leaves an upload session open, which is cancelled; true: returns it
    keep_session: bool | None


class UploadOptions(CallOptions, total=False):
    """The options of `ocireg_upload_start`."""

    # bytes in one request, kept in memory until the registry has them; a registry's OCI-Chunk-Min-Length makes it larger
    # (default: 4194304)
    chunk_size: int | None


class SessionOptions(CallOptions, total=False):
    """The options of `ocireg_upload_session_start`."""

    # of the digest that the blob will have, sha256 without it; other algorithms are announced to newer registries
    digest_algorithm: str | None


class ChunkOptions(CallOptions, total=False):
    """The options of `ocireg_upload_session_chunk`."""

    # where the bytes start in the blob; without it at the session's offset
    offset: int | None


class CopyOptions(CallOptions, total=False):
    """The options of `ocireg_copy`."""

    # OS/ARCH[/VARIANT] each: of an index, only these. One gives that image alone, several give an index that holds only them and
    # their attestations. An image that is not in an index must be for them
    platform: Iterable[str] | None
    # says explicitly that an index is copied whole, as it is by default; a docker-archive takes the host's platform by
    # default, and refuses all
    all: bool | None
    # with platform, keep the index unchanged, even though only these manifests are there
    sparse: bool | None
    # also signatures, SBOMs and whatever else names the copied manifests as its subject, and what cosign keeps under tags
    # made of their digests, sha256-HEX.sig, .att and .sbom, which it keeps: in a layout as names
    referrers: bool | None
    # also layers that are meant to be fetched from elsewhere
    foreign_layers: bool | None
    # make an OCI image of a schema-1 manifest, which is copied unchanged otherwise; its signatures are verified first,
    # and are not part of the image; those in an index are left alone
    convert_schema1: bool | None
    # "gzip", "zstd" or "none": for layers that are plain tars. Without it gzip for those that come from a docker-archive and go
    # to a registry, as docker and other tools do it, else none, so that any other copy keeps its digests
    compression: str | None
    # 1 to 9 with gzip, 6 without it; 1 with zstd
    compression_level: int | None
    # 1 to 64: transfers at once (default: 4)
    concurrency: int | None
    # only say what would be done; the counts are those of the plan, nothing is made at the destination and no lock is
    # waited for
    dry_run: bool | None
    # the descriptor that the `-` of a source docker-archive:- or oci-archive:- stands for, instead of standard input: a file, a
    # pipe or a socket, read from its current position. It stays open, and its position afterwards is not specified
    source_fd: int | HasFileno | None
    # the descriptor that the `-` of a destination docker-archive:- or oci-archive:- stands for, instead of standard
    # output; it stays open, at the end of what was written
    destination_fd: int | HasFileno | None
    # "replace" (the default); "fail": a name that refers to a manifest already, even to this one, is DigestMismatch,
    # and nothing is written; "skip": it stays as it is, and the result says so
    if_exists: str | None
    # the name has to refer to this manifest still, else DigestMismatch, and nothing is written
    if_digest: str | None


class PlatformOptions(CallOptions, total=False):
    """The options of `ocireg_image_config`."""

    # of an index, the image for this platform, OS/ARCH[/VARIANT][:OS.VERSION], instead of this machine's; an image that
    # is in no index is taken as it is
    platform: str | None


class SyncOptions(CallOptions, total=False):
    """The options of `ocireg_sync`."""

    # OS/ARCH[/VARIANT] each: of an index, only these, as in `copy`
    platform: Iterable[str] | None
    # also signatures, SBOMs and whatever else refers to the images, as in `copy`; then what is there is looked through too
    referrers: bool | None
    # also layers that are meant to be fetched from elsewhere
    foreign_layers: bool | None
    # tags that the destination has stay as they are
    no_clobber: bool | None
    # at the end, and only if nothing failed, remove the destination's tags that tags, tags_regex, semver and exclude select and
    # that the source does not have; also those that are no longer among the newest. Manifests stay, and if no tag of the source is
    # selected, nothing is removed
    prune: bool | None
    # with prune: if more tags than this would be removed, none is, and that is a failure, which says how many
    max_prune: int | None
    # where a name is put below a registry or a path, the source's registry and path are part of it, its port after _, not only its
    # last word
    scoped: bool | None
    # the first failure ends the call, and is its error
    stop_on_error: bool | None
    # only say what would be done: nothing is changed
    dry_run: bool | None
    # 1 to 64: images at once; what a host takes at once is its own limit (default: 4)
    parallel: int | None
    # 1 to 64: transfers at once for each image (default: 4)
    concurrency: int | None
    # globs, with *, ? and [a-z]: only tags that are as one of them
    tags: Iterable[str] | None
    # regular expressions: only tags in which one of them finds something, ^ and $ being the ends of the tag
    tags_regex: Iterable[str] | None
    # ranges such as ">=1.2 <2", "^1.2", "~1.2.3", "1.2.x", "1.2 - 1.4" and "1.2 || 1.4": only tags that are versions in one
    # of them; v1.2.3 and 1.2 are versions, and 1.2.3-alpine comes before 1.2.3, as a pre-release
    semver: Iterable[str] | None
    # globs: none of these
    exclude: Iterable[str] | None
    # of the tags that are left, only so many: those of the highest versions, and after them what is not a version, the
    # highest by its name first
    newest: int | None


class SyncListOptions(SyncOptions, total=False):
    """The options of `ocireg_sync_list`."""

    # "lines", which it is by default: SOURCE [DESTINATION] a line, and comments from # on; "skopeo": the YAML of skopeo sync
    list_format: str | None
    # whether the credentials are sent that a list of skopeo's form has for its registries (True)
    list_credentials: bool | None


class SizeOptions(CallOptions, total=False):
    """The options of `ocireg_image_size`."""

    # of an index, the image for this platform, OS/ARCH[/VARIANT][:OS.VERSION], instead of this machine's
    platform: str | None
    # every image of an index
    all: bool | None


class ValidateOptions(CallOptions, total=False):
    """The options of `ocireg_image_validate`."""

    # of an index, only the image for this platform, OS/ARCH[/VARIANT][:OS.VERSION]
    platform: str | None
    # blobs are not read, configs excepted: only whether they are there, with the right size
    quick: bool | None
    # also what refers to each manifest, and what refers to that
    referrers: bool | None
    # how many blobs are looked at at the same time, 1 to 64
    concurrency: int | None
    # the most bytes that a layer may unpack to
    max_bytes: int | None
    # the most bytes of a layer for each packed one, from the first GiB on
    max_ratio: int | None


class ImageTagOptions(CallOptions, total=False):
    """The options of `ocireg_image_tag`."""

    # into another repository, also signatures, SBOMs and whatever else names it as its subject
    referrers: bool | None
    # "replace" (the default); "fail": a name that refers to a manifest already, even to this one, is DigestMismatch,
    # and nothing is written; "skip": it stays as it is, and the result says so
    if_exists: str | None
    # the name has to refer to this manifest still, else DigestMismatch, and nothing is written
    if_digest: str | None


class AppendOptions(CallOptions, total=False):
    """The options of `ocireg_image_append`."""

    # the place for the result; without it the image's own name gets it, which then needs a tag
    to: str | None
    # of an index, the image for this platform, instead of this machine's: the result is that image alone
    platform: str | None
    # every image of an index, and a new index of them, without attestations
    all: bool | None
    # on a new image without layers, an OCI one for the platform, instead of what `image` names, which need not be there
    scratch: bool | None
    # of the new layers, instead of what they and the manifest are; the files stay as they are then, unless compression
    # says otherwise
    media_type: str | None
    # "gzip", "zstd" or "none": for layers that are plain tars; without it gzip when the result goes to a registry, else
    # none; also for those of an image in a docker-archive
    compression: str | None
    # 1 to 9 with gzip, 6 without it; 1 with zstd
    compression_level: int | None
    # "replace" (the default); "fail": a name that refers to a manifest already, even to this one, is DigestMismatch,
    # and nothing is written; "skip": it stays as it is, and the result says so
    if_exists: str | None
    # the name has to refer to this manifest still, else DigestMismatch, and nothing is written
    if_digest: str | None


class PartOptions(TypedDict, total=False):
    """The options of `ocireg_artifact_add_file`, `ocireg_artifact_add_memory` and `ocireg_artifact_add_stream`."""

    # the name under which it is pulled (org.opencontainers.image.title): relative, without "..", and different from those of the
    # others. Without it a file or folder gets its path, or the last part of a path that is absolute or leads upwards
    title: str | None
    # application/vnd.oci.image.layer.v1.tar without it, of a folder application/vnd.oci.image.layer.v1.tar+gzip and of a config
    # application/vnd.unknown.config.v1+json, as oras has it
    media_type: str | None
    # KEY=VALUE each, of its descriptor
    annotations: Iterable[str] | None
    # it is the artifact's config, of which there is one at most, and has no title
    config: bool | None
    # of a stream: the folder for bytes that have to wait on the disk; without it /var/tmp, or /tmp where there is none
    temporary_dir: str | None
    # of a stream: the most that may wait there
    max_temporary_bytes: int | None


class ArtifactAttachOptions(CallOptions, total=False):
    """The options of `ocireg_artifact_attach`."""

    # of an index, the image for this platform, OS/ARCH[/VARIANT][:OS.VERSION], instead of the index itself
    platform: str | None
    # what it is, a media type; without it application/vnd.unknown.artifact.v1, or what its config is
    artifact_type: str | None
    # KEY=VALUE each, of the manifest; org.opencontainers.image.created is there only when it is given here
    annotations: Iterable[str] | None
    # the tars of folders have the times of their files; without it the same files give the same bytes whenever they were made
    times: bool | None
    # 1 to 64: transfers at once
    concurrency: int | None


class ArtifactPullOptions(CallOptions, total=False):
    """The options of `ocireg_artifact_pull`."""

    # of an index, the image for this platform, OS/ARCH[/VARIANT][:OS.VERSION], instead of this machine's
    platform: str | None
    # only files with one of these titles, in which * is any text and ? any one character; none is NotFound
    titles: Iterable[str] | None
    # only files of one of these media types, with * and ? too
    media_types: Iterable[str] | None
    # files that are there are left as they are; without it they are replaced
    keep_old: bool | None
    # False: packed folders stay the files that they came as
    unpack: bool | None
    # the most bytes to unpack
    max_bytes: int | None
    # the most bytes of a folder for each packed one, from the first GiB on
    max_ratio: int | None
    # 1 to 64: transfers at once
    concurrency: int | None


class ArtifactPushOptions(CallOptions, total=False):
    """The options of `ocireg_artifact_push`."""

    # "v1.1", which it is by default, or "v1.0": for registries that refuse an artifactType; that is the type of the config then
    image_spec: str | None
    # the place of what it is about, in the same repository or layout, or its digest alone
    subject: str | None
    # what it is, a media type; without it application/vnd.unknown.artifact.v1, or what its config is
    artifact_type: str | None
    # KEY=VALUE each, of the manifest; org.opencontainers.image.created is there only when it is given here
    annotations: Iterable[str] | None
    # the tars of folders have the times of their files; without it the same files give the same bytes whenever they were made
    times: bool | None
    # 1 to 64: transfers at once
    concurrency: int | None
    # "replace" (the default); "fail": a name that refers to a manifest already, even to this one, is DigestMismatch,
    # and nothing is written; "skip": it stays as it is, and the result says so
    if_exists: str | None
    # the name has to refer to this manifest still, else DigestMismatch, and nothing is written
    if_digest: str | None


class IndexCreateOptions(CallOptions, total=False):
    """The options of `ocireg_index_create`."""

    # KEY=VALUE each, of the index; org.opencontainers.image.created is there only when it is given here
    annotations: Iterable[str] | None
    # what the index is, a media type, if it does not list images
    artifact_type: str | None
    # the place of what it is about, in the same repository or layout, or its digest alone
    subject: str | None
    # OS/ARCH[/VARIANT][:OS.VERSION] each: of references that are indexes only these, as `copy` chooses them, with what
    # attests something about them; an image that is in no index has to be for one of them, and each has to be found
    platform: Iterable[str] | None
    # "oci" or "docker": of the index itself, its entries stay what they are; a Docker list can hold Docker's images only
    media_type: str | None
    # KEY=VALUE each, of each new entry that attests nothing
    entry_annotations: Iterable[str] | None
    # also signatures, SBOMs and whatever else names what is put in as its subject, as in `copy`
    referrers: bool | None
    # other tags that the index gets, or other names in its layout or archive
    tags: Iterable[str] | None
    # only say what would be written: nothing is changed, and the result has the index's bytes
    dry_run: bool | None
    # 1 to 64: transfers at once
    concurrency: int | None
    # "replace" (the default); "fail": a name that refers to a manifest already, even to this one, is DigestMismatch,
    # and nothing is written; "skip": it stays as it is, and the result says so
    if_exists: str | None
    # the name has to refer to this manifest still, else DigestMismatch, and nothing is written
    if_digest: str | None


class IndexAppendOptions(CallOptions, total=False):
    """The options of `ocireg_index_append`."""

    # images for a platform that the index has an entry for take that one's place, with what attests something about it;
    # without it both are there, as other tools have it
    replace: bool | None
    # KEY=VALUE each, of the index, over those that it has
    annotations: Iterable[str] | None
    # the place of what it is about, in the same repository or layout, or its digest alone (default: what it is about already)
    subject: str | None
    # another tag, or name in the layout or archive, which the changed index gets, whatever that refers to: the place's own name
    # stays as it is
    put_as: str | None
    # make the index when its name refers to nothing
    create: bool | None
    # the name has to refer to this index, else DigestMismatch, and nothing is written
    if_digest: str | None
    # OS/ARCH[/VARIANT][:OS.VERSION] each: of references that are indexes only these, as `copy` chooses them, with what
    # attests something about them; an image that is in no index has to be for one of them, and each has to be found
    platform: Iterable[str] | None
    # "oci" or "docker": of the index itself, its entries stay what they are; a Docker list can hold Docker's images only
    media_type: str | None
    # KEY=VALUE each, of each new entry that attests nothing
    entry_annotations: Iterable[str] | None
    # also signatures, SBOMs and whatever else names what is put in as its subject, as in `copy`
    referrers: bool | None
    # other tags that the index gets, or other names in its layout or archive
    tags: Iterable[str] | None
    # only say what would be written: nothing is changed, and the result has the index's bytes
    dry_run: bool | None
    # 1 to 64: transfers at once
    concurrency: int | None


class IndexRemoveOptions(CallOptions, total=False):
    """The options of `ocireg_index_remove`."""

    # OS/ARCH[/VARIANT][:OS.VERSION] each: all entries for it, of any os.version if none is given; unknown/unknown are all
    # attestations
    platform: Iterable[str] | None
    # the name has to refer to this index, else DigestMismatch, and nothing is written
    if_digest: str | None
    # only say what would be written: nothing is changed, and the result has the index's bytes
    dry_run: bool | None


class ExtractOptions(CallOptions, total=False):
    """The options of `ocireg_image_extract`."""

    # of an index, the image for this platform, OS/ARCH[/VARIANT][:OS.VERSION], instead of this machine's
    platform: str | None
    # into a folder that is not empty, in the place of what is there
    overwrite: bool | None
    # keep the owners of files, as root only
    owner: bool | None
    # keep set-user-ID and set-group-ID
    setuid: bool | None
    # make devices and pipes too
    devices: bool | None
    # the most bytes to unpack (default: 68719476736)
    max_bytes: int | None
    # the most bytes of a layer for each packed one, from the first GiB on (default: 250)
    max_ratio: int | None
    # only these paths of the image, each with everything below it and the folders above it. In patterns `*` is any part of a
    # name, `?` one byte, `[a-z]` one of several, `**` any number of names, and after a backslash each stands for itself
    paths: Iterable[str] | None


class ExportOptions(CallOptions, total=False):
    """The options of `ocireg_image_export_file` and `ocireg_image_export_fd`."""

    # of an index, the image for this platform, OS/ARCH[/VARIANT][:OS.VERSION], instead of this machine's
    platform: str | None
    # the most bytes to unpack (default: 68719476736)
    max_bytes: int | None
    # the most bytes of a layer for each packed one, from the first GiB on (default: 250)
    max_ratio: int | None


class FilesOptions(CallOptions, total=False):
    """The options of `ocireg_image_files`."""

    # of an index, the image for this platform, OS/ARCH[/VARIANT][:OS.VERSION], instead of this machine's
    platform: str | None
    # the most bytes to unpack (default: 68719476736)
    max_bytes: int | None
    # the most bytes of a layer for each packed one, from the first GiB on (default: 250)
    max_ratio: int | None
    # only these paths of the image, each with everything below it and the folders above it, or patterns of them, as in
    # ocireg_image_extract
    paths: Iterable[str] | None


class CatOptions(CallOptions, total=False):
    """The options of `ocireg_image_cat`."""

    # of an index, the image for this platform, OS/ARCH[/VARIANT][:OS.VERSION], instead of this machine's
    platform: str | None
    # read the layer that has the file to its end, so that its digest is known to be right; without it, reading ends with
    # the file (default: true)
    verify: bool | None


class PlaceReferrersOptions(CallOptions, total=False):
    """The options of `ocireg_endpoint_referrers`."""

    # only those of this type
    artifact_type: str | None


class CleanOptions(CallOptions, total=False):
    """The options of `ocireg_layout_clean`."""

    # also remove blobs that only a missing manifest may need, or an entry that cannot be read
    prune_sparse: bool | None


class VerifyOptions(TypedDict, total=False):
    """The options of `ocireg_schema1_verify`."""

    # keys that must all have signed, each an id such as "LJ5H:RTFE:..." or a public key as PEM text
    keys: Iterable[str] | None
    # certificate authorities as PEM text, one of which must stand behind at least one signature
    ca_pem: str | None
    # a PEM file of certificate authorities, likewise
    ca_file: Path | None
    # when the certificates must be valid, such as "2015-04-08T18:52:59Z"; without it now
    time: str | None


class SignOptions(TypedDict, total=False):
    """The options of `ocireg_schema1_sign`."""

    # certificates as PEM text, that of the key first; they go into the header instead of the key
    chain: str | None
    # when it was signed, such as "2015-04-08T18:52:59Z"; without it now
    time: str | None


class LoginOptions(CallOptions, total=False):
    """The options of `ocireg_login`."""

    # with password; or with identity_token, if known
    username: str | None
    # with username
    password: str | None
    # a refresh token for the token server, instead of a password
    identity_token: str | None
    # keep them (default: true)
    store: bool | None
    # ask the token server for an identity token, and store that instead of the password; not all servers issue one
    offline_token: bool | None
    # the scopes of the token, each TYPE:NAME:ACTION[,ACTION...] such as "repository:team/app:pull,push"; where Basic is
    # used it means nothing
    scope: str | Iterable[str] | None
    # the result has the token
    return_token: bool | None
    # keep them in this file
    credentials_file: Path | None
    # keep them in the config.json of this folder
    docker_config: Path | None


class LogoutOptions(CallOptions, total=False):
    """The options of `ocireg_logout`."""

    # remove them from this file, and nowhere else
    credentials_file: Path | None
    # remove them from the config.json of this folder, and nowhere else
    docker_config: Path | None


class TokenOptions(CallOptions, total=False):
    """The options of `ocireg_token`."""

    # what it is for, instead of "pull": "pull", "push", "delete", "*" or what else the registry knows; several with commas
    # between them too
    actions: str | Iterable[str] | None
    # more that the same token is for, each TYPE:NAME:ACTION[,ACTION...] such as "repository:team/base:pull", which a mount
    # from there needs
    scope: str | Iterable[str] | None
    # a new token, whatever is in the cache
    fresh: bool | None
    # of the cached ones only one that is valid for longer than that; a new one may end sooner all the same (default: 0)
    min_validity_ms: int | None
    # the value of the Authorization header that the registry refused, or the token in it: it is dropped from the cache, which
    # other tokens are not, and not returned again
    refused: str | None


class LocateOptions(CallOptions, total=False):
    """The options of `ocireg_blob_locate` and `ocireg_manifest_locate`."""

    # false: the registry is not asked; its own URL only, which may answer with a redirect (default: true)
    follow: bool | None
    # what a redirect leads to is asked as well, so that it is known to answer, further redirects are followed, and a token
    # that it requires is in its headers
    check: bool | None
    # where there are mirrors: "endpoint" of earlier results whose URLs did not serve; they are passed over for a minute, as
    # those that fail this client itself
    failed: str | Iterable[str] | None
    # a new token, whatever is in the cache
    fresh: bool | None
    # of the cached ones only one that is valid for longer than that; a new one may end sooner all the same (default: 0)
    min_validity_ms: int | None
    # the value of the Authorization header that the registry refused, or the token in it: it is dropped from the cache, which
    # other tokens are not, and not returned again
    refused: str | None


class SearchOptions(CallOptions, total=False):
    """The options of `ocireg_v1_search`."""

    # how many a page has, for indexes that have pages
    n: int | None
    # which page, from 1
    page: int | None


class V1LoginOptions(CallOptions, total=False):
    """The options of `ocireg_v1_login`."""

    # with password; the host's when neither is given
    username: str | None
    # with username
    password: str | None
    # make the account
    email: str | None


class V1PutLayerOptions(CallOptions, total=False):
    """The options of `ocireg_v1_put_layer`."""

    # put the checksum (default: true)
    finish: bool | None

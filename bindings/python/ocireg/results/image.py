"""What copies, images and layouts return."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypedDict

if TYPE_CHECKING:
    from typing_extensions import NotRequired

    from .registry import Descriptor, ErrorDetails, Platform


class BlobProgress(TypedDict):
    """How one blob of a copy fares."""

    state: str  # What happened.
    digest: str  # Which blob.
    size: int  # Its bytes.
    done: int  # Those that are there.


class CopyManifests(TypedDict):
    """The manifests and indexes."""

    total: int  # All.
    copied: int  # Put.
    skipped: int  # There already.
    referrers: int  # What refers to them.


class CopyBlobs(TypedDict):
    """The configs and layers."""

    total: int  # All.
    copied: int  # Moved.
    mounted: int  # Mounted.
    skipped: int  # There already.
    bytes: int  # The bytes of all.
    bytes_copied: int  # The bytes that this call moved.
    bytes_resumed: int  # The bytes that earlier calls had left.


class CopyPlan(TypedDict):
    """What a dry run would do."""

    manifests: list[Descriptor]  # The manifests that the destination lacks.
    blobs: list[Descriptor]  # The blobs that it lacks.


class CopyResult(TypedDict):
    """What was copied."""

    source: str  # From where.
    destination: str  # To where.
    digest: str  # Of what.
    mediaType: str  # Its media type.
    manifests: CopyManifests  # The manifests and indexes.
    blobs: CopyBlobs  # The configs and layers.
    served_by: list[str]  # The endpoints that sent it: the registry, its mirrors, or several of them.
    skipped: list[str]  # The names that were left as they are, because they refer to something.
    condition: str | None  # What made sure that the name could be set.
    plan: NotRequired[CopyPlan]  # What a dry run would do.


class SyncTags(TypedDict):
    """How many tags."""

    selected: int  # Those of the source that were meant.
    copied: int  # Those that were brought.
    skipped: int  # Those that the destination had.
    pruned: int  # Those that were taken away there.
    failed: int  # What was not brought, taken away or listed.


class SyncedImage(TypedDict):
    """An image."""

    source: str | None  # Its name at the source.
    destination: str  # Its name at the destination.
    state: str  # What became of it.
    digest: str | None  # What was brought, or is there.
    bytes: int  # The bytes of its blobs.
    bytes_copied: int  # Those of them that were moved.
    error: ErrorDetails | None  # Why it was not brought.


class SyncResult(TypedDict):
    """What was synced."""

    source: str | None  # From where.
    destination: str | None  # To where.
    dry_run: bool  # Whether nothing was to be changed.
    tags: SyncTags  # How many tags.
    blobs: CopyBlobs  # The configs and layers.
    images: list[SyncedImage]  # Those that were brought, taken away, or failed.
    images_left_out: int  # How many of them are not listed.
    error: ErrorDetails | None  # The first failure.
    served_by: list[str]  # The endpoints that sent it: the registry, its mirrors, or several of them.


class Place(TypedDict):
    """A place to copy from or to."""

    transport: str  # The kind of place.
    registry: str | None  # The registry host.
    reference: str | None  # The image's name.
    repository: str | None  # HOST/REPOSITORY.
    path: str | None  # The file or folder.
    name: str | None  # The image's name in it.


class AppendedImage(TypedDict):
    """AppendedImage."""

    digest: str  # The image's digest.
    config: str  # The digest of its config.
    platform: NotRequired[Platform]  # What the index says that it runs on.


class AppendedLayer(TypedDict):
    """AppendedLayer."""

    digest: str  # The layer's digest.
    size: int  # Its bytes.
    diff_id: str  # The digest of the tar in it.


class ImageAppend(TypedDict):
    """Layers that were put on an image."""

    destination: str  # Where the result is.
    digest: str  # Of the new image, or of the index with all of them.
    mediaType: str  # Its media type.
    base: str | None  # What the layers were put on.
    images: list[AppendedImage]  # The new images.
    layers: list[AppendedLayer]  # The new layers.
    skipped: list[str]  # The names that were left as they are, because they refer to something.
    condition: str | None  # What made sure that the name could be set.
    # The endpoints that sent what they were put on: the registry, its mirrors, or several of them.
    served_by: list[str]


class PulledFile(TypedDict):
    """A file of an artifact."""

    title: str  # Its title.
    path: str  # Its path.
    digest: str  # The digest of its blob.
    size: int  # The bytes of its blob.
    mediaType: str  # Its media type.
    unpacked: bool  # It is a folder, which was unpacked.
    kept: bool  # It was there, and was left as it is.


class PassedOver(TypedDict):
    """A part of an artifact that was not pulled."""

    digest: str  # Its digest.
    size: int  # Its bytes.
    mediaType: str  # Its media type.
    title: str | None  # Its title.
    reason: str  # Why.


class PulledArtifact(TypedDict):
    """An artifact whose files were pulled."""

    source: str  # Where it came from.
    digest: str  # Its digest.
    mediaType: str  # Its media type.
    artifactType: str | None  # What it is.
    path: str  # The folder.
    files: list[PulledFile]  # Its files.
    skipped: list[PassedOver]  # What was not pulled.
    kept: int  # Names that were left as they are.
    bytes_resumed: int  # Bytes that earlier calls had left.
    served_by: list[str]  # The endpoints that sent it: the registry, its mirrors, or several of them.


class PushedArtifact(TypedDict):
    """An artifact that was pushed."""

    destination: str  # Where it is.
    digest: str  # Its digest.
    mediaType: str  # Its media type.
    size: int | None  # The bytes of its manifest; None when the name was left as it is.
    artifactType: str | None  # What it is.
    config: Descriptor | None  # Its config; None when the name was left as it is.
    layers: list[Descriptor]  # Its files.
    subject: Descriptor | None  # What it is about.
    blobs: CopyBlobs  # Counts of blobs.
    skipped: list[str]  # The names that were left as they are, because they refer to something.
    condition: str | None  # What made sure that the name could be set.
    served_by: list[str]  # The endpoints that sent what it is about: the registry, its mirrors, or several of them.


class IndexCopied(TypedDict):
    """What an index brought with it."""

    manifests: CopyManifests  # The manifests, with the index itself.
    blobs: CopyBlobs  # The configs and layers.


class WrittenIndex(TypedDict):
    """An index that was made or changed."""

    destination: str  # Where it is.
    digest: str  # Its digest.
    mediaType: str  # Its media type.
    size: int | None  # Its bytes; None when the name was left as it is.
    before: str | None  # The digest of the index before the change; None when it was made.
    manifests: list[Descriptor]  # Its entries.
    added: list[Descriptor]  # Those of them that are new.
    removed: list[Descriptor]  # Those that are not in it any more.
    subject: Descriptor | None  # What it is about.
    copied: IndexCopied  # What was moved.
    attempts: int  # How often it was tried, because others changed the index too.
    skipped: list[str]  # The names that were left as they are, because they refer to something.
    # What made sure that the name could be set: "registry", "locked" or "looked"; after a change also "unconfirmed": the change is made,
    # but the look whether it has lasted failed. None without a condition.
    condition: str | None
    tags: list[str]  # The other names that it was given.
    manifest: str | None  # With dry_run the exact bytes that would be put; else None.
    served_by: list[str]  # The endpoints that sent it: the registry, its mirrors, or several of them.


class ImageFile(TypedDict):
    """A file of an image."""

    digest: str  # The image's digest.
    platform: NotRequired[Platform]  # What the index says that it runs on.
    path: str  # Its name, behind all links.
    size: int  # Its bytes.
    mode: int  # Its permissions.
    layer: str  # The layer that has it.
    verified: bool  # Whether the layer was read to its end.
    served_by: list[str]  # The endpoints that sent it: the registry, its mirrors, or several of them.


class ImageConfig(TypedDict):
    """The config of an image."""

    digest: str  # The config's digest.
    size: int  # The config's bytes.
    mediaType: str  # The config's media type.
    manifest: str  # The image's digest.
    config: Any  # What it says; null when it is neither an image's nor JSON.
    platform: NotRequired[Platform]  # What the index says that it runs on.
    served_by: list[str]  # The endpoints that sent it: the registry, its mirrors, or several of them.


class ImageExtract(TypedDict):
    """An image that was extracted."""

    digest: str  # The image's digest.
    platform: NotRequired[Platform]  # What the index says that it runs on.
    path: str  # The folder.
    layers: list[UnpackedLayer]  # The layers that were read, the oldest first.
    files: int  # Regular files.
    directories: int  # Folders.
    symlinks: int  # Symbolic links.
    hard_links: int  # Hard links.
    devices: int  # Devices and pipes that were made.
    skipped: int  # Devices and pipes that were left out.
    whiteouts: int  # Whiteouts.
    bytes: int  # The bytes of the files.
    served_by: list[str]  # The endpoints that sent it: the registry, its mirrors, or several of them.


class ImageExport(TypedDict):
    """The files of an image in one archive."""

    digest: str  # The image's digest.
    platform: NotRequired[Platform]  # What the index says that it runs on.
    path: NotRequired[str]  # The file, where it is one.
    layers: list[UnpackedLayer]  # The layers, the oldest first.
    files: int  # Regular files.
    directories: int  # Folders.
    symlinks: int  # Symbolic links.
    hard_links: int  # Hard links.
    devices: int  # Devices and pipes.
    bytes: int  # The bytes of the files.
    size: int  # The bytes of the archive.
    served_by: list[str]  # The endpoints that sent it: the registry, its mirrors, or several of them.


class Device(TypedDict):
    """The numbers of a device."""

    major: int  # The driver.
    minor: int  # Which of the driver's.


class FileEntry(TypedDict):
    """FileEntry."""

    path: str  # Its name.
    type: str  # What it is.
    size: int  # Its bytes.
    mode: int  # Its permissions.
    uid: int  # The owner's number.
    gid: int  # The group's number.
    mtime: int  # The seconds since 1970.
    link: str | None  # What a link names.
    device: NotRequired[Device]  # The numbers of a device.
    layer: str  # The layer that it is from.


class ImageFiles(TypedDict):
    """The files of an image."""

    digest: str  # The image's digest.
    platform: NotRequired[Platform]  # What the index says that it runs on.
    layers: list[UnpackedLayer]  # The layers, the oldest first.
    bytes: int  # The bytes of the regular files.
    files: list[FileEntry]  # What is there, sorted by path.
    served_by: list[str]  # The endpoints that sent it: the registry, its mirrors, or several of them.


class LayerSize(TypedDict):
    """LayerSize."""

    digest: str  # The layer's digest.
    size: int  # Its bytes.
    mediaType: str  # Its media type.


class ImageSize(TypedDict):
    """The bytes of one image."""

    digest: str  # The manifest's digest.
    mediaType: str  # The manifest's media type.
    platform: NotRequired[Platform]  # What the index says that it runs on.
    manifest: int  # The manifest's bytes.
    config: int  # The config's bytes.
    layers: list[LayerSize]  # The layers, the oldest first.
    layers_total: int  # The layers' bytes, as listed.
    total: int  # The bytes of config and layers, each blob once.
    served_by: NotRequired[list[str]]  # The endpoints that sent it; not of each of several images.


class ValidationProblem(TypedDict):
    """Something that is missing, damaged or contradicts something else."""

    digest: str  # Of what is wrong.
    manifest: str | None  # The manifest that names it.
    code: str  # The name of an error: MISSING_BLOB for whatever is not there.
    problem: str  # What is wrong.


class Validation(TypedDict):
    """Whether an image and all that it leads to is valid."""

    place: str  # The place, with its name.
    digest: str  # The manifest that was begun with.
    mediaType: str  # Its media type.
    valid: bool  # Whether there is no problem.
    quick: bool  # Whether blobs were only looked for.
    manifests: int  # Manifests that were read.
    blobs: int  # Blobs that were read, or looked for.
    bytes: int  # Their bytes.
    foreign: list[str]  # Layers that come from elsewhere, and were not looked for.
    problems: list[ValidationProblem]  # What is wrong.
    # The endpoints that sent what was read, or said that it is there: the registry, its mirrors, or several of them.
    served_by: list[str]


class ImageTag(TypedDict):
    """What was tagged."""

    source: str  # What had the manifest.
    destination: str  # What has it too.
    digest: str  # Its digest.
    mediaType: str  # Its media type.
    skipped: list[str]  # The names that were left as they are, because they refer to something.
    condition: str | None  # What made sure that the name could be set.
    served_by: list[str]  # The endpoints that sent it: the registry, its mirrors, or several of them.


class LayoutProblem(TypedDict):
    """LayoutProblem."""

    digest: str  # Of what.
    problem: str  # What is wrong with it.


class PlaceManifest(TypedDict):
    """The manifest that a place names."""

    mediaType: str  # Its media type.
    digest: str  # Its digest.
    size: int  # Its bytes.
    schema_version: int  # Its schema version.
    kind: str  # What it is.
    manifest: dict[str, Any]  # The document itself.
    place: str  # The place, with its name.
    platform: NotRequired[Platform]  # The platform that was picked.
    served_by: list[str]  # The endpoints that sent it: the registry, its mirrors, or several of them.


class PlaceImage(TypedDict):
    """One of the images of a place."""

    names: list[str]  # Its names in this place.
    mediaType: str  # The content's media type.
    digest: str  # The content's digest.
    size: int  # The content's bytes.
    urls: NotRequired[list[str]]  # Where else it may be had.
    annotations: NotRequired[dict[str, Any]]  # Annotations.
    data: NotRequired[str]  # The content itself, in base64.
    artifactType: NotRequired[str]  # What kind of artifact it is.
    platform: NotRequired[Platform]  # What it runs on.


class PlaceList(TypedDict):
    """What a place holds."""

    place: str  # The place, with its name.
    tags: list[str]  # All names.
    images: list[PlaceImage]  # What it holds, in its order.


class PlaceReferrers(TypedDict):
    """What refers to the manifest that a place names."""

    place: str  # The place, with its name.
    subject: str  # Its digest.
    referrers: list[Descriptor]  # What refers to it.
    # The endpoints that sent the manifest and the list: the registry, its mirrors, or several of them.
    served_by: list[str]


class LayoutCheck(TypedDict):
    """Whether a layout is whole."""

    ok: bool  # Whether it is.
    images: int  # The entries of index.json.
    blobs: int  # What was read.
    bytes: int  # Its bytes.
    problems: list[LayoutProblem]  # What is wrong.
    # The digests of what an index in the layout names, or a document of a kind that is not known, and that is not
    # there.
    sparse: list[str]


class LayoutClean(TypedDict):
    """What was removed from a layout."""

    removed: list[str]  # The digests of the blobs.
    bytes: int  # Their bytes.
    # The digests of what an index in the layout names, or a document of a kind that is not known, and that is not
    # there.
    sparse: list[str]


class ActiveBlob(TypedDict):
    """ActiveBlob."""

    digest: str  # Which blob.
    size: int  # Its bytes.
    done: int  # Those that are there.


class Progress(TypedDict):
    """How far a transfer is."""

    operation: str  # What is transferred.
    done: int  # The bytes so far.
    total: int | None  # The bytes in all.
    blobs: NotRequired[CopyBlobs]  # The counts of a copy.
    active: NotRequired[list[ActiveBlob]]  # The blobs of a copy on their way.


class UnpackedLayer(TypedDict):
    """A layer that was unpacked."""

    digest: str  # The layer's digest.
    diff_id: str  # The digest of the tar in it.
    diff_id_checked: bool  # Whether the config tells it.


class AllImagesSize(TypedDict):
    """The bytes of all images of an index."""

    images: list[ImageSize]  # Each image.
    total: int  # The blobs of all, each once.
    served_by: list[str]  # The endpoints that sent them: the registry, its mirrors, or several of them.

"""Images, wherever they are."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

from ._caller import Caller, last, text
from ._memory import Bytes, Json
from .blobs import is_path

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from .options import (
        AppendOptions,
        CallOptions,
        CatOptions,
        CleanOptions,
        CopyOptions,
        ExportOptions,
        ExtractOptions,
        FilesOptions,
        ImageTagOptions,
        PlaceReferrersOptions,
        PlatformOptions,
        SizeOptions,
        SyncListOptions,
        SyncOptions,
        ValidateOptions,
    )
    from .results import (
        AllImagesSize,
        CopyResult,
        FileEntry,
        ImageAppend,
        ImageConfig,
        ImageExport,
        ImageExtract,
        ImageFile,
        ImageFiles,
        ImageSize,
        ImageTag,
        LayoutCheck,
        LayoutClean,
        PlaceList,
        PlaceManifest,
        PlaceReferrers,
        SyncResult,
        Validation,
    )
    from .types import Name, Path, Sink


def opened(sink: Any) -> AbstractContextManager[Any]:
    """A new file for a path; anything else as it is, which stays open."""
    return open(sink, "wb") if is_path(sink) else nullcontext(sink)


class Images(Caller):
    """Calls for images at any place: docker://REFERENCE or REFERENCE, oci:DIR[:NAME], oci-archive:FILE[:NAME],
    docker-archive:FILE[:REFERENCE], dir:DIR, docker-v1://REFERENCE. See `ocireg_endpoint_parse`."""

    def copy(self, source: Name, destination: Name, **options: Unpack[CopyOptions]) -> CopyResult:
        """Copies an image, an index with everything in it, or an artifact from one place to another: `ocireg_copy`."""
        names = (text("source", source), text("destination", destination))
        result: CopyResult = self._invoke("ocireg_copy", *names, options=options)
        return result

    def sync(self, source: Name, destination: Name, **options: Unpack[SyncOptions]) -> SyncResult:
        """Brings the tags of a repository, a layout or an archive to another, several images at once; what fails is reported, and the
        rest goes on: `ocireg_sync`."""
        names = (text("source", source), text("destination", destination))
        result: SyncResult = self._invoke("ocireg_sync", *names, options=options)
        return result

    def sync_list(self, list: str, destination: Name | None = None, **options: Unpack[SyncListOptions]) -> SyncResult:
        """The same for what a list says, SOURCE or SOURCE DESTINATION a line; destination: where everything goes that has none of its
        own: `ocireg_sync_list`."""
        names = (text("list", list), None if destination is None else text("destination", destination))
        result: SyncResult = self._invoke("ocireg_sync_list", *names, options=options)
        return result

    def image_config(self, image: Name, **options: Unpack[PlatformOptions]) -> ImageConfig:
        """The config of an image: `ocireg_image_config`."""
        result: ImageConfig = self._invoke("ocireg_image_config", text("image", image), options=options, outs=(Json, Bytes))
        return result

    def image_config_bytes(self, image: Name, **options: Unpack[PlatformOptions]) -> bytes:
        """The exact bytes of an image's config: `ocireg_image_config`."""
        result: bytes = self._invoke("ocireg_image_config", text("image", image), options=options, outs=(Json, Bytes), then=last)
        return result

    def image_size(self, image: Name, **options: Unpack[SizeOptions]) -> ImageSize | AllImagesSize:
        """The bytes of an image, as its manifest says; with all, of every image of an index: `ocireg_image_size`."""
        result: ImageSize | AllImagesSize = self._invoke("ocireg_image_size", text("image", image), options=options)
        return result

    def validate_image(self, place: Name, **options: Unpack[ValidateOptions]) -> Validation:
        """Whether everything that an image, an index or an artifact leads to is there and is what it says it is:
        `ocireg_image_validate`."""
        result: Validation = self._invoke("ocireg_image_validate", text("place", place), options=options)
        return result

    def tag_image(self, reference: Name, tag: Name, **options: Unpack[ImageTagOptions]) -> ImageTag:
        """Gives an image another tag, in its repository or another one of the registry: `ocireg_image_tag`."""
        names = (text("reference", reference), text("tag", tag))
        result: ImageTag = self._invoke("ocireg_image_tag", *names, options=options)
        return result

    def append_image(self, image: Name, layers: Path | Iterable[Path], **options: Unpack[AppendOptions]) -> ImageAppend:
        """Puts layers, tar files, the oldest first, on top of an image: `ocireg_image_append`."""
        given = {**options, "layers": [layers] if isinstance(layers, (str, os.PathLike)) else list(layers)}
        result: ImageAppend = self._invoke("ocireg_image_append", text("image", image), options=given)
        return result

    def extract_image(self, image: Name, folder: Path, **options: Unpack[ExtractOptions]) -> ImageExtract:
        """Extracts the files of an image, or only those of `paths`, into a folder: `ocireg_image_extract`."""
        names = (text("image", image), text("folder", folder))
        result: ImageExtract = self._invoke("ocireg_image_extract", *names, options=options)
        return result

    def export_image(self, image: Name, sink: Sink, **options: Unpack[ExportOptions]) -> ImageExport:
        """Writes the file system of an image as one tar archive: to a new file by its path, which appears only whole and verified
        (`ocireg_image_export_file`), or to an open file, a descriptor or anything with `write`, which must not trust the bytes after
        an error (`ocireg_image_export_fd`)."""
        result: ImageExport
        if is_path(sink):
            names = (text("image", image), text("sink", sink))
            result = self._invoke("ocireg_image_export_file", *names, options=options)
        else:
            result = self._invoke("ocireg_image_export_fd", text("image", image), options=options, sink=sink)
        return result

    def image_files(self, image: Name, **options: Unpack[FilesOptions]) -> ImageFiles:
        """Lists the files of an image as `extract_image` would leave them: `ocireg_image_files`."""
        result: ImageFiles = self._invoke("ocireg_image_files", text("image", image), options=options)
        return result

    def iter_files(self, image: Name, **options: Unpack[FilesOptions]) -> Iterator[FileEntry]:
        """The files of an image: `ocireg_image_files`."""
        return iter(self.image_files(image, **options)["files"])

    def image_file(self, image: Name, path: Path, sink: Sink, **options: Unpack[CatOptions]) -> ImageFile:
        """Writes one file of an image to an open file, a descriptor, a new file by its path, or anything with `write`, which must not trust
        the bytes after an error: `ocireg_image_cat`."""
        names = (text("image", image), text("path", path))
        with opened(sink) as target:
            result: ImageFile = self._invoke("ocireg_image_cat", *names, options=options, sink=target)
        return result

    def place_manifest(self, place: Name, **options: Unpack[PlatformOptions]) -> PlaceManifest:
        """The manifest that any place names: `ocireg_endpoint_manifest`."""
        result: PlaceManifest = self._invoke("ocireg_endpoint_manifest", text("place", place), options=options, outs=(Json, Bytes))
        return result

    def place_manifest_bytes(self, place: Name, **options: Unpack[PlatformOptions]) -> bytes:
        """The exact bytes of the manifest that any place names: `ocireg_endpoint_manifest`."""
        names = (text("place", place),)
        result: bytes = self._invoke("ocireg_endpoint_manifest", *names, options=options, outs=(Json, Bytes), then=last)
        return result

    def list_place(self, place: Name, **options: Unpack[CallOptions]) -> PlaceList:
        """Everything that a layout, an archive or a directory holds: `ocireg_endpoint_list`."""
        result: PlaceList = self._invoke("ocireg_endpoint_list", text("place", place), options=options)
        return result

    def place_referrers(self, place: Name, **options: Unpack[PlaceReferrersOptions]) -> PlaceReferrers:
        """What refers to the manifest that any place names: `ocireg_endpoint_referrers`."""
        result: PlaceReferrers = self._invoke("ocireg_endpoint_referrers", text("place", place), options=options)
        return result

    def check_layout(self, path: Path, **options: Unpack[CallOptions]) -> LayoutCheck:
        """Reads everything in an OCI layout and compares it with its digests: `ocireg_layout_check`."""
        result: LayoutCheck = self._invoke("ocireg_layout_check", text("path", path), options=options)
        return result

    def clean_layout(self, path: Path, **options: Unpack[CleanOptions]) -> LayoutClean:
        """Removes the blobs of an OCI layout that no image in it needs: `ocireg_layout_clean`."""
        result: LayoutClean = self._invoke("ocireg_layout_clean", text("path", path), options=options)
        return result

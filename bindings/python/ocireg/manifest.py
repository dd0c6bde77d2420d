"""Manifests and indexes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .results import Descriptor, ManifestInfo, Platform


class Manifest:
    """A manifest or an index: its exact bytes, and what is in them. Those with the same bytes are equal."""

    __slots__ = ("_bytes", "_info")

    def __init__(self, info: ManifestInfo, data: bytes) -> None:
        self._info = info
        self._bytes = data

    @property
    def info(self) -> ManifestInfo:
        """The result of `ocireg_manifest_get`: "mediaType", "digest", "size", "kind", "headers", "rate_limit" and more."""
        return self._info

    @property
    def media_type(self) -> str:
        """Its media type."""
        return self._info["mediaType"]

    @property
    def digest(self) -> str:
        """Its digest."""
        return self._info["digest"]

    @property
    def size(self) -> int:
        """Its size in bytes."""
        return self._info["size"]

    @property
    def kind(self) -> str:
        """ "image", "index", "artifact" or "schema1"."""
        return self._info["kind"]

    @property
    def is_index(self) -> bool:
        """Whether it is an index."""
        return self.kind == "index"

    @property
    def reference(self) -> str | None:
        """HOST/REPOSITORY@DIGEST; None of one that did not come from a registry."""
        return self._info.get("reference")

    @property
    def repository(self) -> str | None:
        """HOST/REPOSITORY; None of one that did not come from a registry."""
        return self._info.get("repository")

    @property
    def platform(self) -> Platform | None:
        """The platform that was picked from an index."""
        return self._info.get("platform")

    @property
    def document(self) -> dict[str, Any]:
        """The document."""
        return self._info["manifest"]

    @property
    def layers(self) -> list[Descriptor]:
        """The descriptors of an image's layers, the oldest first, or of an artifact's blobs."""
        return list(self.document.get("layers") or self.document.get("blobs") or [])

    def layer(self, media_type: str | None = None, position: int = 0) -> Descriptor | None:
        """The descriptor of a layer of a media type, or of any: the one at a position among these, from 0 on."""
        found = [layer for layer in self.layers if media_type in (None, layer.get("mediaType"))]
        return found[position] if 0 <= position < len(found) else None

    @property
    def config(self) -> Descriptor | None:
        """The descriptor of an image's config."""
        return self.document.get("config")

    @property
    def manifests(self) -> list[Descriptor]:
        """The descriptors in an index."""
        return list(self.document.get("manifests") or [])

    def __getitem__(self, name: str) -> Any:
        return self.document[name]

    def __contains__(self, name: object) -> bool:
        return name in self.document

    def __bytes__(self) -> bytes:
        return self._bytes

    def __eq__(self, other: object) -> bool:
        return self._bytes == other._bytes if isinstance(other, Manifest) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._bytes)

    def __repr__(self) -> str:
        return f"<Manifest {self.media_type} {self.digest}>"

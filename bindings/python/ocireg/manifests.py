"""Manifests and what refers to them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ._caller import Caller, pages, text
from ._memory import Bytes, Json, Text, lent
from .manifest import Manifest

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from .options import (
        LocateOptions,
        ManifestDeleteOptions,
        ManifestHeadOptions,
        ManifestOptions,
        ManifestPutOptions,
        ReferrersOptions,
    )
    from .results import Descriptor, Located, ManifestDelete, ManifestHead, ManifestPut, ReferrerList
    from .types import Buffer, Name

# How many descriptors the iterator takes at a time.
PAGE_SIZE = 100


class Manifests(Caller):
    """Calls for manifests, [HOST[:PORT]/]REPOSITORY[:TAG][@DIGEST]."""

    def manifest(self, reference: Name, **options: Unpack[ManifestOptions]) -> Manifest:
        """Gets a manifest: `ocireg_manifest_get`."""
        result: Manifest = self._invoke(
            "ocireg_manifest_get", text("reference", reference), options=options, outs=(Json, Bytes), then=Manifest
        )
        return result

    def manifest_head(self, reference: Name, **options: Unpack[ManifestHeadOptions]) -> ManifestHead:
        """What a registry says of a manifest, without its bytes: `ocireg_manifest_head`."""
        result: ManifestHead = self._invoke("ocireg_manifest_head", text("reference", reference), options=options)
        return result

    def manifest_locate(self, reference: Name, **options: Unpack[LocateOptions]) -> Located:
        """Says where a manifest can be had by a downloader of the program's own, a secret: `ocireg_manifest_locate`."""
        result: Located = self._invoke("ocireg_manifest_locate", text("reference", reference), options=options)
        return result

    def manifest_digest(self, reference: Name, **options: Unpack[ManifestOptions]) -> str:
        """The digest of a manifest: `ocireg_manifest_digest`."""
        result: str = self._invoke("ocireg_manifest_digest", text("reference", reference), options=options, outs=(Text,))
        return result

    def put_manifest(
        self, reference: Name, manifest: Manifest | Mapping[str, Any] | Buffer, **options: Unpack[ManifestPutOptions]
    ) -> ManifestPut:
        """Puts a manifest, its bytes unchanged; a dict is put as JSON: `ocireg_manifest_put`."""
        arguments = (text("reference", reference), *lent("manifest", _bytes(manifest)))
        result: ManifestPut = self._invoke("ocireg_manifest_put", *arguments, options=options)
        return result

    def delete_manifest(self, reference: Name, **options: Unpack[ManifestDeleteOptions]) -> ManifestDelete:
        """Deletes a manifest by its digest, with all its tags: `ocireg_manifest_delete`."""
        result: ManifestDelete = self._invoke("ocireg_manifest_delete", text("reference", reference), options=options)
        return result

    def referrers(self, reference: Name, **options: Unpack[ReferrersOptions]) -> ReferrerList:
        """Lists what refers to a manifest, such as signatures and SBOMs: `ocireg_referrers`."""
        result: ReferrerList = self._invoke("ocireg_referrers", text("reference", reference), options=options)
        return result

    def iter_referrers(self, reference: Name, **options: Unpack[ReferrersOptions]) -> Iterator[Descriptor]:
        """The descriptors of what refers to a manifest, `max` at a time."""
        options.setdefault("max", PAGE_SIZE)
        return pages(lambda **more: self.referrers(reference, **more), "referrers", options)


def _bytes(manifest: Any) -> Any:
    if isinstance(manifest, Manifest):
        return bytes(manifest)
    return json.dumps(manifest).encode() if isinstance(manifest, Mapping) else manifest

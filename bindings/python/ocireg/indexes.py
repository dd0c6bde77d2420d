"""Indexes: made of what is elsewhere, and changed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ._caller import Caller, text

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from .options import IndexAppendOptions, IndexCreateOptions, IndexRemoveOptions
    from .results import WrittenIndex
    from .types import Name


def listed(names: Iterable[str]) -> list[str]:
    """One name is a list of one, not of its letters."""
    return [names] if isinstance(names, str) else list(names)


class Indexes(Caller):
    """Calls for indexes, at any place that `Images` names."""

    def create_index(self, place: Name, references: Iterable[str], **options: Unpack[IndexCreateOptions]) -> WrittenIndex:
        """Makes an index of what references name, wherever that is, and puts it at a place, with everything that it needs:
        `ocireg_index_create`. references: places, or digests of manifests in the same repository or layout."""
        given = {**options, "references": listed(references)}
        result: WrittenIndex = self._invoke("ocireg_index_create", text("place", place), options=given)
        return result

    def append_to_index(self, place: Name, references: Iterable[str], **options: Unpack[IndexAppendOptions]) -> WrittenIndex:
        """Puts what references name into an index, behind what is in it, even if others do that at once: `ocireg_index_append`.
        references: as for `create_index`."""
        given = {**options, "references": listed(references)}
        result: WrittenIndex = self._invoke("ocireg_index_append", text("place", place), options=given)
        return result

    def remove_from_index(self, place: Name, digests: Iterable[str] = (), **options: Unpack[IndexRemoveOptions]) -> WrittenIndex:
        """Takes entries out of an index, by their digests or by platform, with their attestations; the manifests stay:
        `ocireg_index_remove`."""
        given = {**options, "digests": listed(digests)}
        result: WrittenIndex = self._invoke("ocireg_index_remove", text("place", place), options=given)
        return result

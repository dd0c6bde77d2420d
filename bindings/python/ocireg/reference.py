"""Names of images."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import _convert
from ._memory import Json, made
from ._native import library

if TYPE_CHECKING:
    from .results import ReferenceParts


class Reference:
    """A name taken apart: [[SCHEME://]HOST[:PORT]/]REPOSITORY[:TAG][@DIGEST]: `ocireg_reference_parse`. Those with the same text are
    equal. Calls take it as they take the text."""

    __slots__ = ("_parts",)

    def __init__(self, name: str, *, default_index: str | None = None) -> None:
        """default_index: the registry of names without one, instead of Docker Hub. Raises InvalidReference."""
        given = _convert.options({"default_index": default_index})
        self._parts: ReferenceParts = made(Json(), library.ocireg_reference_parse, _convert.text("name", name), given).take()

    @property
    def parts(self) -> ReferenceParts:
        """The result of `ocireg_reference_parse`."""
        return self._parts

    @property
    def host(self) -> str:
        """The registry: "docker.io"."""
        return self._parts["index"]["name"]

    @property
    def scheme(self) -> str | None:
        """ "https" or "http", if the name says so."""
        return self._parts["index"]["scheme"]

    @property
    def official(self) -> bool:
        """Whether it is an official image of Docker Hub."""
        return self._parts["official"]

    @property
    def repository(self) -> str:
        """What the registry calls the repository: "library/mongo"."""
        return self._parts["remote_name"]

    @property
    def local_name(self) -> str:
        """ "mongo"."""
        return self._parts["local_name"]

    @property
    def canonical_name(self) -> str:
        """ "docker.io/mongo"."""
        return self._parts["canonical_name"]

    @property
    def tag(self) -> str | None:
        """ "latest" when there is neither tag nor digest."""
        return self._parts["tag"]

    @property
    def digest(self) -> str | None:
        """The digest."""
        return self._parts["digest"]

    @property
    def canonical(self) -> str:
        """ "docker.io/mongo:latest"."""
        return self._parts["canonical_ref"]

    def __str__(self) -> str:
        return self._parts["reference"]

    # How calls know that it stands for a text.
    @property
    def __ocireg__(self) -> str:
        return str(self)

    def __repr__(self) -> str:
        return f"Reference({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        return str(self) == str(other) if isinstance(other, Reference) else NotImplemented

    def __hash__(self) -> int:
        return hash(str(self))

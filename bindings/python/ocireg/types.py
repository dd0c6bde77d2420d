"""The types of arguments."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, TypedDict

if TYPE_CHECKING:
    from .credentials import Credentials
    from .reference import Reference
    from .results import BlobProgress

# The path of a file or folder.
Path: TypeAlias = "str | os.PathLike[str]"
# A name that the library takes apart: a registry, a repository, a reference, a place.
Name: TypeAlias = "str | Reference | os.PathLike[str]"
# Bytes in memory: bytes, bytearray, memoryview, mmap, array and whatever else has the buffer protocol. They are not copied.
if TYPE_CHECKING:
    from typing_extensions import Buffer as Buffer
else:
    Buffer = Any


class Readable(Protocol):
    """What bytes can be read from: a binary file, a socket's makefile(), a response."""

    def read(self, size: int, /) -> bytes | None: ...


class Writable(Protocol):
    """What bytes can be written to: a binary file, io.BytesIO, a hash behind a method called write."""

    def write(self, data: bytes, /) -> Any: ...


class HasFileno(Protocol):
    """What has a descriptor."""

    def fileno(self) -> int: ...


# Where bytes come from: memory, the path of a file, a file-like object, or an iterable of bytes.
Source: TypeAlias = "Buffer | Path | Readable | Iterable[bytes]"
# Where bytes go: the path of a file, a descriptor, or a file-like object.
Sink: TypeAlias = "Path | int | Writable"


class ArtifactFile(TypedDict, total=False):
    """A part of an artifact: one of path, data and stream, and what it is called."""

    path: Path  # A file or a folder.
    data: Buffer
    stream: Readable | Iterable[bytes]
    # The name under which it is pulled; of a file or folder it is its path without it.
    title: str | None
    media_type: str | None
    annotations: Iterable[str] | None  # KEY=VALUE each.
    config: bool | None  # It is the artifact's config instead of a layer.
    # Of a stream: where it waits, and the most bytes of it.
    temporary_dir: str | None
    max_temporary_bytes: int | None


# Called with the bytes done, and those in all, None while that is unknown.
ProgressCallback = Callable[[int, int | None], object]
# Called with how each blob of a copy fares.
BlobsCallback = Callable[["BlobProgress"], object]
# Called with each event of the trace: requests, responses, retries and warnings, as ocireg_log_fn describes them.
LogCallback = Callable[["dict[str, Any]"], object]
# Called with a host; returns its credentials, or None; for an AsyncClient it may be a coroutine.
CredentialsCallback = Callable[[str], "Credentials | Mapping[str, str] | Awaitable[Credentials | Mapping[str, str] | None] | None"]

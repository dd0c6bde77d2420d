"""Where the bytes of an upload come from, when the library does not read them itself."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

Fill = Callable[[int, int], int]


def fill(source: Any) -> Fill:
    """Puts the next bytes of a file-like object, or of an iterable of bytes, at an address: at most a size, and says how many."""
    if hasattr(source, "readinto"):
        return lambda address, size: _by_readinto(source, address, size)
    if hasattr(source, "read"):
        return lambda address, size: _by_read(source, address, size)
    # Of a mapping, one would send its keys.
    if isinstance(source, Iterable) and not isinstance(source, Mapping):
        return _Pieces(iter(source))
    raise TypeError(f"source is {type(source).__name__}, which cannot be read")


def _by_readinto(source: Any, address: int, size: int) -> int:
    count = source.readinto(memoryview((ctypes.c_char * size).from_address(address)).cast("B"))
    if count is None:
        raise BlockingIOError("the source does not block, and has no bytes now")
    if not 0 <= count <= size:
        raise ValueError(f"readinto of {size} bytes gave {count}")
    return int(count)


def _by_read(source: Any, address: int, size: int) -> int:
    data = source.read(size)
    if data is None:
        raise BlockingIOError("the source does not block, and has no bytes now")
    if isinstance(data, str):
        raise TypeError("the source gives str, not bytes: open it in binary mode")
    if len(data) > size:
        raise ValueError(f"read({size}) gave {len(data)} bytes")
    ctypes.memmove(address, bytes(data), len(data))
    return len(data)


class _Pieces:
    """An iterable's pieces, each of any size."""

    def __init__(self, pieces: Iterator[Any]) -> None:
        self.pieces = pieces
        self.rest = memoryview(b"")

    def __call__(self, address: int, size: int) -> int:
        while not self.rest.nbytes:
            piece = next(self.pieces, None)
            if piece is None:
                return 0
            self.rest = memoryview(piece).cast("B")
        piece, self.rest = self.rest[:size], self.rest[size:]
        ctypes.memmove(address, bytes(piece), piece.nbytes)
        return piece.nbytes

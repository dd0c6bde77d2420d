"""Blobs that are read like files."""

from __future__ import annotations

import ctypes
import io
from typing import TYPE_CHECKING, Any

from ._memory import Json, ReaderHandle, check, lent, made
from ._native import library
from ._turn import Turn
from .errors import Busy, Cancelled, Closed, Forked

if TYPE_CHECKING:
    from ._call import Call
    from .results import BlobInfo

# The most bytes that the library is asked for at a time.
CHUNK = 1 << 18


class BlobReader(io.RawIOBase):
    """An open blob, to be read like a file: shutil.copyfileobj, tarfile and json.load take it.

    It reaches its end only when the bytes have been verified: a wrong digest or a short transfer is an error, never an end. For one thread
    at a time: another one gets Busy, but may `close` it. An interrupted read loses nothing: the next one continues. It cannot seek:
    `offset` and `length` of `open_blob` read a piece. Close it before its end to stop the transfer.
    """

    def __init__(self, handle: ReaderHandle, call: Call) -> None:
        self._handle = handle
        self._call = call
        # Now: a reader in use is busy.
        self._info: BlobInfo = made(Json(), library.ocireg_blob_reader_info, handle).take()
        # What the library gave; of that, what has not been given out yet: `_count` bytes, from `_begin` on; and what a read has gathered.
        # Python may raise a KeyboardInterrupt after any call, so bytes are the reader's until the last step of a method, in which nothing
        # is called.
        self._space = bytearray(CHUNK)
        self._place = lent("space", self._space)[0]
        self._count = ctypes.c_size_t()
        self._begin = 0
        self._gathered: list[bytes] = []
        self._position = 0
        self._turn = Turn("reader")

    def __del__(self) -> None:
        # Not close(), as other files do. The handle is freed by itself. One whose making was interrupted has no call.
        if hasattr(self, "_call"):
            self._call.abandon()
            self._call.finish()

    @property
    def info(self) -> BlobInfo:
        """What is known of it: "digest", "size", "offset", "mediaType"; of a layer of protocol v1 "id", "checksum", "size", "offset",
        "verifiable": `ocireg_blob_reader_info`."""
        return self._info

    @property
    def size(self) -> int | None:
        """The size of the whole blob."""
        return self._info["size"]

    @property
    def name(self) -> str:
        """The digest of the blob, where that is known."""
        return str(self._info.get("digest") or "")

    def readable(self) -> bool:
        """True."""
        self._check()
        return True

    def write(self, data: Any, /) -> int:
        """It cannot be written to."""
        raise io.UnsupportedOperation("write")

    def tell(self) -> int:
        """How many bytes were read."""
        self._check()
        return self._position

    def __reduce_ex__(self, protocol: Any, /) -> Any:
        raise TypeError("a reader cannot be copied")

    def readinto(self, buffer: Any, /) -> int:
        """Reads what is there into a buffer, at least one byte; 0 at the end."""
        return self._turn.take(lambda: self._readinto(buffer))

    def read(self, size: int | None = -1, /) -> bytes:
        """Reads `size` bytes, fewer only at the end; without a size all."""
        return self._turn.take(lambda: self._read(size))

    def read1(self, size: int | None = -1, /) -> bytes:
        """Reads what is there, at least one byte, at most `size`; nothing at the end."""
        return self._turn.take(lambda: self._read1(size))

    def peek(self, size: int = 0, /) -> bytes:
        """What is there, at least one byte, and stays there; nothing at the end."""
        return self._turn.take(lambda: self._peek())

    def readline(self, size: int | None = -1, /) -> bytes:
        """Reads up to the end of a line, at most `size` bytes."""
        return self._turn.take(lambda: self._readline(size))

    def readall(self) -> bytes:
        """Reads all that is left."""
        return self.read()

    def close(self) -> None:
        """Ends the transfer: `ocireg_blob_reader_close`. Any number of times; it ends the read of another thread too."""
        if self.closed:
            return
        super().close()
        try:
            check(library.ocireg_blob_reader_close, self._handle)
        except Busy:
            self._call.cancel()
        except Forked:
            pass
        finally:
            self._call.abandon()
            self._call.finish()

    def _check(self) -> None:
        if self.closed:
            raise Closed("the reader is closed")

    def _readinto(self, buffer: Any) -> int:
        target = memoryview(buffer).cast("B")
        if target.readonly:
            raise TypeError("the buffer cannot be written to")
        if self._gathered:
            data = b"".join(self._gathered)
            count = min(target.nbytes, len(data))
            target[:count] = data[:count]
            self._gathered = [data[count:]] if data[count:] else []
            self._position += count
            return count
        count = min(target.nbytes, self._there()) if target.nbytes else 0
        target[:count] = memoryview(self._space)[self._begin : self._begin + count]
        self._begin += count
        self._position += count
        return count

    def _read(self, size: int | None) -> bytes:
        wanted = -1 if size is None or size < 0 else size
        have = sum(map(len, self._gathered))
        while (wanted < 0 or have < wanted) and (there := self._there()):
            count = there if wanted < 0 else min(there, wanted - have)
            self._gather(count)
            have += count
        return self._give(wanted)

    def _read1(self, size: int | None) -> bytes:
        wanted = -1 if size is None or size < 0 else size
        if wanted and not self._gathered and (there := self._there()):
            self._gather(there if wanted < 0 else min(there, wanted))
        return self._give(wanted)

    def _peek(self) -> bytes:
        if not self._gathered and (there := self._there()):
            return bytes(memoryview(self._space)[self._begin : self._begin + there])
        return b"".join(self._gathered)

    def _readline(self, size: int | None) -> bytes:
        wanted = -1 if size is None or size < 0 else size
        have, found = 0, False
        for piece in self._gathered:
            have += piece.find(b"\n") + 1 or len(piece)
            if found := b"\n" in piece:
                break
        while not found and (wanted < 0 or have < wanted) and (there := self._there()):
            at = self._space.find(b"\n", self._begin, self._begin + there)
            found = at >= 0
            count = at + 1 - self._begin if found else there
            self._gather(count)
            have += count
        return self._give(have if wanted < 0 else min(have, wanted))

    def _gather(self, count: int) -> None:
        """Bytes that have not been given out become a part of what a read gives."""
        piece = bytes(memoryview(self._space)[self._begin : self._begin + count])
        self._begin += count
        self._gathered.append(piece)

    def _give(self, wanted: int) -> bytes:
        """What was gathered, at most so much, or all. The last step, in which nothing is lost."""
        data = b"".join(self._gathered)
        rest = data[wanted:] if 0 <= wanted < len(data) else b""
        data = data[: len(data) - len(rest)]
        count = len(data)
        self._gathered = [rest] if rest else []
        self._position += count
        return data

    def _there(self) -> int:
        """How many bytes have not been given out yet; 0 at the end."""
        self._check()
        if self._call.lasting or self._begin == self._count.value:
            if not self._call.lasting:
                self._begin = 0
                self._count.value = 0
            try:
                self._call.go_on(library.ocireg_blob_reader_read, self._handle, self._place, CHUNK, ctypes.byref(self._count))
            except Cancelled:
                self._check()  # another thread has closed it
                raise
        return self._count.value - self._begin

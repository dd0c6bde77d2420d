"""Blobs that are read piece by piece."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from .._memory import Bytes, Json, ReaderHandle, check, made
from .._native import library
from ..errors import Busy, Closed, Forked
from ..reader import CHUNK

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self

    from ..results import BlobInfo
    from ._jobs import Job


class AsyncBlobReader:
    """An open blob. It reaches its end only when the bytes have been verified: a wrong digest or a short transfer is an error, never an
    end. For one task at a time. A read that was cancelled loses nothing: the next one continues. Iterating gives pieces as they come.

        async with await client.open_blob("localhost:5000/a@sha256:...") as reader:
            async for piece in reader:
                print(len(piece))
    """

    def __init__(self, handle: ReaderHandle, job: Job) -> None:
        self._handle = handle
        self._job = job
        self._info: BlobInfo = made(Json(), library.ocireg_blob_reader_info, handle).take()
        # What of the last piece has not been given out yet.
        self._space = b""
        self._begin = self._end = 0
        self._gathered: list[bytes] = []
        self._position = 0
        self._reading: asyncio.Future[bytes] | None = None
        self._busy = self._closed = False

    def __del__(self) -> None:
        if not self._closed:
            self._job.leave()
            if self._reading is not None:
                self._job.cancel()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.close()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        if data := await self._read(-1, once=True):
            return data
        raise StopAsyncIteration

    @property
    def info(self) -> BlobInfo:
        """What is known of it: see `BlobReader.info`."""
        return self._info

    @property
    def size(self) -> int | None:
        """The size of the whole blob."""
        return self._info["size"]

    @property
    def closed(self) -> bool:
        """Whether it was closed."""
        return self._closed

    def tell(self) -> int:
        """How many bytes were read."""
        return self._position

    async def read(self, size: int | None = -1, /) -> bytes:
        """Reads `size` bytes, fewer only at the end; without a size all: `ocireg_blob_reader_read`."""
        return await self._read(-1 if size is None or size < 0 else size)

    async def close(self) -> None:
        """Ends the transfer, and another task's read with Closed: `ocireg_blob_reader_close`. Any number of times."""
        if self._closed:
            return
        self._closed = True
        try:
            if (reading := self._reading) is not None:
                self._job.cancel()
                await asyncio.wait([reading])
                reading.exception()  # no task waits for it any more
        finally:
            self._close()

    def _close(self) -> None:
        try:
            check(library.ocireg_blob_reader_close, self._handle)
        except (Busy, Forked):
            pass
        finally:
            self._job.leave()
            self._handle.drop()

    async def _read(self, wanted: int, once: bool = False) -> bytes:
        if self._busy:
            raise Busy("another task is reading")
        self._busy = True
        try:
            have = sum(map(len, self._gathered))
            while (wanted < 0 or have < wanted) and not (once and have) and await self._there():
                count = self._end - self._begin if wanted < 0 else min(self._end - self._begin, wanted - have)
                self._gathered.append(bytes(memoryview(self._space)[self._begin : self._begin + count]))
                self._begin += count
                have += count
        finally:
            self._busy = False
        data = b"".join(self._gathered)
        rest = data[wanted:] if 0 <= wanted < len(data) else b""
        data = data[: len(data) - len(rest)]
        self._gathered = [rest] if rest else []
        self._position += len(data)
        return data

    async def _there(self) -> bool:
        if self._closed:
            raise Closed("the reader is closed")
        if self._begin == self._end:
            if self._reading is None:
                self._reading = self._job.start(
                    library.ocireg_blob_reader_read, self._handle, None, CHUNK, None,
                    finish=lambda: self._job.result(Bytes), lasting=True,
                )  # fmt: skip
            # The task that waits may be cancelled; the read goes on.
            await asyncio.wait([self._reading])
            reading, self._reading = self._reading, None
            if self._closed:
                raise Closed("the reader is closed")
            self._space = reading.result()
            self._begin, self._end = 0, len(self._space)
        return self._begin < self._end

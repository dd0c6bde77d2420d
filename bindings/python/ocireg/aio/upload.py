"""Blobs that are written piece by piece."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from .. import _convert
from .._memory import Json, UploadHandle, lent
from .._native import library
from ..errors import Busy, Cancelled, Closed, Error, InvalidArgument
from ..upload import CHUNK

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

    from typing_extensions import Self

    from ..results import BlobPut, Session
    from ..types import Buffer
    from ._jobs import Job


class AsyncUpload:
    """A blob that is being uploaded: write to it, then `finish` it. An `async with` block finishes it, or cancels it when the block raises;
    `result` then has what `finish` gives.

        async with await client.upload("localhost:5000/a") as upload:
            await upload.write(b"piece")
        print(upload.result["digest"])

    For one task at a time. After an error, or when a task was cancelled in a write, it can only be cancelled.
    """

    def __init__(self, handle: UploadHandle, job: Job) -> None:
        self._handle = handle
        self._job = job
        self._collected = bytearray()
        self._position = 0
        self._broken: Error | None = None
        self._busy = False
        self._over = False
        self._result: BlobPut | None = None

    async def __aenter__(self) -> Self:
        if self._over:
            raise Closed("the upload is over")
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if kind is None and not self._over:
            await self.finish()
        else:
            await self.close()

    @property
    def result(self) -> BlobPut:
        """What `finish` gave."""
        if self._result is None:
            raise InvalidArgument("the upload was not finished")
        return self._result

    @property
    def closed(self) -> bool:
        """Whether it was finished, saved or cancelled."""
        return self._over

    def tell(self) -> int:
        """How many bytes were written."""
        return self._position

    async def write(self, data: Buffer, /) -> int:
        """Adds bytes; returns how many that were: `ocireg_upload_write`."""
        place, size = lent("data", data)
        with self._step():
            if size >= CHUNK:
                await self._send()
                await self._call(library.ocireg_upload_write, place, size)
            else:
                self._collected += data if isinstance(data, (bytes, bytearray)) else bytes(data)
                if len(self._collected) >= CHUNK:
                    await self._send()
            self._position += size
        return size

    async def flush(self) -> None:
        """Hands what was collected to the library; it sends a chunk when that is full."""
        with self._step():
            await self._send()

    async def finish(self, digest: str | None = None) -> BlobPut:
        """Ends the upload: the blob exists from now on: `ocireg_upload_finish`. digest: what the bytes must have."""
        result: BlobPut = await self._end(library.ocireg_upload_finish, None if digest is None else _convert.text("digest", digest))
        self._result = result
        return result

    async def save(self) -> Session:
        """Sends what was written and lets go of the session, for `AsyncClient.resume_upload`: `ocireg_upload_save`."""
        session: Session = await self._end(library.ocireg_upload_save)
        return session

    async def cancel(self) -> None:
        """Abandons the upload, also at the registry: `ocireg_upload_cancel`. When a cancelled task, its context or its time has ended it,
        the registry is told so without waiting for the answer: `ocireg_upload_free`. Any number of times."""
        if self._over:
            return
        self._over = True
        try:
            if self._job.address in self._job.hub.jobs:
                self._job.cancel()
                await self._job.ended()
            if not self._job.over:
                await self._job.start(library.ocireg_upload_cancel, self._handle, finish=lambda: None)
        finally:
            self._ended()

    async def close(self) -> None:
        """Abandons an upload that was not finished, whatever the registry says to that."""
        try:
            await self.cancel()
        except Error:
            pass

    async def _end(self, function: Any, *arguments: Any) -> Any:
        with self._step():
            await self._send()
            result = await self._call(function, *arguments, None, finish=lambda: self._job.result(Json))
        self._over = True
        self._ended()
        return result

    def _ended(self) -> None:
        self._job.leave()
        self._handle.drop()

    async def _send(self) -> None:
        if self._collected:
            data, self._collected = self._collected, bytearray()
            await self._call(library.ocireg_upload_write, *lent("data", data))

    async def _call(self, function: Any, *arguments: Any, finish: Any = lambda: None) -> Any:
        try:
            return await self._job.start(function, self._handle, *arguments, finish=finish)
        except Error as error:
            self._broken = error
            raise

    @contextmanager
    def _step(self) -> Iterator[None]:
        """A step, which is done wholly, or breaks the upload."""
        if self._over:
            raise Closed("the upload is over")
        if self._busy:
            raise Busy("another task is writing")
        if self._broken:
            raise self._broken
        self._broken = Cancelled("a task was cancelled in a write; the upload can only be cancelled")
        self._busy = True
        try:
            yield
            self._broken = None
        finally:
            self._busy = False

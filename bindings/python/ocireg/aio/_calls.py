"""The methods of a client, whose calls are jobs: each gives a future of what it gives in Client."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Mapping
from contextlib import ExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any

from .. import _convert
from .._caller import NOTHING, Caller, Wants, context_of, first
from .._memory import Json, Owned, ReaderHandle, UploadHandle
from .._native import library
from .._sink import descriptor
from ..client import Client
from ..errors import InvalidArgument, LimitExceeded
from ..v1 import V1
from ._guard import Guard
from ._jobs import Hub, Job, carry, over
from .reader import AsyncBlobReader
from .upload import AsyncUpload

if TYPE_CHECKING:
    from .._memory import ClientHandle
    from ..context import Context

# How much is read at a time of what is to be uploaded.
CHUNK = 1 << 20
# max_temporary_bytes where the caller does not say it.
MOST_WAITING = 64 << 30


class ByJobs(Caller):
    _hub: Hub

    def _job(self, options: Any) -> tuple[Job, Any]:
        given = dict(options or {})
        context, timeout = given.pop("context", None), given.pop("timeout", None)
        handle = _convert.options(given)
        return Job(self._hub, context_of(context, self._defaults), timeout), handle

    def _invoke(
        self,
        name: str,
        *arguments: Any,
        options: Any = None,
        outs: tuple[type[Owned], ...] = (Json,),
        then: Wants = first,
        sink: Any = NOTHING,
        source: Any = NOTHING,
    ) -> Any:
        if source is not NOTHING:
            if isinstance(source, Mapping) or not (hasattr(source, "read") or isinstance(source, (Iterable, AsyncIterable))):
                raise TypeError(f"source is {type(source).__name__}, which cannot be read")
            return self._guarded(options, self._send(arguments[0], source, options))
        if sink is not NOTHING and (fd := descriptor(sink)) is None:
            return self._guarded(options, self._receive(name, *arguments, options=options, outs=outs, then=then, sink=sink))
        if sink is not NOTHING:
            arguments = (*arguments, fd)
        job, handle = self._job(options)
        return self._begin(job, name, *arguments, tail=(handle, *[None] * len(outs)), finish=lambda: then(*map(job.result, outs)))

    def _guarded(self, options: Any, work: Any) -> asyncio.Future[Any]:
        """Work with what is the caller's: it ends with the call."""
        given = options or {}
        try:
            guard = Guard(self._hub, context_of(given.get("context"), self._defaults), given.get("timeout"))
        except BaseException:
            work.close()
            raise
        return asyncio.ensure_future(guard.run(work))

    def _begin(self, job: Job, name: str, *arguments: Any, tail: tuple[Any, ...], finish: Any) -> asyncio.Future[Any]:
        """A job's only call."""
        try:
            future = job.start(getattr(library, name), self._handle, job.context, *arguments, tail=tail, finish=finish)
        except BaseException:
            job.leave()
            raise
        future.add_done_callback(lambda _: job.leave())
        return future

    def _open(self, kind: type[Owned], name: str, *arguments: Any, options: Any, then: Any) -> Any:
        job, handle = self._job(options)

        def finish() -> Any:
            place: Any = kind()
            reads = kind is ReaderHandle
            place.value = (library.ocireg_job_take_reader if reads else library.ocireg_job_take_upload)(job.handle)
            return AsyncBlobReader(place, job) if reads else AsyncUpload(place, job)

        try:
            return job.start(getattr(library, name), self._handle, job.context, *arguments, tail=(handle, None), finish=finish)
        except BaseException:
            job.leave()
            raise

    async def _receive(self, name: str, *arguments: Any, options: Any, outs: Any, then: Wants, sink: Any) -> Any:
        """A call whose bytes go through a pipe to an object."""
        reader, writer = os.pipe()
        try:
            os.set_blocking(reader, False)
            try:
                job, handle = self._job(options)

                def finish() -> Any:
                    return then(*map(job.result, outs))

                future = self._begin(job, name, *arguments, writer, tail=(handle, *[None] * len(outs)), finish=finish)
            finally:
                # The job has a descriptor of its own; when it closes that, the pipe is at its end.
                os.close(writer)
            carrying = asyncio.ensure_future(carry(reader, sink))
            try:
                await asyncio.wait([carrying, future], return_when=asyncio.FIRST_COMPLETED)
                if carrying.done() or future.exception() is None:
                    await carrying
                return await future
            finally:
                carrying.cancel()
                future.cancel()
                await over(carrying)
        finally:
            os.close(reader)

    async def _send(self, repository: bytes, source: Any, options: Any) -> Any:
        """Uploads what a file-like object or an iterable gives; both may be asynchronous."""
        given = dict(options or {})
        digest = given.pop("digest", None)
        refused = given.keys() - {"chunk_size", "context", "timeout"}
        if refused:
            raise InvalidArgument(f"{', '.join(sorted(refused))}: not for what is read piece by piece; upload takes chunk_size and digest")
        async with await self._open(UploadHandle, "ocireg_upload_start", repository, options=given, then=None) as upload:
            async for piece in pieces(source):
                await upload.write(piece)
            return await upload.finish(digest)


async def pieces(source: Any) -> Any:
    """The bytes of a source. What may block is read on another thread."""
    if isinstance(source, AsyncIterable):
        async for piece in source:
            yield piece
    elif hasattr(source, "read"):
        is_async = asyncio.iscoroutinefunction(source.read)
        while piece := await (source.read(CHUNK) if is_async else asyncio.to_thread(source.read, CHUNK)):
            if isinstance(piece, str):
                raise TypeError("the source gives str, not bytes: open it in binary mode")
            yield piece
    else:
        for piece in source:
            yield piece


@asynccontextmanager
async def settled(files: Any) -> AsyncIterator[list[Any]]:
    """Files of an artifact, whose streams were read into temporary files: they are read from there without waiting."""
    with ExitStack() as open_files:
        found = []
        for file in files:
            if isinstance(file, Mapping) and file.get("stream") is not None:
                kept: Any = open_files.enter_context(tempfile.SpooledTemporaryFile(CHUNK, dir=file.get("temporary_dir")))
                most = file.get("max_temporary_bytes") or MOST_WAITING
                async for piece in pieces(file["stream"]):
                    kept.write(piece)
                    if kept.tell() > most:
                        raise LimitExceeded(f"more than max_temporary_bytes, {most} bytes, would have to wait on the disk")
                kept.seek(0)
                file = {**file, "stream": kept}
            found.append(file)
        yield found


class V1Calls(ByJobs, V1):
    def __init__(self, handle: ClientHandle, defaults: Context, hub: Hub) -> None:
        super().__init__(handle, defaults)
        self._hub = hub


class Calls(ByJobs, Client):
    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._hub = Hub(self._handle)

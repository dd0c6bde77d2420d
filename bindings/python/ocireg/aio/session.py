"""Uploads that other processes can continue, for asyncio."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ..options import CallOptions, ChunkOptions
    from ..results import BlobPut, Session
    from ..types import Buffer


class AsyncUploadSession:
    """An upload at a registry that this process or another can continue: see `UploadSession`."""

    __slots__ = ("_session",)

    def __init__(self, session: Any) -> None:
        # An UploadSession whose steps give futures.
        self._session = session

    @property
    def url(self) -> str:
        """Any client that knows it may be able to write to the session."""
        return str(self._session.url)

    @property
    def repository(self) -> str:
        """Where the blob will be."""
        return str(self._session.repository)

    @property
    def offset(self) -> int:
        """The bytes that the registry has."""
        return int(self._session.offset)

    @property
    def min_chunk_size(self) -> int:
        """Every chunk but the last must be that long."""
        return int(self._session.min_chunk_size)

    def to_dict(self) -> Session:
        """What `AsyncClient.resume_upload` takes."""
        session: Session = self._session.to_dict()
        return session

    def __repr__(self) -> str:
        return f"<AsyncUploadSession {self.repository} at {self.offset}>"

    async def status(self, **options: Unpack[CallOptions]) -> AsyncUploadSession:
        """Asks the registry how far it is: `ocireg_upload_session_status`."""
        return AsyncUploadSession(await self._session.status(**options))

    async def chunk(self, data: Buffer, **options: Unpack[ChunkOptions]) -> AsyncUploadSession:
        """Sends the next bytes: `ocireg_upload_session_chunk`."""
        return AsyncUploadSession(await self._session.chunk(data, **options))

    async def finish(self, digest: str, data: Buffer = b"", **options: Unpack[CallOptions]) -> BlobPut:
        """Ends it with the last bytes, if there are any left; digest: of the whole blob: `ocireg_upload_session_finish`."""
        result: BlobPut = await self._session.finish(digest, data, **options)
        return result

    async def cancel(self, **options: Unpack[CallOptions]) -> None:
        """Gives it up: `ocireg_upload_session_cancel`."""
        await self._session.cancel(**options)

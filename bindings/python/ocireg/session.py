"""Uploads that other processes can continue."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ._caller import Caller, text
from ._memory import lent
from .results import Session

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from .options import CallOptions, ChunkOptions
    from .results import BlobPut
    from .types import Buffer


def step(client: Caller, name: str, session: Any, *arguments: Any, **how: Any) -> Any:
    """Calls a function with a session: a mapping, its JSON, or its URL."""
    given = json.dumps(session) if isinstance(session, Mapping) else session
    return client._invoke(name, text("session", given), *arguments, **how)


class UploadSession:
    """An upload at a registry that this process or another can continue: keep `to_dict()`. Each step gives the session as it is then."""

    __slots__ = ("_client", "_session")

    def __init__(self, client: Caller, session: Session) -> None:
        self._client = client
        self._session = session

    @property
    def url(self) -> str:
        """Any client that knows it may be able to write to the session."""
        return self._session["url"]

    @property
    def repository(self) -> str:
        """Where the blob will be."""
        return self._session["repository"]

    @property
    def offset(self) -> int:
        """The bytes that the registry has."""
        return self._session["offset"]

    @property
    def min_chunk_size(self) -> int:
        """Every chunk but the last must be that long."""
        return self._session["min_chunk_size"]

    def to_dict(self) -> Session:
        """What `Client.resume_upload` takes."""
        return self._session.copy()

    def status(self, **options: Unpack[CallOptions]) -> UploadSession:
        """Asks the registry how far it is: `ocireg_upload_session_status`."""
        return self._step("ocireg_upload_session_status", options)

    def chunk(self, data: Buffer, **options: Unpack[ChunkOptions]) -> UploadSession:
        """Sends the next bytes: `ocireg_upload_session_chunk`."""
        return self._step("ocireg_upload_session_chunk", options, *lent("data", data))

    def finish(self, digest: str, data: Buffer = b"", **options: Unpack[CallOptions]) -> BlobPut:
        """Ends it with the last bytes, if there are any left; digest: of the whole blob: `ocireg_upload_session_finish`."""
        arguments = (text("digest", digest), *lent("data", data))
        result: BlobPut = step(self._client, "ocireg_upload_session_finish", self._session, *arguments, options=options)
        return result

    def cancel(self, **options: Unpack[CallOptions]) -> None:
        """Gives it up: `ocireg_upload_session_cancel`."""
        result: None = step(self._client, "ocireg_upload_session_cancel", self._session, options=options, outs=(), then=lambda: None)
        return result

    def __repr__(self) -> str:
        return f"<UploadSession {self.repository} at {self.offset}>"

    def _step(self, name: str, options: Any, *arguments: Any) -> UploadSession:
        result: UploadSession = step(
            self._client, name, self._session, *arguments, options=options, then=lambda session: UploadSession(self._client, session)
        )
        return result

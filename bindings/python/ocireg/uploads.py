"""Uploads in chunks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._caller import Caller, text
from ._memory import UploadHandle
from .session import UploadSession, step
from .upload import Upload

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from .options import CallOptions, SessionOptions, UploadOptions
    from .results import Session
    from .types import Name


class Uploads(Caller):
    """Calls for uploads to [HOST[:PORT]/]REPOSITORY."""

    def upload(self, repository: Name, **options: Unpack[UploadOptions]) -> Upload:
        """Starts an upload of unknown length; context and timeout are for the writes too: `ocireg_upload_start`."""
        upload: Upload = self._open(UploadHandle, "ocireg_upload_start", text("repository", repository), options=options, then=Upload)
        return upload

    def upload_session(self, repository: Name, **options: Unpack[SessionOptions]) -> UploadSession:
        """Opens an upload session, to be continued by this process or another: `ocireg_upload_session_start`."""
        session: UploadSession = self._invoke(
            "ocireg_upload_session_start",
            text("repository", repository),
            options=options,
            then=lambda found: UploadSession(self, found),
        )
        return session

    def resume_upload(self, session: Session | str, **options: Unpack[CallOptions]) -> UploadSession:
        """Continues an upload session. session: what `UploadSession.to_dict` or `Upload.save` gave, its JSON, or the session's URL:
        `ocireg_upload_session_status`."""
        found: UploadSession = step(
            self, "ocireg_upload_session_status", session, options=options, then=lambda found: UploadSession(self, found)
        )
        return found

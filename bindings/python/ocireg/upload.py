"""Blobs that are written like files."""

from __future__ import annotations

import ctypes
import io
import threading
import warnings
from typing import TYPE_CHECKING, Any

from . import _aside, _convert
from ._memory import Json, UploadHandle, lent
from ._native import library
from ._turn import Turn
from .errors import Busy, Cancelled, Closed, Error, InvalidArgument

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from typing_extensions import Self

    from ._call import Call
    from .results import BlobPut, Session

# How many bytes are collected before they are handed to the library.
CHUNK = 1 << 20


class Upload(io.RawIOBase):
    """A blob that is being uploaded: write to it as to a file, then `finish` it. A `with` block finishes it, or cancels it when the block
    raises; `result` then has what `finish` gives.

        with client.upload("localhost:5000/a") as upload:
            shutil.copyfileobj(file, upload)
        print(upload.result["digest"])

    For one thread at a time: another one gets Busy, but may `cancel` or `close` it. After an error or an interrupt bytes may be missing or
    sent twice, so it can only be cancelled then.
    """

    def __init__(self, handle: UploadHandle, call: Call) -> None:
        self._handle = handle
        self._call = call
        self._collected = bytearray()
        self._position = 0
        self._broken: Error | None = None
        self._turn = Turn("upload")
        self._over = False
        self._result: BlobPut | None = None

    def __enter__(self) -> Self:
        if self._over:
            raise Closed("the upload is over")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if kind is None and not self._over:
            self.finish()
        else:
            self.close()

    def __del__(self) -> None:
        # Not close(), as other files do, which would wait for the registry. One whose making was interrupted has nothing.
        if not hasattr(self, "_over"):
            return
        if not self._over:
            warnings.warn("an upload was neither finished nor cancelled", ResourceWarning, stacklevel=2, source=self)
        self._call.finish()

    def writable(self) -> bool:
        """True."""
        return True

    def read(self, size: int | None = -1, /) -> bytes:
        """It cannot be read from."""
        raise io.UnsupportedOperation("read")

    def readinto(self, buffer: Any, /) -> int:
        """It cannot be read from."""
        raise io.UnsupportedOperation("readinto")

    def tell(self) -> int:
        """How many bytes were written."""
        return self._position

    def __reduce_ex__(self, protocol: Any, /) -> Any:
        raise TypeError("an upload cannot be copied")

    def write(self, data: Any, /) -> int:
        """Adds bytes; returns how many that were: `ocireg_upload_write`."""
        place, size = lent("data", data)

        def add() -> None:
            if size >= CHUNK:
                self._send()
                self._call.run(library.ocireg_upload_write, self._handle, place, size)
            else:
                self._collected += data if isinstance(data, (bytes, bytearray)) else bytes(data)
                if len(self._collected) >= CHUNK:
                    self._send()

        self._whole(add)
        self._position += size
        return size

    def flush(self) -> None:
        """Hands what was collected to the library; it sends a chunk when that is full."""
        if not self._over:
            self._whole(self._send)

    def finish(self, digest: str | None = None) -> BlobPut:
        """Ends the upload: the blob exists from now on: `ocireg_upload_finish`. digest: what the bytes must have."""
        wanted = None if digest is None else _convert.text("digest", digest)
        result: BlobPut = self._end(library.ocireg_upload_finish, wanted)
        self._result = result
        return result

    @property
    def result(self) -> BlobPut:
        """What `finish` gave."""
        if self._result is None:
            raise InvalidArgument("the upload was not finished")
        return self._result

    def save(self) -> Session:
        """Sends what was written and lets go of the session, for `Client.resume_upload`: `ocireg_upload_save`."""
        session: Session = self._end(library.ocireg_upload_save)
        return session

    def cancel(self) -> None:
        """Abandons the upload, also at the registry: `ocireg_upload_cancel`. When an interrupt, its context or its time has ended it, the
        registry is told so without waiting longer than 120 ms for the answer: `ocireg_upload_free`. So it is when another thread writes to
        it, whose write ends with Closed. Any number of times."""
        if not self._over:
            user = self._turn.user()
            if user == threading.get_ident():
                self._turn.refuse()
            self._over = True
            try:
                if user is not None:
                    self._call.cancel()
                    self._turn.wait(_aside.PATIENCE)
                if not self._call.over:
                    self._call.run(library.ocireg_upload_cancel, self._handle)
                elif self._call.job is None or self._call.job.done:
                    self._handle.drop_now()
            finally:
                self._ended()

    def close(self) -> None:
        """Abandons an upload that was not finished, whatever the registry says to that."""
        try:
            self.cancel()
        except Busy:
            raise
        except Error:
            pass

    def _end(self, function: Any, *arguments: Any) -> Any:
        place = Json()

        def end() -> Any:
            self._send()
            self._call.run(function, self._handle, *arguments, ctypes.byref(place))
            return place.take()

        result = self._whole(end)
        self._over = True
        self._ended()
        return result

    def _ended(self) -> None:
        super().close()
        self._call.finish()

    def _send(self) -> None:
        if self._collected:
            data, self._collected = self._collected, bytearray()
            place, size = lent("data", data)
            self._call.run(library.ocireg_upload_write, self._handle, place, size)

    def _whole(self, step: Callable[[], Any]) -> Any:
        """A step that is done wholly, or breaks the upload."""
        try:
            return self._turn.take(lambda: self._whole_or_broken(step))
        except Cancelled:
            if self._over:  # another thread has cancelled the upload
                raise Closed("the upload is over") from None
            raise

    def _whole_or_broken(self, step: Callable[[], Any]) -> Any:
        """A broken upload raises the same error again."""
        if self._over:
            raise Closed("the upload is over")
        if self._broken:
            raise self._broken
        self._broken = Cancelled("the upload was interrupted, and can only be cancelled")
        try:
            result = step()
        except Error as error:
            self._broken = error
            raise
        self._broken = None
        return result

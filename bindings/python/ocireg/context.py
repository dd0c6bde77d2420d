"""What a call can be given from outside."""

from __future__ import annotations

import threading
from time import monotonic
from typing import TYPE_CHECKING, Any, Protocol

from . import _convert
from .errors import Forked

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self

    from .results import Progress
    from .types import BlobsCallback, CredentialsCallback, LogCallback, ProgressCallback


class Running(Protocol):
    """A call in progress."""

    def cancel(self) -> None: ...

    def set_timeout(self, seconds: float | None, /) -> None: ...

    def progress(self) -> Any: ...

    def warnings(self) -> Any: ...


class Context:
    """Cancellation, a time limit, progress and callbacks, for any number of calls, also at once and on several threads.

        with ocireg.Context(timeout=60, progress=lambda done, total: print(done, total)) as context:
            client.copy("quay.io/prometheus/busybox", "oci:busybox", context=context)

    Without one a call has the limit and the callbacks of its client. Callbacks run on the thread that made the call, during the call.
    What they raise ends the call and comes out of it. Leaving the `with` block cancels what still uses the context, on other threads.
    """

    def __init__(
        self,
        *,
        timeout: float | None = None,
        progress: ProgressCallback | None = None,
        blobs: BlobsCallback | None = None,
        log: LogCallback | None = None,
        credentials: CredentialsCallback | None = None,
    ) -> None:
        """timeout: the seconds from now on within which all calls must be done.

        progress(done, total): bytes; total is None while unknown. blobs(event): how each blob of a copy fares. log(event): requests,
        answers, retries and warnings. credentials(host): a dict with username and password, or identity_token, or token; or None.
        """
        self.progress_callback = progress
        self.blobs_callback = blobs
        self.log_callback = log
        self.credentials_callback = credentials
        # A signal handler may cancel what its own thread is changing.
        self._lock = threading.RLock()
        self._calls: list[Running] = []
        self._cancelled = False
        self._deadline: float | None = None
        self._progress: Progress = {"operation": "", "done": 0, "total": None}
        self._warnings: list[dict[str, str]] = []
        self.timeout = timeout

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.cancel()

    def cancel(self) -> None:
        """Ends the calls that use this context, and every later one, with Cancelled. From any thread, and from signal handlers."""
        with self._lock:
            self._cancelled = True
            for call in list(self._calls):
                call.cancel()

    @property
    def cancelled(self) -> bool:
        """Whether it was cancelled."""
        return self._cancelled

    @property
    def timeout(self) -> float | None:
        """The seconds that are left, not below 0; None when there is no limit. Setting it counts from now, for calls in
        progress too, from their next wait on."""
        return None if self._deadline is None else max(0.0, self._deadline - monotonic())

    @timeout.setter
    def timeout(self, value: float | None) -> None:
        seconds = _convert.seconds("timeout", value)
        with self._lock:
            self._deadline = None if seconds is None else monotonic() + seconds
            for call in list(self._calls):
                call.set_timeout(seconds)

    def progress(self) -> Progress:
        """How far the transfer is that began last. From any thread: `ocireg_context_progress`."""
        with self._lock:
            return self._calls[-1].progress() if self._calls else self._progress

    def warnings(self) -> list[dict[str, str]]:
        """What servers warned of: "host" and "text", each once: `ocireg_context_warnings`."""
        with self._lock:
            found = list(self._warnings)
            for call in list(self._calls):
                found += [warning for warning in call.warnings() if warning not in found]
            return found

    @property
    def _limit(self) -> float | None:
        """The seconds for a call that begins now."""
        return self.timeout

    def _enter(self, call: Running) -> None:
        """A call begins; the package's own business, as `_leave` and `_limit` are."""
        with self._lock:
            self._calls.append(call)
            if self._cancelled:
                call.cancel()

    def _leave(self, call: Running) -> None:
        with self._lock:
            if call not in self._calls:
                return
            self._calls.remove(call)
            try:
                self._progress = call.progress()
                self._warnings += [warning for warning in call.warnings() if warning not in self._warnings]
            except Forked:
                pass


class Defaults(Context):
    """What a client's calls use that have no context: the time limit is for each of them, and nothing is kept of them."""

    def __init__(self, timeout: float | None, **callbacks: Any) -> None:
        super().__init__(**callbacks)
        self.each = timeout

    @property
    def _limit(self) -> float | None:
        return self.each

    def _enter(self, call: Running) -> None:
        pass

    def _leave(self, call: Running) -> None:
        pass

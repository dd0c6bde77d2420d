"""One call of the library, or all those of a reader or an upload: its context, and the caller's functions behind C's callbacks."""

from __future__ import annotations

import atexit
import contextvars
import ctypes
import itertools
import json
import os
import threading
from collections.abc import Callable, Mapping
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any

from . import _aside
from ._convert import milliseconds, seconds, text
from ._memory import ContextHandle, Failure, Json, Owned, check, made
from ._native import CREDENTIALS, EVENT, PROGRESS, READ, library
from .errors import Cancelled, Forked, TimeoutError

if TYPE_CHECKING:
    from typing_extensions import Self

    from .context import Context
    from .types import CredentialsCallback

STOP: Any = _aside.STOP

# The calls in progress, by the number that C's callbacks are given.
_calls: dict[int, Call] = {}
_numbers = itertools.count(1)
# The call in whose callback what runs here is, or was started.
enclosing: contextvars.ContextVar[Any] = contextvars.ContextVar("enclosing", default=None)
# A thread that holds it knows that the calls in the list are not freed.
_listed = threading.RLock()
# The thread that ends Python, once it does: others make no call any more.
_last: int | None = None


def _forked() -> None:
    """In a child: its parent's calls are not its own, nor are the threads that may have held the lock."""
    global _listed, _last
    _listed = threading.RLock()
    _last = None
    _calls.clear()


os.register_at_fork(after_in_child=_forked)


@atexit.register
def end() -> None:
    """Ends the calls of threads that no one waits for, before Python's own end: a callback into it would end its thread then, in the middle
    of the library."""
    global _last
    limit = monotonic() + 3
    with _listed:
        _last = threading.get_ident()
        for call in list(_calls.values()):
            call.cancel()
    while any(call.running or call.lasting for call in list(_calls.values())) and monotonic() < limit:
        sleep(0.005)


def limit_of(context: Context, timeout: float | None) -> float | None:
    """The seconds for a call that begins now."""
    timeout = seconds("timeout", timeout)
    limits = [limit for limit in (timeout, context._limit) if limit is not None]
    if limits and min(limits) <= 0:
        raise TimeoutError("the time for the call is over")
    return min(limits, default=None)


class Enclosed:
    """What is said to the library of the call in whose callback others are made: one that would ask what that asks is refused."""

    outer: Any = None

    def enclose(self, context: Any) -> None:
        """Before each call with this context."""
        outer = enclosing.get()
        if outer is self.outer or outer is self:
            return
        self.outer = outer
        if outer is None:
            check(library.ocireg_context_set_within, context, None)
        else:
            outer.surround(context)


class Call(Enclosed):
    """Each call has a context of the library's own, made from the caller's, so that an interrupt ends this call and no other."""

    def __init__(self, context: Context, timeout: float | None = None) -> None:
        limit = limit_of(context, timeout)
        self.settings = context
        self.cancelled = False
        self.deadline: float | None = None
        self.running = 0
        # What a caller's function raised.
        self.failure: BaseException | None = None
        self.job: _aside.Job | None = None
        # A call that goes on after an interrupt.
        self.lasting: tuple[_aside.Lasting, Failure] | None = None
        # Puts bytes of an upload at an address, at most a size of them, and says how many; 0 at the end.
        self.source: Callable[[int, int], int] | None = None
        self.handle: ContextHandle = made(ContextHandle(), library.ocireg_context_new)
        self.number = next(_numbers)
        if context.progress_callback:
            check(library.ocireg_context_set_progress, self.handle, PROGRESS_FUNCTION, self.number)
        if context.blobs_callback:
            check(library.ocireg_context_set_blob_progress, self.handle, BLOBS_FUNCTION, self.number)
        if context.log_callback:
            check(library.ocireg_context_set_log, self.handle, LOG_FUNCTION, self.number)
        if context.credentials_callback:
            check(library.ocireg_context_set_credentials, self.handle, CREDENTIALS_FUNCTION, self.number)
        if limit is not None:
            self.set_timeout(limit)

    def __enter__(self) -> Self:
        _calls[self.number] = self
        self.settings._enter(self)
        return self

    def __exit__(self, *_: object) -> None:
        self.finish()

    def finish(self) -> None:
        """It is over: neither the library nor the caller's context will use it any more."""
        with _listed:
            _calls.pop(self.number, None)
        self.settings._leave(self)
        self.drop(self.handle)

    def drop(self, *owned: Owned | None) -> None:
        """Frees what the call was made with: here, not in finalizers, where Python ignores a KeyboardInterrupt. A call that is still at
        work after an interrupt keeps it."""
        if self.job is None or self.job.done:
            for one in owned:
                if one is not None:
                    one.drop()

    @property
    def over(self) -> bool:
        """Whether it makes no further call: it was cancelled, or its time is over."""
        return self.cancelled or (self.deadline is not None and monotonic() >= self.deadline)

    def set_timeout(self, limit: float | None) -> None:
        self.deadline = None if limit is None else monotonic() + limit
        check(library.ocireg_context_set_deadline, self.handle, milliseconds(limit))

    def cancel(self) -> None:
        """From any thread."""
        self.cancelled = True
        if not self.handle.value:
            return
        try:
            check(library.ocireg_context_cancel, self.handle)
        except Forked:
            pass

    def progress(self) -> Any:
        return made(Json(), library.ocireg_context_progress, self.handle).take()

    def warnings(self) -> Any:
        return made(Json(), library.ocireg_context_warnings, self.handle).take()

    def _counted(self, function: Callable[..., int], *arguments: Any) -> int:
        """Makes a call, which counts as running, unless Python is ending."""
        counted = 0
        # A signal's handler may raise between any two statements.
        try:
            with _listed:
                if _last not in (None, threading.get_ident()):
                    raise Cancelled("Python is ending")
                self.running, counted = self.running + 1, 1
            return function(*arguments)
        finally:
            with _listed:
                self.running -= counted

    def run(self, function: Callable[..., int], *arguments: Any, aside: bool = False) -> None:
        """Makes the call; raises its error, or what a caller's function or a signal handler raised."""
        failure = Failure()
        arguments = (*arguments, ctypes.byref(failure))
        self.enclose(self.handle)
        self._ended(self._counted(self._status, function, arguments, aside), failure)

    def _ended(self, status: int, failure: Failure) -> None:
        if self.failure is not None:
            raised, self.failure = self.failure, None
            raise raised
        if status:
            error = failure.exception(status)
            failure.drop()
            raise error

    def _status(self, function: Callable[..., int], arguments: tuple[Any, ...], aside: bool) -> int:
        worker = _aside.worker(aside)
        if worker is None:
            return function(*arguments)
        # A caller's function may use the library again, on this thread.
        outer, self.job = self.job, (job := _aside.Job(function, arguments))
        try:
            return _aside.run(worker, job, self.attempt, self.cancel)
        finally:
            # One that is still at work gets no answers of the next.
            if job.done:
                self.job = outer

    def go_on(self, function: Callable[..., int], *arguments: Any) -> None:
        """Like `run`, but an interrupt does not end the call: it goes on, and the next `go_on` waits for its end."""
        if self.lasting is None:
            self.enclose(self.handle)
            failure = Failure()
            arguments = (*arguments, ctypes.byref(failure))
            worker = _aside.worker(False)
            if worker is None:
                self._ended(self._counted(function, *arguments), failure)
                return
            self.job = _aside.Job(function, arguments)
            self.lasting = (_aside.Lasting(worker, self.job), failure)
        lasting, failure = self.lasting
        status = lasting.wait(self.attempt)
        self.lasting = self.job = None
        self._ended(status, failure)

    def abandon(self) -> None:
        """Ends a call that goes on after an interrupt."""
        if self.lasting is not None:
            self.cancel()
            self.lasting[0].job.left = True

    def ask(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """On the thread that the call runs on: calls a function of the caller's on the caller's thread. STOP when it raises."""
        if self.job is None:
            return self.attempt(function, *arguments)
        return self.job.ask(function, *arguments)

    def attempt(self, function: Callable[..., Any], *arguments: Any) -> Any:
        try:
            return function(*arguments)
        except BaseException as error:
            self.failure = self.failure or error
            return STOP

    def surround(self, context: Any) -> None:
        """Calls with the library's context are made in a callback of this one, unless it has ended or is of a process before a fork."""
        with _listed:
            alive = _calls.get(self.number) is self
            check(library.ocireg_context_set_within, context, self.handle if alive else None)


def _told(number: int, kind: str, *arguments: Any) -> int:
    """Calls one of the caller's functions; whether the call is to stop."""
    call = _calls.get(number)
    return int(call is None or call.ask(getattr(call.settings, kind), *arguments) is STOP)


def _progress(number: int, done: int, total: int) -> int:
    return _told(number, "progress_callback", done, total or None)


def _blobs(number: int, event: bytes) -> int:
    return _told(number, "blobs_callback", json.loads(event))


def _log(number: int, event: bytes) -> int:
    return _told(number, "log_callback", json.loads(event))


def _credentials(number: int, host: bytes, answer: int) -> int:
    call = _calls.get(number)
    return int(call is None or call.ask(_find, call, host.decode(), answer) is STOP)


def _find(call: Call, host: str, answer: int) -> None:
    callback: CredentialsCallback = call.settings.credentials_callback  # type: ignore[assignment]
    outer = enclosing.get()
    try:
        enclosing.set(call)
        found = callback(host)
    finally:
        enclosing.set(outer)
    if found is not None and not isinstance(found, Mapping):
        raise TypeError(f"the credentials are {type(found).__name__}, not a dict")
    for key, value in (found or {}).items():
        if value is not None:
            check(library.ocireg_options_set_string, answer, key.encode(), text(key, value))


def _read(number: int, buffer: int, size: int) -> int:
    call = _calls.get(number)
    if call is None or call.source is None:
        return -1
    given = call.ask(call.source, buffer, size)
    return -1 if given is STOP else int(given)


# What C calls. They are made once and are never freed, so that it cannot call one that is gone.
PROGRESS_FUNCTION = PROGRESS(_progress)
BLOBS_FUNCTION = EVENT(_blobs)
LOG_FUNCTION = EVENT(_log)
CREDENTIALS_FUNCTION = CREDENTIALS(_credentials)
# Gives the bytes of the call's source.
READ_FUNCTION = READ(_read)

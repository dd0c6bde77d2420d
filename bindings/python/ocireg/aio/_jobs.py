"""Calls that return at once: the library's jobs, told of by one descriptor of the client, in asyncio's event loop."""

from __future__ import annotations

import asyncio
import contextvars
import ctypes
import inspect
import json
import os
from collections.abc import Callable, Mapping
from time import monotonic
from typing import TYPE_CHECKING, Any

from .. import _convert
from .._call import Enclosed, enclosing, limit_of
from .._memory import Bytes, ClientHandle, Json, Owned, check, exception, made
from .._native import library
from .._sink import taken
from ..errors import Cancelled, Forked, InvalidArgument

if TYPE_CHECKING:
    from ..context import Context

DONE, PROGRESS, CREDENTIALS, LOG, BLOB = 1, 2, 3, 4, 5
# How many events are taken before the loop gets its turn again.
AT_ONCE = 30


class JobHandle(Owned):
    free = library.ocireg_job_free
    # A job is freed before its client.
    client: ClientHandle


class Hub:
    """A client's jobs at work. While there are any, the loop waits for the client's descriptor."""

    def __init__(self, client: ClientHandle) -> None:
        self.client = client
        self.jobs: dict[int, Job] = {}
        self.loop: asyncio.AbstractEventLoop | None = None
        self.idle: list[asyncio.Future[None]] = []
        # What Python does for the client's calls: each is a Guard.
        self.guards: set[Any] = set()

    def fd(self) -> int:
        place = ctypes.c_int32()
        check(library.ocireg_client_fd, self.client, ctypes.byref(place))
        return place.value

    def attach(self) -> None:
        """Makes the running loop that of the jobs; what is left of a loop that has ended goes on here."""
        loop = asyncio.get_running_loop()
        if self.loop is loop:
            return
        if self.loop and not self.loop.is_closed():
            raise RuntimeError("the client is at work in another event loop")
        # What the callbacks of all jobs call is not made for the answer that the first job may be made for.
        context = contextvars.copy_context()
        context.run(enclosing.set, None)
        context.run(loop.add_reader, self.fd(), self.drain)
        self.loop = loop

    def add(self, job: Job) -> None:
        self.attach()
        self.jobs[job.address] = job

    def remove(self, job: Job) -> None:
        if self.jobs.pop(job.address, None) and not self.jobs and self.loop:
            if not self.loop.is_closed():
                self.loop.remove_reader(self.fd())
            self.loop = None
            while self.idle:
                wake(self.idle.pop())

    async def wait(self) -> None:
        """Until no job is at work."""
        if self.jobs:
            self.attach()
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self.idle.append(waiter)
            await waiter

    def drain(self) -> None:
        """Takes what has happened."""
        for _ in range(AT_ONCE):
            address, event = ctypes.c_void_p(), ctypes.c_int32()
            check(library.ocireg_client_next_event, self.client, ctypes.byref(address), ctypes.byref(event))
            if not address.value:
                return
            if job := self.jobs.get(address.value):
                job.take(event.value)


class Job(Enclosed):
    """One call, or all those of a reader or an upload. To a Context it is what a Call is."""

    def __init__(self, hub: Hub, context: Context, timeout: float | None) -> None:
        limit = limit_of(context, timeout)
        wanted = {
            "progress": context.progress_callback,
            "blob_progress": context.blobs_callback,
            "log": context.log_callback,
            "credentials": context.credentials_callback,
        }
        self.hub = hub
        self.settings = context
        self.handle = JobHandle()
        self.handle.client = hub.client
        events = _convert.options({name: True for name, callback in wanted.items() if callback})
        check(library.ocireg_job_new, hub.client, events, None, ctypes.byref(self.handle))
        self.address = int(self.handle.value or 0)
        self.context = library.ocireg_job_context(self.handle)
        # What a callback raised.
        self.failure: BaseException | None = None
        self.future: asyncio.Future[Any] | None = None
        self.waiters: list[asyncio.Future[None]] = []
        # Whether it makes no further call: it was cancelled, or its time is over.
        self.cancelled = False
        self.deadline: float | None = None
        self.finish: Callable[[], Any] = lambda: None
        self.tasks: set[asyncio.Future[Any]] = set()
        if limit is not None:
            self.set_timeout(limit)
        context._enter(self)

    @property
    def over(self) -> bool:
        return self.cancelled or (self.deadline is not None and monotonic() >= self.deadline)

    async def ended(self) -> None:
        """Until its call has ended."""
        if self.address in self.hub.jobs:
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self.waiters.append(waiter)
            await waiter

    def set_timeout(self, seconds: float | None) -> None:
        self.deadline = None if seconds is None else monotonic() + seconds
        check(library.ocireg_context_set_deadline, self.context, _convert.milliseconds(seconds))

    def cancel(self) -> None:
        self.cancelled = True
        try:
            check(library.ocireg_job_cancel, self.handle)
        except Forked:
            pass

    def progress(self) -> Any:
        return made(Json(), library.ocireg_context_progress, self.context).take()

    def warnings(self) -> Any:
        return made(Json(), library.ocireg_context_warnings, self.context).take()

    def leave(self) -> None:
        """It makes no further call."""
        self.settings._leave(self)

    def start(
        self, function: Any, *arguments: Any, finish: Callable[[], Any], lasting: bool = False, tail: tuple[Any, ...] = ()
    ) -> asyncio.Future[Any]:
        """Makes a call; the future has what `finish` makes of its result. Cancelling the future cancels the job, unless that is lasting."""
        self.hub.add(self)
        self.finish = finish
        try:
            self.enclose(self.context)
            check(function, *arguments, *tail)
        except BaseException:
            self.hub.remove(self)
            raise
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.future = future
        if not lasting:
            future.add_done_callback(lambda done: self.cancel() if done.cancelled() else None)
        return future

    def take(self, event: int) -> None:
        if event == DONE:
            self.done()
            return
        try:
            self.tell(event)
        except BaseException as error:
            self.fail(error)

    def tell(self, event: int) -> None:
        """Calls the caller's function for an event."""
        text = library.ocireg_job_event_text(self.handle)
        callbacks = self.settings
        if event == PROGRESS and callbacks.progress_callback:
            done, total = ctypes.c_uint64(), ctypes.c_uint64()
            library.ocireg_job_progress(self.handle, ctypes.byref(done), ctypes.byref(total))
            plain(callbacks.progress_callback(done.value, total.value or None))
        elif event == LOG and callbacks.log_callback:
            plain(callbacks.log_callback(json.loads(text)))
        elif event == BLOB and callbacks.blobs_callback:
            plain(callbacks.blobs_callback(json.loads(text)))
        elif event == CREDENTIALS and callbacks.credentials_callback:
            self.find(callbacks.credentials_callback, text.decode())

    def find(self, callback: Callable[[str], Any], host: str) -> None:
        """Asks the caller about a host. Tasks that are started meanwhile are made for the answer."""
        outside = enclosing.set(self)
        try:
            found = callback(host)
            if inspect.isawaitable(found):
                # A future of the caller's may have others that wait for it.
                wanted = asyncio.shield(found) if asyncio.isfuture(found) else found
                task = asyncio.ensure_future(self.answer_later(wanted))
                self.tasks.add(task)
                task.add_done_callback(self.tasks.discard)
            else:
                self.answer(found)
        finally:
            enclosing.reset(outside)

    def surround(self, context: Any) -> None:
        """Calls with the library's context are made for an answer of this one, unless it belongs to a process before a fork."""
        try:
            check(library.ocireg_context_set_within, context, self.context if self.handle.value else None)
        except Forked:
            pass

    async def answer_later(self, found: Any) -> None:
        try:
            self.answer(await found)
        except BaseException as error:
            # When the call has ended nobody waits for the answer, and this task was cancelled; else another one was.
            if asyncio.current_task() in self.tasks:
                other = isinstance(error, asyncio.CancelledError)
                self.fail(Cancelled("what was to find the credentials was cancelled") if other else error)

    def answer(self, found: Any) -> None:
        if found is not None and not isinstance(found, Mapping):
            raise TypeError(f"the credentials are {type(found).__name__}, not a dict")
        options = _convert.options(found or {})
        if self.address not in self.hub.jobs:
            return
        try:
            check(library.ocireg_job_answer, self.handle, options)
        except InvalidArgument:
            # It comes too late: what ended the call says why.
            if not self.over:
                raise

    def fail(self, error: BaseException) -> None:
        self.failure = self.failure or error
        self.cancel()

    def done(self) -> None:
        self.hub.remove(self)
        while self.tasks:
            self.tasks.pop().cancel()
        while self.waiters:
            wake(self.waiters.pop())
        future, self.future = self.future, None
        finish, self.finish = self.finish, lambda: None
        failure, self.failure = self.failure, None
        if future is None or future.done() or future.get_loop().is_closed():
            return
        status = library.ocireg_job_status(self.handle)
        try:
            if failure is not None:
                raise failure
            if status:
                raise exception(status, library.ocireg_job_error(self.handle))
            future.set_result(finish())
        except StopIteration as error:
            future.set_exception(stopped(error))
        except BaseException as error:
            future.set_exception(error)

    def result(self, kind: type[Owned]) -> Any:
        """A result of the call that has ended."""
        if kind is Bytes:
            buffer = library.ocireg_job_bytes(self.handle)
            return ctypes.string_at(library.ocireg_buffer_data(buffer), library.ocireg_buffer_size(buffer))
        text = library.ocireg_job_json(self.handle)
        return json.loads(text) if kind is Json else text.decode()


def plain(answer: Any) -> None:
    """Refuses what would never be awaited."""
    if inspect.iscoroutine(answer):
        answer.close()
        raise TypeError("a callback for progress, blobs or the log is a coroutine function: only that for credentials may be one")


def stopped(error: StopIteration) -> RuntimeError:
    """A future takes no StopIteration, which would end whoever awaits it without an error: it is what a coroutine makes of it."""
    made = RuntimeError("a callback raised StopIteration")
    made.__cause__ = error
    return made


def wake(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


async def readable(fd: int) -> None:
    """Until a descriptor can be read from."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[None] = loop.create_future()
    loop.add_reader(fd, wake, future)
    try:
        await future
    finally:
        loop.remove_reader(fd)


async def over(task: asyncio.Task[Any]) -> None:
    """Waits for a cancelled task, whose descriptor and sink are in use until then, also when the caller is cancelled once more."""
    again: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError as error:
            again = error
    if again is not None:
        raise again


async def carry(fd: int, sink: Any) -> None:
    """Writes what comes out of a pipe, to its end, to an object; its `write` may be a coroutine, and it may have `drain`."""
    while True:
        try:
            data = os.read(fd, 1 << 18)
        except BlockingIOError:
            await readable(fd)
            continue
        if not data:
            return
        view = memoryview(data)
        while view:
            count = sink.write(bytes(view))
            if inspect.isawaitable(count):
                count = await count
            view = view[taken(sink, count, len(view)) :]
        if hasattr(sink, "drain"):
            await sink.drain()

"""Calls beside the thread that makes them.

Python handles signals on the main thread only, and not while that is in C. So the main thread's calls run on a thread of this package,
and the main thread waits for them where Ctrl-C, an alarm, or whatever else a signal handler raises reaches it at once; the call is then
cancelled. The caller's own functions (progress, a file's read) run on the caller's thread all the same: the call asks for them, and
waits for the answer. So nothing of the caller's ever runs where an exception would be lost, and a read of its that hangs can be
interrupted too.
"""

from __future__ import annotations

import _thread
import os
import sys
import threading
from collections import deque
from collections.abc import Callable
from queue import Empty, SimpleQueue
from time import monotonic
from typing import Any

# What a caller's function gives that raised, or that was not called because the call is being left.
STOP: Any = object()
# The seconds that an interrupted caller waits for the call's end. The library needs at most 0.2.
PATIENCE = 2.0


class Claim:
    """What one of two threads gets, and the other does not; an interrupt between any two steps of one changes nothing of that."""

    def __init__(self) -> None:
        self.left = deque([None])

    def take(self) -> bool:
        """Whether it is the caller's from now on."""
        try:
            self.left.pop()
        except IndexError:
            return False
        return True


class Request:
    """A function that is to be called on the caller's thread."""

    def __init__(self, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
        self.function = function
        self.arguments = arguments
        self.answer: SimpleQueue[Any] = SimpleQueue()


class Job:
    """One C function that runs on a worker, and the caller that waits for it. An interrupt may come after any step of the caller's: what
    was asked for and the end are remembered, and the bell only says that there is news."""

    def __init__(self, function: Callable[..., int], arguments: tuple[Any, ...]) -> None:
        self.function = function
        self.arguments = arguments
        self.status = 0
        self.error: BaseException | None = None
        # The worker's, which begins, or the caller's, who leaves before.
        self.begin = Claim()
        self.given = self.left = self.done = False
        self.requests: deque[Request] = deque()
        self.bell: SimpleQueue[None] = SimpleQueue()

    def perform(self) -> None:
        """On the worker. An interrupt can make that a job is given twice, or after its caller has left."""
        if not self.begin.take():
            return
        try:
            self.status = self.function(*self.arguments)
        except BaseException as error:
            self.error = error
        finally:
            self.done = True
            self.bell.put(None)

    def ask(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """On the worker: has a function called by the caller."""
        request = Request(function, arguments)
        self.requests.append(request)
        self.bell.put(None)
        while not self.left:
            try:
                return request.answer.get(timeout=1)
            except Empty:
                pass
        return STOP

    def wait(self, attempt: Callable[..., Any]) -> int:
        """On the caller's thread: until the function has returned. What is asked for meanwhile is called by `attempt`."""
        while not self.done:
            while self.requests:
                request = self.requests[0]
                request.answer.put(attempt(request.function, *request.arguments))
                self.requests.popleft()
            self.bell.get()
        if self.error:
            raise self.error
        return self.status

    def leave(self) -> None:
        """On the caller's thread, after the call was cancelled: until none of it runs, if that does not take too long."""
        self.left = True
        if self.begin.take():
            self.done = True
        limit = monotonic() + PATIENCE
        try:
            while not self.done:
                for request in list(self.requests):
                    request.answer.put(STOP)
                self.bell.get(timeout=max(0.0, limit - monotonic()))
        except Empty:
            pass


class Worker:
    """A thread that waits for jobs."""

    def __init__(self) -> None:
        self.jobs: SimpleQueue[Job | None] = SimpleQueue()
        # Not by threading, which waits for the thread to begin in steps of Python that an interrupt breaks: it gave RuntimeError.
        _thread.start_new_thread(serve, (self.jobs,))

    def __del__(self) -> None:
        # One whose making was interrupted has none.
        if hasattr(self, "jobs"):
            self.jobs.put(None)


def serve(jobs: SimpleQueue[Job | None]) -> None:
    """What a worker does. Between two jobs it keeps nothing of the first."""
    while (job := jobs.get()) is not None:
        job.perform()
        del job


# Kept here: at the end of the interpreter a module's names may be gone before its functions are.
_ending = sys.is_finalizing


def no_more_threads() -> RuntimeError:
    return RuntimeError("the interpreter is ending: no other thread runs any more")


_idle: list[Worker] = []
os.register_at_fork(after_in_child=_idle.clear)


def worker(wanted: bool) -> Worker | None:
    """A worker for the main thread, the one that signals interrupt, and for any other caller that wants one. None for a call that can do
    without where there is none any more: at the end of the interpreter threads stand still, and a new one does not begin."""
    if not wanted and (_ending() or threading.current_thread() is not threading.main_thread()):
        return None
    if _ending():
        raise no_more_threads()
    try:
        return _idle.pop()
    except IndexError:
        pass
    try:
        return Worker()
    except RuntimeError:
        if wanted:
            raise
        return None


def give(worker: Worker, job: Job) -> None:
    if not job.given:
        worker.jobs.put(job)
        job.given = True


def run(worker: Worker, job: Job, attempt: Callable[..., Any], cancel: Callable[[], None]) -> int:
    """Runs a job on a worker; gives the status of the C function, or raises what the wait was interrupted by."""
    try:
        give(worker, job)
        return job.wait(attempt)
    except BaseException:
        if not job.done:
            cancel()
            job.leave()
        raise
    finally:
        # One that is still at work ends with its job.
        if job.done:
            _idle.append(worker)


class Lasting:
    """A call that an interrupt does not end: the next one that waits for it gets its result."""

    def __init__(self, worker: Worker, job: Job) -> None:
        self.worker: Worker | None = worker
        self.job = job

    def wait(self, attempt: Callable[..., Any]) -> int:
        if _ending() and not self.job.done:
            raise no_more_threads()
        if self.worker:
            give(self.worker, self.job)
        try:
            return self.job.wait(attempt)
        finally:
            if self.job.done and self.worker:
                worker, self.worker = self.worker, None
                _idle.append(worker)

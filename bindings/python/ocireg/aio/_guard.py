"""The part of a call that Python makes: reading a source, writing to a sink. It ends with the call's limit, its context and its client, as
the library's part does."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from .._call import limit_of
from ..errors import Cancelled, Closed, Error, TimeoutError

if TYPE_CHECKING:
    from ..context import Context
    from ._jobs import Hub

# The library, whose errors say more, has its own limit a little earlier.
SLACK = 0.05


class Guard:
    """A task, which is to a Context what a Call is."""

    def __init__(self, hub: Hub, context: Context, timeout: float | None) -> None:
        self.hub = hub
        self.context = context
        self.limit = limit_of(context, timeout)
        self.loop = asyncio.get_running_loop()
        self.reason: Error | None = None
        self.timer: asyncio.TimerHandle | None = None
        self.task: asyncio.Task[Any] | None = None

    async def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Does the work; raises why it was ended, or what it raises."""
        self.task = asyncio.ensure_future(work)
        self.hub.guards.add(self)
        self.context._enter(self)
        self.arm(self.limit)
        try:
            await asyncio.wait([self.task])
        except BaseException:
            self.task.cancel()
            await asyncio.wait([self.task])
            raise
        finally:
            self.arm(None)
            self.context._leave(self)
            self.hub.guards.discard(self)
        if self.reason is not None and (self.task.cancelled() or isinstance(self.task.exception(), Cancelled)):
            raise self.reason
        return self.task.result()

    def end(self, reason: Error) -> None:
        if self.task is not None and not self.task.done() and self.reason is None:
            self.reason = reason
            self.task.cancel()

    def arm(self, seconds: float | None) -> None:
        if self.timer is not None:
            self.timer.cancel()
        over = TimeoutError("the time for the call is over")
        self.timer = None if seconds is None else self.loop.call_later(seconds + SLACK, self.end, over)

    def cancel(self) -> None:
        """From any thread; a moment after the library was told."""
        self.soon(self.loop.call_later, SLACK, self.end, Cancelled("the call was cancelled"))

    def close(self) -> None:
        self.soon(self.loop.call_later, SLACK, self.end, Closed("the client is closed"))

    def set_timeout(self, seconds: float | None) -> None:
        self.soon(self.arm, seconds)

    def soon(self, function: Any, *arguments: Any) -> None:
        if not self.loop.is_closed():
            self.loop.call_soon_threadsafe(function, *arguments)

    def progress(self) -> Any:
        return self.context._progress

    def warnings(self) -> Any:
        return []

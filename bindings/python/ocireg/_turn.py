"""What one thread uses at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable
from time import monotonic, sleep
from typing import TypeVar

from .errors import Busy

Result = TypeVar("Result")


class _User:
    def __init__(self) -> None:
        self.thread = threading.get_ident()


class Turn:
    """Whoever comes while something is in use gets Busy, as in C, and does not wait: it may be a callback that the use in progress waits
    for."""

    def __init__(self, what: str) -> None:
        self.what = what
        self.users: dict[int, _User] = {}

    def take(self, step: Callable[[], Result]) -> Result:
        """Python may raise a KeyboardInterrupt after any call, so nothing is called behind the step."""
        me = _User()
        try:
            if self.users.setdefault(0, me) is not me:
                self.refuse()
            return step()
        finally:
            if 0 in self.users and self.users[0] is me:
                del self.users[0]

    def refuse(self) -> None:
        raise Busy(f"the {self.what} is in use, by another thread or by the call that this callback is of")

    def user(self) -> int | None:
        """The thread that has it."""
        user = self.users.get(0)
        return None if user is None else user.thread

    def wait(self, limit: float) -> None:
        """Until nobody has it, but not longer than these seconds."""
        end = monotonic() + limit
        while self.users and monotonic() < end:
            sleep(0.001)

"""Where bytes go, for the calls that write to a descriptor."""

from __future__ import annotations

import io
import os
import socket
import threading
from typing import TYPE_CHECKING, Any

from ._aside import STOP, Claim
from .errors import Cancelled

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from typing_extensions import Self

    from ._call import Call

CHUNK = 1 << 18


class Sink:
    """A descriptor that C writes to. Files and plain sockets have one. To any other object the bytes go through a pipe: a thread reads
    that, and the caller's thread writes what it read."""

    def __init__(self, sink: Any) -> None:
        self.sink = sink
        # Both ends are closed by the threads of the call, or, when it was left before they began, here.
        self.ends = Claim()
        self.reader = self.writer = -1
        direct = descriptor(sink)
        if direct is None:
            self.reader, self.writer = os.pipe()
        self.fd = self.writer if direct is None else direct

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self.piped:
            if self.ends.take():
                self.close()
        elif isinstance(self.sink, io.BufferedIOBase) and self.sink.seekable():
            # What C has written moved the file, behind its object's back.
            self.sink.seek(os.lseek(self.fd, 0, os.SEEK_CUR))

    def close(self) -> None:
        os.close(self.reader)
        os.close(self.writer)

    @property
    def piped(self) -> bool:
        return self.reader >= 0

    def around(self, function: Callable[..., int], call: Call) -> Callable[..., int]:
        """The C function for this sink: where that is a pipe, it ends when everything was written."""
        if not self.piped:
            return function

        def carried(*arguments: Any) -> int:
            # What has their numbers after they were closed is not ours.
            if not self.ends.take():
                raise Cancelled("the call was left before it began")
            pump = threading.Thread(target=self.carry, args=(call,), name="ocireg-sink", daemon=True)
            try:
                pump.start()
            except BaseException:
                self.close()
                raise
            try:
                return function(*arguments)
            finally:
                os.close(self.writer)
                pump.join()

        return carried

    def carry(self, call: Call) -> None:
        """On the pump's thread. When the sink fails, the end of the pipe ends the call."""
        try:
            while (data := os.read(self.reader, CHUNK)) and call.ask(self.write, data) is not STOP:
                pass
        finally:
            os.close(self.reader)

    def write(self, data: bytes) -> None:
        """On the caller's thread: all of it; a raw file may take less at a time, and another object need not say how much it took."""
        while data:
            data = data[taken(self.sink, self.sink.write(data), len(data)) :]


def taken(sink: Any, count: Any, size: int) -> int:
    """How many of the bytes that were given to a sink's `write` it took, by what that returned."""
    if count is None and isinstance(sink, io.RawIOBase):
        raise BlockingIOError("the sink does not block, and takes no bytes now")
    if count is None:
        return size
    # One that takes nothing would be asked for ever.
    if not isinstance(count, int) or not 0 < count <= size:
        raise ValueError(f"the sink's write was given {size} bytes and says that it took {count!r}")
    return count


def descriptor(sink: Any) -> int | None:
    """The descriptor that takes the bytes exactly as `sink.write` would, if there is one."""
    if isinstance(sink, int) and not isinstance(sink, bool):
        return sink
    if type(sink) is socket.socket:
        return sink.fileno()
    raw = sink.raw if isinstance(sink, (io.BufferedWriter, io.BufferedRandom)) else sink
    # Of makefile("wb"); one that encrypts has another socket.
    if type(raw) is io.FileIO or (type(raw) is socket.SocketIO and type(getattr(raw, "_sock", None)) is socket.socket):
        sink.flush()
        return raw.fileno()
    if isinstance(sink, io.TextIOBase):
        raise TypeError("the sink is a text file: open it in binary mode")
    if not hasattr(sink, "write"):
        raise TypeError(f"sink is {type(sink).__name__}, which cannot be written to")
    return None

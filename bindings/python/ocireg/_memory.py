"""What the library allocates and Python frees, exactly once, whatever is raised on the way; and Python's memory as C sees it."""

from __future__ import annotations

import ctypes
import json
import os
import sys
import threading
from contextlib import suppress
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, ClassVar

from ._native import library
from .errors import ERRORS, Error, error

if TYPE_CHECKING:
    from typing_extensions import Self


class Owned(ctypes.c_void_p):
    """A place for a pointer that the library gives: passed by reference, and from then on the owner of what is there."""

    free: ClassVar[Any]

    def drop(self) -> None:
        """Frees it now."""
        pointer, self.value = self.value, None
        if pointer:
            self.free(pointer)

    def __del__(self) -> None:
        pointer, self.value = self.value, None
        if pointer:
            self.free(pointer)


class End:
    """The end of a handle, once."""

    def __init__(self, free: Any, pointer: int) -> None:
        self.free = free
        self.pointer: int | None = pointer

    def __call__(self) -> None:
        pointer, self.pointer = self.pointer, None
        if pointer:
            self.free(pointer)


class Reaper:
    """A thread that frees what finalizers must not wait for. It begins with the first handle, because none can be started at the end of the
    process, where finalizers run too."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.handles: SimpleQueue[End] | None = None

    def begin(self) -> None:
        with self.lock:
            if self.handles is None:
                handles: SimpleQueue[End] = SimpleQueue()
                with suppress(RuntimeError):  # no more threads
                    threading.Thread(target=reap, args=(handles,), name="ocireg-reaper", daemon=True).start()
                    self.handles = handles


def reap(handles: SimpleQueue[End]) -> None:
    while True:
        handles.get()()


reaper = Reaper()
# Its thread is not in a forked child, and its lock may be held there.
os.register_at_fork(after_in_child=reaper.__init__)  # type: ignore[misc]


class Shared(Owned):
    """A handle, whose free function may take a moment."""

    def __new__(cls) -> Self:
        reaper.begin()
        place = super().__new__(cls)
        place.process = os.getpid()
        return place

    process: int
    end: End | None = None

    def drop(self) -> None:
        # A forked child leaves its parent's handles alone. An interrupt may come after any step: what is handed over twice ends once.
        if self.value and self.process == os.getpid() and reaper.handles:
            self.end = self.end or End(self.free, self.value)
            reaper.handles.put(self.end)
        self.value = None

    def drop_now(self) -> None:
        """Waits for it."""
        pointer, self.value = self.value, None
        if pointer and self.process == os.getpid():
            self.free(pointer)

    def __del__(self) -> None:
        try:
            self.drop()
        finally:
            self.drop()


class ClientHandle(Shared):
    free = library.ocireg_client_free


class ReaderHandle(Shared):
    free = library.ocireg_blob_reader_free


class UploadHandle(Shared):
    free = library.ocireg_upload_free


class ArtifactHandle(Owned):
    free = library.ocireg_artifact_free


class ContextHandle(Owned):
    free = library.ocireg_context_free


class OptionsHandle(Owned):
    free = library.ocireg_options_free


class Text(Owned):
    """A string of the library."""

    free = library.ocireg_string_free

    def take(self) -> str | None:
        pointer = self.value
        text = ctypes.string_at(pointer).decode() if pointer else None
        self.drop()
        return text


class Json(Text):
    """A result of the library."""

    def take(self) -> Any:
        pointer = self.value
        result = json.loads(ctypes.string_at(pointer)) if pointer else None
        self.drop()
        return result


class Bytes(Owned):
    """A buffer of the library."""

    free = library.ocireg_buffer_free

    def take(self) -> bytes | None:
        pointer = self.value
        if not pointer:
            return None
        data = ctypes.string_at(library.ocireg_buffer_data(pointer), library.ocireg_buffer_size(pointer))
        self.drop()
        return data


class Failure(Owned):
    """The error of a call."""

    free = library.ocireg_error_free

    def exception(self, status: int) -> Error:
        return exception(status, self.value)


def exception(status: int, pointer: int | None) -> Error:
    """What an error of the library is here; it stays its owner's."""
    if not pointer:
        return ERRORS.get(status, Error)(f"error {status}", {"code": status})
    return error(status, library.ocireg_error_message(pointer).decode(), library.ocireg_error_json(pointer))


def check(function: Any, *arguments: Any) -> None:
    """Makes a call that does not block and gives nothing; its last argument, for the error, is added."""
    failure = Failure()
    if status := function(*arguments, ctypes.byref(failure)):
        raised = failure.exception(status)
        failure.drop()
        raise raised


def made(place: Any, function: Any, *arguments: Any) -> Any:
    """Makes a call that does not block; its last two arguments, for the result and the error, are added. Returns the place."""
    check(function, *arguments, ctypes.byref(place))
    return place


class _Lent(ctypes.Structure):
    """CPython's Py_buffer."""

    _fields_ = (
        ("buf", ctypes.c_void_p),
        ("obj", ctypes.c_void_p),
        ("len", ctypes.c_ssize_t),
        ("itemsize", ctypes.c_ssize_t),
        ("readonly", ctypes.c_int),
        ("ndim", ctypes.c_int),
        ("format", ctypes.c_char_p),
        ("shape", ctypes.c_void_p),
        ("strides", ctypes.c_void_p),
        ("suboffsets", ctypes.c_void_p),
        ("internal", ctypes.c_void_p),
    )

    _as_parameter_: Any

    def __del__(self) -> None:
        if self.obj:
            ctypes.pythonapi.PyBuffer_Release(ctypes.byref(self))


def lent(what: str, data: Any) -> tuple[Any, int]:
    """The bytes of an object with the buffer protocol as the two arguments that C expects. They are not copied, and the object cannot
    change its size meanwhile."""
    if isinstance(data, bytes):
        return data, len(data)
    try:
        view = memoryview(data)
    except TypeError:
        raise TypeError(f"{what} is {type(data).__name__}, not bytes") from None
    if not view.contiguous:
        return view.tobytes(), view.nbytes
    if not view.nbytes:
        return None, 0
    if not view.readonly:
        return (ctypes.c_char * view.nbytes).from_buffer(view.cast("B")), view.nbytes
    if not hasattr(ctypes, "pythonapi") or sys.implementation.name != "cpython":
        return view.tobytes(), view.nbytes
    buffer = _Lent()
    ctypes.pythonapi.PyObject_GetBuffer(ctypes.py_object(view), ctypes.byref(buffer), 0)  # PyBUF_SIMPLE
    buffer._as_parameter_ = ctypes.c_void_p(buffer.buf)
    return buffer, view.nbytes

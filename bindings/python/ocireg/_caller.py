"""How a client makes its calls."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from . import _convert
from ._call import READ_FUNCTION, Call
from ._memory import ClientHandle, Json, Owned
from ._native import library
from ._sink import Sink
from ._source import fill
from .context import Context
from .errors import Closed

text = _convert.text


# A sink or source that was not given; None would be a wrong one.
NOTHING: Any = object()


def context_of(given: Any, defaults: Context) -> Context:
    """The context of a call."""
    if given is None:
        return defaults
    if not isinstance(given, Context):
        raise TypeError(f"context is {type(given).__name__}, not a Context")
    return given


class Wants(Protocol):
    """What makes of the parts of a result what a method returns."""

    def __call__(self, *parts: Any) -> Any: ...


def first(result: Any, *_: Any) -> Any:
    return result


def last(*parts: Any) -> Any:
    return parts[-1]


class Caller:
    """Makes calls: the client's `_invoke` and `_open`. Everything that a method does with a result is in its `then`, so that the calls of
    an asynchronous client are the same."""

    _handle: ClientHandle
    _defaults: Context

    def _invoke(
        self,
        name: str,
        *arguments: Any,
        options: Any = None,
        outs: tuple[type[Owned], ...] = (Json,),
        then: Wants = first,
        sink: Any = NOTHING,
        source: Any = NOTHING,
    ) -> Any:
        """Calls a C function: function(client, context, arguments…, options, outs…, error). Of the options, context and timeout are this
        package's, the others are the library's. A sink's descriptor is the last argument; a source is a callback."""
        self._alive()
        given = dict(options or {})
        context, timeout = given.pop("context", None), given.pop("timeout", None)
        handle = _convert.options(given)
        function = getattr(library, name)
        places = [out() for out in outs]
        with Call(context_of(context, self._defaults), timeout) as call:
            if source is not NOTHING:
                call.source = fill(source)
                arguments = (*arguments, READ_FUNCTION, call.number)
            rest = (handle, *map(ctypes.byref, places))
            if sink is NOTHING:
                call.run(function, self._handle, call.handle, *arguments, *rest)
            else:
                with Sink(sink) as opened:
                    around = opened.around(function, call)
                    call.run(around, self._handle, call.handle, *arguments, opened.fd, *rest, aside=opened.piped)
            call.drop(handle)
        return then(*[place.take() for place in places])  # type: ignore[attr-defined]

    def _alive(self) -> None:
        """A finalizer may use a client that has been finalized before it."""
        if not self._handle.value:
            raise Closed("the client was freed by Python")

    def _open(self, kind: type[Owned], name: str, *arguments: Any, options: Any, then: Callable[[Any, Call], Any]) -> Any:
        """Like _invoke, for functions that open something, which keeps its call."""
        self._alive()
        given = dict(options)
        context, timeout = given.pop("context", None), given.pop("timeout", None)
        handle, place = _convert.options(given), kind()
        call = Call(context_of(context, self._defaults), timeout)
        try:
            call.__enter__()
            call.run(getattr(library, name), self._handle, call.handle, *arguments, handle, ctypes.byref(place))
            return then(place, call)
        except BaseException:
            call.finish()
            raise


def pages(fetch: Callable[..., Any], member: str, options: Any) -> Iterator[Any]:
    """The elements of all pages: `fetch` gets one, of which `member` has the elements."""
    while True:
        page = fetch(**options)
        yield from page[member]
        if page["next"] is None:
            return
        options = {**options, "next": page["next"]}

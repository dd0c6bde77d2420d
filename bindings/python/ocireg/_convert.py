"""Python's values as the library's: names, paths and options."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable, Mapping
from numbers import Real
from typing import Any

from ._memory import OptionsHandle, check, made
from ._native import library
from .errors import InvalidArgument


def text(what: str, value: object) -> bytes:
    """A string for C, which ends at its first NUL."""
    given = getattr(value, "__ocireg__", value)
    if isinstance(given, os.PathLike):
        given = os.fspath(given)
    if isinstance(given, str):
        try:
            given = given.encode()
        except UnicodeEncodeError as error:
            raise InvalidArgument(f"{what} is not valid Unicode: {error}") from None
    elif not isinstance(given, bytes):
        raise TypeError(f"{what} is {type(value).__name__}, not str")
    if b"\0" in given:
        raise InvalidArgument(f"{what} contains a NUL")
    return given


def seconds(what: str, value: Any) -> float | None:
    """A time in seconds, None for none."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{what} is {type(value).__name__}, not a number of seconds")
    if math.isnan(value):
        raise ValueError(f"{what} is {value}, not a number of seconds")
    return float(value)


def milliseconds(seconds: float | None) -> int:
    """A time limit; to the library 0 is none."""
    return 0 if seconds is None else max(1, math.ceil(min(seconds, 1e9) * 1000))


def options(values: Mapping[str, Any]) -> OptionsHandle | None:
    """Keyword arguments as the library's options, which it checks: None when there are none."""
    given = {key: plain(key, value) for key, value in values.items() if value is not None}
    if not given:
        return None
    handle: OptionsHandle = made(OptionsHandle(), library.ocireg_options_new)
    check(library.ocireg_options_parse, handle, json.dumps(given).encode())
    return handle


def plain(key: str, value: Any) -> Any:
    """A value that JSON has."""
    if isinstance(value, float) and not math.isfinite(value):
        raise InvalidArgument(f"option {key}: {value} is not a finite integer or float")
    if isinstance(value, (bool, str, int, float)):
        return value
    if key.endswith("_fd") and hasattr(value, "fileno"):
        return value.fileno()
    if isinstance(value, (bytes, os.PathLike)) or hasattr(value, "__ocireg__"):
        return text(key, value).decode()
    if isinstance(value, Mapping):
        return {plain(key, name): plain(key, member) for name, member in value.items()}
    if isinstance(value, Iterable):
        return [plain(key, element) for element in value]
    raise TypeError(f"option {key} is {type(value).__name__}")

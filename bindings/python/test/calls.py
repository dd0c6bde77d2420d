"""Which of the library's functions the tests have called. When all of them run, one that none of them called is a failure."""

from __future__ import annotations

from typing import Any

from ocireg import _memory, _native
from ocireg.aio._jobs import JobHandle

SEEN: set[str] = set()

# Functions that Python does not need, and why. They are declared all the same.
C_ONLY = {
    "error_code": "the status itself has it",
    "error_name": "ocireg_error_json has it",
    "error_hint": "ocireg_error_json has it",
    "error_errno": "ocireg_error_json has it",
    "error_http_status": "ocireg_error_json has it",
    "version_number": "ocireg_version has it",
    "options_set_int": "options go over as JSON, by ocireg_options_parse",
    "options_set_double": "as above",
    "options_set_bool": "as above",
    "options_add_string": "as above",
    "manifest_layer": "Manifest.layer looks into the document that Python has read",
    "context_cancel_from_signal": "Python's signal handlers do not run in the signal handler, but later, where everything may be done",
    "image_export_stream": "export_image writes to anything through a pipe, as all calls do",
    "job_userdata": "a job is found by its address",
    **{f"json_{name}": "Python's json reads what Python reads" for name in (
        "parse", "parse_bytes", "kind", "at", "text", "string", "integer", "number", "boolean", "size", "item", "key", "dump", "free",
    )},
}  # fmt: skip


def names() -> list[str]:
    return [*_native.OTHERS, *_native.STATUSES]


def record() -> None:
    """From now on every call is recorded."""
    for name in names():
        setattr(_native.library, f"ocireg_{name}", recorded(name, getattr(_native.library, f"ocireg_{name}")))
    # Those that free are called by what owns something, when it goes. No code of the tests' is between them and C, where an interrupt could
    # come.
    for kind in (*vars(_memory).values(), JobHandle):
        if isinstance(kind, type) and issubclass(kind, _memory.Owned) and hasattr(kind, "free"):
            SEEN.add(kind.free.__name__.removeprefix("ocireg_"))


def recorded(name: str, function: Any) -> Any:
    def call(*arguments: Any) -> Any:
        SEEN.add(name)
        return function(*arguments)

    call.__name__ = f"ocireg_{name}"
    return call


# When the package was loaded, before calls were recorded.
SEEN.add("version")


def missing() -> list[str]:
    return [name for name in names() if name not in SEEN and name not in C_ONLY]

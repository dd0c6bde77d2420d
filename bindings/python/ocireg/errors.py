"""The exceptions: a class for each code of the library, in groups, and builtin ones too where programs expect them.

    Error
      UsageError      InvalidArgument (ValueError), InvalidReference (ValueError), Closed (ValueError), Busy, Forked
      AccessError     Unauthenticated, Forbidden (all PermissionError)
      RegistryError   NotFound (LookupError), Unsupported, RateLimited, ServerError, HTTPError, ProtocolError
      TransportError  ConnectError and NetworkError (ConnectionError), ResolveError, TLSError, TimeoutError (TimeoutError),
                      RedirectError (all OSError)
      ContentError    DigestMismatch, SizeMismatch, LimitExceeded, InvalidManifest, SignatureError, MissingBlob
      Cancelled, FileError (OSError), CallbackError, InternalError

A code that this package does not know, of a newer library, is a plain Error.
"""

from __future__ import annotations

import builtins
import errno
import json as jsons
import os
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from .results import ErrorDetails, NameConflict


class Error(Exception):
    """What went wrong in a call. It holds no secret: URLs are without userinfo and query."""

    # The code and its name of exactly this class; those of InternalError for groups.
    CODE: ClassVar[int] = 27
    NAME: ClassVar[str] = "INTERNAL"

    def __init__(self, message: str = "", details: ErrorDetails | dict[str, Any] | None = None) -> None:
        super().__init__(message)
        # What went wrong, in English.
        self.message = message
        # All that is known: the members of ocireg_error_json.
        self.json: dict[str, Any] = dict(details or {})
        # The system's number for what failed at a file or descriptor: errno.ENOSPC.
        self.errno: int | None = self.json.get("errno")
        if self.hint is not None and hasattr(self, "add_note"):
            self.add_note(f"hint: {self.hint}")

    def __str__(self) -> str:
        return self.message

    def __reduce__(self) -> tuple[Any, ...]:
        return (type(self), (self.message, self.json))

    @property
    def code(self) -> int:
        """The library's code: 5."""
        return int(self.json.get("code", self.CODE))

    @property
    def name(self) -> str:
        """The code's name: "NOT_FOUND"."""
        return str(self.json.get("name", self.NAME))

    @property
    def hint(self) -> str | None:
        """What to do about it, in English."""
        return self.json.get("hint")

    @property
    def http_status(self) -> int | None:
        """The HTTP status of the answer that made the call fail."""
        return self.json.get("http_status")

    @property
    def retryable(self) -> bool:
        """Whether the same call may succeed later."""
        return self.json.get("retryable") is True

    @property
    def retry_after(self) -> float | None:
        """The seconds after which the registry asks to come back."""
        return self.json.get("retry_after")

    @property
    def url(self) -> str | None:
        """The URL of the request that failed."""
        return self.json.get("url")

    @property
    def side(self) -> str | None:
        """Of a copy, "source" or "destination"."""
        return self.json.get("side")

    @property
    def registry_errors(self) -> list[dict[str, Any]]:
        """The registry's own words: "code", "message", perhaps "detail"."""
        return list(self.json.get("registry_errors", []))

    @property
    def conflict(self) -> NameConflict | None:
        """The name that was not to be set, and what it refers to now: "name", "digest"."""
        return self.json.get("conflict")

    @property
    def cause(self) -> list[str]:
        """The errors underneath, outermost first."""
        return list(self.json.get("cause", []))


class UsageError(Error):
    """The caller's mistake."""


class AccessError(Error, PermissionError):
    """The registry does not let this caller do this."""


class RegistryError(Error):
    """The registry's answer is a refusal, a failure, or invalid."""


class TransportError(Error, OSError):
    """The registry was not reached, or the connection broke."""


class ContentError(Error):
    """The bytes are not what they should be."""


class InvalidArgument(UsageError, ValueError):
    """An argument or option is unknown, of the wrong type or out of range."""

    CODE, NAME = 1, "INVALID_ARGUMENT"


class InvalidReference(UsageError, ValueError):
    """A name, tag or digest is malformed."""

    CODE, NAME = 2, "INVALID_REFERENCE"


class Unauthenticated(AccessError):
    """The registry wants credentials, or does not take these."""

    CODE, NAME = 3, "UNAUTHENTICATED"


class Forbidden(AccessError):
    """The credentials are valid, but do not allow this."""

    CODE, NAME = 4, "FORBIDDEN"


class NotFound(RegistryError, LookupError):
    """There is no such repository, tag, manifest, blob or platform."""

    CODE, NAME = 5, "NOT_FOUND"


class Unsupported(RegistryError):
    """The registry cannot or will not do this."""

    CODE, NAME = 6, "UNSUPPORTED"


class RateLimited(RegistryError):
    """Too many requests; `retry_after` says when to come back, if the registry did."""

    CODE, NAME = 7, "RATE_LIMITED"


class ConnectError(TransportError, ConnectionError):
    """No connection to the host."""

    CODE, NAME = 8, "CONNECT"


class TLSError(TransportError):
    """The TLS handshake failed: certificate, name, date or protocol."""

    CODE, NAME = 9, "TLS"


class TimeoutError(TransportError, builtins.TimeoutError):
    """The time is over, or the server was silent or too slow. After a write the outcome is unknown."""

    CODE, NAME = 10, "TIMEOUT"


class Cancelled(Error):
    """The context was cancelled. After a write the outcome is unknown."""

    CODE, NAME = 11, "CANCELLED"


class RedirectError(TransportError):
    """A redirect, upload location or token server was refused."""

    CODE, NAME = 12, "REDIRECT"


class ProtocolError(RegistryError):
    """The server's answer breaks the protocol."""

    CODE, NAME = 13, "PROTOCOL"


class DigestMismatch(ContentError):
    """The bytes do not have the digest that they should have."""

    CODE, NAME = 14, "DIGEST_MISMATCH"


class SizeMismatch(ContentError):
    """There are more or fewer bytes than there should be."""

    CODE, NAME = 15, "SIZE_MISMATCH"


class LimitExceeded(ContentError):
    """Something is larger than its limit."""

    CODE, NAME = 16, "LIMIT_EXCEEDED"


class InvalidManifest(ContentError):
    """A manifest is malformed, ambiguous, or of a kind that was not accepted."""

    CODE, NAME = 17, "INVALID_MANIFEST"


class SignatureError(ContentError):
    """A schema-1 signature is missing or wrong."""

    CODE, NAME = 18, "SIGNATURE"


class MissingBlob(ContentError):
    """A manifest names a blob that the registry does not have."""

    CODE, NAME = 19, "MISSING_BLOB"


class ServerError(RegistryError):
    """The server failed (5xx), retries spent."""

    CODE, NAME = 20, "SERVER"


class HTTPError(RegistryError):
    """Any other HTTP error (4xx)."""

    CODE, NAME = 21, "HTTP"


class FileError(Error, OSError):
    """A local file or descriptor failed; `errno` says how. It is FileNotFoundError, PermissionError and so on, too."""

    CODE, NAME = 22, "IO"

    def __init__(self, message: str = "", details: ErrorDetails | dict[str, Any] | None = None) -> None:
        super().__init__(message, details)
        self.strerror = None if self.errno is None else os.strerror(self.errno)

    def __reduce__(self) -> tuple[Any, ...]:
        return (_file_error, (self.message, self.json))


class CallbackError(Error):
    """A callback stopped the call. What it raised comes out of the call instead, where that is known."""

    CODE, NAME = 23, "CALLBACK"


class Forked(UsageError):
    """The object belongs to the parent of this forked process."""

    CODE, NAME = 24, "FORKED"


class Closed(UsageError, ValueError):
    """The client, reader or upload is closed."""

    CODE, NAME = 25, "CLOSED"


class Busy(UsageError):
    """The object is in use on another thread."""

    CODE, NAME = 26, "BUSY"


class InternalError(Error):
    """A bug in the library."""

    CODE, NAME = 27, "INTERNAL"


class NetworkError(TransportError, ConnectionError):
    """An established connection broke, retries spent."""

    CODE, NAME = 28, "NETWORK"


class ResolveError(TransportError):
    """The host name is unknown."""

    CODE, NAME = 29, "RESOLVE"


def _below(group: type[Error]) -> dict[int, type[Error]]:
    found = {group.CODE: group} if "CODE" in vars(group) and group is not Error else {}
    for kind in group.__subclasses__():
        found.update(_below(kind))
    return found


# {code: class}
ERRORS: dict[int, type[Error]] = _below(Error)


def _of_system(builtin: type[OSError]) -> type[FileError]:
    about = {"__module__": __name__, "__qualname__": "FileError", "__doc__": FileError.__doc__}
    return type("FileError", (FileError, builtin), about)


# {errno: class}
_OF_SYSTEM = {
    errno.ENOENT: _of_system(builtins.FileNotFoundError),
    errno.EEXIST: _of_system(builtins.FileExistsError),
    errno.EACCES: _of_system(builtins.PermissionError),
    errno.EPERM: _of_system(builtins.PermissionError),
    errno.ENOTDIR: _of_system(builtins.NotADirectoryError),
    errno.EISDIR: _of_system(builtins.IsADirectoryError),
    errno.EPIPE: _of_system(builtins.BrokenPipeError),
}


def _file_error(message: str, details: dict[str, Any]) -> FileError:
    return _OF_SYSTEM.get(details.get("errno", 0), FileError)(message, details)


def error(status: int, message: str, details: str) -> Error:
    """The exception for a status of the library."""
    kind = ERRORS.get(status, Error)
    return _file_error(message, jsons.loads(details)) if kind is FileError else kind(message, jsons.loads(details))

"""Clients."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from . import _convert
from ._memory import ClientHandle, check, made
from ._native import library
from .accounts import Accounts
from .artifacts import Artifacts
from .blobs import Blobs
from .context import Defaults
from .images import Images
from .indexes import Indexes
from .manifests import Manifests
from .registries import Registries
from .uploads import Uploads
from .v1 import V1

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self, Unpack

    from .options import ClientOptions, HostOptions
    from .types import CredentialsCallback, LogCallback, Name


class Client(Registries, Manifests, Blobs, Uploads, Images, Artifacts, Indexes, Accounts):
    """A client for any number of registries: connections, tokens and settings. Cheap to keep, and safe for any number of threads.

        with ocireg.Client() as client:
            for tag in client.iter_tags("quay.io/prometheus/busybox"):
                print(tag)

    Every method that contacts a registry calls the C function that its documentation names; ocireg.h describes that function's options,
    result and errors. Options are keyword arguments; two more are this package's: `context`, a Context, and `timeout`, in seconds.
    Results are dicts with OCI's own names. Errors are Error. Other threads run meanwhile, and Ctrl-C ends the call.
    """

    def __init__(
        self,
        *,
        hosts: Mapping[str, HostOptions] | None = None,
        timeout: float | None = None,
        log: LogCallback | None = None,
        credentials: CredentialsCallback | None = None,
        **options: Unpack[ClientOptions],
    ) -> None:
        """hosts: the settings of registry hosts, see `set_host`. timeout: the seconds for each call without a context.
        log, credentials: callbacks for calls without a context, see `Context`."""
        self._defaults = Defaults(_convert.seconds("timeout", timeout), log=log, credentials=credentials)
        self._handle = made(ClientHandle(), library.ocireg_client_new, _convert.options(options))
        self._closed = False
        if hosts is not None and not isinstance(hosts, Mapping):
            raise TypeError(f"hosts is {type(hosts).__name__}, not a dict of hosts and their settings")
        for host, settings in (hosts or {}).items():
            self.set_host(host, **settings)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def set_host(self, host: Name, **settings: Unpack[HostOptions]) -> None:
        """Replaces the settings of one registry host, HOST[:PORT]: `ocireg_client_set_host`."""
        check(library.ocireg_client_set_host, self._handle, _convert.text("host", host), _convert.options(settings))

    def close(self) -> None:
        """Ends the calls in progress with Closed, and every later one. From any thread, any number of times: `ocireg_client_close`."""
        check(library.ocireg_client_close, self._handle)
        self._closed = True

    def quiesce(self) -> None:
        """Ends the library's threads of a client that has no call, reader or upload at the moment, until its next call; not those of this
        package: `ocireg_client_quiesce`."""
        check(library.ocireg_client_quiesce, self._handle)

    @property
    def closed(self) -> bool:
        """Whether it was closed."""
        return self._closed

    @property
    def v1(self) -> V1:
        """The calls of protocol v1."""
        return V1(self._handle, self._defaults)

    def __repr__(self) -> str:
        # Without what was given, so that no password gets into a log.
        return f"<Client{' closed' if self._closed else ''}>"

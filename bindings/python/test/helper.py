"""What the tests share. They run under tests/registries/run, which sets the addresses of the registries."""

from __future__ import annotations

import atexit
import io
import json
import os
import signal
import socket
import socketserver
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
import unittest
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import calls
import ocireg

PACKAGE = Path(__file__).resolve().parent.parent
ROOT = PACKAGE.parent.parent
IMAGE = ocireg.MediaType.OCI_MANIFEST
NONE = "sha256:" + "0" * 64
# How late an interrupted call may end: 200 ms, and some for a busy machine.
AT_MOST = 0.5

calls.record()
_silent = socket.create_server(("127.0.0.1", 0))
atexit.register(_silent.close)
# A host that takes connections and says nothing.
SILENT = f"127.0.0.1:{_silent.getsockname()[1]}"

Answer = tuple[int, dict[str, Any], bytes]


def registry(name: str) -> str:
    return os.environ[f"OCIREG_TEST_{name}"]


def tar(**files: str | bytes) -> bytes:
    space = io.BytesIO()
    with tarfile.open(fileobj=space, mode="w") as archive:
        for name, text in files.items():
            data = text.encode() if isinstance(text, str) else text
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return space.getvalue()


def manifest_of(
    config: tuple[str, int], layer: tuple[str, int], layer_type: str = "application/octet-stream", **more: Any
) -> dict[str, Any]:
    return {
        "schemaVersion": 2,
        "mediaType": IMAGE,
        **more,
        "config": {"mediaType": ocireg.MediaType.OCI_CONFIG, "digest": config[0], "size": config[1]},
        "layers": [{"mediaType": layer_type, "digest": layer[0], "size": layer[1]}],
    }


class Peer(socketserver.StreamRequestHandler):
    """One connection of a server that a test scripts."""

    def handle(self) -> None:
        while line := self.rfile.readline():
            method, target = line.decode().split()[:2]
            length = 0
            while (header := self.rfile.readline().strip()) != b"":
                name, _, value = header.partition(b":")
                length = int(value) if name.lower() == b"content-length" else length
            self.rfile.read(length)
            path, _, query = target.partition("?")
            answer = self.server.answer(method, path, {name: values[0] for name, values in parse_qs(query).items()})
            if isinstance(answer, bytes):  # as it is, and then the connection ends
                self.wfile.write(answer)
                return
            status, headers, body = answer
            lines = {"Content-Type": "application/json", "Content-Length": len(body), **headers}
            head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
            self.wfile.write(f"HTTP/1.1 {status} x\r\n{head}\r\n".encode() + (b"" if method == "HEAD" else body))


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, answer: Callable[[str, str, dict[str, str]], Any]) -> None:
        super().__init__(("127.0.0.1", 0), Peer)
        self.answer = answer
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def handle_error(self, *_: Any) -> None:
        """A client that went away is not reported."""


class Case(unittest.TestCase):
    maxDiff = 2000

    def setUp(self) -> None:
        self.client = ocireg.Client(plain_http=True)
        self.registry = registry("V3")

    def new_repository(self) -> str:
        return f"{self.registry}/python/{uuid.uuid4().hex[:12]}"

    def folder(self) -> Path:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        return Path(folder.name)

    def serve(self, answer: Callable[[str, str, dict[str, str]], Any]) -> str:
        """A server whose answers come from a function of method, path and query: status, headers and body, or raw bytes."""
        server = Server(answer)
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        return f"127.0.0.1:{server.server_address[1]}"

    def stubborn(self) -> tuple[str, list[str]]:
        """A registry that takes no chunk of an upload; and the methods that it was asked by."""
        seen: list[str] = []

        def answer(method: str, path: str, query: dict[str, str]) -> Any:
            seen.append(method)
            if method == "POST":
                return 202, {"Location": f"{path}x", "Range": "0-0"}, b""
            if method == "DELETE":
                return 204, {}, b""
            time.sleep(3)
            return 500, {}, b""

        return self.serve(answer), seen

    def put_image(
        self, repository: str | None = None, tag: str = "one", layer: bytes = b"hello", config: bytes = b"{}", **more: Any
    ) -> str:
        repository = repository or self.new_repository()
        put = [self.client.put_blob(repository, data)["digest"] for data in (config, layer)]
        document = manifest_of((put[0], len(config)), (put[1], len(layer)), **more)
        self.client.put_manifest(f"{repository}:{tag}", document)
        return f"{repository}:{tag}"

    def put_real_image(self, layer: bytes | None = None) -> str:
        """An image that can be unpacked."""
        layer = layer or tar(greeting="hello")
        config = {
            "architecture": "amd64",
            "os": "linux",
            "config": {},
            "rootfs": {"type": "layers", "diff_ids": [ocireg.digest(layer)]},
        }
        return self.put_image(layer=layer, config=json.dumps(config).encode(), layer_type=ocireg.MediaType.OCI_LAYER)

    def put_blob(self, data: bytes) -> str:
        """A blob's reference."""
        repository = self.new_repository()
        return f"{repository}@{self.client.put_blob(repository, data)['digest']}"

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        begun = time.monotonic()
        yield
        self.assertLess(time.monotonic() - begun, seconds)

    def fails_within(self, seconds: float, kind: type[BaseException], function: Callable[[], Any]) -> Any:
        with self.within(seconds), self.assertRaises(kind) as raised:
            function()
        return raised.exception

    @contextmanager
    def alarm(self, seconds: float, kind: type[BaseException] = KeyboardInterrupt) -> Iterator[None]:
        """A signal's handler raises after that time, as Ctrl-C does."""

        armed = True

        def handler(*_: Any) -> None:
            if armed:
                raise kind("alarm")

        before = signal.signal(signal.SIGALRM, handler)
        signal.setitimer(signal.ITIMER_REAL, seconds)
        try:
            yield
        finally:
            armed = False
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)

    def in_thread(self, function: Callable[[], Any]) -> Callable[[float], Any]:
        """Runs it on another thread; what is returned waits for its value, or raises what it raised."""
        box: dict[str, Any] = {}

        def run() -> None:
            try:
                box["value"] = function()
            except BaseException as error:
                box["error"] = error

        thread = threading.Thread(target=run, daemon=True)
        thread.start()

        def join(seconds: float = 10) -> Any:
            thread.join(seconds)
            self.assertFalse(thread.is_alive(), "it goes on")
            if "error" in box:
                raise box["error"]
            return box["value"]

        return join

    def python(self, script: str, *arguments: str, **more: Any) -> subprocess.Popen[str]:
        """Another Python with this package."""
        environment = {**os.environ, "PYTHONPATH": str(PACKAGE)}
        return subprocess.Popen(
            [sys.executable, "-W", "error", "-c", script, *arguments],
            env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **more,
        )  # fmt: skip

"""Exceptions, and what hostile servers make of them."""

from __future__ import annotations

import builtins
import copy
import errno
import json
import pickle
import sys
import traceback
import unittest
from typing import Any

import helper
import ocireg
from ocireg import errors

DIGEST = ocireg.digest(b"hello")


class ErrorsTest(helper.Case):
    def test_the_tree(self) -> None:
        for kind in errors.ERRORS.values():
            self.assertTrue(issubclass(kind, ocireg.Error))
        for kind, builtin in (
            (ocireg.InvalidArgument, ValueError), (ocireg.InvalidReference, ValueError), (ocireg.Closed, ValueError),
            (ocireg.Unauthenticated, PermissionError), (ocireg.Forbidden, PermissionError), (ocireg.NotFound, LookupError),
            (ocireg.TimeoutError, builtins.TimeoutError), (ocireg.ConnectError, ConnectionError), (ocireg.NetworkError, ConnectionError),
            (ocireg.TLSError, OSError), (ocireg.ResolveError, OSError), (ocireg.FileError, OSError),
        ):  # fmt: skip
            self.assertTrue(issubclass(kind, builtin), kind)
        for kind in (ocireg.NotFound, ocireg.DigestMismatch, ocireg.Cancelled, ocireg.InternalError):
            self.assertFalse(issubclass(kind, OSError), kind)

    def test_what_an_error_knows(self) -> None:
        with self.assertRaises(ocireg.NotFound) as raised:
            self.client.manifest(f"{self.new_repository()}:none")
        error = raised.exception
        self.assertEqual((error.code, error.name, error.http_status, error.retryable), (5, "NOT_FOUND", 404, False))
        self.assertEqual(str(error), error.message)
        self.assertEqual(error.registry_errors[0]["code"], "MANIFEST_UNKNOWN")
        self.assertIn("/v2/", error.url or "")
        self.assertEqual((error.errno, error.side, error.retry_after, error.cause), (None, None, None, error.json["cause"]))
        with self.assertRaises(ocireg.NotFound) as raised:
            self.client.copy(f"{self.new_repository()}:none", f"oci:{self.folder()}/a:b")
        self.assertEqual(raised.exception.side, "source")

    def test_a_hint_is_in_the_traceback(self) -> None:
        with self.assertRaises(ocireg.Unauthenticated) as raised:
            self.client.repositories(helper.registry("HTPASSWD"))
        self.assertTrue(raised.exception.hint)
        shown = "".join(traceback.format_exception(raised.exception))
        self.assertEqual(f"hint: {raised.exception.hint}" in shown, sys.version_info >= (3, 11))

    def test_errors_can_be_pickled_and_copied(self) -> None:
        for error in (
            ocireg.TimeoutError("slow", {"code": 10, "name": "TIMEOUT", "errno": None}),
            ocireg.FileError("full", {"errno": errno.ENOSPC, "hint": "make room"}),
            ocireg.NotFound("none", {"http_status": 404}),
            ocireg.Error("unknown", {"code": 60}),
        ):
            for again in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):
                self.assertEqual((type(again), str(again), again.json, again.errno), (type(error), str(error), error.json, error.errno))

    def test_codes_of_classes(self) -> None:
        self.assertEqual((ocireg.FileError().code, ocireg.FileError().name), (22, "IO"))
        self.assertEqual((ocireg.UsageError().code, ocireg.Error().name), (27, "INTERNAL"))

    def test_rate_limits(self) -> None:
        host = self.serve(lambda *_: (429, {"Retry-After": "3600"}, b"{}"))
        with self.assertRaises(ocireg.RateLimited) as raised:
            self.client.ping(host)
        self.assertGreater(raised.exception.retry_after or 0, 3000)
        self.assertTrue(raised.exception.retryable)


class HostileTest(helper.Case):
    def setUp(self) -> None:
        super().setUp()
        self.client = ocireg.Client(plain_http=True, retries=0, idle_timeout_ms=500)

    def test_bytes_that_are_wrong(self) -> None:
        host = self.serve(lambda *_: (200, {"Content-Type": "application/octet-stream"}, b"other"))
        path = self.folder() / "blob"
        for get in (self.client.blob, lambda name: self.client.blob_to_file(name, path), lambda name: self.client.open_blob(name).read()):
            with self.assertRaises(ocireg.DigestMismatch):
                get(f"{host}/a@{DIGEST}")
        self.assertFalse(path.exists())

    def test_a_short_body_is_never_an_end(self) -> None:
        host = self.serve(lambda *_: b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel")
        reader = self.client.open_blob(f"{host}/a@{DIGEST}")
        got = b""
        with self.assertRaises(ocireg.Error):
            while part := reader.read(1):
                got += part
        self.assertIn(got, b"hello")
        for _ in range(2):
            with self.assertRaises(ocireg.Error):
                reader.read()

    def test_garbage(self) -> None:
        for garbage in (b"", b"\0" * 100, b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", b"HTTP/1.1 999 \xff\r\n\r\n", b"SSH-2.0-x\r\n"):
            host = self.serve(lambda *_, garbage=garbage: garbage)
            with self.assertRaises(ocireg.Error):
                self.client.ping(host)

    def test_lists_that_are_none(self) -> None:
        for body in (
            b"null",
            b"[]",
            b"{",
            b'{"tags": 5}',
            b'{"tags": [{}]}',
            b'{"tags": ["a", 1]}',
            b"\xff",
            b'{"tags": ["' + b"a" * 100 + b'"',
        ):
            host = self.serve(lambda *_, body=body: (200, {}, body))
            with self.subTest(body), self.assertRaises(ocireg.ProtocolError):
                list(self.client.iter_tags(f"{host}/a"))

    def test_what_is_no_name_is_left_out(self) -> None:
        names = ["good", "bad\0name", "../../x", "new\nline", "\x1b[2J", ""]
        host = self.serve(lambda *_: (200, {}, json.dumps({"name": "a", "tags": names}).encode()))
        context = ocireg.Context()
        self.assertEqual(list(self.client.iter_tags(f"{host}/a", context=context)), ["good"])
        self.assertEqual(len(context.warnings()), 1)

    def test_text_that_is_not_english(self) -> None:
        body = json.dumps({"errors": [{"code": "DENIED", "message": "nö \u2028 \U0001f600 \ud800", "detail": {"a": ["\0"]}}]}).encode()
        host = self.serve(lambda *_: (403, {}, body))
        with self.assertRaises(ocireg.Forbidden) as raised:
            self.client.manifest(f"{host}/a:b")
        str(raised.exception).encode()
        self.assertEqual(raised.exception.http_status, 403)

    def test_redirects_elsewhere(self) -> None:
        host = self.serve(lambda *_: (307, {"Location": "http://169.254.169.254/secret"}, b""))
        with self.assertRaises(ocireg.RedirectError):
            self.client.blob(f"{host}/a@{DIGEST}")
        host = self.serve(lambda method, path, query: (307, {"Location": path}, b""))
        with self.assertRaises(ocireg.RedirectError):
            self.client.blob(f"{host}/a@{DIGEST}")

    def test_a_slow_server(self) -> None:
        client = ocireg.Client(plain_http=True, retries=0, idle_timeout_ms=200)
        error = self.fails_within(2, builtins.TimeoutError, lambda: client.ping(helper.SILENT))
        self.assertTrue(error.retryable)

    def test_deep_json(self) -> None:
        deep = b"[" * 100_000
        with self.assertRaises(ocireg.InvalidManifest):
            ocireg.inspect_manifest(deep)
        host = self.serve(lambda *_: (200, {}, deep))
        with self.assertRaises(ocireg.Error):
            self.client.tags(f"{host}/a")

    def test_a_manifest_that_is_large(self) -> None:
        host = self.serve(lambda *_: (200, {"Content-Type": helper.IMAGE}, b" " * 5_000_000))
        with self.assertRaises(ocireg.LimitExceeded):
            self.client.manifest(f"{host}/a:b")

    def test_layers_that_lead_out(self) -> None:
        image = self.put_real_image(helper.tar(**{"../../escaped": "x"}))
        folder = self.folder() / "a" / "b" / "c"
        client: Any = ocireg.Client(plain_http=True)
        with self.assertRaises(ocireg.InvalidManifest):
            client.extract_image(image, folder)
        self.assertEqual([path for path in folder.parent.parent.rglob("*") if path.name == "escaped"], [])


if __name__ == "__main__":
    unittest.main()

"""Contexts and callbacks: what they are told, where they run, and what they raise."""

from __future__ import annotations

import io
import threading
import time
import unittest
from typing import Any

import helper
import ocireg
from helper import SILENT


class CallbacksTest(helper.Case):
    def everywhere(self, function: Any) -> None:
        """On the main thread, and on another one."""
        function()
        self.in_thread(function)()

    def test_progress(self) -> None:
        data = b"x" * 3_000_000
        reference = self.put_blob(data)

        def get() -> None:
            told: list[tuple[int, int | None]] = []
            context = ocireg.Context(progress=lambda done, total: told.append((done, total)))
            self.client.blob(reference, context=context)
            self.assertEqual(told[-1], (len(data), len(data)))
            self.assertEqual([done for done, _ in told], sorted(done for done, _ in told))
            self.assertEqual(context.progress()["done"], len(data))

        self.everywhere(get)

    def test_blobs_of_a_copy(self) -> None:
        image = self.put_image()

        def copy() -> None:
            told: list[Any] = []
            context = ocireg.Context(blobs=lambda event: told.append((event["state"], event["size"])))
            self.client.copy(image, f"oci:{self.folder()}/a:b", context=context)
            self.assertEqual(sorted(size for state, size in told if state == "copied"), [2, 5])

        self.everywhere(copy)

    def test_log(self) -> None:
        def ping() -> None:
            told: list[Any] = []
            self.client.ping(self.registry, context=ocireg.Context(log=told.append))
            self.assertEqual([event["event"] for event in told], ["request", "response"])
            ocireg.Client(plain_http=True, log=told.append).ping(self.registry)
            self.assertEqual(len(told), 4)

        self.everywhere(ping)

    def test_callbacks_run_on_the_callers_thread(self) -> None:
        def check() -> None:
            threads: list[Any] = []
            told: Any = lambda *_: threads.append(threading.get_ident())
            context = ocireg.Context(progress=told, log=told, blobs=told)

            class Source(io.BytesIO):
                def readinto(self, buffer: Any) -> int:
                    told()
                    return super().readinto(buffer)

            class Sink(io.BytesIO):
                def write(self, data: Any) -> int:
                    told()
                    return super().write(data)

            repository = self.new_repository()
            put = self.client.put_blob(repository, Source(b"x" * 1000), context=context)
            self.client.blob_to_file(f"{repository}@{put['digest']}", Sink(), context=context)
            self.client.copy(self.put_image(), f"oci:{self.folder()}/a:b", context=context)
            self.assertEqual(set(threads), {threading.get_ident()})
            self.assertGreater(len(threads), 5)

        self.everywhere(check)

    def test_what_a_callback_raises_comes_out(self) -> None:
        image = self.put_image()
        for kind in (ZeroDivisionError, KeyboardInterrupt, SystemExit, GeneratorExit, ocireg.NotFound):

            def fail(*_: Any, kind: Any = kind) -> None:
                raise kind("mine")

            class Source:
                def read(self, size: int) -> bytes:
                    fail()
                    return b""

            calls: dict[str, Any] = {
                "log": lambda: self.client.ping(self.registry, context=ocireg.Context(log=fail)),
                "progress": lambda: self.client.copy(image, f"oci:{self.folder()}/a:b", context=ocireg.Context(progress=fail)),
                "blobs": lambda: self.client.copy(image, f"oci:{self.folder()}/a:b", context=ocireg.Context(blobs=fail)),
                "credentials": lambda: ocireg.Client(plain_http=True, credentials=fail).repositories(helper.registry("HTPASSWD")),
                "source": lambda: self.client.put_blob(self.new_repository(), Source()),
                "upload": lambda: self.client.upload(self.new_repository(), context=ocireg.Context(log=fail)),
            }
            for name, call in calls.items():
                for run in (lambda call: call(), lambda call: self.in_thread(call)()):
                    with self.subTest(name, kind=kind), self.assertRaises(kind) as raised:
                        run(call)
                    self.assertEqual(str(raised.exception), "mine")
        self.assertEqual(self.client.ping(self.registry)["status"], 200)

    def test_an_exception_of_a_callback_shows_where_it_was_raised(self) -> None:
        def named_function(_: Any) -> None:
            raise ZeroDivisionError

        names: list[str] = []
        trace = None
        try:
            self.client.ping(self.registry, context=ocireg.Context(log=named_function))
        except ZeroDivisionError as error:
            trace = error.__traceback__
        while trace:
            names.append(trace.tb_frame.f_code.co_name)
            trace = trace.tb_next
        self.assertIn("named_function", names)

    def test_a_reader_goes_on_after_its_progress_callback_raised(self) -> None:
        data = b"x" * 3_000_000
        once = [ZeroDivisionError]

        def progress(done: int, total: int | None) -> None:
            if done > 100_000 and once:
                raise once.pop()

        def read() -> None:
            once[:] = [ZeroDivisionError]
            reader = self.client.open_blob(self.put_blob(data), context=ocireg.Context(progress=progress))
            with self.assertRaises(ZeroDivisionError):
                reader.read()
            self.assertEqual(len(reader.read()), len(data))

        self.everywhere(read)

    def test_callbacks_use_the_library(self) -> None:
        image = self.put_image()

        def call() -> None:
            found: list[Any] = []

            def log(_: Any) -> None:
                if not found:
                    found.append(self.client.manifest(image).digest)
                    found.append(self.client.manifest_digest(image, context=ocireg.Context(log=lambda _: found.append(1))))

            digest = self.client.manifest_digest(image, context=ocireg.Context(log=log))
            self.assertEqual([found[0], found[-1]], [digest, digest])

        self.everywhere(call)

    def test_a_callback_cancels_its_own_call(self) -> None:
        def call() -> None:
            went_on: list[bool] = []
            context = ocireg.Context(log=lambda _: (context.cancel(), went_on.append(True)))
            with self.assertRaises(ocireg.Cancelled):
                self.client.ping(self.registry, context=context)
            self.assertTrue(went_on)

        self.everywhere(call)

    def test_cancelling(self) -> None:
        context = ocireg.Context()
        join = self.in_thread(lambda: self.client.ping(helper.SILENT, context=context))
        time.sleep(0.1)
        self.assertFalse(context.cancelled)
        context.cancel()
        self.fails_within(helper.AT_MOST, ocireg.Cancelled, join)
        self.assertTrue(context.cancelled)
        with self.assertRaises(ocireg.Cancelled):
            self.client.ping(self.registry, context=context)
        with ocireg.Context() as context:
            join = self.in_thread(lambda: self.client.ping(helper.SILENT, context=context))
            time.sleep(0.1)
        self.fails_within(helper.AT_MOST, ocireg.Cancelled, join)

    def test_time_limits(self) -> None:
        limited = ocireg.Client(plain_http=True, timeout=0.1)
        for call in (
            lambda: self.client.ping(helper.SILENT, timeout=0.1),
            lambda: limited.ping(helper.SILENT),
            lambda: limited.ping(helper.SILENT, timeout=60),
            lambda: self.client.ping(helper.SILENT, context=ocireg.Context(timeout=0.1)),
            lambda: self.client.ping(helper.SILENT, context=ocireg.Context(timeout=60), timeout=0.1),
        ):
            self.fails_within(0.1 + helper.AT_MOST, TimeoutError, call)
        self.assertEqual(limited.ping(self.registry)["status"], 200)
        for over in (0, -1, 0.0):
            with self.assertRaises(ocireg.TimeoutError):
                self.client.ping(self.registry, timeout=over)
        context = ocireg.Context(timeout=60)
        self.assertGreater(context.timeout, 50)
        context.timeout = 0
        with self.assertRaises(TimeoutError):
            self.client.ping(self.registry, context=context)
        self.assertEqual(context.timeout, 0)
        context.timeout = None
        self.assertIsNone(context.timeout)
        self.client.ping(self.registry, context=context, timeout=float("inf"))
        self.client.ping(self.registry, timeout=None)

    def test_what_is_no_limit_no_context_and_no_options(self) -> None:
        wrong: list[tuple[type[Exception], str, Any]] = [
            (TypeError, "^timeout is str, ", lambda: self.client.ping(SILENT, timeout="5")),
            (TypeError, "^timeout is str, ", lambda: ocireg.Context(timeout="5")),
            (TypeError, "^timeout is str, ", lambda: ocireg.Client(timeout="5")),
            (TypeError, "^timeout is bool, ", lambda: self.client.ping(SILENT, timeout=True)),
            (ValueError, "^timeout is nan, ", lambda: self.client.ping(SILENT, timeout=float("nan"))),
            (ValueError, "^timeout is nan, ", lambda: ocireg.Context(timeout=float("nan"))),
            (TypeError, "^context is int, ", lambda: self.client.ping(SILENT, context=5)),
            (TypeError, "^context is int, ", lambda: self.client.open_blob(f"{SILENT}/a@{helper.NONE}", context=5)),
            (TypeError, "^hosts is list, ", lambda: ocireg.Client(hosts=["a"])),
            (ocireg.InvalidArgument, "requests_per_second: nan ", lambda: ocireg.Client(requests_per_second=float("nan"))),
        ]
        for kind, said, call in wrong:
            with self.subTest(said), self.assertRaisesRegex(kind, said):
                call()
        self.assertEqual(self.client.ping(self.registry, timeout=float("inf"))["status"], 200)

    def test_a_context_serves_many_threads(self) -> None:
        context = ocireg.Context(timeout=60, log=lambda _: None)
        image = self.put_image()
        joins = [self.in_thread(lambda: [self.client.manifest_digest(image, context=context) for _ in range(20)]) for _ in range(8)]
        self.assertEqual(len({digest for join in joins for digest in join()}), 1)


if __name__ == "__main__":
    unittest.main()

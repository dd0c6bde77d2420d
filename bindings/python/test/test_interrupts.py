"""Ctrl-C, and what other signal handlers raise, ends every call at once."""

from __future__ import annotations

import io
import os
import signal
import threading
import time
import unittest
from typing import Any

import helper
import ocireg
from helper import NONE, SILENT
from ocireg import _aside, _call, _sink

DATA = os.urandom(2_000_000)


class InterruptsTest(helper.Case):
    def calls(self) -> dict[str, Any]:
        client = self.client
        return {
            "ping": lambda: client.ping(SILENT),
            "tags": lambda: client.tags(f"{SILENT}/a"),
            "iter_tags": lambda: list(client.iter_tags(f"{SILENT}/a")),
            "manifest": lambda: client.manifest(f"{SILENT}/a:b"),
            "put_manifest": lambda: client.put_manifest(f"{SILENT}/a:b", helper.manifest_of((NONE, 1), (NONE, 1))),
            "blob": lambda: client.blob(f"{SILENT}/a@{NONE}"),
            "blob_to_file": lambda: client.blob_to_file(f"{SILENT}/a@{NONE}", io.BytesIO()),
            "open_blob": lambda: client.open_blob(f"{SILENT}/a@{NONE}"),
            "put_blob": lambda: client.put_blob(f"{SILENT}/a", b"x"),
            "put_stream": lambda: client.put_blob(f"{SILENT}/a", io.BytesIO(b"x")),
            "upload": lambda: client.upload(f"{SILENT}/a"),
            "copy": lambda: client.copy(f"{SILENT}/a:b", "dir:/nowhere"),
            "v1": lambda: client.v1.tags(f"{SILENT}/a"),
        }

    def test_every_call(self) -> None:
        for name, call in self.calls().items():
            for kind in (KeyboardInterrupt, ZeroDivisionError):
                with self.subTest(name, kind=kind), self.alarm(0.05, kind):
                    self.fails_within(0.05 + helper.AT_MOST, kind, call)
        self.assertEqual(self.client.ping(self.registry)["status"], 200)

    def test_ctrl_c(self) -> None:
        script = """
import sys, ocireg
print("begun", flush=True)
try:
    ocireg.Client(plain_http=True).ping(sys.argv[1])
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""
        with self.python(script, SILENT) as child:
            assert child.stdout
            self.assertEqual(child.stdout.readline(), "begun\n")
            time.sleep(0.2)
            child.send_signal(signal.SIGINT)
            with self.within(helper.AT_MOST):
                self.assertEqual(child.stdout.readline(), "interrupted\n")
            self.assertEqual(child.stdout.read(), "")
            self.assertEqual(child.wait(5), 0)

    def test_a_handler_that_raises_nothing_lets_the_call_go_on(self) -> None:
        seen: list[int] = []
        before = signal.signal(signal.SIGALRM, lambda *_: seen.append(1))
        signal.setitimer(signal.ITIMER_REAL, 0.02, 0.02)
        try:
            with self.assertRaises(ocireg.TimeoutError):
                self.client.ping(SILENT, timeout=0.3)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
        self.assertGreater(len(seen), 5)

    def test_a_handler_that_cancels(self) -> None:
        context = ocireg.Context()
        before = signal.signal(signal.SIGALRM, lambda *_: context.cancel())
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        try:
            self.fails_within(0.05 + helper.AT_MOST, ocireg.Cancelled, lambda: self.client.ping(SILENT, context=context))
        finally:
            signal.signal(signal.SIGALRM, before)

    def test_a_source_and_a_sink_that_wait(self) -> None:
        reader, writer = os.pipe()
        with os.fdopen(reader, "rb") as source, os.fdopen(writer, "wb") as sink:
            with self.alarm(0.1):
                self.fails_within(0.1 + helper.AT_MOST, KeyboardInterrupt, lambda: self.client.put_blob(self.new_repository(), source))
            reference = self.put_blob(DATA)
            with self.alarm(0.1):
                self.fails_within(0.1 + helper.AT_MOST, KeyboardInterrupt, lambda: self.client.blob_to_file(reference, sink))

            class Waits:
                def write(self, data: bytes) -> None:
                    time.sleep(60)

            with self.alarm(0.1):
                self.fails_within(0.1 + helper.AT_MOST, KeyboardInterrupt, lambda: self.client.blob_to_file(reference, Waits()))

    def test_a_callback_that_waits(self) -> None:
        context = ocireg.Context(log=lambda _: time.sleep(60))
        with self.alarm(0.1):
            self.fails_within(0.1 + helper.AT_MOST, KeyboardInterrupt, lambda: self.client.ping(self.registry, context=context))

    def test_a_reader_loses_nothing(self) -> None:
        """Interrupts at any moment: what was read and what comes afterwards is the blob."""
        reference = self.put_blob(DATA)
        interrupted = 0
        for number in range(60):
            got = bytearray()
            reader = self.client.open_blob(reference)
            space = bytearray(70_000)
            try:
                with self.alarm(0.0002 * number + 0.0001):
                    while len(got) < len(DATA):
                        # Each makes what it got its own before the next moment at which Python looks for signals.
                        if number % 2:
                            got += reader.read(100_000)
                        else:
                            count = reader.readinto(space)
                            got += space[:count]
            except KeyboardInterrupt:
                interrupted += 1
            # What an interrupt took between two of the test's own steps is told apart by the position.
            if reader.tell() == len(got):
                self.assertEqual(bytes(got) + reader.read(), DATA)
            else:
                self.assertEqual(reader.read(), DATA[reader.tell() - len(DATA) :] if reader.tell() < len(DATA) else b"")
        self.assertGreater(interrupted, 5)

    def test_an_interrupted_upload_can_only_be_cancelled(self) -> None:
        begun: list[float] = []

        def answer(method: str, path: str, query: dict[str, str]) -> Any:
            if method == "POST":
                return 202, {"Location": f"{path}x", "Range": "0-0"}, b""
            begun.append(time.monotonic())
            time.sleep(5)
            return 500, {}, b""

        upload = self.client.upload(f"{self.serve(answer)}/a", chunk_size=1000)
        with self.alarm(0.1):
            self.fails_within(0.1 + helper.AT_MOST, KeyboardInterrupt, lambda: (upload.write(b"x" * 5000), upload.flush()))
        with self.assertRaises(ocireg.Error):
            upload.write(b"y")
        with self.within(3):
            upload.close()

    def test_an_upload_that_was_ended_is_cancelled_at_the_registry(self) -> None:
        def interrupted(host: str) -> None:
            with self.alarm(0.2), self.assertRaises(KeyboardInterrupt), self.client.upload(f"{host}/a") as upload:
                upload.write(bytes(20_000_000))

        def over(host: str) -> None:
            with self.assertRaises(ocireg.TimeoutError), self.client.upload(f"{host}/a", timeout=0.2) as upload:
                upload.write(bytes(20_000_000))

        def cancelled(host: str) -> None:
            context = ocireg.Context()
            upload = self.client.upload(f"{host}/a", context=context)
            threading.Timer(0.2, context.cancel).start()
            with self.assertRaises(ocireg.Cancelled):
                upload.write(bytes(20_000_000))
            upload.cancel()
            upload.cancel()

        for end in (interrupted, over, cancelled):
            with self.subTest(end.__name__):
                host, seen = self.stubborn()
                end(host)
                limit = time.monotonic() + 2
                while "DELETE" not in seen and time.monotonic() < limit:
                    time.sleep(0.01)
                self.assertEqual(seen, ["POST", "PATCH", "DELETE"])

    def test_storms_lose_nothing(self) -> None:
        """Interrupts at random moments of quick calls: the client, its worker and the library stay whole."""
        interrupted = 0
        for number in range(300):
            try:
                with self.alarm(0.00002 * (number % 100) + 0.00005):
                    self.client.explain(f"{self.registry}/a")
                    self.client.ping(self.registry)
            except KeyboardInterrupt:
                interrupted += 1
        self.assertGreater(interrupted, 20)
        self.assertEqual(self.client.ping(self.registry)["status"], 200)

    def test_what_was_closed_is_not_used(self) -> None:
        """A call that is left as it begins uses no descriptor of its pipe any more: the program may have it."""

        class Writes:
            def write(self, data: bytes) -> int:
                return len(data)

        reference, interrupted = self.put_blob(b"x" * 1000), 0
        names = [self.folder() / str(number) for number in range(6)]
        for number in range(300):
            try:
                with self.alarm(0.000005 * (number % 100) + 0.00005):
                    self.client.blob_to_file(reference, Writes())
            except KeyboardInterrupt:
                interrupted += 1
            mine = [os.open(name, os.O_RDWR | os.O_CREAT | os.O_TRUNC) for name in names]
            for descriptor in mine:
                os.write(descriptor, b"mine")
            time.sleep(0.002)
            for descriptor, name in zip(mine, names, strict=True):
                self.assertEqual(os.fstat(descriptor).st_ino, name.stat().st_ino)
                os.close(descriptor)
                self.assertEqual(name.read_bytes(), b"mine")
        self.assertGreater(interrupted, 20)

    def test_a_job_that_was_left_does_not_begin(self) -> None:
        ran: list[str] = []
        job = _aside.Job(lambda: ran.append("late") or 0, ())
        job.leave()
        self.assertTrue(job.done)
        job.perform()
        sink = _sink.Sink(io.BytesIO())
        carried = sink.around(lambda: ran.append("carried") or 0, _call.Call(ocireg.Context()))
        with sink:
            pass
        with self.assertRaises(ocireg.Cancelled):
            carried()
        self.assertEqual(ran, [])

    def test_other_threads_run_meanwhile(self) -> None:
        ticks = 0

        def tick() -> None:
            nonlocal ticks
            until = time.monotonic() + 0.3
            while time.monotonic() < until:
                time.sleep(0.005)
                ticks += 1

        join = self.in_thread(tick)
        with self.assertRaises(ocireg.TimeoutError):
            self.client.ping(SILENT, timeout=0.3)
        join()
        self.assertGreater(ticks, 20)


if __name__ == "__main__":
    unittest.main()

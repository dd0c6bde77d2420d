"""Memory, threads, forks, and the end of the process."""

from __future__ import annotations

import _thread
import gc
import io
import os
import time
import unittest
from typing import Any

import helper
import ocireg
from helper import SILENT
from ocireg import _aside, _memory

CALLS = 1_500
ALLOWED = 2048  # KiB


def resident() -> int:
    gc.collect()
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS"))


class MemoryTest(helper.Case):
    def flat(self, function: Any, calls: int = CALLS) -> None:
        """The heap settles in the first round or two; a leak grows in every one."""
        for _ in range(calls // 4):
            function()
        grown = []
        for _ in range(4):
            before = resident()
            for _ in range(calls):
                function()
            grown.append(resident() - before)
            if grown[-1] < ALLOWED * calls / CALLS / 4:
                return
        self.fail(f"{grown} KiB more after {calls} calls each")

    def test_calls_that_ask_nobody(self) -> None:
        self.flat(lambda: ocireg.Reference("quay.io/a/b:c"))

    def test_errors(self) -> None:
        def fail() -> None:
            with self.assertRaises(ocireg.InvalidReference):
                ocireg.Reference("UPPER")

        self.flat(fail)

    def test_buffers(self) -> None:
        data = memoryview(b"x" * 100_000)
        self.flat(lambda: ocireg.digest(data), 500)

    def test_calls_with_callbacks(self) -> None:
        context = ocireg.Context(log=lambda _: None, progress=lambda *_: None)
        self.flat(lambda: self.client.explain(f"{self.registry}/a", context=context))
        self.in_thread(lambda: self.flat(lambda: self.client.explain(f"{self.registry}/a", context=context)))(60)

    def test_clients(self) -> None:
        self.flat(lambda: ocireg.Client(hosts={"a.b": {"username": "u", "password": "p"}}).close())

    def test_readers(self) -> None:
        reference = self.put_blob(b"x" * 10_000)
        self.flat(lambda: self.client.open_blob(reference).read(100), 100)

    def test_sinks(self) -> None:
        reference = self.put_blob(b"x" * 10_000)
        self.flat(lambda: self.client.blob_to_file(reference, io.BytesIO()), 100)

    def test_everything_is_freed_once(self) -> None:
        """What each free function gets was given, and is given back once."""
        freed: list[tuple[type, int]] = []
        kinds = (_memory.Json, _memory.Text, _memory.Bytes, _memory.Failure, _memory.OptionsHandle, _memory.ContextHandle)
        originals = {kind: kind.free for kind in kinds}
        for kind in kinds:
            kind.free = staticmethod(lambda pointer, kind=kind: freed.append((kind, pointer)))
        try:
            self.client.explain(f"{self.registry}/a", timeout=5)
            with self.assertRaises(ocireg.NotFound):
                self.client.manifest(f"{self.new_repository()}:none", platform="linux/amd64")
            with self.assertRaises(ZeroDivisionError):
                self.client.ping(self.registry, context=ocireg.Context(log=lambda _: 1 / 0))
            gc.collect()
        finally:
            for kind, free in originals.items():
                kind.free = free
        # Nothing was freed meanwhile, so that no pointer was given twice.
        self.assertEqual(len(freed), len(set(freed)))
        # One result; and of the context that the caller made its progress and its warnings.
        counts = {kind.__name__: sum(kind is other for other, _ in freed) for kind in kinds}
        self.assertEqual(counts, {"Json": 3, "Text": 0, "Bytes": 0, "Failure": 2, "OptionsHandle": 1, "ContextHandle": 3})
        for kind, pointer in freed:
            kind.free(pointer)

    def test_finalizers_do_not_wait(self) -> None:
        clients = [ocireg.Client() for _ in range(20)]
        with self.within(0.5):
            clients.clear()
            gc.collect()

    def test_a_cycle_is_collected(self) -> None:
        class Holder:
            def __call__(self, event: Any) -> None: ...

        holder: Any = Holder()
        holder.me, holder.client = holder, ocireg.Client(log=holder)
        del holder
        self.assertGreater(gc.collect(), 0)


class ThreadsTest(helper.Case):
    def test_many_threads(self) -> None:
        image = self.put_image()
        joins = [self.in_thread(lambda: [self.client.manifest(image).digest for _ in range(10)]) for _ in range(20)]
        mine = [self.client.manifest(image).digest for _ in range(10)]
        self.assertEqual({digest for join in joins for digest in join()}, set(mine))

    def test_workers_are_used_again(self) -> None:
        before = _thread._count()
        for _ in range(50):
            self.client.explain(f"{self.registry}/a")
        self.assertLessEqual(_thread._count() - before, 1)
        self.assertEqual(len(_aside._idle), len(set(_aside._idle)))

    def test_close_ends_calls(self) -> None:
        join = self.in_thread(lambda: self.client.ping(SILENT))
        time.sleep(0.1)
        self.assertFalse(self.client.closed)
        with self.client:
            pass
        self.assertTrue(self.client.closed)
        self.fails_within(helper.AT_MOST, ocireg.Closed, join)
        self.client.close()
        with self.assertRaises(ValueError):
            self.client.ping(self.registry)
        self.assertEqual(repr(self.client), "<Client closed>")

    def test_a_client_that_is_collected_during_a_call(self) -> None:
        join = self.in_thread(lambda: ocireg.Client(plain_http=True).ping(self.registry)["status"])
        self.assertEqual(join(), 200)

    def test_no_thread_of_the_library_is_left(self) -> None:
        client = ocireg.Client(plain_http=True)
        client.ping(self.registry)
        client.quiesce()
        self.assertEqual(client.ping(self.registry)["status"], 200)
        reader = client.open_blob(self.put_blob(b"x"))
        with self.assertRaises(ocireg.Busy):
            client.quiesce()
        reader.close()


class ProcessTest(helper.Case):
    def in_child(self, function: Any) -> str:
        """What the function says in a forked child, which must end quickly."""
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                os.write(writer, str(function()).encode())
            finally:
                gc.collect()
                os._exit(0)
        os.close(writer)
        with os.fdopen(reader) as said, self.within(5):
            text = said.read()
            os.waitpid(child, 0)
        return text

    def raised(self, function: Any) -> str:
        begun = time.monotonic()
        try:
            function()
        except ocireg.Error as error:
            return f"{error.name} {time.monotonic() - begun < 5}"
        return "nothing"

    def test_the_parents_client_answers_at_once(self) -> None:
        self.client.ping(self.registry)
        self.assertEqual(self.in_child(lambda: self.raised(lambda: self.client.ping(self.registry))), "FORKED True")
        self.assertEqual(self.in_child(lambda: self.raised(self.client.close)), "FORKED True")
        self.assertEqual(self.client.ping(self.registry)["status"], 200)

    def test_a_new_client_in_the_child(self) -> None:
        self.client.ping(self.registry)
        new = lambda: ocireg.Client(plain_http=True)
        self.assertEqual(self.in_child(lambda: new().ping(self.registry)["status"]), "200")
        self.assertEqual(self.in_child(lambda: self.raised(lambda: new().ping(SILENT, timeout=0.05))), "TIMEOUT True")

        def interrupted() -> str:
            try:
                with self.alarm(0.1):
                    new().ping(SILENT)
            except KeyboardInterrupt:
                return "interrupted"
            return "not"

        self.assertEqual(self.in_child(interrupted), "interrupted")

    def test_readers_uploads_and_contexts_of_the_parent(self) -> None:
        reader = self.client.open_blob(self.put_blob(b"x" * 1_000_000))
        reader.read(1)
        upload, context = self.client.upload(self.new_repository()), ocireg.Context()
        self.assertEqual(self.in_child(lambda: self.raised(lambda: reader.read())), "FORKED True")
        self.assertEqual(self.in_child(lambda: self.raised(lambda: upload.finish())), "FORKED True")
        ping = lambda: ocireg.Client(plain_http=True).ping(self.registry, context=context)["status"]
        self.assertEqual(self.in_child(ping), "200")
        self.assertEqual(len(reader.read()), 999_999)
        upload.cancel()

    def test_forks_in_the_middle_of_calls(self) -> None:
        joins = [self.in_thread(lambda: [self.client.ping(self.registry) for _ in range(20)]) for _ in range(4)]
        for _ in range(5):
            self.assertEqual(self.in_child(lambda: ocireg.Client(plain_http=True).ping(self.registry)["status"]), "200")
        for join in joins:
            join()

    def ends(self, script: str, status: int = 0, seconds: float = 4, said: str = "") -> None:
        script = "import ocireg, os, sys, threading, time, atexit\nsilent, registry = sys.argv[1:]\n" + script
        with self.python(script, SILENT, self.registry) as child:
            try:
                self.assertEqual(child.communicate(timeout=seconds)[0], said)
            finally:
                child.kill()
            self.assertEqual(child.returncode, status)

    def test_an_exit_does_not_wait_for_other_threads_calls(self) -> None:
        client = "def ping():\n    try: ocireg.Client(plain_http=True).ping(silent)\n    except ocireg.Cancelled: pass\n"
        self.ends(client + "threading.Thread(target=ping, daemon=True).start()\ntime.sleep(0.2)\nsys.exit(7)", 7)

    def test_an_exit_in_the_middle_of_callbacks(self) -> None:
        script = """
import io
client = ocireg.Client(plain_http=True)
name = registry + "/python/exit"
reference = name + "@" + client.put_blob(name, b"x" * 3_000_000)["digest"]
def work():
    context = ocireg.Context(log=lambda _: None, progress=lambda *_: time.sleep(0.0001))
    while True:
        client.blob(reference, context=context)
        client.blob_to_file(reference, io.BytesIO(), context=context)
        client.put_blob(name, io.BytesIO(b"y" * 1_000_000), context=context)
def quiet():
    try:
        work()
    except (ocireg.Cancelled, RuntimeError):  # at the end no thread can be started any more
        pass
for _ in range(4):
    threading.Thread(target=quiet, daemon=True).start()
time.sleep(0.3)
"""
        for _ in range(2):
            self.ends(script, seconds=8)

    def test_what_is_left_at_the_end(self) -> None:
        self.ends(
            """
client = ocireg.Client(plain_http=True)
name = registry + "/python/exit"
reader = client.open_blob(name + "@" + client.put_blob(name, b"x" * 3_000_000)["digest"])
reader.read(1)
cycle = [reader, client]
cycle.append(cycle)
atexit.register(lambda: ocireg.Client(plain_http=True).ping(registry))
"""
        )

    def test_a_finalizer_at_the_end_makes_calls(self) -> None:
        """When Python runs the last finalizers, its other threads stand still for ever, and a new one does not begin."""
        begin = """
import io
class Last:
    what = None
    def __del__(self, write=os.write, errors=(RuntimeError, ocireg.Error)):
        try: self.what()
        except errors: write(1, b"-")
        else: write(1, b"+")
last = Last()  # finalized before the client, because it is older
client = ocireg.Client(plain_http=True)
reference = registry + "/python/exit@" + client.put_blob(registry + "/python/exit", b"x" * 3_000_000)["digest"]
context = ocireg.Context(progress=lambda *_: None)
reader = client.open_blob(reference)
"""
        for more in ("", "ocireg._aside._idle.clear()\n"):  # a worker that stands still, and one that would have to begin
            for what, said in {
                "client.ping(registry)": "+",
                "client.blob(reference, context=context)": "+",
                "reader.read()": "-",  # ended before, like all calls of the process
                "client.put_blob(registry + '/python/exit', io.BytesIO(b'y'))": "+",
                "client.blob_to_file(reference, io.BytesIO())": "-",
            }.items():
                with self.subTest(what, more=more):
                    self.ends(f"{begin}{more}last.what = lambda: {what}", said=said)
        # The client is older, and has been finalized.
        self.ends(begin.replace("last = Last()", "") + "last = Last()\nlast.what = lambda: client.ping(registry)", said="-")

    def test_an_exit_by_an_exception_of_a_callback(self) -> None:
        self.ends("ocireg.Client(plain_http=True).ping(registry, context=ocireg.Context(log=lambda _: sys.exit(5)))", 5)


if __name__ == "__main__":
    unittest.main()

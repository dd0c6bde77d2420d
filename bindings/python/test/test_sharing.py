"""Readers and uploads in the hands of several threads, and of their own callbacks."""

from __future__ import annotations

import threading
import time
import unittest
from typing import Any

import helper
import ocireg

DATA = bytes(range(256)) * 4000


class SharingTest(helper.Case):
    def everywhere(self, function: Any) -> None:
        """On the main thread, and on another one."""
        function()
        self.in_thread(function)()

    def outcome(self, function: Any) -> Any:
        try:
            return function()
        except BaseException as error:
            return type(error)

    def test_a_callback_that_uses_its_own_reader(self) -> None:
        reference = self.put_blob(DATA)

        def read() -> None:
            box: list[Any] = []
            seen: list[Any] = []

            def progress(*_: Any) -> None:
                for use in box:
                    seen.append(self.outcome(use))

            with self.client.open_blob(reference, context=ocireg.Context(progress=progress)) as reader:
                box[:] = [reader.read, lambda: reader.read1(5), lambda: reader.readinto(bytearray(5)), reader.peek, reader.readline]
                self.assertEqual(reader.read(), DATA)
                self.assertEqual(reader.tell(), len(DATA))
            self.assertEqual(set(seen), {ocireg.Busy})

        self.everywhere(read)

    def test_a_callback_that_uses_its_own_upload(self) -> None:
        def write() -> None:
            box: list[Any] = []
            seen: list[Any] = []

            def progress(*_: Any) -> None:
                for use in box:
                    seen.append(self.outcome(use))

            upload = self.client.upload(self.new_repository(), chunk_size=10_000, context=ocireg.Context(progress=progress))
            box[:] = [lambda: upload.write(b"x"), upload.flush, upload.finish, upload.save, upload.cancel, upload.close]
            upload.write(DATA[:50_000])
            self.assertEqual(upload.finish()["digest"], ocireg.digest(DATA[:50_000]))
            self.assertEqual(set(seen), {ocireg.Busy})

        self.everywhere(write)

    def test_several_threads_on_one_reader(self) -> None:
        """Each gets what it reads, or Busy at once; the main thread is one of them."""
        reader = self.client.open_blob(self.put_blob(DATA))
        counts: list[int] = []

        def read() -> None:
            while True:
                try:
                    data = reader.read(3000)
                except ocireg.Busy:
                    time.sleep(0.001)
                    continue
                if not data:
                    return
                counts.append(len(data))

        joins = [self.in_thread(read) for _ in range(4)]
        read()
        for join in joins:
            join()
        self.assertEqual(sum(counts), len(DATA))

    def test_an_upload_is_ended_by_another_thread(self) -> None:
        for how in ("close", "cancel"):
            for main in (True, False):
                with self.subTest(how, main=main):
                    host, seen = self.stubborn()
                    upload = self.client.upload(f"{host}/a")
                    ended: list[float] = []
                    busy: list[Any] = []

                    def end(upload: ocireg.Upload = upload, how: str = how) -> None:
                        time.sleep(0.3)
                        busy.append(self.outcome(lambda: upload.write(b"x")))
                        ended.append(time.monotonic())
                        getattr(upload, how)()

                    thread = threading.Thread(target=end)
                    thread.start()
                    write = lambda upload=upload: upload.write(bytes(20_000_000))
                    with self.assertRaises(ocireg.Closed):
                        write() if main else self.in_thread(write)()
                    self.assertLess(time.monotonic() - ended[0], helper.AT_MOST)
                    thread.join(5)
                    self.assertEqual(busy, [ocireg.Busy])
                    self.assertTrue(upload.closed)
                    limit = time.monotonic() + 2
                    while "DELETE" not in seen and time.monotonic() < limit:
                        time.sleep(0.01)
                    self.assertEqual(seen, ["POST", "PATCH", "DELETE"])


if __name__ == "__main__":
    unittest.main()

"""Blobs from and into everything that Python has: memory, files, pipes, sockets, objects like files."""

from __future__ import annotations

import array
import copy
import gzip
import hashlib
import io
import json
import mmap
import os
import pickle
import shutil
import socket
import tarfile
import tempfile
import threading
import time
import unittest
import warnings
from typing import Any

import helper
import ocireg

DATA = os.urandom(3_000_000)


class Writes:
    """A sink that a function is."""

    def __init__(self, write: Any) -> None:
        self.write = write


class Slow(io.RawIOBase):
    """A raw file that takes and gives little at a time."""

    def __init__(self, data: bytes = b"") -> None:
        self.space = io.BytesIO(data)

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self.space.readinto(memoryview(buffer)[:7001])

    def write(self, data: Any) -> int:
        return self.space.write(memoryview(data)[:70_001])


class OnlyRead:
    def __init__(self, data: bytes) -> None:
        self.space = io.BytesIO(data)

    def read(self, size: int) -> bytes:
        return self.space.read(size)


class BlobTest(helper.Case):
    @classmethod
    def setUpClass(cls) -> None:
        client = ocireg.Client(plain_http=True)
        cls.repository = f"{helper.registry('V3')}/python/blobs"
        cls.reference = f"{cls.repository}@{client.put_blob(cls.repository, DATA)['digest']}"

    def test_memory(self) -> None:
        self.assertEqual(self.client.blob(self.reference), DATA)
        self.assertEqual(self.client.blob(self.reference, offset=5, length=7), DATA[5:12])
        self.assertTrue(self.client.has_blob(self.reference))
        self.assertFalse(self.client.has_blob(f"{self.repository}@{helper.NONE}"))
        self.assertEqual(self.client.blob_head(self.reference)["size"], len(DATA))
        with self.assertRaises(ocireg.LimitExceeded):
            self.client.blob(self.reference, limit=100)

    def test_sources_in_memory(self) -> None:
        file = self.folder() / "file"
        file.write_bytes(DATA)
        with file.open("rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
            sources = {
                "bytes": DATA, "bytearray": bytearray(DATA), "view": memoryview(DATA), "writable view": memoryview(bytearray(DATA)),
                "mmap": mapped, "array": array.array("I", DATA), "strided": memoryview(DATA + DATA)[::2],
            }  # fmt: skip
            for name, source in sources.items():
                with self.subTest(name):
                    put = self.client.put_blob(self.new_repository(), source)
                    self.assertEqual(put["digest"], ocireg.digest(bytes(source)))
        for empty in (b"", bytearray(), memoryview(b"")):
            self.assertEqual(self.client.put_blob(self.new_repository(), empty)["size"], 0)

    def test_memory_cannot_change_its_size_meanwhile(self) -> None:
        data = bytearray(b"x" * 100)

        def log(_: Any) -> None:
            with self.assertRaises(BufferError):
                data.append(1)

        self.client.put_blob(self.new_repository(), data, context=ocireg.Context(log=log))
        data.append(1)

    def test_sources_that_are_read(self) -> None:
        file = self.folder() / "file"
        file.write_bytes(DATA)
        wanted = ocireg.digest(DATA)
        with file.open("rb") as buffered, file.open("rb", buffering=0) as raw:
            sources = {
                "path": file, "text": str(file), "buffered": buffered, "raw": raw, "memory": io.BytesIO(DATA), "slow": Slow(DATA),
                "only read": OnlyRead(DATA), "pieces": (DATA[at : at + 999_999] for at in range(0, len(DATA), 999_999)),
                "list": [DATA, b"", b""],
            }  # fmt: skip
            for name, source in sources.items():
                with self.subTest(name):
                    self.assertEqual(self.client.put_blob(self.new_repository(), source)["digest"], wanted)
        put = self.client.put_blob(self.new_repository(), io.BytesIO(DATA), digest=wanted, size=len(DATA))
        self.assertEqual(put["digest"], wanted)

    def test_sources_that_are_none(self) -> None:
        repository = self.new_repository()
        for wrong in (5, object(), None, {}, {b"a": 1}, True):
            with self.assertRaisesRegex(TypeError, f"^source is {type(wrong).__name__}, "):
                self.client.put_blob(repository, wrong)
        with self.assertRaisesRegex(TypeError, "binary"):
            self.client.put_blob(repository, io.StringIO("text"))
        with self.assertRaises(ocireg.FileError) as raised:
            self.client.put_blob(repository, "/no/such/file")
        self.assertEqual(raised.exception.errno, 2)
        self.assertIsInstance(raised.exception, FileNotFoundError)
        self.assertEqual(raised.exception.strerror, os.strerror(2))
        with self.assertRaises(ocireg.DigestMismatch):
            self.client.put_blob(repository, io.BytesIO(b"other"), digest=helper.NONE, size=5)

    def test_a_source_that_gives_too_much(self) -> None:
        class Mad:
            def read(self, size: int) -> bytes:
                return b"x" * (size + 1)

        class Negative:
            def readinto(self, _: Any) -> int:
                return -5

        for mad in (Mad(), Negative()):
            with self.assertRaises(ValueError):
                self.client.put_blob(self.new_repository(), mad)

    def test_a_file_by_its_path(self) -> None:
        path = self.folder() / "blob"
        got = self.client.blob_to_file(self.reference, path)
        self.assertTrue(self.client.blob_to_file(self.reference, path, if_exists="skip", resume=False)["skipped"])
        self.assertEqual((got["verified"], got["path"], got["size"]), (True, str(path), len(DATA)))
        self.assertEqual(path.read_bytes(), DATA)
        self.assertEqual(self.client.blob_to_file(self.reference, str(path), offset=1, length=2)["length"], 2)

    def test_open_files(self) -> None:
        path = self.folder() / "blob"
        for mode in ("wb", "w+b", "ab", "r+b"):
            for buffering in (0, -1):
                with self.subTest(mode, buffering=buffering), path.open(mode, buffering=buffering) as file:
                    file.truncate(0)
                    file.write(b"before")
                    self.assertTrue(self.client.blob_to_file(self.reference, file)["verified"])
                    self.assertEqual(file.tell(), len(DATA) + 6)
                    file.write(b"after")
                    file.flush()
                    self.assertEqual(path.read_bytes(), b"before" + DATA + b"after")
                    if "+" in mode:
                        file.seek(3)
                        self.assertEqual(file.read(6), b"ore" + DATA[:3])

    def test_other_sinks(self) -> None:
        space = io.BytesIO()
        self.assertEqual(self.client.blob_to_file(self.reference, space)["length"], len(DATA))
        self.assertEqual(space.getvalue(), DATA)
        slow = Slow()
        self.client.blob_to_file(self.reference, slow)
        self.assertEqual(slow.space.getvalue(), DATA)
        path = self.folder() / "packed.gz"
        # It has a descriptor, which is not where its bytes go.
        with gzip.open(path, "wb", compresslevel=1) as packed:
            self.client.blob_to_file(self.reference, packed)
        with gzip.open(path) as packed:
            self.assertEqual(packed.read(), DATA)
        with tempfile.TemporaryFile() as file, tempfile.SpooledTemporaryFile() as spooled:
            for sink in (file, spooled):
                self.client.blob_to_file(self.reference, sink)
                sink.seek(0)
                self.assertEqual(sink.read(), DATA)

        class Hash:
            def __init__(self) -> None:
                self.hash = hashlib.sha256()

            def write(self, data: bytes) -> None:
                self.hash.update(data)

        sink = Hash()
        self.client.blob_to_file(self.reference, sink)
        self.assertTrue(self.reference.endswith(sink.hash.hexdigest()))

    def test_pipes_and_sockets(self) -> None:
        reader, writer = os.pipe()
        ours, theirs = socket.socketpair()
        for source, sink, name in ((reader, writer, "pipe"), (ours.detach(), theirs, "socket")):
            with self.subTest(name), os.fdopen(source, "rb") as file:
                join = self.in_thread(lambda file=file: file.read(len(DATA)))
                self.client.blob_to_file(self.reference, sink)
                self.assertEqual(join(), DATA)
        os.close(writer)
        theirs.close()

    def test_sinks_that_are_none(self) -> None:
        for wrong in (None, object(), [], True, False):
            with self.assertRaisesRegex(TypeError, f"^sink is {type(wrong).__name__}, "):
                self.client.blob_to_file(self.reference, wrong)
        with self.assertRaisesRegex(TypeError, "binary"):
            self.client.blob_to_file(self.reference, io.StringIO())
        given = []
        self.client.blob_to_file(self.reference, Writes(given.append))
        self.assertEqual({type(data) for data in given}, {bytes})

    def test_sinks_that_take_too_little_or_too_much(self) -> None:
        for said in (0, -1, 1 << 40, "all", 1.5):

            class Odd:
                said: Any

                def write(self, data: bytes) -> Any:
                    return self.said

            sink = Odd()
            sink.said = said
            with self.assertRaisesRegex(ValueError, "took"):
                self.client.blob_to_file(self.reference, sink)

    def test_a_sink_that_fails(self) -> None:
        class Full:
            def write(self, data: bytes) -> None:
                raise ZeroDivisionError("full")

        def pipes() -> int:
            return sum(
                os.readlink(f"/proc/self/fd/{fd}").startswith("pipe:")
                for fd in os.listdir("/proc/self/fd")
                if os.path.lexists(f"/proc/self/fd/{fd}")
            )

        before = pipes()
        for run in (lambda call: call(), lambda call: self.in_thread(call)()):
            with self.assertRaisesRegex(ZeroDivisionError, "full"):
                run(lambda: self.client.blob_to_file(self.reference, Full()))
        self.assertEqual(pipes(), before)
        reader, writer = os.pipe()
        os.close(reader)
        with self.assertRaises(ocireg.FileError) as raised:
            self.client.blob_to_file(self.reference, writer)
        os.close(writer)
        self.assertEqual(raised.exception.errno, 32)

    def test_a_reader(self) -> None:
        with self.client.open_blob(self.reference) as reader:
            self.assertEqual((reader.size, reader.readable(), reader.seekable(), reader.writable()), (len(DATA), True, False, False))
            self.assertEqual(reader.read(5), DATA[:5])
            self.assertEqual(reader.tell(), 5)
            space = bytearray(7)
            count = reader.readinto(space)
            self.assertEqual(space[:count], DATA[5 : 5 + count])
            rest = reader.read()
            self.assertEqual(rest, DATA[5 + count :])
            self.assertEqual((reader.read(), reader.read(1), reader.readinto(space)), (b"", b"", 0))
            self.assertEqual(reader.info["size"], len(DATA))
        self.assertTrue(reader.closed)
        for use in (reader.read, lambda: reader.read(1), lambda: reader.readinto(bytearray(1))):
            with self.assertRaises(ValueError):
                use()
        reader.close()

    def test_a_reader_is_a_file(self) -> None:
        space = io.BytesIO()
        with self.client.open_blob(self.reference) as reader:
            shutil.copyfileobj(reader, space)
        self.assertEqual(space.getvalue(), DATA)
        with io.BufferedReader(self.client.open_blob(self.reference), 1000) as buffered:
            self.assertEqual(buffered.read(10), DATA[:10])
            self.assertEqual(buffered.peek(3)[:3], DATA[10:13])
        document = self.put_blob(b'{"a": [1, 2]}\n{}\n')
        with io.TextIOWrapper(self.client.open_blob(document)) as lines:
            self.assertEqual([json.loads(line) for line in lines], [{"a": [1, 2]}, {}])
        packed = self.put_blob(gzip.compress(helper.tar(one="1", two="2" * 100_000)))
        with self.client.open_blob(packed) as reader, tarfile.open(fileobj=reader, mode="r|gz") as archive:
            self.assertEqual([entry.name for entry in archive], ["one", "two"])

    def test_lines(self) -> None:
        data = b"".join(b"%d" % number * (number % 50) + b"\n" for number in range(60_000)) + b"no end"
        reference = self.put_blob(data)
        wanted = data.splitlines(keepends=True)
        with self.client.open_blob(reference) as reader, self.within(5):
            self.assertEqual(list(reader), wanted)
            self.assertEqual((reader.readline(), reader.tell()), (b"", len(data)))
        with self.client.open_blob(reference) as reader:
            file = io.BytesIO(data)
            for size in (-1, 0, 1, 3, 10_000, None, 2, 700_000):
                self.assertEqual(reader.readline(size), file.readline(size))
                self.assertEqual(reader.read(100), file.read(100))
                self.assertTrue(data.startswith(reader.peek(), reader.tell()))
                piece = reader.read1(10)
                self.assertEqual(piece, file.read(len(piece)))
                self.assertTrue(piece)
            reader._gathered = [reader.read(5), reader.read(30), reader.read(1)]  # what an interrupted read has left
            reader._position -= 36
            self.assertEqual(reader.readlines(), file.readlines())
            self.assertEqual((reader.peek(), reader.read1(), reader.readline()), (b"", b"", b""))
        long = self.put_blob(b"x" * 3_000_000 + b"\ny")
        with self.client.open_blob(long) as reader:
            self.assertEqual([len(line) for line in reader], [3_000_001, 1])

    def test_what_a_reader_and_an_upload_are_not(self) -> None:
        reader = self.client.open_blob(self.reference)
        self.assertEqual(reader.name, self.reference.partition("@")[2])
        with self.assertRaises(io.UnsupportedOperation):
            reader.write(b"x")
        for use in (copy.copy, copy.deepcopy, pickle.dumps):
            with self.assertRaisesRegex(TypeError, "a reader cannot be copied"):
                use(reader)
        reader.close()
        for use in (reader.readable, reader.tell, reader.peek, reader.read1, reader.readline):
            with self.assertRaises(ocireg.Closed):
                use()
        with self.client.upload(self.new_repository()) as upload:
            for use in (upload.read, lambda: upload.readinto(bytearray(1))):
                with self.assertRaises(io.UnsupportedOperation):
                    use()
            with self.assertRaisesRegex(TypeError, "an upload cannot be copied"):
                copy.copy(upload)

    def test_a_reader_that_another_thread_closes(self) -> None:
        silent = self.client.open_blob(f"{self.slow()}/a@{helper.NONE}")
        join = self.in_thread(silent.read)
        time.sleep(0.2)
        silent.close()
        with self.assertRaises(ocireg.Closed):
            join()

    def slow(self) -> str:
        """A server that begins to send a blob."""
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)

        def serve() -> None:
            peer, _ = listener.accept()
            self.addCleanup(peer.close)
            peer.recv(10_000)
            peer.sendall(b"HTTP/1.1 200 x\r\nContent-Length: 5000000\r\n\r\n" + b"x" * 100_000)

        threading.Thread(target=serve, daemon=True).start()
        return f"127.0.0.1:{listener.getsockname()[1]}"

    def test_a_reader_into_wrong_places(self) -> None:
        with self.client.open_blob(self.reference) as reader:
            for wrong in (b"xxx", memoryview(b"xxx"), 5, "text"):
                with self.assertRaises(TypeError):
                    reader.readinto(wrong)
            self.assertEqual(reader.readinto(bytearray()), 0)
            numbers = array.array("I", [0] * 3)
            self.assertGreater(reader.readinto(numbers), 0)

    def test_pieces(self) -> None:
        with self.client.open_blob(self.reference, offset=1000, length=10) as reader:
            self.assertEqual(reader.read(), DATA[1000:1010])
        small = bytearray()
        with self.client.open_blob(self.put_blob(DATA[:1000])) as reader:
            while part := reader.read(7):
                small += part
        self.assertEqual(small, DATA[:1000])

    def test_a_reader_that_is_left(self) -> None:
        for _ in range(50):
            self.client.open_blob(self.reference).read(1)
        self.assertEqual(self.client.blob(self.reference, length=1), DATA[:1])

    def test_an_upload(self) -> None:
        repository = self.new_repository()
        with self.client.upload(repository) as upload:
            self.assertEqual((upload.writable(), upload.readable(), upload.seekable()), (True, False, False))
            for piece in (b"a", bytearray(b"b"), memoryview(b"cd")[1:], array.array("B", b"e"), b"", DATA, memoryview(bytearray(DATA))):
                upload.write(piece)
            self.assertEqual(upload.tell(), 4 + 2 * len(DATA))
            upload.flush()
        self.assertEqual(upload.result["digest"], ocireg.digest(b"abde" + DATA + DATA))
        self.assertTrue(upload.closed)
        with self.assertRaises(ocireg.Closed):
            upload.write(b"x")
        with self.assertRaises(ocireg.Closed):
            upload.finish()
        upload.cancel()
        upload.close()

    def test_an_upload_is_a_file(self) -> None:
        with self.client.upload(self.new_repository()) as upload:
            shutil.copyfileobj(io.BytesIO(DATA), upload)
        self.assertEqual(upload.result["digest"], ocireg.digest(DATA))
        upload = self.client.upload(self.new_repository(), chunk_size=100_000)
        with tarfile.open(fileobj=upload, mode="w|gz") as archive:
            archive.addfile(tarfile.TarInfo("name"))
        put = upload.finish()
        self.assertEqual(put["size"], upload.tell())

    def test_an_upload_whose_block_raises(self) -> None:
        with self.assertRaises(ZeroDivisionError), self.client.upload(self.new_repository()) as upload:
            upload.write(b"x")
            raise ZeroDivisionError
        with self.assertRaises(ValueError):
            upload.result  # noqa: B018
        self.assertTrue(upload.closed)

    def test_an_upload_with_another_digest(self) -> None:
        upload = self.client.upload(self.new_repository())
        upload.write(b"x")
        with self.assertRaises(ocireg.DigestMismatch):
            upload.finish(helper.NONE)
        with self.assertRaises(ocireg.DigestMismatch):
            upload.write(b"y")
        upload.close()

    def test_an_upload_that_is_forgotten(self) -> None:
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            upload = self.client.upload(self.new_repository())
            with self.within(0.05):
                del upload
        self.assertEqual([warning.category for warning in seen], [ResourceWarning])

    def test_sessions(self) -> None:
        repository = self.new_repository()
        session = self.client.upload_session(repository)
        session = session.chunk(b"hello ")
        kept = json.dumps(session.to_dict())
        other = ocireg.Client(plain_http=True)
        session = other.resume_upload(json.loads(kept))
        self.assertEqual((session.offset, session.min_chunk_size), (6, 0))
        self.assertTrue(repository.endswith(session.repository.partition("/")[2]))
        self.assertEqual(session.status().offset, 6)
        put = session.finish(ocireg.digest(b"hello world"), bytearray(b"world"))
        self.assertEqual(self.client.blob(f"{repository}@{put['digest']}"), b"hello world")
        session = other.resume_upload(self.client.upload_session(repository).url)
        session.cancel()
        self.assertIn("python", repr(session))
        with self.assertRaises(ocireg.NotFound):
            session.status()
        upload = self.client.upload(repository)
        upload.write(b"saved")
        session = self.client.resume_upload(upload.save())
        self.assertEqual(session.finish(ocireg.digest(b"saved"))["digest"], ocireg.digest(b"saved"))

    def test_mounting_and_deleting(self) -> None:
        digest = self.reference.partition("@")[2]
        repository = self.new_repository()
        self.assertTrue(self.client.mount_blob(f"{repository}@{digest}", self.repository)["mounted"])
        self.assertTrue(self.client.has_blob(f"{repository}@{digest}"))
        self.assertEqual(self.client.delete_blob(f"{repository}@{digest}")["status"], 202)
        self.assertFalse(self.client.mount_blob(f"{self.new_repository()}@{helper.NONE}")["mounted"])
        put = self.client.put_blob(self.new_repository(), DATA, mount_from=[self.repository])
        self.assertTrue(put["mounted"])

    def test_a_layout_as_a_store(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            layout = f"oci:{folder}/layout"
            digest = self.client.put_blob(self.repository, b"{}")["digest"]
            self.assertTrue(self.client.copy_blob(f"{self.repository}@{digest}", layout)["uploaded"])
            self.assertFalse(self.client.put_blob(layout, b"{}")["uploaded"])
            config = {"mediaType": "application/vnd.oci.empty.v1+json", "digest": digest, "size": 2}
            manifest = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "layers": [], "config": config}
            put = self.client.put_manifest(f"{layout}:v1", manifest, if_exists="fail")
            self.assertEqual(put["condition"], "locked")
            self.client.tag_image(f"{layout}:v1", "v2")
            self.assertIsNone(self.client.delete_tag(f"{layout}:v1")["status"])
            self.assertEqual(self.client.tags(layout)["tags"], ["v2"])
            self.assertEqual(self.client.blob(f"{layout}@{digest}"), b"{}")
            with self.client.open_blob(f"{layout}@{digest}", offset=1) as reader:
                self.assertEqual(reader.read(), b"}")
            self.client.delete_manifest(f"{layout}@{put['digest']}")
            with self.assertRaises(ocireg.NotFound):
                self.client.manifest(f"{layout}@{put['digest']}")

    def test_a_reader_on_two_threads(self) -> None:
        reader = ocireg.Client(plain_http=True).open_blob(self.reference)
        self.assertEqual(self.in_thread(lambda: reader.read(10))(), DATA[:10])
        self.assertEqual(reader.read(10), DATA[10:20])


if __name__ == "__main__":
    unittest.main()

"""The client for asyncio: the behaviours that all bindings share, and what is its own."""

from __future__ import annotations

import asyncio
import gzip
import inspect
import io
import itertools
import json
import os
import re
import tempfile
import threading
import time
import unittest
import uuid
from typing import Any

import helper
import ocireg
import test_behaviours
from helper import NONE, SILENT
from ocireg.aio import AsyncBlobReader, AsyncClient, AsyncUpload, AsyncUploadSession, AsyncV1

DATA = os.urandom(2_000_000)
SLOW = b"HTTP/1.1 200 x\r\nContent-Length: 5000000\r\n\r\n" + b"x" * 100_000


class Steps:
    """The steps of the behaviours with the other client; each is a coroutine that its thread runs to the end."""

    def __init__(self, client: AsyncClient, options: Any) -> None:
        self.client = client
        self.options = options

    def parse_reference(self, reference: str) -> Any:
        return ocireg.Reference(reference).parts

    def digest(self, text: str) -> Any:
        return ocireg.digest(text.encode())

    async def ping(self, registry: str) -> Any:
        return await self.client.ping(registry, **self.options)

    async def repositories(self, registry: str) -> Any:
        return [name async for name in self.client.iter_repositories(registry, **self.options)]

    async def tags(self, repository: str, page_size: int | None = None) -> Any:
        return [tag async for tag in self.client.iter_tags(repository, n=page_size, **self.options)]

    async def put_blob(self, repository: str, text: str, stream: bool = False) -> Any:
        if not stream:
            return (await self.client.put_blob(repository, text.encode(), **self.options))["digest"]
        async with await self.client.upload(repository, **self.options) as upload:
            await upload.write(text.encode())
        return upload.result["digest"]

    async def has_blob(self, reference: str) -> Any:
        return await self.client.has_blob(reference, **self.options)

    async def get_blob(self, reference: str, stream: bool = False) -> Any:
        if not stream:
            return (await self.client.blob(reference, **self.options)).decode()
        async with await self.client.open_blob(reference, **self.options) as reader:
            return (await reader.read()).decode()

    async def delete_blob(self, reference: str) -> None:
        await self.client.delete_blob(reference, **self.options)

    async def put_manifest(self, reference: str, text: str, media_type: str) -> Any:
        return (await self.client.put_manifest(reference, text.encode(), media_type=media_type, **self.options))["digest"]

    async def manifest(self, reference: str) -> Any:
        return (await self.client.manifest(reference, **self.options)).info

    async def manifest_text(self, reference: str) -> Any:
        return bytes(await self.client.manifest(reference, **self.options)).decode()

    async def manifest_digest(self, reference: str) -> Any:
        return await self.client.manifest_digest(reference, **self.options)

    async def delete_manifest(self, reference: str) -> None:
        await self.client.delete_manifest(reference, **self.options)

    async def copy(self, source: str, destination: str) -> Any:
        return await self.client.copy(source, destination, **self.options)

    async def push_artifact(self, destination: str, **file: Any) -> Any:
        return (await self.client.push_artifact(destination, [test_behaviours.part(**file)], **self.options))["digest"]

    async def attach_artifact(self, destination: str, **file: Any) -> Any:
        return (await self.client.attach_artifact(destination, [test_behaviours.part(**file)], **self.options))["digest"]

    async def pull_artifact(self, source: str, destination: str) -> Any:
        return await self.client.pull_artifact(source, destination, **self.options)

    async def close(self) -> None:
        await self.client.close()


class Run(test_behaviours.Run):
    """A behaviour whose steps run in one loop, on a thread of its own, as those of a program would."""

    def __init__(self, test: helper.Case, behaviour: dict[str, Any]) -> None:
        super().__init__(test, behaviour)
        self.loop = asyncio.new_event_loop()
        self.other = AsyncClient(plain_http=True, hosts=self.filled(behaviour.get("hosts", {})))
        thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        thread.start()

        def end() -> None:
            asyncio.run_coroutine_threadsafe(self.other.close(), self.loop).result(10)
            self.loop.call_soon_threadsafe(self.loop.stop)
            thread.join(10)
            self.loop.close()

        test.addCleanup(end)

    def perform(self, step: dict[str, Any], arguments: dict[str, Any]) -> Any:
        context = ocireg.Context(timeout=step["deadline_ms"] / 1000 if "deadline_ms" in step else None)
        if "cancel_after_ms" in step:
            threading.Timer(step["cancel_after_ms"] / 1000, context.cancel).start()
        if "close_after_ms" in step:
            close = lambda: asyncio.run_coroutine_threadsafe(self.other.close(), self.loop)
            threading.Timer(step["close_after_ms"] / 1000, close).start()
        result = getattr(Steps(self.other, {"context": context}), step["do"])(**arguments)
        return asyncio.run_coroutine_threadsafe(result, self.loop).result(60) if inspect.isawaitable(result) else result


class AsyncBehavioursTest(helper.Case):
    """The behaviours."""


def add(number: int, behaviour: dict[str, Any]) -> None:
    def test(self: helper.Case) -> None:
        Run(self, behaviour).run()

    setattr(AsyncBehavioursTest, f"test_{number:02}_" + re.sub(r"\W+", "_", behaviour["name"]), test)


for number, behaviour in enumerate(test_behaviours.BEHAVIOURS):
    add(number, behaviour)


def thread_names() -> list[str]:
    """The system's names of this process's threads."""
    names = []
    for task in os.listdir("/proc/self/task"):
        try:
            with open(f"/proc/self/task/{task}/comm") as file:
                names.append(file.read())
        except OSError:  # it has ended meanwhile
            pass
    return names


class AsyncTest(helper.Case, unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self) -> None:
        self.aio = AsyncClient(plain_http=True)
        self.addAsyncCleanup(self.aio.close)

    async def test_the_methods_are_those_of_the_client(self) -> None:
        for ours, theirs in ((AsyncClient, ocireg.Client), (AsyncV1, ocireg.V1), (AsyncUploadSession, ocireg.UploadSession)):
            for name, method in vars(theirs).items() if theirs is not ocireg.Client else inspect.getmembers(theirs):
                if name.startswith("_") or not inspect.isfunction(method):
                    continue
                mine = getattr(ours, name)
                wanted, found = inspect.signature(method), inspect.signature(mine)
                self.assertEqual(wanted.parameters, found.parameters, name)
                self.assertTrue(inspect.getdoc(mine), name)
        for kind in (AsyncClient, AsyncV1, AsyncUploadSession, AsyncBlobReader, AsyncUpload):
            for name, value in vars(kind).items():
                self.assertTrue(name.startswith("_") or value.__doc__, f"{kind.__name__}.{name}")

    async def test_many_at_once_on_few_threads(self) -> None:
        def answer(*_: Any) -> Any:
            time.sleep(0.1)
            return 200, {}, b"{}"

        host = self.serve(answer)
        client = AsyncClient(plain_http=True, job_threads=4, max_connections_per_host=4)
        ticks, threads = 0, 0

        async def watch() -> None:
            nonlocal ticks, threads
            while True:
                await asyncio.sleep(0.005)
                ticks += 1
                threads = max(threads, sum(name.startswith("ocireg") for name in thread_names()))

        watcher = asyncio.ensure_future(watch())
        found = await asyncio.gather(*(client.ping(host) for _ in range(20)))
        watcher.cancel()
        await client.close()
        self.assertEqual({one["status"] for one in found}, {200})
        # The loop went round while they waited.
        self.assertGreater(ticks, 10)
        self.assertLess(threads, 4 + 8)

    async def test_cancelling_a_task_cancels_its_call(self) -> None:
        aio = self.aio
        calls = {
            "ping": lambda: aio.ping(SILENT),
            "manifest": lambda: aio.manifest(f"{SILENT}/a:b"),
            "blob": lambda: aio.blob(f"{SILENT}/a@{NONE}"),
            "blob_to_file": lambda: aio.blob_to_file(f"{SILENT}/a@{NONE}", io.BytesIO()),
            "open_blob": lambda: aio.open_blob(f"{SILENT}/a@{NONE}"),
            "put_blob": lambda: aio.put_blob(f"{SILENT}/a", b"x"),
            "put_stream": lambda: aio.put_blob(f"{SILENT}/a", io.BytesIO(b"x")),
            "upload": lambda: aio.upload(f"{SILENT}/a"),
            "copy": lambda: aio.copy(f"{SILENT}/a:b", "dir:/nowhere"),
            "sync": lambda: aio.sync(f"{SILENT}/a", "oci:/nowhere"),
            "sync_list": lambda: aio.sync_list(f"{SILENT}/a:b oci:/nowhere"),
            "v1": lambda: aio.v1.tags(f"{SILENT}/a"),
        }
        for name, call in calls.items():
            with self.subTest(name):
                with self.within(0.05 + helper.AT_MOST), self.assertRaises(asyncio.TimeoutError):
                    await asyncio.wait_for(call(), 0.05)
                with self.within(helper.AT_MOST):
                    await aio._calls._hub.wait()
        self.assertEqual((await aio.ping(self.registry))["status"], 200)

    async def test_a_layout_as_a_store(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            layout = f"oci:{folder}/layout"
            put = await self.aio.put_blob(layout, DATA)
            reference = f"{layout}@{put['digest']}"
            copied = await self.aio.copy_blob(reference, f"dir:{folder}/dir")
            self.assertEqual((copied["uploaded"], copied["size"]), (True, len(DATA)))
            reader = await self.aio.open_blob(reference)
            async with reader:
                self.assertEqual(await reader.read(), DATA)

    async def test_time_limits(self) -> None:
        limited = AsyncClient(plain_http=True, timeout=0.1)
        for call in (
            limited.ping(SILENT), self.aio.ping(SILENT, timeout=0.1), self.aio.ping(SILENT, context=ocireg.Context(timeout=0.1)),
        ):  # fmt: skip
            with self.within(0.1 + helper.AT_MOST), self.assertRaises(TimeoutError):
                await call
        with self.assertRaises(ocireg.TimeoutError):
            await self.aio.ping(SILENT, timeout=0)
        await limited.close()

    async def test_wrong_arguments(self) -> None:
        with self.assertRaises(ocireg.InvalidArgument):
            await self.aio.tags("a", m=5)
        with self.assertRaises(ocireg.InvalidReference):
            await self.aio.manifest("UPPER")
        with self.assertRaises(TypeError):
            await self.aio.manifest(5)
        with self.assertRaises(TypeError):
            await self.aio.put_blob("a", 5)
        with self.assertRaises(ocireg.InvalidArgument):
            await self.aio.put_blob(self.new_repository(), io.BytesIO(), size=5)
        self.assertEqual(self.aio._calls._hub.jobs, {})

    async def test_a_context(self) -> None:
        image = await asyncio.to_thread(self.put_image)
        told: dict[str, list[Any]] = {"progress": [], "log": [], "blobs": []}
        thread = threading.get_ident()

        def tell(kind: str) -> Any:
            return lambda *said: (told[kind].append(said), self.assertEqual(threading.get_ident(), thread))

        context = ocireg.Context(**{kind: tell(kind) for kind in told})
        await self.aio.copy(image, f"oci:{self.folder()}/a:b", context=context)
        self.assertEqual(sorted(event["size"] for (event,) in told["blobs"] if event["state"] == "copied"), [2, 5])
        self.assertIn("response", [event["event"] for (event,) in told["log"]])
        self.assertEqual(context.progress()["operation"], "copy")
        await self.aio.ping(helper.registry("REFERRERS"), context=context)
        self.assertEqual(len(context.warnings()), 1)
        reference = await asyncio.to_thread(self.put_blob, DATA)
        await self.aio.blob(reference, context=context)
        self.assertTrue(told["progress"])

    async def test_progress_comes_while_nothing_moves(self) -> None:
        times: list[float] = []
        context = ocireg.Context(progress=lambda done, total: times.append(time.monotonic()))
        begun = time.monotonic()
        with self.assertRaises(TimeoutError):
            await self.aio.ping(SILENT, context=context, timeout=1.5)
        moments = [begun, *times, time.monotonic()]
        self.assertLess(max(after - before for before, after in itertools.pairwise(moments)), 0.05 + helper.AT_MOST)
        # And what it raises ends the call, so that it can look whether that is still wanted.
        with self.within(0.25 + helper.AT_MOST), self.assertRaises(ZeroDivisionError):
            await self.aio.ping(SILENT, context=ocireg.Context(progress=lambda done, total: print(1 // 0)))

    async def test_what_a_callback_raises_comes_out(self) -> None:
        def fail(*_: Any) -> None:
            raise ZeroDivisionError("mine")

        image = await asyncio.to_thread(self.put_image)
        for call in (
            lambda: self.aio.ping(self.registry, context=ocireg.Context(log=fail)),
            lambda: self.aio.copy(image, f"oci:{self.folder()}/a:b", context=ocireg.Context(blobs=fail)),
            lambda: self.aio.repositories(helper.registry("HTPASSWD"), context=ocireg.Context(credentials=fail)),
        ):
            with self.assertRaisesRegex(ZeroDivisionError, "mine"):
                await call()

    async def test_credentials(self) -> None:
        host = helper.registry("HTPASSWD")

        async def later(_: str) -> Any:
            await asyncio.sleep(0.05)
            return {"username": "alice", "password": "s3cret:with colon"}

        async def never(_: str) -> Any:
            raise ZeroDivisionError

        for answer in (later, lambda _: {"username": "alice", "password": "s3cret:with colon"}):
            async with AsyncClient(plain_http=True, credentials=answer) as client:
                self.assertIn("repositories", await client.repositories(host))
        for answer, kind in ((lambda _: None, ocireg.Unauthenticated), (never, ZeroDivisionError), (lambda _: 5, TypeError)):
            async with AsyncClient(plain_http=True, credentials=answer) as client:
                with self.assertRaises(kind):
                    await client.repositories(host)

    async def test_credentials_that_need_themselves(self) -> None:
        host = helper.registry("HTPASSWD")
        alice: Any = {"username": "alice", "password": "s3cret:with colon"}
        asked, others = [], []

        async def answer(name: str) -> Any:
            asked.append(name)
            others.append(asyncio.create_task(other.repositories(name)))
            self.assertIn("repositories", await others[0])
            for call in (client.repositories(name), asyncio.gather(client.repositories(name), client.repositories(name))):
                with self.assertRaisesRegex(ocireg.Busy, "credentials of"):
                    await asyncio.wait_for(call, 20)
            return alice

        async with (
            AsyncClient(plain_http=True, credentials=answer) as client,
            AsyncClient(plain_http=True, credentials=lambda _: alice) as other,
        ):
            # A call that is not within the answer waits for it, also when the call was made meanwhile.
            for found in await asyncio.wait_for(asyncio.gather(*(client.repositories(host) for _ in range(3))), 60):
                self.assertIn("repositories", found)
            self.assertEqual(asked, [host])
            self.assertIn("repositories", await client.repositories(host))
        # They are in a circle, and so not freed: what other tests count is not theirs.
        client.quiesce()
        other.quiesce()

    async def test_an_answer_that_nobody_waits_for_is_not_looked_for(self) -> None:
        ended: list[str] = []

        async def answer(_: str) -> Any:
            try:
                await asyncio.sleep(60)
            finally:
                ended.append("left")

        async with AsyncClient(plain_http=True, credentials=answer) as client:
            for leave in (False, True):
                call = asyncio.ensure_future(client.repositories(helper.registry("HTPASSWD"), timeout=None if leave else 0.3))
                await asyncio.sleep(0.2)
                if leave:
                    call.cancel()
                with self.assertRaises((asyncio.CancelledError, ocireg.TimeoutError)):
                    await call
                await asyncio.sleep(0.1)
                self.assertEqual(ended, ["left"] * (1 + leave))

    async def test_one_answer_for_several_clients(self) -> None:
        host, alice = helper.registry("HTPASSWD"), {"username": "alice", "password": "s3cret:with colon"}
        login: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        async with (
            AsyncClient(plain_http=True, credentials=lambda _: login) as client,
            AsyncClient(plain_http=True, credentials=lambda _: login) as other,
        ):
            whole = asyncio.ensure_future(other.repositories(host))
            # One that does not wait for it any more takes it from nobody.
            with self.assertRaises(ocireg.TimeoutError):
                await client.repositories(host, timeout=0.3)
            self.assertFalse(login.cancelled())
            login.set_result(alice)
            self.assertIn("repositories", await whole)
        gone: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        gone.cancel()
        async with AsyncClient(plain_http=True, credentials=lambda _: gone) as client:
            with self.assertRaises(ocireg.Cancelled):
                await client.repositories(host)

    async def test_an_answer_that_comes_too_late(self) -> None:
        def answer(_: str) -> Any:
            time.sleep(0.6)
            return {"username": "alice", "password": "s3cret:with colon"}

        async with AsyncClient(plain_http=True, credentials=answer) as client:
            with self.assertRaises(ocireg.TimeoutError):
                await client.repositories(helper.registry("HTPASSWD"), timeout=0.2)

    async def test_callbacks_that_nobody_would_await(self) -> None:
        async def told(*_: Any) -> None:
            self.fail("it runs")

        image = await asyncio.to_thread(self.put_image)
        for given in ({"progress": told}, {"log": told}, {"blobs": told}):
            with self.assertRaisesRegex(TypeError, "coroutine"):
                await self.aio.copy(image, f"oci:{self.folder()}/a:b", context=ocireg.Context(**given))

    async def test_an_upload_of_two_tasks(self) -> None:
        upload = await self.aio.upload(self.new_repository())
        first = asyncio.ensure_future(upload.write(DATA))
        await asyncio.sleep(0)
        for step in (upload.write(b"x"), upload.flush(), upload.finish(), upload.save()):
            with self.assertRaises(ocireg.Busy):
                await step
        self.assertEqual(await first, len(DATA))
        self.assertEqual((await upload.finish())["size"], len(DATA))

    async def test_sources(self) -> None:
        wanted = ocireg.digest(DATA)
        file = self.folder() / "file"
        file.write_bytes(DATA)

        async def pieces() -> Any:
            for at in range(0, len(DATA), 300_000):
                await asyncio.sleep(0)
                yield DATA[at : at + 300_000]

        reader, writer = os.pipe()
        join = self.in_thread(lambda: (os.write(writer, b"x" * 1000), os.close(writer)))
        with open(file, "rb") as opened, os.fdopen(reader, "rb") as pipe:
            for source in (DATA, bytearray(DATA), file, str(file), opened, io.BytesIO(DATA), pieces(), [DATA, b""]):
                self.assertEqual((await self.aio.put_blob(self.new_repository(), source))["digest"], wanted)
            self.assertEqual((await self.aio.put_blob(self.new_repository(), pipe))["digest"], ocireg.digest(b"x" * 1000))
        join()
        with self.assertRaises(ocireg.DigestMismatch):
            await self.aio.put_blob(self.new_repository(), io.BytesIO(b"x"), digest=NONE)
        with self.assertRaisesRegex(TypeError, "binary"):
            await self.aio.put_blob(self.new_repository(), io.StringIO("x"))

    async def test_sinks(self) -> None:
        reference = await asyncio.to_thread(self.put_blob, DATA)
        folder = self.folder()
        self.assertTrue((await self.aio.blob_to_file(reference, folder / "a"))["verified"])
        self.assertEqual((folder / "a").read_bytes(), DATA)
        with open(folder / "b", "wb") as file, gzip.open(folder / "c", "wb", compresslevel=1) as packed:
            await self.aio.blob_to_file(reference, file)
            await self.aio.blob_to_file(reference, packed)
        self.assertEqual((folder / "b").read_bytes(), DATA)
        self.assertEqual(gzip.decompress((folder / "c").read_bytes()), DATA)

        class Slow:
            def __init__(self) -> None:
                self.space = io.BytesIO()

            async def write(self, data: bytes) -> int:
                await asyncio.sleep(0)
                return self.space.write(data[:100_001])

        slow = Slow()
        await self.aio.blob_to_file(reference, slow)
        self.assertEqual(slow.space.getvalue(), DATA)

        class Full:
            def write(self, data: bytes) -> int:
                raise ZeroDivisionError

        with self.assertRaises(ZeroDivisionError):
            await self.aio.blob_to_file(reference, Full())

        class Nothing:
            def write(self, data: bytes) -> int:
                return 0

        with self.assertRaisesRegex(ValueError, "took 0"):
            await self.aio.blob_to_file(reference, Nothing())
        with self.assertRaises(TypeError):
            await self.aio.blob_to_file(reference, io.StringIO())
        image = await asyncio.to_thread(self.put_real_image)
        out = io.BytesIO()
        self.assertEqual((await self.aio.image_file(image, "greeting", out))["size"], 5)
        await self.aio.image_file(image, "greeting", folder / "greeting")
        archive = io.BytesIO()
        exported = await self.aio.export_image(image, archive)
        await self.aio.export_image(image, folder / "image.tar")
        self.assertEqual((len(archive.getvalue()), (folder / "image.tar").read_bytes()), (exported["size"], archive.getvalue()))
        self.assertEqual((out.getvalue(), (folder / "greeting").read_bytes()), (b"hello", b"hello"))

    async def test_a_stream_writer(self) -> None:
        reference = await asyncio.to_thread(self.put_blob, DATA)
        got = bytearray()
        ended = asyncio.Event()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while data := await reader.read(100_000):
                got.extend(data)
                await asyncio.sleep(0)
            writer.close()
            ended.set()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        _, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        await self.aio.blob_to_file(reference, writer)
        writer.close()
        await ended.wait()
        server.close()
        self.assertEqual(got, DATA)

    async def test_a_reader(self) -> None:
        reference = await asyncio.to_thread(self.put_blob, DATA)
        async with await self.aio.open_blob(reference) as reader:
            self.assertEqual((reader.size, reader.info["size"], reader.tell()), (len(DATA), len(DATA), 0))
            self.assertEqual(await reader.read(5), DATA[:5])
            self.assertEqual(b"".join([piece async for piece in reader]), DATA[5:])
            self.assertEqual((await reader.read(), await reader.read(1), reader.tell()), (b"", b"", len(DATA)))
        self.assertTrue(reader.closed)
        with self.assertRaises(ocireg.Closed):
            await reader.read(1)
        await reader.close()
        reader = await self.aio.open_blob(reference)
        both = await asyncio.gather(reader.read(), reader.read(), return_exceptions=True)
        self.assertEqual((both[0], type(both[1])), (DATA, ocireg.Busy))
        del reader

    async def test_a_read_that_was_cancelled_loses_nothing(self) -> None:
        reference = await asyncio.to_thread(self.put_blob, DATA)
        for number in range(20):
            async with await self.aio.open_blob(reference) as reader:
                task = asyncio.ensure_future(reader.read())
                await asyncio.sleep(0.0003 * number)
                task.cancel()
                done = (await asyncio.gather(task, return_exceptions=True))[0]
                got = done if isinstance(done, bytes) else b""
                self.assertEqual(got + await reader.read(), DATA)

    async def test_uploads(self) -> None:
        repository = self.new_repository()
        upload = await self.aio.upload(repository, chunk_size=500_000)
        for piece in (b"a", bytearray(b"b"), memoryview(DATA), b"c"):
            await upload.write(piece)
        await upload.flush()
        put = await upload.finish(ocireg.digest(b"ab" + DATA + b"c"))
        self.assertEqual((put["size"], upload.tell(), upload.closed, upload.result), (len(DATA) + 3, len(DATA) + 3, True, put))
        with self.assertRaises(ocireg.Closed):
            await upload.write(b"x")
        with self.assertRaises(ZeroDivisionError):
            async with await self.aio.upload(repository) as upload:
                raise ZeroDivisionError
        with self.assertRaises(ValueError):
            upload.result  # noqa: B018
        await upload.cancel()
        upload = await self.aio.upload(repository)
        await upload.write(b"saved")
        session = await self.aio.resume_upload(await upload.save())
        self.assertEqual((session.offset, session.min_chunk_size), (5, 0))
        session = await (await session.status()).chunk(b" and")
        self.assertIn("9", repr(session))
        put = await session.finish(ocireg.digest(b"saved and sent"), b" sent")
        self.assertEqual(await self.aio.blob(f"{repository}@{put['digest']}"), b"saved and sent")
        session = await self.aio.upload_session(repository)
        self.assertTrue(session.url and session.repository and session.to_dict())
        await session.cancel()

    async def test_an_upload_that_was_cancelled(self) -> None:
        def answer(method: str, path: str, query: dict[str, str]) -> Any:
            if method == "POST":
                return 202, {"Location": f"{path}x", "Range": "0-0"}, b""
            time.sleep(2)
            return 500, {}, b""

        upload = await self.aio.upload(f"{self.serve(answer)}/a", chunk_size=1000)
        with self.assertRaises(asyncio.TimeoutError):
            await asyncio.wait_for(upload.write(b"x" * 2_000_000), 0.1)
        with self.assertRaises(ocireg.Cancelled):
            await upload.write(b"y")
        with self.within(helper.AT_MOST):
            await self.aio._calls._hub.wait()
            await upload.close()

    async def test_an_upload_that_was_ended_is_cancelled_at_the_registry(self) -> None:
        async def left(upload: AsyncUpload, context: ocireg.Context) -> None:
            task = asyncio.ensure_future(upload.write(bytes(20_000_000)))
            await asyncio.sleep(0.2)
            task.cancel()
            with self.assertRaises(asyncio.CancelledError):
                await task

        async def cancelled(upload: AsyncUpload, context: ocireg.Context) -> None:
            threading.Timer(0.2, context.cancel).start()
            with self.assertRaises(ocireg.Cancelled):
                await upload.write(bytes(20_000_000))

        async def over(upload: AsyncUpload, context: ocireg.Context) -> None:
            context.timeout = 0.2
            with self.assertRaises(ocireg.TimeoutError):
                await upload.write(bytes(20_000_000))

        async def at_once(upload: AsyncUpload, context: ocireg.Context) -> None:
            task = asyncio.ensure_future(upload.write(bytes(20_000_000)))
            await asyncio.sleep(0.2)
            await upload.cancel()
            with self.assertRaises(ocireg.Cancelled):
                await task

        for end in (left, cancelled, over, at_once):
            with self.subTest(end.__name__):
                host, seen = self.stubborn()
                context = ocireg.Context()
                upload = await self.aio.upload(f"{host}/a", context=context)
                await end(upload, context)
                await upload.cancel()
                await upload.cancel()
                limit = time.monotonic() + 2
                while "DELETE" not in seen and time.monotonic() < limit:
                    await asyncio.sleep(0.01)
                self.assertEqual(seen, ["POST", "PATCH", "DELETE"])

    async def test_a_callback_that_stops_an_iteration(self) -> None:
        reference = await asyncio.to_thread(self.put_blob, DATA)
        none: Any = iter(())
        for given in ({"progress": lambda *_: next(none)}, {"log": lambda _: next(none)}):
            with self.within(5), self.assertRaisesRegex(RuntimeError, "StopIteration"):
                await asyncio.wait_for(self.aio.blob(reference, context=ocireg.Context(**given)), 4)

    async def test_a_reader_that_another_task_closes(self) -> None:
        listener = await asyncio.start_server(lambda _, out: out.write(SLOW), "127.0.0.1", 0)
        self.addCleanup(listener.close)
        host = f"127.0.0.1:{listener.sockets[0].getsockname()[1]}"
        for _ in range(3):
            reader = await self.aio.open_blob(f"{host}/a@{NONE}")
            task = asyncio.ensure_future(reader.read())
            await asyncio.sleep(0.1)
            with self.within(helper.AT_MOST):
                await reader.close()
                await reader.close()
            with self.assertRaises(ocireg.Closed):
                await task
        with self.assertRaises(ZeroDivisionError):
            async with await self.aio.open_blob(f"{host}/a@{NONE}") as reader:
                task = asyncio.ensure_future(reader.read())
                await asyncio.sleep(0.1)
                raise ZeroDivisionError
        with self.assertRaises(ocireg.Closed):
            await task

    async def test_what_waits_for_the_callers_own_is_ended(self) -> None:
        """A sink that takes nothing, a source that gives nothing: limit, context and client end the call."""
        references = [await asyncio.to_thread(self.put_blob, data) for data in (DATA, b"small")]
        repository = self.new_repository()
        image = await asyncio.to_thread(self.put_image)

        async def forever(*_: Any) -> Any:
            await asyncio.Event().wait()

        async def nothing() -> Any:
            await forever()
            yield b""

        class Sink:
            write = forever

        calls: dict[str, Any] = {
            "sink": lambda client, **given: client.blob_to_file(references[0], Sink(), **given),
            "sink of all": lambda client, **given: client.blob_to_file(references[1], Sink(), **given),
            "source": lambda client, **given: client.put_blob(repository, nothing(), **given),
            "artifact": lambda client, **given: client.push_artifact(f"{repository}:a", [{"stream": nothing(), "title": "a"}], **given),
            "attached": lambda client, **given: client.attach_artifact(image, [{"stream": nothing(), "title": "a"}], **given),
        }
        for name, call in calls.items():
            with self.subTest(name):
                with self.within(0.2 + helper.AT_MOST), self.assertRaises(ocireg.TimeoutError):
                    await call(self.aio, timeout=0.2)
                context = ocireg.Context()
                threading.Timer(0.2, context.cancel).start()
                with self.within(0.2 + helper.AT_MOST), self.assertRaises(ocireg.Cancelled):
                    await call(self.aio, context=context)
                context = ocireg.Context(timeout=50)
                asyncio.get_running_loop().call_later(0.1, setattr, context, "timeout", 0.1)
                with self.within(0.2 + helper.AT_MOST), self.assertRaises(ocireg.TimeoutError):
                    await call(self.aio, context=context)
                with self.within(0.2 + helper.AT_MOST), self.assertRaises(asyncio.TimeoutError):
                    await asyncio.wait_for(call(self.aio), 0.2)
                async with AsyncClient(plain_http=True) as other:
                    task = asyncio.ensure_future(call(other))
                    await asyncio.sleep(0.2)
                    with self.within(helper.AT_MOST):
                        await other.close()
                        with self.assertRaises(ocireg.Closed):
                            await task
        self.assertFalse(self.aio._calls._hub.guards)

    async def test_close_waits_for_what_it_ends(self) -> None:
        """A sink is the caller's own again when close returns; one that closes its own client does not wait for itself."""
        reference = await asyncio.to_thread(self.put_blob, DATA)
        done = []

        class Slow:
            async def write(self, data: bytes) -> int:
                try:
                    await asyncio.Event().wait()
                finally:
                    await asyncio.sleep(0.3)
                    done.append(data)
                return len(data)

        client = AsyncClient(plain_http=True)
        task = asyncio.ensure_future(client.blob_to_file(reference, Slow()))
        await asyncio.sleep(0.2)
        await client.close()
        self.assertEqual(len(done), 1)
        with self.assertRaises(ocireg.Closed):
            await task

        other = AsyncClient(plain_http=True)

        class Closing:
            async def write(self, data: bytes) -> int:
                await other.close()
                return len(data)

        with self.assertRaises(ocireg.Closed):
            await asyncio.wait_for(other.blob_to_file(reference, Closing()), 5)

    async def test_v1(self) -> None:
        v1, old = self.aio.v1, helper.registry("V1")
        repository, id_ = f"{old}/python/r{uuid.uuid4().hex[:8]}", uuid.uuid4().hex * 2
        image = json.dumps({"id": id_}).encode()
        await v1.put_image(repository, image)
        await v1.put_layer(repository, image, DATA)
        await v1.put_tag(f"{repository}:one", id_)
        self.assertEqual(await v1.tag(f"{repository}:one"), id_)
        self.assertEqual(await v1.layer(repository, id_), DATA)
        async with await v1.open_layer(repository, id_) as reader:
            self.assertEqual(await reader.read(), DATA)
        out = io.BytesIO()
        await v1.layer_to_file(repository, id_, out)
        self.assertEqual(out.getvalue(), DATA)

    async def test_lists(self) -> None:
        image = await asyncio.to_thread(self.put_image)
        self.assertEqual([tag async for tag in self.aio.iter_tags(image.removesuffix(":one"))], ["one"])
        self.assertEqual([one async for one in self.aio.iter_referrers(image)], [])
        real = await asyncio.to_thread(self.put_real_image)
        self.assertEqual([file["path"] async for file in self.aio.iter_files(real)], ["/greeting"])

    async def test_close_ends_calls(self) -> None:
        call = asyncio.ensure_future(self.aio.ping(SILENT))
        await asyncio.sleep(0.05)
        self.assertEqual((self.aio.closed, repr(self.aio)), (False, "<AsyncClient>"))
        with self.within(helper.AT_MOST):
            await self.aio.close()
        with self.assertRaises(ocireg.Closed):
            await call
        with self.assertRaises(ocireg.Closed):
            await self.aio.ping(self.registry)
        self.assertTrue(self.aio.closed)

    async def test_quiesce_and_hosts(self) -> None:
        await self.aio.ping(self.registry)
        self.aio.quiesce()
        self.aio.set_host(self.registry, plain_http=True)
        self.assertEqual((await self.aio.ping(self.registry))["status"], 200)


class LoopsTest(helper.Case):
    def test_one_loop_after_another(self) -> None:
        client = AsyncClient(plain_http=True)
        for _ in range(3):
            self.assertEqual(asyncio.run(client.ping(self.registry))["status"], 200)

    def test_two_loops_at_once(self) -> None:
        client = AsyncClient(plain_http=True)

        async def both() -> None:
            first = asyncio.ensure_future(client.ping(SILENT))
            await asyncio.sleep(0.05)
            with self.assertRaisesRegex(RuntimeError, "another event loop"):
                await asyncio.to_thread(lambda: asyncio.run(client.ping(self.registry)))
            first.cancel()

        asyncio.run(both())

    def test_a_loop_that_ends_with_calls(self) -> None:
        async def leave() -> None:
            client = AsyncClient(plain_http=True)
            calls = (client.blob_to_file(f"{SILENT}/a@{NONE}", io.BytesIO()), client.put_blob(f"{SILENT}/a", bytearray(DATA)))
            _ = [asyncio.ensure_future(call) for call in calls]
            await asyncio.sleep(0.05)

        with self.within(2):
            asyncio.run(leave())

    def test_another_loop_after_that(self) -> None:
        client = AsyncClient(plain_http=True)

        async def leave() -> None:
            _ = asyncio.ensure_future(client.ping(SILENT))  # noqa: RUF006
            await asyncio.sleep(0.05)

        async def again() -> None:
            self.assertEqual((await client.ping(self.registry))["status"], 200)
            await client.close()

        for _ in range(2):
            asyncio.run(leave())
        with self.within(2):
            asyncio.run(again())

    def test_ctrl_c(self) -> None:
        with self.alarm(0.1), self.within(0.1 + helper.AT_MOST), self.assertRaises(KeyboardInterrupt):
            asyncio.run(AsyncClient(plain_http=True).ping(SILENT))


if __name__ == "__main__":
    unittest.main()

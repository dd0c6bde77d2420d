"""Artifacts."""

from __future__ import annotations

import asyncio
import io
import unittest
from typing import Any

import helper
import ocireg
import ocireg.aio


class ArtifactsTest(helper.Case):
    def test_files_memory_and_streams(self) -> None:
        place, folder = f"{self.new_repository()}:v1", self.folder()
        (folder / "file.txt").write_text("from a file")
        parts: list[Any] = [
            folder / "file.txt",
            {"data": b"from memory", "title": "a/b", "media_type": "text/plain", "annotations": ["k=v"]},
            {"data": bytearray(b"{}"), "config": True},
            {"stream": io.BytesIO(b"from a stream"), "title": "c"},
            {"stream": iter([b"in ", b"pieces"]), "title": "d"},
        ]
        pushed = self.client.push_artifact(place, parts, artifact_type="a/b", annotations=["x=y"])
        titles = [(layer["annotations"] or {})["org.opencontainers.image.title"] for layer in pushed["layers"]]
        self.assertEqual(titles, ["file.txt", "a/b", "c", "d"])
        self.assertEqual([layer["size"] for layer in pushed["layers"]], [11, 11, 13, 9])
        pulled = self.client.pull_artifact(place, folder / "out", titles=["a/*", "c"])
        self.assertEqual((folder / "out/a/b").read_bytes(), b"from memory")
        self.assertEqual([(one["title"], one["kept"]) for one in pulled["files"]], [("a/b", False), ("c", False)])
        self.assertEqual({one["reason"] for one in pulled["skipped"]}, {"not wanted"})
        self.assertEqual(self.client.pull_artifact(place, str(folder / "out"), keep_old=True)["kept"], 2)
        attached = self.client.attach_artifact(place, [str(folder / "file.txt")], artifact_type="a/sig")
        assert attached["subject"]
        self.assertEqual(attached["subject"]["digest"], pushed["digest"])
        self.assertEqual([one["digest"] for one in self.client.place_referrers(place)["referrers"]], [attached["digest"]])
        self.assertEqual(len(self.client.push_artifact(place, [], if_exists="skip")["skipped"]), 1)

    def test_by_an_event_loop(self) -> None:
        place, folder = f"{self.new_repository()}:v1", self.folder()

        async def pieces() -> Any:
            yield b"in "
            yield b"pieces"

        async def run() -> None:
            async with ocireg.aio.AsyncClient(plain_http=True) as client:
                files: list[Any] = [{"stream": pieces(), "title": "a"}, {"stream": io.BytesIO(b"b"), "title": "b"}]
                await client.push_artifact(place, files)
                await client.attach_artifact(place, [{"data": b"x"}])
                await client.pull_artifact(place, folder)

        async def too_many() -> None:
            async with ocireg.aio.AsyncClient(plain_http=True) as client:
                await client.push_artifact(place, [{"stream": pieces(), "title": "a", "max_temporary_bytes": 8}])

        asyncio.run(run())
        with self.assertRaises(ocireg.LimitExceeded):
            asyncio.run(too_many())
        self.assertEqual(((folder / "a").read_bytes(), (folder / "b").read_bytes()), (b"in pieces", b"b"))

    def test_what_cannot_be(self) -> None:
        place = "oci:/nonexistent/layout:v1"
        for file in ({"data": b"x", "title": "../x"}, "-", {"path": "x", "annotations": ["x"]}):
            with self.assertRaises(ocireg.InvalidArgument):
                self.client.push_artifact(place, [file])  # type: ignore[list-item]

        def broken() -> Any:
            yield b"x"
            raise OSError("it broke")

        with self.assertRaisesRegex(OSError, "it broke"):
            self.client.push_artifact(place, [{"stream": broken(), "title": "x"}])


if __name__ == "__main__":
    unittest.main()

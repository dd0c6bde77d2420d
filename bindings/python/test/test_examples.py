"""The programs in examples, as they stand."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tarfile
import unittest
from pathlib import Path

import helper
import ocireg

EXAMPLES = helper.PACKAGE / "examples"


class ExamplesTest(helper.Case):
    def run_example(self, name: str, *arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-W", "error", EXAMPLES / f"{name}.py", *arguments],
            env={**os.environ, "PYTHONPATH": str(helper.PACKAGE), **environment}, stdin=subprocess.DEVNULL, capture_output=True, text=True,
        )  # fmt: skip

    def test_they_are_short(self) -> None:
        programs = list(EXAMPLES.glob("*.py"))
        self.assertTrue(programs)
        for program in programs:
            self.assertLess(len(program.read_text().splitlines()), 70, program.name)

    def test_image_cache(self) -> None:
        folder = self.folder()
        space = io.BytesIO()
        with tarfile.open(fileobj=space, mode="w:gz") as archive:
            entry = tarfile.TarInfo("greeting")
            entry.size = 5
            archive.addfile(entry, io.BytesIO(b"hello"))
        (folder / "root.tar.gz").write_bytes(space.getvalue())
        # The registry asks for credentials.
        image = f"{helper.registry('HTPASSWD')}/cache/{os.getpid()}:1"
        given = {"CH_IMAGE_USERNAME": "alice", "CH_IMAGE_PASSWORD": "s3cret:with colon"}
        pushed = self.run_example("image_cache", "push", folder / "root.tar.gz", image, **given)
        self.assertEqual(pushed.returncode, 0, pushed.stderr)
        for _ in range(2):
            pulled = self.run_example("image_cache", "pull", image, folder / "cache", **given)
            self.assertEqual(pulled.returncode, 0, pulled.stderr)
            config, layer = map(Path, pulled.stdout.split())
            self.assertEqual(layer.read_bytes(), space.getvalue())
            self.assertEqual(ocireg.digest(config.read_bytes()), f"sha256:{config.stem}")
        self.assertTrue((folder / "cache" / f"{pushed.stdout.strip()[7:]}.manifest.json").exists())
        refused = self.run_example("image_cache", "pull", image, folder / "other", **{**given, "CH_IMAGE_PASSWORD": "no"})
        self.assertEqual((refused.returncode, refused.stdout), (1, ""))
        self.assertIn("image_cache: UNAUTHENTICATED: ", refused.stderr)
        self.assertNotIn("Traceback", refused.stderr)


if __name__ == "__main__":
    unittest.main()

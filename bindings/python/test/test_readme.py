"""Every program of the README runs, with a local registry instead of the ones in it."""

from __future__ import annotations

import re
import unittest

import helper

README = (helper.PACKAGE / "README.md").read_text()
PROGRAMS = re.findall(r"^```python\n(.*?)^```$", README, flags=re.M | re.S)


class ReadmeTest(helper.Case):
    def test_there_are_programs(self) -> None:
        self.assertGreaterEqual(len(PROGRAMS), 4)
        self.assertLessEqual(len(PROGRAMS[0].split("\n\n", 1)[1].splitlines()), 5)
        self.assertIn(PROGRAMS[0], (helper.ROOT / "README.md").read_text())

    def test_they_run(self) -> None:
        image = self.put_real_image()
        self.client.tag_image(image, "latest")
        for program in PROGRAMS:
            folder = self.folder()
            (folder / "model.bin").write_bytes(b"a model")
            script = program.replace("quay.io/prometheus/busybox", image.removesuffix(":one"))
            script = script.replace("registry.example.com", self.registry)
            script = script.replace("Client(", "Client(plain_http=True, ")
            with self.subTest(program), self.python(script, cwd=folder) as child:
                assert child.stdout
                output = child.stdout.read()
                self.assertEqual(child.wait(), 0, output)
                for said in re.findall(r"# => (.*)$", program, flags=re.M):
                    self.assertIn(said, output)


if __name__ == "__main__":
    unittest.main()

"""Formatting and types: ruff and mypy, which tests/setup.sh puts into target/tools/python, find nothing in the package; and mypy finds what
is wrong in programs that use it."""

from __future__ import annotations

import os
import re
import subprocess
import unittest

import helper
import test_readme

TOOLS = helper.ROOT / "target/tools/python/bin"

# A comment says what mypy must find in the line.
PROGRAM = """
from io import TextIOWrapper
from pathlib import Path

from typing_extensions import Unpack, assert_type

import ocireg
from ocireg.options import CopyOptions
from ocireg.results import CopyResult, Descriptor

client = ocireg.Client(plain_http=True, ca_file=Path("a"), headers={"a": "b"}, hosts={"a": {"username": "b", "password": "c"}})
assert_type(client.manifest("a", platform="linux/amd64").layers, list[Descriptor])
assert_type(client.blob("a"), bytes)
assert_type(client.tags("a", n=5)["next"], str | None)
assert_type([tag for tag in client.iter_tags("a")], list[str])
assert_type(client.open_blob("a").read(5), bytes)
with client.upload("a", context=ocireg.Context(timeout=5)) as upload:
    upload.write(memoryview(b"x"))
client.put_blob("a", open("b", "rb"), size=5)
client.put_blob("a", [b"a"])
client.put_blob("a", memoryview(b"a"))
client.put_blob("a", bytearray(b"a"))
client.blob_to_file("a", 5)
TextIOWrapper(client.open_blob("a"))
client.blob_to_file("a", open("b", "wb"))
client.copy("a", "b", dry_run=None)


def wrapper(name: str, **options: Unpack[CopyOptions]) -> CopyResult:
    return client.copy(name, "oci:a", **options)


client.put_blob("a", ["x"])  # list-item
client.put_blob("a", None)  # arg-type
client.put_blob("a", 5)  # arg-type
ocireg.Client(retires=5)  # call-arg
ocireg.Client(retries="5")  # arg-type
client.copy("a", "b", dry_run="yes")  # arg-type
client.copy("a", "b", platform=5)  # arg-type
client.tags("a")["tag"]  # typeddict-item
client.set_host("a", user="b")  # call-arg
ocireg.Context(progress=lambda done: None)  # arg-type,misc
"""


class TypesTest(unittest.TestCase):
    def run_tool(self, *command: str) -> tuple[int, str]:
        environment = {**os.environ, "RUFF_NO_CACHE": "true", "PYTHONPATH": "", "MYPYPATH": str(helper.PACKAGE)}
        environment.pop("PYTHONDEVMODE", None)
        done = subprocess.run(
            [str(TOOLS / command[0]), *command[1:]],
            cwd=helper.PACKAGE, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        return done.returncode, done.stdout

    def mypy(self, *files: str) -> tuple[int, str]:
        return self.run_tool("mypy", "--strict", "--cache-dir", str(helper.ROOT / "target/mypy"), *files)

    def test_format_and_lint(self) -> None:
        for command in (("ruff", "format", "--check", "."), ("ruff", "check", ".")):
            status, said = self.run_tool(*command)
            self.assertEqual(status, 0, said)

    def test_the_package_is_typed(self) -> None:
        status, said = self.mypy("ocireg", *map(str, helper.PACKAGE.glob("examples/*.py")))
        self.assertEqual(status, 0, said)

    def test_programs_are_checked(self) -> None:
        (program := helper.ROOT / "target/python-program.py").write_text(PROGRAM)
        status, said = self.mypy(str(program))
        found = {(int(line), code) for line, code in re.findall(r"python-program\.py:(\d+): error: .*\[([\w-]+)\]", said)}
        wanted = {
            (number, code)
            for number, line in enumerate(PROGRAM.splitlines(), 1)
            for code in line.rpartition("  # ")[2].split(",")
            if "  # " in line
        }
        self.assertEqual(status, 1, said)
        self.assertEqual({line for line, _ in found}, {line for line, _ in wanted}, said)
        self.assertLessEqual(found, wanted, said)

    def test_the_programs_of_the_readme_are_typed(self) -> None:
        files = [helper.ROOT / f"target/python_readme_{number}.py" for number in range(len(test_readme.PROGRAMS))]
        for file, program in zip(files, test_readme.PROGRAMS, strict=True):
            file.write_text(program)
        status, said = self.mypy(*map(str, files))
        self.assertEqual(status, 0, said)


if __name__ == "__main__":
    unittest.main()

"""The wheel is built, installed into an empty place, and used from there only; and what is said when there is no library."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import unittest
import zipfile
from pathlib import Path

import helper
import ocireg

TOOLS = helper.ROOT / "target/tools/python/bin"
USE = """
import sys, ocireg, importlib.metadata
assert ocireg.__file__.startswith(sys.argv[1]), ocireg.__file__
assert sys.argv[1] in next(line for line in open("/proc/self/maps") if "libocireg" in line)
print(importlib.metadata.version("ocireg"), *ocireg.Client(plain_http=True).iter_tags(sys.argv[2]))
"""


class WheelTest(helper.Case):
    def run_quietly(self, *command: str | Path, **environment: str) -> str:
        clean = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONDEVMODE", "PYTHONWARNINGS")}
        done = subprocess.run(command, env={**clean, **environment}, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.assertEqual(done.returncode, 0, f"{command}\n{done.stdout}")
        return done.stdout

    def test_it_is_built_installed_and_used(self) -> None:
        folder = self.folder()
        # From a copy, so that nothing is left in the source tree.
        shutil.copytree(helper.PACKAGE, folder / "source", ignore=shutil.ignore_patterns("test", "__pycache__"))
        # All that this needs is there: nothing is fetched.
        self.run_quietly(TOOLS / "python", "-m", "build", "-q", "--wheel", "--no-isolation", "--outdir", folder, folder / "source")
        (wheel,) = folder.glob("*.whl")
        self.assertRegex(wheel.name, r"^ocireg-[\d.]+-py3-none-manylinux_2_\d+_\w+\.whl$")
        with zipfile.ZipFile(wheel) as archive:
            names = archive.namelist()
        self.assertLessEqual(
            {"ocireg/libocireg.so", "ocireg/py.typed", "ocireg/results/registry.py", "ocireg/options/calls.py"}, set(names)
        )
        self.assertTrue(any(name.endswith("/LICENSE") for name in names), names)
        self.assertFalse([name for name in names if "test" in name])

        self.run_quietly(sys.executable, "-m", "venv", "--without-pip", folder / "venv")
        python = folder / "venv/bin/python"
        self.run_quietly(TOOLS / "pip", "--python", python, "install", "-q", "--no-index", "--no-deps", wheel)
        name = self.put_image().removesuffix(":one")
        environment = {name: value for name, value in os.environ.items() if name not in ("OCIREG_LIB", "PYTHONPATH", "PYTHONDEVMODE")}
        said = subprocess.run([python, "-c", USE, folder / "venv", name], env=environment, capture_output=True, text=True, cwd=folder)
        self.assertEqual((said.stdout, said.stderr), (f"{ocireg.__version__} one\n", ""))

    def test_it_is_built_without_more_ado(self) -> None:
        """`python -m build` in a tree that make has built: the wheel comes from the source distribution, and holds the library."""
        tree = self.folder()
        source = tree / "bindings/python"
        shutil.copytree(helper.PACKAGE, source, ignore=shutil.ignore_patterns("test", "__pycache__"))
        build = (TOOLS / "python", "-m", "build", "--no-isolation", "--outdir", tree, source)
        clean = {
            name: value for name, value in os.environ.items() if name not in ("OCIREG_LIB", "PYTHONPATH", "PYTHONDEVMODE", "PYTHONWARNINGS")
        }
        failed = subprocess.run(build, env=clean, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.assertNotEqual(failed.returncode, 0)
        self.assertRegex(failed.stdout, r"there is no \S+/target/release/libocireg.so for the wheel to hold: run make first")
        self.assertFalse(list(tree.glob("*.whl")))

        (tree / "target/release").mkdir(parents=True)
        shutil.copytree(helper.ROOT / "include", tree / "include")
        shutil.copy(os.environ["OCIREG_LIB"], tree / "target/release/libocireg.so")
        subprocess.run(build, env=clean, check=True, stdout=subprocess.DEVNULL)
        (wheel,) = tree.glob("*.whl")
        self.assertRegex(wheel.name, r"-py3-none-manylinux_2_\d+_\w+\.whl$")
        with zipfile.ZipFile(wheel) as archive:
            self.assertLessEqual({"ocireg/libocireg.so", "ocireg/ocireg.h"}, set(archive.namelist()))

        # A build looks relative names up in the folder of the source.
        (tree / "target/release/libocireg.so").rename(tree / "target/other.so")
        wheel.unlink()
        subprocess.run(build, env={**clean, "OCIREG_LIB": "../../target/other.so"}, check=True, stdout=subprocess.DEVNULL)
        (wheel,) = tree.glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            self.assertIn("ocireg/libocireg.so", archive.namelist())
        failed = subprocess.run(
            build, env={**clean, "OCIREG_LIB": "target/other.so"}, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        self.assertIn(f"there is no {source}/target/other.so for the wheel to hold", failed.stdout)

        wheel.unlink()
        subprocess.run(build, env={**clean, "OCIREG_LIB": ""}, check=True, stdout=subprocess.DEVNULL)
        (wheel,) = tree.glob("*.whl")
        self.assertRegex(wheel.name, r"-py3-none-any\.whl$")
        with zipfile.ZipFile(wheel) as archive:
            self.assertNotIn("ocireg/libocireg.so", archive.namelist())

    def test_a_library_that_is_not_there(self) -> None:
        script = "try:\n    import ocireg\nexcept ImportError as error:\n    print(error)"
        environment = {**os.environ, "PYTHONPATH": str(helper.PACKAGE)}
        said = subprocess.run(
            [sys.executable, "-c", script], env={**environment, "OCIREG_LIB": "/no/such.so"}, capture_output=True, text=True
        )
        self.assertRegex(said.stdout, r"^the C library libocireg cannot be loaded: OCIREG_LIB names /no/such.so ")
        said = subprocess.run(
            [sys.executable, "-c", script], env={**environment, "OCIREG_LIB": "libc.so.6"}, capture_output=True, text=True
        )
        self.assertEqual(said.stdout, "libc.so.6 is not the C library libocireg\n")

    def test_a_library_of_another_version(self) -> None:
        folder = self.folder()
        shutil.copytree(helper.PACKAGE / "ocireg", folder / "ocireg", ignore=shutil.ignore_patterns("__pycache__"))
        (folder / "ocireg/version.py").write_text('__version__ = "9.9.9"\n')
        script = "try:\n    import ocireg\nexcept ImportError as error:\n    print(error)"
        said = subprocess.run([sys.executable, "-c", script], env={**os.environ, "PYTHONPATH": str(folder)}, capture_output=True, text=True)
        self.assertRegex(said.stdout, r"^ocireg 9.9.9 needs the library of the same version, and found 0.1.0")

    def test_versions_agree(self) -> None:
        header = (helper.ROOT / "include/ocireg.h").read_text()
        found = re.search(r'^#define OCIREG_VERSION "(.*)"', header, flags=re.M)
        self.assertEqual(found and found[1], ocireg.__version__)


if __name__ == "__main__":
    unittest.main()

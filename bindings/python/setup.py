"""The wheel holds the library: the one that OCIREG_LIB names, or that `make` has built. A source distribution holds it too, because a
plain `python -m build` makes the wheel from that, somewhere else. With an empty OCIREG_LIB there is none in either: that wheel is for any
platform, and takes the system's library. All else is in pyproject.toml."""

import os
import platform
import re
import shutil
from pathlib import Path

from setuptools import Distribution, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_py import build_py
from setuptools.command.sdist import sdist

HERE = Path(__file__).resolve().parent
# Where a source distribution has it, and where `make` puts it.
PLACES = (HERE / "libocireg.so", HERE / "../../target/release/libocireg.so")
GIVEN = os.environ.get("OCIREG_LIB")
# A relative name was meant for where the source distribution was made, which holds that library already.
HELD = (HERE / "PKG-INFO").is_file() and PLACES[0].is_file() and not Path(GIVEN or ".").is_absolute()
LIBRARY = Path(GIVEN) if GIVEN and not HELD else next((place for place in PLACES if place.is_file()), PLACES[-1])


def library():
    """The library, None when none is wanted."""
    if GIVEN == "":
        return None
    if not LIBRARY.is_file():
        raise SystemExit(
            f"there is no {LIBRARY.absolute()} for the wheel to hold: run make first, or name the library by OCIREG_LIB=FILE;"
            " OCIREG_LIB= makes a wheel without it, which takes the system's library"
        )
    return LIBRARY


def add(folder):
    """The library, and the header, which describes what it does."""
    if library():
        shutil.copy(library(), Path(folder, "libocireg.so"))
    for header in (HERE / "ocireg.h", HERE / "../../include/ocireg.h"):
        if header.is_file():
            shutil.copy(header, Path(folder, "ocireg.h"))
            return


class SourceWithLibrary(sdist):
    def make_release_tree(self, base_dir, files):
        super().make_release_tree(base_dir, files)
        add(base_dir)


class BuildWithLibrary(build_py):
    def run(self):
        super().run()
        # One that can be edited takes the library from where it is.
        if not self.editable_mode:
            add(Path(self.build_lib, "ocireg"))


class WheelForPlatform(bdist_wheel):
    def get_tag(self):
        if library() is None:
            return super().get_tag()
        # Any Python, and any Linux whose C library has all that this one needs.
        needed = max(int(number) for number in re.findall(rb"\0GLIBC_2\.(\d+)", LIBRARY.read_bytes()))
        return "py3", "none", f"manylinux_2_{needed}_{platform.machine()}"


class PlatformDistribution(Distribution):
    def has_ext_modules(self):
        return GIVEN != ""


setup(distclass=PlatformDistribution, cmdclass={"sdist": SourceWithLibrary, "build_py": BuildWithLibrary, "bdist_wheel": WheelForPlatform})

"""The wheel holds the library: the one that OCIREG_LIB names, or that `make` has built. Without either it is for any platform, and
takes the system's library. All else is in pyproject.toml."""

import os
import platform
import re
import shutil
from pathlib import Path

from setuptools import Distribution, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_py import build_py

BUILT = Path(__file__).resolve().parent / "../../target/release/libocireg.so"
LIBRARY = Path(os.environ.get("OCIREG_LIB", BUILT))


class BuildWithLibrary(build_py):
    def run(self):
        super().run()
        if LIBRARY.is_file():
            shutil.copy(LIBRARY, Path(self.build_lib, "ocireg", "libocireg.so"))


class WheelForPlatform(bdist_wheel):
    def get_tag(self):
        if not LIBRARY.is_file():
            return super().get_tag()
        # Any Python, and any Linux whose C library has all that this one needs.
        needed = max(int(number) for number in re.findall(rb"\0GLIBC_2\.(\d+)", LIBRARY.read_bytes()))
        return "py3", "none", f"manylinux_2_{needed}_{platform.machine()}"


class PlatformDistribution(Distribution):
    def has_ext_modules(self):
        return LIBRARY.is_file()


setup(distclass=PlatformDistribution, cmdclass={"build_py": BuildWithLibrary, "bdist_wheel": WheelForPlatform})

"""The build backend: scikit-build-core, with a compiler from PyPI where the machine has none.

Slim container images have Python's headers but no C++ compiler. There the build, and nothing else,
gets zig, which comes as a wheel.
"""

import importlib.util
import os
import shutil
import sys
import sysconfig
from pathlib import Path

from scikit_build_core import build as backend
from scikit_build_core.build import (
    build_sdist,
    get_requires_for_build_sdist,
    prepare_metadata_for_build_editable,
    prepare_metadata_for_build_wheel,
)

__all__ = [
    "build_editable",
    "build_sdist",
    "build_wheel",
    "get_requires_for_build_editable",
    "get_requires_for_build_sdist",
    "get_requires_for_build_wheel",
    "prepare_metadata_for_build_editable",
    "prepare_metadata_for_build_wheel",
]

Settings = dict[str, str | list[str]] | None


def get_requires_for_build_wheel(settings: Settings = None) -> list[str]:
    """What a build needs besides the requirements of pyproject.toml."""
    return [*backend.get_requires_for_build_wheel(settings), *_compilers()]


def get_requires_for_build_editable(settings: Settings = None) -> list[str]:
    """What a build needs besides the requirements of pyproject.toml."""
    return [*backend.get_requires_for_build_editable(settings), *_compilers()]


def build_wheel(directory: str, settings: Settings = None, metadata: str | None = None) -> str:
    """Build a wheel, and give its name."""
    _use_compiler()
    return backend.build_wheel(directory, settings, metadata)


def build_editable(directory: str, settings: Settings = None, metadata: str | None = None) -> str:
    """Build an editable wheel, and give its name."""
    _use_compiler()
    return backend.build_editable(directory, settings, metadata)


def _compilers() -> list[str]:
    """The compilers that the build must install: one, or none."""
    if sys.platform != "linux":
        return []
    if not Path(sysconfig.get_path("include"), "Python.h").is_file():
        sys.exit(
            "accv_cache: Python.h is missing; install python3-dev (Debian, Ubuntu), python3-devel "
            "(Fedora) or what your system calls Python's headers"
        )
    found = any(map(shutil.which, ("c++", "g++", "clang++")))
    return [] if found or "CXX" in os.environ else ["ziglang>=0.13"]


def _use_compiler() -> None:
    """Let CMake find the compiler that was installed."""
    if not _compilers():
        return
    zig = importlib.util.find_spec("ziglang")
    if zig is None or zig.origin is None:
        sys.exit("accv_cache: a C++ compiler is missing; install g++ or clang")
    # Debian's pyconfig.h includes another from the system's folder, where only GCC looks of itself.
    os.environ["CXX"] = f"{Path(zig.origin).with_name('zig')} c++ -idirafter /usr/include"
    # zig cannot be asked about link-time optimization.
    os.environ["CMAKE_ARGS"] = "-DCMAKE_INTERPROCEDURAL_OPTIMIZATION=OFF"

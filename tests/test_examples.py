"""The examples run, and keep the page cache bounded."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from support.files import MakeOnce
from support.needs import need

EXAMPLES = Path(__file__).parents[1] / "examples"

# Printed sizes are rounded, and some machines reclaim pages early.
LEAST = 0.8


def run(*command: object) -> str:
    ended = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout.strip()


@pytest.fixture(scope="module")
def decoder(made_once: MakeOnce) -> Path:
    """The C++ example, built as its README says."""
    need("c++", "make", "cmake", "pkg-config")
    need("libavcodec.pc", "libavformat.pc", "libavutil.pc")
    package = run(sys.executable, "-m", "accv_cache", "--cmakedir")

    def build(directory: Path) -> None:
        run("cmake", "-S", EXAMPLES / "cpp", "-B", directory, f"-Daccv_cache_DIR={package}")
        run("cmake", "--build", directory)

    return made_once("decode", build) / "decode"


@pytest.fixture(params=["cpp", "python"])
def example(request: pytest.FixtureRequest) -> list[object]:
    """The command that runs an example, one clip at a time."""
    if request.param == "cpp":
        return [request.getfixturevalue("decoder")]
    return [sys.executable, EXAMPLES / "python" / "loader.py", "--workers=1"]


@pytest.fixture
def paths(clips: dict[str, Path], tmp_path: Path) -> list[Path]:
    """Copies of some clips, resident because they were just written."""
    return [Path(shutil.copy(clip, tmp_path)) for clip in clips.values()]


def held_mib(output: str, paths: list[Path]) -> list[float]:
    """The resident bytes of the clips after each of them, and at the end."""
    *lines, last = output.splitlines()
    names = [line.partition(": 24 frames; ")[0] for line in lines]
    assert names == [os.fspath(path) for path in paths]
    return [float(re.findall(r"the clips hold ([\d.]+) MiB$", line)[0]) for line in (*lines, last)]


def test_evicts_each_clip(example: list[object], paths: list[Path]) -> None:
    largest = max(path.stat().st_size for path in paths) / 2**20
    held = held_mib(run(*example, *paths), paths)
    assert max(held) < 1.5 * largest
    assert held[-1] == 0


def test_grows_without_eviction(example: list[object], paths: list[Path]) -> None:
    sizes = [path.stat().st_size / 2**20 for path in paths]
    held = held_mib(run(*example, "--keep", *paths), paths)
    for count, mib in enumerate(held[:-1], start=1):
        assert mib > LEAST * sum(sizes[:count])
    assert held[-1] > LEAST * sum(sizes)

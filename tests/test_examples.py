"""The examples run, and keep the page cache bounded."""

import os
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from support.files import MakeFile, MakeOnce
from support.needs import need
from support.residency import PAGE, cold, kept_bytes, resident_bytes

EXAMPLES = Path(__file__).parents[1] / "examples"

# Printed sizes are rounded, and some machines reclaim pages early.
LEAST = 0.8


PYTHON = EXAMPLES / "python"
SIZE = 16 * PAGE


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
    return [sys.executable, PYTHON / "loader.py", "--workers=1"]


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


def folder(parent: Path, name: str) -> Path:
    made = parent / name
    made.mkdir()
    return made


def test_data_sets_are_switched(make_file: MakeFile, tmp_path: Path) -> None:
    old, new = folder(tmp_path, "old"), folder(tmp_path, "new")
    before, after = make_file(SIZE, "warm", old), make_file(SIZE, "cold", new)
    run(sys.executable, PYTHON / "switch_data_sets.py", old, new)
    assert resident_bytes(before) == 0
    assert kept_bytes(after) == SIZE


def test_the_next_clips_are_warm_and_those_before_go(make_file: MakeFile) -> None:
    theirs, *ours = make_file(SIZE, "dirty"), make_file(SIZE, "cold"), make_file(SIZE, "cold")
    *lines, _ = run(sys.executable, PYTHON / "next_clips.py", theirs, *ours).splitlines()
    names = [line.partition(f": {SIZE} bytes; ")[0] for line in lines]
    assert names == [str(path) for path in (theirs, *ours)]
    assert kept_bytes(theirs) == SIZE
    assert [resident_bytes(path) for path in ours] == [0, 0]


def test_samples_of_shards_are_read_by_ranges(make_file: MakeFile, tmp_path: Path) -> None:
    member = make_file(SIZE)
    shards = [tmp_path / "0.tar", tmp_path / "1.tar"]
    for shard in shards:
        with tarfile.open(shard, "w") as tar:
            for name in ("a.b/first.mp4", "a.b/first.txt", "second.seg.mp4"):
                tar.add(member, name)
        cold(shard)
    *lines, last = run(sys.executable, PYTHON / "tar_shards.py", *shards).splitlines()
    assert lines == [
        f"{shard} {sample}"
        for shard in shards
        for sample in (f"a.b/first mp4:{SIZE} txt:{SIZE}", f"second seg.mp4:{SIZE}")
    ]
    assert last == "in the end the shards hold 0 bytes"
    assert [resident_bytes(shard) for shard in shards] == [0, 0]


def test_a_checkpoint_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    run(sys.executable, PYTHON / "checkpoint.py", path)
    assert path.stat().st_size == 8 << 20
    assert resident_bytes(path) == 0


def test_on_a_shared_node_what_was_there_stays(make_file: MakeFile, tmp_path: Path) -> None:
    data = folder(tmp_path, "data")
    theirs, ours = make_file(SIZE, "dirty", data), make_file(SIZE, "cold", data)
    run(sys.executable, PYTHON / "shared_node.py", data)
    assert kept_bytes(theirs) == SIZE
    assert resident_bytes(ours) == 0

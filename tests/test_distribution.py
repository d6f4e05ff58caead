"""The wheel and the source distribution contain exactly the files listed in snapshots."""

import importlib.metadata
import os
import re
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from accv_cache import _core
from support.needs import need

ROOT = Path(__file__).parents[1]
SNAPSHOTS = ROOT / "tests" / "snapshots"

# What an installation adds to the files of the wheel.
_INSTALLED = re.compile(
    r"__pycache__|/(INSTALLER|REQUESTED|RECORD|direct_url\.json)$|bin/accv-cache$"
)


def _general(name: str) -> str:
    """The name on any machine, with any version."""
    name = re.sub(r"_core\.[^/]*\.so$", "_core.*.so", name)
    return re.sub(r"accv_cache-[0-9.]+([/.])", r"accv_cache-VERSION\1", name)


def _check(names: list[str], snapshot: Path) -> None:
    expected = snapshot.read_text().splitlines()
    assert sorted(set(names)) == expected, f"if that is meant, mend {snapshot}"


def test_the_wheel_carries_these_files() -> None:
    files = importlib.metadata.files("accv_cache")
    assert files is not None
    names = [_general(file.as_posix().removeprefix("../../../")) for file in files]
    if any(name.startswith("_") and "editable" in name for name in names):
        pytest.skip("an editable installation carries no files")
    _check([name for name in names if not _INSTALLED.search(name)], SNAPSHOTS / "wheel.txt")


def test_the_sources_carry_these_files(tmp_path: Path) -> None:
    program = (
        "import sys; from scikit_build_core.build import build_sdist; build_sdist(sys.argv[1])"
    )
    subprocess.run([sys.executable, "-c", program, tmp_path], cwd=ROOT, check=True)
    (path,) = tmp_path.iterdir()
    with tarfile.open(path) as archive:
        names = [member.name.partition("/")[2] for member in archive if member.isfile()]
    # A checkout contains ignored files, the unpacked sources do not.
    _check(names, SNAPSHOTS / "sources.txt")


def test_the_extension_is_stripped_and_depends_on_system_libraries_alone() -> None:
    need("readelf")
    told = subprocess.run(
        ["readelf", "--wide", "--sections", "--dynamic", _core.__file__],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "LC_ALL": "C"},
    ).stdout
    assert ".dynsym" in told
    assert ".symtab" not in told
    assert ".debug_info" not in told
    needed = re.findall(r"\(NEEDED\).*\[(.+?)\.so", told)
    assert needed
    loader = {"ld-linux-x86-64", "ld-linux-aarch64"}
    assert {*needed} - loader <= {"libstdc++", "libm", "libgcc_s", "libc", "libpthread"}

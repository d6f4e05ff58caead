"""C++ projects that use the library, in each way that there is."""

import shlex
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

import accv_cache
from support.files import MakeFile
from support.privileges import require
from support.residency import PAGE, resident_bytes

ROOT = Path(__file__).parents[1]
PROJECTS = ROOT / "tests" / "consumer"

Build = Callable[[Path], Path]


def _run(*command: str | Path) -> str:
    """Run a command, and give what it printed."""
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, f"{shlex.join(map(str, command))}\n{ended.stdout}{ended.stderr}"
    return ended.stdout.strip()


def _ask(option: str) -> str:
    return _run(sys.executable, "-m", "accv_cache", option)


def _cmake(project: str, place: Path, *options: str) -> Path:
    _run("cmake", "-S", PROJECTS / project, "-B", place, *options)
    _run("cmake", "--build", place)
    return place / "app"


def _by_hand(place: Path) -> Path:
    app = place / "app"
    options = shlex.split(_ask("--includes"))
    _run("c++", "-std=c++17", *options, PROJECTS / "app.cpp", "-pthread", "-o", app)
    return app


def _find_package(place: Path) -> Path:
    return _cmake("find_package", place, f"-Daccv_cache_DIR={_ask('--cmakedir')}")


def _scikit_build_core(place: Path) -> Path:
    # The environment of the tests has both build requirements. No path is given: entry points
    # of the installed package name it.
    pip = [sys.executable, "-m", "pip", "wheel", "--no-build-isolation", "--no-deps", "--quiet"]
    _run(*pip, "--wheel-dir", place, PROJECTS / "scikit_build_core")
    (wheel,) = place.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        app = Path(archive.extract("app/app", place))
    app.chmod(0o755)
    return app


def _add_subdirectory(place: Path) -> Path:
    return _cmake("add_subdirectory", place)


def _fetch_content(place: Path) -> Path:
    return _cmake("fetch_content", place)


def _installed_without_python(place: Path) -> Path:
    prefix = place / "prefix"
    _run("cmake", "-S", ROOT, "-B", place / "library", f"-DCMAKE_INSTALL_PREFIX={prefix}")
    _run("cmake", "--install", place / "library")
    return _cmake("find_package", place / "app", f"-DCMAKE_PREFIX_PATH={prefix}")


@pytest.mark.parametrize(
    "build",
    [
        _by_hand,
        _find_package,
        _scikit_build_core,
        _add_subdirectory,
        _fetch_content,
        _installed_without_python,
    ],
    ids=lambda build: build.__name__.strip("_"),
)
def test_a_project_builds_and_evicts(build: Build, tmp_path: Path, make_file: MakeFile) -> None:
    require(shutil.which("cmake") and shutil.which("c++"), "needs cmake and a C++ compiler")
    place = tmp_path / "build"
    place.mkdir()
    app = build(place)
    clip = make_file(PAGE)
    assert _run(app, clip) == accv_cache.__version__
    assert resident_bytes(clip) == 0
    missing = subprocess.run([app, tmp_path / "missing"], check=False, stdout=subprocess.DEVNULL)
    assert missing.returncode == accv_cache.DropCacheStatus.FILE_OPEN_FAILED.value


def test_another_minor_version_is_not_taken_for_the_one_asked_for(tmp_path: Path) -> None:
    require(shutil.which("cmake"), "needs cmake")
    (tmp_path / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.15)\n"
        "project(app LANGUAGES CXX)\n"
        "find_package(accv_cache 0.0 CONFIG REQUIRED)\n"
    )
    option = f"-Daccv_cache_DIR={accv_cache.get_cmake_dir()}"
    command = ["cmake", "-S", str(tmp_path), "-B", str(tmp_path / "build"), option]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode != 0
    assert "accv_cacheConfig.cmake, version: " + accv_cache.__version__ in ended.stderr

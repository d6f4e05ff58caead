"""C++ projects that use the library, in each documented way."""

import shlex
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

import accv_cache
from support.command import run_here
from support.files import MakeFile, MakeOnce
from support.needs import need
from support.residency import PAGE, resident_bytes

ROOT = Path(__file__).parents[1]
PROJECTS = ROOT / "tests" / "consumer"

Build = Callable[[Path], Path]


def _run(*command: str | Path, folder: Path | None = None) -> str:
    """Run a command, in the folder, and return its output."""
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
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
    _run("c++", "-std=c++17", _ask("--includes"), PROJECTS / "app.cpp", "-pthread", "-o", app)
    return app


def _find_package(place: Path) -> Path:
    return _cmake("find_package", place, f"-Daccv_cache_DIR={_ask('--cmakedir')}")


def _wheel(project: str, place: Path) -> Path:
    # As pip does it. The environment of the tests has the build requirements.
    program = (
        "import sys\n"
        "from scikit_build_core.build import build_wheel\n"
        "build_wheel(sys.argv[1], {'cmake.build-type': 'None'})"  # not optimized
    )
    _run(sys.executable, "-c", program, place, folder=PROJECTS / project)
    (wheel,) = place.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        # The library installs nothing into it.
        assert {name.partition("/")[0] for name in archive.namelist()} == {"app", "app-1.dist-info"}
        app = Path(archive.extract("app/app", place))
    app.chmod(0o755)
    return app


def _scikit_build_core(place: Path) -> Path:
    # No path is given: an entry point of the installed package names it.
    return _wheel("scikit_build_core", place)


def _scikit_build_core_with_sources(place: Path) -> Path:
    return _wheel("add_subdirectory", place)


def _add_subdirectory(place: Path) -> Path:
    return _cmake("add_subdirectory", place)


def _fetch_content(place: Path) -> Path:
    return _cmake("fetch_content", place)


@pytest.mark.parametrize(
    "build",
    [
        _by_hand,
        _find_package,
        _scikit_build_core,
        _scikit_build_core_with_sources,
        _add_subdirectory,
        _fetch_content,
    ],
    ids=lambda build: build.__name__.strip("_"),
)
def test_a_project_builds_and_evicts(build: Build, tmp_path: Path, make_file: MakeFile) -> None:
    need("c++", *["make", "cmake"] * (build is not _by_hand))
    _assert_works(build(tmp_path), make_file(PAGE))


class TestInstalledWithoutPython:
    """The library, installed by CMake into a folder that was moved afterwards."""

    @pytest.fixture
    def prefix(self, made_once: MakeOnce) -> Path:
        need("c++", "make", "cmake")
        return made_once("library", _install) / "prefix"

    def test_is_found_by_cmake(self, prefix: Path, tmp_path: Path, make_file: MakeFile) -> None:
        app = _cmake("find_package", tmp_path, f"-DCMAKE_PREFIX_PATH={prefix}")
        _assert_works(app, make_file(PAGE))

    def test_is_found_by_pkg_config(
        self, prefix: Path, tmp_path: Path, make_file: MakeFile
    ) -> None:
        need("pkg-config")
        folder = f"--with-path={prefix / 'share' / 'pkgconfig'}"
        assert _run("pkg-config", folder, "--modversion", "accv_cache") == accv_cache.__version__
        options = shlex.split(_run("pkg-config", folder, "--cflags", "--libs", "accv_cache"))
        app = tmp_path / "app"
        _run("c++", "-std=c++17", PROJECTS / "evict.cpp", *options, "-o", app)
        _assert_works(app, make_file(PAGE))

    def test_has_its_license(self, prefix: Path) -> None:
        installed = prefix / "share" / "doc" / "accv_cache" / "LICENSE"
        assert installed.read_text() == (ROOT / "LICENSE").read_text()


def _install(place: Path) -> None:
    _run("cmake", "-S", ROOT, "-B", place / "build", f"-DCMAKE_INSTALL_PREFIX={place / 'prefix'}")
    _run("cmake", "--install", place / "build")


def _assert_works(app: Path, clip: Path) -> None:
    assert _run(app, clip) == accv_cache.__version__
    assert resident_bytes(clip) == 0
    missing = clip.with_name("missing")
    ended = subprocess.run([app, missing], check=False, stdout=subprocess.DEVNULL)
    assert ended.returncode == accv_cache.DropCacheStatus.FILE_OPEN_FAILED.value


HEADERS = sorted(path.name for path in Path(accv_cache.get_include(), "accv_cache").glob("*.hpp"))


@pytest.mark.parametrize("header", HEADERS)
def test_an_older_standard_is_refused_in_words(header: str) -> None:
    need("c++")
    options = ["-std=c++14", "-fsyntax-only", "-Wfatal-errors", "-x", "c++", "-"]
    ended = subprocess.run(
        ["c++", f"-I{accv_cache.get_include()}", *options],
        input=f"#include <accv_cache/{header}>",
        capture_output=True,
        text=True,
        check=False,
    )
    assert '"accv_cache needs C++17: compile with -std=c++17 or a newer standard"' in ended.stderr


def test_libraries_of_two_versions_live_in_one_process(tmp_path: Path) -> None:
    """Each calls its own functions, though the linker keeps one of those with the same name."""
    need("c++")
    other = tmp_path / "other"
    shutil.copytree(accv_cache.get_include(), other)
    changes = [("version", "ABI v0_1", "ABI v9_9"), ("status", '"SUCCESS"', '"other"')]
    for name, old, new in changes:
        header = other / "accv_cache" / f"{name}.hpp"
        text = header.read_text()
        assert old in text
        header.write_text(text.replace(old, new))
    objects = []
    for name, include in [("one", _ask("--includes")), ("two", f"-I{other}")]:
        source = tmp_path / f"{name}.cpp"
        source.write_text(
            '#include "accv_cache/status.hpp"\n'
            f"const char* {name}() {{\n"
            "    return accv_cache::to_string(accv_cache::DropCacheStatus::SUCCESS);\n"
            "}\n"
        )
        objects.append(tmp_path / f"{name}.o")
        _run("c++", "-std=c++17", "-O0", include, "-c", source, "-o", objects[-1])
    main = tmp_path / "main.cpp"
    main.write_text(
        "#include <cstdio>\n"
        "const char* one();\n"
        "const char* two();\n"
        'int main() { std::printf("%s %s", one(), two()); }\n'
    )
    _run("c++", main, *objects, "-pthread", "-o", tmp_path / "app")
    assert _run(tmp_path / "app") == "SUCCESS other"


def test_the_option_for_a_compiler_is_one_argument(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("accv_cache.__main__.get_include", lambda: "/my venv/include")
    assert run_here("--includes").stdout == "-I/my venv/include\n"


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        ("0.0", "accv_cacheConfig.cmake, version: " + accv_cache.__version__),
        ("0.1 COMPONENTS decoder", "accv_cache_FOUND to FALSE"),
    ],
)
def test_what_is_not_there_is_not_found(asked: str, answer: str, tmp_path: Path) -> None:
    need("c++", "make", "cmake")
    (tmp_path / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.15)\n"
        "project(app LANGUAGES CXX)\n"
        f"find_package(accv_cache {asked} CONFIG REQUIRED)\n"
    )
    option = f"-Daccv_cache_DIR={accv_cache.get_cmake_dir()}"
    command = ["cmake", "-S", str(tmp_path), "-B", str(tmp_path / "build"), option]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode != 0
    assert answer in ended.stderr

"""The installed files, the cost of the import, and where the package works."""

import ast
import importlib.metadata
import importlib.resources
import inspect
import os
import re
import shutil
import subprocess
import sys
import textwrap
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from scikit_build_core.settings.skbuild_read_settings import SettingsReader

import accv_cache
from accv_cache import _core
from support.snapshots import assert_is_snapshot

ROOT = Path(__file__).parents[1]


def run_python(program: str, *arguments: object, path: Path | None = None) -> str:
    """Run it in a new interpreter, without site-packages, with `path` to import from."""
    isolated = [] if path is None else ["-I", "-S"]
    start = "" if path is None else f"import sys; sys.path.insert(0, {str(path)!r})\n"
    command = [sys.executable, *isolated, "-c", start + program, *map(str, arguments)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.strip()


def public_api() -> Iterator[str]:
    """The public names, as the source declares them: that is the same on every Python."""
    for name in accv_cache.__all__:
        value = getattr(accv_cache, name)
        if isinstance(value, str):
            yield f"{name}: str"
        elif isinstance(value, type):
            yield f"class {name}"
            members: dict[str, str] = {}
            for home in reversed(value.__mro__):
                if home.__module__.startswith("accv_cache"):
                    members |= declarations(tree_of(home).body)
            yield from (f"    {line}" for line in members.values())
        else:
            yield from declarations([tree_of(value)]).values()


def tree_of(value: Any) -> Any:  # noqa: ANN401 - a class or function, and its tree
    """The source of a class or function, parsed."""
    [tree] = ast.parse(textwrap.dedent(inspect.getsource(value))).body
    return tree


def declarations(body: list[ast.stmt]) -> dict[str, str]:
    """The public functions, properties, fields and constants by name, each on a line."""
    lines = {}
    for tree in body:
        if isinstance(tree, ast.FunctionDef):
            result = "" if tree.returns is None else f" -> {ast.unparse(tree.returns)}"
            marks = "".join(f"@{ast.unparse(each)} " for each in tree.decorator_list)
            lines[tree.name] = f"{marks}def {tree.name}({ast.unparse(tree.args)}){result}"
        elif isinstance(tree, ast.AnnAssign):
            lines[ast.unparse(tree.target)] = ast.unparse(tree)
        elif isinstance(tree, ast.Assign):
            lines[ast.unparse(tree.targets[0])] = ast.unparse(tree)
    return {name: line for name, line in lines.items() if not name.startswith("_")}


class TestPublicNames:
    @pytest.mark.parametrize("name", accv_cache.__all__)
    def test_are_there(self, name: str) -> None:
        assert hasattr(accv_cache, name)

    def test_are_sorted_and_complete(self) -> None:
        for name in accv_cache.__all__:
            getattr(accv_cache, name)  # some are loaded only now
        usable = {name for name, value in vars(accv_cache).items() if callable(value)}
        public = {name for name in usable if not name.startswith("_")} | {"__version__"}
        assert accv_cache.__all__ == sorted(public)

    def test_have_the_signatures_that_are_kept(self) -> None:
        assert_is_snapshot("".join(f"{line}\n" for line in public_api()), "api-python.txt")

    def test_are_all_documented(self) -> None:
        page = (ROOT / "docs" / "python.md").read_text()
        documented = re.findall(r"^\.\. auto(?:class|function):: (\w+)$", page, re.MULTILINE)
        assert sorted(documented) == [name for name in accv_cache.__all__ if name[:2] != "__"]

    def test_hold_the_function_that_started_it(self) -> None:
        assert {"DropCacheStatus", "drop_videos_cache"} <= {*accv_cache.__all__}

    def test_that_are_unknown_raise_attribute_error(self) -> None:
        with pytest.raises(AttributeError, match=r"'accv_cache' has no attribute 'clips'"):
            _ = accv_cache.clips  # type: ignore[attr-defined]


class TestVersion:
    def test_is_the_headers(self) -> None:
        header = (ROOT / "csrc" / "include" / "accv_cache" / "version.hpp").read_text()
        numbers = re.findall(r"define ACCV_CACHE_VERSION_(?:MAJOR|MINOR|PATCH) (\d+)", header)
        assert f'"{".".join(numbers)}"' in header
        assert accv_cache.__version__ == _core.__version__ == ".".join(numbers)
        # Version 0.y.z promises its interface within y, later ones within x.
        stable = numbers[:2] if numbers[0] == "0" else numbers[:1]
        assert f"define ACCV_CACHE_ABI v{'_'.join(stable)}\n" in header

    def test_is_what_the_installed_package_says(self) -> None:
        assert accv_cache.__version__ == importlib.metadata.version("accv_cache")


class TestEditableInstallation:
    @pytest.mark.parametrize("newer", [1, 0], ids=["changed", "unchanged"])
    def test_says_that_its_cpp_part_is_older_than_the_sources(
        self, newer: int, tmp_path: Path
    ) -> None:
        package = tmp_path / "python" / "accv_cache"
        # Other processes may write compiled files there.
        no_compiled = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / "python" / "accv_cache", package, ignore=no_compiled)
        core = Path(shutil.copy(_core.__file__, package))
        source = tmp_path / "csrc" / "python" / "module.cpp"
        source.parent.mkdir(parents=True)
        source.touch()
        built = core.stat().st_mtime_ns
        os.utime(source, ns=(built + newer, built + newer))
        said = run_python(
            "import warnings\n"
            "with warnings.catch_warnings(record=True) as caught:\n"
            "    import accv_cache\n"
            "print(*[each.message for each in caught])",
            path=package.parent,
        )
        warning = f"the C++ part of accv_cache is older than {source}: install it again"
        assert said == warning * newer


class TestInstalledPackage:
    def test_needs_no_other_to_run(self) -> None:
        requirements = importlib.metadata.requires("accv_cache") or []
        assert [each for each in requirements if "extra ==" not in each] == []

    def test_tells_type_checkers_that_it_is_typed(self) -> None:
        files = importlib.resources.files("accv_cache")
        assert (files / "py.typed").is_file()
        assert (files / "_core.pyi").is_file()

    @pytest.mark.parametrize(
        "heavy",
        [
            "asyncio",
            "av",
            "click",
            "ctypes",
            "dataclasses",
            "enum",
            "importlib.metadata",
            "inspect",
            "logging",
            "multiprocessing",
            "pathlib",
            "rich",
            "subprocess",
            "threading",
        ],
    )
    def test_imports_nothing_heavy(self, heavy: str) -> None:
        program = (
            "import sys\n"
            "before = set(sys.modules)\n"
            "import accv_cache\n"
            "print(*sorted(set(sys.modules) - before))\n"
        )
        package = Path(accv_cache.__file__).parents[1]
        assert heavy not in run_python(program, path=package).split()


@pytest.fixture(scope="module")
def installed_elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package as the wheel for another platform holds it, unpacked."""
    directory = tmp_path_factory.mktemp("wheel")
    # A Linux interpreter with another `sys.platform`, set after it has read its own configuration;
    # with that of macOS it would query the system's version.
    program = (
        "import os, sys, sysconfig\n"
        "from scikit_build_core.build import build_wheel\n"
        "sysconfig.get_config_vars()\n"
        "sys.platform = 'freebsd14'\n"
        "os.chdir(sys.argv[1])\n"
        "build_wheel(sys.argv[2])\n"
    )
    run_python(program, ROOT, directory)
    (wheel,) = directory.iterdir()
    assert wheel.name == f"accv_cache-{accv_cache.__version__}-py3-none-any.whl"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(directory)
    return directory


class TestOffLinux:
    @pytest.mark.parametrize("platform", ["darwin", "win32", "freebsd14"])
    def test_nothing_is_compiled(self, platform: str, monkeypatch: pytest.MonkeyPatch) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(sys, "platform", platform)
            settings = SettingsReader.from_file(ROOT / "pyproject.toml", state="wheel").settings
        assert not settings.wheel.cmake
        assert not settings.wheel.platlib

    def test_on_linux_it_is(self) -> None:
        settings = SettingsReader.from_file(ROOT / "pyproject.toml", state="wheel").settings
        assert settings.wheel.cmake

    def test_the_package_is_python_alone(self, installed_elsewhere: Path) -> None:
        suffixes = {path.suffix for path in (installed_elsewhere / "accv_cache").rglob("*.*")}
        assert suffixes == {".py", ".pyi", ".typed"}

    @pytest.mark.parametrize("option", ["--includes", "--cmakedir"])
    def test_the_package_says_that_it_has_no_headers(
        self, installed_elsewhere: Path, option: str
    ) -> None:
        command = [sys.executable, "-S", "-m", "accv_cache", option]
        ended = subprocess.run(
            command, capture_output=True, text=True, check=False, cwd=installed_elsewhere
        )
        assert ended.returncode == 1
        assert re.fullmatch(r"accv-cache: .* use its sources\n", ended.stderr)

    @pytest.mark.parametrize("platform", ["darwin", "win32", "freebsd14"])
    @pytest.mark.parametrize(
        ("paths", "status"), [([__file__], "PLATFORM_ERROR"), ([], "SUCCESS")], ids=repr
    )
    def test_the_package_says_that_it_can_do_nothing(
        self, installed_elsewhere: Path, platform: str, paths: list[str], status: str
    ) -> None:
        program = (
            "import importlib.metadata\n"  # what it imports is that of this platform
            f"sys.platform = {platform!r}\n"
            "import accv_cache\n"
            "print(accv_cache.__version__, accv_cache.drop_videos_cache(sys.argv[1:]).name)\n"
        )
        expected = f"{accv_cache.__version__} {status}"
        assert run_python(program, *paths, path=installed_elsewhere) == expected

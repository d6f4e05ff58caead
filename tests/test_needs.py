"""A test whose needs are missing is skipped, and the run ends with how to install them."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from support import mounts, needs
from support.needs import need, require


@pytest.fixture(autouse=True)
def _outside_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)


@pytest.fixture
def place() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="accv-cache-") as name:
        yield Path(name)


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with links to all programs in PATH."""
    directory = tmp_path_factory.mktemp("bin")
    for place in map(Path, reversed(os.environ["PATH"].split(os.pathsep))):
        for program in place.iterdir() if place.is_dir() else ():
            (directory / program.name).unlink(missing_ok=True)
            (directory / program.name).symlink_to(program)
    return directory


@pytest.fixture
def hidden(
    request: pytest.FixtureRequest, programs: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """The name of a program that PATH does not find, or of headers that pkg-config does not."""
    thing: str = request.param
    link, aside = programs / thing, programs.with_name("aside")
    monkeypatch.setenv("PATH", str(programs))
    if thing in needs.HEADERS:
        monkeypatch.setenv("PKG_CONFIG_LIBDIR", "/nowhere")
    if link.is_symlink():
        link.rename(aside)
    yield thing
    if aside.is_symlink():
        aside.rename(link)


_FOR_FUSE = ["cc", "pkg-config", "fuse3.pc"]


class TestNeed:
    def test_is_a_skip_except_in_ci(self, monkeypatch: pytest.MonkeyPatch) -> None:
        require("something", "never")
        with pytest.raises(pytest.skip.Exception, match="a reason"):
            require(None, "a reason")
        monkeypatch.setenv("CI", "true")
        with pytest.raises(pytest.fail.Exception, match="a reason"):
            require(None, "a reason")

    @pytest.mark.parametrize("hidden", [*needs.PROGRAMS, *needs.HEADERS], indirect=True)
    def test_names_what_is_hidden(self, hidden: str) -> None:
        with pytest.raises(pytest.skip.Exception) as skipped:
            need(hidden)
        assert str(skipped.value) == f"needs {hidden}"

    def test_names_all_that_is_missing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PATH", "/nowhere")
        with pytest.raises(pytest.skip.Exception, match=r"^needs cc, fuse3\.pc$"):
            need("cc", "fuse3.pc")

    @pytest.mark.parametrize("thing", needs.CHECKS)
    def test_may_be_for_more_than_programs(
        self, thing: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("PATH", "/nowhere")
        assert needs.is_there(thing) in (True, False)


def _reason_of_skip(
    mount: Callable[[Path], AbstractContextManager[Path]], place: Path
) -> str | None:
    try:
        with mount(place) as root:
            assert os.path.ismount(root)
    except pytest.skip.Exception as skipped:
        return str(skipped)
    return None


def _is_true(reason: str) -> bool:
    """Whether all that the reason of a skip names is missing on this machine, or hidden."""
    things = reason.removeprefix("needs ")
    if things.startswith("loop devices: "):  # and what losetup wrote
        found = subprocess.run(["losetup", "--find"], capture_output=True, check=False)
        return found.returncode != 0
    return things != reason and all(map(_is_missing, things.split(", ")))


def _is_missing(thing: str) -> bool:
    if thing in {*needs.PROGRAMS, *needs.HEADERS, *needs.CHECKS}:
        return not needs.is_there(thing)
    kind = thing.removeprefix("a kernel with ")
    if kind in mounts.MOUNTS:
        return kind not in Path("/proc/filesystems").read_text().split()
    return thing == "temporary files on a disk" and os.geteuid() != 0


class TestMounts:
    @pytest.mark.parametrize(
        "reason", ["", "needs ", "needs sh", "needs cat, sh", "needs a kernel with ext4", "sh"]
    )
    def test_are_not_skipped_for_what_is_there(self, reason: str) -> None:
        need("cat", "sh")
        assert not _is_true(reason)

    @pytest.mark.parametrize(
        "hidden", ["losetup", "mkfs.ext4", "mkfs.xfs", "mkfs.btrfs", *_FOR_FUSE], indirect=True
    )
    @pytest.mark.parametrize("kind", mounts.MOUNTS)
    @pytest.mark.usefixtures("hidden")
    def test_are_skips_without_what_they_use(self, kind: str, place: Path) -> None:
        reason = _reason_of_skip(mounts.MOUNTS[kind], place)
        assert reason is None or _is_true(reason)


# One test for each set of fixtures: the others would only set up the same again.
_ONE_OF_EACH = """
import sys
import pytest


class OneOfEach:
    def pytest_collection_modifyitems(self, items):
        found = {}
        for item in items:
            params = item.callspec.params if hasattr(item, "callspec") else {}
            for mark in item.iter_markers("parametrize"):
                if not mark.kwargs.get("indirect"):  # arguments of the test, of no fixture
                    names = mark.args[0]
                    names = names.split(",") if isinstance(names, str) else names
                    params = {k: v for k, v in params.items() if k not in map(str.strip, names)}
            found.setdefault((item.parent, *item.fixturenames, str(params)), item)
        items[:] = found.values()


sys.exit(pytest.main(sys.argv[1:], [OneOfEach()]))
"""


class TestRun:
    def test_without_any_program_sets_up_or_skips_everything(self) -> None:
        """Collects all tests, and makes all fixtures."""
        options = ["-q", "-p", "no:cacheprovider", "--setup-only", "--deselect", __file__]
        environment = {**os.environ, "PATH": "/nowhere", "PYTEST_XDIST_WORKER": "none"}
        ended = subprocess.run(
            [sys.executable, "-c", _ONE_OF_EACH, *options],
            env=environment,
            cwd=Path(__file__).parents[1],
            capture_output=True,
            text=True,
            check=False,
        )
        assert ended.returncode == 0, ended.stdout[-5000:]
        assert " tests: needs " in ended.stdout


class TestTemporaryFiles:
    def test_can_be_evicted_where_the_usual_place_is_in_memory(self, tmpfs: Path) -> None:
        one = "tests/test_drop.py::TestFailFast::test_is_not_needed_where_all_is_well"
        ended = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", one],
            cwd=Path(__file__).parents[1],
            env={**os.environ, "TMPDIR": str(tmpfs)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert ended.returncode == 0, ended.stdout


class TestSummary:
    def test_counts_each_reason_and_names_what_brings_it(self) -> None:
        skips = ["needs cc, fuse3.pc", "needs cc", "needs cc", "it is Tuesday"]
        *counts, last = needs.summary(skips)
        assert counts == [
            "   2 tests: needs cc",
            "   1 test: needs cc, fuse3.pc",
            "   1 test: it is Tuesday",
        ]
        assert last == "To try them: sudo apt-get install gcc libfuse3-dev pkg-config"

    def test_of_another_user_names_sudo(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(os, "geteuid", lambda: 1000)
        assert needs.summary(["needs root"])[-1] == f"To try them: sudo {sys.executable} -m pytest"

    def test_of_root_names_privileges(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(os, "geteuid", lambda: 0)
        assert "--privileged" in needs.summary(["needs loop devices"])[-1]

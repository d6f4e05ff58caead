"""Fixtures: files in a known state, on a known file system."""

import fcntl
import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path

import pytest

from support import mounts, needs, rights
from support.descriptors import open_descriptors
from support.files import DirtyFile, FileSystem, MakeFile, MakeOnce, State, bring_into
from support.residency import PAGE
from support.verbs import Prepare, Verb

FreshDirectory = Callable[[str], Path]

_MOST_WORKERS = 4
_ON_A_DISK = Path("/var/tmp")  # by file-hierarchy(7), also where /tmp is in memory


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """Run whole directories on several workers, but a single file without any: that is faster.

    Temporary files are on a disk, if there is one: what is in memory only cannot be evicted.
    """
    if mounts.is_in_memory(Path(tempfile.gettempdir())) and not mounts.is_in_memory(_ON_A_DISK):
        os.environ["TMPDIR"] = str(_ON_A_DISK)
        tempfile.tempdir = None
    # Without pytest-xdist there is no such option. A worker must start no workers of its own.
    is_worker = "PYTEST_XDIST_WORKER" in os.environ
    asked_for = getattr(config.option, "numprocesses", 0) is not None or config.option.usepdb
    if is_worker or asked_for or not any(Path(each).is_dir() for each in config.args):
        return
    config.option.numprocesses = min(len(os.sched_getaffinity(0)), _MOST_WORKERS)
    # Each starts with a part of the list in its order, so that few fixtures are made twice.
    config.option.dist = "worksteal"


def pytest_configure(config: pytest.Config) -> None:
    """Get the right to mount, but run the tests without it."""
    if not hasattr(config, "workerinput"):
        rights.enter_namespaces()
        if getattr(config.option, "numprocesses", None):
            rights.hand_on()
            return
    rights.lay_down()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """List what was skipped, and how to install what it needs."""
    skips = [report.longrepr[2] for report in terminalreporter.stats.get("skipped", ())]
    if skips:
        terminalreporter.section("not tried on this machine")
        for line in needs.summary(reason.removeprefix("Skipped: ") for reason in skips):
            terminalreporter.line(line)


@pytest.fixture(scope="session", autouse=True)
def _signals_work() -> Iterator[None]:
    """Signals do what they do by default, also below nohup or in the background of a shell."""
    before = {
        number: signal.getsignal(number)
        for number in (signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)
    }
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    signal.signal(signal.SIGQUIT, signal.SIG_DFL)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture(scope="session")
def _has_temporary_disk() -> bool:
    return not mounts.is_in_memory(Path(tempfile.gettempdir()))


@pytest.fixture(autouse=True)
def _temporary_files_can_be_evicted(
    request: pytest.FixtureRequest, *, _has_temporary_disk: bool
) -> None:
    if "tmp_path_factory" in request.fixturenames:
        needs.require(_has_temporary_disk, "needs temporary files on a disk")


@pytest.fixture(scope="session")
def mounted() -> Iterator[Callable[[str], Path]]:
    """A directory on a file system of the given kind: its root, mounted when first asked for.

    A user who may not mount a disk gets a directory on an existing one.
    """
    roots: dict[str, Path] = {}
    with ExitStack() as stack:
        # Not below pytest's own directory, which other users may not enter.
        base = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="accv-cache-")))
        base.chmod(0o755)

        def root_of(kind: str) -> Path:
            if kind not in roots:
                place = base / kind
                place.mkdir(exist_ok=True)
                roots[kind] = stack.enter_context(mounts.some(kind, place))
            return roots[kind]

        yield root_of


@pytest.fixture
def fresh_directory(mounted: Callable[[str], Path]) -> Iterator[FreshDirectory]:
    """A new directory on the file system of the given kind, removed after the test."""
    with ExitStack() as stack:

        def fresh(kind: str) -> Path:
            directory = Path(tempfile.mkdtemp(prefix="test-", dir=mounted(kind)))
            stack.callback(shutil.rmtree, directory)
            directory.chmod(0o755)
            return directory

        yield fresh


@pytest.fixture
def ext4(fresh_directory: FreshDirectory) -> Path:
    """A new directory on ext4."""
    return fresh_directory("ext4")


@pytest.fixture
def xfs(fresh_directory: FreshDirectory) -> Path:
    """A new directory on XFS."""
    return fresh_directory("xfs")


@pytest.fixture
def btrfs(fresh_directory: FreshDirectory) -> Path:
    """A new directory on Btrfs."""
    return fresh_directory("btrfs")


@pytest.fixture
def tmpfs(fresh_directory: FreshDirectory) -> Path:
    """A new directory on tmpfs."""
    return fresh_directory("tmpfs")


@pytest.fixture
def overlay(fresh_directory: FreshDirectory) -> Path:
    """A new directory on overlayfs, in its upper layer; its parent holds `LOWER_FILE`."""
    return fresh_directory("overlay")


@pytest.fixture
def fuse(fresh_directory: FreshDirectory) -> Path:
    """A new directory on FUSE, without latency."""
    return fresh_directory("fuse")


@pytest.fixture(params=list(mounts.MOUNTS))
def file_system(request: pytest.FixtureRequest, fresh_directory: FreshDirectory) -> FileSystem:
    """Every kind of file system in turn.

    For some of them: `@pytest.mark.parametrize("file_system", ["ext4", "xfs"], indirect=True)`.
    """
    return FileSystem(request.param, fresh_directory(request.param))


@pytest.fixture
def make_file(tmp_path: Path) -> MakeFile:
    """A factory of files in a known state."""
    numbers = count()

    def make(size: int, state: State = "warm", directory: Path | None = None) -> Path:
        path = (directory or tmp_path) / f"{state}-{next(numbers)}.bin"
        return bring_into(state, path, size)

    return make


@pytest.fixture
def prepare(make_file: MakeFile, verb: Verb) -> Prepare:
    """A factory of files that the verb under test has something to do with.

    What is dirty is resident, and is not reclaimed before the verb comes to it.
    """
    return lambda size: make_file(size, "dirty" if verb.before == "warm" else "cold")


@pytest.fixture
def dirty_file(mounted: Callable[[str], Path], ext4: Path) -> Iterator[DirtyFile]:
    """A file of 1 MiB on an ext4 whose disk can be stopped, which makes it dirty."""
    with mounts.ext4(ext4) as root:
        # Its blocks are mapped already: mapping them while the disk is stopped would wait.
        yield DirtyFile(bring_into("warm", root / "clip", 1 << 20), mounted("ext4"))


@pytest.fixture
def long_list(tmp_path: Path) -> Path:
    """A list of paths for `--from` that takes many seconds: the same page, over and over."""
    (tmp_path / "clip.mp4").write_bytes(bytes(PAGE))
    listing = tmp_path / "list.txt"
    listing.write_text(f"{tmp_path}/clip.mp4\n" * 3_000_000)
    return listing


@pytest.fixture(scope="session")
def made_once(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> MakeOnce:
    """A directory by name, shared by all workers of this run: the first one that asks fills it."""
    base = tmp_path_factory.getbasetemp()
    if hasattr(request.config, "workerinput"):
        base = base.parent

    def made(name: str, fill: Callable[[Path], None]) -> Path:
        with (base / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not (base / name).exists():
                unfinished = tmp_path_factory.mktemp(name)
                fill(unfinished)
                unfinished.rename(base / name)
        return base / name

    return made


@pytest.fixture(scope="session")
def clips(made_once: MakeOnce) -> dict[str, Path]:
    """Clips of several MB by name; read them only, or copy them to the file system under test."""
    from support.clips import Codec, encode  # noqa: PLC0415 - PyAV is not there for every Python

    codecs: dict[str, Codec] = {"h264": "libx264", "hevc": "libx265"}

    def encode_all(directory: Path) -> None:
        for name, codec in codecs.items():
            for container in ("mp4", "mkv"):
                encode(directory / f"{name}.{container}", codec)

    return {path.name: path for path in sorted(made_once("clips", encode_all).iterdir())}


@pytest.fixture
def no_leaked_descriptors() -> Iterator[None]:
    """Fails the test if it leaves descriptors open that it did not find.

    What an earlier test left to the garbage collector may be closed meanwhile.
    """
    before = open_descriptors()
    yield
    assert open_descriptors().items() - before.items() == set()

"""The ways to load a file into the page cache, on each file system, against `cat FILE >/dev/null`.

    python -m benchmarks.engines            # a file of 256 MiB, 5 runs of each
    python -m benchmarks.engines --quick    # proves that it runs

Prints a table in Markdown. Each cell has the time and the CPU time, as multiples of those of `cat`
in the same runs, and the part of the file that is active after one more read.
"""

import ctypes
import mmap
import os
import platform
import shutil
import statistics
import struct
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import click

from accv_cache import prefetch

from . import machine, states
from .measure import NotRun, cpu_seconds_used

WINDOW = 8 << 20  # as `prefetch` has it
BUFFER = 128 << 10  # as cat(1) has it

# linux/mman.h and linux/prctl.h; Python has no names for them.
_MADV_POPULATE_READ = 22
_PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _PR_SET_THP_DISABLE = 38, 22, 41

# linux/audit.h, and the numbers of madvise(2) and cachestat(2).
_CALLS = {"x86_64": (0xC000003E, 28, 451), "aarch64": (0xC00000B7, 233, 451)}

Load = Callable[[str], object]
Mount = Callable[[Path], AbstractContextManager[Path]]


class Cost(NamedTuple):
    """What a load took, in seconds."""

    wall: float
    cpu: float


class Place(NamedTuple):
    """Where the file lies, and what the process that loads it does before."""

    name: str
    mount: Mount
    begin: Callable[[], None] | None = None
    prepare: Callable[[list[str]], None] = states.cool
    share: int = 1
    """By what to divide the file's size, where a load takes long."""


# The ways to load a file.


def _cat(path: str) -> None:
    subprocess.run(["cat", path], check=True, stdout=subprocess.DEVNULL)


def _prefetch(path: str) -> None:
    prefetch(path).raise_for_status()


def _populate(path: str, advice: tuple[int, ...] = ()) -> None:
    with Path(path).open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        for start in range(0, size, WINDOW):
            length = min(WINDOW, size - start)
            with mmap.mmap(file.fileno(), length, prot=mmap.PROT_READ, offset=start) as window:
                for each in (*advice, _MADV_POPULATE_READ):
                    window.madvise(each)


def _sendfile(path: str) -> None:
    with Path(path).open("rb") as file, Path(os.devnull).open("wb") as nowhere:
        while os.sendfile(nowhere.fileno(), file.fileno(), None, WINDOW):
            pass


def _pread(path: str) -> None:
    buffer = bytearray(BUFFER)
    with Path(path).open("rb", buffering=0) as file:
        while file.readinto(buffer):
            pass


def _advise(path: str) -> None:
    with Path(path).open("rb", buffering=0) as file:
        chunks = range(0, os.fstat(file.fileno()).st_size, states.CHUNK)
        for start in chunks:
            os.posix_fadvise(file.fileno(), start, states.CHUNK, os.POSIX_FADV_WILLNEED)
        for start in chunks:  # waits for each
            os.pread(file.fileno(), 1, start)


WAYS: dict[str, Load] = {
    "`cat`": _cat,
    "`prefetch`": _prefetch,
    "populate, huge pages": partial(_populate, advice=(mmap.MADV_SEQUENTIAL, mmap.MADV_HUGEPAGE)),
    "populate": _populate,
    "sendfile": _sendfile,
    "pread, 128 KiB": _pread,
    "WILLNEED": _advise,
}


# What the process that loads may not do.


def _refuse_new_calls() -> None:
    """Refuse MADV_POPULATE_READ and cachestat(2) as a kernel before 5.14 does, seccomp(2)."""
    architecture, madvise, cachestat = _CALLS[platform.machine()]
    load, jump_if_equal, give = 0x20, 0x15, 0x06  # linux/bpf_common.h
    allow, refuse = 0x7FFF0000, 0x00050000
    number, audit, advice = 0, 4, 32  # where they are in struct seccomp_data
    steps = (
        (load, 0, 0, audit),
        (jump_if_equal, 0, 5, architecture),
        (load, 0, 0, number),
        (jump_if_equal, 4, 0, cachestat),
        (jump_if_equal, 0, 2, madvise),
        (load, 0, 0, advice),
        (jump_if_equal, 2, 0, _MADV_POPULATE_READ),
        (give, 0, 0, allow),
        (give, 0, 0, refuse | 38),  # ENOSYS
        (give, 0, 0, refuse | 22),  # EINVAL
    )
    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *step) for step in steps))
    program = struct.pack("@HP", len(steps), ctypes.addressof(code))
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    _prctl(_PR_SET_SECCOMP, 2, program)


def _refuse_huge_pages() -> None:
    _prctl(_PR_SET_THP_DISABLE, 1)


def _prctl(option: int, *arguments: int | bytes) -> None:
    if ctypes.CDLL(None, use_errno=True).prctl(option, *arguments, *[0] * (4 - len(arguments))):
        raise OSError(ctypes.get_errno(), "prctl")


# Where the file lies.


@contextmanager
def _disk(directory: Path) -> Iterator[Path]:
    yield directory


def _image(file_system: str, bytes_: int, read_ahead_kib: int | None = None) -> Mount:
    @contextmanager
    def mount(directory: Path) -> Iterator[Path]:
        with states.mounted_image(directory, file_system, bytes_) as point:
            if read_ahead_kib is not None:
                device = point.stat().st_dev
                queue = f"/sys/dev/block/{os.major(device)}:{os.minor(device)}/queue"
                Path(queue, "read_ahead_kb").write_text(str(read_ahead_kib))
            yield point

    return mount


def _fuse(**slower: int) -> Mount:
    @contextmanager
    def mount(directory: Path) -> Iterator[Path]:
        behind = directory / "behind"
        behind.mkdir()
        with states.mounted_slowfs(directory / "fuse", behind, **slower) as point:
            yield point

    return mount


@contextmanager
def _overlay(directory: Path) -> Iterator[Path]:
    lower, upper, work, point = (directory / name for name in ("lower", "upper", "work", "overlay"))
    for each in (lower, upper, work, point):
        each.mkdir()
    layers = f"lowerdir={lower},upperdir={upper},workdir={work}"
    with _mounted(point, "-t", "overlay", "overlay", "-o", layers):
        yield point


@contextmanager
def _tmpfs(directory: Path) -> Iterator[Path]:
    point = directory / "tmpfs"
    point.mkdir()
    with _mounted(point, "-t", "tmpfs", "tmpfs"):
        yield point


@contextmanager
def _mounted(point: Path, *what: str) -> Iterator[None]:
    states.command("mount", *what, str(point))
    try:
        yield
    finally:
        states.command("umount", str(point))


def places(directory: Path, bytes_: int) -> list[Place]:
    """The rows of the table."""
    disk, image = machine.file_system(directory), max(4 * bytes_, 512 << 20)
    return [
        Place(disk, _disk),
        Place(f"{disk}, without huge pages", _disk, _refuse_huge_pages),
        Place(f"{disk}, as before Linux 5.14", _disk, _refuse_new_calls),
        Place("ext4 on a loop device, read-ahead 128 KiB", _image("ext4", image, 128)),
        Place("ext4 on a loop device, read-ahead 0", _image("ext4", image, 0), share=16),
        Place("XFS", _image("xfs", image)),
        Place("Btrfs", _image("btrfs", image)),
        Place("overlayfs", _overlay),
        Place("tmpfs", _tmpfs, prepare=states.as_it_is),
        Place("FUSE", _fuse()),
        Place("FUSE, 1 ms a read", _fuse(read_us=1000)),
    ]


# The measurement.


def _timed(load: Load, path: str) -> Cost:
    cpu, start = cpu_seconds_used(), time.perf_counter()
    load(path)
    return Cost(time.perf_counter() - start, cpu_seconds_used() - cpu)


def _run(place: Place, load: Load, path: str) -> Cost:
    """Load the file in a process of its own."""
    place.prepare([path])
    with ProcessPoolExecutor(1, get_context("fork"), place.begin) as pool:
        return pool.submit(_timed, load, path).result()


def _active(path: str) -> str:
    """The part of a loaded file that is active after one read."""
    states.warm([path])
    try:
        return f"{states.active_bytes([path]) / states.resident_bytes([path]):.0%}"
    except NotRun:
        return "?"


def _turned(ways: list[str], by: int) -> list[str]:
    by %= len(ways)
    return ways[by:] + ways[:by]


def _cell(place: Place, load: Load, path: str, costs: list[Cost], cat: Cost | None) -> str:
    """The figures of one way, after one run more."""
    _run(place, load, path)
    if missing := states.missing_bytes([path]):
        return f"{missing / Path(path).stat().st_size:.0%} missing"
    wall, cpu = map(statistics.median, zip(*costs, strict=True))
    if cat is None:
        cell = f"{wall * 1e3:.0f} ms / {cpu * 1e3:.0f} ms"
    else:
        cell = f"{wall / cat.wall:.2f} / {cpu / cat.cpu:.2f}"
    return f"{cell} / {_active(path)}" if place.prepare is states.cool else cell


def _cells(place: Place, directory: Path, bytes_: int, runs: int) -> Iterator[str]:
    costs: dict[str, list[Cost]] = {way: [] for way in WAYS}
    with place.mount(directory) as point:
        [path] = states.make_files(point / "file", 1, bytes_ // place.share)
        for nth in range(runs + 1):
            # Each way is the first one once: it may meet memory that the machine never touched.
            for way in _turned([*WAYS], nth):
                with suppress(OSError):  # refused there
                    cost = _run(place, WAYS[way], path)
                    costs[way] += [cost] * (nth > 0)
        cat = Cost(*map(statistics.median, zip(*costs["`cat`"], strict=True)))
        for way, load in WAYS.items():
            if costs[way]:
                yield _cell(place, load, path, costs[way], None if load is _cat else cat)
            else:
                yield "refused"


@click.command()
@click.option("--quick", is_flag=True, help="A small file and one run: proves that all of it runs.")
@click.option("--runs", default=5, show_default=True, type=click.IntRange(min=1))
@click.option(
    "--directory",
    default="/var/tmp",  # noqa: S108, not /tmp: often memory, which cannot be evicted
    show_default=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Where to make the files, in a directory of their own that is removed at the end.",
)
def main(*, quick: bool, runs: int, directory: Path) -> None:
    """Load a file in each way that the kernel has, on each file system."""
    bytes_, runs = (8 << 20, 1) if quick else (256 << 20, runs)
    made = Path(tempfile.mkdtemp(prefix="accv_cache-", dir=directory))
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, made)
        click.echo(f"{machine.in_words(machine.describe(directory))}.")
        click.echo(f"A file of {bytes_ >> 20} MiB, medians of {runs} alternating runs.\n")
        click.echo(f"| | {' | '.join(WAYS)} |\n{'|---' * (len(WAYS) + 1)}|")
        for number, place in enumerate(places(directory, bytes_)):
            below = made / str(number)
            below.mkdir()
            try:
                cells = [*_cells(place, below, bytes_, runs)]
            except NotRun as reason:
                cells = [str(reason)]
            click.echo(f"| {place.name} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()

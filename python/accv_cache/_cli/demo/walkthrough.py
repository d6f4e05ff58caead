"""What `accv-cache demo` does and shows, step by step."""

import mmap
import os
import resource
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import NamedTemporaryFile, TemporaryDirectory, gettempdir
from typing import ParamSpec, TypeVar

from rich.console import Console
from rich.padding import Padding
from rich.table import Table

from accv_cache import DropCacheStatus, drop_videos_cache, query
from accv_cache._cli.bars import Bar
from accv_cache._cli.demo.clips import COUNT, decode, make_clips
from accv_cache._cli.tables import make_console
from accv_cache._text import as_duration, as_size

P = ParamSpec("P")
T = TypeVar("T")

_PREFIX = "accv-cache-demo-"


def walk_through(directory: Path | None) -> int:
    """Show it all in `directory` (None: where temporary files go); the result is the exit code."""
    console = make_console()
    disk = find_disk(console, directory)
    if disk is None:
        return DropCacheStatus.FADVISE_FAILED.value
    with TemporaryDirectory(prefix=_PREFIX, dir=disk) as folder:
        clips = _make_clips(console, Path(folder))
        before = _decode_twice(console, clips)
        _headline(console, "In memory after decoding")
        _show_residency(console, clips, before)
        seconds, status = _timed(drop_videos_cache, clips)
        after = [_resident_bytes(clip) for clip in clips]
        _headline(console, f"drop_videos_cache: {status.name} in {as_duration(seconds)}")
        _show_residency(console, clips, after)
        _headline(console, f"{as_size(sum(before) - sum(after))} of memory came back.")
    return status.value


def find_disk(console: Console, directory: Path | None) -> Path | None:
    """The first folder whose files can be evicted: `directory`, or where temporary files go."""
    # Many systems keep /tmp in memory, and /var/tmp on a disk.
    usual = [Path(gettempdir()), Path("/var/tmp")]  # noqa: S108 - only a private folder is made
    for candidate in [directory] if directory else usual:
        if _can_evict_in(candidate):
            return candidate
        console.print(
            f"Nothing in {candidate} can be evicted: it lies in memory itself, as a tmpfs does.",
            style="yellow",
            soft_wrap=True,
        )
    console.print("Choose a folder on a disk: accv-cache demo --directory DIR", soft_wrap=True)
    return None


def _can_evict_in(directory: Path) -> bool:
    with NamedTemporaryFile(prefix=_PREFIX, dir=directory) as probe:
        probe.write(bytes(mmap.PAGESIZE))
        probe.flush()
        path = Path(probe.name)
        _make_cold([path])
        return _resident_bytes(path) == 0


def _make_cold(paths: Sequence[Path]) -> None:
    """Evict files that were just written: pages that are not on the disk yet would stay."""
    for path in paths:
        with path.open("rb") as file:
            os.fsync(file.fileno())
    drop_videos_cache(paths)


def _make_clips(console: Console, folder: Path) -> list[Path]:
    clips = []
    start = time.perf_counter()
    with console.status(f"Encoding {COUNT} clips", spinner="line") as status:
        for clip in make_clips(folder):
            clips.append(clip)
            status.update(f"Encoding {COUNT} clips: {len(clips)} done")
    seconds = time.perf_counter() - start
    total = sum(clip.stat().st_size for clip in clips)
    console.print(f"Made {COUNT} clips, {as_size(total)}, in {as_duration(seconds)}.")
    return clips


def _decode_twice(console: Console, clips: Sequence[Path]) -> list[int]:
    """Show how long each clip takes cold and warm, and how much was read from the disk for it.

    Returns:
        Each clip's resident bytes, seen as soon as it was decoded: the kernel may take memory back
        at any time.
    """
    _make_cold(clips)
    table = _table(amounts=2)
    table.add_row("", "cold", "warm", style="dim")
    reads = {"cold": 0, "warm": 0}
    residents = []
    with console.status("Decoding", spinner="line"):
        for clip in clips:
            times = []
            for state in reads:
                read_before = _read_bytes()
                seconds, _ = _timed(decode, clip)
                reads[state] += _read_bytes() - read_before
                times.append(as_duration(seconds))
            residents.append(_resident_bytes(clip))
            table.add_row(clip.name, *times)
    table.add_row("disk reads", *map(as_size, reads.values()), style="dim")
    _headline(console, "Decoding, cold and warm")
    console.print(Padding.indent(table, 2))
    return residents


def _show_residency(console: Console, clips: Sequence[Path], residents: Sequence[int]) -> None:
    """Draw how much of each clip is resident."""
    table = _table(bars=1, amounts=2)
    for clip, resident in zip(clips, residents, strict=True):
        fraction = min(resident / clip.stat().st_size, 1)  # the last page counts as a whole
        table.add_row(clip.name, Bar(fraction), f"{int(100 * fraction)} %", as_size(resident))
    console.print(Padding.indent(table, 2))


def _table(*, bars: int = 0, amounts: int) -> Table:
    """A table of names, then bars, which give way in a narrow terminal, then amounts."""
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    for _ in range(bars):
        table.add_column()
    for _ in range(amounts):
        table.add_column(no_wrap=True, justify="right", min_width=len("100 %"))
    return table


def _headline(console: Console, text: str) -> None:
    console.print()
    console.print(text, style="bold")


def _resident_bytes(path: Path) -> int:
    return query(path).known_resident_bytes


def _read_bytes() -> int:
    """What this process has had read from a disk; getrusage(2) counts in units of 512 bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_inblock * 512


def _timed(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> tuple[float, T]:
    """The seconds that the work takes, and its result."""
    start = time.perf_counter()
    result = work(*args, **kwargs)
    return time.perf_counter() - start, result

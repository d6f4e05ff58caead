"""The steps of `accv-cache demo`."""

import mmap
import resource
import signal
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from tempfile import NamedTemporaryFile, TemporaryDirectory, gettempdir
from typing import NoReturn, ParamSpec, TypeVar

from accv_cache import DropCacheStatus, drop, drop_videos_cache, query
from accv_cache._cli.bars import bar
from accv_cache._cli.demo.clips import COUNT, decode, make_clips
from accv_cache._cli.tables import Drawing, Row, cut, lay_out
from accv_cache._cli.terminal import Region, can_redraw, paint, size_of, width, write
from accv_cache._text import as_duration, as_size, printable

P = ParamSpec("P")
T = TypeVar("T")

_PREFIX = "accv-cache-demo-"
_INDENT = "  "


def walk_through(directory: Path | None) -> int:
    """Run the demo in `directory` (None: the temporary folder); return the exit code."""
    disk = find_disk(directory)
    if disk is None:
        return DropCacheStatus.FADVISE_FAILED.value
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _end)
    with TemporaryDirectory(prefix=_PREFIX, dir=disk) as folder:
        clips = _make_clips(Path(folder))
        before = _read_and_decode(clips)
        _headline("In memory after decoding")
        _show_residency(clips, before)
        seconds, status = _timed(drop_videos_cache, clips)
        after = [_resident_bytes(clip) for clip in clips]
        _headline(f"drop_videos_cache: {status.name} in {as_duration(seconds)}")
        _show_residency(clips, after)
        _headline(f"{as_size(sum(before) - sum(after))} of memory came back.")
    return status.value


def _end(number: int, _: object) -> NoReturn:
    """Exit as the signal would, but remove the clips first."""
    raise SystemExit(128 + number)


def find_disk(directory: Path | None) -> Path | None:
    """The first folder whose files can be evicted: `directory`, or a temporary folder."""
    # Many systems keep /tmp in memory, and /var/tmp on a disk.
    usual = [Path(gettempdir()), Path("/var/tmp")]  # noqa: S108 - only a private folder is made
    for candidate in [directory] if directory else usual:
        try:
            if _can_evict_in(candidate):
                return candidate
            reason = "it lies in memory itself, as a tmpfs does"
        except OSError as error:  # no right to write there, no room, deleted
            reason = str(error.strerror)
        write(paint(f"Nothing in {printable(str(candidate))} can be evicted: {reason}.", "yellow"))
    write("Choose a folder on a disk: accv-cache demo --directory DIR")
    return None


def _can_evict_in(directory: Path) -> bool:
    with NamedTemporaryFile(prefix=_PREFIX, dir=directory) as probe:
        probe.write(bytes(mmap.PAGESIZE))
        probe.flush()
        path = Path(probe.name)
        drop(path)
        return _resident_bytes(path) == 0


def _make_clips(folder: Path) -> list[Path]:
    clips: list[Path] = []
    start = time.perf_counter()
    with _Steps() as steps:
        steps.show(f"Encoding {COUNT} clips")
        for clip in make_clips(folder):
            clips.append(clip)
            steps.show(f"Encoding {COUNT} clips: {len(clips)} done")
    seconds = time.perf_counter() - start
    total = sum(clip.stat().st_size for clip in clips)
    write(f"Made {COUNT} clips, {as_size(total)}, in {as_duration(seconds)}.")
    return clips


def _read_and_decode(clips: Sequence[Path]) -> list[int]:
    """Show what it costs to read each clip cold, to decode it, and to read it once more.

    The decoder is timed by itself: it differs more from time to time than a disk costs.

    Returns:
        Each clip's resident bytes, seen as soon as it was decoded: the kernel may take memory back
        at any time.
    """
    drop(clips)  # it waits for what was just written
    works = {"read cold": _read, "decode": decode, "read again": _read}
    from_disk = dict.fromkeys(works, 0)
    rows = []
    residents = []
    with _Steps() as steps:
        for clip in clips:
            times = []
            for name, work in works.items():
                steps.show(f"{clip.name}: {name}")
                before = _read_bytes()
                seconds, _ = _timed(work, clip)
                from_disk[name] += _read_bytes() - before
                times.append(as_duration(seconds))
            residents.append(_resident_bytes(clip))
            rows.append(Row(clip.name, times))
    is_counted = from_disk["read cold"] > 0
    if is_counted:
        rows.append(Row("from the disk", [as_size(count) for count in from_disk.values()]))
    _headline("The first time, a clip comes from the disk; the second time, from memory")
    _print_table(Row("", list(works)), rows, None)
    if not is_counted:  # such as FUSE
        write(f"{_INDENT}The kernel does not count what is read from this file system.")
    return residents


def _show_residency(clips: Sequence[Path], residents: Sequence[int]) -> None:
    """Draw how much of each clip is resident."""
    # The last page counts as a whole one.
    shares = [
        min(resident / clip.stat().st_size, 1)
        for clip, resident in zip(clips, residents, strict=True)
    ]
    rows = [
        Row(clip.name, [f"{int(100 * share)} %".rjust(len("100 %")), as_size(resident)])
        for clip, share, resident in zip(clips, shares, residents, strict=True)
    ]
    _print_table(Row("", ["", ""]), rows, [partial(bar, share) for share in shares])


def _print_table(heads: Row, rows: Sequence[Row], bars: Sequence[Drawing] | None) -> None:
    columns = width()
    fitting = None if columns is None else columns - len(_INDENT)
    for line in lay_out([heads, *rows], fitting, bars):
        write(_INDENT + line)


def _headline(text: str) -> None:
    write("", paint(text, "bold"))
    sys.stdout.flush()


class _Steps(Region):
    """Show the current step on a line that is overwritten afterwards."""

    def __init__(self) -> None:
        super().__init__(sys.stdout)

    def show(self, text: str) -> None:
        if can_redraw(sys.stdout):
            self.draw([cut(text, size_of(sys.stdout).columns - 1)])

    def __exit__(self, *error: object) -> None:
        self.erase()
        super().__exit__(*error)


def _read(clip: Path) -> None:
    with clip.open("rb", buffering=0) as file:
        while file.read(1 << 20):
            pass


def _resident_bytes(path: Path) -> int:
    return query(path).known_resident_bytes


def _read_bytes() -> int:
    """The bytes read from a disk for this process; getrusage(2) counts units of 512 bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_inblock * 512


def _timed(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> tuple[float, T]:
    """The seconds that the work takes, and its result."""
    start = time.perf_counter()
    result = work(*args, **kwargs)
    return time.perf_counter() - start, result

"""How much of each file is resident, dirty and in writeback: what is true, or None."""

import dataclasses
import enum
import errno
import heapq
import os
import sys
from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from accv_cache._holders import Holders, holders
from accv_cache._report import Report, Table, html_table, os_error
from accv_cache._text import as_count, as_size
from accv_cache._types import (
    Progress,
    Targets,
    as_names,
    as_patterns,
    as_target_list,
    check_number,
    check_progress,
)

if sys.platform == "linux":
    from accv_cache import _core

MAP_WIDTH = 40
"""The width of a drawn residency map, in characters."""


class ResidencySource(enum.Enum):
    """Which system call a residency figure comes from.

    Examples:
        >>> ResidencySource("mincore")
        <ResidencySource.MINCORE: 'mincore'>
    """

    CACHESTAT = "cachestat"
    """cachestat(2), Linux 6.5 and newer."""
    MINCORE = "mincore"
    """mincore(2) over a read-only mapping: on overlayfs, and on older kernels."""


_SOURCES = (None, *ResidencySource)

_Spans = Sequence[tuple[int, int]]


@dataclasses.dataclass(frozen=True, slots=True, repr=False)
class CacheRecord:
    """What one file holds of the page cache. Memory is counted in whole pages, of the range.

    Attributes:
        path: The file. For a descriptor, the path that /proc says it leads to.
        error: Why it could not be opened, or is a descriptor that cannot be measured; else None.
        size_bytes: The file's size.
        measured: The range `(start, stop)` in bytes that was asked for, as far as the file has it.
        resident_bytes: What is in memory; None if the kernel does not tell the caller.
        dirty_bytes: What of it is not written back yet; None also where mincore was asked.
        writeback_bytes: What of it is being written back; None also where mincore was asked.
        source: The system call that told; None if none may be believed.
        spans: The resident ranges `(start, stop)` in bytes, exact to the page; None if unknown
            or not asked for.
    """

    path: str
    error: OSError | None
    size_bytes: int
    measured: tuple[int, int]
    resident_bytes: int | None
    dirty_bytes: int | None
    writeback_bytes: int | None
    source: ResidencySource | None
    spans: _Spans | None

    def map(self, width: int = MAP_WIDTH) -> str:
        """Draw which parts of the file are resident, each character an equal part.

        A full block is wholly resident, a light one partly, a dot not at all. Outside of the range
        that was asked for nothing is known, so that it is blank; a part that the range cuts is
        drawn as what of it was asked for. Without `spans` the places are not known, and the map is
        empty.

        Examples:
            >>> spans = ((0, 40), (50, 60))
            >>> CacheRecord("clip", None, 80, (0, 80), 50, 0, 0, None, spans).map(8)
            '████·█··'
            >>> CacheRecord("clip", None, 80, (20, 80), 30, 0, 0, None, ((20, 40),)).map(8)
            '  ██····'
        """
        if self.spans is None:
            return ""
        if self.size_bytes == 0:
            return "·" * width
        asked = self._cover([self.measured], width)
        found = self._cover(self.spans, width)
        return "".join(map(_draw, asked, found))

    def _cover(self, spans: _Spans, width: int) -> list[int]:
        """How much of each part of the file the spans have, within what was measured.

        In units of 1 / width byte, in which the bounds of all parts are whole numbers.
        """
        part = self.size_bytes
        first, last = (edge * width for edge in self.measured)
        covered = [0] * width
        for start, stop in spans:
            # Spans are whole pages, also where the range cuts one.
            left, right = max(start * width, first), min(stop * width, last)
            for cell in range(left // part, min(width, -(-right // part))):
                covered[cell] += min(right, (cell + 1) * part) - max(left, cell * part)
        return covered

    def holders(self) -> Holders:
        """Find the processes that have the file mapped or open; see `accv_cache.holders`."""
        return holders([self.path])

    def to_dict(self) -> dict[str, Any]:
        """Give the fields as JSON takes them; an error as its text."""
        return {
            "path": self.path,
            "error": None if self.error is None else str(self.error),
            "size_bytes": self.size_bytes,
            "measured": list(self.measured),
            "resident_bytes": self.resident_bytes,
            "dirty_bytes": self.dirty_bytes,
            "writeback_bytes": self.writeback_bytes,
            "source": None if self.source is None else self.source.value,
            "spans": None if self.spans is None else [list(span) for span in self.spans],
        }

    def __repr__(self) -> str:
        drawn = f" |{self.map()}|" if self.spans is not None else ""
        resident = "" if self.error is not None else " resident"
        return f"<CacheRecord {self.path!r}: {_share(self)}{resident}{drawn}>"


class _CacheTable(Table, Protocol):
    def row(self, position: int) -> "_Row": ...
    def totals(self) -> tuple[int, int, int, int, int, int, int, int]: ...


_Row = tuple[
    bytes, int, int, tuple[int, int], int, int | None, int | None, int | None, _Spans | None
]


@dataclasses.dataclass(frozen=True, slots=True)
class _PlatformErrors:
    """The table of a query off Linux: nothing can be told of any file."""

    paths: tuple[bytes, ...]

    def __len__(self) -> int:
        return len(self.paths)

    def __add__(self, other: "_PlatformErrors") -> "_PlatformErrors":
        return _PlatformErrors(self.paths + other.paths)

    def row(self, position: int) -> _Row:
        return self.paths[position], errno.ENOSYS, 0, (0, 0), 0, None, None, None, None

    def totals(self) -> tuple[int, int, int, int, int, int, int, int]:
        return len(self), len(self), 0, 0, 0, 0, 0, 0

    def skipped(self) -> list[tuple[bytes, int]]:
        return []


class CacheReport(Report[CacheRecord]):
    """What a query found, file by file and in sum. Immutable; pickles; adds up with `+`.

    Sums are over the files that could be opened. Those named `known_…` leave out the files that
    the kernel does not tell of; the others are None if there is any such file.

    Examples:
        >>> report = query("no such file")
        >>> str(report)
        '0 B of 0 B resident in 1 file; 1 file could not be opened'
        >>> report.failed[0].error
        FileNotFoundError(2, 'cannot open: No such file or directory')
    """

    __slots__ = ("_totals",)

    _table: _CacheTable

    def __init__(self, table: _CacheTable) -> None:
        """Show the figures of a table; `query` makes reports."""
        super().__init__(table)
        self._totals = table.totals()

    @property
    def size_bytes(self) -> int:
        """The sizes of the files."""
        return self._totals[4]

    @property
    def unknown(self) -> int:
        """The number of files that were opened, but whose residency the kernel does not tell."""
        return self._totals[2]

    @property
    def failed(self) -> Sequence[CacheRecord]:
        """The records of the files that could not be opened."""
        return [record for record in self.files if record.error] if self._totals[1] else []

    @property
    def known_resident_bytes(self) -> int:
        """What is in memory, over the files of which the kernel tells."""
        return self._totals[5]

    @property
    def resident_bytes(self) -> int | None:
        """What is in memory; None if that of any file is unknown."""
        return None if self.unknown else self._totals[5]

    @property
    def dirty_bytes(self) -> int | None:
        """What is not written back yet; None if that of any file is unknown."""
        return None if self._totals[3] else self._totals[6]

    @property
    def writeback_bytes(self) -> int | None:
        """What is being written back; None if that of any file is unknown."""
        return None if self._totals[3] else self._totals[7]

    def holders(self) -> Holders:
        """Find the processes that have any of the files mapped or open."""
        return holders([record.path for record in self.files])

    def to_dict(self) -> dict[str, Any]:
        """Give sums and records as JSON takes them."""
        return {
            "size_bytes": self.size_bytes,
            "resident_bytes": self.resident_bytes,
            "known_resident_bytes": self.known_resident_bytes,
            "dirty_bytes": self.dirty_bytes,
            "writeback_bytes": self.writeback_bytes,
            "unknown": self.unknown,
            "files": [record.to_dict() for record in self.files],
            "skipped": [{"path": path, "reason": why.value} for path, why in self.skipped],
        }

    def __str__(self) -> str:
        """One line for a log."""
        files = as_count(len(self._table), "file")
        resident, size = as_size(self.known_resident_bytes), as_size(self.size_bytes)
        parts = [f"{resident} of {size} resident in {files}"]
        parts += [f"{as_size(count)} dirty" for count in [self._totals[6]] if count]
        parts += [f"{as_size(count)} in writeback" for count in [self._totals[7]] if count]
        if self.unknown:
            parts.append(f"{as_count(self.unknown, 'file')} only their owner may measure")
        if self._totals[1]:
            parts.append(f"{as_count(self._totals[1], 'file')} could not be opened")
        return "; ".join(parts)

    def _repr_html_(self) -> str:
        """Show a table in a notebook: the files that hold most, a bar each."""
        shown = heapq.nlargest(20, self.files, key=lambda record: record.resident_bytes or 0)
        rows = [(record.path, _share(record), _bar(record)) for record in shown]
        return html_table(str(self), ("file", "resident", ""), rows)

    def _record(self, position: int) -> CacheRecord:
        name, error, size, measured, source, resident, dirty, writeback, spans = self._table.row(
            position
        )
        path = os.fsdecode(name)
        # Nobody opens a descriptor.
        step = "cannot measure" if error == errno.EBADF else "cannot open"
        return CacheRecord(
            path=path,
            error=os_error(step, error, path) if error else None,
            size_bytes=size,
            measured=measured,
            resident_bytes=resident,
            dirty_bytes=dirty,
            writeback_bytes=writeback,
            source=_SOURCES[source],
            spans=None if spans is None else tuple(spans),
        )


def query(  # noqa: PLR0913 - one keyword a choice
    paths: Targets,
    *,
    offset: int = 0,
    length: int | None = None,
    spans: bool = False,
    recursive: bool = True,
    include: str | Iterable[str] | None = None,
    follow_symlinks: bool = False,
    workers: int | None = None,
    progress: Progress | None = None,
) -> CacheReport:
    """Measure how much of files is resident, dirty and in writeback.

    It never lies: what the kernel does not tell is None. Only a file's owner or a writer may
    measure it. Which system call told is the record's `source`: cachestat where it is right, and
    mincore on overlayfs, where cachestat says 0 for every file, and on kernels before 6.5. On a
    FUSE file system that does not keep its cache over an open (keep_cache), opening a file to
    measure it empties it.

    Args:
        paths: One path, descriptor or file object, or an iterable of those. A directory means the
            regular files below it, as for `drop`.
        offset: Where the range of each file starts, in bytes.
        length: How many bytes it has, at least 1; None: to the end. A page partly inside counts.
        spans: Also give the resident ranges, exact to the page. This costs a walk over the pages.
        recursive: Whether a directory also means the directories below it.
        include: A glob or globs that a file met in a directory must match, as for `drop`.
        follow_symlinks: Whether to follow links met in a directory. A path given is followed.
        workers: Threads at the most, at least 1; None: as many as pay.
        progress: Called as `progress(done_files, total_files, resident_bytes)` on the calling
            thread, about ten times a second and at the end. What it raises ends the query.

    Returns:
        The report: a record a file, in the order of the list. A file that cannot be opened, a
        closed descriptor, or one opened by O_PATH is a record with its error. Off Linux every
        record has one.

    Raises:
        TypeError: An item is no path, descriptor or open file, or a number is no integer. A bool
            is no descriptor.
        ValueError: A path has a NUL byte, a file object is closed, or a number is out of range,
            such as a descriptor that is negative or above 2**31 - 1.

    Examples:
        >>> import tempfile
        >>> with tempfile.NamedTemporaryFile(dir=".") as clip:
        ...     clip.write(bytes(1 << 20))
        ...     clip.flush()
        ...     query(clip.name, spans=True).files[0].spans
        1048576
        ((0, 1048576),)

    See cachestat(2), mincore(2), and mm/filemap.c in the kernel.
    """
    items = as_target_list(paths)
    start = check_number("offset", offset, least=0)
    count = check_number("length", length, least=1)
    threads = check_number("workers", workers, least=1)
    check_progress(progress)
    if sys.platform != "linux":
        return CacheReport(_PlatformErrors(as_names(items)))
    table = _core.query(
        items,
        offset=start,
        length=count,
        spans=spans,
        recursive=recursive,
        include=as_patterns(include),
        follow_symlinks=follow_symlinks,
        workers=threads,
        progress=progress,
    )
    return CacheReport(table)


def _draw(asked: int, resident: int) -> str:
    """Draw a part of a file, of which so much was asked for, and that is resident."""
    if asked == 0:
        return " "
    return "·" if resident == 0 else "█" if resident == asked else "░"


def _share(record: CacheRecord) -> str:
    if record.error is not None:
        return str(record.error.strerror)
    if record.resident_bytes is None:
        return f"unknown of {as_size(record.size_bytes)}"
    return f"{as_size(record.resident_bytes)} of {as_size(record.size_bytes)}"


def _bar(record: CacheRecord) -> str:
    if record.spans is not None:
        return record.map()
    if record.resident_bytes is None:
        return ""
    start, stop = record.measured
    size = max(record.size_bytes, 1)
    asked = MAP_WIDTH if record.size_bytes == 0 else round((stop - start) / size * MAP_WIDTH)
    full = min(asked, round(record.resident_bytes / size * MAP_WIDTH))
    return "█" * full + "·" * (asked - full)

"""What a query found: file by file, and in sum."""

import dataclasses
import errno
import heapq
import os
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from accv_cache._arguments import Target, as_names
from accv_cache._holders import Holders, holders
from accv_cache._report import RefusedTable, Report, Table, html_table, os_error
from accv_cache._residency import ResidencySource
from accv_cache._text import as_count, as_size

MAP_WIDTH = 40
"""The width of a drawn residency map, in characters."""

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


class _Sums(NamedTuple):
    """The totals of the table; where nothing was measured, it ends early."""

    files: int
    failed_files: int
    unknown_files: int = 0
    unknown_dirty_files: int = 0
    size_bytes: int = 0
    known_resident_bytes: int = 0
    known_dirty_bytes: int = 0
    known_writeback_bytes: int = 0


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

    __slots__ = ("_sums",)

    _sums: _Sums

    def __init__(self, table: Table) -> None:
        """Show the figures of a table; `query` makes reports."""
        super().__init__(table)
        self._sums = _Sums(*table.totals())

    @property
    def size_bytes(self) -> int:
        """The sizes of the files."""
        return self._sums.size_bytes

    @property
    def known_resident_bytes(self) -> int:
        """What is in memory, over the files of which the kernel tells."""
        return self._sums.known_resident_bytes

    @property
    def resident_bytes(self) -> int | None:
        """What is in memory; None if that of any file is unknown."""
        return None if self.unknown_files else self._sums.known_resident_bytes

    @property
    def dirty_bytes(self) -> int | None:
        """What is not written back yet; None if that of any file is unknown."""
        return None if self._sums.unknown_dirty_files else self._sums.known_dirty_bytes

    @property
    def writeback_bytes(self) -> int | None:
        """What is being written back; None if that of any file is unknown."""
        return None if self._sums.unknown_dirty_files else self._sums.known_writeback_bytes

    def holders(self) -> Holders:
        """Find the processes that have any of the files mapped or open."""
        return holders([record.path for record in self.files])

    def _sums_as_dict(self) -> dict[str, Any]:
        return {
            "size_bytes": self.size_bytes,
            "resident_bytes": self.resident_bytes,
            "known_resident_bytes": self.known_resident_bytes,
            "dirty_bytes": self.dirty_bytes,
            "writeback_bytes": self.writeback_bytes,
        }

    def __str__(self) -> str:
        """One line for a log."""
        files = as_count(len(self._table), "file")
        resident, size = as_size(self.known_resident_bytes), as_size(self.size_bytes)
        parts = [f"{resident} of {size} resident in {files}"]
        parts += [f"{as_size(count)} dirty" for count in [self._sums.known_dirty_bytes] if count]
        parts += [
            f"{as_size(count)} in writeback"
            for count in [self._sums.known_writeback_bytes]
            if count
        ]
        if self.unknown_files:
            parts.append(f"{as_count(self.unknown_files, 'file')} only their owner may measure")
        if self._sums.failed_files:
            parts.append(f"{as_count(self._sums.failed_files, 'file')} could not be opened")
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


def refused_query(targets: Iterable[Target]) -> CacheReport:
    """The report off Linux."""
    figures = errno.ENOSYS, 0, (0, 0), 0, None, None, None, None
    return CacheReport(RefusedTable(as_names(targets), figures))


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

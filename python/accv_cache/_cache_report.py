"""The report of `query`."""

import dataclasses
import errno
import os
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from mmap import PAGESIZE
from typing import Any, NamedTuple

from accv_cache._arguments import Target
from accv_cache._report import (
    FAILED_STEPS,
    FORM_VERSION,
    SKIP_REASONS,
    FailedStep,
    Outcome,
    Record,
    Report,
    SkipReason,
    refused,
)
from accv_cache._residency import SOURCES, UNKNOWN_REASONS, ResidencySource, UnknownReason
from accv_cache._text import as_count, as_percent, as_size, as_size_or_unknown

TYPE_CHECKING = False  # for a faster start
if TYPE_CHECKING:
    from accv_cache._holders import Holders

if sys.platform == "linux":
    from accv_cache import _core

MAP_WIDTH = 40
"""The width of a drawn residency map, in characters."""

_Spans = Sequence[tuple[int, int]]
_ERRNO = re.compile(r"\[Errno (\d+)\]")
_FIGURES = (
    "resident_bytes",
    "dirty_bytes",
    "writeback_bytes",
    "evicted_bytes",
    "recently_evicted_bytes",
)


@dataclasses.dataclass(frozen=True, slots=True, eq=False, repr=False)
class CacheRecord(Record):
    """The result for one file. Memory is counted in whole pages of the requested range.

    Attributes:
        path: The file. For a descriptor, the path that /proc shows.
        error: Why it could not be opened or measured; None otherwise.
        size_bytes: The file's size.
        measured: The requested range `(start, stop)` in bytes, limited to the file.
        resident_bytes: What is in memory; None if unknown.
        dirty_bytes: The part not written back yet; also None where mincore was used.
        writeback_bytes: The part being written back; also None where mincore was used.
        source: The system call that gave the figures; None if no call gives true ones.
        spans: The resident ranges `(start, stop)` in bytes, exact to the page; None if unknown or
            not requested.
        evicted_bytes: What the kernel reclaimed under memory pressure and nobody read again. What
            `drop` evicts does not count. Also None where mincore was used.
        recently_evicted_bytes: The part of it that belongs to the working set. It grows when a job
            does not fit into its memory. Also None where mincore was used.
        failed_step: The step that failed; None if none did, and on other systems.
        unknown: Why the figures are unknown; None if they are known, or the file failed.
        is_untouched: Whether the call stopped before this file.
        node: The node whose file it is, in a report of `accv_cache.distributed`; else None.
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
    evicted_bytes: int | None = None
    recently_evicted_bytes: int | None = None
    failed_step: FailedStep | None = None
    unknown: UnknownReason | None = None
    is_untouched: bool = False
    node: str | None = None

    @property
    def range_bytes(self) -> int:
        """The memory of the range if all of it is resident, in whole pages.

        Examples:
            >>> CacheRecord("clip", None, 41060, (0, 41060), 40960, 0, 0, None, None).range_bytes
            45056
        """
        start, stop = self.measured
        return -(-stop // PAGESIZE) * PAGESIZE - start // PAGESIZE * PAGESIZE if stop > start else 0

    def map(self, width: int = MAP_WIDTH) -> str:
        """Draw a map of the resident parts of the file; each character is an equal part.

        A full block is wholly resident, a light one partly, a dot not at all. What is outside of
        the requested range is blank. A part that the range cuts shows only what is inside the
        range. Without `spans` the map is empty.

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
        """Count how much of each part of the file the spans cover, inside the measured range.

        The unit is 1 / width byte, so that the bounds of all parts are whole numbers.
        """
        part = self.size_bytes
        first, last = (edge * width for edge in self.measured)
        covered = [0] * width
        for start, stop in spans:
            # Spans are whole pages, even where the range cuts one.
            left, right = max(start * width, first), min(stop * width, last)
            for cell in range(left // part, min(width, -(-right // part))):
                covered[cell] += min(right, (cell + 1) * part) - max(left, cell * part)
        return covered

    def holders(self) -> "Holders":
        """Find the processes that have the file mapped or open; see `accv_cache.holders`."""
        from accv_cache._holders import holders  # noqa: PLC0415 - for a faster start

        return holders([self.path])

    def to_dict(self) -> dict[str, Any]:
        """Return the fields for JSON: an error as its text, a reason by name."""
        fields = Record.to_dict(self)
        fields["source"] = None if self.source is None else self.source.value
        fields["untouched"] = fields.pop("is_untouched")
        return fields

    def to_row(self) -> dict[str, Any]:
        """Return the fields without nesting, for a table; `spans` is not included.

        Examples:
            `pandas.DataFrame(record.to_row() for record in report)`

            >>> from accv_cache import query
            >>> query("no such file")[0].to_row()["measured_start"]
            0
        """
        row = self.to_dict()
        del row["spans"]
        row["measured_start"], row["measured_stop"] = row.pop("measured")
        return row

    def __repr__(self) -> str:
        if self.message:
            return f"<CacheRecord {self.path!r}: {self.message}>"
        drawn = f" |{self.map()}|" if self.spans is not None else ""
        return f"<CacheRecord {self.path!r}: {_share(self)} resident{drawn}>"


class _Sums(NamedTuple):
    unknown_dirty_files: int = 0
    size_bytes: int = 0
    known_range_bytes: int = 0
    known_resident_bytes: int = 0
    known_dirty_bytes: int = 0
    known_writeback_bytes: int = 0
    known_evicted_bytes: int = 0
    known_recently_evicted_bytes: int = 0


class CacheReport(Report[CacheRecord]):
    """The report of `query`. It is immutable and picklable; `+` and `sum` join reports.

    A sum is None unless every file of the report was measured, because a file that failed or has
    unknown residency may hold any number of pages. The sums named `known_…` are over the measured
    files.

    Its `len`, iteration and indexing are those of `files`.

    Examples:
        >>> from accv_cache import query
        >>> report = query("no such file")
        >>> report.resident_bytes, report.known_resident_bytes
        (None, 0)
    """

    __slots__ = ()

    _sums_type = _Sums
    _figures = (
        "size_bytes",
        *_FIGURES,
        *_Sums._fields[2:],
    )

    _sums: _Sums

    @property
    def size_bytes(self) -> int:
        """The sizes of the files that could be opened."""
        return self._sums.size_bytes

    @property
    def known_resident_bytes(self) -> int:
        """What is in memory, over the files that were measured."""
        return self._sums.known_resident_bytes

    @property
    def known_range_bytes(self) -> int:
        """All pages of the range, over the files that were measured."""
        return self._sums.known_range_bytes

    @property
    def known_dirty_bytes(self) -> int:
        """What is not written back yet, over the files where it is known."""
        return self._sums.known_dirty_bytes

    @property
    def known_writeback_bytes(self) -> int:
        """What is being written back, over the files where it is known."""
        return self._sums.known_writeback_bytes

    @property
    def known_evicted_bytes(self) -> int:
        """What the kernel reclaimed, over the files where it is known."""
        return self._sums.known_evicted_bytes

    @property
    def known_recently_evicted_bytes(self) -> int:
        """The part of it in the working set, over the files where it is known."""
        return self._sums.known_recently_evicted_bytes

    @property
    def resident_bytes(self) -> int | None:
        """What is in memory; None unless every file was measured. 0: all are cold."""
        return self.known_resident_bytes if self._is_measured() else None

    @property
    def dirty_bytes(self) -> int | None:
        """What is not written back yet; None unless known for every file."""
        return self.known_dirty_bytes if self._is_dirty_known() else None

    @property
    def writeback_bytes(self) -> int | None:
        """What is being written back; None unless known for every file."""
        return self.known_writeback_bytes if self._is_dirty_known() else None

    @property
    def evicted_bytes(self) -> int | None:
        """What the kernel reclaimed; None unless known for every file."""
        return self.known_evicted_bytes if self._is_dirty_known() else None

    @property
    def recently_evicted_bytes(self) -> int | None:
        """The part of it in the working set; None unless known for every file."""
        return self.known_recently_evicted_bytes if self._is_dirty_known() else None

    def _is_dirty_known(self) -> bool:
        return self._is_measured() and not self._sums.unknown_dirty_files

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> "CacheReport":
        """Make the report that `to_dict` gave, for example of a file that `json` loaded.

        A file that `accv-cache query --json` wrote also has the folder in which it ran, from which
        relative paths are meant.

        Raises:
            ValueError: It is no such document, or one of another version.

        Examples:
            >>> from accv_cache import query
            >>> report = query("no such file")
            >>> CacheReport.from_dict(report.to_dict())[0] == report[0]
            True
        """
        if not isinstance(document, Mapping) or "version" not in document:
            msg = "no document of a query"
            raise ValueError(msg)
        if document["version"] != FORM_VERSION:
            msg = f"no document of a query of version {FORM_VERSION}, but {document['version']!r}"
            raise ValueError(msg)
        try:
            above = _folder_of(document)
            rows = [_row_of(record, above) for record in document["files"]]
            skipped = [_skipped_of(each) for each in document["skipped"]]
            if sys.platform != "linux":
                return refused_query(os.fsdecode(row[0]) for row in rows)
            return cls(_table_of(rows, skipped))
        except (KeyError, TypeError, ValueError) as error:
            msg = f"no document of a query: {error}"
            raise ValueError(msg) from error
        except (OverflowError, RuntimeError) as error:  # pybind11's; its text is of C++
            msg = "no document of a query: a figure is no whole number, or too large"
            raise ValueError(msg) from error

    def holders(self) -> "Holders":
        """Find the processes that have any of the files mapped or open."""
        from accv_cache._holders import holders  # noqa: PLC0415 - for a faster start

        return holders(self._table.paths())

    def __str__(self) -> str:
        """One line for a log."""
        resident, asked = self.known_resident_bytes, self.known_range_bytes
        whole = f" of {as_size(asked)}" if self._is_measured() else ""
        share = f" ({as_percent(resident, asked)})" if whole and asked else ""
        files = as_count(self.file_count, "file")
        parts = [f"{self._amount(resident)}{whole} resident{share} in {files}"]
        at_least = "" if self._is_dirty_known() else "at least "
        for count, state in (
            (self.known_dirty_bytes, "dirty"),
            (self.known_writeback_bytes, "in writeback"),
        ):
            if count:
                parts.append(f"{at_least}{as_size(count)} {state}")
        return "; ".join(parts + self._troubles())

    def _repr_html_(self) -> str:
        """Make a table for a notebook: failed files first, then the largest residency."""
        columns = ("file", "text"), ("resident", "size"), ("", "map")
        return self._as_html(columns, _as_cells)

    def _record(self, position: int) -> CacheRecord:
        (
            name, untouched, failed, error, size, measured, source, unknown,
            resident, dirty, writeback, evicted, recently_evicted, spans,
        ) = self._table.row(position)  # fmt: skip
        outcome = Outcome.of(name, failed, error)
        return CacheRecord(
            path=outcome.path,
            error=outcome.error,
            size_bytes=size,
            measured=measured,
            resident_bytes=resident,
            dirty_bytes=dirty,
            writeback_bytes=writeback,
            source=SOURCES[source],
            spans=None if spans is None else tuple(spans),
            evicted_bytes=evicted,
            recently_evicted_bytes=recently_evicted,
            failed_step=outcome.failed_step,
            unknown=UNKNOWN_REASONS[unknown],
            is_untouched=untouched,
        )


def working_directory() -> str | None:
    """Return the current folder; None if it was deleted."""
    try:
        return os.getcwd()  # noqa: PTH109 - pathlib starts slowly
    except FileNotFoundError:
        return None


def refused_query(targets: Iterable[Target]) -> CacheReport:
    """Make the report on other systems."""
    figures = False, 0, errno.ENOSYS, 0, (0, 0), 0, 0, *[None] * 6
    return CacheReport(refused(targets, *figures))


def table_with_spans(report: CacheReport) -> Any:  # noqa: ANN401 - a table of the core
    """Return the table of a report as the core takes it.

    Raises:
        TypeError: It is no report of `query`.
        ValueError: The report was made without spans.
    """
    if not isinstance(report, CacheReport):
        msg = f"pass the report of query(…, spans=True), not {report!r}"
        raise TypeError(msg)
    measured = next((each for each in report if each.resident_bytes is not None), None)
    if measured is not None and measured.spans is None:
        msg = "the report has no spans: make it with query(…, spans=True)"
        raise ValueError(msg)
    table = report._table  # noqa: SLF001 - of this module
    if sys.platform != "linux" or isinstance(table, _core.CacheTable):
        return table
    return _table_of([*map(table.row, range(len(table)))], table.skipped())


def _table_of(rows: list[tuple[Any, ...]], skipped: Sequence[tuple[bytes, int]]) -> Any:  # noqa: ANN401
    return _core.CacheTable.from_state((1, rows, skipped))


def _folder_of(document: Mapping[str, Any]) -> str:
    """Return what completes a relative path; nothing in the folder that it is meant from."""
    folder = document.get("directory") or ""
    return "" if folder and folder == working_directory() else folder


def _row_of(record: Mapping[str, Any], above: str) -> tuple[Any, ...]:
    """Return the row of a record that `to_dict` gave."""
    step, unknown, error = record["failed_step"], record["unknown"], record["error"]
    spans = record["spans"]
    number = 0 if error is None else int(_ERRNO.match(error)[1])  # type: ignore[index]
    if spans is not None and not all(0 <= start < stop for start, stop in spans):
        msg = f"{record['path']!r} has spans that are none"
        raise ValueError(msg)
    figures = [record[name] for name in _FIGURES]
    if min(record["size_bytes"], *record["measured"], *filter(None, figures)) < 0:
        msg = f"{record['path']!r} has a negative figure"
        raise ValueError(msg)
    return (
        os.fsencode(os.path.join(above, record["path"])),  # noqa: PTH118 - as it is spelled
        record["untouched"],
        FAILED_STEPS.index(None if step is None else FailedStep[step]),
        number,
        record["size_bytes"],
        tuple(record["measured"]),
        SOURCES.index(None if record["source"] is None else ResidencySource(record["source"])),
        UNKNOWN_REASONS.index(None if unknown is None else UnknownReason[unknown]),
        *figures,
        spans,
    )


def _skipped_of(found: Mapping[str, str]) -> tuple[bytes, int]:
    return os.fsencode(found["path"]), SKIP_REASONS.index(SkipReason(found["reason"]))


def _draw(asked: int, resident: int) -> str:
    """Draw a part of a file by its requested and its resident size."""
    if asked == 0:
        return " "
    return "·" if resident == 0 else "█" if resident == asked else "░"


def _share(record: CacheRecord) -> str:
    if record.message:
        return record.message
    return f"{as_size_or_unknown(record.resident_bytes)} of {as_size(record.range_bytes)}"


def _as_cells(record: CacheRecord) -> tuple[str, ...]:
    if record.message:
        return record.path, "unknown", record.message
    return record.path, _share(record), _bar(record)


def _bar(record: CacheRecord) -> str:
    """Draw the map, or without spans a bar as long as what is resident."""
    if record.spans is not None:
        return record.map()
    start, stop = record.measured
    asked = round((stop - start) / max(record.size_bytes, 1) * MAP_WIDTH)
    share = (record.resident_bytes or 0) / max(record.range_bytes, 1)
    full = min(asked, round(share * asked))
    return "█" * full + "·" * (asked - full)

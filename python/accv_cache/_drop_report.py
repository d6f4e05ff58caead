"""The report of `drop`."""

import dataclasses
import enum
import errno
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from accv_cache._arguments import Target
from accv_cache._holders import Holders, Sought, holders_of
from accv_cache._report import FailedStep, refused
from accv_cache._residency import UnknownReason
from accv_cache._status import DropCacheStatus
from accv_cache._status_report import StatusRecord, StatusReport, by_reason, record_fields
from accv_cache._text import as_count, as_size, as_size_or_unknown


class KeptReason(enum.Enum):
    """Why memory stayed after a drop. Reasons are measured, not guessed.

    Examples:
        >>> KeptReason.EDGE.value
        'at an edge of the range'
    """

    DIRTY = "dirty"
    """Not written back yet; `sync=True` waits for it."""
    WRITEBACK = "in writeback"
    """Being written back."""
    MEMORY_FILESYSTEM = "in a memory file system"
    """tmpfs, ramfs: the page cache is the only copy."""
    EDGE = "at an edge of the range"
    """In a page or large folio that lies partly outside the range."""
    MAPPED = "mapped"
    """In a file that a process was seen to have mapped."""
    BUSY = "busy"
    """None of these: in use by the kernel or an unseen process, or dirty where the kernel does not
    report it (overlayfs, with `sync=False`)."""


_MOST_EXPLAINED = 1000


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class DropRecord(StatusRecord):
    """The result for one file. Memory is counted in whole pages of the requested range.

    Attributes:
        path: The file. For a descriptor, the path that /proc shows.
        status: SUCCESS if the kernel accepted the advice. None: the call stopped before this file.
        error: What went wrong; None with SUCCESS.
        size_bytes: The file's size.
        before_bytes: Resident before; None if unknown.
        after_bytes: Resident after; None if unknown.
        kept: The bytes that stayed, by reason; they add up to `after_bytes`. None if unknown.
        failed_step: The step that failed; None if none did, and on other systems.
        unknown: Why the bytes are unknown; None if they are known, or the file failed.
        identity: Device and inode, as `os.stat` gives them: which file it was, whatever has its
            name now. None if it could not be opened, or may have no pages.
        node: The node whose file it is, in a report of `accv_cache.distributed`; else None.

    Examples:
        >>> from accv_cache import drop
        >>> [record] = drop("no such file")
        >>> record.status, record.error.errno, record.evicted_bytes
        (<DropCacheStatus.FILE_OPEN_FAILED: 2>, 2, None)
    """

    _reasons = "kept", KeptReason

    kept: dict[KeptReason, int] | None
    failed_step: FailedStep | None = None
    unknown: UnknownReason | None = None
    identity: tuple[int, int] | None = None
    node: str | None = None

    @property
    def evicted_bytes(self) -> int | None:
        """What was evicted; None if unknown. Pages read in meanwhile reduce it."""
        if self.before_bytes is None or self.after_bytes is None:
            return None
        return max(0, self.before_bytes - self.after_bytes)

    def explain(self) -> str:
        """Say what stayed, why, and who holds it; `DropReport.explain` for one file."""
        return _explanation([self])

    def to_dict(self) -> dict[str, Any]:
        """Return the fields for JSON: an error as its text, status and reasons by name."""
        return {**StatusRecord.to_dict(self), "evicted_bytes": self.evicted_bytes}


class _Sums(NamedTuple):
    known_before_bytes: int = 0
    known_resident_bytes: int = 0
    dirty: int = 0
    writeback: int = 0
    memory_filesystem: int = 0
    edge: int = 0
    mapped: int = 0
    busy: int = 0


class DropReport(StatusReport[DropRecord]):
    """The report of `drop`. It is immutable and picklable; `+` and `sum` join reports.

    A sum is None unless every file of the report was measured, because a file that failed or has
    unknown residency may hold any number of pages. The sums named `known_…` are over the measured
    files.

    Its `len`, iteration and indexing are those of `files`.

    Examples:
        >>> from accv_cache import drop
        >>> report = drop("no such file") + drop([])
        >>> len(report), report.status, report.resident_bytes, report.known_resident_bytes
        (1, <DropCacheStatus.FILE_OPEN_FAILED: 2>, None, 0)
        >>> report.raise_for_status()
        Traceback (most recent call last):
        FileNotFoundError: [Errno 2] cannot open: No such file or directory: 'no such file'
    """

    __slots__ = ()

    _sums_type = _Sums
    _figures = (
        "status",
        "before_bytes",
        "evicted_bytes",
        "resident_bytes",
        "known_before_bytes",
        "known_evicted_bytes",
        "known_resident_bytes",
        "kept",
    )

    _sums: _Sums

    @property
    def known_evicted_bytes(self) -> int:
        """What was evicted, over the files that were measured."""
        return max(0, self.known_before_bytes - self.known_resident_bytes)

    @property
    def evicted_bytes(self) -> int | None:
        """What was evicted; None unless every file was measured."""
        return self.known_evicted_bytes if self._is_measured() else None

    @property
    def kept(self) -> dict[KeptReason, int]:
        """The bytes that stayed, by reason, over the files that were measured."""
        return self._by_reason(KeptReason)

    def explain(self) -> str:
        """Say what stayed, why, and who holds it: process id, command and mapped bytes.

        It looks for holders now, not at the time of the drop. It finds the files by device and
        inode, so they may be deleted or replaced. It also reports the processes that it may not
        inspect. It names at most 1000 files, and no holders for those of other nodes.
        """
        positions = self._table.remarkable(_MOST_EXPLAINED + 1)
        said = _explanation([*self._records(positions[:_MOST_EXPLAINED])])
        return f"{said}\n… and more" if len(positions) > _MOST_EXPLAINED else said

    def holders(self) -> Holders:
        """Find the processes that have any file mapped or open of which pages stayed for that.

        It looks now, not when the drop ran; see `accv_cache.holders`.
        """
        return holders_of(_held(self._records(self._table.remarkable())))

    def __str__(self) -> str:
        """One line for a log."""
        evicted = self._amount(self.known_evicted_bytes)
        whole = f" of {as_size(self.known_before_bytes)}" if self._is_measured() else ""
        parts = [f"evicted {evicted}{whole} in {as_count(self.file_count, 'file')}"]
        if self.kept:
            reasons = ", ".join(reason.value for reason in self.kept)
            parts.append(f"{as_size(self.known_resident_bytes)} stayed: {reasons}")
        return "; ".join(parts + self._troubles())

    def _repr_html_(self) -> str:
        """Make a table for a notebook: failed files first, then those that kept most."""
        columns = ("file", "text"), ("status", "text"), ("before", "size"), ("after", "size")
        return self._as_html((*columns, ("why", "text")), _as_cells)

    def _record(self, position: int) -> DropRecord:
        row = self._table.row(position)
        *_, kept, _ = row
        fields = record_fields(row)
        known = fields["after_bytes"] is not None
        return DropRecord(**fields, kept=by_reason(KeptReason, kept) if known else None)


def refused_drop(targets: Iterable[Target]) -> DropReport:
    """Make the report on other systems."""
    status = DropCacheStatus.PLATFORM_ERROR.value
    kept = (0,) * len(KeptReason)
    return DropReport(refused(targets, status, 0, errno.ENOSYS, 0, None, None, 0, kept, None))


def _as_cells(record: DropRecord) -> tuple[str, ...]:
    return (
        record.path,
        "" if record.status is None else record.status.name,
        as_size_or_unknown(record.before_bytes),
        as_size_or_unknown(record.after_bytes),
        record.message or ", ".join(reason.value for reason in record.kept or ()),
    )


def _explanation(records: Sequence[DropRecord]) -> str:
    lines = []
    for record in records:
        if record.message:
            lines.append(f"{record.path}: {record.message}")
        for reason, count in (record.kept or {}).items():
            lines.append(f"{record.path}: {as_size(count)} stayed: {reason.value}")
    if held := _held(records):
        lines.append(str(holders_of(held)))
    return "\n".join(lines) or "nothing stayed"


def _held(records: Iterable[DropRecord]) -> list[Sought]:
    return [
        (record.path, os.fsencode(record.path), record.identity)
        for record in records
        if record.node is None and is_held(record.kept or {})
    ]


def is_held(kept: Mapping[KeptReason, int]) -> bool:
    """Whether a process may hold what stayed, so that it pays to ask who does."""
    return KeptReason.MAPPED in kept or KeptReason.BUSY in kept

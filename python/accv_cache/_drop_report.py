"""What a drop did: file by file, and in sum."""

import dataclasses
import enum
import errno
import heapq
import os
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from accv_cache._arguments import Target, as_names
from accv_cache._holders import holders
from accv_cache._report import RefusedTable, Report, Table, html_table, os_error
from accv_cache._status import DropCacheStatus
from accv_cache._text import as_count, as_size


class KeptReason(enum.Enum):
    """Why memory stayed after a drop. Reasons are measured, not guessed.

    Examples:
        >>> KeptReason.EDGE.value
        'at an edge of the range'
    """

    DIRTY = "dirty"
    """Not written back yet: `sync=True` waits for that."""
    WRITEBACK = "in writeback"
    """Being written back."""
    MEMORY_FILESYSTEM = "in a memory file system"
    """tmpfs, ramfs: the page cache is the only copy."""
    EDGE = "at an edge of the range"
    """In a page or large folio that lies partly outside the range."""
    MAPPED = "mapped"
    """In a file that a process was seen to have mapped."""
    BUSY = "busy"
    """None of these: in use by the kernel, or by a process that was not seen; or dirty, where the
    kernel does not tell (overlayfs, with `sync=False`)."""


_REASONS = tuple(KeptReason)

_FAILED_STEPS = {
    DropCacheStatus.PLATFORM_ERROR: "only Linux can evict",
    DropCacheStatus.FILE_OPEN_FAILED: "cannot open",
    DropCacheStatus.FADVISE_FAILED: "cannot evict",
    DropCacheStatus.UNKNOWN_ERROR: "cannot write back",
}


@dataclasses.dataclass(frozen=True, slots=True)
class DropRecord:
    """What a drop did to one file. Memory is counted in whole pages, of the range asked for.

    Attributes:
        path: The file. For a descriptor, the path that /proc says it leads to.
        status: SUCCESS if the kernel took the advice.
        error: What went wrong; None with SUCCESS.
        size_bytes: The file's size.
        before_bytes: Resident before; None if the kernel does not tell the caller.
        after_bytes: Resident after; None if the kernel does not tell the caller.
        kept: The bytes that stayed, by reason; they add up to `after_bytes`. None if unknown.

    Examples:
        >>> [record] = drop("no such file").files
        >>> record.status, record.error.errno, record.evicted_bytes
        (<DropCacheStatus.FILE_OPEN_FAILED: 2>, 2, None)
    """

    path: str
    status: DropCacheStatus
    error: OSError | None
    size_bytes: int
    before_bytes: int | None
    after_bytes: int | None
    kept: dict[KeptReason, int] | None

    @property
    def evicted_bytes(self) -> int | None:
        """What left; None if the kernel does not tell. Pages read in meanwhile do not count."""
        if self.before_bytes is None or self.after_bytes is None:
            return None
        return max(0, self.before_bytes - self.after_bytes)

    def explain(self) -> str:
        """Say what stayed, why, and who holds it; `DropReport.explain` for one file."""
        return _explanation([self])

    def to_dict(self) -> dict[str, Any]:
        """Give the fields as JSON takes them; an error as its text, status and reasons by name."""
        return {
            "path": self.path,
            "status": self.status.name,
            "error": None if self.error is None else str(self.error),
            "size_bytes": self.size_bytes,
            "before_bytes": self.before_bytes,
            "after_bytes": self.after_bytes,
            "kept": None if self.kept is None else _by_name(self.kept),
        }


class _Sums(NamedTuple):
    """The totals of the table; where nothing was measured, it ends early."""

    files: int
    failed_files: int
    unknown_files: int = 0
    known_before_bytes: int = 0
    known_after_bytes: int = 0
    kept: Sequence[int] = (0,) * len(_REASONS)


class DropReport(Report[DropRecord]):
    """What a drop did, file by file and in sum. Immutable; pickles; adds up with `+`.

    Sums are over the files that were advised. Those named `known_…` leave out the files whose
    residency the kernel does not tell the caller; the others are None if there is any such file.

    Examples:
        >>> report = drop("no such file") + drop([])
        >>> len(report.files), report.status
        (1, <DropCacheStatus.FILE_OPEN_FAILED: 2>)
        >>> report.raise_for_status()
        Traceback (most recent call last):
        FileNotFoundError: [Errno 2] cannot open: No such file or directory: 'no such file'
    """

    __slots__ = ("_sums",)

    _sums: _Sums

    def __init__(self, table: Table) -> None:
        """Show the figures of a table; `drop` makes reports."""
        super().__init__(table)
        self._sums = _Sums(*table.totals())

    @property
    def status(self) -> DropCacheStatus:
        """The status of the first file that failed, else SUCCESS."""
        failed = self._table.failed()
        return self._record(failed[0]).status if failed else DropCacheStatus.SUCCESS

    @property
    def ok(self) -> bool:
        """Whether every file was advised."""
        return self._sums.failed_files == 0

    @property
    def known_before_bytes(self) -> int:
        """Resident before, over the files whose residency is known."""
        return self._sums.known_before_bytes

    @property
    def known_resident_bytes(self) -> int:
        """Resident after, over the files whose residency is known."""
        return self._sums.known_after_bytes

    @property
    def known_evicted_bytes(self) -> int:
        """What left, over the files whose residency is known."""
        return max(0, self.known_before_bytes - self.known_resident_bytes)

    @property
    def before_bytes(self) -> int | None:
        """Resident before; None if that of any file is unknown."""
        return None if self.unknown_files else self.known_before_bytes

    @property
    def resident_bytes(self) -> int | None:
        """Resident after; None if that of any file is unknown."""
        return None if self.unknown_files else self.known_resident_bytes

    @property
    def evicted_bytes(self) -> int | None:
        """What left; None if that of any file is unknown."""
        return None if self.unknown_files else self.known_evicted_bytes

    @property
    def kept(self) -> dict[KeptReason, int]:
        """The bytes that stayed, by reason, over the files whose residency is known."""
        return _by_reason(self._sums.kept)

    def raise_for_status(self) -> None:
        """Raise the error of the first file that failed; do nothing if none did.

        Raises:
            OSError: What went wrong, with errno and filename; FileNotFoundError and the like.
        """
        for record in self.failed[:1]:
            raise record.error or OSError(errno.EIO, record.status.name, record.path)

    def explain(self) -> str:
        """Say what stayed, why, and who holds it: process id, command and mapped bytes.

        It looks now, not when the drop ran. What may not be looked into is said too.
        """
        return _explanation([record for record in self.files if record.after_bytes != 0])

    def _sums_as_dict(self) -> dict[str, Any]:
        return {
            "status": self.status.name,
            "before_bytes": self.before_bytes,
            "evicted_bytes": self.evicted_bytes,
            "resident_bytes": self.resident_bytes,
            "known_before_bytes": self.known_before_bytes,
            "known_evicted_bytes": self.known_evicted_bytes,
            "known_resident_bytes": self.known_resident_bytes,
            "kept": _by_name(self.kept),
        }

    def __str__(self) -> str:
        """One line for a log."""
        count = as_count(len(self._table), "file")
        evicted, before = as_size(self.known_evicted_bytes), as_size(self.known_before_bytes)
        parts = [f"evicted {evicted} of {before} in {count}"]
        if self.kept:
            reasons = ", ".join(reason.value for reason in self.kept)
            parts.append(f"{as_size(self.known_resident_bytes)} stayed: {reasons}")
        if self.unknown_files:
            parts.append(f"{as_count(self.unknown_files, 'file')} only their owner may measure")
        statuses = [record.status for record in self.failed]
        for status in dict.fromkeys(statuses):
            failed = as_count(statuses.count(status), "file")
            parts.append(f"{failed}: {status.name}")
        return "; ".join(parts)

    def _repr_html_(self) -> str:
        """Show a table in a notebook: the files that kept most."""
        shown = heapq.nlargest(20, self.files, key=lambda record: record.after_bytes or 0)
        rows = [
            (
                record.path,
                record.status.name,
                _size_or_unknown(record.before_bytes),
                _size_or_unknown(record.after_bytes),
                ", ".join(reason.value for reason in record.kept or ()),
            )
            for record in shown
        ]
        return html_table(str(self), ("file", "status", "resident before", "after", "why"), rows)

    def _record(self, position: int) -> DropRecord:
        name, number, error, size, before, after, kept = self._table.row(position)
        path = os.fsdecode(name)
        known = after is not None
        status = DropCacheStatus(number)
        return DropRecord(
            path=path,
            status=status,
            error=os_error(_FAILED_STEPS[status], error, path) if error else None,
            size_bytes=size,
            before_bytes=before,
            after_bytes=after,
            kept=_by_reason(kept) if known else None,
        )


def refused_drop(targets: Iterable[Target]) -> DropReport:
    """The report off Linux."""
    status = DropCacheStatus.PLATFORM_ERROR.value
    figures = status, errno.ENOSYS, 0, None, None, (0,) * len(_REASONS)
    return DropReport(RefusedTable(as_names(targets), figures))


def _by_reason(kept: Sequence[int]) -> dict[KeptReason, int]:
    return {reason: count for reason, count in zip(_REASONS, kept, strict=True) if count}


def _by_name(kept: dict[KeptReason, int]) -> dict[str, int]:
    return {reason.name: count for reason, count in kept.items()}


def _size_or_unknown(count: int | None) -> str:
    return "unknown" if count is None else as_size(count)


def _explanation(records: Sequence[DropRecord]) -> str:
    lines = []
    for record in records:
        if record.error is not None:
            lines.append(f"{record.path}: {record.error.strerror}")
        elif record.after_bytes is None:
            lines.append(f"{record.path}: dropped, but only its owner or a writer may measure it")
        for reason, count in (record.kept or {}).items():
            lines.append(f"{record.path}: {as_size(count)} stayed: {reason.value}")
    unexplained = [record.path for record in records if _is_held(record)]
    if unexplained:
        lines.append(str(holders(unexplained)))
    return "\n".join(lines) or "nothing stayed"


def _is_held(record: DropRecord) -> bool:
    return not {KeptReason.MAPPED, KeptReason.BUSY}.isdisjoint(record.kept or ())

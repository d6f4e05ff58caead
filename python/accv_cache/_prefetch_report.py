"""The report of `prefetch`."""

import dataclasses
import enum
import errno
from collections.abc import Iterable
from typing import Any, NamedTuple, Protocol

from accv_cache._arguments import Target
from accv_cache._joined import LimitRow, Table
from accv_cache._limit import LimitError
from accv_cache._report import FailedStep, refused
from accv_cache._residency import UnknownReason
from accv_cache._status import DropCacheStatus
from accv_cache._status_report import StatusRecord, StatusReport, by_reason, record_fields
from accv_cache._text import as_count, as_size, as_size_or_unknown


class MissingReason(enum.Enum):
    """Why memory is not resident after a prefetch. The value is a text for users.

    Examples:
        >>> MissingReason.LIMIT.value
        'beyond the limit'
    """

    LIMIT = "beyond the limit"
    """It does not fit into `max_bytes`, the limit of the cgroup, or the memory available."""
    RECLAIMED = "reclaimed meanwhile"
    """The kernel took back what had just been loaded, so the prefetch ended."""
    IN_FLIGHT = "still being read"
    """Its read was started, and with `wait=False` nobody waits for it."""
    UNREADABLE = "unreadable"
    """Reading it failed; the record has the error."""
    NOT_CACHED = "asked for, but not cached"
    """Its file system does not keep it in the page cache, somebody evicted it meanwhile, or, with
    `wait=False`, the kernel did not begin to read it."""


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class PrefetchRecord(StatusRecord):
    """The result for one file. Memory is counted in whole pages of the requested range.

    Attributes:
        path: The file. For a descriptor, the path that /proc shows.
        status: SUCCESS if it was loaded, or as much of it as the limit allows. None: the call
            stopped before this file.
        error: What went wrong; None with SUCCESS.
        size_bytes: The file's size.
        before_bytes: Resident before; None if unknown.
        after_bytes: Resident after; None if unknown.
        loaded_bytes: What the call loaded; None if unknown.
        missing: The bytes that are not resident, by reason. Holes of sparse files need no reading,
            and do not count. None if unknown.
        failed_step: The step that failed; None if none did, and on other systems.
        unknown: Why the bytes are unknown; None if they are known, or the file failed.
        identity: Device and inode, as `os.stat` gives them; None if it could not be opened.
        node: The node whose file it is, in a report of `accv_cache.distributed`; else None.

    Examples:
        >>> from accv_cache import prefetch
        >>> [record] = prefetch("no such file")
        >>> record.status, record.error.errno, record.loaded_bytes
        (<DropCacheStatus.FILE_OPEN_FAILED: 2>, 2, None)
    """

    _reasons = "missing", MissingReason

    loaded_bytes: int | None
    missing: dict[MissingReason, int] | None
    failed_step: FailedStep | None = None
    unknown: UnknownReason | None = None
    identity: tuple[int, int] | None = None
    node: str | None = None


class _Sums(NamedTuple):
    known_before_bytes: int = 0
    known_resident_bytes: int = 0
    known_loaded_bytes: int = 0
    limit: int = 0
    reclaimed: int = 0
    in_flight: int = 0
    unreadable: int = 0
    not_cached: int = 0


class _LimitedTable(Table, Protocol):
    def limit(self) -> LimitRow | None: ...


class PrefetchReport(StatusReport[PrefetchRecord]):
    """The report of `prefetch`. It is immutable and picklable; `+` and `sum` join reports.

    As in `DropReport`, a sum is None unless every file of the report was measured, and those named
    `known_…` are over the measured files. Its `len`, iteration and indexing are those of `files`.

    Examples:
        >>> from accv_cache import prefetch
        >>> report = prefetch("no such file")
        >>> report.ok, report.loaded_bytes, report.known_loaded_bytes
        (False, None, 0)
    """

    __slots__ = ()

    _sums_type = _Sums
    _figures = (
        "status",
        "before_bytes",
        "loaded_bytes",
        "resident_bytes",
        "known_before_bytes",
        "known_loaded_bytes",
        "known_resident_bytes",
        "missing",
    )

    _sums: _Sums
    _table: _LimitedTable

    @property
    def known_loaded_bytes(self) -> int:
        """What was loaded, over the files that were measured."""
        return self._sums.known_loaded_bytes

    @property
    def loaded_bytes(self) -> int | None:
        """What was loaded; None unless every file was measured."""
        return self.known_loaded_bytes if self._is_measured() else None

    @property
    def limit(self) -> LimitError | None:
        """The limit that not everything fitted into; None: everything fitted.

        Examples:
            >>> from accv_cache import prefetch
            >>> prefetch([], max_bytes=4096).limit is None
            True
        """
        row = self._table.limit()
        return None if row is None else LimitError.of_row(row)

    @property
    def missing(self) -> dict[MissingReason, int]:
        """The bytes that are not resident, by reason. Empty: all of the files is."""
        return self._by_reason(MissingReason)

    def to_dict(self) -> dict[str, Any]:
        """Return sums, limit and records for JSON."""
        limit = self.limit
        return {**super().to_dict(), "limit": None if limit is None else limit.to_dict()}

    def __str__(self) -> str:
        """One line for a log."""
        loaded = self._amount(self.known_loaded_bytes)
        before = f", {as_size(self.known_before_bytes)} resident before"
        files = as_count(self.file_count, "file")
        parts = [f"loaded {loaded} in {files}{before * bool(self._sums[0])}"]
        parts += [f"{as_size(count)} {reason.value}" for reason, count in self.missing.items()]
        return "; ".join(parts + self._troubles())

    def _repr_html_(self) -> str:
        """Make a table for a notebook: failed files first, then those that hold most."""
        columns = ("file", "text"), ("status", "text"), ("before", "size"), ("after", "size")
        return self._as_html((*columns, ("missing", "text")), _as_cells)

    def _record(self, position: int) -> PrefetchRecord:
        row = self._table.row(position)
        *_, loaded, missing, _ = row
        fields = record_fields(row)
        known = fields["after_bytes"] is not None
        reasons = by_reason(MissingReason, missing) if known else None
        return PrefetchRecord(**fields, loaded_bytes=loaded, missing=reasons)


def refused_prefetch(targets: Iterable[Target]) -> PrefetchReport:
    """Make the report on other systems."""
    status, missing = DropCacheStatus.PLATFORM_ERROR.value, (0,) * len(MissingReason)
    figures = status, 0, errno.ENOSYS, 0, None, None, 0, None, missing, None
    return PrefetchReport(refused(targets, *figures))


def _as_cells(record: PrefetchRecord) -> tuple[str, ...]:
    return (
        record.path,
        "" if record.status is None else record.status.name,
        as_size_or_unknown(record.before_bytes),
        as_size_or_unknown(record.after_bytes),
        record.message or ", ".join(reason.value for reason in record.missing or ()),
    )

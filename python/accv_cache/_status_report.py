"""What the reports of the verbs that change residency share: a status, and memory then and now."""

import dataclasses
import enum
from collections.abc import Sequence
from typing import Any, ClassVar, TypeVar

from accv_cache._report import Outcome, Record, Report
from accv_cache._residency import UNKNOWN_REASONS
from accv_cache._status import DropCacheStatus


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class StatusRecord(Record):
    """The result for one file of which pages were evicted or loaded."""

    _reasons: ClassVar[tuple[str, type[enum.Enum]]]
    """The field with bytes by reason, and the reasons."""

    path: str
    status: DropCacheStatus | None
    error: OSError | None
    size_bytes: int
    before_bytes: int | None
    after_bytes: int | None

    @property
    def is_untouched(self) -> bool:
        """Whether the call stopped before this file."""
        return self.status is None

    def to_dict(self) -> dict[str, Any]:
        """Return the fields for JSON: an error as its text, status and reasons by name."""
        fields = Record.to_dict(self)
        del fields["identity"]
        return fields

    def to_row(self) -> dict[str, Any]:
        """Return the fields without nesting, for a table: a number for each reason.

        Examples:
            `pandas.DataFrame(record.to_row() for record in report)`

            >>> from accv_cache import drop
            >>> drop("no such file")[0].to_row()["kept_mapped_bytes"] is None
            True
        """
        name, reasons = self._reasons
        row = self.to_dict()
        counts = row.pop(name)
        for reason in reasons:
            count = None if counts is None else counts.get(reason.name, 0)
            row[f"{name}_{reason.name.lower()}_bytes"] = count
        return row


def record_fields(row: tuple[Any, ...]) -> dict[str, Any]:
    """Return the fields that these records share; the last column of a row is the identity."""
    name, status, failed, error, size, before, after, unknown, *_, identity = row
    outcome = Outcome.of(name, failed, error)
    return {
        **outcome._asdict(),
        "status": None if status is None else DropCacheStatus(status),
        "size_bytes": size,
        "before_bytes": before,
        "after_bytes": after,
        "unknown": UNKNOWN_REASONS[unknown],
        "identity": identity,
    }


ReasonT = TypeVar("ReasonT", bound=enum.Enum)


def by_reason(reasons: type[ReasonT], counts: Sequence[int]) -> dict[ReasonT, int]:
    """Return the bytes of each reason that has any."""
    return {reason: count for reason, count in zip(reasons, counts, strict=True) if count}


StatusRecordT = TypeVar("StatusRecordT", bound=StatusRecord)


class StatusReport(Report[StatusRecordT]):
    """One record per file of which pages were evicted or loaded.

    The first two of its own sums are the resident bytes before and after; the last are the bytes
    by reason.
    """

    __slots__ = ()

    def _by_reason(self, reasons: type[ReasonT]) -> dict[ReasonT, int]:
        return by_reason(reasons, self._sums[-len(reasons) :])

    @property
    def status(self) -> DropCacheStatus:
        """The status of the first file that failed, else SUCCESS."""
        for record in self._records(self._table.failed(1)):
            return record.status or DropCacheStatus.UNKNOWN_ERROR
        return DropCacheStatus.SUCCESS

    @property
    def known_before_bytes(self) -> int:
        """Resident before, over the files that were measured."""
        return self._sums[0]

    @property
    def known_resident_bytes(self) -> int:
        """Resident after, over the files that were measured."""
        return self._sums[1]

    @property
    def before_bytes(self) -> int | None:
        """Resident before; None unless every file was measured."""
        return self.known_before_bytes if self._is_measured() else None

    @property
    def resident_bytes(self) -> int | None:
        """Resident after; None unless every file was measured. 0: all are cold."""
        return self.known_resident_bytes if self._is_measured() else None

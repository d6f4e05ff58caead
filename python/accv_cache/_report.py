"""What the reports of all verbs share."""

import dataclasses
import enum
import errno
import os
from collections.abc import Iterable, Sequence
from typing import Any, Generic, Protocol, TypeVar

from accv_cache._lazy import LazyRecords

TYPE_CHECKING = False  # `typing` has it from Python 3.11 on
if TYPE_CHECKING:
    from typing_extensions import Self


class SkipReason(enum.Enum):
    """Why something met in a directory was skipped.

    Examples:
        >>> SkipReason.SPECIAL_FILE.value
        'no regular file'
    """

    SYMBOLIC_LINK = "a symbolic link"
    """`follow_symlinks` was not asked for."""
    SPECIAL_FILE = "no regular file"
    """A FIFO, a socket or a device."""
    OTHER_FILE_SYSTEM = "another file system"
    """Something else is mounted there: name it to include it."""


_SKIP_REASONS = tuple(SkipReason)


class Record(Protocol):
    """What a report says of one file."""

    def to_dict(self) -> dict[str, Any]: ...


RecordT = TypeVar("RecordT", bound=Record)


class Table(Protocol):
    """The figures that a report shows: those of the core, or a `RefusedTable`."""

    def __len__(self) -> int: ...
    def row(self, position: int) -> tuple[Any, ...]: ...
    def totals(self) -> tuple[Any, ...]: ...
    def failed(self) -> list[int]: ...
    def skipped(self) -> list[tuple[bytes, int]]: ...


class Sums(Protocol):
    """The sums of a report, of which these are in every one."""

    @property
    def unknown_files(self) -> int: ...


class Report(Generic[RecordT]):
    """One record per file, made when looked at. Immutable; pickles; adds up with `+`."""

    __slots__ = ("_table",)

    _sums: Sums

    def __init__(self, table: Table) -> None:
        """Show the figures of a table; the verbs make reports."""
        self._table = table

    def _record(self, position: int) -> RecordT:
        raise NotImplementedError

    @property
    def files(self) -> Sequence[RecordT]:
        """One record per file, in the order of the list, made when looked at."""
        return LazyRecords(len(self._table), self._record)

    @property
    def failed(self) -> Sequence[RecordT]:
        """The records of the files that could not be opened, evicted or measured."""
        return [self._record(position) for position in self._table.failed()]

    @property
    def unknown_files(self) -> int:
        """The number of files that did not fail, but whose residency the kernel does not tell."""
        return self._sums.unknown_files

    @property
    def skipped(self) -> Sequence[tuple[str, SkipReason]]:
        """What was met in directories and skipped: paths and reasons."""
        return [(os.fsdecode(path), _SKIP_REASONS[why]) for path, why in self._table.skipped()]

    def _sums_as_dict(self) -> dict[str, Any]:
        raise NotImplementedError

    def to_dict(self) -> dict[str, Any]:
        """Give sums and records as JSON takes them."""
        return {
            **self._sums_as_dict(),
            "unknown_files": self.unknown_files,
            "files": [record.to_dict() for record in self.files],
            "skipped": [{"path": path, "reason": why.value} for path, why in self.skipped],
        }

    def __add__(self, other: "Self") -> "Self":
        """Join two reports, the files of the left one first."""
        if type(self) is not type(other):
            return NotImplemented
        return type(self)(self._table + other._table)  # type: ignore[operator]

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle the figures."""
        return type(self), (self._table,)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self}>"


@dataclasses.dataclass(frozen=True, slots=True)
class RefusedTable:
    """The table of a verb off Linux: no file is opened, and nothing is known of any."""

    paths: tuple[bytes, ...]
    figures: tuple[Any, ...]
    """What each row has beside the path."""

    def __len__(self) -> int:
        return len(self.paths)

    def __add__(self, other: "RefusedTable") -> "RefusedTable":
        return RefusedTable(self.paths + other.paths, self.figures)

    def row(self, position: int) -> tuple[Any, ...]:
        return (self.paths[position], *self.figures)

    def totals(self) -> tuple[int, int]:
        return len(self), len(self)

    def failed(self) -> list[int]:
        return list(range(len(self)))

    def skipped(self) -> list[tuple[bytes, int]]:
        return []


_REMEDIES = {
    errno.EACCES: "ask for permission to read it",
    errno.EAGAIN: "another process holds a lease on it: try again when that is released",
    errno.EBADF: "pass a descriptor that is open, and not by O_PATH",
    errno.EMFILE: "raise the limit of open files (ulimit -n), or close some",
    errno.ENFILE: "the system can open no more files: close some",
    errno.ENXIO: "a socket, or a device without a driver, has no pages: leave it out",
    errno.ESPIPE: "a pipe has no pages: leave it out",
}


def os_error(step: str, number: int, path: str) -> OSError:
    """Make the error of a failed step: what failed, why, and what would help.

    Examples:
        >>> os_error("cannot open", 2, "clip.mp4")
        FileNotFoundError(2, 'cannot open: No such file or directory')
    """
    remedy = f" ({_REMEDIES[number]})" if number in _REMEDIES else ""
    return OSError(number, f"{step}: {os.strerror(number)}{remedy}", path)


def html_table(caption: str, header: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Write a table for a notebook; the cells are text, not HTML."""
    from html import escape  # noqa: PLC0415 - for the start-up of the command line

    lines = [f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows]
    names = "".join(f"<th>{escape(name)}</th>" for name in header)
    table = f"<table><caption>{escape(caption)}</caption><tr>{names}</tr>{''.join(lines)}</table>"
    # A path that is not UTF-8 holds surrogates, which nobody could write down.
    return table.encode(errors="replace").decode()

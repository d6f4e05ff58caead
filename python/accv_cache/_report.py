"""The base of the reports: what those of all verbs share."""

import dataclasses
import enum
import errno
import itertools
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, ClassVar, Generic, NamedTuple, TypeVar, overload

from accv_cache._arguments import Target, as_names
from accv_cache._joined import JoinedTable, NodeTable, Table, node_of
from accv_cache._lazy import LazyRecords
from accv_cache._residency import UnknownReason
from accv_cache._text import as_count, as_size

TYPE_CHECKING = False  # `typing` has it from Python 3.11 on
if TYPE_CHECKING:
    from typing_extensions import Self

FORM_VERSION = 1
"""The version of the result of `to_dict`. It grows when a key changes its meaning or is removed."""


class SkipReason(enum.Enum):
    """Why something in a directory was skipped.

    Examples:
        >>> SkipReason.SPECIAL_FILE.value
        'no regular file'
    """

    SYMBOLIC_LINK = "a symbolic link"
    """`follow_symlinks` is False."""
    SPECIAL_FILE = "no regular file"
    """A FIFO, a socket or a device."""
    OTHER_FILE_SYSTEM = "another file system"
    """A directory on which another file system is mounted; name it to include it. A single file
    that is mounted is taken."""


SKIP_REASONS = tuple(SkipReason)
"""Indexed by their number in the core."""
_SKIPPED = "symbolic links", "special files", "other file systems"
"""The reasons for a log, in the same order."""


class FailedStep(enum.Enum):
    """The step at which a file failed. The value is a text for users.

    Examples:
        >>> FailedStep.WRITE_BACK.value
        'cannot write back'
    """

    NAME = "cannot be a path"
    """It has a NUL byte inside."""
    OPEN = "cannot open"
    """open(2)"""
    STATUS = "cannot ask for its status"
    """fstat(2)"""
    ADVISE = "cannot evict"
    """posix_fadvise(2)"""
    WRITE_BACK = "cannot write back"
    """sync_file_range(2) or fdatasync(2): nothing of the file was evicted."""
    MEASURE = "cannot measure"
    """cachestat(2) or mincore(2)"""
    READ = "cannot read"
    """madvise(2) with MADV_POPULATE_READ, pread(2) or posix_fadvise(2)"""


FAILED_STEPS = (None, *FailedStep)
"""Indexed by their number in the core."""
UNTOUCHED = "not touched: the call was stopped before"


class Record:
    """The result for one file. Records with equal fields are equal, errors included."""

    __slots__ = ()

    path: str
    error: OSError | None
    unknown: UnknownReason | None
    node: str | None

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> object:
            """Return the default of a field that the pickle of an older release lacks."""
            for field in dataclasses.fields(self):
                if field.name == name:
                    return field.default
            message = f"{type(self).__name__!r} object has no attribute {name!r}"
            raise AttributeError(message)

    @property
    def is_untouched(self) -> bool:
        """Whether the call stopped before this file."""
        raise NotImplementedError

    @property
    def message(self) -> str:
        """Why the file failed or its residency is unknown; empty if it is known."""
        if self.error is not None:
            return str(self.error.strerror)
        if self.unknown is not None:
            return self.unknown.value
        return UNTOUCHED if self.is_untouched else ""

    def _key(self) -> tuple[object, ...]:
        values = (getattr(self, field.name) for field in dataclasses.fields(self))  # type: ignore[arg-type]
        return tuple(map(_as_hashable, values))

    def __eq__(self, other: object) -> bool:
        """Compare all fields; two errors are equal if number, text and path are."""
        return (
            isinstance(other, Record) and type(self) is type(other) and self._key() == other._key()
        )

    def __hash__(self) -> int:
        """Hash the compared fields."""
        return hash(self._key())

    def to_dict(self) -> dict[str, Any]:
        """Return the fields for JSON: an error as its text, steps and reasons by name."""
        names: tuple[str, ...] = self.__match_args__  # type: ignore[attr-defined] # the fields
        fields = {name: _as_json(getattr(self, name)) for name in names}
        if self.node is None:
            del fields["node"]
        return fields


def _as_json(value: object) -> object:
    if isinstance(value, (int, str)) or value is None:
        return value
    if isinstance(value, OSError):
        return str(value)
    if isinstance(value, enum.Enum):
        return value.name
    if isinstance(value, dict):
        return {_as_json(key): each for key, each in value.items()}
    return [*map(_as_json, value)] if isinstance(value, tuple) else value


def _as_hashable(value: object) -> object:
    if isinstance(value, OSError):
        return type(value), value.errno, value.strerror, value.filename
    return frozenset(value.items()) if isinstance(value, dict) else value


RecordT = TypeVar("RecordT", bound=Record)


class _Counts(NamedTuple):
    """The totals that every table has first. Where nothing was opened, they end early."""

    files: int
    failed: int
    unknown: int = 0
    untouched: int = 0


class Report(Generic[RecordT]):
    """One record per file, made on access. Immutable and picklable; `+` and `sum` join reports.

    Its `len`, iteration and indexing are those of `files`.
    """

    __slots__ = ("_counts", "_sums", "_table")

    _sums_type: ClassVar[Callable[..., tuple[int, ...]]]
    """A NamedTuple of the other totals of the table; each has the default 0."""
    _figures: ClassVar[tuple[str, ...]]
    """The names of the sums that JSON has."""

    _sums: tuple[int, ...]

    def __init__(self, table: Table) -> None:
        """Wrap a table; the verbs make reports."""
        totals = table.totals()
        own = len(_Counts._fields)
        self._table = table
        self._counts = _Counts(*totals[:own])
        self._sums = self._sums_type(*totals[own:])

    def _record(self, position: int) -> RecordT:
        raise NotImplementedError

    def _records(self, positions: Sequence[int]) -> Sequence[RecordT]:
        return LazyRecords(positions, self._record_of_node)

    def _record_of_node(self, position: int) -> RecordT:
        record = self._record(position)
        node = node_of(self._table, position)
        return record if node is None else dataclasses.replace(record, node=node)  # type: ignore[type-var]

    @property
    def files(self) -> Sequence[RecordT]:
        """One record per file, in the order of the list, made on access."""
        return self._records(range(len(self._table)))

    @property
    def file_count(self) -> int:
        """The number of files. It is more than `len` where another node sent the sums only."""
        return self._counts.files

    def __len__(self) -> int:
        return len(self._table)

    def __iter__(self) -> Iterator[RecordT]:
        return iter(self.files)

    @overload
    def __getitem__(self, index: int) -> RecordT: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[RecordT]: ...
    def __getitem__(self, index: int | slice) -> RecordT | Sequence[RecordT]:
        """Return the record at a position, or a list of those in a slice."""
        return self.files[index]

    def __bool__(self) -> bool:
        """A report is always true, even without files; use `ok` or `len`."""
        return True

    @property
    def ok(self) -> bool:
        """Whether no file failed or is untouched."""
        return self._counts.failed + self._counts.untouched == 0

    @property
    def failed(self) -> Sequence[RecordT]:
        """The records of the files that could not be opened, evicted or measured."""
        return self._records(self._table.failed())

    @property
    def unknown_files(self) -> int:
        """The number of files that did not fail but have unknown residency."""
        return self._counts.unknown

    @property
    def untouched_files(self) -> int:
        """The number of files that were not touched because the call stopped before."""
        return self._counts.untouched

    @property
    def skipped(self) -> Sequence[tuple[str, SkipReason]]:
        """What was skipped in directories: paths and reasons."""
        return [(os.fsdecode(path), SKIP_REASONS[why]) for path, why in self._table.skipped()]

    def raise_for_status(self) -> None:
        """Raise the error of the first file that failed; do nothing if none did.

        Raises:
            OSError: The error, with errno and filename, such as FileNotFoundError. InterruptedError
                if none failed but some files were not touched.
        """
        for record in self._records(self._table.failed(1)):
            raise record.error or OSError(errno.EIO, "failed", record.path)
        if self.untouched_files:
            raise InterruptedError(errno.EINTR, UNTOUCHED)

    def by_directory(self, depth: int = 1) -> "dict[str, Self]":
        """Divide the report by directory, as du(1) does; each file counts in one part.

        Args:
            depth: The number of levels below the directory that all files share; 0: only that one.
                A file higher up counts for its own directory.

        Returns:
            A report for each directory that has files, in the order of their first files. None of
            them lists what was skipped.

        Raises:
            ValueError: `depth` is negative.
        """
        if depth < 0:
            msg = f"depth must be 0 or more, not {depth}"
            raise ValueError(msg)
        folders = [os.path.dirname(path) or b"." for path in self._table.paths()]  # noqa: PTH120
        level = len(_shared(folders)) + depth
        positions: dict[bytes, list[int]] = {}
        for position, folder in enumerate(folders):
            part = b"/".join(folder.split(b"/")[:level])
            top = b"/" if folder.startswith(b"/") else b"."
            positions.setdefault(part or top, []).append(position)
        return {
            os.fsdecode(folder): type(self)(self._table.select(chosen))
            for folder, chosen in positions.items()
        }

    def to_dict(self) -> dict[str, Any]:
        """Return sums and records for JSON."""
        return {
            "version": FORM_VERSION,
            **{name: _as_json(getattr(self, name)) for name in self._figures},
            "unknown_files": self.unknown_files,
            "failed_files": self._counts.failed,
            "untouched_files": self.untouched_files,
            "files": [record.to_dict() for record in self.files],
            "skipped": [{"path": path, "reason": why.value} for path, why in self.skipped],
        }

    def _is_measured(self) -> bool:
        """Whether the residency of every file is known."""
        return self.ok and not self.unknown_files

    def _is_unknown(self) -> bool:
        """Whether there are files and the residency of each is unknown."""
        counts = self._counts
        return 0 < counts.files == counts.failed + counts.unknown + counts.untouched

    def _amount(self, known: int) -> str:
        """Write a sum over the files that were measured, and whether it may be more."""
        if self._is_measured():
            return as_size(known)
        return "an unknown amount" if self._is_unknown() else f"at least {as_size(known)}"

    def _troubles(self) -> list[str]:
        """Describe how many files failed or were not measured, why the first did, and what else."""
        parts = []
        for count, trouble, first in (
            (self.unknown_files, "not measured", self._table.unknown(1)),
            (self._counts.failed, "failed", self._table.failed(1)),
        ):
            for record in self._records(first):
                others = ", the first:" if count > 1 else ":"
                why = record.message
                parts.append(f"{as_count(count, 'file')} {trouble}{others} {record.path!r}: {why}")
        if self.untouched_files:
            parts.append(f"{as_count(self.untouched_files, 'file')} not touched")
        # Without a number: another node sends only the first of them.
        if reasons := sorted({why for _, why in self._table.skipped()}):
            parts.append(f"skipped: {', '.join(_SKIPPED[why] for why in reasons)}")
        return parts

    def _as_html(
        self, columns: Sequence[tuple[str, str]], cells_of: Callable[[RecordT], tuple[str, ...]]
    ) -> str:
        from accv_cache._html import MOST_SHOWN, html_table  # noqa: PLC0415 - only for notebooks

        shown = [position for _, position in self._table.ranked(MOST_SHOWN)]
        caption = str(self)
        if len(shown) < self.file_count:
            caption += (
                f". Shows {len(shown)} of {self.file_count:,}: "
                "first those that failed or are unknown"
            )
        return html_table(caption, columns, map(cells_of, self._records(shown)))

    def __add__(self, other: "Self") -> "Self":
        """Join two reports, the files of the left one first. Nothing is copied."""
        if type(self) is not type(other):
            return NotImplemented
        return type(self)(JoinedTable(self._table, other._table))

    def __radd__(self, other: int) -> "Self":
        """Let `sum` start with its 0."""
        return self if other == 0 else NotImplemented

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle the figures."""
        return type(self), (self._table,)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self}>"


ReportT = TypeVar("ReportT", bound=Report[Any])


def for_another_node(report: ReportT, most: int | None) -> ReportT:
    """Make the report that another node gets: all sums, and the records of some files.

    Args:
        report: The report of this node.
        most: One of more files keeps at most so many records, of files that failed or have
            resident pages. None: it keeps all.
    """
    table = report._table  # noqa: SLF001 - of this module
    skipped, totals = table.skipped()[:most], table.totals()
    if most is not None and len(table) > most:
        first = {position for _, position in table.ranked(most)}
        table = table.select(sorted(first.intersection(table.remarkable())))
    return type(report)(NodeTable(table, totals, skipped, ""))


def of_node(report: ReportT, node: str) -> ReportT:
    """Name the node that a report came from."""
    table = report._table  # noqa: SLF001 - of this module
    return type(report)(NodeTable(table, table.totals(), table.skipped(), node))


def _shared(folders: Iterable[bytes]) -> Sequence[bytes]:
    """Return the path components that all folders share."""
    shared: Sequence[bytes] | None = None
    for folder in folders:
        parts = folder.split(b"/")
        if shared is None:
            shared = parts
        elif parts[: len(shared)] != shared:
            pairs = itertools.takewhile(lambda pair: pair[0] == pair[1], zip(shared, parts))  # noqa: B905
            shared = [part for part, _ in pairs]
    return shared or []


@dataclasses.dataclass(frozen=True, slots=True)
class RefusedTable:
    """The table of a report on other systems: no file is opened, and no figure is known."""

    names: tuple[bytes, ...]
    figures: tuple[Any, ...]
    """The values of each row after the path."""

    def __len__(self) -> int:
        return len(self.names)

    def row(self, position: int) -> tuple[Any, ...]:
        """Return the row of one file."""
        return (self.names[position], *self.figures)

    def paths(self) -> Sequence[bytes]:
        """Return the path of each file."""
        return self.names

    def totals(self) -> tuple[int, int]:
        """Return the number of files, all of which failed; the other sums are 0."""
        return len(self), len(self)

    def failed(self, most: int | None = None) -> Sequence[int]:
        """Return the positions of the files that failed: all."""
        return range(len(self))[:most]

    def unknown(self, most: int | None = None) -> Sequence[int]:  # noqa: ARG002 - none at all
        """Return the positions of the files with unknown residency: none."""
        return ()

    remarkable = failed

    def ranked(self, most: int) -> Sequence[tuple[int, int]]:
        """Return rank and position of the files to show first."""
        return [(0, position) for position in self.failed(most)]

    def skipped(self) -> Sequence[tuple[bytes, int]]:
        """Return what was skipped: nothing, since no directory was entered."""
        return ()

    def limit(self) -> None:
        """Return the limit of a prefetch: none, since nothing was to load."""

    def select(self, positions: Sequence[int]) -> "RefusedTable":
        """Make a table of these files only."""
        return RefusedTable(tuple(self.names[each] for each in positions), self.figures)


def refused(targets: Iterable[Target], *figures: object) -> RefusedTable:
    """Make the table of targets that are not opened; `figures` are a row after the path."""
    return RefusedTable(as_names(targets), figures)


_REMEDIES = {
    errno.EACCES: "ask for permission to read it",
    errno.EAGAIN: "another process holds a lease on it: try again when that is released",
    errno.EBADF: "pass a descriptor that is open, and not by O_PATH",
    errno.EMFILE: "raise the limit of open files (ulimit -n), or close some",
    errno.ENFILE: "the system can open no more files: close some",
    errno.ENXIO: "a socket, or a device without a driver, has no pages: leave it out",
    errno.ESPIPE: "a pipe has no pages: leave it out",
}


def os_error(what: str, number: int, path: str) -> OSError:
    """Make an error that names the operation, the cause and the remedy.

    Examples:
        >>> os_error("cannot open", 2, "clip.mp4")
        FileNotFoundError(2, 'cannot open: No such file or directory')
    """
    remedy = f" ({_REMEDIES[number]})" if number in _REMEDIES else ""
    return OSError(number, f"{what}: {os.strerror(number)}{remedy}", path)


class Outcome(NamedTuple):
    """What every row of a table has: which file it is for, and what went wrong."""

    path: str
    failed_step: FailedStep | None
    error: OSError | None

    @classmethod
    def of(cls, name: bytes, failed: int, error: int) -> "Outcome":
        """Read the columns of a row: the name, the number of the step, and errno or 0."""
        path, step = os.fsdecode(name), FAILED_STEPS[failed]
        what = "only Linux can evict, measure or prefetch" if step is None else step.value
        return cls(path, step, os_error(what, error, path) if error else None)

"""The output for programs: the fields of a line of --porcelain, in order.

The lines, the help, the manual page and docs/command-line.md are made from these tables.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from operator import attrgetter
from typing import Any, NamedTuple

TYPE_CHECKING = False  # for a faster start
if TYPE_CHECKING:
    from accv_cache import DropRecord, PrefetchRecord

Value = str | int | None


class Field(NamedTuple):
    """One field of a line: its name, its meaning, and how to get it from a record."""

    name: str
    meaning: str
    of: Callable[[Any], Value]


def _status(record: "DropRecord | PrefetchRecord") -> str:
    return "UNTOUCHED" if record.status is None else record.status.name


def _kept(record: "DropRecord") -> str | None:
    return ",".join(reason.name for reason in record.kept or ()) or None


def _missing(record: "PrefetchRecord") -> str | None:
    return ",".join(reason.name for reason in record.missing or ()) or None


QUERY: Sequence[Field] = (
    Field("resident", "bytes in memory", attrgetter("resident_bytes")),
    Field("dirty", "bytes of these that are not written back yet", attrgetter("dirty_bytes")),
    Field("writeback", "bytes that are being written back", attrgetter("writeback_bytes")),
    Field("size", "bytes of the file", attrgetter("size_bytes")),
    Field("path", "the file", attrgetter("path")),
)

DROP: Sequence[Field] = (
    Field("status", "the name of its `DropCacheStatus`, or `UNTOUCHED`", _status),
    Field("before", "bytes in memory before", attrgetter("before_bytes")),
    Field("after", "bytes in memory after", attrgetter("after_bytes")),
    Field("size", "bytes of the file", attrgetter("size_bytes")),
    Field("kept", "why bytes stayed, joined by commas", _kept),
    Field("path", "the file", attrgetter("path")),
)

PREFETCH: Sequence[Field] = (
    Field("status", "the name of its `DropCacheStatus`, or `UNTOUCHED`", _status),
    Field("before", "bytes in memory before", attrgetter("before_bytes")),
    Field("after", "bytes in memory after", attrgetter("after_bytes")),
    Field("loaded", "bytes that were loaded", attrgetter("loaded_bytes")),
    Field("size", "bytes of the file", attrgetter("size_bytes")),
    Field("missing", "why bytes are missing, joined by commas", _missing),
    Field("path", "the file", attrgetter("path")),
)

DIRECTORY: Sequence[Field] = (
    Field("resident_bytes", "in memory", lambda part: part[1].resident_bytes),
    Field("dirty_bytes", "of these not written back yet", lambda part: part[1].dirty_bytes),
    Field("writeback_bytes", "being written back", lambda part: part[1].writeback_bytes),
    Field("size_bytes", "of the files", lambda part: part[1].size_bytes),
    Field("files", "how many files", lambda part: len(part[1])),
    Field("path", "the directory", lambda part: part[0]),
)

CGROUP: Sequence[Field] = (
    Field("bytes", "the figure", lambda figure: figure[1]),
    Field("name", "its name", lambda figure: figure[0]),
)


def rows(fields: Sequence[Field], records: Iterable[object]) -> Iterator[Sequence[Value]]:
    """Make the rows of some records."""
    return ([field.of(record) for field in fields] for record in records)


def document(fields: Sequence[Field], record: object) -> dict[str, Value]:
    """Make the JSON of a record that is all fields."""
    return {field.name: field.of(record) for field in fields}


def sentence(fields: Sequence[Field]) -> str:
    """Describe the fields of a line of --porcelain."""
    names = ", ".join(field.name for field in fields)
    return f"A line of --porcelain holds, separated by tabs: {names}."

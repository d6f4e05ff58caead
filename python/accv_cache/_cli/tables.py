"""Tables for people, in the width of the terminal, or as wide as needed in a pipe."""

import os
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import repeat
from typing import Any, NamedTuple

from accv_cache import CacheRecord
from accv_cache._cli.bars import NARROWEST, WIDEST, residency_map
from accv_cache._cli.terminal import can_write, paint, unpainted
from accv_cache._text import as_size, printable

TYPE_CHECKING = False  # for a faster start
if TYPE_CHECKING:
    from accv_cache._status_report import StatusRecord

Drawing = Callable[[int], str]
"""A function that draws in a given number of columns."""

_GAP = "  "
_LONG_NAME = 24
"""A name is not cut below this many columns to make room for a bar."""

_WIDE = "FW"  # of East Asian scripts


class Row(NamedTuple):
    """A line of a table: a name, a bar, figures, and a remark."""

    name: str
    figures: Sequence[str]
    remark: str = ""


class Layout(NamedTuple):
    """How to shorten the rows of a table in a narrow terminal."""

    shortest_name: int = 8
    """The largest width of a name."""
    spare: Sequence[int] = ()
    """The positions of figures that may be removed, in the order of removal."""


class _Widths(NamedTuple):
    name: int
    drawing: int
    figures: list[int]
    remark: int


def lay_out(
    rows: Sequence[Row],
    width: int | None,
    drawings: Iterable[Drawing] | None = None,
    layout: Layout = Layout(),  # noqa: B008 - it does not change
) -> Iterator[str]:
    """Make the lines of a table, one per row, in the width of a terminal.

    The drawing gives way first, then the middle of names, then figures that are spare. No other
    figure does: in a terminal that has no room for them the line goes on below.

    Args:
        rows: The heads of the columns, then the rows; no heads are drawn if all of them are empty.
        width: The columns of the terminal; None: nobody counts them.
        drawings: One per row, each taken when its row is; None: there are none.
        layout: How the rows give way.
    """
    widths = _measure(rows, WIDEST if drawings is not None else 0)
    if width is not None:
        # The last column of a terminal stays free: some wrap a line that ends there.
        widths = _fit(widths, width - 1, layout)
    heads, *rest = rows
    if any((heads.name, *heads.figures, heads.remark)):
        yield paint(_line(heads, lambda _: "map", widths), "dim")
    for row, draw in zip(rest, drawings or repeat(_nothing), strict=False):
        yield _line(row, draw, widths)


def _measure(rows: Sequence[Row], drawing: int) -> _Widths:
    """The preferred widths of the columns."""
    columns = zip(*(row.figures for row in rows), strict=True)
    return _Widths(
        name=max(cells(row.name) for row in rows),
        drawing=drawing,
        figures=[max(map(cells, column)) for column in columns],
        remark=max(cells(row.remark) for row in rows),
    )


def _fit(wanted: _Widths, width: int, layout: Layout) -> _Widths:
    """The actual widths of the columns."""
    figures = list(wanted.figures)
    room = width - sum(figure + len(_GAP) for figure in figures)
    for position in layout.spare:
        if room < min(wanted.name, layout.shortest_name):
            room += figures[position] + len(_GAP)
            figures[position] = 0
    remark = 0
    if wanted.remark:
        room -= len(_GAP)
        remark = min(wanted.remark, max(room - wanted.name, room // 2))
        room -= remark
    drawing = min(wanted.drawing, room - len(_GAP) - wanted.name)
    if drawing < NARROWEST:
        drawing = min(wanted.drawing, NARROWEST)
        if room - len(_GAP) - drawing < max(_LONG_NAME, layout.shortest_name):
            drawing = 0
    name = room - (drawing + len(_GAP)) * bool(drawing)
    return _Widths(min(wanted.name, max(name, layout.shortest_name)), drawing, figures, remark)


def _line(row: Row, draw: Drawing, widths: _Widths) -> str:
    parts = [pad(cut(row.name, widths.name), widths.name)]
    if widths.drawing:
        parts.append(pad(draw(widths.drawing), widths.drawing))
    parts += [
        " " * (column - cells(figure)) + figure
        for figure, column in zip(row.figures, widths.figures, strict=True)
        if column
    ]
    if row.remark:
        parts.append(cut(row.remark, widths.remark))
    return _GAP.join(parts).rstrip()


def _nothing(_: int) -> str:
    return ""


def residency_table(
    records: Sequence[CacheRecord],
    maps: Iterable[CacheRecord],
    width: int | None,
    before: Mapping[str, int] | None = None,
) -> Iterator[str]:
    """Show a map, the share and the size of each file.

    Args:
        records: The files.
        maps: The same with their spans, each taken when its line is made.
        width: The columns of the terminal; None: nobody counts them.
        before: What was resident of each path at first, to show what changed since.
    """
    has_dirty = any(record.dirty_bytes for record in records)
    folder, names = _short_names([record.path for record in records], width)
    heads = ["%", "resident", "of", *["dirty"] * has_dirty, *["change"] * (before is not None)]
    rows = []
    for record, name in zip(records, names, strict=True):
        figures = [
            as_percent(record.resident_bytes, _asked_bytes(record)),
            _size(shown_bytes(record)),
            as_size(_asked_bytes(record)),
        ]
        if has_dirty:
            figures.append(_of_asked(record.dirty_bytes, record))
        if before is not None:
            figures.append(change_since(before.get(record.path, 0), shown_bytes(record)))
        rows.append(Row(name, figures))
    spare = [heads.index(head) for head in ("dirty", "of", "%") if head in heads]
    rows.insert(0, Row(folder or "file", heads))
    yield from lay_out(rows, width, map(_map, maps), Layout(spare=spare))


def change_table(
    records: "Sequence[StatusRecord]",
    reasons: Iterable[Mapping[Any, int] | None],
    width: int | None,
) -> Iterator[str]:
    """Show what each file held before and after, and why: the bytes of each by reason."""
    folder, names = _short_names([record.path for record in records], width)
    rows = [Row(folder or "file", ["before", "after"], "why")]
    for record, name, counts in zip(records, names, reasons, strict=True):
        parts = [f"{as_size(count)} {reason.value}" for reason, count in (counts or {}).items()]
        figures = [_size(record.before_bytes), _size(record.after_bytes)]
        rows.append(Row(name, figures, record.message or ", ".join(parts)))
    yield from lay_out(rows, width)


def shown_bytes(record: CacheRecord) -> int | None:
    """The resident bytes of the range; the last page counts in full, which exceeds the size."""
    resident = record.resident_bytes
    return None if resident is None else min(resident, _asked_bytes(record))


def change_since(before: int, now: int | None) -> str:
    """Write how much was read in or evicted; nothing if that is unknown."""
    change = 0 if now is None else now - before
    if change == 0:
        return ""
    return paint(f"{'+' * (change > 0)}{as_size(change)}", "green" if change > 0 else "red")


def cells(text: str) -> int:
    """The columns that a text takes in a terminal."""
    plain = unpainted(text)
    if plain.isascii():
        return len(plain)
    return sum(map(_cells_of, plain))


def pad(text: str, width: int) -> str:
    """Pad a text with spaces."""
    return text + " " * (width - cells(text))


def cut(text: str, width: int) -> str:
    """Remove the middle of a text that is too long, and its styles: their codes must stay whole."""
    if cells(text) <= width:
        return text
    text = unpainted(text)
    mark = "…" if can_write("…") else "~"
    tail = _start(text[::-1], width // 2)[::-1]
    return _start(text, width - len(mark) - cells(tail)) + mark + tail


def _start(text: str, width: int) -> str:
    """The start of a text, as much as fits."""
    taken = 0
    for position, character in enumerate(text):
        taken += _cells_of(character)
        if taken > width:
            return text[:position]
    return text


def _cells_of(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me"):  # combines with the character before
        return 0
    return 2 if unicodedata.east_asian_width(character) in _WIDE else 1


def _short_names(paths: Sequence[str], width: int | None) -> tuple[str, list[str]]:
    """The folder of all files, which a terminal shows once, and the names below it."""
    folder = "" if len(paths) == 1 else os.path.commonprefix(paths).rpartition("/")[0]  # noqa: RUF071 - as given
    if width is None or not folder:
        return "", [printable(path) for path in paths]
    return printable(folder) + "/", [printable(path[len(folder) + 1 :]) for path in paths]


def _map(record: CacheRecord) -> Drawing:
    return lambda width: residency_map(record, width)


def _asked_bytes(record: CacheRecord) -> int:
    start, stop = record.measured
    return stop - start


def _of_asked(count: int | None, record: CacheRecord) -> str:
    # The last page counts in full, which would exceed the size.
    return _size(None if count is None else min(count, _asked_bytes(record)))


def as_percent(count: int | None, whole: int) -> str:
    """Write a part of a whole; nothing if it is unknown, or there is no whole."""
    if count is None or whole == 0:
        return ""
    # The last page counts in full.
    return f"{min(100, 100 * count // whole)} %"


def _size(count: int | None) -> str:
    return paint("unknown", "yellow") if count is None else as_size(count)

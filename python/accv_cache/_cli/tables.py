"""What people read: tables, in the width of the terminal, or as wide as it takes in a pipe."""

import os
import sys
from collections.abc import Mapping, Sequence

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from accv_cache import CacheRecord, CgroupMemory, DropRecord
from accv_cache._cli.bars import Bar, Map
from accv_cache._cli.output import printable
from accv_cache._text import as_size

_PIPE_WIDTH = 10_000  # nothing is folded there: programs read it too


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Let the caller know, where rich would exit with 1."""
        raise BrokenPipeError


def make_console() -> Console:
    """A console on standard output."""
    has_width = sys.stdout.isatty() or "COLUMNS" in os.environ
    return _Console(highlight=False, width=None if has_width else _PIPE_WIDTH)


def residency_table(
    records: Sequence[CacheRecord], before: Mapping[str, int] | None = None
) -> Table:
    """Show a map, the share and the size of each file.

    Args:
        records: The files, with their spans.
        before: What was resident of each path at first, to show what changed since.
    """
    has_dirty = any(record.dirty_bytes for record in records)
    dirty = ["dirty"] if has_dirty else []
    change = ["change"] if before is not None else []
    table = new_table("file", "map", "%", "resident", "of", *dirty, *change)
    for record in records:
        cells: list[RenderableType] = [printable(record.path), _map(record), _percent(record)]
        cells += [_size(record.resident_bytes), as_size(record.size_bytes)]
        if has_dirty:
            cells.append(_size(record.dirty_bytes))
        if before is not None:
            cells.append(change_since(before.get(record.path, 0), record.resident_bytes))
        table.add_row(*cells)
    return table


def eviction_table(records: Sequence[DropRecord]) -> Table:
    """Show what each file held before and after, and why."""
    table = new_table("file", "before", "after", "why")
    for record in records:
        table.add_row(
            printable(record.path),
            _size(record.before_bytes),
            _size(record.after_bytes),
            _reason(record),
        )
    return table


def cgroup_table(memory: CgroupMemory) -> Table:
    """Show what fills the memory of a cgroup."""
    whole = memory.limit_bytes or memory.usage_bytes or 0
    table = new_table("", "", "")
    for name, count in (
        ("used", memory.usage_bytes),
        ("  own memory of the programs", memory.anon_bytes),
        ("  page cache", memory.evictable_bytes),
        ("    used again since it was read", memory.active_file_bytes),
        ("    not written back yet", memory.dirty_bytes),
        ("  tmpfs and shared memory", memory.shmem_bytes),
    ):
        if count is not None:
            table.add_row(name, Bar(min(count / whole, 1) if whole else 0), as_size(count))
    limit = "no limit" if memory.limit_bytes is None else as_size(memory.limit_bytes)
    table.add_row("limit", "", limit)
    return table


def new_table(name: str, *columns: str) -> Table:
    """A table of names, then drawings, which give way in a narrow terminal, and figures."""
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(name, overflow="fold", min_width=min(len(name), 8))
    for column in columns:
        if column in ("map", "why"):
            table.add_column(column)
        else:
            table.add_column(column, no_wrap=True, justify="right")
    table.show_header = any((name, *columns))
    table.header_style = "dim"
    return table


def change_since(before: int, now: int | None) -> Text:
    """Write how much came in or left."""
    change = (now or 0) - before
    if change == 0:
        return Text("")
    return Text(f"{'+' if change > 0 else ''}{as_size(change)}", "green" if change > 0 else "red")


def _map(record: CacheRecord) -> RenderableType:
    if record.resident_bytes is None:
        return Text("only its owner may see", "yellow")
    return Map(record)


def _percent(record: CacheRecord) -> str:
    if record.resident_bytes is None or record.size_bytes == 0:
        return ""
    # The last page counts as a whole one.
    return f"{min(100, 100 * record.resident_bytes // record.size_bytes)} %"


def _size(count: int | None) -> str:
    return "unknown" if count is None else as_size(count)


def _reason(record: DropRecord) -> str:
    if record.error is not None:
        return str(record.error.strerror)
    if record.kept is None:
        return "dropped, but only its owner or a writer may measure it"
    return ", ".join(f"{as_size(count)} {reason.value}" for reason, count in record.kept.items())

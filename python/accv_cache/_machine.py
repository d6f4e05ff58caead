"""The memory of the whole machine, and how much of it is evictable page cache."""

import dataclasses
import sys
from collections.abc import Iterable
from typing import NamedTuple

from accv_cache._text import as_size

if sys.platform == "linux":
    from accv_cache import _core


class Row(NamedTuple):
    """A row of a memory table: name, bytes, and share of the limit."""

    name: str
    """Indented by two spaces more than the row that it is a part of."""
    size: int
    share: str = ""


def known_rows(*rows: tuple[str, int | None]) -> list[Row]:
    """Make rows of the known figures."""
    return [Row(name, size) for name, size in rows if size is not None]


def rows_as_html(caption: str, rows: Iterable[Row]) -> str:
    """Write rows as a table for a notebook."""
    from accv_cache._html import html_table  # noqa: PLC0415 - the command line draws none

    # A browser drops spaces at the start of a cell, except no-break spaces.
    cells = [
        (row.name.replace("  ", "\N{NO-BREAK SPACE}" * 4), as_size(row.size), row.share)
        for row in rows
    ]
    columns = ("memory", "text"), ("bytes", "size"), ("of the limit", "size")
    return html_table(caption, columns, cells)


@dataclasses.dataclass(frozen=True, slots=True)
class MachineMemory:
    """The memory of the machine, in bytes. A figure is None where the kernel does not report it.

    Attributes:
        total_bytes: All that the kernel can allocate.
        available_bytes: What programs can still allocate; the kernel reclaims page cache for it.
        free_bytes: Unused memory. Where a GPU shares the memory, a driver that does not reclaim
            page cache can allocate no more than this.
        active_file_bytes: Page cache that was used again since it was read.
        inactive_file_bytes: Page cache that is reclaimed first.
        dirty_bytes: Page cache that is not written back yet.
    """

    total_bytes: int | None
    available_bytes: int | None
    free_bytes: int | None
    active_file_bytes: int | None
    inactive_file_bytes: int | None
    dirty_bytes: int | None

    @property
    def evictable_bytes(self) -> int | None:
        """The page cache that `drop` can evict if no process maps it.

        Nearly all of it is also part of `available_bytes`. tmpfs and locked memory, which cannot be
        evicted, are not part of it.
        """
        if self.active_file_bytes is None or self.inactive_file_bytes is None:
            return None
        return self.active_file_bytes + self.inactive_file_bytes

    @property
    def free_after_drop_bytes(self) -> int | None:
        """What would be free after all of it was evicted."""
        if self.free_bytes is None or self.evictable_bytes is None:
            return None
        return self.free_bytes + self.evictable_bytes

    @property
    def advice(self) -> str:
        """The effect of a drop of all files, in words."""
        if self.evictable_bytes is None or self.free_after_drop_bytes is None:
            return "The kernel does not report how much of the memory is page cache."
        return (
            f"Page cache takes {as_size(self.evictable_bytes)}, which programs get when they need "
            f"it. `accv-cache drop` makes up to {as_size(self.free_after_drop_bytes)} free at "
            "once, such as for a GPU that shares this memory."
        )

    def rows(self) -> list[Row]:
        """The known figures, for tables."""
        return known_rows(
            ("available", self.available_bytes),
            ("free", self.free_bytes),
            ("page cache", self.evictable_bytes),
            ("  used again since it was read", self.active_file_bytes),
            ("  not written back yet", self.dirty_bytes),
            ("free after a drop of all files", self.free_after_drop_bytes),
            ("memory of the machine", self.total_bytes),
        )

    def to_dict(self) -> dict[str, int | str | None]:
        """Return the figures for JSON."""
        return {
            **dataclasses.asdict(self),
            "evictable_bytes": self.evictable_bytes,
            "free_after_drop_bytes": self.free_after_drop_bytes,
            "advice": self.advice,
        }

    def __str__(self) -> str:
        """One line for a log."""
        return ", ".join(f"{row.name.strip()} {as_size(row.size)}" for row in self.rows())

    def _repr_html_(self) -> str:
        """For notebooks."""
        return rows_as_html(self.advice, self.rows())


def machine_memory() -> MachineMemory | None:
    """Read how much of the machine's memory is available, free and evictable page cache.

    In a container whose /proc/meminfo comes from lxcfs, the figures are those of the container.

    Returns:
        The figures; None where /proc/meminfo cannot be read, and on other systems.

    Examples:
        >>> machine = machine_memory()
        >>> machine is None or machine.evictable_bytes >= 0
        True

    See proc(5), /proc/meminfo.
    """
    if sys.platform != "linux":
        return None
    figures = _core.machine_memory()
    return None if figures is None else MachineMemory(*figures)

"""`accv-cache query --watch`: the table that refreshes in place."""

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import NoReturn

from accv_cache import CacheRecord, CacheReport
from accv_cache._cli.output import ROWS, capitalised
from accv_cache._cli.tables import change_since, cut, residency_table, shown_bytes
from accv_cache._cli.terminal import Region, can_redraw, paint, size_of, width, write

Look = Callable[[], CacheReport]
MapAll = Callable[[Iterable[CacheRecord]], Iterator[CacheRecord]]

_AROUND = 6
"""Lines of the screen without files: the clock, the headings, the sum, and blank ones."""


def watch(look: Look, map_all: MapAll, interval: float) -> NoReturn:
    """Show what `look` finds, every `interval` seconds, until Ctrl-C."""
    report = look()
    before = {record.path: shown_bytes(record) or 0 for record in report.files}
    held = report.known_resident_bytes
    redraws = can_redraw(sys.stdout)
    with Region(sys.stdout) as region:
        while True:
            change = change_since(held, report.known_resident_bytes)
            sums = f"{paint(capitalised(str(report)), 'bold')}  {change}".rstrip()
            if redraws:
                region.draw(screen(report, before, map_all, sums, interval))
            else:
                write(sums)
                sys.stdout.flush()
            time.sleep(interval)
            report = look()


def screen(
    report: CacheReport, before: dict[str, int], map_all: MapAll, sums: str, interval: float
) -> Iterator[str]:
    """The lines of one measurement: the files that changed most, then the largest."""
    size = size_of(sys.stdout)
    columns = width() or size.columns
    opened = (record for record in report.files if record.error is None)

    def rank(record: CacheRecord) -> tuple[int, int, str]:
        resident = shown_bytes(record) or 0
        return -abs(resident - before.get(record.path, 0)), -resident, record.path

    shown = sorted(opened, key=rank)[: max(1, min(ROWS, size.lines - _AROUND))]
    clock = f"{time.strftime('%H:%M:%S')}, every {interval:g} s; Ctrl-C ends it"
    lines = [paint(clock, "dim"), ""]
    if shown:
        lines += [*residency_table(shown, map_all(shown), columns, before), ""]
    for line in (*lines, sums):
        yield cut(line, columns - 1)

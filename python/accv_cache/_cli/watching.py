"""`accv-cache query --watch`: the table that refreshes in place."""

import time
from collections.abc import Callable, Sequence
from typing import NoReturn

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from accv_cache import CacheRecord, CacheReport
from accv_cache._cli.output import ROWS, capitalised
from accv_cache._cli.tables import change_since, make_console, residency_table

Look = Callable[[], CacheReport]
Draw = Callable[[CacheReport, int], Sequence[CacheRecord]]

_AROUND = 4  # lines of the screen that are no rows of the table


def watch(look: Look, draw: Draw, interval: float) -> NoReturn:
    """Show what `look` finds and `draw` picks of it, every `interval` seconds, until Ctrl-C."""
    console = make_console()
    report = look()
    before = {record.path: record.resident_bytes or 0 for record in report.files}
    held = report.known_resident_bytes
    with Live(console=console, auto_refresh=False, transient=False) as live:
        while True:
            sums = Text(capitalised(str(report)), "bold")
            if change := change_since(held, report.known_resident_bytes):
                sums = Text.assemble(sums, "  ", change)
            if console.is_terminal:
                rows = max(1, min(ROWS, console.height - _AROUND))
                table = residency_table(draw(report, rows), before)
                live.update(Group(table, Text(), sums), refresh=True)
            else:
                _print_line(console, sums)
            time.sleep(interval)
            report = look()


def _print_line(console: Console, line: Text) -> None:
    console.print(line, soft_wrap=True)
    console.file.flush()

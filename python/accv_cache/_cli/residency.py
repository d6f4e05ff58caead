"""The measurement and the output formats that `query` and `drop -n` share."""

import heapq
import sys
from collections.abc import Iterable, Iterator
from itertools import islice

from accv_cache import CacheRecord, CacheReport, DropCacheStatus, query
from accv_cache._cache_report import working_directory
from accv_cache._cli import forms
from accv_cache._cli.output import ROWS, Output, capitalised
from accv_cache._cli.progress import LiveProgress
from accv_cache._cli.selection import Selection
from accv_cache._cli.tables import residency_table
from accv_cache._cli.terminal import paint, width, write, write_each

_AT_ONCE = 256
"""The files that are measured before their lines are written."""


def look(selection: Selection, output: Output, *, spans: bool = False) -> CacheReport:
    """Query the files that the arguments name, and show the progress."""
    with LiveProgress("resident", quiet=output.quiet) as progress:
        return query(selection.find(), spans=spans, progress=progress, **selection.walk)


def exit_code(report: CacheReport) -> int:
    """The status number, as for `drop`."""
    if not report.failed:
        return DropCacheStatus.SUCCESS.value
    if sys.platform != "linux":
        return DropCacheStatus.PLATFORM_ERROR.value
    return DropCacheStatus.FILE_OPEN_FAILED.value


def write_residency(
    report: CacheReport, selection: Selection, output: Output, *, last: str = ""
) -> None:
    """Write a report in the requested format; for people, a last line follows the table."""
    opened = (record for record in report.files if record.error is None)
    output.write(
        document=lambda: {"directory": working_directory(), **report.to_dict()},
        lines=lambda: forms.rows(forms.QUERY, opened),
        picture=lambda: _show(report, selection, output, last),
    )


def largest(records: Iterable[CacheRecord], count: int | None) -> list[CacheRecord]:
    """The files with the most resident memory, largest first; None: all of them."""
    opened = (record for record in records if record.error is None)
    if count is None:
        return sorted(opened, key=_rank)
    return heapq.nsmallest(count, opened, key=_rank)


def with_spans(records: Iterable[CacheRecord], selection: Selection) -> Iterator[CacheRecord]:
    """Measure again with maps. They need a scan of the pages, so only shown files get one."""
    part = selection.part
    paths = (record.path for record in records)
    while some := list(islice(paths, _AT_ONCE)):
        yield from query(some, spans=True, offset=part.offset, length=part.length).files


def _rank(record: CacheRecord) -> tuple[int, str]:
    return -(record.resident_bytes or 0), record.path


def _show(report: CacheReport, selection: Selection, output: Output, last: str) -> None:
    """Print the table of the files with the most resident memory, and the sums."""
    shown = largest(report.files, None if output.verbose else ROWS)
    if shown:
        write_each(residency_table(shown, with_spans(shown, selection), width()))
        write("")
    hidden = len(report.files) - len(report.failed) - len(shown)
    if hidden:
        write(paint(f"{hidden} more (-v shows all)", "dim"))
    write(paint(capitalised(str(report)), "bold"), *[last] * bool(last))

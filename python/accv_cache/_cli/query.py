"""`accv-cache query`: see what is resident."""

import dataclasses
import heapq
import sys
from collections.abc import Iterable, Sequence

import click

from accv_cache._cgroup import CgroupMemory, cgroup_memory
from accv_cache._cli.output import (
    ROWS,
    Output,
    capitalised,
    complain,
    write_errors,
    write_json,
    write_porcelain,
    writes_reports,
)
from accv_cache._cli.progress import LiveProgress, looking
from accv_cache._cli.selection import Selection, selects_files
from accv_cache._query import CacheRecord, CacheReport, query
from accv_cache._status import DropCacheStatus


@click.command(
    "query",
    epilog="""\b
Examples:
  accv-cache query videos/
  accv-cache query 'videos/*.mp4' -v
  accv-cache query videos/ -I '*.mp4' -i old -m 10G -p 1M-2M
  find videos -name '*.mkv' -print0 | accv-cache query -0 --from -
  accv-cache query videos/ --json
  accv-cache query --porcelain videos/ | sort -n | tail -n 3
  accv-cache query --cgroup
""",
)
@selects_files
@writes_reports
@click.option("--watch", is_flag=True, help="Look again and again, and show what changes.")
@click.option(
    "--interval",
    type=click.FloatRange(min=0.05),
    default=1.0,
    show_default=True,
    metavar="SECONDS",
    help="How often to look with --watch.",
)
@click.option("--cgroup", is_flag=True, help="Show what fills the memory limit of this pod or job.")
def query_command(
    selection: Selection, output: Output, *, watch: bool, interval: float, cgroup: bool
) -> int:
    """See how much of files is in the page cache.

    A directory means the files below it. Files are opened, and not changed or read in. In a map, a
    full block is resident, a light one partly, a dot not at all; what is outside of -p is blank.
    """
    if cgroup:
        return _show_cgroup(selection, output)
    if watch:
        return _watch(selection, output, interval)
    report = look(selection, output, spans=output.maps_all)
    if output.json:
        write_json(report.to_dict())
    elif output.porcelain:
        write_residency_lines(report, end=output.line_end)
    elif output.for_people:
        show_residency(report, selection, output)
    write_errors(report.failed)
    return exit_code(report)


def look(selection: Selection, output: Output, *, spans: bool = False) -> CacheReport:
    """Query the files that the arguments name, and show how far it is."""
    with LiveProgress("resident", quiet=output.quiet) as progress:
        with looking(quiet=output.quiet):
            paths = selection.find()
        return query(paths, spans=spans, progress=progress, **selection.walk)


def exit_code(report: CacheReport) -> int:
    """The status number, as `drop` would have it."""
    if not report.failed:
        return DropCacheStatus.SUCCESS.value
    if sys.platform != "linux":
        return DropCacheStatus.PLATFORM_ERROR.value
    return DropCacheStatus.FILE_OPEN_FAILED.value


def write_residency_lines(report: CacheReport, *, end: str) -> None:
    """Write resident, dirty, in writeback, size, path: a line a file that could be opened."""
    rows = (
        (each.resident_bytes, each.dirty_bytes, each.writeback_bytes, each.size_bytes, each.path)
        for each in report.files
        if each.error is None
    )
    write_porcelain(rows, end=end)


def show_residency(report: CacheReport, selection: Selection, output: Output) -> None:
    """Print the table of the files that hold most, and the sums."""
    # Here, for the start-up of what draws nothing.
    from accv_cache._cli.tables import make_console, residency_table  # noqa: PLC0415

    console = make_console()
    shown: Sequence[CacheRecord] = _largest(report.files, None if output.maps_all else ROWS)
    if not output.maps_all:
        shown = _with_spans(shown, selection)
    if shown:
        console.print(residency_table(shown))
        console.print()
    hidden = len(report.files) - len(report.failed) - len(shown)
    if hidden:
        console.print(f"{hidden} more (-v shows all)", style="dim")
    console.print(capitalised(str(report)), style="bold", soft_wrap=True)


def _largest(records: Iterable[CacheRecord], count: int | None) -> list[CacheRecord]:
    """Those that hold most, the largest first; None: all of them."""
    opened = (record for record in records if record.error is None)
    if count is None:
        return sorted(opened, key=_rank)
    return heapq.nsmallest(count, opened, key=_rank)


def _rank(record: CacheRecord) -> tuple[int, str]:
    return -(record.resident_bytes or 0), record.path


def _with_spans(records: Sequence[CacheRecord], selection: Selection) -> Sequence[CacheRecord]:
    """Look again, with the maps: they cost a walk over the pages, so only shown files get one."""
    part = selection.part
    paths = [record.path for record in records]
    return query(paths, spans=True, offset=part.offset, length=part.length).files


def _watch(selection: Selection, output: Output, interval: float) -> int:
    if not output.for_people:
        message = "--watch draws for people: it goes without --json, --porcelain and -q."
        raise click.UsageError(message)
    # Here, for the start-up of what draws nothing.
    from accv_cache._cli.watching import watch  # noqa: PLC0415

    paths = selection.find()

    def look_again() -> CacheReport:
        return query(paths, **selection.walk)

    def draw(report: CacheReport, rows: int) -> Sequence[CacheRecord]:
        return _with_spans(_largest(report.files, rows), selection)

    return watch(look_again, draw, interval)


def _show_cgroup(selection: Selection, output: Output) -> int:
    if not selection.is_empty:
        message = "--cgroup looks at the memory of this pod or job: it takes no files."
        raise click.UsageError(message)
    memory = cgroup_memory()
    if output.json:
        write_json(None if memory is None else _as_dict(memory))
    elif memory is None:
        complain("no cgroup accounts for the memory of this process; see `free -h`")
    elif output.porcelain:
        figures = ((count, name) for name, count in _as_dict(memory).items() if name != "advice")
        write_porcelain(figures, end=output.line_end)
    elif output.for_people:
        from accv_cache._cli.tables import cgroup_table, make_console  # noqa: PLC0415 - see above

        console = make_console()
        console.print(cgroup_table(memory))
        console.print()
        console.print(memory.advice, style="bold", soft_wrap=True)
    return 0


def _as_dict(memory: CgroupMemory) -> dict[str, str | int | None]:
    return {
        **dataclasses.asdict(memory),
        "evictable_bytes": memory.evictable_bytes,
        "working_set_bytes": memory.working_set_bytes,
        "advice": memory.advice,
    }

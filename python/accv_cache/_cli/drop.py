"""`accv-cache drop`: evict files, report what was evicted and what stayed; exit with the status."""

from functools import partial
from typing import Any

import click

from accv_cache import CacheReport, DropCacheStatus, DropReport, KeptReason, drop, query
from accv_cache._cli import forms, units
from accv_cache._cli.grouped import GroupedOption, goes_without
from accv_cache._cli.output import (
    Output,
    capitalised,
    mention_unknown,
    write_errors,
    writes_reports,
)
from accv_cache._cli.progress import LiveProgress
from accv_cache._cli.residency import exit_code, look, write_residency
from accv_cache._cli.saved import SavedReport
from accv_cache._cli.selection import Selection, files_command, selects_files
from accv_cache._cli.tables import change_table
from accv_cache._cli.terminal import complain, width, write, write_each
from accv_cache._drop_report import is_held
from accv_cache._exit_codes import STAYED
from accv_cache._text import as_count, as_size, printable
from accv_cache._until import paths_to_drop

_HELPS = {
    KeptReason.DIRTY: "drop it again, when nobody writes to it",
    KeptReason.WRITEBACK: "drop it again, when nobody writes to it",
    KeptReason.MEMORY_FILESYSTEM: "its only copy is in memory: use a file on a disk",
    KeptReason.EDGE: "widen the range (-p): by 2 MiB, or to all of the file",
    KeptReason.MAPPED: "end or wait for the process that --explain names",
    KeptReason.BUSY: "drop it again; the kernel, or a process that nobody may see, holds it",
}

_option = partial(click.option, cls=GroupedOption, group="What to do")


@files_command(
    "drop",
    """
A directory means the files below it. Files are never changed; dirty pages are written back
first. A file that fails is reported, and the command goes on.
""",
    forms.DROP,
    """
  accv-cache drop videos/
  accv-cache drop 'videos/*.mp4' --explain
  accv-cache drop videos/ -I '*.mp4' -i old --dry-run
  accv-cache drop videos/ --until 25%
  accv-cache drop videos/clip.mp4 -p 10M- --json
  find videos -type f -mtime +7 -print0 | accv-cache drop -0 --from -
  accv-cache drop videos/clip.mp4 --verify && echo cold
  accv-cache query videos/ --json > warm.json && accv-cache drop videos/ --keep warm.json
""",
)
@_option("-n", "--dry-run", is_flag=True, help="Show what would be evicted, and evict nothing.")
@_option(
    "--until",
    type=units.limit,
    metavar="SIZE|PERCENT",
    help="Evict the least recently read files (by access time) until the rest hold at most SIZE, "
    "or PERCENT of the memory.",
)
@_option(
    "--keep",
    type=SavedReport(),
    metavar="FILE",
    help="Keep what was resident when FILE was written by `query --json`; evict what came in "
    "since.",
)
@_option("--fail-fast", is_flag=True, help="Stop at the first file that fails.")
@_option(
    "--verify",
    is_flag=True,
    help="Exit with 5 if anything stayed or cannot be measured, or if no file is found.",
)
@_option("--explain", is_flag=True, help="Show which processes hold what stayed.")
@selects_files
@writes_reports
def command(  # noqa: PLR0913 - one an option
    selection: Selection,
    output: Output,
    *,
    explain: bool,
    dry_run: bool,
    until: int | None,
    keep: CacheReport | None,
    verify: bool,
    fail_fast: bool,
) -> int:
    """Run the command, and return the exit code."""
    if dry_run:
        goes_without("--dry-run", ("keep", "verify", "explain", "fail_fast"))
        return _say_what_would_go(selection, output, until)
    options = {**selection.walk, "fail_fast": fail_fast, "keep": keep}
    if until is None:
        report = _drop_all(selection, output, options)
    else:
        report = _drop_until(until, selection, output, options)
    output.write(
        document=lambda: _as_dict(report, explain=explain),
        lines=lambda: forms.rows(forms.DROP, report.files),
        picture=lambda: _show(report, output, explain=explain),
    )
    write_errors(report.failed)
    mention_unknown(report, "dropped, but unknown")
    if not report.ok:
        return report.status.value
    if verify and report.resident_bytes != 0:
        _say_what_helps(report)
        return STAYED
    if verify and until is None and not len(report):
        complain("not proved cold: no file was found")
        return STAYED
    return DropCacheStatus.SUCCESS.value


def _drop_all(selection: Selection, output: Output, options: dict[str, Any]) -> DropReport:
    with LiveProgress("evicted", quiet=output.quiet) as progress:
        return drop(selection.find(), progress=progress, **options)


def _drop_until(
    limit: int, selection: Selection, output: Output, options: dict[str, Any]
) -> DropReport:
    found = look(selection, output)
    mention_unknown(found, "not counted")
    with LiveProgress("evicted", quiet=output.quiet) as progress:
        return drop([record.path for record in found], until=limit, progress=progress, **options)


def _say_what_would_go(selection: Selection, output: Output, until: int | None) -> int:
    found = look(selection, output)
    going = paths_to_drop(found, until or 0)
    if until is None:
        going += [record.path for record in found if record.unknown]
    else:
        mention_unknown(found, "not counted")
    report = query(going, spans=output.json, **selection.walk)
    write_residency(report, selection, output, last=f"Would evict {_most(report)}.")
    write_errors(found.failed)
    return exit_code(found)


def _most(report: CacheReport) -> str:
    """What a drop of these files evicts at the most."""
    unknown = report.unknown_files
    known = len(report) - unknown
    parts = []
    if known or not unknown:
        parts.append(f"up to {as_size(report.known_resident_bytes)} in {as_count(known, 'file')}")
    if unknown:
        parts.append(f"an unknown amount in {as_count(unknown, 'file')}")
    return " and ".join(parts)


def _show(report: DropReport, output: Output, *, explain: bool) -> None:
    if output.verbose:
        records = sorted(report.files, key=lambda each: (-(each.after_bytes or 0), each.path))
        write_each(change_table(records, [each.kept for each in records], width()))
        write("")
    write(capitalised(str(report)))
    if explain:
        write(*map(printable, report.explain().splitlines()))
    elif is_held(report.kept):
        write("--explain says who holds it.")


def _say_what_helps(report: DropReport) -> None:
    for reason in report.kept:
        complain(
            f"not cold: {as_size(report.kept[reason])} stayed: {reason.value}; {_HELPS[reason]}"
        )
    if report.resident_bytes is None:
        complain("not proved cold: what cannot be measured may have stayed")


def _as_dict(report: DropReport, *, explain: bool) -> dict[str, Any]:
    who = report.holders() if explain else None
    return {**report.to_dict(), "holders": None if who is None else who.to_dict()}

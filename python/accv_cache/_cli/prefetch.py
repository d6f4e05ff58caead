"""`accv-cache prefetch`: read files ahead, report what was loaded and what is missing."""

from collections.abc import Callable
from functools import partial

import click

from accv_cache import CacheReport, LimitError, PrefetchReport, prefetch
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
from accv_cache._cli.saved import SavedReport
from accv_cache._cli.selection import SELECTING, Selection, files_command, selects_files
from accv_cache._cli.tables import change_table
from accv_cache._cli.terminal import complain, width, write, write_each
from accv_cache._exit_codes import NO_ROOM

_option = partial(click.option, cls=GroupedOption, group="What to do")


def _more_than_0(_context: object, option: click.Parameter, value: int | None) -> int | None:
    if value == 0:
        message = f"{option.opts[0]} must be more than 0."
        raise click.UsageError(message)
    return value


def limits(command: Callable[..., int]) -> Callable[..., int]:
    """Give a command the options that limit what it loads, here or on many nodes."""
    command = _option(
        "--on-limit",
        type=click.Choice(["refuse", "stop"]),
        default="refuse",
        show_default=True,
        metavar="refuse|stop",
        help="If not everything fits, load nothing and fail, or load as much as fits.",
    )(command)
    return _option(
        "--max-bytes",
        type=units.limit,
        callback=_more_than_0,
        metavar="SIZE|PERCENT",
        help="Load at most SIZE, or PERCENT of the memory; by default as much as fits.",
    )(command)


@files_command(
    "prefetch",
    """
A directory means the files below it. Only what is not resident is read, and no more than fits
into the memory limit of the cgroup and what the machine has available. A file that fails is
reported, and the command goes on.
""",
    forms.PREFETCH,
    """
  accv-cache prefetch videos/
  accv-cache prefetch videos/ -I '*.mp4' --max-bytes 25% --on-limit stop
  accv-cache prefetch videos/clip.mp4 -p 10M-2G --no-wait
  accv-cache query videos/ --json > warm.json && accv-cache prefetch --restore warm.json
""",
)
@_option(
    "--restore",
    type=SavedReport(),
    metavar="FILE",
    help="Load exactly what was resident when FILE was written by `query --json`.",
)
@limits
@_option("--no-wait", is_flag=True, help="Start the reads, and do not wait for them.")
@selects_files
@writes_reports
def command(  # noqa: PLR0913 - one an option
    selection: Selection,
    output: Output,
    *,
    restore: CacheReport | None,
    max_bytes: int | None,
    on_limit: str,
    no_wait: bool,
) -> int:
    """Run the command, and return the exit code."""
    if restore is not None:
        goes_without("--restore names the files itself: it", SELECTING)
    try:
        with LiveProgress("loaded", quiet=output.quiet) as progress:
            report = prefetch(
                selection.find() if restore is None else restore,
                max_bytes=max_bytes,
                on_limit=on_limit,
                wait=not no_wait,
                progress=progress,
                **selection.walk,
            )
    except LimitError as error:
        complain(f"{error.what}; load less, or pass --on-limit stop")
        return NO_ROOM
    output.write(
        document=report.to_dict,
        lines=lambda: forms.rows(forms.PREFETCH, report.files),
        picture=lambda: _show(report, output),
    )
    write_errors(report.failed)
    mention_unknown(report, "loaded, but unknown")
    return report.status.value


def _show(report: PrefetchReport, output: Output) -> None:
    if output.verbose:
        records = sorted(report.files, key=lambda each: (-(each.after_bytes or 0), each.path))
        write_each(change_table(records, [each.missing for each in records], width()))
        write("")
    write(capitalised(str(report)))

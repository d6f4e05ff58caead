"""`accv-cache query`: see what is resident."""

from functools import partial

import click

from accv_cache import query
from accv_cache._cli import forms, units
from accv_cache._cli.grouped import GroupedOption, goes_without
from accv_cache._cli.memory import Memory, shows_memory
from accv_cache._cli.output import Output, write_errors, writes_reports
from accv_cache._cli.residency import exit_code, look, with_spans, write_residency
from accv_cache._cli.selection import Selection, files_command, selects_files

_option = partial(click.option, cls=GroupedOption, group="What to show")


@files_command(
    "query",
    """
A directory means the files below it. Files are opened, but not changed or read in. In a map, a
full block is resident, a light one partly, a dot not at all; what is outside of -p is blank.
""",
    forms.QUERY,
    """
  accv-cache query videos/
  accv-cache query 'videos/*.mp4' -v
  accv-cache query videos/ -I '*.mp4' -i old -m 10G -p 1M-2M
  find videos -name '*.mkv' -print0 | accv-cache query -0 --from -
  accv-cache query videos/ --json
  accv-cache query --porcelain videos/ | sort -n | tail -n 3
  accv-cache query videos/ --depth 1
  accv-cache query --cgroup
""",
)
@_option("--watch", is_flag=True, help="Measure repeatedly, and show what changes.")
@_option(
    "--interval",
    type=units.seconds,
    default="1",
    show_default=True,
    metavar="SECONDS",
    help="The time between two measurements of --watch.",
)
@_option(
    "--depth",
    type=click.IntRange(min=0),
    metavar="N",
    help="Show the sums of directories, N levels below the one that all files share.",
)
@_option(
    "--no-maps",
    is_flag=True,
    help="With --json, omit the resident ranges, which need a scan of the pages of each file.",
)
@selects_files
@writes_reports
@shows_memory
def command(  # noqa: PLR0913 - one per option
    selection: Selection,
    output: Output,
    memory: Memory,
    *,
    watch: bool,
    interval: float,
    depth: int | None,
    no_maps: bool,
) -> int:
    """Run the command, and return the exit code."""
    if memory.option is not None:
        from accv_cache._cli.cgroup import show_memory  # noqa: PLC0415 - for the start-up of the rest

        return show_memory(memory, output)
    if watch:
        goes_without("--watch", ("json", "porcelain", "quiet", "depth", "no_maps"))
        return _watch(selection, interval)
    spans = output.json and not no_maps and depth is None
    report = look(selection, output, spans=spans)
    if depth is None:
        write_residency(report, selection, output)
    else:
        from accv_cache._cli.directories import write_directories  # noqa: PLC0415 - likewise

        write_directories(report, depth, output)
    write_errors(report.failed)
    return exit_code(report)


def _watch(selection: Selection, interval: float) -> int:
    from accv_cache._cli.watching import watch  # noqa: PLC0415 - for the start-up of the rest

    find = selection.finder()
    return watch(
        lambda: query(find(), **selection.walk), partial(with_spans, selection=selection), interval
    )

"""`accv-cache query`: see what is resident."""

import dataclasses
from functools import partial

import click

from accv_cache import CgroupMemory, cgroup_memory, query
from accv_cache._cli import forms
from accv_cache._cli.grouped import GroupedCommand, GroupedOption
from accv_cache._cli.output import Output, write_errors, writes_reports
from accv_cache._cli.residency import exit_code, look, with_spans, write_residency
from accv_cache._cli.selection import Selection, selects_files
from accv_cache._cli.tables import cgroup_table
from accv_cache._cli.terminal import complain, paint, width, write

_Figures = dict[str, forms.Value]


_option = partial(click.option, cls=GroupedOption, group="What to show")


@click.command(
    "query",
    cls=GroupedCommand,
    epilog="""\b
Examples:
  accv-cache query videos/
  accv-cache query 'videos/*.mp4' -v
  accv-cache query videos/ -I '*.mp4' -i old -m 10G -p 1M-2M
  find videos -name '*.mkv' -print0 | accv-cache query -0 --from -
  accv-cache query videos/ --json
  accv-cache query --porcelain videos/ | sort -n | tail -n 3
  accv-cache query --cgroup

"""
    + forms.sentence(forms.QUERY),
)
@_option("--watch", is_flag=True, help="Look again and again, and show what changes.")
@_option(
    "--interval",
    type=click.FloatRange(min=0.05),
    default=1.0,
    show_default=True,
    metavar="SECONDS",
    help="How often to look with --watch.",
)
@_option("--cgroup", is_flag=True, help="Show what fills the memory limit of this pod or job.")
@_option(
    "--no-maps",
    is_flag=True,
    help="With --json, leave out which ranges are resident: to find them takes a walk over the "
    "pages of each file.",
)
@selects_files
@writes_reports
def command(  # noqa: PLR0913 - one per option
    selection: Selection,
    output: Output,
    *,
    watch: bool,
    interval: float,
    cgroup: bool,
    no_maps: bool,
) -> int:
    """See how much of files is in the page cache.

    A directory means the files below it. Files are opened, and not changed or read in. In a map, a
    full block is resident, a light one partly, a dot not at all; what is outside of -p is blank.

    A PATH that has a * or ? and is no file's name is a pattern of fnmatch(3), for a shell that does
    not expand it. A name that exists is that name, whatever it looks like.
    """
    if cgroup:
        return _show_cgroup(selection, output)
    if watch:
        return _watch(selection, output, interval)
    report = look(selection, output, spans=output.json and not no_maps)
    write_residency(report, selection, output)
    write_errors(report.failed)
    return exit_code(report)


def _watch(selection: Selection, output: Output, interval: float) -> int:
    if not output.for_people:
        message = "--watch draws for people: it goes without --json, --porcelain and -q."
        raise click.UsageError(message)
    from accv_cache._cli.watching import watch  # noqa: PLC0415 - for the start-up of the rest

    find = selection.finder()
    return watch(
        lambda: query(find(), **selection.walk), partial(with_spans, selection=selection), interval
    )


def _show_cgroup(selection: Selection, output: Output) -> int:
    if not selection.is_empty:
        message = "--cgroup looks at the memory of this pod or job: it takes no files."
        raise click.UsageError(message)
    memory = cgroup_memory()
    figures = None if memory is None else _as_dict(memory)
    if memory is None and not output.json:
        complain("no cgroup accounts for the memory of this process; see `free -h`")
    output.write(
        document=lambda: figures,
        lines=lambda: forms.rows(forms.CGROUP, _numbers(figures)),
        picture=lambda: _draw(memory),
    )
    return 0


def _numbers(figures: _Figures | None) -> list[tuple[str, forms.Value]]:
    return [(name, count) for name, count in (figures or {}).items() if name != "advice"]


def _draw(memory: CgroupMemory | None) -> None:
    if memory is None:
        return
    write(*cgroup_table(memory, width()), "", paint(memory.advice, "bold"))


def _as_dict(memory: CgroupMemory) -> _Figures:
    return {
        **dataclasses.asdict(memory),
        "evictable_bytes": memory.evictable_bytes,
        "working_set_bytes": memory.working_set_bytes,
        "advice": memory.advice,
    }

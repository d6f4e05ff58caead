"""`torchrun … -m accv_cache.distributed`: a verb on each node, and a line per node."""

import os
from collections.abc import Callable
from functools import partial
from typing import Any

import click

from accv_cache import CacheReport, DropCacheStatus, DropReport, PrefetchReport
from accv_cache import drop as drop_files
from accv_cache import prefetch as prefetch_files
from accv_cache import query as query_files
from accv_cache._cli import units
from accv_cache._cli.commands import run_group
from accv_cache._cli.grouped import GroupedCommand, GroupedOption
from accv_cache._cli.output import Output
from accv_cache._cli.prefetch import limits
from accv_cache._cli.selection import Selection, selects_files
from accv_cache._cli.terminal import complain, write
from accv_cache._exit_codes import USAGE
from accv_cache.distributed import NodeReports
from accv_cache.distributed.torch import on_each_node

_NAME = "torchrun … -m accv_cache.distributed"


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def commands() -> None:
    """Drop, query or prefetch once on each node of a job of torchrun.

    Each node reads its own directories, patterns and lists. Rank 0 writes a line per node, and
    exits with 0 if all is well, with the status of the first file that failed, or with 4 if a node
    failed.
    """


def _command(function: Callable[..., int]) -> click.Command:
    options = partial(click.option, cls=GroupedOption, group="Output")
    function = options("--json", is_flag=True, help="Write one JSON document.")(function)
    function = options(
        "--timeout",
        type=units.seconds,
        default="60",
        show_default=True,
        metavar="SECONDS",
        help="How long to wait for a node.",
    )(function)
    return commands.command(cls=GroupedCommand)(selects_files(function))


def _drop(selection: Selection) -> DropReport:
    return drop_files(selection.find(), **selection.walk)


def _query(selection: Selection) -> CacheReport:
    return query_files(selection.find(), **selection.walk)


def _prefetch(selection: Selection, **options: Any) -> PrefetchReport:  # noqa: ANN401 - its own
    return prefetch_files(selection.find(), **selection.walk, **options)


@_command
def query(selection: Selection, **options: Any) -> int:  # noqa: ANN401 - of `_show`
    """See how much of files is in the page cache of each node."""
    return _show(_query, selection, **options)


@_command
def drop(selection: Selection, **options: Any) -> int:  # noqa: ANN401 - of `_show`
    """Evict files from the page cache of each node."""
    return _show(_drop, selection, **options)


@_command
@limits
def prefetch(selection: Selection, **options: Any) -> int:  # noqa: ANN401 - of `_show`
    """Read files into the page cache of each node before they are needed."""
    return _show(_prefetch, selection, **options)


def _show(
    function: Callable[..., object],
    selection: Selection,
    *,
    timeout: float,
    json: bool,
    **options: Any,  # noqa: ANN401 - of the verb
) -> int:
    selection.check()  # here, not on each node
    try:
        reports = on_each_node(function, selection, timeout=timeout, **options)
    except RuntimeError as error:
        complain(str(error))
        return USAGE
    if int(os.environ["RANK"]) > 0:
        return 0
    Output(json, porcelain=False, zero=False, verbose=False, quiet=False).write(
        document=reports.to_dict,
        lines=tuple,
        picture=lambda: write(*reports.table().splitlines(), str(reports)),
    )
    return _exit_code(reports)


def _exit_code(reports: NodeReports) -> int:
    if reports.failed:
        return DropCacheStatus.UNKNOWN_ERROR.value
    if reports.ok:
        return DropCacheStatus.SUCCESS.value
    status = getattr(reports.merged, "status", DropCacheStatus.FILE_OPEN_FAILED)
    code: int = status.value
    return code


def run() -> int:
    """Run the command that the arguments name; return the exit code."""
    return run_group(commands, _NAME)

"""The command line of the benchmark."""

import os
import shutil
import tempfile
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path

import click
from rich.console import Console

from . import machine
from .cases import FULL, QUICK, Case, Workspace, cases
from .measure import NotRun
from .report import Report, Row, around_table

A_FILE = click.Path(dir_okay=False, path_type=Path)


def _writable(_context: click.Context, option: click.Parameter, path: Path | None) -> Path | None:
    """Refuse before anything is measured what could not be written afterwards."""
    if path is None:
        return None
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        reason = f"{path} cannot be written"
        raise click.BadParameter(reason)
    if option.name == "svg_file" and find_spec("matplotlib") is None:
        reason = "needs matplotlib: pip install --group bench"
        raise click.BadParameter(reason)
    if option.name == "markdown_file":
        try:
            around_table(path)
        except (OSError, ValueError) as error:
            raise click.BadParameter(str(error)) from error
    return path


@click.command()
@click.option("--quick", is_flag=True, help="Few and small files: proves that all of it runs.")
@click.option(
    "--case",
    "names",
    multiple=True,
    type=click.Choice([case.name for case in cases(FULL)]),
    help="Only this case. May be given several times.",
)
@click.option(
    "--runs",
    default=5,
    show_default=True,
    type=click.IntRange(min=1),
    help="Timed runs of each contender.",
)
@click.option(
    "--directory",
    default="/var/tmp",  # noqa: S108, not /tmp: often memory, which cannot be evicted
    show_default=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Where to make the files, 7 GiB, in a directory of their own that is removed at the end.",
)
@click.option(
    "--json", "json_file", type=A_FILE, callback=_writable, help="Write all values there."
)
@click.option("--svg", "svg_file", type=A_FILE, callback=_writable, help="Draw the picture there.")
@click.option(
    "--markdown",
    "markdown_file",
    type=A_FILE,
    callback=_writable,
    help="Renew the table in this document.",
)
def main(  # noqa: PLR0913, one parameter an option
    *,
    quick: bool,
    names: tuple[str, ...],
    runs: int,
    directory: Path,
    json_file: Path | None,
    svg_file: Path | None,
    markdown_file: Path | None,
) -> None:
    """Compare accv_cache with its peers, each case in runs that alternate."""
    sizes = QUICK if quick else FULL
    chosen = [case for case in cases(sizes) if not names or case.name in names]
    console = Console(width=max(Console().width, 150))  # narrower, every cell would wrap
    made = Path(tempfile.mkdtemp(prefix="accv_cache-", dir=directory))
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, made)
        workspace = Workspace(made, sizes, stack)
        rows = [_row(case, workspace, runs, console) for case in chosen]
    report = Report(machine.describe(directory), runs, rows)
    console.print(report.table())
    if json_file:
        report.write_json(json_file)
    if svg_file:
        report.write_picture(svg_file)
    if markdown_file:
        report.write_markdown(markdown_file)


def _row(case: Case, workspace: Workspace, runs: int, console: Console) -> Row:
    with console.status(case.name):
        try:
            row = Row(case, case.run(workspace, runs))
        except NotRun as reason:
            row = Row(case, None, str(reason))
    console.print(f"{case.name}: {row.found}")
    return row


if __name__ == "__main__":
    main()

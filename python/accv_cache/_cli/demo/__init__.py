"""`accv-cache demo`: the command; what it does is in `walkthrough`."""

import sys

import click

from accv_cache import DropCacheStatus
from accv_cache._cli.front import COMMANDS


@click.command(
    "demo",
    help=f"""{COMMANDS["demo"]}

Makes a handful of clips in a temporary folder, reads and decodes them, evicts them with
drop_videos_cache, and draws how much of each is in memory before and after. Takes some seconds and
40 MB of disk, and cleans up.
""",
    epilog="""\b
Examples:
  accv-cache demo
  accv-cache demo --directory .
""",
)
@click.option(
    "--directory",
    metavar="DIR",
    type=click.Path(exists=True, file_okay=False, writable=True),
    help="Make the clips here, on a disk, instead of where temporary files go.",
)
def command(directory: str | None) -> int:
    """Run the command, and return the exit code."""
    if sys.platform != "linux":
        click.echo("The demo needs Linux: elsewhere there is no page cache that one may evict.")
        return DropCacheStatus.PLATFORM_ERROR.value
    # Here, because rich and PyAV take long to import.
    from pathlib import Path  # noqa: PLC0415

    from accv_cache._cli.demo.walkthrough import walk_through  # noqa: PLC0415

    return walk_through(None if directory is None else Path(directory))

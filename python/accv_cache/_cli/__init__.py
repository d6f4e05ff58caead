"""The command line: one module a command, and what the commands share.

Only click is imported up front: `accv-cache --help` should answer at once, and rich and PyAV take
longer to import than all the rest.
"""

import io
import os
import sys

import click
from click.shell_completion import shell_complete

from accv_cache import __version__
from accv_cache._cli.completion import VARIABLE, completion
from accv_cache._cli.demo import demo
from accv_cache._cli.drop import drop_command
from accv_cache._cli.query import query_command
from accv_cache._exit_codes import MEANINGS, USAGE
from accv_cache._status import DropCacheStatus

NAME = "accv-cache"


@click.group(
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: " + "; ".join(f"{code} {means}" for code, means in MEANINGS.items()) + ".",
)
@click.version_option(__version__, message="%(prog)s %(version)s")
def commands() -> None:
    """Evict files from the page cache, and see what left.

    Needs no root: whoever may read a file may evict it.
    """


commands.add_command(completion)
commands.add_command(demo)
commands.add_command(drop_command)
commands.add_command(query_command)


def run() -> int:
    """Run the command that the arguments name; the result is the exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a test may have put something else there
            stream.reconfigure(errors="backslashreplace")
    # Not click's own `main`: it ends with 1 when the reader of a pipe goes away.
    try:
        if task := os.environ.get(VARIABLE):
            return shell_complete(commands, {}, NAME, VARIABLE, task)
        with commands.make_context(NAME, sys.argv[1:]) as context:
            code: int | None = commands.invoke(context)
    except click.exceptions.Exit as ended:
        return ended.exit_code
    except click.ClickException as error:
        error.show()
        return USAGE
    except BrokenPipeError:
        raise
    except OSError as error:
        click.echo(f"{NAME}: {error}", err=True)
        return DropCacheStatus.UNKNOWN_ERROR.value
    return code or 0

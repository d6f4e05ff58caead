"""The commands. Each is loaded on first use, so that none waits for the others."""

import os
import sys
from importlib import import_module

import click

from accv_cache import __version__
from accv_cache._cli.front import COMMANDS, COMPLETION_VARIABLE, NAME, first_screen
from accv_cache._exit_codes import USAGE


class _Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's own
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        command = import_module(f"accv_cache._cli.{cmd_name}").command
        assert isinstance(command, click.Command)  # noqa: S101 - for the type checker
        return command

    def get_help(self, ctx: click.Context) -> str:  # noqa: ARG002 - click's own
        return first_screen()


# The text is for the manual: it is no docstring, which `python -OO` removes.
@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="""Evict files from the page cache, and see what stays and why.

Needs no root: whoever may read a file may evict it.
""",
)
@click.version_option(__version__, message="%(prog)s %(version)s")
def commands() -> None:
    """Hold the commands."""


def run() -> int:
    """Run the command that the arguments name; return the exit code."""
    return run_group(commands, NAME)


def run_group(group: click.Group, name: str) -> int:
    """Run the command of a group that the arguments name; return the exit code."""
    # Not click's own `main`, which has other exit codes.
    try:
        if task := os.environ.get(COMPLETION_VARIABLE):
            from click.shell_completion import shell_complete  # noqa: PLC0415 - only here

            return shell_complete(group, {}, name, COMPLETION_VARIABLE, task)
        with group.make_context(name, sys.argv[1:]) as context:
            code: int | None = group.invoke(context)
    except click.exceptions.Exit as ended:
        return ended.exit_code
    except click.ClickException as error:
        error.show()
        return USAGE
    return code or 0

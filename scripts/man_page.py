#!/usr/bin/env python3
"""Writes docs/accv-cache.1, the manual page, from the commands' own help.

python scripts/man_page.py
"""

import re
from collections.abc import Iterator
from pathlib import Path

import click

from accv_cache._cli import NAME, commands
from accv_cache._cli.output import capitalised
from accv_cache._exit_codes import MEANINGS

PAGE = Path(__file__).parents[1] / "docs" / "accv-cache.1"


def manual() -> str:
    """The page, in the macros of man(7)."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    root = click.Context(commands, info_name=NAME)
    yield '.TH ACCV\\-CACHE 1 "" "accv_cache" "User Commands"'
    yield ".SH NAME"
    yield f"{_roff(NAME)} \\- {_roff(commands.get_short_help_str(limit=100).rstrip('.').lower())}"
    yield ".SH SYNOPSIS"
    yield f".B {_roff(NAME)}"
    yield _roff(" ".join(commands.collect_usage_pieces(root)))
    yield ".SH DESCRIPTION"
    yield from _paragraphs(commands.help or "")
    yield ".SH COMMANDS"
    for name, command in sorted(commands.commands.items()):
        yield from _command(command, click.Context(command, info_name=name, parent=root))
    yield ".SH OPTIONS"
    yield from _options(commands)
    yield from (".TP", f".B {_roff('-h, --help')}", "Show the help of the command and exit.")
    yield ".SH EXIT STATUS"
    for code, meaning in MEANINGS.items():
        yield from (".TP", f".B {code}", _roff(capitalised(meaning)))
    yield ".SH SEE ALSO"
    yield ".BR fincore (1),"
    yield ".BR posix_fadvise (2),"
    yield ".BR sync_file_range (2),"
    yield ".BR mincore (2)"


def _command(command: click.Command, context: click.Context) -> Iterator[str]:
    yield f".SS {_roff(' '.join([context.command_path, *command.collect_usage_pieces(context)]))}"
    yield from _paragraphs(command.help or "")
    yield from _options(command)
    yield from _paragraphs(command.epilog or "")


def _options(command: click.Command) -> Iterator[str]:
    # Not click's own help records, which differ from version to version.
    for option in command.params:
        if isinstance(option, click.Option):
            value = "" if option.is_flag else f" {option.metavar}"
            yield from (".TP", f".B {_roff(', '.join(option.opts) + value)}")
            yield _roff(option.help or "")


def _paragraphs(text: str) -> Iterator[str]:
    """Keep the lines of a paragraph that click is told not to wrap."""
    for paragraph in text.strip().split("\n\n"):
        yield ".PP"
        if paragraph.startswith("\b"):
            yield from (".nf", *map(_roff, paragraph.splitlines()[1:]), ".fi")
        else:
            yield _roff(" ".join(paragraph.split()))


def _roff(text: str) -> str:
    escaped = text.replace("\\", "\\e").replace("-", "\\-").replace("…", "\\[u2026]")
    # A line must not start with a control character.
    return re.sub(r"^(?=[.'])", r"\\&", escaped)


if __name__ == "__main__":
    PAGE.write_text(manual(), encoding="utf-8")

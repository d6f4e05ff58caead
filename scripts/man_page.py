#!/usr/bin/env python3
"""Writes docs/accv-cache.1, and the tables in docs/command-line.md, from the commands themselves.

python scripts/man_page.py
"""

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import click

from accv_cache._cli import forms
from accv_cache._cli.commands import commands
from accv_cache._cli.forms import Field
from accv_cache._cli.front import COMMANDS, NAME
from accv_cache._cli.output import capitalised
from accv_cache._exit_codes import MEANINGS

PAGE = Path(__file__).parents[1] / "docs" / "accv-cache.1"
WEB_PAGE = PAGE.with_name("command-line.md")

_BLOCK = re.compile(r"(<!-- (\S+): made by scripts/man_page.py -->\n).*?(<!-- end -->)", re.DOTALL)


def manual() -> str:
    """The page, in the macros of man(7)."""
    return "\n".join(_lines()) + "\n"


def web_page() -> str:
    """The page with its tables made anew."""
    return _BLOCK.sub(
        lambda block: f"{block[1]}\n{_TABLES[block[2]]()}\n\n{block[3]}",
        WEB_PAGE.read_text(encoding="utf-8"),
    )


def _table_of(fields: Sequence[Field[Any]]) -> str:
    rows = (f"| {number} | {each.name} | {each.meaning} |" for number, each in enumerate(fields, 1))
    return "\n".join(["| field | | |", "|---|---|---|", *rows])


def _exit_codes() -> str:
    rows = (f"| {code} | {meaning} |" for code, meaning in MEANINGS.items())
    return "\n".join(["| code | |", "|---|---|", *rows])


_TABLES: dict[str, Callable[[], str]] = {
    "query-porcelain": lambda: _table_of(forms.QUERY),
    "drop-porcelain": lambda: _table_of(forms.DROP),
    "exit-codes": _exit_codes,
}


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
    for name in COMMANDS:
        command = commands.get_command(root, name)
        assert command is not None  # noqa: S101 - for the type checker
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
    WEB_PAGE.write_text(web_page(), encoding="utf-8")

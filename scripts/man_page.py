#!/usr/bin/env python3
"""Writes docs/accv-cache.1, and the tables in docs/command-line.md, from the commands themselves.

python scripts/man_page.py
"""

import re
import textwrap
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import click

from accv_cache._cli import forms
from accv_cache._cli.commands import commands
from accv_cache._cli.forms import Field
from accv_cache._cli.front import COMMANDS, NAME
from accv_cache._cli.grouped import GroupedCommand
from accv_cache._cli.output import capitalised
from accv_cache._exit_codes import MEANINGS

PAGE = Path(__file__).parents[1] / "docs" / "accv-cache.1"
WEB_PAGE = PAGE.with_name("command-line.md")

DATE = "2026-11-26"
"""When the page last said something else."""

ENVIRONMENT = {
    "COLUMNS": "How wide tables are, also in a pipe, where they are as wide as their content.",
    "NO_COLOR": "If it is set, and not empty, nothing is coloured or bold.",
    "FORCE_COLOR": "If it is set, and not empty, so are tables in a pipe.",
    "TERM": "In a terminal that is dumb nothing is drawn over.",
}

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


def _commands() -> str:
    return "\n\n".join(map(_section, _loaded()))


def _section(context: click.Context) -> str:
    """The text of the page for a command."""
    command = context.command
    parts = [f"### {context.info_name}", f"```text\n{_usage(context)}\n```"]
    parts += [_markdown(paragraph) for paragraph in _paragraphs(command.help)]
    for title, options in _groups(context).items():
        rows = [f"| `{_escaped(_spelled(each))}` | {_escaped(each.help)} |" for each in options]
        parts.append("\n".join([f"| {title} | |", "|---|---|", *rows]))
    parts += [_markdown(paragraph) for paragraph in _paragraphs(command.epilog)]
    return "\n\n".join(parts)


def _markdown(paragraph: list[str]) -> str:
    if len(paragraph) == 1:
        return _escaped(paragraph[0])
    title, *lines = paragraph
    return "\n".join([title, "", "```text", *(line.strip() for line in lines), "```"])


def _escaped(text: str | None) -> str:
    return (text or "").replace("*", "\\*").replace("|", "\\|")


def _table_of(fields: Sequence[Field]) -> str:
    rows = (f"| {number} | {each.name} | {each.meaning} |" for number, each in enumerate(fields, 1))
    return "\n".join(["| field | | |", "|---|---|---|", *rows])


def _exit_codes() -> str:
    rows = (f"| {code} | {meaning} |" for code, meaning in MEANINGS.items())
    return "\n".join(["| code | |", "|---|---|", *rows])


_TABLES: dict[str, Callable[[], str]] = {
    "commands": _commands,
    "query-porcelain": lambda: _table_of(forms.QUERY),
    "prefetch-porcelain": lambda: _table_of(forms.PREFETCH),
    "query-depth": lambda: _table_of(forms.DIRECTORY),
    "drop-porcelain": lambda: _table_of(forms.DROP),
    "exit-codes": _exit_codes,
}


def _loaded() -> Iterator[click.Context]:
    """The context of each command."""
    root = click.Context(commands, info_name=NAME)
    for name in COMMANDS:
        command = commands.get_command(root, name)
        assert command is not None  # noqa: S101 - for the type checker
        yield click.Context(command, info_name=name, parent=root)


def _usage(context: click.Context) -> str:
    return " ".join([context.command_path, *context.command.collect_usage_pieces(context)])


def _groups(context: click.Context) -> dict[str, list[click.Option]]:
    """The options of a command in groups, without that for its help."""
    if not isinstance(context.command, GroupedCommand):
        options = [each for each in context.command.params if isinstance(each, click.Option)]
        return {"Options": options} if options else {}
    groups = context.command.groups(context)
    return {title: groups[title] for title in groups if title != "Help"}


def _spelled(option: click.Option) -> str:
    # Not click's own help records, which differ from version to version.
    value = "" if option.is_flag else f" {option.metavar}"
    return ", ".join(option.opts) + value


def _paragraphs(text: str | None) -> Iterator[list[str]]:
    """The paragraphs: one line each, or several lines if click must not wrap them."""
    for paragraph in (text or "").strip().split("\n\n"):
        if paragraph.startswith("\b"):
            yield paragraph.splitlines()[1:]
        elif paragraph:
            yield [" ".join(paragraph.split())]


def _lines() -> Iterator[str]:
    yield f'.TH ACCV\\-CACHE 1 "{DATE}" "accv_cache" "User Commands"'
    yield ".SH NAME"
    yield f"{_roff(NAME)} \\- {_roff(commands.get_short_help_str(limit=100).rstrip('.').lower())}"
    yield ".SH SYNOPSIS"
    yield f".B {_roff(NAME)}"
    yield "COMMAND [OPTIONS] [PATH]..."
    yield ".SH DESCRIPTION"
    yield from _body(commands.help)
    yield ".SH COMMANDS"
    for context in _loaded():
        yield f".SS {_roff(_usage(context))}"
        yield from _body(context.command.help)
        for title, options in _groups(context).items():
            yield from (".PP", f".I {_roff(title)}")
            for option in options:
                yield from (".TP", f".B {_roff(_spelled(option))}", *_wrapped(option.help))
        yield ".PP"
        yield from _body(context.command.epilog)
    yield ".SH OPTIONS"
    yield from (".TP", f".B {_roff('-h, --help')}", "Show the help of the command and exit.")
    yield from (".TP", f".B {_roff('--version')}", "Show the version and exit.")
    yield ".SH EXIT STATUS"
    for code, meaning in MEANINGS.items():
        yield from (".TP", f".B {code}", _roff(capitalised(meaning)))
    yield ".PP"
    yield from _wrapped("A signal that ends it does so as for any program: 128 and its number.")
    yield ".SH ENVIRONMENT"
    for name, meaning in ENVIRONMENT.items():
        yield from (".TP", f".B {name}", *_wrapped(meaning))
    yield ".SH SEE ALSO"
    yield ".BR fincore (1),"
    yield ".BR posix_fadvise (2),"
    yield ".BR sync_file_range (2),"
    yield ".BR mincore (2),"
    yield ".BR fnmatch (3)"


def _body(text: str | None) -> Iterator[str]:
    """The paragraphs, with a macro between them."""
    for number, paragraph in enumerate(_paragraphs(text)):
        if number:
            yield ".PP"
        if len(paragraph) == 1:
            yield from _wrapped(paragraph[0])
        else:
            yield from (".nf", *map(_roff, paragraph), ".fi")


def _wrapped(text: str | None) -> Iterator[str]:
    """One line per sentence or part of one, as sources of manual pages have them."""
    for sentence in re.split(r"(?<=[.:;]) (?=[A-Z])", text or ""):
        yield from map(_roff, textwrap.wrap(sentence, 66, break_on_hyphens=False))


def _roff(text: str) -> str:
    escaped = text.replace("\\", "\\e").replace("-", "\\-")
    # A line must not start with a control character.
    return re.sub(r"^(?=[.'])", r"\\&", escaped)


if __name__ == "__main__":
    PAGE.write_text(manual(), encoding="utf-8")
    WEB_PAGE.write_text(web_page(), encoding="utf-8")

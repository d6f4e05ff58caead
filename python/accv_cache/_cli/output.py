"""The output of a command: the shared options, and the formats for programs."""

import functools
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, Protocol

import click

from accv_cache._cli.grouped import GroupedOption, goes_without
from accv_cache._cli.terminal import complain, write_bytes
from accv_cache._report import Report
from accv_cache._text import as_count, printable

ROWS = 20
"""The rows of a table, unless all are requested."""


class Output(NamedTuple):
    """What to write, and in which format."""

    json: bool
    porcelain: bool
    zero: bool
    verbose: bool
    quiet: bool

    def write(
        self,
        *,
        document: Callable[[], object],
        lines: Callable[[], Iterable[Sequence[str | int | None]]],
        picture: Callable[[], None],
    ) -> None:
        """Write in the requested format: a JSON document, lines of fields, or text for people."""
        if self.json:
            _write_json(document())
        elif self.porcelain:
            _write_lines(lines(), end="\0" if self.zero else "\n")
        elif not self.quiet:
            picture()

    @property
    def for_people(self) -> bool:
        """Whether to write tables and sentences."""
        return not (self.json or self.porcelain or self.quiet)


class _Failed(Protocol):
    @property
    def path(self) -> str: ...
    @property
    def error(self) -> OSError | None: ...


def _write_json(document: object) -> None:
    """Write one document. It is ASCII, and names of any bytes can be read back."""
    import json  # noqa: PLC0415 - only for a faster start

    if sys.getfilesystemencoding() != "utf-8":
        document = _as_unicode(document)
    write_bytes(json.dumps(document, indent=2).encode("ascii") + b"\n")


def _as_unicode(value: object) -> object:
    """Read the names of files as UTF-8, as in JSON, not by the locale."""
    if isinstance(value, str):
        return os.fsencode(value).decode("utf-8", "surrogateescape")
    if isinstance(value, dict):
        return {key: _as_unicode(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_as_unicode(each) for each in value]
    return value


def _write_lines(rows: Iterable[Sequence[str | int | None]], *, end: str) -> None:
    """Write one line per row, with its fields separated by tabs and '-' for unknown."""
    for row in rows:
        line = "\t".join("-" if field is None else str(field) for field in row) + end
        write_bytes(os.fsencode(line))


def write_errors(records: Iterable[_Failed]) -> None:
    """Name the files that failed, and why, on standard error."""
    for record in records:
        if record.error is not None:
            complain(f"{printable(record.path)}: {record.error.strerror}")


def mention_unknown(report: Report[Any], outcome: str) -> None:
    """Name one of the files that cannot be measured; one of many is enough to show the cause."""
    if not report.unknown_files:
        return
    first = next(each for each in report.files if each.unknown is not None)
    others = f" and {as_count(report.unknown_files - 1, 'more file')}" * (report.unknown_files > 1)
    complain(f"{printable(first.path)}{others}: {outcome}: {first.message}")


def capitalised(sentence: str) -> str:
    """The line of a report for a log, as a sentence."""
    return f"{sentence[:1].upper()}{sentence[1:]}."


_option = functools.partial(click.option, cls=GroupedOption, group="Output")

_OPTIONS = (
    _option("--json", is_flag=True, help="Write one JSON document."),
    _option("--porcelain", is_flag=True, help="Write one line per file, for scripts."),
    _option("-z", "--zero", is_flag=True, help="End the lines of --porcelain with NUL."),
    _option("-v", "--verbose", is_flag=True, help="Show every file."),
    _option("-q", "--quiet", is_flag=True, help="Write nothing but errors."),
)


def writes_reports(command: Callable[..., int]) -> Callable[..., int]:
    """Give a command these options as one `Output`."""

    @functools.wraps(command)
    def with_output(*arguments: Any, **options: Any) -> int:  # noqa: ANN401 - what click passes
        output = Output(**{name: options.pop(name) for name in Output._fields})
        if output.json:
            goes_without("--json", ("porcelain", "zero"))
        return command(*arguments, output, **options)

    return functools.reduce(lambda made, option: option(made), reversed(_OPTIONS), with_output)

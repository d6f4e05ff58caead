"""The reports that `query --json` saved."""

import os
import sys
from typing import Any

import click
from click.shell_completion import CompletionItem

from accv_cache import CacheReport
from accv_cache._cache_report import table_with_spans
from accv_cache._cli.terminal import STANDARD_INPUT
from accv_cache._text import printable


class SavedReport(click.ParamType):  # type: ignore[type-arg, unused-ignore] # newer ones are generic
    """The name of a file with a report; '-' is standard input."""

    name = "file"

    def convert(
        self,
        value: Any,  # noqa: ANN401 - click's own
        param: click.Parameter | None,  # noqa: ARG002 - click's own
        ctx: click.Context | None,  # noqa: ARG002
    ) -> CacheReport:
        """Read the report."""
        return value if isinstance(value, CacheReport) else _read(value)

    def shell_complete(
        self,
        ctx: click.Context,  # noqa: ARG002 - click's own
        param: click.Parameter,  # noqa: ARG002
        incomplete: str,
    ) -> list[CompletionItem]:
        """Let the shell complete names of files."""
        return [CompletionItem(incomplete, type="file")]


def _read(path: str) -> CacheReport:
    import json  # noqa: PLC0415 - only for a faster start

    try:
        with open(STANDARD_INPUT if path == "-" else path, "rb", closefd=path != "-") as file:
            document = json.load(file)
        if sys.getfilesystemencoding() != "utf-8":
            document = _as_names(document)
        report = CacheReport.from_dict(document)
    except OSError as error:
        message = f"Cannot read {printable(path)}: {error.strerror}."
    except (ValueError, RecursionError) as error:  # no JSON, or that of something else
        message = f"{printable(path)} was not written by query --json: {error}."
    else:
        return _with_spans(report, path)
    raise click.BadParameter(message)


def _with_spans(report: CacheReport, path: str) -> CacheReport:
    try:
        table_with_spans(report)
    except ValueError as error:
        message = f"{printable(path)} has no resident ranges: write it without --no-maps."
        raise click.BadParameter(message) from error
    return report


def _as_names(document: object) -> object:
    """Read the names of files by the locale; in JSON they are UTF-8."""
    if isinstance(document, str):
        return os.fsdecode(document.encode("utf-8", "surrogateescape"))
    if isinstance(document, dict):
        return {key: _as_names(each) for key, each in document.items()}
    return [*map(_as_names, document)] if isinstance(document, list) else document

"""The reports that `query --json` saved."""

import os
import sys

import click

from accv_cache import CacheReport
from accv_cache._cache_report import table_with_spans
from accv_cache._text import printable


def saved_report(path: str) -> CacheReport:
    """Read a report; '-' is standard input."""
    import json  # noqa: PLC0415 - only for a faster start

    try:
        with open(sys.stdin.fileno() if path == "-" else path, "rb", closefd=path != "-") as file:
            document = json.load(file)
        if sys.getfilesystemencoding() != "utf-8":
            document = _as_names(document)
        report = CacheReport.from_dict(document)
    except OSError as error:
        message = f"Cannot read {printable(path)}: {error.strerror}."
    except ValueError as error:  # no JSON, or that of something else
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

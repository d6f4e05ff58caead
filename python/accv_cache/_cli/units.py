"""Parsers of sizes, ranges and limits."""

import re
import sys
from contextlib import suppress
from typing import NamedTuple

import click

from accv_cache._until import as_limit

_SIZE = re.compile(
    r"(?=\.?\d)(?P<whole>\d{,19})\.?(?P<part>\d{,19}) ?(?P<unit>[kmgt]?)(?:i?b)?",
    re.ASCII | re.IGNORECASE,
)
_SHIFTS = {"": 0, "k": 10, "m": 20, "g": 30, "t": 40}
_LEAST, _A_DAY = 0.05, 24 * 60 * 60  # seconds


class ByteRange(NamedTuple):
    """The part of each file; a length of None means to the end."""

    offset: int = 0
    length: int | None = None


def size(text: str) -> int:
    """Read a size in bytes, such as 4096, 10M or 1.5GiB: units are binary.

    Examples:
        >>> size("64k"), size("1.5GiB")
        (65536, 1610612736)
    """
    match = _SIZE.fullmatch(text.strip())
    if match is not None:
        unit = 1 << _SHIFTS[match["unit"].lower()]
        whole, part = int(match["whole"] or 0), int(match["part"] or 0)
        found: int = whole * unit + part * unit // 10 ** len(match["part"])
        if found < sys.maxsize:  # the largest file
            return found
    message = f"{text!r} is no size of a file: write it like 4096, 10M or 1.5GiB."
    raise click.BadParameter(message)


def seconds(text: str) -> float:
    """Read a time between two measurements: at least 0.05 s, and at most a day.

    Examples:
        >>> seconds("0.5")
        0.5
    """
    with suppress(ValueError):
        found = float(text)
        if _LEAST <= found <= _A_DAY:  # false for NaN
            return found
    message = f"{text!r} is no number of seconds from {_LEAST} to {_A_DAY}."
    raise click.BadParameter(message)


def byte_range(text: str) -> ByteRange:
    """Read a range such as 10M-2G, 10M- (to the end), -2G or 2G (from the start), - (all of it).

    Examples:
        >>> byte_range("1k-3k"), byte_range("1k-"), byte_range("2k")
        (ByteRange(offset=1024, length=2048), ByteRange(offset=1024, length=None), \
ByteRange(offset=0, length=2048))
    """
    if text == "-":
        return ByteRange()
    first, _, last = text.rpartition("-")
    start = size(first) if first else 0
    if first and not last:
        return ByteRange(start)
    stop = size(last)
    if stop <= start:
        message = f"{text!r} ends where it starts, or before."
        raise click.BadParameter(message)
    return ByteRange(start, stop - start)


def limit(text: str) -> int:
    """Read a size, or a percentage of the memory: that of the cgroup's limit, if it has one."""
    if not text.endswith("%"):
        return size(text)
    try:
        return as_limit(text)
    except ValueError:
        message = f"{text!r} is no percentage: write it like 25%."
    except OSError as error:
        message = f"{error}, such as 10G."
    raise click.BadParameter(message)

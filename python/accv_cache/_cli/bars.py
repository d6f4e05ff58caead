"""Bars for the tables: a part of a whole, and the parts of a file."""

import re

from accv_cache import CacheRecord
from accv_cache._cli.terminal import can_write, paint

NARROWEST, WIDEST = 8, 48
"""The columns of a bar. A narrower terminal shows none."""

_ASCII = str.maketrans("█░·", "#+.")
_RUNS = re.compile(r"[█░#+]+|[·.]+")


def bar(fraction: float, width: int) -> str:
    """Draw `fraction`, 0 to 1. Only 0 looks empty, and only 1 looks full."""
    solid = round(width * fraction)
    if 0 < fraction < 1:
        solid = min(max(solid, 1), width - 1)
    full, rest = ("█", "░") if can_write("█░") else ("#", ".")
    return paint(full * solid, "green") + paint(rest * (width - solid), "dim")


def residency_map(record: CacheRecord, width: int) -> str:
    """Draw which parts of a file are resident."""
    drawn = record.map(width)
    plain = drawn if can_write("█░·") else drawn.translate(_ASCII)
    return _RUNS.sub(lambda run: paint(run[0], "dim" if run[0][0] in "·." else "green"), plain)

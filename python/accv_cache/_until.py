"""How much memory files may hold, and which files would be evicted until the rest fits."""

import os
import re
import sys
from collections import deque
from contextlib import suppress
from operator import itemgetter

from accv_cache._arguments import as_number

TYPE_CHECKING = False  # for a faster start
if TYPE_CHECKING:
    from accv_cache._cache_report import CacheRecord, CacheReport

_SHARE = re.compile(r"(\d+(?:\.\d+)?) ?%", re.ASCII)


def as_limit(until: int | str) -> int:
    """Return a number of bytes; '25%' is a share of the memory that the caller may use.

    Raises:
        TypeError: It is neither a number nor a text.
        ValueError: It is out of range, or no percentage from 0 % to 100 %.
        OSError: The limit of the memory is unknown.

    Examples:
        >>> as_limit(4096)
        4096
    """
    if isinstance(until, str):
        return _as_share(until)
    if isinstance(until, bool) or not hasattr(until, "__index__"):
        msg = f"until must be a number of bytes, or a share such as '25%', not {until!r}"
        raise TypeError(msg)
    return as_number("until", until, least=0)


def _as_share(until: str) -> int:
    match = _SHARE.fullmatch(until)
    if match is None or float(match[1]) > 100:  # noqa: PLR2004 - all of it
        msg = f"until must be a number of bytes, or a share such as '25%', not {until!r}"
        raise ValueError(msg)
    if sys.platform != "linux":
        return 0  # nothing can be evicted there, whatever the limit
    from accv_cache._cgroup import memory_limit  # noqa: PLC0415 - for a faster start

    memory = memory_limit()
    if memory is None:
        msg = "the memory limit of this process cannot be known: pass a number of bytes"
        raise OSError(msg)
    return int(memory * float(match[1]) / 100)


def paths_to_drop(found: "CacheReport", limit: int) -> list[str]:
    """Return the files that would be evicted until the rest holds `limit`."""
    waiting = _least_recently_used(found)
    return _take(waiting, _held_bytes(waiting) - limit)


def _least_recently_used(found: "CacheReport") -> "deque[CacheRecord]":
    """Return the files with resident pages, each once, even if it has several names.

    The first is the one whose access time is oldest.
    """
    uses: dict[tuple[int, int], tuple[int, CacheRecord]] = {}
    for record in found:
        if record.resident_bytes:
            with suppress(OSError):  # removed meanwhile, with its memory
                status = os.stat(record.path)  # noqa: PTH116 - no Path is needed
                file = status.st_dev, status.st_ino
                uses.setdefault(file, (status.st_atime_ns, record))
    return deque(record for _, record in sorted(uses.values(), key=itemgetter(0)))


def _take(records: "deque[CacheRecord]", excess: int) -> list[str]:
    """Take paths from the left until they hold the excess."""
    paths = []
    while excess > 0 and records:
        record = records.popleft()
        paths.append(record.path)
        excess -= record.resident_bytes or 0
    return paths


def _held_bytes(records: "deque[CacheRecord]") -> int:
    """Add up the resident bytes of the files."""
    return sum(record.resident_bytes or 0 for record in records)

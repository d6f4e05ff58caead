"""`accv-cache drop --until`: what was not read for longest goes, until the rest fits."""

import os
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from operator import itemgetter
from typing import Any

from accv_cache import CacheRecord, CacheReport, DropReport, drop
from accv_cache._cli.output import Output
from accv_cache._cli.progress import LiveProgress
from accv_cache._cli.residency import look
from accv_cache._cli.selection import Selection
from accv_cache._cli.terminal import complain
from accv_cache._text import as_count


def drop_until(
    limit: int, selection: Selection, output: Output, options: dict[str, Any]
) -> DropReport:
    """Drop the least recently used until the files hold `limit`; what is mapped may not go."""
    found = look(selection, output)
    if found.unknown_files:
        unknown = as_count(found.unknown_files, "file")
        complain(f"not counted: {unknown} that cannot be measured")
    left = _least_recently_used_first(found)
    held = _sum_resident(left)
    with LiveProgress("evicted", quiet=output.quiet) as progress:
        report = drop([record.path for record in found.failed], progress=progress, **options)
        while held > limit and left and (report.ok or not options["fail_fast"]):
            progress.next_call()
            done = drop(_take(left, held - limit), progress=progress, **options)
            held -= done.known_evicted_bytes
            report += done
    return report


def paths_to_drop(found: CacheReport, limit: int) -> list[str]:
    """The files that would go, until those found hold `limit`."""
    left = _least_recently_used_first(found)
    return _take(left, _sum_resident(left) - limit)


def _least_recently_used_first(found: CacheReport) -> deque[CacheRecord]:
    """The files that hold anything, each once, however many names of it were given."""
    uses: dict[tuple[int, int], tuple[int, CacheRecord]] = {}
    for record in found.files:
        if record.resident_bytes:
            with suppress(OSError):  # gone meanwhile, and its memory with it
                status = os.stat(record.path)  # noqa: PTH116 - no Path is needed
                file = status.st_dev, status.st_ino
                uses.setdefault(file, (status.st_atime_ns, record))
    return deque(record for _, record in sorted(uses.values(), key=itemgetter(0)))


def _sum_resident(records: Iterable[CacheRecord]) -> int:
    return sum(record.resident_bytes or 0 for record in records)


def _take(records: deque[CacheRecord], excess: int) -> list[str]:
    """Take paths off the left, until what they hold makes up for the excess."""
    paths = []
    while excess > 0 and records:
        record = records.popleft()
        paths.append(record.path)
        excess -= record.resident_bytes or 0
    return paths

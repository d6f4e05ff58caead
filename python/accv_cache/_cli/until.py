"""`accv-cache drop --until`: evict the least recently read files until the rest fits."""

from typing import Any

from accv_cache import CacheReport, DropReport, drop
from accv_cache._cli.output import Output
from accv_cache._cli.progress import LiveProgress
from accv_cache._cli.residency import look
from accv_cache._cli.selection import Selection
from accv_cache._cli.terminal import complain
from accv_cache._text import as_count
from accv_cache._until import held_bytes, least_recently_used, take


def drop_until(
    limit: int, selection: Selection, output: Output, options: dict[str, Any]
) -> DropReport:
    """Drop the least recently used files until the rest holds `limit`; mapped files may stay."""
    found = look(selection, output)
    if found.unknown_files:
        unknown = as_count(found.unknown_files, "file")
        complain(f"not counted: {unknown} that cannot be measured")
    left = least_recently_used(found)
    held = held_bytes(left)
    with LiveProgress("evicted", quiet=output.quiet) as progress:
        report = drop([record.path for record in found.failed], progress=progress, **options)
        while held > limit and left and (report.ok or not options["fail_fast"]):
            progress.next_call()
            done = drop(take(left, held - limit), progress=progress, **options)
            held -= done.known_evicted_bytes
            report += done
    return report


def paths_to_drop(found: CacheReport, limit: int) -> list[str]:
    """The files that would be evicted until the rest holds `limit`."""
    left = least_recently_used(found)
    return take(left, held_bytes(left) - limit)

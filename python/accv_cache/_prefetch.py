"""Read files into the page cache before they are needed."""

import sys
from collections.abc import Iterable
from typing import Any

from accv_cache._arguments import (
    Progress,
    Targets,
    as_number,
    as_number_or_none,
    as_options,
    as_target_list,
)
from accv_cache._cache_report import CacheReport, table_with_spans
from accv_cache._limit import LimitError
from accv_cache._prefetch_report import PrefetchReport, refused_prefetch

if sys.platform == "linux":
    from accv_cache import _core

_ACTIONS = ("refuse", "stop")


def prefetch(  # noqa: PLR0913 - one keyword a choice
    paths: Targets | CacheReport,
    *,
    offset: int = 0,
    length: int | None = None,
    max_bytes: int | None = None,
    reserved_bytes: int = 0,
    on_limit: str = "refuse",
    wait: bool = True,
    recursive: bool = True,
    include: str | Iterable[str] | None = None,
    exclude: str | Iterable[str] | None = None,
    max_size_bytes: int | None = None,
    follow_symlinks: bool = False,
    workers: int | None = None,
    progress: Progress | None = None,
) -> PrefetchReport:
    """Read files into the page cache; report what was loaded, what is missing and why.

    Only what is not resident yet is read. It never loads more than fits: what it may take is the
    least of `max_bytes`, of the room below the memory limit of the caller's cgroup and each of its
    parents (clean page cache that is not in use counts as room, but not that of these files), and
    of what the machine has available. It looks again while it loads, and ends when the kernel takes
    back what it loaded. The pages count for the cgroup of the caller. Anyone who may read a file
    may prefetch it.

    Args:
        paths: One path, descriptor or file object, or an iterable of those. A directory means the
            regular files below it, as for `drop`. Or the report of `query(…, spans=True)`: exactly
            the ranges that were resident then are loaded. It may come from a file; see
            `CacheReport.from_dict`.
        offset: Where the range of each file starts, in bytes.
        length: The length of the range in bytes, at least 1; None: to the end.
        max_bytes: The most that may be loaded, in bytes, at least 1; None: as much as fits.
        reserved_bytes: Resident page cache that must stay, too, in bytes: what earlier calls loaded
            and is still needed. It does not count as room.
        on_limit: If not everything fits: 'refuse' raises `LimitError` and reads nothing, 'stop'
            loads as much as fits, in the order of the list, and reports the rest as missing. Of a
            file that is larger than the limit, the start is loaded.
        wait: Return when it is resident. A page that another program is reading at that moment
            counts as resident; whoever reads it waits for it. False: the reads are started, and
            nothing waits for them; what is not there yet is reported as `MissingReason.IN_FLIGHT`.
        recursive: Whether a directory also means the directories below it.
        include: A pattern or patterns that a file in a directory must match, as for `drop`.
        exclude: A pattern or patterns of what is not taken of a directory, as for `drop`.
        max_size_bytes: The largest file that is taken of a directory, as for `drop`.
        follow_symlinks: Whether to follow links in a directory. A link in `paths` itself is always
            followed.
        workers: Threads at the most, at least 1; None: as many as help.
        progress: Called as `progress(done_files, total_files, loaded_bytes)` on the calling thread,
            about ten times a second and at the end. An exception from it ends the prefetch.

    Returns:
        The report, with one record per file, in the order of the list; none for a directory without
        files, which is a success. A file that cannot be opened or read, such as a FIFO or one of a
        report that is gone by now, gets a record with its error. One that shrinks meanwhile is
        loaded up to its new end; one that is replaced is not loaded (ESTALE). On other systems
        every record is PLATFORM_ERROR.

    Raises:
        LimitError: Not everything fits, and `on_limit` is 'refuse'.
        TypeError: An argument is of the wrong type, as for `drop`.
        ValueError: An argument is out of range, as for `drop`, or the report has no spans.

    Examples:
        >>> import tempfile
        >>> from accv_cache import drop
        >>> with tempfile.NamedTemporaryFile(dir=".") as clip:
        ...     clip.write(bytes(1 << 20))
        ...     drop(clip.name).ok
        ...     prefetch(clip.name).missing
        1048576
        True
        {}

    See madvise(2), MADV_POPULATE_READ, and mm/readahead.c in the kernel.
    """
    options = as_options(locals())
    most = as_number_or_none("max_bytes", max_bytes, least=1)
    if on_limit not in _ACTIONS:
        msg = f"on_limit must be 'refuse' or 'stop', not {on_limit!r}"
        raise ValueError(msg)
    how: dict[str, Any] = {
        "max_bytes": most,
        "reserved_bytes": as_number("reserved_bytes", reserved_bytes, least=0),
        "refuse": on_limit == "refuse",
        "wait": wait,
    }
    if isinstance(paths, CacheReport):
        warm = table_with_spans(paths)
        if sys.platform != "linux":
            return refused_prefetch(record.path for record in paths)
        table = _core.restore(warm, options, **how)
    else:
        items = as_target_list(paths)
        if sys.platform != "linux":
            return refused_prefetch(items)
        table = _core.prefetch(items, options, **how)
    limit = table.limit()
    if limit is not None and table.refused():
        raise LimitError.of_row(limit)
    return PrefetchReport(table)

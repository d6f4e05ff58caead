"""Evict files from the page cache."""

import sys
from collections.abc import Iterable

from accv_cache._arguments import Progress, Targets, as_options, as_target_list
from accv_cache._cache_report import CacheReport, table_with_spans
from accv_cache._drop_report import DropReport, refused_drop
from accv_cache._until import as_limit

if sys.platform == "linux":
    from accv_cache import _core


def drop(  # noqa: PLR0913 - one keyword a choice
    paths: Targets,
    *,
    offset: int = 0,
    length: int | None = None,
    sync: bool = True,
    keep: CacheReport | None = None,
    until: int | str | None = None,
    fail_fast: bool = False,
    recursive: bool = True,
    include: str | Iterable[str] | None = None,
    exclude: str | Iterable[str] | None = None,
    max_size_bytes: int | None = None,
    follow_symlinks: bool = False,
    workers: int | None = None,
    progress: Progress | None = None,
) -> DropReport:
    """Evict files from the page cache; report what was evicted, what stayed and why.

    Anyone who may read a file may evict it. Only its owner or a writer may measure it: others get
    SUCCESS without byte counts. File contents never change, and files are opened read-only.

    Args:
        paths: One path, descriptor or file object, or an iterable of those. A directory means the
            regular files below it, each inode once. Other file systems, special files and links in
            it are skipped and listed in `skipped`. A descriptor stays open and keeps its offset;
            that of a directory means no files: pass its path. The same file twice gives two
            records; what was evicted counts for the first.
        offset: Where the range of each file starts, in bytes.
        length: The length of the range in bytes, at least 1; None: to the end. Pages and large
            folios partly outside the range stay, and count as `KeptReason.EDGE`.
        sync: Wait for dirty pages to be written back, and evict them too. This does not make data
            durable. False: dirty pages stay.
        keep: The report of `query(…, spans=True)`: what was resident then stays, exact to the page.
            Only what came in since is evicted, and counted. A large folio that is cut stays. A file
            is found by its folder and its name, however its path is spelled; one that is not in the
            report is evicted whole, and one whose spans are unknown gets a record with an error.
            The report may come from a file; see `CacheReport.from_dict`. None: keep nothing.
        until: Evict the least recently used of the files, by access time, until all of them hold no
            more than so many bytes, or than a share of `memory_limit()`, such as '25%'. The report
            is over the files that were dropped, and those that could not be opened. A file whose
            residency is unknown is not counted and stays. None: evict all.
        fail_fast: Evict no file after the first, in list order, that fails; the report ends there.
            False: a file that fails is reported, and the drop goes on.
        recursive: Whether a directory also means the directories below it.
        include: A pattern or patterns of fnmatch(3). A file in a directory must match one. A
            pattern with a slash is matched against the path below the directory, one without
            against the name. './' at its start stands for the directory, and a slash at its end is
            ignored. None: every file.
        exclude: A pattern or patterns of the same kind, checked before `include`. A file that
            matches one is not taken, and a directory that matches one is not entered. Neither is
            listed in `skipped`. None: nothing is excluded.
        max_size_bytes: Larger files in a directory are not taken; None: no limit. Names and sizes
            are checked before a file is opened.
        follow_symlinks: Whether to follow links in a directory. A link in `paths` itself is always
            followed.
        workers: Threads at the most, at least 1; None: as many as help.
        progress: Called as `progress(done_files, total_files, evicted_bytes)` on the calling
            thread, about ten times a second and at the end. An exception from it ends the drop.

    Returns:
        The report, with one record per file, in the order of the list. A file that vanishes
        meanwhile, a closed descriptor, one opened with O_PATH, or a directory that cannot be listed
        gets a record with its error. On other systems every record is PLATFORM_ERROR.

    Raises:
        TypeError: An item is no path, descriptor or open file, or a number is no integer. A bool
            is no descriptor. `keep` is no report of `query`.
        ValueError: A path has a NUL byte, a file object is closed, or a number is out of range,
            such as a descriptor that is negative or above 2**31 - 1. `keep` has no spans.

    Examples:
        >>> import tempfile
        >>> with tempfile.NamedTemporaryFile(dir=".") as clip:
        ...     clip.write(bytes(1 << 20))
        ...     report = drop(clip.name)
        1048576
        >>> report.ok
        True

    See posix_fadvise(2), sync_file_range(2), and mm/fadvise.c in the kernel.
    """
    options = as_options(locals())
    items = as_target_list(paths)
    limit = None if until is None else as_limit(until)
    kept = None if keep is None else table_with_spans(keep)
    if sys.platform != "linux":
        return refused_drop(items)

    table = _core.drop(items, options, sync=sync, fail_fast=fail_fast, keep=kept, until_bytes=limit)
    return DropReport(table)

"""Measure how much of files is resident, dirty and in writeback."""

import sys
from collections.abc import Iterable

from accv_cache._arguments import Progress, Targets, as_options, as_target_list
from accv_cache._cache_report import CacheReport, refused_query

if sys.platform == "linux":
    from accv_cache import _core


def query(  # noqa: PLR0913 - one keyword a choice
    paths: Targets,
    *,
    offset: int = 0,
    length: int | None = None,
    spans: bool = False,
    recursive: bool = True,
    include: str | Iterable[str] | None = None,
    exclude: str | Iterable[str] | None = None,
    max_size_bytes: int | None = None,
    follow_symlinks: bool = False,
    workers: int | None = None,
    progress: Progress | None = None,
) -> CacheReport:
    """Measure how much of files is resident, dirty and in writeback.

    What the kernel does not report is None, never a guess. Only a file's owner or a writer may
    measure it. The record's `source` names the system call: cachestat where it is right, and
    mincore on overlayfs, where cachestat says 0 for every file, and on kernels before 6.5. On a
    FUSE file system that does not keep its cache when a file is opened (keep_cache), the query's
    own open(2) evicts the file.

    Args:
        paths: One path, descriptor or file object, or an iterable of those. A directory means the
            regular files below it, as for `drop`.
        offset: Where the range of each file starts, in bytes.
        length: The length of the range in bytes, at least 1; None: to the end. A page partly inside
            counts in full.
        spans: Also report the resident ranges, exact to the page. This needs a scan of all pages.
        recursive: Whether a directory also means the directories below it.
        include: A pattern or patterns that a file in a directory must match, as for `drop`.
        exclude: A pattern or patterns of what is not taken of a directory, as for `drop`.
        max_size_bytes: The largest file that is taken of a directory, as for `drop`.
        follow_symlinks: Whether to follow links in a directory. A link in `paths` itself is always
            followed.
        workers: Threads at the most, at least 1; None: as many as help.
        progress: Called as `progress(done_files, total_files, resident_bytes)` on the calling
            thread, about ten times a second and at the end. An exception from it ends the query.

    Returns:
        The report, with one record per file, in the order of the list. A file that cannot be
        opened, a closed descriptor, or one opened with O_PATH gets a record with its error. On
        other systems every record has an error.

    Raises:
        TypeError: An argument is of the wrong type, as for `drop`.
        ValueError: An argument is out of range, as for `drop`.

    Examples:
        >>> import tempfile
        >>> with tempfile.NamedTemporaryFile(dir=".") as clip:
        ...     clip.write(bytes(1 << 20))
        ...     clip.flush()
        ...     query(clip.name, spans=True).files[0].spans
        1048576
        ((0, 1048576),)

    See cachestat(2), mincore(2), and mm/filemap.c in the kernel.
    """
    options = as_options(locals())
    items = as_target_list(paths)
    if sys.platform != "linux":
        return refused_query(items)
    return CacheReport(_core.query(items, options, spans=spans))

"""Evict a list of videos, in order, until one fails."""

from __future__ import annotations

import os
import sys

from accv_cache._status import DropCacheStatus

TYPE_CHECKING = False  # `typing` takes longer to import than all the rest
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from accv_cache._arguments import Path

if sys.platform == "linux":
    from accv_cache import _core

_STATUSES = tuple(DropCacheStatus)  # a look-up by value takes longer than a system call


def drop_videos_cache(
    filepaths: Iterable[str | bytes | os.PathLike[str] | os.PathLike[bytes]],
) -> DropCacheStatus:
    """Advise the kernel to evict each file's pages from the page cache, in order.

    The first item, in list order, that fails decides the result: files before it are evicted, files
    after it are not. Files are opened read-only and never changed. Pages that are dirty or mapped
    by a process stay: the call does not wait for writeback.

    A directory is SUCCESS, and nothing below it is evicted: pass its files, or use `drop`, which
    takes directories, waits for dirty pages, and says what stayed.

    Args:
        filepaths: The files, as an iterable of `str`, `bytes` or `os.PathLike`. An empty one gives
            SUCCESS.

    Returns:
        SUCCESS if every file was advised; PLATFORM_ERROR if this is not Linux, and no file was
        touched; FILE_OPEN_FAILED if a file could not be opened; FADVISE_FAILED if fstat or
        posix_fadvise failed, as for a FIFO; UNKNOWN_ERROR if an item cannot be a path.

    Raises:
        TypeError: `filepaths` is one bare path, or not iterable.

    Examples:
        >>> import tempfile
        >>> with tempfile.NamedTemporaryFile() as clip:
        ...     drop_videos_cache([clip.name])
        <DropCacheStatus.SUCCESS: 0>

    See posix_fadvise(2), POSIX_FADV_DONTNEED.
    """
    items = iter(filepaths) if isinstance(filepaths, list) else _as_items(filepaths)
    if sys.platform != "linux":
        return next((DropCacheStatus.PLATFORM_ERROR for _ in items), DropCacheStatus.SUCCESS)
    return _STATUSES[_core.drop_videos_cache(items)]


def _as_items(filepaths: Iterable[Path]) -> Iterator[Path]:
    """Iterate over an argument that is no list: TypeError if it is one path, or not iterable."""
    msg = f"pass a list of paths, such as ['clip.mp4'], not {type(filepaths).__name__}"
    if isinstance(filepaths, (str, bytes, bytearray, os.PathLike)):
        raise TypeError(msg)
    try:
        return iter(filepaths)
    except TypeError as error:
        raise TypeError(msg) from error

"""A bound on what the files that a program reads hold of the page cache."""

import errno
import os
import sys
from contextlib import AbstractContextManager
from types import TracebackType

from accv_cache._arguments import Path, as_number, as_number_or_none
from accv_cache._cache_report import CacheReport, table_with_spans

if sys.platform == "linux":
    from accv_cache import _core

_CLOSED = "the budget is closed"


class CacheBudget:
    """Bounds what the files that go through it hold of the page cache together.

    When a use ends and the files hold more than the budget, the least recently used are evicted. No
    page is evicted that is in use in this process, and none that was resident before the first use
    of its file. Of a file that is in use, what is outside the ranges in use is evicted if nothing
    else is left.

    A file is found by what it is, not by its name: hard links are one. Where it cannot be measured,
    because it belongs to somebody else, the sizes of what was used count. Files whose only copy is
    the page cache (tmpfs) do not count. A file that was renamed after its last use stays.

    It may be used by many threads at once, and has none of its own. A forked child has the same
    budget, and starts without files; so does one that is unpickled, as in the workers of a
    `DataLoader`. On other systems it does nothing.

    Args:
        max_bytes: What the files may hold, in bytes, at least 0. If it is less than one file, that
            file is evicted as soon as its use ends.
        workers: So many processes share the budget, each in equal parts; at least 1.
        keep: What was resident when this report of `query(…, spans=True)` was made stays, instead
            of what is resident before the first use. Pass one if the files are read ahead, or read
            by workers that end with each epoch: then what is resident before a use need not be
            there for others. A file is looked for by its folder and its name; of one that the
            report does not have, nothing is kept.

    Raises:
        TypeError: An argument is of the wrong type.
        ValueError: A number is out of range, or `keep` has no spans.

    Examples:
        >>> import tempfile
        >>> from accv_cache import drop
        >>> with tempfile.NamedTemporaryFile(dir=".") as clip:
        ...     clip.write(bytes(1 << 20))
        ...     drop(clip.name).ok
        ...     with CacheBudget(4 << 20) as budget:
        ...         with budget.use(clip.name):
        ...             len(clip.seek(0) or clip.read())
        ...         budget.used_bytes
        ...     budget.used_bytes
        1048576
        True
        1048576
        1048576
        0

    See posix_fadvise(2), POSIX_FADV_DONTNEED.
    """

    def __init__(
        self, max_bytes: int, *, workers: int = 1, keep: CacheReport | None = None
    ) -> None:
        """Make a budget that holds nothing yet."""
        self._max_bytes = as_number("max_bytes", max_bytes, least=0)
        self._workers = as_number("workers", workers, least=1)
        if keep is not None and not isinstance(keep, CacheReport):
            msg = f"keep must be a CacheReport, not {keep!r}"
            raise TypeError(msg)
        self._keep = keep
        self._is_closed = False
        table = None if keep is None else table_with_spans(keep)
        self._core: _core.Budget | None = None
        if sys.platform == "linux":
            self._core = _core.budget(self._max_bytes, self._workers, table)

    def use(
        self, path: Path, offset: int = 0, length: int | None = None
    ) -> AbstractContextManager[None]:
        """Mark a file, or a range of it, as in use inside a `with` block.

        The file is opened when the block begins, and closed when it ends. The whole file is
        measured and evicted, with what the kernel read ahead; the range says what stays meanwhile.

        Args:
            path: The file.
            offset: Where the range starts, in bytes.
            length: The length of the range in bytes, at least 1; None: to the end.

        Raises:
            OSError: When the block begins: the file cannot be opened.
            TypeError: An argument is of the wrong type.
            ValueError: A number is out of range, the path has a NUL byte, or the budget is closed.
                When the block begins: it has begun already, or the budget is closed by now. When it
                ends: it has ended already, or has not begun.

        Examples:
            >>> import tempfile
            >>> with tempfile.NamedTemporaryFile() as shard, CacheBudget(1 << 30) as budget:
            ...     with budget.use(shard.name, offset=512, length=1024):
            ...         pass
        """
        name = os.fsencode(path)
        if b"\0" in name:
            msg = f"a path has no NUL byte: {os.fsdecode(name)!r}"
            raise ValueError(msg)
        first = as_number("offset", offset, least=0)
        count = as_number_or_none("length", length, least=1)
        self._check_open()
        return _Use(self._core, name, first, count)

    @property
    def used_bytes(self) -> int:
        """What the files hold, in bytes, each as of its last use or eviction in this process.

        A file that was wholly resident after a use counts as that until the budget evicts it, even
        if the kernel evicts some of it before.
        """
        return 0 if self._core is None else self._core.used_bytes()

    @property
    def dropped_bytes(self) -> int:
        """What was evicted in this process, in bytes."""
        return 0 if self._core is None else self._core.dropped_bytes()

    def close(self) -> None:
        """Evict all that the files hold, apart from what was resident before.

        What is in use is evicted when that use ends. A second call does nothing. A budget that is
        forgotten without it evicts nothing more.
        """
        self._is_closed = True
        if self._core is not None:
            self._core.close()

    def __enter__(self) -> "CacheBudget":  # noqa: PYI034 - Self is of Python 3.11
        """Return the budget; `close` is called at the end of the block."""
        self._check_open()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close it."""
        self.close()

    def __repr__(self) -> str:
        return f"<CacheBudget of {self._max_bytes} bytes: {self.used_bytes} used>"

    def __getstate__(self) -> tuple[int, int, CacheReport | None, bool]:
        """Return the budget without its files, which belong to this process."""
        return self._max_bytes, self._workers, self._keep, self._is_closed

    def __setstate__(self, state: tuple[int, int, CacheReport | None, bool]) -> None:
        """Make the same budget, without files."""
        max_bytes, workers, keep, is_closed = state
        self.__init__(max_bytes, workers=workers, keep=keep)  # type: ignore[misc]
        self._is_closed = is_closed

    def _check_open(self) -> None:
        if self._is_closed:
            raise ValueError(_CLOSED)


class _Use:
    """A file in use inside a `with` block, and again in the next one."""

    def __init__(
        self, budget: "_core.Budget | None", name: bytes, offset: int, length: int | None
    ) -> None:
        self._budget = budget
        self._asked = name, offset, length
        self._usage: _core.Usage | None = None
        self._is_inside = False

    def __enter__(self) -> None:
        if self._is_inside:
            msg = "this use has begun already: call use() for each block"
            raise ValueError(msg)
        if self._budget is not None:
            self._usage = _begin(self._budget, *self._asked)
        self._is_inside = True

    def __exit__(self, *_: object) -> None:
        if not self._is_inside:
            msg = "this use has ended already, or has not begun"
            raise ValueError(msg)
        self._is_inside = False
        if self._usage is not None:
            self._usage.leave()
            self._usage = None


def _begin(budget: "_core.Budget", name: bytes, offset: int, length: int | None) -> "_core.Usage":
    """Bring a file into use; after an interruption again, as Python's own calls do."""
    while True:
        usage = budget.use(name, offset, length)
        error = usage.error()
        if error == 0:
            return usage
        if error == errno.EBADF:
            raise ValueError(_CLOSED)
        if error != errno.EINTR:
            raise OSError(error, os.strerror(error), os.fsdecode(name))

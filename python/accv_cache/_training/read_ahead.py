"""The files of the next items of a loop, read into the page cache before the loop needs them."""

import _thread
import os
import reprlib
import threading
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from itertools import islice
from typing import Any, Generic, TypeAlias, TypeVar

from accv_cache._arguments import Path, as_number, as_number_or_none
from accv_cache._limit import LimitSource
from accv_cache._prefetch import prefetch
from accv_cache._prefetch_report import MissingReason, PrefetchRecord

Item = TypeVar("Item")
Range: TypeAlias = tuple[Path, int, int | None]
FilesOf: TypeAlias = Callable[[Item], Path | Range | Iterable[Path | Range]]


def read_ahead(
    order: Iterable[Item],
    paths: FilesOf[Item],
    *,
    depth: int = 16,
    max_bytes: int | None = None,
) -> "ReadAhead[Item]":
    """Wrap what gives a loop its items, and prefetch the files of the next ones.

    The result gives the same items in the same order. It belongs into the main process, around the
    sampler, batch sampler or list of shards; each iteration has one thread, which prefetches and
    which the loop never waits for. An item that the loop takes before its turn is not read ahead
    any more. A file that is missing or cannot be read is left to the loop; so are all files where
    no thread can be started.

    Args:
        order: Any iterable. `len` and all its other attributes, such as `set_epoch`, are those of
            the result, too. If it has a `state_dict`, that is called for each item, and the
            result's gives the state of the item that was given last, not of those ahead of it.
        paths: Called as `paths(item)`, on the thread of the loop. It returns a path, or a tuple
            `(path, offset, length)` in bytes, where a length of None means to the end; or an
            iterable of those.
        depth: So many items are ahead of the one that is given, at least 1.
        max_bytes: The most that files may hold that are read ahead and whose items are not given
            yet, in bytes, at least 1; None: as much as `prefetch` finds room for, and half as much
            after memory was full.

    Returns:
        An iterable. Its `close()`, and that of each of its iterators, stops the prefetch, and
        returns when the thread has ended; so does the end of an iteration, and so does forgetting
        the iterator. A forked child goes on with the items, without reading ahead, and so does a
        process that can have no thread.

    Raises:
        TypeError: An argument is of the wrong type.
        ValueError: A number is out of range.
        RuntimeError: In the loop, in the place of its item: `paths` raised an exception, which is
            the cause, or returned what is no path. The iteration ends.

    Examples:
        >>> clips = ["clip1.mp4", "clip2.mp4", "clip3.mp4"]
        >>> order = read_ahead([2, 0, 1], lambda index: clips[index], depth=2)
        >>> len(order)
        3
        >>> for index in order:
        ...     print(index)
        2
        0
        1
    """
    if not isinstance(order, Iterable):
        msg = f"order must be an iterable, not {order!r}"
        raise TypeError(msg)
    if not callable(paths):
        msg = f"paths must be callable, not {paths!r}"
        raise TypeError(msg)
    ahead = as_number("depth", depth, least=1)
    return ReadAhead(order, paths, ahead, as_number_or_none("max_bytes", max_bytes, least=1))


class ReadAhead(Generic[Item]):
    """The items of `order`; see `read_ahead`."""

    def __init__(
        self, order: Iterable[Item], paths: FilesOf[Item], depth: int, max_bytes: int | None
    ) -> None:
        """Take the checked arguments of `read_ahead`."""
        self._order = order
        self._paths = paths
        self._depth = depth
        self._max_bytes = max_bytes
        self._iterators: weakref.WeakSet[_Items[Item]] = weakref.WeakSet()
        self._is_inside = False
        self._state: object = None
        if hasattr(order, "state_dict"):
            self.state_dict: Callable[[], object] = self._state_of_the_last_item

    def __len__(self) -> int:
        return len(self._order)  # type: ignore[arg-type] # raises the error of what has none

    def __iter__(self) -> "_Items[Item]":
        items = _Items(self, self._order, self._paths, self._depth, self._max_bytes)
        self._iterators.add(items)
        return items

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle or copy what it was made of, without the iterations."""
        return type(self), (self._order, self._paths, self._depth, self._max_bytes)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever it is there
        if name.startswith("_"):  # of this object, which is being made or copied
            raise AttributeError(name)
        return getattr(self._order, name)

    def close(self) -> None:
        """Stop reading ahead, in every iteration that has not ended; they give no more items."""
        for each in list(self._iterators):
            each.close()

    def state_of_order(self) -> object:
        """The state of the order after the item that it gave last; None if it has no state."""
        return self._order.state_dict() if hasattr(self._order, "state_dict") else None

    def give(self, state: object) -> None:
        """The loop has the item after which the order had this state."""
        self._is_inside = True
        self._state = state

    def begin_or_end(self) -> None:
        """The order has given no item that the loop does not have."""
        self._is_inside = False

    def _state_of_the_last_item(self) -> object:
        return self._state if self._is_inside else self.state_of_order()


class _Entry(Generic[Item]):
    """An item that was taken from the order, or the error that came instead of it."""

    def __init__(self) -> None:
        self.item: Item | None = None
        self.error: BaseException | None = None
        self.ranges: list[Range] = []
        self.state: object = None
        self.loaded_bytes = 0
        self.is_given = False


class _Items(Iterator[Item]):
    """One iteration."""

    def __init__(
        self,
        home: ReadAhead[Item],
        order: Iterable[Item],
        paths: FilesOf[Item],
        depth: int,
        max_bytes: int | None,
    ) -> None:
        self._home = home
        self._taken: Iterator[Item] | None = iter(order)
        self._paths = paths
        self._depth = depth
        self._ahead: deque[_Entry[Item]] = deque()
        self._window = _Window(max_bytes)
        # The thread knows the window alone, so that this object can be garbage while it runs.
        self._end = weakref.finalize(self, self._window.stop)
        home.begin_or_end()

    def __next__(self) -> Item:
        known = len(self._ahead)
        while self._taken is not None and len(self._ahead) <= self._depth:
            self._take()
        new = [*islice(self._ahead, known, None)]
        if not self._ahead:
            self.close()
            self._home.begin_or_end()
            raise StopIteration
        entry = self._ahead.popleft()
        self._window.step(entry, new)
        if entry.error is not None:
            self.close()
            raise entry.error
        self._home.give(entry.state)
        return entry.item  # type: ignore[return-value] # None only if that is the item

    def close(self) -> None:
        """Stop reading ahead, and give no more items."""
        self._taken = None
        self._ahead.clear()
        self._end()

    def _take(self) -> None:
        """Take an item, or the error that comes instead of it and ends the iteration."""
        entry: _Entry[Item] = _Entry()
        try:
            item = next(self._taken)  # type: ignore[arg-type] # there is one
        except StopIteration:
            self._taken = None
            return
        except Exception as error:  # noqa: BLE001 - raised when it is this item's turn
            self._taken = None
            entry.error = error
            self._ahead.append(entry)
            return
        entry.item = item
        self._ahead.append(entry)  # before `paths` is called, which may be interrupted
        try:
            entry.state = self._home.state_of_order()
            entry.ranges = _ranges_of(item, self._paths)
        except Exception as error:  # noqa: BLE001 - as above
            self._taken = None
            entry.error = error


def _ranges_of(item: Item, paths: FilesOf[Item]) -> list[Range]:
    """The files of an item, as ranges.

    Raises:
        RuntimeError: `paths` raised an exception, or returned what is no path.
    """
    try:
        told: Any = paths(item)
        is_many = isinstance(told, Iterable) and not isinstance(told, (str, bytes))
        several = told if is_many and not _is_range(told) else [told]
        return [_as_range(*each) if _is_range(each) else _as_range(each) for each in several]
    except Exception as error:
        msg = f"paths({reprlib.repr(item)}) failed: {error!r}"
        raise RuntimeError(msg) from error


def _as_range(path: Path, offset: int = 0, length: int | None = None) -> Range:
    name = os.fsencode(path)
    if b"\0" in name:
        msg = f"a path has no NUL byte: {path!r}"
        raise ValueError(msg)
    first = as_number("offset", offset, least=0)
    return name, first, as_number_or_none("length", length, least=1)


def _is_range(told: object) -> bool:
    """Whether it is (path, offset, length), and not three paths."""
    return (
        isinstance(told, tuple)
        and len(told) == len(("path", "offset", "length"))
        and isinstance(told[1], int)
        and isinstance(told[2], (int, type(None)))
    )


def _size_of(record: PrefetchRecord, offset: int, length: int | None) -> int:
    """The size of a range of a file."""
    rest = max(record.size_bytes - offset, 0)
    return rest if length is None else min(rest, length)


class _StopError(Exception):
    """Ends the prefetch of a file."""


class _Window:
    """The entries that are ahead, and the thread that prefetches their files.

    Only the process that made it uses it: a forked child has neither the thread nor, perhaps, a
    lock that anybody will release.
    """

    def __init__(self, max_bytes: int | None) -> None:
        self._process = os.getpid()
        self._max_bytes = max_bytes
        self._most_bytes = max_bytes
        self._changed = threading.Condition()
        self._waiting: deque[_Entry[Any]] = deque()
        self._ahead_bytes = 0
        self._given_bytes = 0
        self._steps = 0
        self._full_at: int | None = None
        self._is_stopped = False
        self._thread: int | None = None
        self._has_ended = threading.Event()

    def step(self, given: "_Entry[Any]", new: "list[_Entry[Any]]") -> None:
        """The loop has an entry now, and new ones are ahead: prefetch their files in turn.

        The loop waits here for no other thread, but for the lock, which is held for moments.
        """
        if os.getpid() != self._process or self._has_ended.is_set():
            return
        with self._changed:
            given.is_given = True
            self._given_bytes = given.loaded_bytes  # the loop reads it now
            self._ahead_bytes -= given.loaded_bytes
            if self._ahead_bytes == 0:
                self._most_bytes = self._max_bytes
            self._steps += 1
            self._waiting.extend(entry for entry in new if entry.ranges)
            self._changed.notify()
        if self._thread is None and self._waiting:
            # `threading.Thread` would wait until the thread runs: for milliseconds, if the machine
            # is busy. Like a daemon, this one does not keep the program from ending, at which
            # `weakref.finalize` stops it.
            with suppress(RuntimeError):  # no thread can be had now; the next item tries again
                self._thread = _thread.start_new_thread(self._run, ())

    def stop(self) -> None:
        """End the thread, and return when it has ended."""
        if os.getpid() != self._process or self._thread is None:
            return
        with self._changed:
            self._is_stopped = True
            self._changed.notify()
        # The garbage collector may run on any thread.
        if self._thread != threading.get_ident():
            self._has_ended.wait()

    def _run(self) -> None:
        try:
            self._load_all()
        finally:
            self._has_ended.set()

    def _load_all(self) -> None:
        while (entry := self._next()) is not None:
            steps = self._steps
            for each in entry.ranges:
                try:
                    is_full = not self._load(entry, *each)
                except _StopError:
                    return
                if is_full:
                    break
            else:
                continue
            with self._changed:  # nothing behind it is loaded before it
                self._waiting.appendleft(entry)
                self._full_at = steps

    def _next(self) -> "_Entry[Any] | None":
        """Wait for an entry to prefetch; return None when stopped."""
        with self._changed:
            self._changed.wait_for(self._may_go_on)
            return None if self._is_stopped else self._waiting.popleft()

    def _may_go_on(self) -> bool:
        while self._waiting and self._waiting[0].is_given:
            self._waiting.popleft()
        return self._is_stopped or (bool(self._waiting) and self._full_at != self._steps)

    def _load(self, entry: "_Entry[Any]", path: Path, offset: int, length: int | None) -> bool:
        """Prefetch a range; return False if not all of it fits before the next item is given."""
        ahead = self._ahead_bytes
        room = None if self._most_bytes is None else self._most_bytes - ahead
        if room is not None and room <= 0:
            return False

        def check(*_: int) -> None:
            if self._is_stopped:
                raise _StopError

        report = prefetch(
            path,
            offset=offset,
            length=length,
            max_bytes=room,
            reserved_bytes=ahead + self._given_bytes,
            on_limit="stop",
            workers=1,
            progress=check,
        )
        loaded = sum(
            _size_of(record, offset, length) if record.loaded_bytes is None else record.loaded_bytes
            for record in report
        )
        # Where memory is full, whatever the loop itself reads evicts what is ahead, the next item
        # first. So from then on less is ahead, until nothing is.
        is_tight = MissingReason.RECLAIMED in report.missing or (
            report.limit is not None and report.limit.limit is not LimitSource.MAX_BYTES
        )
        with self._changed:
            if not entry.is_given:
                entry.loaded_bytes += loaded
                self._ahead_bytes += loaded
            if is_tight:
                self._most_bytes = (ahead + loaded) // 2
        return report.limit is None and not is_tight

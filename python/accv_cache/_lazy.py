"""Records that are made when somebody looks at them."""

from collections.abc import Callable, Sequence
from typing import TypeVar, overload

Record = TypeVar("Record")


class LazyRecords(Sequence[Record]):
    """A read-only list whose items are made anew at each look.

    A report over a million files costs no million Python objects until someone asks for them.
    """

    __slots__ = ("_count", "_make")

    def __init__(self, count: int, make: Callable[[int], Record]) -> None:
        """Hold `count` records, of which `make(position)` makes one."""
        self._count = count
        self._make = make

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> Record: ...
    @overload
    def __getitem__(self, index: slice) -> "list[Record]": ...
    def __getitem__(self, index: int | slice) -> "Record | list[Record]":
        """Make the record at a position, or a list of those in a slice."""
        positions = range(self._count)[index]
        if isinstance(positions, int):
            return self._make(positions)
        return [self._make(position) for position in positions]

    def __repr__(self) -> str:
        return f"<{self._count} records>"

"""Records that are made on access."""

from collections.abc import Callable, Sequence
from typing import TypeVar, overload

Record = TypeVar("Record")


class LazyRecords(Sequence[Record]):
    """A read-only list whose items are made on each access.

    So a report over a million files does not need a million Python objects.
    """

    __slots__ = ("_make", "_positions")

    def __init__(self, positions: Sequence[int], make: Callable[[int], Record]) -> None:
        """Hold one record per position, made by `make(position)`."""
        self._positions = positions
        self._make = make

    def __len__(self) -> int:
        return len(self._positions)

    @overload
    def __getitem__(self, index: int) -> Record: ...
    @overload
    def __getitem__(self, index: slice) -> "list[Record]": ...
    def __getitem__(self, index: int | slice) -> "Record | list[Record]":
        """Return the record at a position, or a list of those in a slice."""
        if isinstance(index, slice):
            return [self._make(position) for position in self._positions[index]]
        return self._make(self._positions[index])

    def __eq__(self, other: object) -> bool:
        """Compare with any sequence, record by record."""
        if not isinstance(other, Sequence) or len(self) != len(other):
            return False
        return all(left == right for left, right in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment] # like a list

    def __repr__(self) -> str:
        return f"<{len(self)} records>"

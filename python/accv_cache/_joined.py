"""Tables that are joined on access, so that the cost of `+` does not depend on their length."""

import itertools
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from heapq import nsmallest
from typing import Any, NamedTuple, Protocol

LimitRow = tuple[int, int, int, bytes]
"""Needed and available bytes, the number of the limit, and the folder of the cgroup."""


class Table(Protocol):
    """The figures of a report: a table of the core, or a substitute."""

    def __len__(self) -> int: ...

    def row(self, position: int) -> tuple[Any, ...]:
        """Return the row of one file."""

    def paths(self) -> Sequence[bytes]:
        """Return the path of each file."""

    def totals(self) -> Sequence[int]:
        """Return the sums over the files, in the order of the report's `_Sums`."""

    def failed(self, most: int | None = None) -> Sequence[int]:
        """Return the positions of the files that failed, at most `most`."""

    def unknown(self, most: int | None = None) -> Sequence[int]:
        """Return the positions of files that did not fail but could not be measured."""

    def remarkable(self, most: int | None = None) -> Sequence[int]:
        """Return the positions of all files except those without resident pages."""

    def ranked(self, most: int) -> Sequence[tuple[int, int]]:
        """Return rank and position of the files to show first: failed, unknown, largest."""

    def skipped(self) -> Sequence[tuple[bytes, int]]:
        """Return what was skipped in directories: path and number of the reason."""

    def select(self, positions: Sequence[int]) -> "Table":
        """Make a table of these files only."""


class _Parts(NamedTuple):
    tables: Sequence[Table]
    ends: Sequence[int]  # where each table ends, counted in files


class JoinedTable:
    """Several tables as one. None of them is copied."""

    __slots__ = ("_length", "_totals", "inside")

    def __init__(self, *tables: Table) -> None:
        """Join the tables, in this order."""
        self.inside: Sequence[Table] | _Parts = tables
        self._length = sum(map(len, tables))
        # The table of other systems has fewer sums; the others are 0.
        numbers = itertools.zip_longest(*(table.totals() for table in tables), fillvalue=0)
        self._totals = tuple(map(sum, numbers))

    def _parts(self) -> _Parts:
        """Flatten nested joined tables; without recursion, for a long chain of `+`."""
        inside = self.inside
        if isinstance(inside, _Parts):
            return inside
        tables: list[Table] = []
        waiting = [*reversed(inside)]
        while waiting:
            table = waiting.pop()
            if type(table) is not JoinedTable:
                tables.append(table)
            elif isinstance(table.inside, _Parts):
                tables += table.inside.tables
            else:
                waiting += reversed(table.inside)
        self.inside = parts = _Parts(tables, [*itertools.accumulate(map(len, tables))])
        return parts

    def _part_of(self, position: int) -> int:
        return bisect_right(self._parts().ends, position)

    def _start(self, part: int) -> int:
        tables, ends = self._parts()
        return ends[part] - len(tables[part])

    def _find(self, find: Callable[[Table], Iterable[int]], most: int | None) -> list[int]:
        positions = (
            self._start(part) + position
            for part, table in enumerate(self._parts().tables)
            for position in find(table)
        )
        return [*itertools.islice(positions, most)]

    def __len__(self) -> int:
        return self._length

    def row(self, position: int) -> tuple[Any, ...]:
        """Return the row of one file."""
        part = self._part_of(position)
        return self._parts().tables[part].row(position - self._start(part))

    def paths(self) -> list[bytes]:
        """Return the path of each file."""
        return [path for table in self._parts().tables for path in table.paths()]

    def totals(self) -> tuple[int, ...]:
        """Return the sums of all tables."""
        return self._totals

    def failed(self, most: int | None = None) -> list[int]:
        """Return the positions of the files that failed."""
        return self._find(lambda table: table.failed(most), most)

    def unknown(self, most: int | None = None) -> list[int]:
        """Return the positions of files that could not be measured."""
        return self._find(lambda table: table.unknown(most), most)

    def remarkable(self, most: int | None = None) -> list[int]:
        """Return the positions of all files except those without resident pages."""
        return self._find(lambda table: table.remarkable(most), most)

    def ranked(self, most: int) -> list[tuple[int, int]]:
        """Return rank and position of the files to show first."""
        ranks = (
            (rank, self._start(part) + position)
            for part, table in enumerate(self._parts().tables)
            for rank, position in table.ranked(most)
        )
        return nsmallest(most, ranks)

    def skipped(self) -> list[tuple[bytes, int]]:
        """Return what was skipped in directories."""
        return [each for table in self._parts().tables for each in table.skipped()]

    def select(self, positions: Sequence[int]) -> "JoinedTable":
        """Make a table of these files only."""
        tables = self._parts().tables
        return JoinedTable(
            *(
                tables[part].select([position - self._start(part) for position in run])
                for part, run in itertools.groupby(positions, self._part_of)
            )
        )

    def limit(self) -> LimitRow | None:
        """Return the first limit, of tables of a prefetch."""
        limits = (table.limit() for table in self._parts().tables)  # type: ignore[attr-defined]
        return next((limit for limit in limits if limit is not None), None)

    def node(self, position: int) -> str | None:
        """Return the node of one file; None: this one."""
        part = self._part_of(position)
        return node_of(self._parts().tables[part], position - self._start(part))

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle the joined tables."""
        return JoinedTable, tuple(self._parts().tables)


class NodeTable(JoinedTable):
    """The table of a report that came from another node: sums of all files, rows of some."""

    __slots__ = ("_node", "_skipped")

    def __init__(
        self, rows: Table, totals: Sequence[int], skipped: Sequence[tuple[bytes, int]], node: str
    ) -> None:
        """Give rows the sums of all files of the node."""
        super().__init__(*(rows.parts if isinstance(rows, NodeTable) else (rows,)))
        self._totals = tuple(totals)
        self._skipped = skipped
        self._node = node

    @property
    def parts(self) -> Sequence[Table]:
        """The tables of the rows."""
        return self._parts().tables

    def node(self, position: int) -> str:  # noqa: ARG002 - the same for all
        """Return the node."""
        return self._node

    def skipped(self) -> list[tuple[bytes, int]]:
        """Return what was skipped in directories."""
        return [*self._skipped]

    def select(self, positions: Sequence[int]) -> "NodeTable":
        """Make a table of these files only."""
        rows = super().select(positions)
        return NodeTable(rows, rows.totals(), (), self._node)

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle the rows and the sums."""
        rows = JoinedTable(*self.parts)
        return NodeTable, (rows, self._totals, self._skipped, self._node)


def node_of(table: Table, position: int) -> str | None:
    """Return the node of a file in a table; None: this one."""
    return table.node(position) if isinstance(table, JoinedTable) else None

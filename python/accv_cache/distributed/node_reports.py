"""What each node answered."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from accv_cache._report import FORM_VERSION, Report, of_node
from accv_cache._text import as_count, printable


class NodeError(RuntimeError):
    """A node failed: it does not answer, has another version, or what it sent cannot be read."""


class NodeReports(Mapping[str, Any]):
    """What each node answered: a mapping from its name to a report, or to an exception.

    The nodes are in the order of the job. A name is that of the host; where several nodes have the
    same, the later ones get a number. A result that is no report is a value as it is.

    Examples:
        >>> from accv_cache import drop
        >>> reports = NodeReports([("a", drop([])), ("b", TimeoutError("no answer within 60 s"))])
        >>> print(reports)
        1 of 2 nodes: evicted 0 B of 0 B in 0 files; b: no answer within 60 s
        >>> [*reports], [*reports.failed], reports.ok
        (['a', 'b'], ['b'], False)
    """

    __slots__ = ("_outcomes",)

    def __init__(self, outcomes: Iterable[tuple[str, object]]) -> None:
        """Hold the outcome of each node; the engines make it."""
        self._outcomes: dict[str, Any] = {}
        for host, outcome in outcomes:
            node, number = host, 2
            while node in self._outcomes:
                node, number = f"{host} ({number})", number + 1
            if isinstance(outcome, Report):
                outcome = of_node(outcome, node)  # noqa: PLW2901 - the same, with its name
            self._outcomes[node] = outcome

    def __getitem__(self, node: str) -> Any:  # noqa: ANN401 - what the function returned
        """Return the report of a node, or the exception."""
        return self._outcomes[node]

    def __len__(self) -> int:
        """Return the number of nodes."""
        return len(self._outcomes)

    def __iter__(self) -> Iterator[str]:
        """Go through the names of the nodes."""
        return iter(self._outcomes)

    @property
    def failed(self) -> dict[str, Exception]:
        """The nodes that gave no result, each with the reason.

        A file that is missing on a node is no such failure, but a record of its report.
        """
        items = self._outcomes.items()
        return {node: outcome for node, outcome in items if isinstance(outcome, Exception)}

    @property
    def _reports(self) -> dict[str, Report[Any]]:
        items = self._outcomes.items()
        return {node: outcome for node, outcome in items if isinstance(outcome, Report)}

    @property
    def ok(self) -> bool:
        """Whether every node gave a result, and every report is `ok`."""
        return not self.failed and all(report.ok for report in self._reports.values())

    @property
    def merged(self) -> Any:  # noqa: ANN401 - of the type that the function returned
        """One report of the nodes that answered. Each record has its `node`.

        Raises:
            ValueError: No node answered with a report.
        """
        if not self._reports:
            msg = f"no node gave a report: {self}"
            raise ValueError(msg)
        return sum(self._reports.values())

    def raise_for_status(self) -> None:
        """Raise if a node failed, or a file of a report; do nothing if none did.

        Raises:
            NodeError: A node gave no result; the cause is its exception.
            OSError: The error of the first file that failed.
        """
        for node, error in self.failed.items():
            msg = f"{node}: {_line(error)}"
            raise NodeError(msg) from error
        for report in self._reports.values():
            report.raise_for_status()

    def table(self) -> str:
        """Write a line per node: its name, and what it answered.

        Examples:
            >>> print(NodeReports([("a", 1), ("node7", OSError(5, "no disk"))]).table())
            a      1
            node7  [Errno 5] no disk
        """
        lines = [(printable(node), _line(outcome)) for node, outcome in self.items()]
        width = max((len(node) for node, _ in lines), default=0)
        return "\n".join(f"{node:{width}}  {said}" for node, said in lines)

    def to_dict(self) -> dict[str, Any]:
        """Return the outcomes for JSON: a report as its `to_dict`, an exception as its text."""
        return {
            "version": FORM_VERSION,
            "ok": self.ok,
            "nodes": {node: _as_json(outcome) for node, outcome in self.items()},
        }

    def __str__(self) -> str:
        """One line for a log."""
        failed = self.failed
        total = as_count(len(self), "node")
        parts = [f"{len(self) - len(failed)} of {total}" if failed else total]
        if self._reports:
            parts[0] += f": {self.merged}"
        return "; ".join([*parts, *(f"{node}: {_line(error)}" for node, error in failed.items())])

    def _repr_html_(self) -> str:
        """Make a table for a notebook."""
        from accv_cache._html import html_table  # noqa: PLC0415 - only here

        rows = ((node, _line(outcome)) for node, outcome in self.items())
        return html_table(str(self), (("node", "text"), ("result", "text")), rows)

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle the outcomes."""
        return NodeReports, ([*self._outcomes.items()],)

    def __repr__(self) -> str:
        """Name the type, for an interactive shell."""
        return f"<NodeReports: {self}>"


def _line(outcome: object) -> str:
    text = str(outcome) or type(outcome).__name__
    return printable(text)


def _as_json(outcome: object) -> dict[str, Any]:
    if isinstance(outcome, Exception):
        return {"error": _line(outcome)}
    if isinstance(outcome, Report):
        return {"error": None, "file_count": outcome.file_count, **outcome.to_dict()}
    return {"error": None, "result": outcome}

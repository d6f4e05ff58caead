"""The table: on the terminal, as Markdown, as JSON, and as a picture."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.table import Table

from . import machine
from .cases import Case, Outcome
from .measure import Series

BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"
HEADINGS = ("Case", "Against", "Asked", "Found", "Ours", "Theirs", "CPU, ours and theirs", "Wrong")


@dataclass(frozen=True, slots=True)
class Row:
    """One case and what became of it: an outcome, or why there is none."""

    case: Case
    outcome: Outcome | None
    why_not: str = ""

    @property
    def is_met(self) -> bool | None:
        """Whether the figure is as asked; None if there is no figure."""
        return None if self.outcome is None else self.case.is_met(self.outcome)

    @property
    def found(self) -> str:
        """The figure in words, or why there is none."""
        if self.outcome is None:
            return self.why_not
        return f"{self.outcome.figure:.3g}{self.case.goal.unit.split(' times')[0]}"


@dataclass(frozen=True, slots=True)
class Report:
    """All rows, and what they were measured on."""

    machine: dict[str, str | int]
    runs: int
    rows: list[Row]

    def table(self) -> Table:
        """For the terminal. Green figures meet what is asked."""
        caption = f"Medians of {self.runs} alternating runs (fastest to slowest)."
        table = Table(*HEADINGS, title=machine.in_words(self.machine), caption=caption)
        for row in self.rows:
            style = {True: "green", False: "red", None: "dim"}[row.is_met]
            what, against, asked, found, *rest = _cells(row)
            table.add_row(what.replace("`", ""), against, asked, f"[{style}]{found}", *rest)
        return table

    def markdown(self) -> str:
        """For a document."""
        lines = [
            f"{machine.in_words(self.machine)}.",
            f"Medians of {self.runs} alternating runs, fastest and slowest in brackets.",
            "",
            f"| {' | '.join(HEADINGS)} |",
            "|---" * len(HEADINGS) + "|",
            *(f"| {' | '.join(_cells(row))} |" for row in self.rows),
        ]
        return "\n".join(lines)

    def write_markdown(self, path: Path) -> None:
        """Put the table between the marks in a document."""
        before, after = around_table(path)
        path.write_text(f"{before}{BEGIN}\n{self.markdown()}\n{END}{after}")

    def write_json(self, path: Path) -> None:
        """Write all values, for whoever wants to compute with them."""
        rows = [
            {
                "name": row.case.name,
                "what": row.case.what,
                "against": row.case.against,
                "asked": str(row.case.goal),
                "is_met": row.is_met,
                "why_not": row.why_not,
                "outcome": asdict(row.outcome) if row.outcome else None,
            }
            for row in self.rows
        ]
        content = {"machine": self.machine, "runs": self.runs, "rows": rows}
        path.write_text(json.dumps(content, indent=2) + "\n")

    def write_picture(self, path: Path) -> None:
        """Draw how many times faster than each peer. Reads well on a light and a dark page."""
        from matplotlib import rcParams  # noqa: PLC0415, only the picture needs it
        from matplotlib.figure import Figure  # noqa: PLC0415

        grey, blue = "#808890", "#2f81f7"
        rcParams["svg.hashsalt"] = "accv_cache"  # the same figures make the same file
        rcParams["svg.fonttype"] = "none"
        rows = [row for row in self.rows if row.outcome and row.case.goal.at_least]
        labels = [f"{row.case.what.replace('`', '')}\nagainst {row.case.against}" for row in rows]
        figures = [row.outcome.figure for row in rows if row.outcome]

        figure = Figure(figsize=(9, 0.6 * len(rows) + 0.6), layout="constrained")
        axes = figure.subplots()
        bars = axes.barh(labels, figures, color=blue, height=0.6)
        axes.bar_label(bars, [f"{value:.1f}x" for value in figures], padding=4, color=grey)
        axes.axvline(1, color=grey, linewidth=1)
        axes.set_title("times as fast", color=grey, loc="left", fontsize=10)
        axes.invert_yaxis()
        axes.margins(x=0.1)
        axes.tick_params(length=0, labelcolor=grey, labelsize=9)
        axes.xaxis.set_visible(False)
        axes.spines[:].set_visible(False)
        figure.savefig(path, format="svg", transparent=True, metadata={"Date": None})


def around_table(path: Path) -> tuple[str, str]:
    """What stands in a document before the marks of the table, and behind them."""
    before, _, rest = path.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not end:
        why = f"{path} has no lines {BEGIN} and {END}: add them"
        raise ValueError(why)
    return before, after


def _cells(row: Row) -> list[str]:
    case, outcome = row.case, row.outcome
    start = [case.what, case.against, str(case.goal), row.found]
    if outcome is None:
        return [*start, "", "", "", ""]
    peer = _series(outcome.peer) if outcome.peer else ""
    return [*start, _series(outcome.ours), peer, _cpu(outcome), _wrong(outcome.ours)]


def _cpu(outcome: Outcome) -> str:
    if outcome.peer is None or not outcome.peer.cpu_seconds:
        return ""
    return f"{_seconds(outcome.ours.median_cpu)}, {_seconds(outcome.peer.median_cpu)}"


def _seconds(value: float) -> str:
    return f"{value:.3g} s" if value >= 1 else f"{value * 1000:.3g} ms"


def _series(series: Series) -> str:
    values: Any = (series.median, series.low, series.high)
    if series.unit != "s":  # as in the goal
        return "{:.0f} ({:.0f} to {:.0f})".format(*values)
    scale, unit = (1, "s") if series.high >= 1 else (1000, "ms")
    return "{:.3g} {unit} ({:.3g} to {:.3g})".format(*(v * scale for v in values), unit=unit)


def _wrong(series: Series) -> str:
    return f"{max(series.wrong_bytes):,} bytes" if series.wrong_bytes else ""

"""Timed runs of two contenders in turn, and what follows from them."""

import gc
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

Run = Callable[[], object]


class NotRun(Exception):  # noqa: N818, nothing went wrong
    """A case cannot run here. The message says why."""


@dataclass(frozen=True, slots=True)
class Contender:
    """Something to time. `make` does the untimed part, and returns the timed part."""

    name: str
    make: Callable[[list[str]], Run]


@dataclass(frozen=True, slots=True)
class Series:
    """The measurements of one contender, one value per run."""

    values: tuple[float, ...]
    stayed_bytes: tuple[int, ...] = ()
    unit: str = "s"

    @property
    def median(self) -> float:
        """The one in the middle, which a disturbed run cannot move."""
        return statistics.median(self.values)

    @property
    def low(self) -> float:
        """The fastest run, or the smallest value."""
        return min(self.values)

    @property
    def high(self) -> float:
        """The slowest run, or the largest value."""
        return max(self.values)


@dataclass(frozen=True, slots=True)
class Goal:
    """The goal for a figure that is made from our value and the peer's."""

    limit: float
    unit: str
    figure: Callable[[float, float], float]
    at_least: bool = False

    def __str__(self) -> str:
        """Words for the table."""
        return f"{'at least' if self.at_least else 'at most'} {self.limit:g}{self.unit}"

    def is_met(self, figure: float) -> bool:
        """Whether the figure is as asked."""
        return figure >= self.limit if self.at_least else figure <= self.limit


def alternate(
    contenders: tuple[Run, Run],
    *,
    runs: int,
    prepare: Callable[[], object],
    stayed: Callable[[], int] | None = None,
) -> tuple[Series, Series]:
    """Time A B A B, each from a freshly prepared state, so that a drift meets both alike.

    Args:
        contenders: the two to time.
        runs: how often each runs.
        prepare: sets the state; its time does not count.
        stayed: reads how many bytes stayed resident after a run; its time does not count either.
    """
    seconds: tuple[list[float], list[float]] = ([], [])
    stayed_bytes: tuple[list[int], list[int]] = ([], [])
    for _ in range(runs):
        for index, run in enumerate(contenders):
            prepare()
            gc.collect()
            start = time.perf_counter()
            result = run()
            seconds[index].append(time.perf_counter() - start)
            del result  # freed only now: what the caller does with it is not the call's time
            if stayed is not None:
                stayed_bytes[index].append(stayed())
    ours, peer = (
        Series(tuple(times), tuple(counts))
        for times, counts in zip(seconds, stayed_bytes, strict=True)
    )
    return ours, peer

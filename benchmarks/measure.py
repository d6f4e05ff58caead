"""Timed runs of two contenders in turn, and what follows from them."""

import gc
import resource
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
    wrong_bytes: tuple[int, ...] = ()
    """What stayed after an eviction, or is missing after a prefetch."""
    cpu_seconds: tuple[float, ...] = ()
    """Of the process and its children, in user and kernel mode."""
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

    @property
    def median_cpu(self) -> float:
        """The processor time of the run in the middle."""
        return statistics.median(self.cpu_seconds)


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
    wrong: Callable[[], int] | None = None,
) -> tuple[Series, Series]:
    """Time A B A B, each from a freshly prepared state, so that a drift meets both alike.

    Args:
        contenders: the two to time.
        runs: how often each runs.
        prepare: sets the state; its time does not count.
        wrong: counts after a run the bytes that are not as they should be; its time does not count
            either.
    """
    walls: list[list[float]] = [[], []]
    cpus: list[list[float]] = [[], []]
    counts: list[list[int]] = [[], []]
    for _ in range(runs):
        for index, run in enumerate(contenders):
            prepare()
            gc.collect()
            cpu, start = cpu_seconds_used(), time.perf_counter()
            result = run()
            walls[index].append(time.perf_counter() - start)
            cpus[index].append(cpu_seconds_used() - cpu)
            del result  # freed only now: what the caller does with it is not the call's time
            if wrong is not None:
                counts[index].append(wrong())
    ours, peer = (
        Series(tuple(walls[index]), tuple(counts[index]), tuple(cpus[index])) for index in (0, 1)
    )
    return ours, peer


def cpu_seconds_used() -> float:
    """What this process and its children that have ended took of the processors."""
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(each.ru_utime + each.ru_stime for each in used)

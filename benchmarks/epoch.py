"""A simulated epoch: what a data set holds of the page cache over time, and the clips per second.

    python -m benchmarks.epoch            # 2 GiB of clips, a budget of 512 MiB
    python -m benchmarks.epoch --quick    # proves that it runs

Worker processes read clips in a shuffled order, and hash them in place of decoding. Without us,
with a `CacheBudget`, with `read_ahead`, and with both; from a cold start, two epochs each. Besides,
what a `use` and a step of `read_ahead` cost.
"""

import hashlib
import multiprocessing
import os
import random
import shutil
import statistics
import tempfile
import time
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from pathlib import Path
from typing import NamedTuple

import click
from rich.console import Console
from rich.table import Table

from accv_cache import CacheBudget, query, read_ahead

from . import machine
from .states import resident_bytes

WORKERS = 2
IN_FLIGHT = 2 * WORKERS  # items that a DataLoader takes before the loop asks for them
EPOCHS = 2

_budget: CacheBudget | None = None  # of a worker process


class Sizes(NamedTuple):
    """How much is read."""

    clips: int
    clip_bytes: int
    budget_bytes: int
    uses: int


FULL = Sizes(256, 8 << 20, 512 << 20, 5000)
QUICK = Sizes(12, 256 << 10, 1 << 20, 50)


class Run(NamedTuple):
    """What two epochs did."""

    held_bytes: list[int]  # over time: after each eighth of the items
    seconds: float


def _begin_worker(budget: CacheBudget | None) -> None:
    global _budget  # noqa: PLW0603 - a worker has one
    _budget = budget


def _decode(path: str) -> None:
    if _budget is None:
        hashlib.blake2b(Path(path).read_bytes())
    else:
        with _budget.use(path):
            hashlib.blake2b(Path(path).read_bytes())


def _load(pool: ProcessPoolExecutor, order: Iterable[str]) -> Iterator[None]:
    """Decode the clips in order, a few at a time, as a `DataLoader` does."""
    running: deque[Future[None]] = deque()
    for path in order:
        running.append(pool.submit(_decode, path))
        if len(running) == IN_FLIGHT:
            yield running.popleft().result()
    while running:
        yield running.popleft().result()


def _epochs(paths: list[str], budget: CacheBudget | None, *, ahead: bool) -> Run:
    """Start cold, and read all clips in each of the epochs."""
    _evict(paths)
    held, step = [], len(paths) * EPOCHS // 8
    chance = random.Random(1)  # noqa: S311 - an order
    fork = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(WORKERS, fork, _begin_worker, (budget,)) as pool:
        start = time.perf_counter()
        done = 0
        for _ in range(EPOCHS):
            shuffled = chance.sample(paths, len(paths))
            order = read_ahead(shuffled, str, depth=2 * IN_FLIGHT) if ahead else shuffled
            for _item in _load(pool, order):
                done += 1
                if done % step == 0:
                    held.append(resident_bytes(paths))
        return Run(held, time.perf_counter() - start)


def _evict(paths: list[str]) -> None:
    for path in paths:
        with Path(path).open("rb") as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _microseconds_of_use(path: str, uses: int) -> float:
    """The median time of a use of a resident clip that a budget has room for."""
    _evict([path])
    budget = CacheBudget(1 << 40)
    times = []
    for _ in range(uses):
        start = time.perf_counter()
        with budget.use(path):
            inside = time.perf_counter()
            Path(path).read_bytes()
            left = time.perf_counter()
        times.append(inside - start + time.perf_counter() - left)
    return statistics.median(times) * 1e6


def _milliseconds_of_a_step(paths: list[str]) -> tuple[float, float]:
    """The median and the longest time that `read_ahead` takes to give an item."""
    _evict(paths)
    times = []
    items = iter(read_ahead(paths, str))
    for _ in paths:
        start = time.perf_counter()
        next(items)
        times.append(time.perf_counter() - start)
        time.sleep(0.002)  # the loop trains
    items.close()
    return statistics.median(times) * 1e3, max(times) * 1e3


def _made(directory: Path, sizes: Sizes) -> list[str]:
    paths = [str(directory / f"{number}.mp4") for number in range(sizes.clips)]
    for path in paths:
        Path(path).write_bytes(os.urandom(sizes.clip_bytes))
    return paths


@click.command()
@click.option("--quick", is_flag=True, help="Few and small clips: proves that all of it runs.")
@click.option(
    "--directory",
    default="/var/tmp",  # noqa: S108, not /tmp: often memory, which cannot be evicted
    show_default=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Where to make the clips, in a directory of their own that is removed at the end.",
)
def main(*, quick: bool, directory: Path) -> None:
    """Read a data set for two epochs without us, with a budget, with read_ahead, with both."""
    sizes = QUICK if quick else FULL
    console = Console(width=max(Console().width, 120))
    made = Path(tempfile.mkdtemp(prefix="accv_cache-", dir=directory))
    try:
        paths = _made(made, sizes)
        _evict(paths)
        nothing = query(paths, spans=True)  # resident: all that comes in is ours
        table = Table("", "clips/s", "MiB held, after each eighth of two epochs")
        for name, has_budget, ahead in (
            ("without us", False, False),
            ("CacheBudget", True, False),
            ("read_ahead", False, True),
            ("both", True, True),
        ):
            budget = CacheBudget(sizes.budget_bytes, workers=WORKERS, keep=nothing)
            run = _epochs(paths, budget if has_budget else None, ahead=ahead)
            speed = f"{EPOCHS * sizes.clips / run.seconds:.0f}"
            table.add_row(name, speed, " ".join(f"{each / 2**20:.0f}" for each in run.held_bytes))
        console.print(machine.in_words(machine.describe(directory)))
        console.print(f"{sizes.clips} clips of {sizes.clip_bytes / 2**20} MiB, {WORKERS} workers")
        console.print(table)
        console.print(f"use: {_microseconds_of_use(paths[0], sizes.uses):.1f} us")
        median, longest = _milliseconds_of_a_step(paths)
        console.print(f"a step of read_ahead: {median:.3f} ms, the longest {longest:.3f} ms")
    finally:
        shutil.rmtree(made)


if __name__ == "__main__":
    main()

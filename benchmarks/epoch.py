"""A simulated epoch: what a data set holds of the page cache over time, and the clips per second.

    python -m benchmarks.epoch            # real clips, on disk and on FUSE with 1 ms a read
    python -m benchmarks.epoch --quick    # proves that it runs

Workers decode clips in a shuffled order: those of PyTorch's `DataLoader` where it is installed,
else those of a pool of processes. Without us, with a `CacheBudget`, with `read_ahead`, and with
both; from a cold start, two epochs each. Besides: the time to the first batch after a switch of
data sets, what a budget costs where the data set fits, and what a `use` and a step of `read_ahead`
cost.

Prints tables in Markdown. With `--quick` the clips are few and made-up, and are hashed.
"""

import hashlib
import itertools
import multiprocessing
import os
import random
import shutil
import statistics
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager, nullcontext
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import click

from accv_cache import CacheBudget, drop, prefetch, query, read_ahead

from . import machine
from .measure import NotRun
from .report import BEGIN, END, around_table
from .states import mounted_slowfs, resident_bytes

WORKERS = 2
IN_FLIGHT = 2 * WORKERS  # items that a DataLoader takes before the loop asks for them
EPOCHS = 2
BATCH = 8

Read = Callable[[str], object]


class Sizes(NamedTuple):
    """How much is read."""

    clips: int
    budget_bytes: int
    uses: int
    runs: int


FULL = Sizes(48, 48 << 20, 3000, 5)
QUICK = Sizes(12, 1 << 20, 50, 1)


class Mode(NamedTuple):
    """What of us the loop has."""

    name: str
    has_budget: bool
    is_ahead: bool


MODES = (
    Mode("without", has_budget=False, is_ahead=False),
    Mode("`CacheBudget`", has_budget=True, is_ahead=False),
    Mode("`read_ahead`", has_budget=False, is_ahead=True),
    Mode("both", has_budget=True, is_ahead=True),
)


class Run(NamedTuple):
    """What the epochs did."""

    held_bytes: list[int]  # after each item
    seconds: float

    @property
    def clips_per_second(self) -> float:
        """Of all epochs."""
        return len(self.held_bytes) / self.seconds

    def mib_after(self, part: float) -> int:
        """What was held after a part of the items."""
        return self.held_bytes[round(part * len(self.held_bytes)) - 1] >> 20


class Switch(NamedTuple):
    """The seconds to the first batch of another data set."""

    cold: float
    warm: float
    to_prefetch: float


class Place(NamedTuple):
    """What was measured on one file system."""

    name: str
    runs: dict[Mode, Run]
    switch: Switch


class Clips:
    """The data set."""

    def __init__(self, paths: list[str], budget: CacheBudget | None, read: Read) -> None:
        """Read the paths with `read`."""
        self.paths = paths
        self.budget = budget
        self.read = read

    def __len__(self) -> int:
        """Count the clips."""
        return len(self.paths)

    def __getitem__(self, index: int) -> int:
        """Read a clip, in a worker."""
        path = self.paths[index]
        with self.budget.use(path) if self.budget else nullcontext():
            self.read(path)
        return index


class Shuffled:
    """The sampler: another order in each epoch, the same ones in each run."""

    def __init__(self, count: int) -> None:
        """Give the numbers below `count`."""
        self._count = count
        self._chance = random.Random(1)  # noqa: S311 - an order

    def __len__(self) -> int:
        """Count the items."""
        return self._count

    def __iter__(self) -> Iterator[int]:
        """Begin an epoch."""
        return iter(self._chance.sample(range(self._count), self._count))


def _hash(path: str) -> None:
    hashlib.blake2b(Path(path).read_bytes())


def _decode(path: str) -> None:
    from accv_cache._cli.demo.clips import decode  # noqa: PLC0415 - needs PyAV

    decode(Path(path))


_clips: Clips | None = None  # of a worker of a pool


def _begin_worker(clips: Clips) -> None:
    global _clips  # noqa: PLW0603 - a worker has one
    _clips = clips


def _item(index: int) -> int:
    assert _clips is not None  # noqa: S101 - for the type check
    return _clips[index]


def _in_pool(pool: ProcessPoolExecutor, order: Iterable[int]) -> Iterator[int]:
    """Give the items in order, a few of them ahead, as a `DataLoader` does."""
    running: deque[Future[int]] = deque()
    for index in order:
        running.append(pool.submit(_item, index))
        if len(running) == IN_FLIGHT:
            yield running.popleft().result()
    while running:
        yield running.popleft().result()


@contextmanager
def _loader(clips: Clips, order: Iterable[int], *, by_torch: bool) -> Iterator[Iterable[int]]:
    """What gives one item after another, with workers that stay for all epochs."""
    if by_torch:
        from torch.utils.data import DataLoader  # noqa: PLC0415 - only if it is there

        yield DataLoader(
            clips,
            batch_size=None,
            sampler=order,
            num_workers=WORKERS,
            prefetch_factor=IN_FLIGHT // WORKERS,
            persistent_workers=True,
        )
    else:
        fork = multiprocessing.get_context("fork")
        with ProcessPoolExecutor(WORKERS, fork, _begin_worker, (clips,)) as pool:
            yield _Pool(pool, order)


class _Pool:
    def __init__(self, pool: ProcessPoolExecutor, order: Iterable[int]) -> None:
        self._pool = pool
        self._order = order

    def __iter__(self) -> Iterator[int]:
        return _in_pool(self._pool, self._order)


class Bench:
    """The measurements, of clips that are read by `read`."""

    def __init__(self, sizes: Sizes, read: Read, *, by_torch: bool) -> None:
        """Measure with `sizes`."""
        self._sizes = sizes
        self._read = read
        self._by_torch = by_torch

    def place(self, name: str, paths: list[str]) -> Place:
        """Measure on one file system."""
        runs = {mode: self._epochs(paths, mode) for mode in MODES}
        return Place(name, runs, self._switch(paths))

    def _epochs(self, paths: list[str], mode: Mode) -> Run:
        """Start cold, and read all clips in each of the epochs."""
        _evict(paths)
        # Nothing is resident: all that comes in is ours.
        nothing = query(paths, spans=True)
        budget = CacheBudget(self._sizes.budget_bytes, workers=WORKERS, keep=nothing)
        clips = Clips(paths, budget if mode.has_budget else None, self._read)
        order: Iterable[int] = Shuffled(len(paths))
        if mode.is_ahead:
            order = read_ahead(order, paths.__getitem__, depth=2 * IN_FLIGHT)
        held: list[int] = []
        with _loader(clips, order, by_torch=self._by_torch) as loader:
            start = time.perf_counter()
            for _ in range(EPOCHS):
                held.extend(resident_bytes(paths) for _item in loader)
            return Run(held, time.perf_counter() - start)

    def _switch(self, paths: list[str]) -> Switch:
        """The first batch of the second half, cold, and evicted and loaded by us; medians."""
        old, new = paths[: len(paths) // 2], paths[len(paths) // 2 :]
        switches = []
        for _ in range(self._sizes.runs):
            _evict(paths)
            cold = self._first_batch(new)
            _evict(new)
            start = time.perf_counter()
            drop(old)
            prefetch(new, on_limit="stop")
            loaded = time.perf_counter() - start
            switches.append(Switch(cold, self._first_batch(new), loaded))
        return Switch(*map(statistics.median, zip(*switches, strict=True)))

    def _first_batch(self, paths: list[str]) -> float:
        clips = Clips(paths, None, self._read)
        with _loader(clips, range(len(paths)), by_torch=self._by_torch) as loader:
            start = time.perf_counter()
            for _ in itertools.islice(loader, BATCH):
                pass
            return time.perf_counter() - start

    def percent_where_it_fits(self, paths: list[str]) -> float:
        """How much more CPU time an epoch takes with a budget that all fits into; median.

        In one process, and from warm clips: what the budget costs shows most there.
        """
        several = paths[: len(paths) // 4]
        budget = CacheBudget(1 << 50)
        without, within = Clips(several, None, self._read), Clips(several, budget, self._read)
        ratios = []
        for _ in range(1 + 2 * self._sizes.runs):
            took = [_cpu_seconds(clips) for clips in (without, within)]
            ratios.append(took[1] / took[0])
        return (statistics.median(ratios[1:]) - 1) * 100  # the first one warms

    def microseconds_of_use(self, path: str) -> float:
        """The median time of a use of a resident clip that a budget has room for."""
        _evict([path])
        budget = CacheBudget(1 << 50)
        times = []
        for _ in range(self._sizes.uses):
            start = time.perf_counter()
            with budget.use(path):
                inside = time.perf_counter()
                Path(path).read_bytes()
                left = time.perf_counter()
            times.append(inside - start + time.perf_counter() - left)
        return statistics.median(times) * 1e6

    def milliseconds_of_a_step(self, paths: list[str]) -> tuple[float, float]:
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


def _cpu_seconds(clips: Clips) -> float:
    start = time.process_time()
    for index in range(len(clips)):
        clips[index]
    return time.process_time() - start


def _evict(paths: list[str]) -> None:
    for path in paths:
        with Path(path).open("rb") as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _made(directory: Path, count: int, *, is_real: bool) -> list[str]:
    """Clips of noise by PyAV, each as several files; or files of random bytes."""
    directory.mkdir()
    if is_real:
        from accv_cache._cli.demo.clips import make_clips  # noqa: PLC0415 - needs PyAV

        originals = list(make_clips(directory))
    else:
        originals = [directory / "original.bin"]
        originals[0].write_bytes(os.urandom(256 << 10))
    paths = []
    for number, original in zip(range(count), itertools.cycle(originals), strict=False):
        paths.append(str(directory / f"{number}{original.suffix}"))
        shutil.copy(original, paths[-1])
    for original in originals:
        original.unlink()
    return paths


def _markdown(places: list[Place]) -> Iterator[str]:
    yield "| on | | clips/s | MiB held after a quarter, a half, three quarters, all |"
    yield "|---|---|---|---|"
    for place in places:
        for mode, run in place.runs.items():
            held = ", ".join(str(run.mib_after(part / 4)) for part in range(1, 5))
            yield f"| {place.name} | {mode.name} | {run.clips_per_second:.1f} | {held} |"
    yield ""
    yield f"| first {BATCH} clips of another data set, on | cold | after `prefetch` | which took |"
    yield "|---|---|---|---|"
    for place in places:
        cells = (f"{seconds:.2f} s" for seconds in place.switch)
        yield f"| {place.name} | {' | '.join(cells)} |"


def _draw(places: list[Place], sizes: Sizes, picture: Path) -> None:
    """What is held over time, and the speed beside it. Reads well on a light and a dark page."""
    from matplotlib import rcParams  # noqa: PLC0415, only the picture needs it
    from matplotlib.figure import Figure  # noqa: PLC0415

    grey = "#808890"
    colors = {MODES[0]: "#d2691e", MODES[1]: "#2f81f7", MODES[3]: "#2da44e"}
    rcParams["svg.hashsalt"] = "accv_cache"  # the same figures make the same file
    rcParams["svg.fonttype"] = "none"
    figure = Figure(figsize=(9, 2.6 * len(places)), layout="constrained")
    grid = figure.subplots(len(places), 2, width_ratios=(2, 1), squeeze=False)
    for (held, speed), place in zip(grid, places, strict=True):
        for mode, color in colors.items():
            run = place.runs[mode]
            epochs = [EPOCHS * (at + 1) / len(run.held_bytes) for at in range(len(run.held_bytes))]
            mib = [each / 2**20 for each in run.held_bytes]
            held.plot(epochs, mib, color=color, label=mode.name.strip("`"))
        held.axhline(sizes.budget_bytes / 2**20, color=grey, linewidth=1, linestyle="dotted")
        held.set_title(f"MiB in the page cache, {place.name}", color=grey, loc="left", fontsize=10)
        held.set_xlabel("epochs", color=grey, fontsize=9)
        names = [mode.name.strip("`") for mode in colors]
        figures = [place.runs[mode].clips_per_second for mode in colors]
        bars = speed.barh(names, figures, color=list(colors.values()), height=0.6)
        speed.bar_label(bars, [f"{value:.1f}" for value in figures], padding=4, color=grey)
        speed.set_title("clips/s", color=grey, loc="left", fontsize=10)
        speed.invert_yaxis()
        speed.margins(x=0.2)
        speed.xaxis.set_visible(False)
        for axes in (held, speed):
            axes.tick_params(length=0, labelcolor=grey, labelsize=9)
            axes.spines[:].set_visible(False)
    figure.savefig(picture, format="svg", transparent=True, metadata={"Date": None})


@contextmanager
def _slow(directory: Path, paths: list[str]) -> Iterator[tuple[str, list[str]]]:
    """The same clips through FUSE, as on a network file system."""
    point = directory / "slow"
    behind = Path(paths[0]).parent
    with mounted_slowfs(point, behind, open_us=1000, read_us=1000):
        yield "FUSE, 1 ms a read", [str(point / Path(path).name) for path in paths]


@click.command()
@click.option("--quick", is_flag=True, help="Few and small clips: proves that it runs.")
@click.option(
    "--markdown", type=click.Path(path_type=Path), help="Put the tables between its marks."
)
@click.option("--svg", type=click.Path(path_type=Path), help="Draw the picture there.")
@click.option(
    "--directory",
    default="/var/tmp",  # noqa: S108, not /tmp: often memory, which cannot be evicted
    show_default=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Where to make the clips, in a directory of their own that is removed at the end.",
)
def main(*, quick: bool, markdown: Path | None, svg: Path | None, directory: Path) -> None:
    """Read a data set for two epochs without us, with a budget, with read_ahead, with both."""
    sizes = QUICK if quick else FULL
    is_real = not quick and find_spec("av") is not None
    by_torch = not quick and find_spec("torch") is not None
    made = Path(tempfile.mkdtemp(prefix="accv_cache-", dir=directory))
    bench = Bench(sizes, _decode if is_real else _hash, by_torch=by_torch)
    try:
        paths = _made(made / "clips", sizes.clips, is_real=is_real)
        held = sum(Path(path).stat().st_size for path in paths) >> 20
        places = [bench.place(machine.file_system(directory), paths)]
        if not quick:
            try:
                with _slow(made, paths) as (name, slow):
                    places.append(bench.place(name, slow))
            except NotRun as why:
                print(f"without FUSE: {why}")
        by = "decoded by PyAV" if is_real else "hashed"
        workers = "a `DataLoader`" if by_torch else "a pool"
        percent = bench.percent_where_it_fits(paths)
        median, longest = bench.milliseconds_of_a_step(paths)
        lines = [
            f"{machine.in_words(machine.describe(directory))}.",
            f"{len(paths)} clips, {held} MiB, {by} in {WORKERS} workers of {workers}.",
            f"A budget of {sizes.budget_bytes >> 20} MiB.",
            "",
            *_markdown(places),
            "",
            f"Where all of it fits, an epoch takes {percent:.1f} % more CPU time with a budget.",
            f"A use takes {bench.microseconds_of_use(paths[0]):.1f} µs.",
            f"A step of `read_ahead` takes {median:.3f} ms, at most {longest:.3f} ms.",
        ]
    finally:
        shutil.rmtree(made)
    print("\n".join(lines))
    if markdown:
        before, after = around_table(markdown)
        markdown.write_text("\n".join([f"{before}{BEGIN}", *lines, f"{END}{after}"]))
    if svg:
        _draw(places, sizes, svg)


if __name__ == "__main__":
    main()

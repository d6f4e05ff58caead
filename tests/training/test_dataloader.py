"""`CacheBudget` and `read_ahead` in a real `DataLoader`: it gives the same, within the budget."""

import gc
import multiprocessing
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from multiprocessing import resource_tracker
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils.data import DataLoader, DistributedSampler, IterableDataset

from accv_cache import CacheBudget, query, read_ahead
from support.files import MakeFile
from support.forks import FOR_EVER
from support.residency import PAGE, resident_bytes
from support.threads import all_ended, threads

SIZE = 64 * PAGE
COUNT = 12
WORKERS = 2


class Clips:
    """One item per file: its place, once the file was read."""

    def __init__(self, paths: list[Path], budget: CacheBudget) -> None:
        self.paths = paths
        self.budget = budget

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> int:
        with self.budget.use(self.paths[index]):
            assert len(self.paths[index].read_bytes()) == SIZE
        return index


class Shards(IterableDataset[int]):  # type: ignore[misc, unused-ignore] # without torch
    """Each worker reads a part of each of its files, range by range."""

    def __init__(self, paths: list[Path], budget: CacheBudget) -> None:
        self.paths = paths
        self.budget = budget

    def __iter__(self) -> Iterator[int]:
        worker: Any = torch.utils.data.get_worker_info()
        for index in range(worker.id, len(self.paths), worker.num_workers):
            for offset in range(0, SIZE, SIZE // 4):
                with (
                    self.budget.use(self.paths[index], offset, SIZE // 4),
                    self.paths[index].open("rb") as file,
                ):
                    os.pread(file.fileno(), SIZE // 4, offset)
            yield index


@pytest.fixture(autouse=True)
def _nothing_is_left_running() -> Iterator[None]:
    resource_tracker.ensure_running()
    before = threads()
    yield
    gc.collect()
    assert all_ended(before)
    for each in multiprocessing.active_children():
        each.join(FOR_EVER)  # a worker that takes seconds to end is told to, but not awaited
    assert multiprocessing.active_children() == []


@pytest.fixture
def paths(make_file: MakeFile) -> list[Path]:
    return [make_file(SIZE, "cold") for _ in range(COUNT)]


def held(paths: list[Path]) -> int:
    return sum(map(resident_bytes, paths))


def epochs(loader: DataLoader[int], count: int = 2) -> list[list[int]]:
    """What each epoch gives, in order of the files."""
    return [sorted(int(item) for batch in loader for item in batch) for _ in range(count)]


@pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
def test_workers_hold_no_more_than_the_budget(paths: list[Path], method: str) -> None:
    budget = CacheBudget(4 * SIZE, workers=WORKERS)
    loader: DataLoader[int] = DataLoader(
        Clips(paths, budget),
        batch_size=3,
        shuffle=True,
        num_workers=WORKERS,
        multiprocessing_context=method,
        persistent_workers=True,
        prefetch_factor=2,
    )
    assert epochs(loader) == [[*range(COUNT)]] * 2
    assert held(paths) <= 4 * SIZE
    assert budget.used_bytes == 0  # of this process


def test_shards_are_read_by_ranges(paths: list[Path]) -> None:
    loader: DataLoader[int] = DataLoader(
        Shards(paths, CacheBudget(2 * SIZE, workers=WORKERS)),
        batch_size=2,
        num_workers=WORKERS,
        persistent_workers=True,
    )
    assert epochs(loader) == [[*range(COUNT)]] * 2
    assert held(paths) <= 2 * SIZE


def test_the_next_clips_are_read_ahead(paths: list[Path]) -> None:
    dataset = Clips(paths, CacheBudget(0, workers=WORKERS, keep=query(paths, spans=True)))
    order = read_ahead([*range(COUNT)][::-1], paths.__getitem__, depth=4, max_bytes=4 * SIZE)
    loader: DataLoader[int] = DataLoader(
        dataset, batch_size=None, sampler=order, num_workers=WORKERS, persistent_workers=True
    )
    assert len(loader) == COUNT
    for _ in range(2):
        assert [int(item) for item in loader] == [*range(COUNT)][::-1]


def test_batches_and_epochs_of_a_distributed_sampler(paths: list[Path]) -> None:
    dataset = Clips(paths, CacheBudget(0))
    plain = DistributedSampler(dataset, num_replicas=2, rank=1, seed=5)
    sampler = read_ahead(
        DistributedSampler(dataset, num_replicas=2, rank=1, seed=5), paths.__getitem__
    )
    loader: DataLoader[int] = DataLoader(dataset, batch_size=2, sampler=sampler)
    seen = []
    for epoch in range(3):
        sampler.set_epoch(epoch)
        plain.set_epoch(epoch)
        seen.append([int(item) for batch in loader for item in batch])
        assert seen[-1] == list(plain)
    assert len({*map(tuple, seen)}) > 1
    assert len(loader) == COUNT // 2 // 2


def test_a_loop_that_is_broken_off_leaves_nothing_running(paths: list[Path]) -> None:
    order = read_ahead(range(COUNT), paths.__getitem__)
    loader: DataLoader[int] = DataLoader(
        Clips(paths, CacheBudget(0)), batch_size=None, sampler=order, num_workers=WORKERS
    )
    for item in loader:
        assert item == 0
        break


def test_the_example_reads_ahead(clips: dict[str, Path], tmp_path: Path) -> None:
    program = Path(__file__).parents[2] / "examples" / "python" / "loader.py"
    paths = [shutil.copy(clip, tmp_path) for clip in clips.values()]
    ended = subprocess.run(
        [sys.executable, program, "--ahead=2", *paths], capture_output=True, text=True, check=False
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    *lines, last = ended.stdout.splitlines()
    assert [line.partition(": 24 frames")[0] for line in lines] == paths
    assert last.startswith("in the end the clips hold")

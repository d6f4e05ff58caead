"""Load clips as training does, and let them hold no more of the page cache than a budget.

    pip install accv_cache av
    python loader.py clip*.mp4                 # never more than one clip a worker
    python loader.py --budget 500 clip*.mp4    # no more than 500 MiB
    python loader.py --keep clip*.mp4          # grows to all of them
    python loader.py --ahead 4 clip*.mp4       # the next 4 are warm (with torch)

After each clip it prints what all of them hold of the page cache. The dataset is one that
`torch.utils.data.DataLoader` takes, which loads it if torch is installed; forked worker processes
do otherwise. For a loader of your own, copy the three lines that are marked.
"""

import argparse
import multiprocessing
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import av

from accv_cache import CacheBudget, drop, query, read_ahead


class Sample(NamedTuple):
    """An item of the loader."""

    clip: str
    frames: int  # a real dataset would give their pixels


class Clips:
    """A map-style dataset with one item per clip."""

    def __init__(self, paths: Sequence[Path], budget: CacheBudget) -> None:
        """Read `paths`, which hold no more than the budget."""
        self.paths = paths
        self.budget = budget

    def __len__(self) -> int:
        """Count the clips."""
        return len(self.paths)

    def __getitem__(self, index: int) -> Sample:
        """Decode a clip, in a worker process."""
        path = self.paths[index]
        # 2. Around what reads a clip:
        with self.budget.use(path), av.open(path) as container:
            frames = sum(1 for _ in container.decode(video=0))
        return Sample(str(path), frames)


def load(dataset: Clips, workers: int, ahead: int) -> Iterator[Sample]:
    """Return the items in order, loaded by worker processes."""
    order = range(len(dataset))
    try:
        from torch.utils.data import DataLoader  # noqa: PLC0415 - only if it is there
    except ModuleNotFoundError:
        with multiprocessing.get_context("fork").Pool(workers) as pool:
            yield from pool.imap(dataset.__getitem__, order)
    else:
        sampler: Iterable[int] = order
        if ahead > 0:
            # 3. Around the sampler, if the next clips should be warm:
            sampler = read_ahead(order, dataset.paths.__getitem__, depth=ahead)
        yield from DataLoader(dataset, batch_size=None, sampler=sampler, num_workers=workers)


def main() -> None:
    """Load the clips once: an epoch."""
    parser = argparse.ArgumentParser(description="Load clips within a budget of page cache.")
    parser.add_argument("clips", nargs="+", type=Path)
    parser.add_argument("--keep", action="store_true", help="evict nothing")
    parser.add_argument("--budget", type=int, default=0, help="MiB that may stay (default: 0)")
    parser.add_argument("--ahead", type=int, default=0, help="clips to read ahead (default: 0)")
    parser.add_argument("--workers", type=int, default=2, help="processes (default: 2)")
    options = parser.parse_args()

    def held() -> str:
        return f"the clips hold {query(options.clips).known_resident_bytes / 2**20:.1f} MiB"

    drop(options.clips)  # start cold: what is resident below was read by the workers
    before = query(options.clips, spans=True)  # what is resident now stays
    limit = 1 << 60 if options.keep else options.budget << 20
    # 1. Where the dataset is made:
    budget = CacheBudget(limit, workers=options.workers, keep=before)
    dataset = Clips(options.clips, budget)
    for sample in load(dataset, options.workers, options.ahead):
        print(f"{sample.clip}: {sample.frames} frames; {held()}", flush=True)
    print(f"in the end {held()}")


if __name__ == "__main__":
    main()

"""Load clips as training does, and evict each from the page cache when it is decoded.

    pip install accv_cache av
    python loader.py clip*.mp4           # never more than one clip a worker
    python loader.py --keep clip*.mp4    # grows to all of them

After each clip it prints what all of them hold of the page cache. The dataset is one that
`torch.utils.data.DataLoader` takes, which loads it if torch is installed; forked worker processes
do otherwise.
"""

import argparse
import multiprocessing
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import av

from accv_cache import drop, query


class Sample(NamedTuple):
    """An item of the loader."""

    clip: str
    frames: int  # a real dataset would give their pixels


class Clips:
    """A map-style dataset with one item per clip."""

    def __init__(self, paths: Sequence[Path], *, evict: bool) -> None:
        """Read `paths`; with `evict`, evict each after it is decoded."""
        self.paths = paths
        self.evict = evict

    def __len__(self) -> int:
        """Count the clips."""
        return len(self.paths)

    def __getitem__(self, index: int) -> Sample:
        """Decode a clip, in a worker process."""
        path = self.paths[index]
        with path.open("rb") as file:
            try:
                with av.open(file, "r") as container:
                    frames = sum(1 for _ in container.decode(video=0))
            finally:
                if self.evict:
                    drop(file)  # the open file, not its path: it may have been renamed meanwhile
        return Sample(str(path), frames)


def load(dataset: Clips, workers: int) -> Iterator[Sample]:
    """Return the items in order, loaded ahead by worker processes."""
    try:
        from torch.utils.data import DataLoader  # noqa: PLC0415 - only if it is there
    except ModuleNotFoundError:
        with multiprocessing.get_context("fork").Pool(workers) as pool:
            yield from pool.imap(dataset.__getitem__, range(len(dataset)))
    else:
        yield from DataLoader(dataset, batch_size=None, num_workers=workers)


def main() -> None:
    """Load the clips once: an epoch."""
    parser = argparse.ArgumentParser(description="Load clips, and evict each when it is decoded.")
    parser.add_argument("clips", nargs="+", type=Path)
    parser.add_argument("--keep", action="store_true", help="do not evict")
    parser.add_argument("--workers", type=int, default=2, help="processes (default: 2)")
    options = parser.parse_args()

    def held() -> str:
        return f"the clips hold {query(options.clips).known_resident_bytes / 2**20:.1f} MiB"

    drop(options.clips)  # start cold: what is resident below was read by the workers
    for sample in load(Clips(options.clips, evict=not options.keep), options.workers):
        print(f"{sample.clip}: {sample.frames} frames; {held()}", flush=True)
    print(f"in the end {held()}")


if __name__ == "__main__":
    main()

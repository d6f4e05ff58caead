"""Read the samples of tar shards, as WebDataset writes them, by byte ranges and within a budget.

    python tar_shards.py shard*.tar

A sample is the members that differ only in their extension.
"""

import os
import sys
import tarfile
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from accv_cache import CacheBudget, query, read_ahead


class Sample(NamedTuple):
    """Where a sample is in its shard."""

    shard: Path
    key: str
    start: int  # of the first member
    stop: int  # of the last one
    members: dict[str, tuple[int, int]]  # by extension: offset and size


def samples_of(shard: Path) -> Iterator[Sample]:
    """Find the samples by the headers of the shard."""

    def key(member: tarfile.TarInfo) -> str:
        folder, slash, name = member.name.rpartition("/")
        return folder + slash + name.partition(".")[0]

    with tarfile.open(shard) as tar:
        for name, group in groupby(filter(tarfile.TarInfo.isfile, tar), key):
            members = {each.name[len(name) + 1 :]: (each.offset_data, each.size) for each in group}
            stop = max(offset + size for offset, size in members.values())
            yield Sample(shard, name, min(members.values())[0], stop, members)


def main() -> None:
    """Read all samples once."""
    shards = [Path(each) for each in sys.argv[1:]]
    before = query(shards, spans=True)  # before the headers are read: what is resident now stays
    budget = CacheBudget(8 << 30, keep=before)
    samples = [sample for shard in shards for sample in samples_of(shard)]
    ahead = read_ahead(samples, lambda each: (each.shard, each.start, each.stop - each.start))
    for shard, key, start, stop, members in ahead:
        with budget.use(shard, start, stop - start), shard.open("rb") as file:
            found = {
                extension: os.pread(file.fileno(), size, offset)
                for extension, (offset, size) in members.items()
            }
        print(shard, key, *(f"{extension}:{len(data)}" for extension, data in found.items()))
    budget.close()
    print(f"in the end the shards hold {query(shards).known_resident_bytes} bytes")


if __name__ == "__main__":
    main()

"""Each C++ allocation of whole calls from Python fails once; `test_allocations` runs this.

It prints how many there were. It needs `failing_new.cpp` preloaded, whose path is its argument; the
second argument is a directory to work in.
"""

import ctypes
import os
import pickle
import sys
from collections.abc import Callable
from functools import partial
from itertools import count
from pathlib import Path

from accv_cache import (
    CacheBudget,
    CacheReport,
    DropCacheStatus,
    DropReport,
    PrefetchReport,
    cgroup_memory,
    drop,
    drop_videos_cache,
    holders,
    prefetch,
    query,
)

MOST_SMALL_FILES = 40
FILE_BYTES = 5000


def descriptors_once_alone() -> set[str]:
    """The open descriptors of this process once it has no thread but this one."""
    while len(list(Path("/proc/self/task").iterdir())) > 1:
        pass  # a thread that was joined leaves /proc a moment later
    return {each.name for each in Path("/proc/self/fd").iterdir()}


def is_right(answer: object) -> bool:
    """Whether a call that ended without MemoryError says that it did its work, or did not."""
    if isinstance(answer, DropCacheStatus):
        return answer in (DropCacheStatus.SUCCESS, DropCacheStatus.UNKNOWN_ERROR)
    if isinstance(answer, DropReport | PrefetchReport):
        return all(isinstance(each, OSError | MemoryError) for each in answer.failed) or answer.ok
    return True


def fail_each(library: ctypes.CDLL, call: Callable[[], object]) -> tuple[int, int]:
    """Call until no allocation is left to fail: how many there were, how many ended the call."""
    call()
    before = descriptors_once_alone()
    ended = 0
    for nth in count():
        answer: object = None
        library.arm(ctypes.c_size_t(nth))
        try:
            answer = call()
        except MemoryError:
            ended += 1
        needed = library.disarm()
        assert is_right(answer), answer
        assert descriptors_once_alone() == before
        if needed <= nth:
            return nth, ended
    raise AssertionError


def prefetch_cold(files: list[Path], what: Path | CacheReport) -> PrefetchReport:
    """Load what was evicted before."""
    for each in files:
        with each.open("rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    return prefetch(what)


def drop_kept(files: list[Path], warm: CacheReport) -> DropReport:
    """Drop what the caller holds open."""
    with files[0].open("rb") as one, files[1].open("rb") as other:
        return drop([one, other.fileno(), files[2]], keep=warm)


def use_budget(files: list[Path]) -> CacheBudget:
    """Let files go through a budget that they do not fit into."""
    with CacheBudget(2 * FILE_BYTES) as budget:
        for each in files:
            with budget.use(each):
                pass
    return budget


def main(library: ctypes.CDLL, directory: Path) -> None:
    """Make some files, and let every allocation of each verb fail."""
    library.disarm.restype = ctypes.c_size_t
    files = [directory / str(number) for number in range(MOST_SMALL_FILES)]
    for path in files:
        path.write_bytes(bytes(FILE_BYTES))
    warm = query(directory, spans=True)
    pickled = pickle.dumps([warm, drop(files), prefetch(directory)])
    calls: dict[str, Callable[[], object]] = {
        "drop_videos_cache(files)": partial(drop_videos_cache, files),
        "drop(files)": partial(drop, files),
        "drop(files, workers=4)": partial(drop, files, workers=4),
        "drop(files, fail_fast=True)": partial(drop, files, fail_fast=True),
        "drop(directory)": partial(drop, directory),
        "query(directory)": partial(query, directory),
        "query(files, spans=True)": partial(query, files, spans=True),
        "prefetch(directory)": partial(prefetch_cold, files, directory),
        "prefetch(report)": partial(prefetch_cold, files, warm),
        "drop(descriptors, keep=report)": partial(drop_kept, files, warm),
        "CacheBudget": partial(use_budget, files),
        "holders(file)": partial(holders, files[0]),
        "cgroup_memory()": cgroup_memory,
        "pickle.dumps(report)": partial(pickle.dumps, warm),
        "pickle.loads(reports)": partial(pickle.loads, pickled),
    }
    for name, call in calls.items():
        allocations, ended = fail_each(library, call)
        assert ended == 0 or not name.startswith("drop_videos_cache")
        print(f"{allocations:6} {name}: {ended} ended by MemoryError")


if __name__ == "__main__":
    main(ctypes.CDLL(sys.argv[1]), Path(sys.argv[2]))

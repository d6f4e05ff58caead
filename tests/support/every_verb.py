"""Calls every verb on a list that is long enough for threads, and checks the results."""

from collections.abc import Sequence
from pathlib import Path

from accv_cache import DropCacheStatus, drop, drop_videos_cache, prefetch, query
from support.descriptors import open_descriptors
from support.residency import PAGE, clean, resident_bytes, warm
from support.threads import all_ended, threads

MANY = 300


def make_many(directory: Path) -> list[Path]:
    """Make files enough for threads, of one page each, resident and clean."""
    directory.mkdir()
    paths = [directory / f"{number:03}.bin" for number in range(MANY)]
    for path in paths:
        path.write_bytes(b"clip")
    for path in paths:
        clean(path)
    return paths


def use_every_verb(paths: Sequence[Path]) -> None:
    """Evict the files, measure them, and leave no page, descriptor or thread behind."""
    descriptors, before = open_descriptors(), threads()
    for path in paths:
        warm(path)
    report = drop(paths, workers=4)
    assert report.ok
    assert report.resident_bytes == sum(map(resident_bytes, paths)) == 0

    for path in paths:
        warm(path)
    measured = query(paths, workers=4).resident_bytes
    assert measured
    # The kernel may have reclaimed pages meanwhile; nothing adds any.
    assert sum(map(resident_bytes, paths)) <= measured <= len(paths) * PAGE
    assert drop_videos_cache(paths) is DropCacheStatus.SUCCESS
    assert query(paths).resident_bytes == sum(map(resident_bytes, paths)) == 0

    # The kernel may reclaim what was loaded, but not more than there is.
    loaded = prefetch(paths, workers=4)
    assert loaded.ok
    assert loaded.loaded_bytes == len(paths) * PAGE
    assert drop(paths).resident_bytes == sum(map(resident_bytes, paths)) == 0

    assert all_ended(before)
    # What an earlier test left to the garbage collector may be closed meanwhile.
    assert open_descriptors().items() <= descriptors.items()

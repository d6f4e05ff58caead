"""`drop_videos_cache` does what its plain Python reference does, on lists that hypothesis draws."""

import os
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from contextlib import nullcontext
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accv_cache import DropCacheStatus, _core, drop_videos_cache
from support import reference, residency
from support.descriptors import scarce_descriptors
from support.examples import examples
from support.items import BAD, HARMLESS
from support.residency import PAGE

SIZES = [0, 1, PAGE, PAGE + 1, 64 * 1024, 1024 * 1024 + 1]
MANY = 400


class World:
    """A directory with files, and one item of every kind."""

    def __init__(self, directory: Path, sizes: Sequence[int]) -> None:
        """Make them all."""
        self.files = [directory / f"{number}.bin" for number in range(len(sizes))]
        for path, size in zip(self.files, sizes, strict=True):
            path.write_bytes((path.name.encode() * size)[:size])
        residency.write_back(directory)  # a dirty page would stay
        link, twin, odd = directory / "link", directory / "twin", directory / "odd"
        link.symlink_to(self.files[-1])
        os.link(self.files[-2], twin)
        odd.mkdir()
        self.items: dict[str, object] = {"link": link, "twin": twin}
        self.items |= {path.name: path for path in self.files}
        self.items |= {kind: bad.make(odd) for kind, bad in BAD.items()}
        self.items |= {kind: make(odd) for kind, make in HARMLESS.items()}

    def bring_in(self, numbers: AbstractSet[int]) -> None:
        """Make these files resident, and no others."""
        reference.drop_videos_cache(self.files)
        for number in numbers:
            residency.warm(self.files[number])

    def kept(self) -> list[int]:
        return [residency.kept_bytes(path) for path in self.files]

    def contents(self) -> list[tuple[int, int, bytes]]:
        return [
            (stat.st_size, stat.st_mtime_ns, path.read_bytes())
            for path in self.files
            for stat in [path.stat()]
        ]


def twins(factory: pytest.TempPathFactory, sizes: Sequence[int]) -> tuple[World, World]:
    """Two equal worlds: one for ours, one for the reference."""
    return World(factory.mktemp("ours"), sizes), World(factory.mktemp("theirs"), sizes)


@pytest.fixture(scope="module")
def worlds(tmp_path_factory: pytest.TempPathFactory) -> tuple[World, World]:
    return twins(tmp_path_factory, SIZES)


@pytest.fixture(scope="module")
def large_worlds(tmp_path_factory: pytest.TempPathFactory) -> tuple[World, World]:
    return twins(tmp_path_factory, [PAGE + 1] * MANY)


GOOD = [*(f"{number}.bin" for number in range(len(SIZES))), "link", "twin", *HARMLESS]


@examples(200)
@given(
    # Bad items end a list. If they were as frequent as good ones, lists would rarely be long.
    kinds=st.lists(st.sampled_from([*GOOD * 4, *BAD]), max_size=20),
    resident=st.sets(st.sampled_from(range(len(SIZES)))),
)
def test_evicts_what_the_reference_evicts(
    worlds: tuple[World, World], kinds: list[str], resident: set[int]
) -> None:
    contents = [world.contents() for world in worlds]
    for world in worlds:
        world.bring_in(resident)
    ours, theirs = worlds
    status = drop_videos_cache(ours.items[kind] for kind in kinds)  # type: ignore[misc]
    assert status.name == reference.drop_videos_cache(theirs.items[kind] for kind in kinds)
    assert ours.kept() == theirs.kept()
    assert [world.contents() for world in worlds] == contents


@examples(60)
@given(
    odd=st.dictionaries(
        st.integers(0, MANY - 1), st.sampled_from([*BAD, *HARMLESS]), min_size=1, max_size=3
    ),
    resident=st.sampled_from([range(MANY), range(MANY // 2, MANY), range(0, MANY, 2)]),
    workers=st.sampled_from([0, 1, 2, 3, 8, 64]),
    free=st.none() | st.integers(1, 40),
)
def test_threads_evict_what_the_reference_evicts(
    large_worlds: tuple[World, World],
    odd: dict[int, str],
    resident: range,
    workers: int,
    free: int | None,
) -> None:
    for world in large_worlds:
        world.bring_in(set(resident))
    ours, theirs = large_worlds
    names = [odd.get(number, f"{number}.bin") for number in range(MANY)]
    with nullcontext() if free is None else scarce_descriptors(free):
        value = _core.drop_videos_cache(
            [ours.items[name] for name in names],  # type: ignore[misc]
            workers,
        )
    assert DropCacheStatus(value).name == reference.drop_videos_cache(
        theirs.items[name] for name in names
    )
    assert ours.kept() == theirs.kept()

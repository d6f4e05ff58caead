"""`CacheBudget`: files hold no more than the budget, what is in use or was there before stays."""

import multiprocessing
import os
import pickle
import random
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from multiprocessing import resource_tracker
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accv_cache import CacheBudget, query
from support import mounts, residency
from support.budgets import kept_after, pass_through
from support.examples import examples
from support.files import FileSystem, MakeFile, bring_into
from support.forks import FOR_EVER, forks_with_threads, in_fork
from support.privileges import as_other_user
from support.residency import PAGE, kept_bytes, resident_bytes
from support.threads import at_once

MIB = 1 << 20
SIZE = 64 * PAGE

pytestmark = pytest.mark.usefixtures("no_leaked_descriptors")
on_disks = pytest.mark.parametrize(
    "file_system", ["ext4", "xfs", "btrfs", "overlay", "fuse"], indirect=True
)


def wrong(argument: object) -> Any:  # noqa: ANN401 - nothing that the type check knows of
    """An argument with its type hidden from the type check."""
    return argument


def held(paths: list[Path]) -> int:
    return sum(map(resident_bytes, paths))


class Shelf:
    """Files of several sizes, each with a second name; those at even places are `before`."""

    def __init__(self, directory: Path) -> None:
        self.paths = [
            bring_into("cold", directory / f"{count}.bin", count * 16 * PAGE) for count in range(6)
        ]
        for path in self.paths:
            self.other_name(path).hardlink_to(path)
        self.before = self.paths[::2]
        self.ours = self.paths[1::2]

    @staticmethod
    def other_name(path: Path) -> Path:
        return path.with_suffix(".link")

    def restore(self) -> None:
        """Make the files of `before` resident, and evict the others."""
        for path in self.before:
            residency.warm(path)
        for path in self.ours:
            with path.open("rb") as file:
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        assert held(self.ours) == 0


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Shelf:
    return Shelf(tmp_path_factory.mktemp("shelf"))


@pytest.fixture(scope="module", autouse=True)
def _resource_tracker() -> None:
    """Started before descriptors are counted: multiprocessing keeps a pipe to it."""
    resource_tracker.ensure_running()


# What is used together: places on the shelf, each by its first or its second name.
TOGETHER = st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=1, max_size=3)


class TestProperties:
    @examples(60)
    @given(
        limit=st.integers(0, 10 * 16 * PAGE),
        steps=st.lists(st.tuples(TOGETHER, st.booleans()), max_size=8),
    )
    def test_hold_in_any_order_of_uses(
        self, shelf: Shelf, limit: int, steps: list[tuple[list[tuple[int, bool]], bool]]
    ) -> None:
        shelf.restore()
        loaded = dict.fromkeys(shelf.paths, 0)
        budget = CacheBudget(limit)
        for together, fails in steps:
            names = [
                shelf.other_name(shelf.paths[at]) if by_link else shelf.paths[at]
                for at, by_link in together
            ]
            with ExitStack() as uses:
                if fails:
                    uses.enter_context(pytest.raises(ZeroDivisionError))
                for name, (at, _) in zip(names, together, strict=True):
                    uses.enter_context(budget.use(name))
                    resident = resident_bytes(name)
                    residency.warm(name)
                    loaded[shelf.paths[at]] += name.stat().st_size - resident
                for name in names:
                    assert kept_bytes(name) == name.stat().st_size
                if fails:
                    1 // 0  # noqa: B018 - an error of the caller
            assert held(shelf.ours) <= budget.used_bytes <= limit
            assert budget.used_bytes + budget.dropped_bytes <= sum(loaded.values())
            for path in shelf.before:
                # What the kernel had reclaimed was loaded in a use, and may be dropped again.
                assert kept_bytes(path) >= path.stat().st_size - loaded[path]
        budget.close()
        assert held(shelf.ours) == budget.used_bytes == 0

    @examples(40)
    @given(ranges=st.lists(st.tuples(st.integers(0, 4), st.integers(1, 4)), min_size=1, max_size=4))
    def test_ranges_in_use_stay(self, shelf: Shelf, ranges: list[tuple[int, int]]) -> None:
        shelf.restore()
        path = shelf.paths[5]
        budget = CacheBudget(0)
        with ExitStack() as uses:
            for start, count in ranges:
                uses.enter_context(budget.use(path, start * 16 * PAGE, count * 16 * PAGE))
            residency.warm(path)
            with budget.use(path, 79 * PAGE, PAGE):
                pass
            used = {each for start, count in ranges for each in range(start, start + count)}
            within = len(used & {0, 1, 2, 3, 4}) * 16 * PAGE
            assert kept_bytes(path) >= within
        assert resident_bytes(path) == 0


class TestOneFile:
    def test_stays_within_the_budget(self, make_file: MakeFile) -> None:
        path = make_file(SIZE, "cold")
        budget = CacheBudget(SIZE)
        pass_through(budget, path)
        assert kept_bytes(path) == SIZE
        assert (budget.used_bytes, budget.dropped_bytes) == (SIZE, 0)
        assert repr(budget) == f"<CacheBudget of {SIZE} bytes: {SIZE} used>"

    @pytest.mark.parametrize("limit", [0, 1, SIZE - 1])
    def test_larger_than_the_budget_passes_alone(self, make_file: MakeFile, limit: int) -> None:
        path = make_file(SIZE, "cold")
        budget = CacheBudget(limit)
        pass_through(budget, path)
        assert resident_bytes(path) == 0
        assert (budget.used_bytes, budget.dropped_bytes) == (0, SIZE)

    def test_that_is_used_again_counts_once(self, make_file: MakeFile) -> None:
        path = make_file(SIZE, "cold")
        link = path.with_suffix(".link")
        link.hardlink_to(path)
        budget = CacheBudget(SIZE)
        pass_through(budget, path, link, path)
        assert (budget.used_bytes, budget.dropped_bytes) == (SIZE, 0)

    @pytest.mark.parametrize("spell", [os.fspath, os.fsencode, Path])
    def test_has_a_path_of_any_type(
        self, make_file: MakeFile, spell: Callable[[Path], str | bytes | Path]
    ) -> None:
        path = make_file(SIZE, "cold")
        with CacheBudget(0) as budget, budget.use(spell(path)):
            residency.warm(path)
        assert resident_bytes(path) == 0

    @on_disks
    def test_is_evicted_on_every_disk(self, file_system: FileSystem) -> None:
        path = bring_into("warm", file_system.directory / "clip", SIZE)
        residency.cold(path)
        budget = CacheBudget(0)
        pass_through(budget, path)
        assert resident_bytes(path) == 0
        assert (budget.used_bytes, budget.dropped_bytes) == (0, SIZE)

    def test_of_a_lower_layer_is_evicted(self, overlay: Path) -> None:
        path = overlay.parent / mounts.LOWER_FILE
        residency.cold(path)
        budget = CacheBudget(0)
        pass_through(budget, path)
        assert resident_bytes(path) == 0
        assert budget.dropped_bytes > 0

    def test_in_memory_does_not_count(self, tmpfs: Path) -> None:
        path = bring_into("dirty", tmpfs / "clip", SIZE)
        budget = CacheBudget(0)
        pass_through(budget, path)
        assert (budget.used_bytes, budget.dropped_bytes) == (0, 0)
        assert resident_bytes(path) == SIZE

    def test_that_cannot_be_measured_counts_by_its_size(self, ext4: Path) -> None:
        first, second = (bring_into("warm", ext4 / name, SIZE) for name in ("first", "second"))

        def use_both() -> tuple[int, int, int]:
            budget = CacheBudget(SIZE)
            with budget.use(first, 0, PAGE):
                pass
            a_page = budget.used_bytes
            with budget.use(first), budget.use(second):
                pass
            return a_page, budget.used_bytes, budget.dropped_bytes

        assert as_other_user(use_both) == (PAGE, SIZE, SIZE)
        assert resident_bytes(first) == 0 or resident_bytes(second) == 0

    @pytest.mark.parametrize("place", ["/dev/null", "/proc/self/status", "/"])
    def test_without_pages_does_not_count(self, place: str) -> None:
        budget = CacheBudget(0)
        with budget.use(place):
            pass
        assert (budget.used_bytes, budget.dropped_bytes) == (0, 0)


class TestOrder:
    def test_the_least_recently_used_goes(self, make_file: MakeFile) -> None:
        first, second, third = (make_file(SIZE, "cold") for _ in range(3))
        budget = CacheBudget(2 * SIZE)
        pass_through(budget, first, second, first, third)
        assert resident_bytes(second) == 0
        assert kept_bytes(first) == kept_bytes(third) == SIZE

    def test_workers_have_equal_parts(self, make_file: MakeFile) -> None:
        first, second = make_file(SIZE, "cold"), make_file(SIZE, "cold")
        pass_through(CacheBudget(2 * SIZE, workers=2), first, second)
        assert resident_bytes(first) == 0
        assert kept_bytes(second) == SIZE

    def test_a_mapped_file_does_not_block_the_others(self, make_file: MakeFile) -> None:
        first, second = make_file(SIZE, "cold"), make_file(SIZE, "cold")
        budget = CacheBudget(SIZE)
        pass_through(budget, first)
        with residency.mapped(first):
            pass_through(budget, second)
            assert resident_bytes(second) == 0
        pass_through(budget, second)
        assert resident_bytes(first) + resident_bytes(second) <= SIZE


class TestFilesThatChange:
    def test_one_that_vanishes_counts_no_more(self, make_file: MakeFile) -> None:
        first, second = make_file(SIZE, "cold"), make_file(SIZE, "cold")
        budget = CacheBudget(SIZE)
        pass_through(budget, first)
        first.unlink()
        pass_through(budget, second)
        assert (budget.used_bytes, budget.dropped_bytes) == (SIZE, 0)

    def test_one_that_vanishes_in_use(self, make_file: MakeFile) -> None:
        first, second = make_file(SIZE, "cold"), make_file(SIZE, "cold")
        budget = CacheBudget(SIZE)
        with budget.use(first):
            residency.warm(first)
            first.unlink()
        pass_through(budget, second)
        assert budget.used_bytes == kept_bytes(second) == SIZE

    def test_a_new_file_of_the_same_name_is_another(self, make_file: MakeFile) -> None:
        path, other = make_file(SIZE, "cold"), make_file(SIZE, "cold")
        budget = CacheBudget(SIZE)
        pass_through(budget, path)
        path.unlink()
        bring_into("warm", path, SIZE)  # the file system may give it the same inode
        pass_through(budget, path, other)
        budget.close()
        assert kept_bytes(path) == SIZE  # it was resident before its first use
        assert resident_bytes(other) == 0

    def test_one_that_grows_counts_with_its_new_size(self, make_file: MakeFile) -> None:
        path = make_file(SIZE, "cold")
        budget = CacheBudget(4 * SIZE)
        with budget.use(path):
            with path.open("ab") as file:
                file.write(bytes(SIZE))
            residency.clean(path)
            residency.warm(path)
        assert budget.used_bytes == kept_bytes(path) == 2 * SIZE


class TestKeep:
    def test_what_was_resident_then_stays_and_what_came_since_goes(
        self, make_file: MakeFile
    ) -> None:
        warm, ahead = make_file(SIZE, "dirty"), make_file(SIZE, "cold")
        budget = CacheBudget(0, keep=query([warm, ahead], spans=True))
        residency.warm(ahead)  # as read_ahead does in another process
        pass_through(budget, warm, ahead)
        assert kept_bytes(warm) == SIZE
        assert resident_bytes(ahead) == 0

    def test_a_file_that_the_report_lacks_goes(self, make_file: MakeFile) -> None:
        path = make_file(SIZE)
        pass_through(CacheBudget(0, keep=query([], spans=True)), path)
        assert resident_bytes(path) == 0

    def test_needs_spans(self, make_file: MakeFile) -> None:
        with pytest.raises(ValueError, match="has no spans"):
            CacheBudget(0, keep=query(make_file(SIZE)))
        with pytest.raises(TypeError, match="keep must be a CacheReport"):
            CacheBudget(0, keep=wrong([]))


class TestProcesses:
    def test_a_child_starts_without_files(self, make_file: MakeFile) -> None:
        ours, theirs = make_file(SIZE, "cold"), make_file(SIZE, "cold")
        budget = CacheBudget(0)

        def in_child() -> tuple[int, int]:
            started = budget.used_bytes
            pass_through(budget, theirs)
            return started, budget.dropped_bytes

        with budget.use(ours):
            residency.warm(ours)
            assert in_fork(in_child) == (0, SIZE)
            assert kept_bytes(ours) == SIZE
        assert resident_bytes(ours) == resident_bytes(theirs) == 0
        assert (budget.used_bytes, budget.dropped_bytes) == (0, SIZE)

    def test_a_child_that_leaves_the_parents_use_evicts_nothing(self, make_file: MakeFile) -> None:
        path = make_file(SIZE, "cold")
        budget = CacheBudget(0)
        with ExitStack() as use:
            use.enter_context(budget.use(path))
            residency.warm(path)
            in_fork(_leave, use)
            assert kept_bytes(path) == SIZE
        assert resident_bytes(path) == 0

    def test_forks_while_threads_use_it(self, shelf: Shelf) -> None:
        shelf.restore()
        budget = CacheBudget(0)
        stop = threading.Event()

        def use_until_stopped(path: Path) -> None:
            while not stop.is_set():
                pass_through(budget, path)

        with ThreadPoolExecutor(2) as pool, ExitStack() as stack:
            stack.callback(stop.set)
            running = [pool.submit(use_until_stopped, path) for path in shelf.ours[:2]]
            for _ in range(20):
                assert in_fork(kept_after, budget, shelf.ours[2]) == 0
        for each in running:
            each.result()

    @pytest.mark.parametrize("method", ["fork", "spawn"])
    def test_workers_get_it_by_any_start(self, make_file: MakeFile, method: str) -> None:
        path = make_file(SIZE, "cold")
        with forks_with_threads(), multiprocessing.get_context(method).Pool(1) as pool:
            assert pool.apply_async(kept_after, (CacheBudget(0), path)).get(FOR_EVER) == 0

    def test_a_pickle_has_the_arguments_and_no_files(self, make_file: MakeFile) -> None:
        path = make_file(SIZE, "cold")
        budget = CacheBudget(2 * SIZE, workers=2, keep=query([], spans=True))
        pass_through(budget, path)
        copy = pickle.loads(pickle.dumps(budget))
        assert copy.__getstate__()[:2] == (2 * SIZE, 2)
        assert copy.used_bytes == 0
        budget.close()
        with pytest.raises(ValueError, match="closed"):
            pickle.loads(pickle.dumps(budget)).use(path)


def _leave(use: ExitStack) -> None:
    use.close()


def test_threads_share_it(shelf: Shelf) -> None:
    shelf.restore()
    budget = CacheBudget(3 * 16 * PAGE)
    loaded: list[tuple[Path, int]] = []

    def use_many(seed: int) -> None:
        chance = random.Random(seed)
        for path in chance.choices(shelf.paths, k=50):
            with budget.use(path):
                loaded.append((path, path.stat().st_size - resident_bytes(path)))
                residency.warm(path)
                assert kept_bytes(path) == path.stat().st_size

    at_once([partial(use_many, seed) for seed in range(4)])
    assert held(shelf.ours) <= budget.used_bytes <= 3 * 16 * PAGE
    for path in shelf.before:
        # What the kernel had reclaimed was loaded in a use, and may be dropped again.
        in_uses = sum(size for used, size in loaded if used == path)
        assert kept_bytes(path) >= path.stat().st_size - in_uses


class TestBadInput:
    @pytest.mark.parametrize("limit", [-1, 1 << 63])
    def test_a_budget_out_of_range(self, limit: int) -> None:
        with pytest.raises(ValueError, match="max_bytes must be from 0"):
            CacheBudget(limit)

    def test_no_workers(self) -> None:
        with pytest.raises(ValueError, match="workers must be from 1"):
            CacheBudget(0, workers=0)

    @pytest.mark.parametrize("argument", [1.5, "1", None])
    def test_numbers_of_another_type(self, argument: object) -> None:
        with pytest.raises(TypeError, match="max_bytes must be an integer"):
            CacheBudget(wrong(argument))

    @pytest.mark.parametrize(
        ("arguments", "error"),
        [
            ((5,), TypeError),
            ((None,), TypeError),
            (("a\0b",), ValueError),
            (("clip", -1), ValueError),
            (("clip", 0, 0), ValueError),
        ],
        ids=["number", "None", "NUL", "offset", "length"],
    )
    def test_of_use(self, arguments: tuple[Any, ...], error: type[Exception]) -> None:
        with pytest.raises(error):
            CacheBudget(0).use(*arguments)

    def test_a_missing_file(self, tmp_path: Path) -> None:
        missing = tmp_path / "missing"
        use = CacheBudget(0).use(missing)
        with pytest.raises(FileNotFoundError) as caught, use:
            pytest.fail("the block began")
        assert caught.value.filename == str(missing)

    def test_a_use_that_begins_or_ends_twice(self, make_file: MakeFile) -> None:
        use = CacheBudget(0).use(make_file(PAGE))
        with pytest.raises(ValueError, match="has not begun"):
            use.__exit__(None, None, None)
        with use, pytest.raises(ValueError, match="has begun already"):
            use.__enter__()
        with use:
            pass
        with pytest.raises(ValueError, match="has ended already"):
            use.__exit__(None, None, None)

    def test_a_closed_budget(self, make_file: MakeFile) -> None:
        path = make_file(SIZE, "cold")
        budget = CacheBudget(SIZE)
        begins_later = budget.use(path)
        with budget.use(path):
            residency.warm(path)
            budget.close()
            assert kept_bytes(path) == SIZE
        assert resident_bytes(path) == 0
        budget.close()
        with pytest.raises(ValueError, match="the budget is closed"), begins_later:
            pytest.fail("the block began")
        for call in (budget.use, lambda _: budget.__enter__()):
            with pytest.raises(ValueError, match="the budget is closed"):
                call(path)

    def test_a_use_of_a_budget_that_is_forgotten(self, make_file: MakeFile) -> None:
        path = make_file(SIZE, "cold")
        with CacheBudget(0).use(path):
            residency.warm(path)
        assert resident_bytes(path) == 0


@pytest.fixture
def _elsewhere(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setattr(sys, "platform", "darwin")
        yield


@pytest.mark.usefixtures("_elsewhere")
def test_on_other_systems_it_does_nothing(make_file: MakeFile, tmp_path: Path) -> None:
    path = make_file(SIZE)
    with CacheBudget(0) as budget:
        pass_through(budget, path)
        with budget.use(tmp_path / "missing"):
            pass
    assert (budget.used_bytes, budget.dropped_bytes) == (0, 0)
    assert resident_bytes(path) == SIZE

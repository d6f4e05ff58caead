"""`read_ahead`: the same items, their files in the page cache before, nothing left running."""

import _thread
import copy
import gc
import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from itertools import accumulate
from pathlib import Path
from queue import SimpleQueue
from types import MappingProxyType, SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import accv_cache._training.read_ahead as module
from accv_cache import CacheBudget, MissingReason, prefetch, query, read_ahead
from support.examples import examples
from support.files import MakeFile
from support.forks import FOR_EVER, in_fork
from support.residency import PAGE, kept_bytes, resident_bytes
from support.threads import all_ended, at_once, threads

SIZE = 16 * PAGE

pytestmark = pytest.mark.usefixtures("no_leaked_descriptors")


def wrong(argument: object) -> Any:  # noqa: ANN401 - nothing that the type check knows of
    """An argument with its type hidden from the type check."""
    return argument


@pytest.fixture(autouse=True)
def _nothing_is_left_running() -> Iterator[None]:
    before = threads()
    yield
    gc.collect()
    assert all_ended(before)


class Prefetches:
    """Stands between `read_ahead` and `prefetch`: counts the calls, and may hold them up."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.limits: list[int | None] = []
        self.reserved: list[int] = []
        self.loaded: list[int] = []
        self.without_room: set[str] = set()
        self.threads: set[int] = set()
        self.go_on = threading.Event()
        self.go_on.set()
        self._changed = threading.Condition()

    def __call__(self, path: bytes, **options: Any) -> Any:  # noqa: ANN401 - as prefetch
        while not self.go_on.wait(0.01):
            options["progress"](0, 1, 0)
        name = os.path.basename(os.fsdecode(path))  # noqa: PTH119 - of bytes
        more = 1 << 62 if name in self.without_room else 0
        report = prefetch(path, **options | {"reserved_bytes": options["reserved_bytes"] + more})
        with self._changed:
            self.threads.add(threading.get_ident())
            self.limits.append(options["max_bytes"])
            self.reserved.append(options["reserved_bytes"])
            self.loaded.append(report.known_loaded_bytes)
            self.done.append(name)
            self._changed.notify_all()
        return report

    def wait_for(self, count: int) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.done) >= count, FOR_EVER), self.done


@pytest.fixture
def prefetches(monkeypatch: pytest.MonkeyPatch) -> Prefetches:
    between = Prefetches()
    monkeypatch.setattr(module, "prefetch", between)
    return between


class Sampler:
    """As those of frameworks: a length, an epoch and a state."""

    batch_size = 7

    def __init__(self, count: int = 10) -> None:
        self.count = count
        self.epoch = 0
        self.given = 0

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[int]:
        while self.given < self.count:
            self.given += 1
            yield self.given - 1 + 100 * self.epoch
        self.given = 0

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def state_dict(self) -> dict[str, int]:
        return {"given": self.given}


class TestItems:
    @examples(50)
    @given(items=st.lists(st.integers()), depth=st.integers(1, 20))
    def test_are_the_same_in_the_same_order(self, items: list[int], depth: int) -> None:
        order = read_ahead(items, lambda _: [], depth=depth)
        assert list(order) == list(order) == items
        assert len(order) == len(items)

    def test_of_a_generator_have_no_length(self) -> None:
        order = read_ahead((each for each in "abc"), str)
        with pytest.raises(TypeError, match="has no len"):
            len(order)
        assert list(order) == ["a", "b", "c"]

    def test_depth_says_how_many_are_taken_ahead(self) -> None:
        order = Sampler(9)
        items = iter(read_ahead(order, str, depth=3))
        assert next(items) == 0
        assert order.given == 4
        items.close()

    def test_come_in_batches_too(self, tmp_path: Path) -> None:
        batches = [[0, 1], [2, 3], [4]]
        order = read_ahead(batches, lambda batch: [tmp_path / str(each) for each in batch])
        assert list(order) == batches

    def test_what_else_the_sampler_has_is_there(self) -> None:
        order = read_ahead(Sampler(3), str)
        assert (len(order), order.batch_size) == (3, 7)
        order.set_epoch(2)
        assert list(order) == [200, 201, 202]
        with pytest.raises(AttributeError, match="no_such"):
            _ = order.no_such
        assert not hasattr(read_ahead([1], str), "state_dict")

    def test_the_state_is_that_of_the_item_given_last(self) -> None:
        order = read_ahead(Sampler(9), str, depth=4)
        assert order.state_dict() == {"given": 0}
        items = iter(order)
        assert (next(items), next(items)) == (0, 1)
        assert order.state_dict() == {"given": 2}
        assert list(items) == list(range(2, 9))
        assert order.state_dict() == {"given": 0}


class TestFiles:
    def test_are_resident_before_their_items_are_given(
        self, make_file: MakeFile, prefetches: Prefetches
    ) -> None:
        paths = [make_file(SIZE, "cold") for _ in range(4)]
        items = iter(read_ahead(range(4), paths.__getitem__, depth=3))
        assert next(items) == 0
        prefetches.wait_for(3)
        assert all(kept_bytes(path) == SIZE for path in paths[1:3])
        assert prefetches.threads != {threading.get_ident()}
        items.close()

    def test_several_and_ranges(self, make_file: MakeFile, prefetches: Prefetches) -> None:
        shard, clip = make_file(64 * SIZE, "cold"), make_file(SIZE, "cold")
        files: list[Any] = ["", [(shard, 32 * SIZE, SIZE), clip], [os.fsencode(clip)]]
        items = iter(read_ahead(range(3), files.__getitem__, depth=2))
        assert next(items) == 0
        prefetches.wait_for(3)
        assert kept_bytes(shard) >= SIZE
        assert resident_bytes(shard) < 64 * SIZE
        assert kept_bytes(clip) == SIZE
        items.close()

    def test_that_are_missing_are_left_to_the_loop(
        self, tmp_path: Path, prefetches: Prefetches
    ) -> None:
        items = iter(read_ahead(range(3), lambda each: tmp_path / str(each), depth=2))
        assert next(items) == 0
        prefetches.wait_for(2)
        assert list(items) == [1, 2]

    def test_hold_no_more_than_the_limit_ahead(
        self, make_file: MakeFile, prefetches: Prefetches
    ) -> None:
        paths = [make_file(SIZE, "cold") for _ in range(6)]
        items = iter(
            read_ahead(
                [-1, *range(6)],
                lambda at: paths[at] if at >= 0 else [],
                depth=6,
                max_bytes=2 * SIZE,
            )
        )
        for position in range(-1, 4):
            assert next(items) == position
            prefetches.wait_for(2)
            ahead = paths[position + 1 :]
            assert sum(map(resident_bytes, ahead)) <= 2 * SIZE
        assert all(limit is not None and limit <= 2 * SIZE for limit in prefetches.limits)
        items.close()

    def test_that_cannot_be_measured_hold_the_ranges_that_were_read(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # As of a file of somebody else, whose record has no `loaded_bytes`.
        shard = SimpleNamespace(size_bytes=1000 * SIZE, loaded_bytes=None)
        limits: SimpleQueue[int] = SimpleQueue()

        class Report(list[SimpleNamespace]):
            missing: Mapping[MissingReason, int] = MappingProxyType({})
            limit = None

        def load(*_: bytes, max_bytes: int, **_others: object) -> Report:
            limits.put(max_bytes)
            return Report([shard])

        monkeypatch.setattr(module, "prefetch", load)
        items = iter(
            read_ahead(
                range(4),
                lambda at: ("shard.tar", at * SIZE, SIZE) if at else [],
                depth=3,
                max_bytes=4 * SIZE,
            )
        )
        assert next(items) == 0
        ahead = [limits.get(timeout=FOR_EVER) for _ in range(3)]
        assert ahead == [4 * SIZE, 3 * SIZE, 2 * SIZE]
        items.close()

    def test_ahead_are_not_evicted_for_more(
        self, make_file: MakeFile, prefetches: Prefetches
    ) -> None:
        paths = [make_file(SIZE, "cold") for _ in range(4)]
        items = iter(read_ahead([[], *([path] for path in paths)], lambda item: item, depth=4))
        assert next(items) == []
        prefetches.wait_for(4)
        assert prefetches.reserved == [0, *accumulate(prefetches.loaded[:3])]
        items.close()

    def test_without_room_wait_for_the_next_item(
        self, make_file: MakeFile, prefetches: Prefetches
    ) -> None:
        first, second = (make_file(SIZE, "cold") for _ in range(2))
        items = iter(read_ahead([[], [], [first], [second]], lambda item: item, depth=4))
        prefetches.without_room.add(first.name)
        assert next(items) == []
        prefetches.wait_for(1)
        prefetches.without_room.clear()
        assert next(items) == []
        prefetches.wait_for(3)
        assert prefetches.done == [first.name, first.name, second.name]
        items.close()

    def test_are_fewer_where_memory_was_full(
        self, make_file: MakeFile, prefetches: Prefetches
    ) -> None:
        paths = [make_file(SIZE, "cold") for _ in range(4)]
        prefetches.without_room.add(paths[3].name)
        items = iter(read_ahead([[], *([path] for path in paths)], lambda item: item, depth=4))
        assert next(items) == []
        prefetches.wait_for(4)
        prefetches.without_room.clear()
        assert [next(items), next(items)] == [[paths[0]], [paths[1]]]
        prefetches.wait_for(5)
        assert prefetches.limits[:4] == [None] * 4
        assert prefetches.limits[4] == sum(prefetches.loaded[:3]) // 2 - prefetches.loaded[2]
        items.close()

    def test_with_a_budget_are_the_window(
        self, make_file: MakeFile, prefetches: Prefetches
    ) -> None:
        paths = [make_file(SIZE, "cold") for _ in range(8)]
        budget = CacheBudget(2 * SIZE, keep=query(paths, spans=True))
        items = iter(read_ahead([[], *([path] for path in paths)], lambda item: item, depth=2))
        assert next(items) == []
        prefetches.wait_for(1)
        for count, [path] in enumerate(items, 1):
            prefetches.wait_for(min(count + 1, len(paths)))  # the next one is there
            with budget.use(path):
                assert kept_bytes(path) == SIZE
        assert sum(map(resident_bytes, paths)) <= budget.used_bytes <= 2 * SIZE


class TestTheLoop:
    def test_does_not_wait_for_a_prefetch(
        self, make_file: MakeFile, prefetches: Prefetches
    ) -> None:
        paths = [make_file(SIZE, "cold") for _ in range(4)]
        prefetches.go_on.clear()  # none of them ends
        items = iter(read_ahead(range(4), paths.__getitem__))
        assert [next(items) for _ in range(4)] == [0, 1, 2, 3]
        assert prefetches.done == []
        items.close()

    def test_does_not_wait_for_the_thread_to_begin(
        self, make_file: MakeFile, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        paths = [make_file(SIZE, "cold") for _ in range(4)]
        begun: list[Callable[[], None]] = []

        def begin_later(run: Callable[[], None], _: tuple[()]) -> int:
            begun.append(run)
            return -1

        with monkeypatch.context() as patch:
            patch.setattr(_thread, "start_new_thread", begin_later)
            items = iter(read_ahead(range(4), paths.__getitem__))
            assert [next(items) for _ in range(4)] == [0, 1, 2, 3]
        [run] = begun
        at_once([run, items.close])

    def test_goes_on_where_no_thread_can_be_had(
        self, make_file: MakeFile, prefetches: Prefetches, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = make_file(SIZE, "cold")

        def refuse(*_: object) -> int:
            msg = "can't start new thread"
            raise RuntimeError(msg)

        with monkeypatch.context() as patch:
            patch.setattr(_thread, "start_new_thread", refuse)
            assert list(read_ahead(range(4), lambda _: path)) == [0, 1, 2, 3]
        assert prefetches.done == []

    def test_is_copied_without_its_iterations(self, make_file: MakeFile) -> None:
        order = read_ahead([make_file(PAGE, "cold")] * 3, os.fspath, depth=1)
        items = iter(order)
        first = next(items)
        for each in (pickle.loads(pickle.dumps(order)), copy.deepcopy(order)):
            assert list(each) == [first] * 3
        assert list(items) == [first] * 2

    def test_goes_on_after_the_thread_has_failed(
        self, make_file: MakeFile, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        reported: SimpleQueue[type[BaseException]] = SimpleQueue()

        def fail(*_: object, **_others: object) -> None:
            raise MemoryError

        path = make_file(SIZE, "cold")
        monkeypatch.setattr(module, "prefetch", fail)
        monkeypatch.setattr(sys, "unraisablehook", lambda told: reported.put(told.exc_type))
        items = iter(read_ahead(range(40), lambda _: path))
        assert next(items) == 0
        assert reported.get(timeout=FOR_EVER) is MemoryError
        assert list(items) == [*range(1, 40)]

    @pytest.mark.parametrize("end", ["items", "order", "garbage", "all of it"])
    def test_ends_the_thread(self, make_file: MakeFile, prefetches: Prefetches, end: str) -> None:
        paths = [make_file(SIZE, "cold") for _ in range(4)]
        prefetches.go_on.clear()
        before = threads()
        order = read_ahead(range(4), paths.__getitem__)
        items = iter(order)
        next(items)
        assert not all_ended_now(before)
        if end == "items":
            items.close()
            assert list(items) == []
        elif end == "order":
            order.close()
            assert list(items) == []
        elif end == "garbage":
            del items
        else:
            assert list(items) == [1, 2, 3]
        assert all_ended(before)

    @pytest.mark.parametrize(
        ("paths", "cause"),
        [
            (lambda item: {0: "a", 1: "b"}[item], KeyError),
            (lambda item: 5 if item == 2 else "a", TypeError),
            (lambda item: None if item == 2 else "a", TypeError),
            (lambda item: ["a", 5] if item == 2 else "a", TypeError),
            (lambda item: "a\0b" if item == 2 else "a", ValueError),
            (lambda item: ("a", -1, None) if item == 2 else "a", ValueError),
            (lambda item: ("a", 0, 0) if item == 2 else "a", ValueError),
        ],
        ids=["raises", "number", "None", "in a list", "NUL", "offset", "length"],
    )
    def test_gets_the_error_of_paths_in_the_place_of_its_item(
        self, paths: Callable[[int], Any], cause: type[Exception]
    ) -> None:
        before = threads()
        items = iter(read_ahead(range(5), paths))
        assert [next(items), next(items)] == [0, 1]
        with pytest.raises(RuntimeError, match=r"paths\(2\) failed") as caught:
            next(items)
        assert isinstance(caught.value.__cause__, cause)
        assert all_ended(before)
        assert list(items) == []

    def test_that_goes_on_after_an_interruption_gets_every_item(self) -> None:
        interrupt = iter([KeyboardInterrupt])

        def paths(item: int) -> list[str]:
            if item == 2 and next(interrupt, None):
                raise KeyboardInterrupt
            return []

        items = iter(read_ahead(range(5), paths))
        with pytest.raises(KeyboardInterrupt):
            next(items)
        assert list(items) == [0, 1, 2, 3, 4]

    def test_gets_the_error_of_the_order_in_its_place(self) -> None:
        def order() -> Iterator[int]:
            yield 1
            msg = "the sampler failed"
            raise LookupError(msg)

        items = iter(read_ahead(order(), str))
        assert next(items) == 1
        with pytest.raises(LookupError, match="the sampler failed"):
            next(items)

    def test_goes_on_in_a_forked_child(self, make_file: MakeFile, prefetches: Prefetches) -> None:
        paths = [make_file(SIZE, "cold") for _ in range(4)]
        prefetches.go_on.clear()
        order = read_ahead(range(4), paths.__getitem__, depth=2)
        items = iter(order)
        assert next(items) == 0
        assert in_fork(lambda: [*items]) == [1, 2, 3]
        assert in_fork(order.close) is None
        prefetches.go_on.set()
        assert list(items) == [1, 2, 3]

    def test_may_be_left_by_the_end_of_the_program(self, make_file: MakeFile) -> None:
        path = make_file(SIZE, "cold")
        program = (
            "import sys; from accv_cache import read_ahead\n"
            "items = iter(read_ahead(range(99), lambda _: sys.argv[1], max_bytes=1))\n"
            "print(next(items))\n"
        )
        ended = subprocess.run(
            [sys.executable, "-c", program, path],
            capture_output=True,
            text=True,
            check=False,
            timeout=FOR_EVER,
        )
        assert (ended.returncode, ended.stdout, ended.stderr) == (0, "0\n", "")


def all_ended_now(before: set[str]) -> bool:
    return not threads() - before


class TestBadInput:
    @pytest.mark.parametrize(
        ("order", "paths", "options", "error"),
        [
            (5, str, {}, TypeError),
            ([], None, {}, TypeError),
            ([], str, {"depth": 0}, ValueError),
            ([], str, {"depth": 1.5}, TypeError),
            ([], str, {"max_bytes": 0}, ValueError),
        ],
        ids=["order", "paths", "depth", "depth's type", "max_bytes"],
    )
    def test_is_refused_at_once(
        self, order: object, paths: object, options: dict[str, Any], error: type[Exception]
    ) -> None:
        with pytest.raises(error):
            read_ahead(wrong(order), wrong(paths), **options)

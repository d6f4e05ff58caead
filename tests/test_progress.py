"""Progress and Ctrl-C, which are the same for every verb."""

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from support import mounts, residency
from support.openings import openings
from support.residency import PAGE
from support.threads import all_ended, threads
from support.verbs import Prepare, Verb, each_verb

pytestmark = [pytest.mark.usefixtures("no_leaked_descriptors"), each_verb]


class StopError(Exception):
    """The exception with which the tests stop a call."""


@pytest.fixture(scope="module")
def slow_files(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Path]]:
    """Files on a file system where each takes milliseconds to open."""
    source = tmp_path_factory.mktemp("source")
    names = [f"{number:03}.bin" for number in range(250)]
    for name in names:
        (source / name).write_bytes(b"x" * PAGE)
    options = ("allow_other", "default_permissions", "open_us=2000")
    with mounts.fuse(tmp_path_factory.mktemp("mount"), options, source=source) as root:
        yield [root / name for name in names]


@pytest.fixture
def slow(slow_files: list[Path], verb: Verb) -> list[Path]:
    """The same files. The first and the last have a page for the verb."""
    prepare_slow(verb, slow_files[-1], slow_files[0])
    return slow_files


def prepare_slow(verb: Verb, *paths: Path) -> None:
    for path in paths:
        residency.warm(path) if verb.before == "warm" else residency.cold(path)


class TestProgress:
    @pytest.mark.parametrize("workers", [1, 2])
    def test_is_called_on_the_calling_thread_with_growing_numbers(
        self, verb: Verb, slow: list[Path], workers: int
    ) -> None:
        prepare_slow(verb, *slow)
        calls: list[tuple[int, int, int]] = []
        callers = set()

        def progress(*numbers: int) -> None:
            done, total, count = numbers
            calls.append((done, total, count))
            callers.add(threading.get_ident())

        report = verb.call(slow, workers=workers, progress=progress)
        assert callers == {threading.get_ident()}
        assert {total for _, total, _ in calls} == {len(slow)}
        assert calls == sorted(calls)
        assert any(0 < done < len(slow) for done, _, _ in calls)
        for done, _, count in calls:
            assert 0 <= count <= (done + workers) * PAGE
        assert calls[-1] == (len(slow), len(slow), verb.total(report))
        assert verb.has_done(*slow)

    def test_counts_bad_files_and_those_of_directories(
        self, verb: Verb, prepare: Prepare, tmp_path: Path
    ) -> None:
        below = verb.write(tmp_path / "directory" / "clip").parent
        calls = []
        paths = [prepare(PAGE), tmp_path / "missing", below, prepare(2 * PAGE)]
        verb.call(paths, progress=lambda *numbers: calls.append(numbers))
        assert calls[-1] == (4, 4, 4 * PAGE)

    def test_of_an_empty_list_says_so(self, verb: Verb) -> None:
        calls = []
        verb.call([], progress=lambda *numbers: calls.append(numbers))
        assert calls[-1] == (0, 0, 0)

    def test_may_give_anything_back(self, verb: Verb, prepare: Prepare) -> None:
        report = verb.call(prepare(PAGE), progress=lambda *_: False)
        assert verb.total(report) == PAGE

    @pytest.mark.parametrize("workers", [None, 1, 8])
    @pytest.mark.parametrize("error", [StopError(), KeyboardInterrupt(), SystemExit()], ids=repr)
    def test_raises_through_and_ends_the_call(
        self, verb: Verb, slow: list[Path], error: BaseException, workers: int | None
    ) -> None:
        calls = []

        def progress(*numbers: int) -> None:
            calls.append(numbers)
            raise error

        before = threads()
        with pytest.raises(type(error)) as caught:
            verb.call([*slow[:-1] * 100, slow[-1]], workers=workers, progress=progress)
        assert caught.value is error
        assert [done for done, _, _ in calls] == [0]
        assert all_ended(before)
        assert verb.has_spared(slow[-1])

    def test_that_raises_at_the_very_end_raises_through(self, verb: Verb, prepare: Prepare) -> None:
        def progress(done: int, total: int, _: int) -> None:
            if done == total:
                raise StopError

        path = prepare(PAGE)
        with pytest.raises(StopError):
            verb.call(path, progress=progress)
        assert verb.has_done(path)

    def test_may_make_a_call_itself(self, verb: Verb, prepare: Prepare) -> None:
        outer, inner = prepare(PAGE), prepare(PAGE)
        reports = []
        verb.call(outer, progress=lambda *_: reports.append(verb.call(inner)))
        assert verb.total(reports[0]) == PAGE
        assert verb.has_done(outer, inner)


class TestCtrlC:
    @pytest.mark.parametrize("with_progress", [False, True])
    def test_comes_through_from_the_middle(
        self, verb: Verb, slow: list[Path], *, with_progress: bool
    ) -> None:
        """A thread presses as soon as the first file was opened."""
        first, last = slow[0], slow[-1]
        progress = (lambda *_: None) if with_progress else None
        before = threads()
        with openings(first) as observed:

            def press() -> None:
                while not observed.seen():
                    os.sched_yield()
                os.kill(os.getpid(), signal.SIGINT)

            finger = threading.Thread(target=press)
            finger.start()
            with pytest.raises(KeyboardInterrupt):
                verb.call([*slow[:-1] * 200, last], progress=progress)
            finger.join()
        assert all_ended(before)
        assert verb.has_spared(last)

    def test_leaves_the_next_call_alone(self, verb: Verb, slow: list[Path]) -> None:
        assert verb.total(verb.call(slow[0])) == PAGE
        assert verb.has_done(slow[0])

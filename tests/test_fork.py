"""Children can use the library however they were started, at any time of a parent's call.

No state of the library outlives a call, so a fork loses no thread and inherits no locked lock. Each
wait is limited: a child that hangs fails the test and shows where.
"""

import faulthandler
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from itertools import chain, count
from multiprocessing.pool import Pool
from pathlib import Path
from typing import NoReturn

import pytest

from accv_cache import drop, drop_videos_cache, query
from support.every_verb import make_many, use_every_verb
from support.files import MakeFile
from support.forks import FOR_EVER, forks_with_threads, in_fork
from support.openings import openings
from support.residency import PAGE, resident_bytes

METHODS = ["fork", "forkserver", "spawn"]
# A list that keeps a call's threads busy for a while, however many CPUs they have.
LONG = 10_000 * min(len(os.sched_getaffinity(0)), 16)

Share = list[Path]
Start = Callable[[int], AbstractContextManager[Pool]]


@pytest.fixture
def shares(tmp_path: Path) -> Iterator[Share]:
    """Lists of files, each for one process or thread alone, made when asked for."""
    return (make_many(tmp_path / str(number)) for number in count())


@contextmanager
def in_the_middle(path: Path) -> Iterator[None]:
    """Inside the block, other threads run every verb, each with threads of its own.

    All have ended after the block.
    """
    stop = threading.Event()
    verbs: list[Callable[[Share], object]] = [drop_videos_cache, query, partial(drop, workers=4)]

    def repeat(verb: Callable[[Share], object], under_way: threading.Event) -> None:
        while not stop.is_set():
            verb([path] * LONG)
            under_way.set()

    with ThreadPoolExecutor(len(verbs)) as pool, ExitStack() as stack:
        stack.callback(stop.set)
        started = [threading.Event() for _ in verbs]
        running = [pool.submit(repeat, *each) for each in zip(verbs, started, strict=True)]
        assert all(each.wait(FOR_EVER) for each in started), "a verb hangs, or failed"
        yield
        assert all(each.running() for each in running)
    for each in running:
        each.result()


class StopError(Exception):
    """The exception with which a test stops a call."""


@pytest.mark.usefixtures("no_leaked_descriptors")
class TestForkedChild:
    def test_uses_it_before_its_parent_does(self, shares: Iterator[Share]) -> None:
        program = (
            "import pathlib, sys\n"
            "sys.path.insert(0, sys.argv[1])\n"
            "from support.every_verb import use_every_verb\n"
            "from support.forks import in_fork\n"
            "ours, theirs = (sorted(pathlib.Path(each).iterdir()) for each in sys.argv[2:])\n"
            "in_fork(use_every_verb, theirs)\n"
            "use_every_verb(ours)\n"
        )
        folders = [Path(__file__).parent, *(next(shares)[0].parent for _ in range(2))]
        command = [sys.executable, "-c", program, *map(str, folders)]
        ended = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=3 * FOR_EVER
        )
        assert (ended.returncode, ended.stderr) == (0, "")

    def test_uses_it_after_its_parent_did(self, shares: Iterator[Share]) -> None:
        ours = next(shares)
        use_every_verb(ours)
        in_fork(use_every_verb, next(shares))
        use_every_verb(ours)

    def test_uses_it_while_its_parent_does(
        self, make_file: MakeFile, shares: Iterator[Share]
    ) -> None:
        theirs = next(shares)
        with in_the_middle(make_file(PAGE)):
            for _ in range(5):  # each at another point of the threads' work
                in_fork(use_every_verb, theirs)
        use_every_verb(theirs)

    def test_uses_it_in_the_middle_of_its_own_threads_call(
        self, make_file: MakeFile, shares: Iterator[Share]
    ) -> None:
        theirs = next(shares)

        def fork_and_stop(*_: int) -> NoReturn:
            in_fork(use_every_verb, theirs)
            raise StopError

        with pytest.raises(StopError):
            drop([make_file(PAGE)] * (10 * LONG), workers=4, progress=fork_and_stop)
        use_every_verb(theirs)

    def test_uses_it_in_children_of_its_own(self, shares: Iterator[Share]) -> None:
        in_fork(in_fork, use_every_verb, next(shares))


class TestChildThatReturnsIntoTheCall:
    """It has none of the call's threads, so its call ends at once."""

    @pytest.mark.parametrize("workers", [None, 1, 4])
    @pytest.mark.parametrize("verb", [drop, query])
    def test_from_progress(
        self, verb: Callable[..., object], workers: int | None, make_file: MakeFile
    ) -> None:
        paths = [make_file(PAGE)] * (10 * LONG)

        def call(fork: Callable[[], None]) -> None:
            # What comes first is said before there are threads.
            verb(paths, workers=workers, progress=lambda done, *_: fork() if done else None)

        in_fork(fork_in_the_middle, call)

    @pytest.mark.parametrize("verb", [drop_videos_cache, drop, query])
    def test_from_a_signal_handler(self, verb: Callable[..., object], make_file: MakeFile) -> None:
        path = make_file(PAGE)

        def call(fork: Callable[[], None]) -> None:
            signal.signal(signal.SIGALRM, lambda *_: fork())
            with openings(path) as observed:
                observed.announce(signal.SIGALRM)
                verb([path] * (10 * LONG))

        in_fork(fork_in_the_middle, call)


def fork_in_the_middle(call: Callable[[Callable[[], None]], None]) -> None:
    """Call `call(fork)`, which forks once and then stops the parent's call; check both ends."""
    children: list[int] = []

    def fork() -> None:
        with forks_with_threads():
            children.append(os.fork())
        if children != [0]:
            raise StopError
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(int(FOR_EVER))  # otherwise it could wait for ever

    try:
        call(fork)
    except StopError:
        assert os.waitpid(children[0], 0)[1] == 0
    except RuntimeError as error:
        if children != [0]:
            raise
        os._exit(0 if "was forked in the middle of the call" in str(error) else 1)
    else:
        assert children, "the call ended before the fork"
        os._exit(2)


def work_twice(pool: Pool, shares: list[Share]) -> None:
    """Let each worker use every verb, the second time in a process that has used it."""
    for _ in range(2):
        pool.map_async(use_every_verb, shares, chunksize=1).get(2 * FOR_EVER)


class TestWorkers:
    """As of a DataLoader: started by multiprocessing, each with a share of the files."""

    @pytest.fixture(params=METHODS)
    def start(self, request: pytest.FixtureRequest) -> Start:
        @contextmanager
        def start(workers: int) -> Iterator[Pool]:
            context = multiprocessing.get_context(request.param)
            # Leaving the block ends workers that hang.
            show_where = faulthandler.dump_traceback_later, (FOR_EVER,)
            with forks_with_threads(), context.Pool(workers, *show_where) as pool:
                yield pool
                pool.close()
                pool.join()

        return start

    def test_use_it_after_their_parent_did(self, start: Start, shares: Iterator[Share]) -> None:
        ours, *theirs = (next(shares) for _ in range(3))
        use_every_verb(ours)
        with start(len(theirs)) as pool:
            work_twice(pool, theirs)
        use_every_verb(ours)

    def test_use_it_when_started_in_the_middle_of_their_parents_calls(
        self, make_file: MakeFile, start: Start, shares: Iterator[Share]
    ) -> None:
        theirs = [next(shares) for _ in range(2)]
        with ExitStack() as stack:
            with in_the_middle(make_file(PAGE)):
                pool = stack.enter_context(start(len(theirs)))
            # The parent's threads would take the time that they need.
            work_twice(pool, theirs)
        use_every_verb(theirs[0])

    def test_send_back_reports(self, shares: Iterator[Share]) -> None:
        theirs = [next(shares) for _ in range(2)]
        with forks_with_threads(), multiprocessing.get_context("fork").Pool(2) as pool:
            left, right = pool.map_async(drop, theirs).get(FOR_EVER)
        paths = [*chain(*theirs)]
        assert [record.path for record in (left + right).files] == [*map(str, paths)]
        assert (left + right).resident_bytes == sum(map(resident_bytes, paths)) == 0

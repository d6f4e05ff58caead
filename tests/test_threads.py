"""Many threads use the library at once, also without a GIL, and so do subinterpreters."""

import os
import pickle
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from itertools import count
from pathlib import Path

import pytest

from accv_cache import DropCacheStatus, drop, drop_videos_cache, query
from support.every_verb import make_many
from support.forks import FOR_EVER
from support.residency import PAGE, kept_bytes, resident_bytes, warm
from support.subinterpreters import subinterpreter
from support.threads import all_ended, at_once, threads

AT_ONCE = 8
ROUNDS = 5

pytestmark = pytest.mark.usefixtures("no_leaked_descriptors", "_no_left_threads")


@pytest.fixture
def _no_left_threads() -> Iterator[None]:
    before = threads()
    yield
    assert all_ended(before)


@pytest.fixture
def shares(tmp_path: Path) -> Iterator[list[Path]]:
    """Lists of warm files, made when asked for."""
    return (make_many(tmp_path / str(number)) for number in count())


def kept(*shares: list[Path]) -> list[Path]:
    return [path for share in shares for path in share if resident_bytes(path)]


class TestThreads:
    def test_with_files_of_their_own(self, shares: Iterator[list[Path]]) -> None:
        def use(paths: list[Path]) -> None:
            for _ in range(ROUNDS):
                assert drop(paths).resident_bytes == query(paths).resident_bytes == 0
                for path in paths:
                    warm(path)
                assert drop_videos_cache(paths) is DropCacheStatus.SUCCESS

        own = [next(shares) for _ in range(AT_ONCE)]
        at_once([partial(use, paths) for paths in own])
        assert kept(*own) == []

    def test_with_the_same_files(self, shares: Iterator[list[Path]]) -> None:
        paths = next(shares)
        all_bytes = len(paths) * PAGE

        def use() -> None:
            for _ in range(ROUNDS):
                for path in paths:
                    warm(path)
                assert drop_videos_cache(paths) is DropCacheStatus.SUCCESS
                measured = query(paths).resident_bytes
                assert measured is not None
                assert 0 <= measured <= all_bytes
                report = drop(paths)
                assert report.ok
                # A page that two calls access at once stays: each sees the other as a user of it.
                assert 0 <= report.known_resident_bytes <= all_bytes
                assert sum(report.kept.values()) == report.known_resident_bytes

        at_once([use] * AT_ONCE)
        assert drop(paths).resident_bytes == 0
        assert kept(paths) == []

    def test_with_the_same_list_that_fails(self, shares: Iterator[list[Path]]) -> None:
        good, behind = next(shares), next(shares)
        paths = [*good, good[0] / "missing", *behind]
        statuses = at_once([partial(drop_videos_cache, paths)] * AT_ONCE)
        assert statuses == [DropCacheStatus.FILE_OPEN_FAILED] * AT_ONCE
        assert all(map(kept_bytes, behind))
        assert drop(good).resident_bytes == 0

    def test_with_the_same_report(self, shares: Iterator[list[Path]]) -> None:
        report = drop(next(shares))

        def read() -> tuple[str, list[str], bytes]:
            doubled = report + report
            return str(doubled), [each.path for each in doubled.files], pickle.dumps(report)

        first, *others = at_once([read] * AT_ONCE)
        assert others == [first] * (AT_ONCE - 1)

    def test_that_are_the_first_to_use_it(self, shares: Iterator[list[Path]]) -> None:
        program = (
            "import sys\n"
            "sys.path.insert(0, sys.argv[1])\n"
            "from support.threads import at_once\n"
            "def use():\n"
            "    import accv_cache\n"
            "    assert accv_cache.drop_videos_cache(sys.argv[2:]).name == 'SUCCESS'\n"
            "    assert accv_cache.query(sys.argv[2:]).resident_bytes == 0\n"
            "    assert accv_cache.drop(sys.argv[2:]).ok\n"
            f"at_once([use] * {AT_ONCE})\n"
        )
        run_python(program, Path(__file__).parent, *next(shares)[:20])


class TestDaemonThreads:
    """An interpreter that ends while they are in a call ends with its program's own exit code."""

    @pytest.mark.parametrize("seconds", [0, 0.02, 0.15])  # the third is behind the first tick
    @pytest.mark.parametrize(
        "call",
        [
            "drop_videos_cache(files)",
            "drop_videos_cache(file for file in files)",
            "drop(file for file in files)",
            "drop(files)",
            "drop(files, workers=1)",
            "drop(files, progress=lambda *_: sum(range(100_000)))",
            "query(files, progress=lambda *_: sum(range(100_000)))",
            "query(files[:1]).holders()",
        ],
    )
    def test_are_in_the_middle_of(self, call: str, seconds: float) -> None:
        program = (
            "import sys, threading, time\n"
            "from accv_cache import drop, drop_videos_cache, query\n"
            "files = [sys.executable] * 200_000\n"
            "started = threading.Barrier(4)\n"
            "def repeat():\n"
            "    started.wait()\n"
            "    while True:\n"
            f"        {call}\n"
            "for _ in range(3):\n"
            "    threading.Thread(target=repeat, daemon=True).start()\n"
            "started.wait()\n"
            f"time.sleep({seconds})\n"
            "sys.exit(7)\n"
        )
        ended = subprocess.run(
            [sys.executable, "-c", program],
            capture_output=True,
            text=True,
            check=False,
            timeout=FOR_EVER,
        )
        assert (ended.returncode, ended.stderr) == (7, "")


@pytest.mark.skipif(
    not sysconfig.get_config_var("Py_GIL_DISABLED"), reason="this interpreter always has a GIL"
)
def test_importing_it_leaves_the_gil_off() -> None:
    run_python(
        "import sys\n"
        "import accv_cache._core\n"
        "assert accv_cache._core.drop_videos_cache([]) == 0\n"
        "assert not sys._is_gil_enabled()\n"
    )


@pytest.mark.skipif(
    sys.version_info < (3, 12), reason="a subinterpreter has a GIL of its own since Python 3.12"
)
class TestSubinterpreters:
    @pytest.mark.parametrize("files", ["their own", "the same"])
    def test_use_it_at_once(self, shares: Iterator[list[Path]], files: str) -> None:
        same = next(shares)
        used = [same if files == "the same" else next(shares) for _ in range(AT_ONCE)]
        with ExitStack() as stack:
            # The first imports also happen at once.
            at_once(
                [partial(stack.enter_context(subinterpreter()), _program(paths)) for paths in used]
            )
        assert drop(same).resident_bytes == 0
        assert kept(*used) == []

    def test_come_and_go(self, shares: Iterator[list[Path]]) -> None:
        paths = next(shares)
        for _ in range(3):
            with subinterpreter() as run:
                run(_program(paths))
            assert kept(paths) == []
            for path in paths:
                warm(path)
        assert drop(paths).resident_bytes == 0


def _program(paths: list[Path]) -> str:
    """Use every verb, with callbacks and errors of every kind."""
    return (
        "import pickle\n"
        "import accv_cache\n"
        f"paths = {[*map(str, paths)]!r}\n"
        f"for _ in range({ROUNDS}):\n"
        "    status = accv_cache.drop_videos_cache(paths)\n"
        "    assert status is accv_cache.DropCacheStatus.SUCCESS, status\n"
        "    done = []\n"
        "    report = accv_cache.drop(paths, progress=lambda *seen: done.append(seen[0]))\n"
        "    assert report.ok, report\n"
        "    assert done[-1] == len(paths), done\n"
        "    assert accv_cache.query(paths, spans=True).resident_bytes is not None\n"
        "    assert [each.path for each in pickle.loads(pickle.dumps(report)).files] == paths\n"
        "    try:\n"
        "        accv_cache.drop([None])\n"
        "    except TypeError:\n"
        "        pass\n"
        "    try:\n"
        "        accv_cache.drop(paths, progress=lambda *_: 1 / 0)\n"
        "    except ZeroDivisionError:\n"
        "        pass\n"
    )


def run_python(program: str, *arguments: Path) -> None:
    """Run it in an interpreter of its own, whose GIL is left to what it imports."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHON_GIL"}
    command = [sys.executable, "-W", "error", "-c", program, *map(str, arguments)]
    ended = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False, timeout=FOR_EVER
    )
    assert (ended.returncode, ended.stderr) == (0, "")

"""The contract of `drop_videos_cache`: each status, the order, and what it never does."""

import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from itertools import permutations
from pathlib import Path
from typing import NamedTuple, NoReturn, cast

import pytest

from accv_cache import DropCacheStatus, drop_videos_cache
from support import mounts, residency
from support.descriptors import scarce_descriptors
from support.files import DirtyFile, FileSystem, MakeFile
from support.forks import FOR_EVER
from support.items import BAD, HARMLESS, PathLike, items_of
from support.leases import leased
from support.privileges import as_other_user
from support.residency import PAGE, kept_bytes, resident_bytes
from support.threads import all_ended, threads

SUCCESS = DropCacheStatus.SUCCESS
MIB = 1024 * 1024
# More files than any call processes before the test stops it.
ENDLESS = 1_000_000

pytestmark = pytest.mark.usefixtures("no_leaked_descriptors")


class Many(NamedTuple):
    """A list that is long or slow enough for threads."""

    directory: Path
    files: list[Path]

    def warm(self) -> None:
        for path in self.files:
            residency.warm(path)

    def check_evicted_before(self, place: int) -> None:
        assert [path for path in self.files[:place] if resident_bytes(path)] == []
        assert [path for path in self.files[place:] if not kept_bytes(path)] == []

    def fresh_directory(self) -> Path:
        return Path(tempfile.mkdtemp(dir=self.directory))


@pytest.fixture(scope="module", params=["disk", "latency"])
def many(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Many]:
    """Many files on a disk, where each takes microseconds; some on FUSE, where each waits."""
    slow = request.param == "latency"
    directory = tmp_path_factory.mktemp("many")
    files = [directory / f"{number:04}.bin" for number in range(300 if slow else 2000)]
    for path in files:
        path.write_bytes(b"clip" * PAGE)
    residency.write_back(directory)  # a dirty page would stay
    with ExitStack() as stack:
        if slow:
            options = ("allow_other", "default_permissions", "open_us=200")
            place = tmp_path_factory.mktemp("mount")
            directory = stack.enter_context(mounts.fuse(place, options, source=directory))
        yield Many(directory, [directory / path.name for path in files])


class TestEachItem:
    @pytest.mark.parametrize("kind", BAD)
    def test_that_is_bad_ends_the_list_in_its_place(
        self, make_file: MakeFile, tmp_path: Path, kind: str
    ) -> None:
        first, last = make_file(3 * PAGE), make_file(3 * PAGE)
        status = drop_videos_cache(items_of(first, BAD[kind].make(tmp_path), last))
        assert status is DropCacheStatus[BAD[kind].status]
        assert resident_bytes(first) == 0
        assert kept_bytes(last) == 3 * PAGE

    @pytest.mark.parametrize("kind", BAD)
    def test_that_is_bad_decides_alone_too(self, tmp_path: Path, kind: str) -> None:
        status = drop_videos_cache(items_of(BAD[kind].make(tmp_path)))
        assert status is DropCacheStatus[BAD[kind].status]

    @pytest.mark.parametrize("kind", HARMLESS)
    def test_with_nothing_to_evict_is_passed(
        self, make_file: MakeFile, tmp_path: Path, kind: str
    ) -> None:
        first, last = make_file(3 * PAGE), make_file(3 * PAGE)
        assert drop_videos_cache(items_of(first, HARMLESS[kind](tmp_path), last)) is SUCCESS
        assert resident_bytes(first) == resident_bytes(last) == 0

    @pytest.mark.parametrize("size", [0, 1, PAGE, PAGE + 1, MIB, 64 * MIB, 96 * MIB + 5000])
    def test_is_evicted_to_its_last_page(self, make_file: MakeFile, size: int) -> None:
        path = make_file(size)
        assert (resident_bytes(path) > 0) == (size > 0)
        assert drop_videos_cache([path]) is SUCCESS
        assert resident_bytes(path) == 0

    def test_is_evicted_on_every_file_system(
        self, file_system: FileSystem, make_file: MakeFile
    ) -> None:
        path = make_file(MIB, "warm", file_system.directory)
        assert drop_videos_cache([path]) is SUCCESS
        # The page cache is the only copy of a file on tmpfs.
        assert resident_bytes(path) == (MIB if file_system.kind == "tmpfs" else 0)

    def test_may_lie_in_the_lower_layer_of_an_overlay(self, overlay: Path) -> None:
        path = overlay.parent / mounts.LOWER_FILE
        residency.warm(path)
        assert drop_videos_cache([path]) is SUCCESS
        assert resident_bytes(path) == 0

    def test_may_be_a_link(self, make_file: MakeFile, tmp_path: Path) -> None:
        path = make_file(MIB)
        (tmp_path / "link").symlink_to(path)
        assert drop_videos_cache([tmp_path / "link"]) is SUCCESS
        assert resident_bytes(path) == 0

    def test_may_come_again(self, make_file: MakeFile) -> None:
        first, second = make_file(MIB), make_file(MIB)
        assert drop_videos_cache([first, second, first, first] * 100) is SUCCESS
        assert resident_bytes(first) == resident_bytes(second) == 0

    def test_keeps_its_contents_and_times(self, make_file: MakeFile) -> None:
        path = make_file(MIB + 1)
        contents, before = path.read_bytes(), path.stat()
        assert drop_videos_cache([path]) is SUCCESS
        after = path.stat()
        for field in ("st_size", "st_mtime_ns", "st_ctime_ns", "st_atime_ns", "st_mode"):
            assert getattr(after, field) == getattr(before, field)
        assert path.read_bytes() == contents

    def test_does_not_wait_for_pages_to_be_written_back(self, dirty_file: DirtyFile) -> None:
        with dirty_file.stopped_disk():
            assert drop_videos_cache([dirty_file.path]) is SUCCESS
            assert resident_bytes(dirty_file.path) == MIB

    @pytest.mark.parametrize(
        "hold", [residency.mapped, residency.mapped_elsewhere, residency.mlocked]
    )
    def test_keeps_pages_that_someone_holds(
        self, make_file: MakeFile, hold: Callable[[Path], AbstractContextManager[object]]
    ) -> None:
        held, other = make_file(MIB), make_file(MIB)
        with hold(held):
            assert drop_videos_cache([held, other]) is SUCCESS
            assert resident_bytes(held) == MIB
            assert resident_bytes(other) == 0


class Text(str):
    __slots__ = ()


class NotIterable:
    """Raises it as Python does."""

    __iter__ = None


def path_like(path: Path) -> PathLike:
    return PathLike(str(path))


def path_like_bytes(path: Path) -> PathLike:
    return PathLike(bytes(path))


def dir_entry(path: Path) -> os.DirEntry[str]:
    with os.scandir(path.parent) as entries:
        return next(entry for entry in entries if entry.name == path.name)


def generator(paths: Iterable[Path]) -> Iterator[Path]:
    yield from paths


def only_getitem(paths: Sequence[Path]) -> Iterable[Path]:
    """An iterable with `__getitem__` only."""
    methods = {"__getitem__": lambda _, index: paths[index]}
    return cast("Iterable[Path]", type("OnlyGetItem", (), methods)())


def failing_iterable(error: BaseException) -> Iterable[str]:
    """Raises the error as soon as a loop begins."""

    def fail(_: object) -> NoReturn:
        raise error

    return cast("Iterable[str]", type("FailingIterable", (), {"__iter__": fail})())


def failing_generator(error: BaseException) -> Iterable[str]:
    """Raises the error behind the first item."""
    yield "/dev/null"
    raise error


class TestTheArgument:
    @pytest.mark.parametrize(
        "form",
        [str, Text, bytes, Path, path_like, path_like_bytes, dir_entry],
    )
    def test_holds_paths_of_any_form(
        self, make_file: MakeFile, form: Callable[[Path], str]
    ) -> None:
        first, second = make_file(PAGE), make_file(PAGE)
        assert drop_videos_cache([form(first), form(second)]) is SUCCESS
        assert resident_bytes(first) == resident_bytes(second) == 0

    @pytest.mark.parametrize("form", [os.fsencode, os.fsdecode, Path], ids=["bytes", "str", "Path"])
    def test_holds_names_that_are_no_text(
        self, tmp_path: Path, make_file: MakeFile, form: Callable[[str], str]
    ) -> None:
        path = os.fsdecode(bytes(tmp_path) + b"/\xff clip \xc3\xa9\n.mp4")
        make_file(PAGE).rename(path)
        assert drop_videos_cache([form(path)]) is SUCCESS
        assert resident_bytes(path) == 0

    @pytest.mark.parametrize(
        "form",
        [tuple, set, deque, dict.fromkeys, iter, generator, only_getitem],
    )
    def test_is_any_iterable(
        self, make_file: MakeFile, form: Callable[[list[Path]], Iterable[Path]]
    ) -> None:
        paths = [make_file(PAGE), make_file(PAGE)]
        assert drop_videos_cache(form(paths)) is SUCCESS
        assert [resident_bytes(path) for path in paths] == [0, 0]

    @pytest.mark.parametrize("empty", [[], (), iter(()), {}], ids=lambda each: type(each).__name__)
    def test_may_be_empty(self, empty: Iterable[str]) -> None:
        assert drop_videos_cache(empty) is SUCCESS

    @pytest.mark.parametrize(
        "argument",
        [
            None,
            5,
            object(),
            NotIterable(),
            "clip.mp4",
            Text("clip.mp4"),
            b"clip.mp4",
            bytearray(b"clip.mp4"),
            Path("clip.mp4"),
            PathLike("clip.mp4"),
        ],
        ids=lambda argument: type(argument).__name__,
    )
    def test_is_no_single_path_and_nothing_else(self, argument: list[str]) -> None:
        with pytest.raises(TypeError, match="pass a list of paths"):
            drop_videos_cache(argument)

    @pytest.mark.parametrize("argument", [failing_iterable, failing_generator])
    @pytest.mark.parametrize("error", [KeyboardInterrupt(), LookupError()], ids=repr)
    def test_raises_through_what_it_raises_itself(
        self, argument: Callable[[BaseException], Iterable[str]], error: BaseException
    ) -> None:
        with pytest.raises(type(error)) as caught:
            drop_videos_cache(argument(error))
        assert caught.value is error

    @pytest.mark.parametrize(
        "error", [KeyboardInterrupt(), SystemExit(), GeneratorExit()], ids=repr
    )
    def test_raises_through_what_an_item_raises_to_end_the_program(
        self, error: BaseException
    ) -> None:
        with pytest.raises(type(error)) as caught:
            drop_videos_cache(["/dev/null", PathLike(error), "/dev/null"])
        assert caught.value is error

    def test_is_read_no_further_than_the_first_item_that_is_no_path(self) -> None:
        rest = iter(items_of("/dev/null", 5, "/dev/null"))
        assert drop_videos_cache(rest) is DropCacheStatus.UNKNOWN_ERROR
        assert list(rest) == ["/dev/null"]


class TestFailFast:
    @pytest.mark.parametrize("kind", BAD)
    def test_evicts_all_before_the_bad_item_and_none_behind_it(self, many: Many, kind: str) -> None:
        place = random.Random(kind).randrange(len(many.files))
        items = items_of(*many.files)
        items[place:place] = items_of(BAD[kind].make(many.fresh_directory()))
        many.warm()
        assert drop_videos_cache(items) is DropCacheStatus[BAD[kind].status]
        many.check_evicted_before(place)

    @pytest.mark.parametrize("kinds", list(permutations(["missing", "fifo", "int"])), ids="-".join)
    @pytest.mark.parametrize("gap", [0, 20])
    def test_goes_by_the_list_and_not_by_who_was_first(
        self, many: Many, kinds: tuple[str, ...], gap: int
    ) -> None:
        directory = many.fresh_directory()
        place = random.Random(f"{kinds}{gap}").randrange(len(many.files) - 2 * gap)
        items = items_of(*many.files)
        for step, kind in reversed(list(enumerate(kinds))):
            at = place + step * gap
            items[at:at] = items_of(BAD[kind].make(directory))
        many.warm()
        assert drop_videos_cache(items) is DropCacheStatus[BAD[kinds[0]].status]
        many.check_evicted_before(place)

    @pytest.mark.parametrize("kind", ["missing", "fifo"])
    def test_waits_for_an_item_that_fails_late(self, many: Many, kind: str, tmp_path: Path) -> None:
        items = items_of(*many.files)
        place = random.Random(kind).randrange(len(items))
        many.warm()
        # Its status takes long enough for threads to get far ahead of it.
        with mounts.fuse(tmp_path, ("allow_other", "getattr_us=50000")) as late:
            items[place:place] = items_of(BAD[kind].make(late))
            assert drop_videos_cache(items) is DropCacheStatus[BAD[kind].status]
        many.check_evicted_before(place)

    def test_is_not_needed_where_all_is_well(self, many: Many) -> None:
        many.warm()
        assert drop_videos_cache(many.files) is SUCCESS
        many.check_evicted_before(len(many.files))


def test_fifo_without_a_writer_never_hangs(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    program = "import accv_cache, sys; print(accv_cache.drop_videos_cache(sys.argv[1:] * 1000))"
    command = [sys.executable, "-c", program, str(tmp_path / "fifo")]
    ended = subprocess.run(command, capture_output=True, text=True, check=True, timeout=FOR_EVER)
    assert ended.stdout == "DropCacheStatus.FADVISE_FAILED\n"


class TestRights:
    def test_of_the_reader_suffice_to_evict(self, ext4: Path, make_file: MakeFile) -> None:
        path = make_file(MIB, "warm", ext4)
        path.chmod(0o644)
        assert as_other_user(drop_videos_cache, [path]) is SUCCESS
        assert resident_bytes(path) == 0

    def test_are_needed_to_read(self, ext4: Path, make_file: MakeFile) -> None:
        path = make_file(MIB, "warm", ext4)
        path.chmod(0o600)
        assert as_other_user(drop_videos_cache, [path]) is DropCacheStatus.FILE_OPEN_FAILED
        assert kept_bytes(path) == MIB

    def test_to_enter_the_directory_are_needed(self, ext4: Path, make_file: MakeFile) -> None:
        path = make_file(MIB, "warm", ext4)
        ext4.chmod(0o700)
        assert as_other_user(drop_videos_cache, [path]) is DropCacheStatus.FILE_OPEN_FAILED
        assert kept_bytes(path) == MIB


class TestOpening:
    def test_fails_under_a_write_lease_instead_of_waiting(self, make_file: MakeFile) -> None:
        path, other = make_file(PAGE), make_file(PAGE)
        with leased(path):
            # A call that waited would get the file in the end, when the kernel breaks the lease.
            assert drop_videos_cache([path, other]) is DropCacheStatus.FILE_OPEN_FAILED
        assert kept_bytes(other) == PAGE
        assert drop_videos_cache([path]) is SUCCESS

    def test_takes_no_terminal(self) -> None:
        program = (
            "import accv_cache, os\n"
            "terminal = os.ttyname(os.openpty()[1])\n"
            "print(accv_cache.drop_videos_cache([terminal]).name)\n"
            "try:\n"
            "    os.open('/dev/tty', os.O_RDWR)\n"
            "except OSError as error:\n"
            "    print(error.strerror)\n"
        )
        # Only a session leader without a terminal gets one by opening it.
        ended = subprocess.run(
            [sys.executable, "-c", program],
            start_new_session=True,
            capture_output=True,
            text=True,
            check=True,
        )
        assert ended.stdout == "SUCCESS\nNo such device or address\n"

    @pytest.mark.parametrize("others", [0, 200], ids=["few-open", "many-open"])
    @pytest.mark.parametrize("free", [1, 2, 8, 40])
    def test_makes_do_with_few_descriptors(self, many: Many, free: int, others: int) -> None:
        many.warm()
        with ExitStack() as stack:
            for _ in range(others):
                stack.enter_context(Path("/dev/null").open())
            stack.enter_context(scarce_descriptors(free))
            assert drop_videos_cache(many.files) is SUCCESS
        many.check_evicted_before(len(many.files))

    @pytest.mark.parametrize("kind", ["missing", "fifo", "none"])
    @pytest.mark.parametrize("free", [1, 8])
    def test_with_few_descriptors_fails_as_fast(self, many: Many, free: int, kind: str) -> None:
        place = random.Random(f"{kind}{free}").randrange(len(many.files))
        items = items_of(*many.files)
        items[place:place] = items_of(BAD[kind].make(many.fresh_directory()))
        many.warm()
        with scarce_descriptors(free):
            assert drop_videos_cache(items) is DropCacheStatus[BAD[kind].status]
        many.check_evicted_before(place)

    def test_fails_without_a_single_descriptor(self, many: Many) -> None:
        many.warm()
        with scarce_descriptors(0):
            assert drop_videos_cache(many.files) is DropCacheStatus.FILE_OPEN_FAILED
        many.check_evicted_before(0)


class StopError(Exception):
    """The exception with which the tests stop a call."""


@contextmanager
def alarm(handler: Callable[[], None]) -> Iterator[None]:
    """Call `handler` from SIGALRM, a hundred times a second, until it raises."""

    def ring(*_: object) -> None:
        handler()
        # Only now: the next signal must not interrupt the handler or its exception.
        signal.setitimer(signal.ITIMER_REAL, 0.01)

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, 0.01)
    try:
        yield
    finally:
        signal.signal(signal.SIGALRM, signal.SIG_IGN)  # or a last signal sets the timer again
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def stop_when(seen: Callable[[], bool]) -> AbstractContextManager[None]:
    """Stop the call from a signal handler, as soon as it sees something during the work."""

    def look() -> None:
        if seen():
            raise StopError

    return alarm(look)


class TestAtWork:
    def test_long_lists_have_threads(self, many: Many) -> None:
        before = threads()
        with pytest.raises(StopError), stop_when(lambda: bool(threads() - before)):
            drop_videos_cache(many.files[:1] * ENDLESS)
        assert all_ended(before)

    def test_descriptors_do_not_wait_and_are_not_inherited(self, make_file: MakeFile) -> None:
        path = make_file(PAGE)
        flags = set()

        def seen() -> bool:
            # Its threads may have tables of their own.
            for link in Path("/proc/self/task").glob("*/fd/*"):
                # It is closed a few microseconds later.
                with suppress(FileNotFoundError):
                    if link.readlink() == path:
                        info = (link.parents[1] / "fdinfo" / link.name).read_text()
                        lines = info.splitlines()
                        flags.add(int(dict(line.split(":\t") for line in lines)["flags"], 8))
            return bool(flags)

        with pytest.raises(StopError), stop_when(seen):
            drop_videos_cache([path] * ENDLESS)
        for each in flags:
            assert each & os.O_ACCMODE == os.O_RDONLY
            assert each & os.O_NONBLOCK
            assert each & os.O_CLOEXEC

    def test_handlers_that_do_not_raise_run_and_change_nothing(self, make_file: MakeFile) -> None:
        path, last = make_file(PAGE), make_file(PAGE)
        seen = []
        with alarm(lambda: seen.append(resident_bytes(last))):
            # The first tick comes after 100 ms, however many CPUs the threads have.
            count = ENDLESS // 10 * min(len(os.sched_getaffinity(0)), 16)
            assert drop_videos_cache([path] * count + [last]) is SUCCESS
        assert PAGE in seen, "the handler ran only at the list's end"
        assert resident_bytes(path) == resident_bytes(last) == 0

    def test_ctrl_c_comes_through_from_the_middle_of_the_list(self, many: Many) -> None:
        many.warm()
        first, watched, last = many.files[0], many.files[1], many.files[-1]

        def press_ctrl_c() -> None:
            while resident_bytes(watched):
                os.sched_yield()
            os.kill(os.getpid(), signal.SIGINT)

        before = threads()
        finger = threading.Thread(target=press_ctrl_c)

        def call() -> None:
            finger.start()
            drop_videos_cache([*[first] * 1000, watched, *[first] * ENDLESS, last])

        with pytest.raises(KeyboardInterrupt):
            call()
        finger.join()
        assert all_ended(before)
        assert not resident_bytes(first)
        assert kept_bytes(last)

"""`drop` takes every documented target and argument, and reports the result for each.

Other files test the reasons why pages stay, directories, file systems and reports.
"""

import errno
import io
import os
import socket
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from accv_cache import DropCacheStatus, KeptReason, drop, query
from support import residency
from support.files import MakeFile
from support.items import BAD, PathLike
from support.leases import leased
from support.residency import PAGE, cachestat, mincore_spans, resident_bytes, whole_pages

SUCCESS = DropCacheStatus.SUCCESS
MIB = 1 << 20
BEYOND_64_BITS = 1 << 63

pytestmark = pytest.mark.usefixtures("no_leaked_descriptors")


def wrong(argument: object) -> Any:  # noqa: ANN401 - nothing that the type check knows of
    """An argument with its type hidden from the type check."""
    return argument


def dir_entry(path: Path) -> os.DirEntry[str]:
    with os.scandir(path.parent) as entries:
        return next(entry for entry in entries if entry.name == path.name)


def generator(paths: Iterable[Path]) -> Iterator[Path]:
    yield from paths


@pytest.fixture
def opened(make_file: MakeFile) -> Iterator[Callable[[int], int]]:
    """Makes a warm file of two pages, and opens it with the flags given."""
    with ExitStack() as stack:

        def open_with(flags: int) -> int:
            descriptor = os.open(make_file(2 * PAGE), flags)
            stack.callback(os.close, descriptor)
            return descriptor

        yield open_with


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Files enough for threads, warm or cold, and clean."""
    directory = tmp_path_factory.mktemp("many")
    files = [directory / f"{number:03}.bin" for number in range(600)]
    for path in files:
        path.write_bytes(b"x" * PAGE)
    assert drop(files).resident_bytes == 0
    return files


class TestOneFile:
    @pytest.mark.parametrize("size", [0, 1, PAGE, PAGE + 1, MIB])
    def test_is_measured_before_and_after(self, make_file: MakeFile, size: int) -> None:
        path = make_file(size)
        assert cachestat(path).resident == whole_pages(size)
        [record] = drop(path).files
        assert resident_bytes(path) == 0
        assert record.path == str(path)
        assert record.status is SUCCESS
        assert record.error is None
        assert record.size_bytes == size
        assert record.before_bytes == record.evicted_bytes == whole_pages(size)
        assert record.after_bytes == 0
        assert record.kept == {}

    def test_that_is_not_resident_has_nothing_to_evict(self, make_file: MakeFile) -> None:
        [record] = drop(make_file(MIB, "cold")).files
        assert (record.status, record.before_bytes, record.after_bytes) == (SUCCESS, 0, 0)

    def test_keeps_its_contents_and_times(self, make_file: MakeFile) -> None:
        path = make_file(MIB + 1, "dirty")
        contents, before = path.read_bytes(), path.stat()
        assert drop(path).ok
        after = path.stat()
        for field in ("st_size", "st_mtime_ns", "st_ctime_ns", "st_atime_ns", "st_mode"):
            assert getattr(after, field) == getattr(before, field)
        assert path.read_bytes() == contents

    @pytest.mark.parametrize("workers", [None, 1, 2, 1000])
    def test_is_gone_at_once_though_just_written(
        self, make_file: MakeFile, workers: int | None
    ) -> None:
        path = make_file(8 * MIB, "dirty")
        assert drop(path, workers=workers).resident_bytes == 0
        assert resident_bytes(path) == 0


class TestTargets:
    @pytest.mark.parametrize(
        "form", [str, os.fsencode, Path, lambda path: PathLike(str(path)), dir_entry]
    )
    def test_are_paths_of_any_form_alone_or_in_a_list(
        self, make_file: MakeFile, form: Callable[[Path], str]
    ) -> None:
        one, two, three = make_file(PAGE), make_file(PAGE), make_file(PAGE)
        assert [record.path for record in drop(form(one)).files] == [str(one)]
        paths = [record.path for record in drop([form(two), form(three)]).files]
        assert paths == [str(two), str(three)]
        assert [resident_bytes(path) for path in (one, two, three)] == [0, 0, 0]

    @pytest.mark.parametrize("form", [tuple, deque, dict.fromkeys, iter, generator])
    def test_are_any_iterable(
        self, make_file: MakeFile, form: Callable[[list[Path]], Iterable[Path]]
    ) -> None:
        paths = [make_file(PAGE), make_file(PAGE)]
        assert [record.path for record in drop(form(paths)).files] == [str(path) for path in paths]
        assert [resident_bytes(path) for path in paths] == [0, 0]

    @pytest.mark.parametrize("empty", [[], (), iter(()), {}], ids=lambda each: type(each).__name__)
    def test_may_be_none_at_all(self, empty: Iterable[str]) -> None:
        report = drop(empty)
        assert report.ok
        assert report.status is SUCCESS
        assert list(report.files) == []
        assert report.before_bytes == report.resident_bytes == report.evicted_bytes == 0

    @pytest.mark.parametrize("form", [os.fsencode, os.fsdecode, Path], ids=["bytes", "str", "Path"])
    def test_may_have_names_that_are_no_text(
        self, tmp_path: Path, make_file: MakeFile, form: Callable[[str], str]
    ) -> None:
        path = os.fsdecode(bytes(tmp_path) + b"/\xff clip \xc3\xa9\n.mp4")
        make_file(PAGE).rename(path)
        [record] = drop(form(path)).files
        assert record.path == path
        assert resident_bytes(path) == 0

    def test_may_be_links(self, make_file: MakeFile, tmp_path: Path) -> None:
        path = make_file(PAGE)
        (tmp_path / "link").symlink_to(path)
        [record] = drop(tmp_path / "link").files
        assert record.path == str(tmp_path / "link")
        assert resident_bytes(path) == 0

    def test_that_come_twice_have_two_records(self, make_file: MakeFile) -> None:
        path = make_file(MIB)
        first, second = drop([path, path]).files
        assert first.path == second.path == str(path)
        assert (first.evicted_bytes, second.evicted_bytes) == (MIB, 0)

    def test_that_come_twice_count_what_left_once(self, make_file: MakeFile) -> None:
        path = make_file(4 * MIB, "dirty")
        report = drop([path, path])
        assert resident_bytes(path) == 0
        assert report.evicted_bytes == report.files[0].before_bytes
        assert report.resident_bytes == 0

    @pytest.mark.parametrize("kind", ["/dev/null", "/proc/self/status"])
    def test_with_nothing_to_evict_succeed(self, kind: str) -> None:
        [record] = drop(kind).files
        assert record.status is SUCCESS
        assert record.size_bytes == record.after_bytes == 0


class TestOpenFiles:
    def test_stay_open_with_their_offset_where_it_was(self, make_file: MakeFile) -> None:
        path = make_file(3 * PAGE)
        with path.open("rb") as file:
            os.lseek(file.fileno(), 1234, os.SEEK_SET)
            [record] = drop(file.fileno()).files
            assert record.path == str(path)
            assert record.evicted_bytes == 3 * PAGE
            assert resident_bytes(path) == 0
            assert os.lseek(file.fileno(), 0, os.SEEK_CUR) == 1234

    @pytest.mark.parametrize("buffering", [0, -1], ids=["raw", "buffered"])
    def test_may_be_objects_alone_or_among_paths(self, make_file: MakeFile, buffering: int) -> None:
        one, two, three = make_file(PAGE), make_file(PAGE), make_file(PAGE)
        with one.open("rb", buffering) as file:
            assert [record.path for record in drop(file).files] == [str(one)]
        with two.open("rb", buffering) as file:
            records = drop([three, file]).files
            assert [record.path for record in records] == [str(three), str(two)]
        assert [resident_bytes(path) for path in (one, two, three)] == [0, 0, 0]

    def test_may_have_no_name_any_more(self, make_file: MakeFile) -> None:
        path = make_file(2 * PAGE)
        with path.open("rb") as file:
            path.unlink()
            [record] = drop(file.fileno()).files
            assert record.evicted_bytes == 2 * PAGE
            assert cachestat(file.fileno()).resident == 0

    @pytest.mark.parametrize("flags", [os.O_WRONLY, os.O_RDWR, os.O_WRONLY | os.O_APPEND])
    def test_may_be_open_for_writing(self, opened: Callable[[int], int], flags: int) -> None:
        descriptor = opened(flags)
        [record] = drop(descriptor).files
        assert (record.status, record.evicted_bytes) == (SUCCESS, 2 * PAGE)
        assert cachestat(descriptor).resident == 0

    def test_by_o_path_are_reported(self, opened: Callable[[int], int]) -> None:
        descriptor = opened(os.O_PATH)
        [record] = drop(descriptor).files
        assert record.status is DropCacheStatus.FADVISE_FAILED
        assert record.error is not None
        assert record.error.errno == errno.EBADF
        assert "O_PATH" in str(record.error)
        assert resident_bytes(record.path) == 2 * PAGE

    def test_that_were_closed_are_reported(self, make_file: MakeFile) -> None:
        path = make_file(PAGE)
        with path.open("rb") as file:
            descriptor = file.fileno()
        closed, other = drop([descriptor, path]).files
        assert closed.status is DropCacheStatus.FADVISE_FAILED
        assert closed.error is not None
        assert closed.error.errno == errno.EBADF
        assert closed.path == f"/proc/self/fd/{descriptor}"
        assert other.evicted_bytes == PAGE

    def test_may_be_no_pipes(self) -> None:
        reader, writer = os.pipe()
        with os.fdopen(reader), os.fdopen(writer, "w"):
            [record] = drop(reader).files
        assert record.status is DropCacheStatus.FADVISE_FAILED
        assert record.error is not None
        assert record.error.errno == errno.ESPIPE

    def test_may_be_sockets_which_have_nothing_to_evict(self) -> None:
        with socket.socket() as one:
            [record] = drop(one).files
        assert (record.status, record.size_bytes) == (SUCCESS, 0)

    def test_that_python_closed_are_refused(self, make_file: MakeFile) -> None:
        path = make_file(PAGE)
        with path.open("rb") as file:
            pass
        with pytest.raises(ValueError, match="closed"):
            drop([path, file])
        assert resident_bytes(path) == PAGE

    def test_without_a_descriptor_are_refused(self) -> None:
        with pytest.raises(io.UnsupportedOperation, match="fileno"):
            drop(io.BytesIO(b"clip"))


ERRORS = {
    "missing": errno.ENOENT,
    "dangling-link": errno.ENOENT,
    "loop-of-links": errno.ELOOP,
    "below-a-file": errno.ENOTDIR,
    "long-name": errno.ENAMETOOLONG,
    "long-path": errno.ENAMETOOLONG,
    "empty-name": errno.ENOENT,
    "socket": errno.ENXIO,
    "fifo": errno.ESPIPE,
}

REFUSED: dict[str, type[Exception]] = {
    "none": TypeError,
    "list": TypeError,
    "bytearray": TypeError,
    "nul": ValueError,
    "nul-in-bytes": ValueError,
    "no-bytes": ValueError,
    "valueerror": ValueError,
    "oserror": PermissionError,
    "fspath-int": TypeError,
}


class TestBadItems:
    @pytest.mark.parametrize("kind", ERRORS)
    def test_are_reported_and_the_rest_go_on(
        self, make_file: MakeFile, tmp_path: Path, kind: str
    ) -> None:
        first, last = make_file(PAGE), make_file(PAGE)
        bad = wrong(BAD[kind].make(tmp_path))
        report = drop([first, bad, last])
        assert [record.evicted_bytes for record in report.files] == [PAGE, None, PAGE]
        assert resident_bytes(first) == resident_bytes(last) == 0
        record = report.files[1]
        assert report.status is record.status is DropCacheStatus[BAD[kind].status]
        assert record.error is not None
        assert record.error.errno == ERRORS[kind]
        assert record.error.filename == record.path == os.fspath(bad)
        assert (record.before_bytes, record.after_bytes, record.kept) == (None, None, None)

    @pytest.mark.parametrize("kind", REFUSED)
    def test_that_are_no_targets_are_refused_before_anything_is_touched(
        self, make_file: MakeFile, tmp_path: Path, kind: str
    ) -> None:
        path = make_file(PAGE)
        with pytest.raises(REFUSED[kind]):
            drop([path, wrong(BAD[kind].make(tmp_path))])
        assert resident_bytes(path) == PAGE

    @pytest.mark.parametrize(
        ("item", "error", "says"),
        [
            (True, TypeError, "not a bool"),
            (False, TypeError, "not a bool"),
            (-1, ValueError, "descriptor"),
            (-(1 << 70), ValueError, "descriptor"),
            (1 << 31, ValueError, "descriptor"),
            (1 << 40, ValueError, "descriptor"),
            (1 << 70, ValueError, "descriptor"),
            (1.0, TypeError, "(?i)path"),
        ],
        ids=repr,
    )
    def test_that_are_no_descriptors_are_refused(
        self, make_file: MakeFile, item: object, error: type[Exception], says: str
    ) -> None:
        path = make_file(PAGE)
        with pytest.raises(error, match=says):
            drop([path, wrong(item)])
        with pytest.raises(error, match=says):
            drop(wrong(item))
        assert resident_bytes(path) == PAGE

    @pytest.mark.parametrize(
        "argument", [bytearray(b"\1"), memoryview(b"\1")], ids=lambda each: type(each).__name__
    )
    def test_bytes_are_never_taken_for_descriptors(self, argument: object) -> None:
        with pytest.raises(TypeError, match="path"):
            drop(wrong(argument))

    @pytest.mark.parametrize(
        "argument", [None, 1.5, object()], ids=lambda each: type(each).__name__
    )
    def test_no_targets_at_all_are_refused(self, argument: object) -> None:
        with pytest.raises(TypeError, match="pass a path"):
            drop(wrong(argument))

    def test_that_vanish_while_the_list_is_read_are_reported(self, make_file: MakeFile) -> None:
        path, last = make_file(PAGE), make_file(PAGE)

        def vanishing() -> Iterator[Path]:
            yield path
            path.unlink()
            yield last

        gone, other = drop(vanishing()).files
        assert isinstance(gone.error, FileNotFoundError)
        assert other.evicted_bytes == PAGE

    def test_under_a_write_lease_are_reported_and_not_waited_for(self, make_file: MakeFile) -> None:
        path = make_file(PAGE)
        with leased(path):
            [record] = drop(path).files
        assert isinstance(record.error, BlockingIOError)
        assert "lease" in str(record.error)
        assert drop(path).ok

    @pytest.mark.parametrize("error", [KeyboardInterrupt(), LookupError()], ids=repr)
    def test_lists_that_raise_raise_through(self, make_file: MakeFile, error: Exception) -> None:
        path = make_file(PAGE)

        def failing() -> Iterator[Path]:
            yield path
            raise error

        with pytest.raises(type(error)) as caught:
            drop(failing())
        assert caught.value is error
        assert resident_bytes(path) == PAGE


class TestFailFast:
    @pytest.mark.parametrize("workers", [None, 1, 8])
    @pytest.mark.parametrize("kind", ["missing", "fifo"])
    def test_ends_with_the_first_that_fails(
        self, tmp_path: Path, many: list[Path], kind: str, workers: int | None
    ) -> None:
        paths = [*many[:400], wrong(BAD[kind].make(tmp_path)), *many[400:]]
        for path in many:
            residency.warm(path)
        report = drop(paths, fail_fast=True, workers=workers)
        assert [record.path for record in report.files] == [str(path) for path in paths[:401]]
        assert report.files[-1].status is report.status is DropCacheStatus[BAD[kind].status]
        left = [path for path in many if resident_bytes(path)]
        assert set(left) <= set(many[400:])
        assert len(left) > 100, "hardly any is still there: not all can have gone by themselves"

    def test_is_not_needed_where_all_is_well(self, many: list[Path]) -> None:
        for path in many:
            residency.dirty(path, PAGE)
        report = drop(many, fail_fast=True)
        assert report.ok
        assert [record.path for record in report.files] == [str(path) for path in many]
        assert [path for path in many if resident_bytes(path)] == []

    def test_leaves_no_trace_in_a_sum_of_reports(self, make_file: MakeFile) -> None:
        one, two = make_file(PAGE), make_file(PAGE)
        total = drop(["missing", one], fail_fast=True) + drop(two)
        assert [record.path for record in total.files] == ["missing", str(two)]


class TestNumbers:
    @pytest.mark.parametrize("value", [-1, -(1 << 70), BEYOND_64_BITS, 1 << 70])
    @pytest.mark.parametrize("name", ["offset", "length", "workers"])
    def test_out_of_range_are_refused(self, make_file: MakeFile, name: str, value: int) -> None:
        path = make_file(PAGE)
        with pytest.raises(ValueError, match=name):
            drop(path, **wrong({name: value}))
        assert resident_bytes(path) == PAGE

    @pytest.mark.parametrize("name", ["length", "workers"])
    def test_of_nothing_are_refused(self, make_file: MakeFile, name: str) -> None:
        path = make_file(PAGE)
        with pytest.raises(ValueError, match=f"{name} must be from 1"):
            drop(path, **wrong({name: 0}))
        assert resident_bytes(path) == PAGE

    @pytest.mark.parametrize("value", [1.0, "1", [1], b"1"], ids=repr)
    @pytest.mark.parametrize("name", ["offset", "length", "workers"])
    def test_that_are_no_integers_are_refused(
        self, make_file: MakeFile, name: str, value: object
    ) -> None:
        path = make_file(PAGE)
        with pytest.raises(TypeError, match=f"{name} must be an integer"):
            drop(path, **wrong({name: value}))
        assert resident_bytes(path) == PAGE

    def test_may_be_anything_with_an_index(self, make_file: MakeFile) -> None:
        class Two:
            def __index__(self) -> int:
                return 2

        path = make_file(PAGE)
        assert drop(path, length=wrong(Two()), workers=wrong(Two())).ok


class TestOptions:
    def test_progress_that_cannot_be_called_is_refused(self, make_file: MakeFile) -> None:
        path = make_file(PAGE)
        with pytest.raises(TypeError, match="progress must be callable"):
            drop(path, progress=wrong("dots"))
        assert resident_bytes(path) == PAGE

    def test_include_that_is_no_glob_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(TypeError):
            drop(tmp_path, include=wrong([5]))

    @pytest.mark.parametrize("verb", [drop, query])
    @pytest.mark.parametrize("name", ["include", "exclude"])
    @pytest.mark.parametrize("globs", ["*\0.mp4", ["*.mkv", "\0"]])
    def test_patterns_with_a_nul_byte_are_refused(
        self, tmp_path: Path, verb: Callable[..., object], name: str, globs: object
    ) -> None:
        with pytest.raises(ValueError, match="a pattern has no NUL byte: "):
            verb(tmp_path, **wrong({name: globs}))


class TestRange:
    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        """A file of 64 pages, each in a folio of its own, made by one write per page."""
        with (tmp_path / "small-folios.bin").open("wb", buffering=0) as file:
            for _ in range(64):
                file.write(b"x" * PAGE)
        residency.clean(tmp_path / "small-folios.bin")
        return tmp_path / "small-folios.bin"

    @pytest.mark.parametrize(
        ("offset", "length", "gone"),
        [
            (0, None, (0, 64)),
            (16, None, (16, 64)),
            (0, 16, (0, 16)),
            (16, 16, (16, 32)),
            (63, 1, (63, 64)),
            (48, 16, (48, 64)),
            (48, 1000, (48, 64)),
        ],
    )
    def test_of_whole_pages_is_evicted_and_nothing_else(
        self, path: Path, offset: int, length: int | None, gone: tuple[int, int]
    ) -> None:
        report = drop(path, offset=offset * PAGE, length=length and length * PAGE)
        start, stop = gone
        left = [(0, start * PAGE), (stop * PAGE, 64 * PAGE)]
        assert mincore_spans(path) == [(first, last) for first, last in left if first != last]
        assert report.before_bytes == report.evicted_bytes == (stop - start) * PAGE
        assert report.resident_bytes == 0

    def test_that_cuts_pages_keeps_those(self, path: Path) -> None:
        report = drop(path, offset=PAGE + 1, length=4 * PAGE)
        assert mincore_spans(path) == [(0, 2 * PAGE), (5 * PAGE, 64 * PAGE)]
        assert report.before_bytes == 5 * PAGE
        assert report.kept == {KeptReason.EDGE: 2 * PAGE}

    @pytest.mark.parametrize("offset", [64 * PAGE, 1 << 40, sys.maxsize - 1])
    @pytest.mark.parametrize("length", [None, 1, sys.maxsize - 1])
    def test_behind_the_end_holds_nothing(
        self, path: Path, offset: int, length: int | None
    ) -> None:
        [record] = drop(path, offset=offset, length=length).files
        assert (record.status, record.before_bytes, record.after_bytes) == (SUCCESS, 0, 0)
        assert resident_bytes(path) == 64 * PAGE

    def test_is_written_back_where_it_is_dirty(self, path: Path) -> None:
        residency.dirty(path, 64 * PAGE)
        assert drop(path, offset=16 * PAGE, length=32 * PAGE).resident_bytes == 0
        assert mincore_spans(path) == [(0, 16 * PAGE), (48 * PAGE, 64 * PAGE)]

    def test_is_that_of_each_file(self, make_file: MakeFile) -> None:
        files = [make_file(PAGE), make_file(2 * PAGE), make_file(0)]
        report = drop(files, offset=PAGE)
        assert [record.before_bytes for record in report.files] == [0, PAGE, 0]
        assert report.resident_bytes == (0 if not report.kept else report.kept[KeptReason.EDGE])


class TestUntil:
    @pytest.fixture
    def clips(self, make_file: MakeFile) -> list[Path]:
        """Three dirty clips of 1 MiB, which stay until they are dropped; the second is oldest."""
        paths = [make_file(MIB, "dirty") for _ in range(3)]
        for path, used in zip(paths, (2000, 1000, 3000), strict=True):
            os.utime(path, (used, used))
        return paths

    @pytest.mark.parametrize(
        ("until", "gone"), [(3 * MIB, []), (3 * MIB - 1, [1]), (MIB, [1, 0]), (0, [1, 0, 2])]
    )
    def test_the_least_recently_used_go(
        self, clips: list[Path], until: int, gone: list[int]
    ) -> None:
        report = drop([*clips, clips[0]], until=until)
        assert [record.path for record in report] == [str(clips[each]) for each in gone]
        assert [resident_bytes(each) for each in clips] == [
            0 if number in gone else MIB for number in range(3)
        ]

    def test_may_be_a_share_of_the_memory(self, clips: list[Path]) -> None:
        assert len(drop(clips, until="100%")) == 0
        assert len(drop(clips, until="0%")) == 3

    def test_reports_what_cannot_be_opened(self, clips: list[Path]) -> None:
        report = drop([*clips, "missing"], until=0)
        assert [record.path for record in report.failed] == ["missing"]
        assert len(report) == 4

    @pytest.mark.parametrize(
        ("until", "error"),
        [("much", ValueError), ("101%", ValueError), ("²%", ValueError), ("-1%", ValueError),
         (-1, ValueError), (1.5, TypeError), (True, TypeError)],
    )  # fmt: skip
    def test_of_no_size_is_refused(self, until: object, error: type[Exception]) -> None:
        with pytest.raises(error, match="until must be"):
            drop([], until=wrong(until))


class TestOffLinux:
    @pytest.fixture(autouse=True, params=["darwin", "win32"])
    def _another_platform(
        self, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
    ) -> Iterator[None]:
        with monkeypatch.context() as patch:
            patch.setattr(sys, "platform", request.param)
            yield

    def test_every_file_is_refused_and_none_is_touched(self, tmp_path: Path) -> None:
        path = tmp_path / "clip"
        residency.dirty(path, MIB)
        residency.clean(path)
        report = drop([path, bytes(path), str(tmp_path / "missing")])
        assert {record.status for record in report.files} == {DropCacheStatus.PLATFORM_ERROR}
        paths = [str(path), str(path), str(tmp_path / "missing")]
        assert [record.path for record in report.files] == paths
        assert report.status is DropCacheStatus.PLATFORM_ERROR
        with pytest.raises(OSError, match="only Linux") as caught:
            report.raise_for_status()
        assert caught.value.errno == errno.ENOSYS
        assert resident_bytes(path) == MIB

    def test_a_share_of_the_memory_needs_no_limit(self) -> None:
        assert drop("clip", until="25%").status is DropCacheStatus.PLATFORM_ERROR

    def test_arguments_are_checked_all_the_same(self) -> None:
        with pytest.raises(ValueError, match="offset"):
            drop("clip", offset=-1)
        assert drop([]).ok

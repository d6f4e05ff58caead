"""Every verb takes every documented target and argument, and refuses the others alike."""

import errno
import io
import json
import os
import socket
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from support.items import BAD, PathLike
from support.leases import leased
from support.residency import PAGE
from support.verbs import Prepare, Verb, each_verb

MIB = 1 << 20
BEYOND_64_BITS = 1 << 63

pytestmark = [pytest.mark.usefixtures("no_leaked_descriptors"), each_verb]


def wrong(argument: object) -> Any:  # noqa: ANN401 - nothing that the type check knows of
    """An argument with its type hidden from the type check."""
    return argument


def dir_entry(path: Path) -> os.DirEntry[str]:
    with os.scandir(path.parent) as entries:
        return next(entry for entry in entries if entry.name == path.name)


def generator(paths: Iterable[Path]) -> Iterator[Path]:
    yield from paths


@pytest.fixture
def opened(prepare: Prepare) -> Iterator[Callable[[int], int]]:
    """Makes a file of two pages for the verb, and opens it with the flags given."""
    with ExitStack() as stack:

        def open_with(flags: int) -> int:
            descriptor = os.open(prepare(2 * PAGE), flags)
            stack.callback(os.close, descriptor)
            return descriptor

        yield open_with


class TestTargets:
    @pytest.mark.parametrize(
        "form", [str, os.fsencode, Path, lambda path: PathLike(str(path)), dir_entry]
    )
    def test_are_paths_of_any_form_alone_or_in_a_list(
        self, verb: Verb, prepare: Prepare, form: Callable[[Path], str]
    ) -> None:
        one, two, three = (
            prepare(PAGE),
            prepare(PAGE),
            prepare(PAGE),
        )
        assert [record.path for record in verb.call(form(one)).files] == [str(one)]
        paths = [record.path for record in verb.call([form(two), form(three)]).files]
        assert paths == [str(two), str(three)]
        assert verb.has_done(one, two, three)

    @pytest.mark.parametrize("form", [tuple, deque, dict.fromkeys, iter, generator])
    def test_are_any_iterable(
        self, verb: Verb, prepare: Prepare, form: Callable[[list[Path]], Iterable[Path]]
    ) -> None:
        paths = [prepare(PAGE), prepare(PAGE)]
        assert [record.path for record in verb.call(form(paths)).files] == [
            str(path) for path in paths
        ]
        assert verb.has_done(*paths)

    @pytest.mark.parametrize("empty", [[], (), iter(()), {}], ids=lambda each: type(each).__name__)
    def test_may_be_none_at_all(self, verb: Verb, empty: Iterable[str]) -> None:
        report = verb.call(empty)
        assert report.ok
        assert verb.has_succeeded(report)
        assert list(report.files) == []
        sums = report.to_dict()
        assert {sums[name] for name in sums if name.endswith("_bytes")} == {0}

    @pytest.mark.parametrize("form", [os.fsencode, os.fsdecode, Path], ids=["bytes", "str", "Path"])
    def test_may_have_names_that_are_no_text(
        self, verb: Verb, tmp_path: Path, prepare: Prepare, form: Callable[[str], str]
    ) -> None:
        path = os.fsdecode(bytes(tmp_path) + b"/\xff clip \xc3\xa9\n.mp4")
        prepare(PAGE).rename(path)
        [record] = verb.call(form(path)).files
        assert record.path == path
        assert json.loads(json.dumps(record.to_dict()))["path"] == path
        assert verb.has_done(path)

    def test_may_be_links(self, verb: Verb, prepare: Prepare, tmp_path: Path) -> None:
        path = prepare(PAGE)
        (tmp_path / "link").symlink_to(path)
        [record] = verb.call(tmp_path / "link").files
        assert record.path == str(tmp_path / "link")
        assert verb.has_done(path)

    def test_that_come_twice_have_two_records(self, verb: Verb, prepare: Prepare) -> None:
        path = prepare(MIB)
        first, second = verb.call([path, path]).files
        assert first.path == second.path == str(path)
        assert verb.bytes_of(first) == MIB
        assert verb.bytes_of(second) == (0 if verb.changes else MIB)

    def test_are_told_in_their_order_however_many_work(self, verb: Verb, tmp_path: Path) -> None:
        sizes = [number * 3 for number in range(300)]
        paths = [tmp_path / str(size) for size in sizes]
        for path, size in zip(paths, sizes, strict=True):
            path.write_bytes(bytes(size))
        for workers in (None, 1, 2, 64):
            files = verb.call(paths, workers=workers).files
            assert [Path(each.path) for each in files] == paths
            assert [each.size_bytes for each in files] == sizes

    @pytest.mark.parametrize("kind", ["/dev/null", "/proc/self/status"])
    def test_without_pages_succeed(self, verb: Verb, kind: str) -> None:
        [record] = verb.call(kind).files
        assert verb.has_succeeded(record)
        assert record.error is None
        assert record.size_bytes == verb.bytes_of(record) == 0


class TestOpenFiles:
    def test_stay_open_with_their_offset_where_it_was(self, verb: Verb, prepare: Prepare) -> None:
        path = prepare(3 * PAGE)
        with path.open("rb") as file:
            os.lseek(file.fileno(), 1234, os.SEEK_SET)
            [record, again] = verb.call([file.fileno(), file]).files
            assert record.path == again.path == str(path)
            assert verb.bytes_of(record) == 3 * PAGE
            assert verb.has_done(path)
            assert os.lseek(file.fileno(), 0, os.SEEK_CUR) == 1234

    @pytest.mark.parametrize("buffering", [0, -1], ids=["raw", "buffered"])
    def test_may_be_objects_alone_or_among_paths(
        self, verb: Verb, prepare: Prepare, buffering: int
    ) -> None:
        one, two, three = (
            prepare(PAGE),
            prepare(PAGE),
            prepare(PAGE),
        )
        with one.open("rb", buffering) as file:
            assert [record.path for record in verb.call(file).files] == [str(one)]
        with two.open("rb", buffering) as file:
            records = verb.call([three, file]).files
            assert [record.path for record in records] == [str(three), str(two)]
        assert verb.has_done(one, two, three)

    def test_may_have_no_name_any_more(self, verb: Verb, prepare: Prepare) -> None:
        path = prepare(2 * PAGE)
        with path.open("rb") as file:
            path.unlink()
            [record] = verb.call(file.fileno()).files
            assert verb.bytes_of(record) == 2 * PAGE
            assert verb.has_done(f"/proc/self/fd/{file.fileno()}")

    @pytest.mark.parametrize("flags", [os.O_WRONLY, os.O_RDWR, os.O_WRONLY | os.O_APPEND])
    def test_may_be_open_for_writing(
        self, verb: Verb, opened: Callable[[int], int], flags: int
    ) -> None:
        descriptor = opened(flags)
        [record] = verb.call(descriptor).files
        assert verb.has_succeeded(record)
        assert verb.bytes_of(record) == 2 * PAGE
        assert verb.has_done(record.path)

    def test_by_o_path_are_reported(self, verb: Verb, opened: Callable[[int], int]) -> None:
        descriptor = opened(os.O_PATH)
        [record] = verb.call(descriptor).files
        assert verb.has_refused(record)
        assert record.error is not None
        assert record.error.errno == errno.EBADF
        assert "Bad file descriptor" in str(record.error)
        assert "O_PATH" in str(record.error)
        assert record.size_bytes == 0
        assert verb.bytes_of(record) is None
        assert verb.has_spared(record.path)

    def test_that_were_closed_are_reported(self, verb: Verb, prepare: Prepare) -> None:
        path = prepare(PAGE)
        with path.open("rb") as file:
            descriptor = file.fileno()
        closed, other = verb.call([descriptor, path]).files
        assert verb.has_status(closed, "FADVISE_FAILED")
        assert closed.error is not None
        assert closed.error.errno == errno.EBADF
        assert closed.path == f"/proc/self/fd/{descriptor}"
        assert verb.bytes_of(other) == PAGE

    def test_may_be_pipes_which_have_no_pages(self, verb: Verb) -> None:
        reader, writer = os.pipe()
        with os.fdopen(reader), os.fdopen(writer, "w"):
            [record] = verb.call(reader).files
        if verb.pipe_error is None:
            assert (record.error, verb.bytes_of(record)) == (None, 0)
        else:
            assert verb.has_refused(record)
            assert record.error is not None
            assert record.error.errno == getattr(errno, verb.pipe_error)

    def test_may_be_sockets_which_have_no_pages(self, verb: Verb) -> None:
        with socket.socket() as one:
            [record] = verb.call(one).files
        assert verb.has_succeeded(record)
        assert (record.error, record.size_bytes) == (None, 0)

    def test_may_be_directories_which_mean_no_files(self, verb: Verb, prepare: Prepare) -> None:
        path = prepare(PAGE)
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            [record] = verb.call(folder).files
        finally:
            os.close(folder)
        assert verb.has_succeeded(record)
        assert verb.has_spared(path)

    def test_that_python_closed_are_refused(self, verb: Verb, prepare: Prepare) -> None:
        path = prepare(PAGE)
        with path.open("rb") as file:
            pass
        with pytest.raises(ValueError, match="closed"):
            verb.call([path, file])
        assert verb.has_spared(path)

    def test_without_a_descriptor_are_refused(self, verb: Verb) -> None:
        with pytest.raises(io.UnsupportedOperation, match=r"item 1 is no path, .*: fileno"):
            verb.call(["clip", io.BytesIO(b"clip")])


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
        self, verb: Verb, prepare: Prepare, tmp_path: Path, kind: str
    ) -> None:
        first, last = prepare(PAGE), prepare(PAGE)
        bad = wrong(BAD[kind].make(tmp_path))
        report = verb.call([first, bad, last])
        if kind == "fifo" and verb.pipe_error is None:
            assert report.ok
            assert [verb.bytes_of(record) for record in report] == [PAGE, 0, PAGE]
            return
        assert [verb.bytes_of(record) for record in report] == [PAGE, None, PAGE]
        assert verb.has_done(first, last)
        record = report.files[1]
        for result in (report, record):
            refused = verb.has_refused(result) and kind == "fifo"
            assert refused or verb.has_status(result, BAD[kind].status)
        assert record.error is not None
        assert record.error.errno == ERRORS[kind]
        assert record.error.filename == record.path == os.fspath(bad)
        figures = record.to_dict()
        assert figures.pop("size_bytes") == 0
        assert {figures[name] for name in figures if name.endswith("_bytes")} == {None}
        assert report.failed == [record]
        assert report.unknown_files == 0
        assert f"1 file failed: {record.path!r}" in str(report)
        assert report.resident_bytes is None
        with pytest.raises(type(record.error)):
            report.raise_for_status()

    @pytest.mark.parametrize("kind", REFUSED)
    def test_that_are_no_targets_are_refused_before_anything_is_touched(
        self, verb: Verb, prepare: Prepare, tmp_path: Path, kind: str
    ) -> None:
        path = prepare(PAGE)
        with pytest.raises(REFUSED[kind]):
            verb.call([path, wrong(BAD[kind].make(tmp_path))])
        assert verb.has_spared(path)

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
        self, verb: Verb, prepare: Prepare, item: object, error: type[Exception], says: str
    ) -> None:
        path = prepare(PAGE)
        with pytest.raises(error, match=says):
            verb.call([path, wrong(item)])
        with pytest.raises(error, match=says):
            verb.call(wrong(item))
        assert verb.has_spared(path)

    @pytest.mark.parametrize(
        "argument", [bytearray(b"\1"), memoryview(b"\1")], ids=lambda each: type(each).__name__
    )
    def test_bytes_are_never_taken_for_descriptors(self, verb: Verb, argument: object) -> None:
        with pytest.raises(TypeError, match="path"):
            verb.call(wrong(argument))

    @pytest.mark.parametrize(
        "argument", [None, 1.5, object()], ids=lambda each: type(each).__name__
    )
    def test_no_targets_at_all_are_refused(self, verb: Verb, argument: object) -> None:
        with pytest.raises(TypeError, match="pass a path"):
            verb.call(wrong(argument))

    def test_that_vanish_while_the_list_is_read_are_reported(
        self, verb: Verb, prepare: Prepare
    ) -> None:
        path, last = prepare(PAGE), prepare(PAGE)

        def vanishing() -> Iterator[Path]:
            yield path
            path.unlink()
            yield last

        gone, other = verb.call(vanishing()).files
        assert isinstance(gone.error, FileNotFoundError)
        assert verb.bytes_of(other) == PAGE

    def test_under_a_write_lease_are_reported_and_not_waited_for(
        self, verb: Verb, prepare: Prepare
    ) -> None:
        path = prepare(PAGE)
        with leased(path):
            [record] = verb.call(path).files
        assert isinstance(record.error, BlockingIOError)
        assert "lease" in str(record.error)
        assert verb.call(path).ok

    @pytest.mark.parametrize("error", [KeyboardInterrupt(), LookupError()], ids=repr)
    def test_lists_that_raise_raise_through(
        self, verb: Verb, prepare: Prepare, error: Exception
    ) -> None:
        path = prepare(PAGE)

        def failing() -> Iterator[Path]:
            yield path
            raise error

        with pytest.raises(type(error)) as caught:
            verb.call(failing())
        assert caught.value is error
        assert verb.has_spared(path)


class TestNumbers:
    @pytest.mark.parametrize("value", [-1, -(1 << 70), BEYOND_64_BITS, 1 << 70])
    @pytest.mark.parametrize("name", ["offset", "length", "workers"])
    def test_out_of_range_are_refused(
        self, verb: Verb, prepare: Prepare, name: str, value: int
    ) -> None:
        path = prepare(PAGE)
        with pytest.raises(ValueError, match=name):
            verb.call(path, **wrong({name: value}))
        assert verb.has_spared(path)

    @pytest.mark.parametrize("name", ["length", "workers"])
    def test_of_nothing_are_refused(self, verb: Verb, prepare: Prepare, name: str) -> None:
        path = prepare(PAGE)
        with pytest.raises(ValueError, match=f"{name} must be from 1"):
            verb.call(path, **wrong({name: 0}))
        assert verb.has_spared(path)

    @pytest.mark.parametrize("value", [1.0, "1", [1], b"1"], ids=repr)
    @pytest.mark.parametrize("name", ["offset", "length", "workers"])
    def test_that_are_no_integers_are_refused(
        self, verb: Verb, prepare: Prepare, name: str, value: object
    ) -> None:
        path = prepare(PAGE)
        with pytest.raises(TypeError, match=f"{name} must be an integer"):
            verb.call(path, **wrong({name: value}))
        assert verb.has_spared(path)

    def test_may_be_anything_with_an_index(self, verb: Verb, prepare: Prepare) -> None:
        class Two:
            def __index__(self) -> int:
                return 2

        path = prepare(PAGE)
        assert verb.call(path, length=wrong(Two()), workers=wrong(Two())).ok


class TestOptions:
    def test_progress_that_cannot_be_called_is_refused(self, verb: Verb, prepare: Prepare) -> None:
        path = prepare(PAGE)
        with pytest.raises(TypeError, match="progress must be callable"):
            verb.call(path, progress=wrong("dots"))
        assert verb.has_spared(path)

    @pytest.mark.parametrize("name", ["include", "exclude"])
    @pytest.mark.parametrize("globs", [5, b"*.mp4", [5], ["*.mp4", None], [b"*.mp4"]], ids=repr)
    def test_what_is_no_pattern_is_refused_by_name(
        self, verb: Verb, tmp_path: Path, name: str, globs: object
    ) -> None:
        with pytest.raises(TypeError, match=rf"^{name} must .* such as '\*\.mp4'.*, not "):
            verb.call(tmp_path, **wrong({name: globs}))

    @pytest.mark.parametrize("name", ["include", "exclude"])
    @pytest.mark.parametrize("globs", ["*\0.mp4", ["*.mkv", "\0"]])
    def test_patterns_with_a_nul_byte_are_refused(
        self, verb: Verb, tmp_path: Path, name: str, globs: object
    ) -> None:
        with pytest.raises(ValueError, match="a pattern has no NUL byte: "):
            verb.call(tmp_path, **wrong({name: globs}))

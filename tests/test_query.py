"""`query` returns exact figures, ranges and records, and rejects what it cannot measure."""

import copy
import json
import os
import pickle
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accv_cache import (
    CacheRecord,
    CacheReport,
    ResidencySource,
    UnknownReason,
    query,
)
from accv_cache._text import as_size
from support import mounts, residency
from support.examples import examples
from support.files import DirtyFile, FileSystem, MakeFile
from support.needs import need
from support.privileges import as_other_user
from support.residency import PAGE

MIB = 1024 * 1024
CACHESTAT = ResidencySource.CACHESTAT
WIDTH = 40

pytestmark = pytest.mark.usefixtures("no_leaked_descriptors")
on_disks = pytest.mark.parametrize("file_system", ["ext4", "xfs", "btrfs"], indirect=True)


def spans_by_mincore(path: Path) -> tuple[tuple[int, int], ...]:
    """Resident ranges, the last one up to the file's end instead of the page's."""
    size = path.stat().st_size
    return tuple((start, min(stop, size)) for start, stop in residency.mincore_spans(path))


def pages_by_mincore(path: Path) -> set[int]:
    """The numbers of the resident pages."""
    spans = residency.mincore_spans(path)
    return {page for start, stop in spans for page in range(start // PAGE, stop // PAGE)}


def read_pages(path: Path, *pages: int) -> None:
    """Make exactly these pages of a cold file resident."""
    with path.open("rb", buffering=0) as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_RANDOM)
        for page in pages:
            os.pread(file.fileno(), 1, page * PAGE)


def record(
    size: int,
    resident: int,
    spans: tuple[tuple[int, int], ...],
    measured: tuple[int, int] | None = None,
) -> CacheRecord:
    return CacheRecord("clip", None, size, measured or (0, size), resident, None, None, None, spans)


@contextmanager
def huge_folios(root: Path) -> Iterator[None]:
    """Let a tmpfs take 2 MiB at once for what is written."""
    mounts.remount(root, options="huge=always")
    try:
        yield
    finally:
        mounts.remount(root, options="huge=never")


@pytest.fixture
def unknown(ext4: Path, make_file: MakeFile) -> CacheReport:
    """What another user gets for a file that is wholly resident."""
    return as_other_user(query, make_file(MIB, "warm", ext4), spans=True)


class TestFigures:
    @on_disks
    def test_are_the_kernels(self, file_system: FileSystem, make_file: MakeFile) -> None:
        path = make_file(MIB + 1, "cold", file_system.directory)
        read_pages(path, 0, 7, 8, 256)
        [found] = query(path, spans=True).files
        assert found == CacheRecord(
            path=str(path),
            error=None,
            size_bytes=MIB + 1,
            measured=(0, MIB + 1),
            resident_bytes=4 * PAGE,
            dirty_bytes=0,
            writeback_bytes=0,
            source=CACHESTAT,
            evicted_bytes=residency.cachestat(path).evicted,
            recently_evicted_bytes=residency.cachestat(path).recently_evicted,
            spans=((0, PAGE), (7 * PAGE, 9 * PAGE), (256 * PAGE, MIB + 1)),
        )
        assert residency.cachestat(path)[:3] == (4 * PAGE, 0, 0)
        assert spans_by_mincore(path) == found.spans

    @on_disks
    def test_tell_dirty_from_clean(self, file_system: FileSystem, make_file: MakeFile) -> None:
        path = make_file(4 * MIB, "dirty", file_system.directory)
        before = residency.cachestat(path)
        [written] = query(path).files
        after = residency.cachestat(path)
        # The kernel may begin to write it back at any time.
        assert written.dirty_bytes is not None
        assert after.dirty <= written.dirty_bytes <= before.dirty <= 4 * MIB
        residency.clean(path)
        [synced] = query(path).files
        assert (synced.dirty_bytes, synced.writeback_bytes) == (0, 0)
        assert synced.resident_bytes == residency.cachestat(path).resident

    def test_count_what_is_in_writeback(self, dirty_file: DirtyFile) -> None:
        with dirty_file.stopped_disk(), dirty_file.path.open("rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)  # starts the writeback
            [found] = query(dirty_file.path).files
            counted = residency.cachestat(dirty_file.path)
        assert (found.resident_bytes, found.dirty_bytes) == (MIB, 0)
        assert found.writeback_bytes == counted.writeback == MIB

    def test_are_not_changed_by_asking(self, ext4: Path, make_file: MakeFile) -> None:
        path = make_file(4 * MIB, "cold", ext4)
        for _ in range(3):
            assert query(path, spans=True).resident_bytes == 0
        assert residency.mincore_bytes(path) == 0

    @pytest.mark.parametrize("file_system", ["ext4", "overlay"], indirect=True)
    def test_leave_the_access_time_as_it_is(
        self, file_system: FileSystem, make_file: MakeFile
    ) -> None:
        path = make_file(PAGE, "warm", file_system.directory)
        os.utime(path, (1000, 2000))  # so old that the next access would set it
        for spans in (False, True):
            assert query(path, spans=spans).resident_bytes == PAGE
        assert path.stat().st_atime == 1000

    def test_are_without_spans_unless_asked(self, make_file: MakeFile) -> None:
        assert query(make_file(MIB)).files[0].spans is None

    def test_count_the_pages_of_a_huge_folio_inside_the_file_only(self, tmpfs: Path) -> None:
        path = tmpfs / "clip"
        with huge_folios(tmpfs.parent), path.open("wb") as file:
            os.pwrite(file.fileno(), b"end", 3 * MIB - 3)
        # The folio of 2 MiB that holds the end reaches 1 MiB beyond it.
        assert residency.cachestat(path).resident == 2 * MIB
        [found] = query(path, spans=True).files
        assert found.resident_bytes == residency.mincore_bytes(path) == MIB
        assert found.spans == spans_by_mincore(path)

    def test_leave_out_what_is_kept_beyond_the_end(self, tmpfs: Path) -> None:
        need("fallocate")
        path = tmpfs / "clip"
        path.write_bytes(b"short")
        subprocess.run(["fallocate", "--keep-size", "--length", "1M", str(path)], check=True)
        assert residency.cachestat(path).resident == MIB
        [found] = query(path, spans=True).files
        assert (found.resident_bytes, found.spans) == (PAGE, ((0, 5),))
        os.truncate(path, 0)
        assert query(path).resident_bytes == 0


class TestRange:
    @pytest.mark.parametrize(
        ("offset", "length", "pages"),
        [
            (0, None, {1, 2, 5, 8}),
            (0, 1, set()),
            (0, PAGE + 1, {1}),
            (PAGE, PAGE, {1}),
            (2 * PAGE - 1, 2, {1, 2}),
            (2 * PAGE, None, {2, 5, 8}),
            (8 * PAGE, None, {8}),
            (8 * PAGE + 5, 1, {8}),
            (8 * PAGE, 1 << 62, {8}),
            (1, (1 << 63) - 2, {1, 2, 5, 8}),
            (8 * PAGE + 9, None, {8}),
            (8 * PAGE + 10, None, set()),  # the end of the file, in the middle of a page
            (9 * PAGE, None, set()),
            (1 << 62, 1 << 62, set()),
        ],
    )
    def test_takes_each_page_that_is_partly_inside(
        self,
        ext4: Path,
        make_file: MakeFile,
        offset: int,
        length: int | None,
        pages: set[int],
    ) -> None:
        path = make_file(8 * PAGE + 10, "cold", ext4)
        read_pages(path, 1, 2, 5, 8)
        assert pages_by_mincore(path) == {1, 2, 5, 8}
        [found] = query(path, offset=offset, length=length, spans=True).files
        assert found.resident_bytes == len(pages) * PAGE
        assert found.size_bytes == 8 * PAGE + 10
        assert found.spans is not None
        inside = {
            page for start, stop in found.spans for page in range(start // PAGE, -(-stop // PAGE))
        }
        assert inside == pages

    def test_is_the_same_on_an_overlay(self, overlay: Path, make_file: MakeFile) -> None:
        path = make_file(8 * PAGE + 10, "cold", overlay)
        read_pages(path, 1, 2, 5, 8)
        [found] = query(path, offset=PAGE + 1, length=PAGE, spans=True).files
        assert found.resident_bytes == 2 * PAGE
        assert found.spans == ((PAGE, 3 * PAGE),)
        assert query(path, offset=1 << 62, length=1 << 62).resident_bytes == 0


PAGES = 64
Range = tuple[int, int]
page_ranges = st.tuples(st.integers(0, PAGES - 1), st.integers(0, PAGES - 1)).map(
    lambda pair: (min(pair), max(pair) + 1)
)


@on_disks
@examples(40)
@given(
    steps=st.lists(st.tuples(st.booleans(), page_ranges), max_size=12),
    asked=st.tuples(st.integers(0, PAGES * PAGE), st.integers(1, PAGES * PAGE)),
)
def test_whatever_is_resident_is_what_is_told(
    file_system: FileSystem, steps: list[tuple[bool, Range]], asked: tuple[int, int]
) -> None:
    path = file_system.directory / "clip"
    if not path.exists():
        residency.dirty(path, PAGES * PAGE - 100)
    residency.cold(path)
    with path.open("rb", buffering=0) as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_RANDOM)
        for is_read, (start, stop) in steps:
            if is_read:
                for page in range(start, stop):
                    os.pread(file.fileno(), 1, page * PAGE)
            else:
                advice = os.POSIX_FADV_DONTNEED
                os.posix_fadvise(file.fileno(), start * PAGE, (stop - start) * PAGE, advice)
    [whole] = query(path, spans=True).files
    assert whole.spans == spans_by_mincore(path)
    assert whole.resident_bytes == residency.mincore_bytes(path)
    assert whole.resident_bytes == residency.cachestat(path).resident
    offset, length = asked
    part = query(path, offset=offset, length=length)
    assert part.resident_bytes == residency.cachestat(path, offset, length).resident


class TestOtherThanFiles:
    def test_descriptors_by_o_path_are_records_with_errors(self, make_file: MakeFile) -> None:
        descriptor = os.open(make_file(PAGE), os.O_PATH)
        try:
            found = query([descriptor], spans=True)
        finally:
            os.close(descriptor)
        [bad] = found.files
        assert "cannot measure: Bad file descriptor" in str(bad.error)
        assert (bad.size_bytes, bad.resident_bytes, bad.spans) == (0, None, None)
        assert (found.unknown_files, len(found.failed)) == (0, 1)
        assert "only their owner" not in str(found)
        assert "cannot measure: Bad file descriptor" in found._repr_html_()

    def test_a_disk_has_a_size_and_places_as_a_file_has(self, ext4: Path) -> None:
        need("root", "the right to mount", "loop devices")
        device = ext4.stat().st_dev
        disk = Path(f"/sys/dev/block/{os.major(device)}:{os.minor(device)}").resolve().name
        with mounts.frozen(ext4):  # or its journal is written meanwhile
            [found] = query(f"/dev/{disk}", spans=True).files
            assert found.resident_bytes == residency.cachestat(f"/dev/{disk}").resident > 0
        assert found.size_bytes == int(Path(f"/sys/block/{disk}/size").read_text()) * 512
        assert found.measured == (0, found.size_bytes)
        assert found.spans is not None
        assert sum(stop - start for start, stop in found.spans) == found.resident_bytes


class TestMap:
    @examples(100)
    @given(st.integers(1, 10**13))
    def test_of_a_resident_file_is_full(self, size: int) -> None:
        assert record(size, size, ((0, size),)).map() == "█" * WIDTH

    @examples(100)
    @given(st.integers(0, 10**13))
    def test_of_a_cold_file_is_empty(self, size: int) -> None:
        assert record(size, 0, ()).map() == "·" * WIDTH

    @examples(100)
    @given(st.integers(1, 10**6), st.integers(1, 100), st.data())
    def test_draws_each_part_as_it_is(self, size: int, width: int, data: st.DataObject) -> None:
        start = data.draw(st.integers(0, size - 1))
        stop = data.draw(st.integers(start + 1, size))
        drawn = record(size, stop - start, ((start, stop),)).map(width)
        assert len(drawn) == width
        for cell, letter in enumerate(drawn):
            # In units of 1 / width byte, so that all values are exact.
            left, right = cell * size, (cell + 1) * size
            covered = min(right, stop * width) - max(left, start * width)
            assert letter == ("█" if covered == size else "░" if covered > 0 else "·")

    @examples(100)
    @given(st.integers(1, 10**6), st.integers(1, 100), st.data())
    def test_draws_nothing_where_nothing_was_asked(
        self, size: int, width: int, data: st.DataObject
    ) -> None:
        start = data.draw(st.integers(0, size))
        stop = data.draw(st.integers(start, size))
        for spans, letters in (((), " ·"), (((0, size),), " █")):
            drawn = record(size, 0, spans, (start, stop)).map(width)
            assert set(drawn) <= set(letters)
            for cell, letter in enumerate(drawn):
                is_asked = max(start * width, cell * size) < min(stop * width, (cell + 1) * size)
                assert (letter != " ") is is_asked

    def test_of_a_range_is_blank_outside_of_it(self, ext4: Path, make_file: MakeFile) -> None:
        path = make_file(40 * PAGE, "cold", ext4)
        read_pages(path, 0, 8, 9)
        [found] = query(path, offset=8 * PAGE + 1, length=4 * PAGE - 1, spans=True).files
        assert found.measured == (8 * PAGE + 1, 12 * PAGE)
        assert found.map() == f"{' ' * 8}██··{' ' * 28}"
        [beyond] = query(path, offset=50 * PAGE, spans=True).files
        assert (beyond.measured, beyond.map()) == ((40 * PAGE, 40 * PAGE), " " * WIDTH)

    def test_is_in_the_repr(self, ext4: Path, make_file: MakeFile) -> None:
        path = make_file(40 * PAGE, "cold", ext4)
        read_pages(path, 0, 1, 39)
        [found] = query(path, spans=True).files
        drawn = f"██{'·' * 37}█"
        assert (
            repr(found) == f"<CacheRecord {str(path)!r}: 12.0 KiB of 160.0 KiB resident |{drawn}|>"
        )

    def test_is_not_drawn_without_spans(self, make_file: MakeFile) -> None:
        path = make_file(PAGE)
        [found] = query(path).files
        assert found.map() == ""
        assert repr(found) == f"<CacheRecord {str(path)!r}: 4.0 KiB of 4.0 KiB resident>"

    def test_of_a_failure_is_its_error(self) -> None:
        [found] = query("/missing").files
        assert repr(found) == "<CacheRecord '/missing': cannot open: No such file or directory>"


class TestReport:
    def test_sums_its_files(self, ext4: Path, make_file: MakeFile) -> None:
        paths = [make_file(2 * MIB + 1, "cold", ext4), make_file(MIB, "warm", ext4)]
        dirty = make_file(MIB, "dirty", ext4)
        before = residency.cachestat(dirty)
        found = query([*paths, dirty])
        after = residency.cachestat(dirty)
        assert found.size_bytes == 4 * MIB + 1
        assert found.resident_bytes == found.known_resident_bytes == 2 * MIB
        # The kernel may begin to write it back at any time.
        assert found.dirty_bytes is not None
        assert after.dirty <= found.dirty_bytes <= before.dirty <= MIB
        assert found.unknown_files == 0

    def test_is_one_line(self, ext4: Path, make_file: MakeFile) -> None:
        paths = [make_file(2 * MIB, "cold", ext4), make_file(MIB, "warm", ext4)]
        assert str(query(paths)) == "1.0 MiB of 3.0 MiB resident (33 %) in 2 files"
        paths.append(make_file(MIB, "dirty", ext4))
        found = query([*paths, "/missing"])
        assert str(found) == (
            "at least 2.0 MiB resident in 4 files; at least 1.0 MiB dirty; "
            "1 file failed: '/missing': cannot open: No such file or directory"
        )
        assert repr(found) == f"<CacheReport: {found}>"

    @pytest.mark.parametrize("size", [1, PAGE, PAGE + 1, 41_060])
    def test_never_says_more_than_100_percent(self, make_file: MakeFile, size: int) -> None:
        found = query(make_file(size))
        pages = as_size(residency.whole_pages(size))
        assert str(found) == f"{pages} of {pages} resident (100 %) in 1 file"
        assert found[0].range_bytes == found.known_range_bytes == residency.whole_pages(size)

    def test_goes_by_the_range(self, ext4: Path, make_file: MakeFile) -> None:
        path = make_file(8 * PAGE, "cold", ext4)
        read_pages(path, 2)
        found = query(path, offset=PAGE + 1, length=2 * PAGE)
        assert str(found) == "4.0 KiB of 12.0 KiB resident (33 %) in 1 file"
        assert query(path, offset=8 * PAGE)[0].range_bytes == 0

    def test_adds_up(self, make_file: MakeFile) -> None:
        first, second = make_file(MIB, "dirty"), make_file(2 * MIB, "dirty")
        left, right = query(first, spans=True), query([second, "/missing"])
        both = left + right
        assert [each.path for each in both.files] == [str(first), str(second), "/missing"]
        assert [each.spans for each in both.files] == [((0, MIB),), None, None]
        assert [each.spans for each in (right + left).files] == [None, None, ((0, MIB),)]
        assert both.known_resident_bytes == 3 * MIB
        assert (len(left.files), len(right.files), len((left + left).files)) == (1, 2, 2)

    def test_adds_to_nothing_else(self) -> None:
        with pytest.raises(TypeError):
            query([]) + 1  # type: ignore[operator]

    @pytest.mark.parametrize(
        "through", [lambda each: pickle.loads(pickle.dumps(each)), copy.copy, copy.deepcopy]
    )
    def test_survives_pickling_and_copying(
        self,
        tmp_path: Path,
        make_file: MakeFile,
        through: Callable[[CacheReport], CacheReport],
    ) -> None:
        (tmp_path / "link").symlink_to("nowhere")
        make_file(3 * PAGE)
        found = query([tmp_path, "/missing"], spans=True) + query(make_file(0))
        again = through(found)
        assert type(again) is CacheReport
        assert again.to_dict() == found.to_dict()
        assert str(again) == str(found)
        assert list(again.skipped) == list(found.skipped) != []
        assert [each.spans for each in again.files] == [((0, 3 * PAGE),), None, None]

    def test_has_records_that_survive_pickling(self, make_file: MakeFile) -> None:
        first, second = query([make_file(3 * PAGE), "/missing"], spans=True).files
        assert pickle.loads(pickle.dumps(first)) == first
        again = pickle.loads(pickle.dumps(second))
        assert isinstance(again.error, FileNotFoundError)
        assert again.to_dict() == second.to_dict()

    def test_is_json(self, ext4: Path, make_file: MakeFile) -> None:
        path = make_file(2 * PAGE, "warm", ext4)
        (ext4 / "link").symlink_to(path)
        found = query([ext4, "/missing"], spans=True)
        assert json.loads(json.dumps(found.to_dict())) == {
            "version": 1,
            "size_bytes": 2 * PAGE,
            "resident_bytes": None,
            "dirty_bytes": None,
            "writeback_bytes": None,
            "evicted_bytes": None,
            "recently_evicted_bytes": None,
            "known_range_bytes": 2 * PAGE,
            "known_resident_bytes": 2 * PAGE,
            "known_dirty_bytes": 0,
            "known_writeback_bytes": 0,
            "known_evicted_bytes": found[0].evicted_bytes,
            "known_recently_evicted_bytes": found[0].recently_evicted_bytes,
            "unknown_files": 0,
            "failed_files": 1,
            "untouched_files": 0,
            "files": [
                {
                    "path": str(path),
                    "error": None,
                    "failed_step": None,
                    "untouched": False,
                    "size_bytes": 2 * PAGE,
                    "measured": [0, 2 * PAGE],
                    "resident_bytes": 2 * PAGE,
                    "dirty_bytes": 0,
                    "writeback_bytes": 0,
                    "evicted_bytes": found[0].evicted_bytes,
                    "recently_evicted_bytes": found[0].recently_evicted_bytes,
                    "source": "cachestat",
                    "unknown": None,
                    "spans": [[0, 2 * PAGE]],
                },
                {
                    "path": "/missing",
                    "error": str(found.files[1].error),
                    "failed_step": "OPEN",
                    "untouched": False,
                    "size_bytes": 0,
                    "measured": [0, 0],
                    "resident_bytes": None,
                    "dirty_bytes": None,
                    "writeback_bytes": None,
                    "evicted_bytes": None,
                    "recently_evicted_bytes": None,
                    "source": None,
                    "unknown": None,
                    "spans": None,
                },
            ],
            "skipped": [{"path": str(ext4 / "link"), "reason": "a symbolic link"}],
        }

    def test_shows_a_bar_a_file_in_notebooks(self, tmp_path: Path, ext4: Path) -> None:
        path = tmp_path / "<b>&.bin"
        path.write_bytes(bytes(MIB))
        shown = query(path)._repr_html_()
        assert "&lt;b&gt;&amp;.bin" in shown
        assert "<b>" not in shown
        assert "█" * WIDTH in shown
        empty = ext4 / "hole"
        with empty.open("wb") as file:
            file.truncate(MIB)
        assert "·" * WIDTH in query(empty)._repr_html_()
        assert f">{'·' * (WIDTH // 4)}<" in query(empty, length=MIB // 4)._repr_html_()

    def test_is_immutable(self, make_file: MakeFile) -> None:
        found = query(make_file(PAGE))
        with pytest.raises(AttributeError):
            found.resident_bytes = 0  # type: ignore[misc]
        with pytest.raises(AttributeError):
            found.files[0].resident_bytes = 0  # type: ignore[misc]


class TestUnknown:
    def test_is_none_in_the_record(self, unknown: CacheReport) -> None:
        [found] = unknown.files
        assert found.error is None
        assert found.size_bytes == MIB
        figures = (found.resident_bytes, found.dirty_bytes, found.writeback_bytes)
        assert figures == (None, None, None)
        assert (found.source, found.spans) == (None, None)
        assert found.unknown is UnknownReason.NOT_PERMITTED

    def test_is_counted_and_makes_sums_none(
        self, unknown: CacheReport, make_file: MakeFile
    ) -> None:
        both = unknown + query(make_file(PAGE))
        assert both.unknown_files == 1
        assert both.resident_bytes is both.dirty_bytes is both.writeback_bytes is None
        assert both.known_resident_bytes == PAGE
        assert both.failed == []

    def test_is_said_and_never_drawn(self, unknown: CacheReport) -> None:
        why = "only its owner or a writer may measure it"
        assert str(unknown) == (
            f"an unknown amount resident in 1 file; 1 file not measured: {unknown[0].path!r}: {why}"
        )
        assert why in repr(unknown[0])
        shown = unknown._repr_html_()
        assert why in shown
        assert "·" not in shown

"""`drop` evicts files and ranges, as far as it is asked to.

Other files test the reasons why pages stay, file systems, and what every verb does.
"""

import os
import sys
from pathlib import Path
from typing import Any

import pytest

from accv_cache import DropCacheStatus, KeptReason, drop
from support import residency
from support.files import MakeFile
from support.items import BAD
from support.residency import (
    PAGE,
    cachestat,
    kept_bytes,
    mincore_spans,
    resident_bytes,
    whole_pages,
)

SUCCESS = DropCacheStatus.SUCCESS
MIB = 1 << 20

pytestmark = pytest.mark.usefixtures("no_leaked_descriptors")


def wrong(argument: object) -> Any:  # noqa: ANN401 - nothing that the type check knows of
    """An argument with its type hidden from the type check."""
    return argument


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
        path = make_file(size, "dirty")
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

    def test_that_comes_twice_counts_once(self, make_file: MakeFile) -> None:
        path = make_file(4 * MIB, "dirty")
        report = drop([path, path])
        assert resident_bytes(path) == 0
        assert report.evicted_bytes == report.files[0].before_bytes
        assert report.resident_bytes == 0


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
        assert [path for path in many[:400] if resident_bytes(path)] == []
        assert [path for path in many[400:] if not kept_bytes(path)] == []

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


class TestRange:
    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        """A dirty file of 64 pages, each in a folio of its own, made by one write per page."""
        with (tmp_path / "small-folios.bin").open("wb", buffering=0) as file:
            for _ in range(64):
                file.write(b"x" * PAGE)
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
        files = [make_file(size, "dirty") for size in (PAGE, 2 * PAGE, 0)]
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
         (-1, ValueError), (1 << 64, ValueError), (1.5, TypeError), (True, TypeError)],
    )  # fmt: skip
    def test_of_no_size_is_refused(self, until: object, error: type[Exception]) -> None:
        with pytest.raises(error, match="until must be"):
            drop([], until=wrong(until))

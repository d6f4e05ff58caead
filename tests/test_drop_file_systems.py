"""One `drop` evicts every page: on every file system, for any reader, in any size."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from accv_cache import DropCacheStatus, KeptReason, drop
from support import mounts, residency
from support.descriptors import scarce_descriptors
from support.files import FileSystem, MakeFile
from support.privileges import as_other_user
from support.residency import (
    PAGE,
    cachestat,
    has_cachestat,
    kept_bytes,
    mincore_spans,
    resident_bytes,
    whole_pages,
)

MIB = 1 << 20
GIB = 1 << 30
ON_DISK = pytest.mark.parametrize(
    "file_system", ["ext4", "xfs", "btrfs", "overlay", "fuse"], indirect=True
)

pytestmark = pytest.mark.usefixtures("no_leaked_descriptors")


def just_written(directory: Path, count: int, size: int = 16 * PAGE) -> list[Path]:
    files = [directory / f"{number:04}.bin" for number in range(count)]
    for path in files:
        path.write_bytes(b"clip" * (size // 4))
    return files


def resident(files: list[Path]) -> list[Path]:
    return [path for path in files if resident_bytes(path)]


class TestFilesJustWritten:
    @ON_DISK
    def test_are_all_gone_after_one_drop(self, file_system: FileSystem) -> None:
        # Every write to this FUSE arrives at its daemon, so its files are never dirty.
        files = just_written(file_system.directory, 200 if file_system.kind == "fuse" else 2000)
        if file_system.kind in ("ext4", "xfs", "btrfs"):
            # At least some of them: with so many files, Btrfs starts writeback early.
            assert any(told.dirty + told.writeback for told in map(cachestat, reversed(files)))
        report = drop(file_system.directory)
        assert resident(files) == []
        assert report.ok
        assert [record.path for record in report.files] == [str(path) for path in files]
        assert report.resident_bytes == 0
        assert report.kept == {}
        assert report.unknown_files == 0
        assert report.evicted_bytes == report.before_bytes
        assert {path.read_bytes() for path in files[::50]} == {b"clip" * (4 * PAGE)}

    @pytest.mark.parametrize("workers", [1, 2, 64])
    @pytest.mark.parametrize("file_system", ["ext4", "btrfs"], indirect=True)
    def test_are_gone_with_any_number_of_workers(
        self, file_system: FileSystem, workers: int
    ) -> None:
        files = just_written(file_system.directory, 300)
        report = drop(files, workers=workers)
        assert resident(files) == []
        assert (report.status, report.resident_bytes) == (DropCacheStatus.SUCCESS, 0)

    @pytest.mark.parametrize("file_system", ["ext4", "xfs", "btrfs"], indirect=True)
    def test_may_stay_without_sync_and_that_is_said(self, file_system: FileSystem) -> None:
        files = just_written(file_system.directory, 50, MIB)
        report = drop(files, sync=False)
        assert report.ok
        # What is written back meanwhile was there when the report was made.
        assert sum(map(resident_bytes, files)) <= sum(report.kept.values())
        assert set(report.kept) <= {KeptReason.DIRTY, KeptReason.WRITEBACK, KeptReason.BUSY}

    def test_are_gone_from_a_copied_up_file_and_from_the_lower_layer(self, overlay: Path) -> None:
        path = overlay.parent / mounts.LOWER_FILE
        residency.warm(path)
        assert drop(path).evicted_bytes == mounts.LOWER_SIZE
        assert resident_bytes(path) == 0
        residency.dirty(path, mounts.LOWER_SIZE)
        assert drop(path).evicted_bytes == mounts.LOWER_SIZE
        assert resident_bytes(path) == 0


@ON_DISK
def test_the_access_time_is_not_that_of_the_drop(file_system: FileSystem) -> None:
    # --until goes by it.
    path = file_system.directory / "clip.mp4"
    path.write_bytes(bytes(PAGE))
    residency.cold(path)
    os.utime(path, (1000, 2000))  # so old that the next access would set it
    drop(path)
    assert path.stat().st_atime == 1000


class TestSomeoneElsesFile:
    @ON_DISK
    @pytest.mark.parametrize("state", ["warm", "dirty"])
    def test_is_evicted_but_not_measured(self, file_system: FileSystem, state: str) -> None:
        files = just_written(file_system.directory, 20)
        if state == "warm":
            for path in files:
                residency.clean(path)
                residency.warm(path)
        report = as_other_user(drop, files)
        assert resident(files) == []
        assert report.status is DropCacheStatus.SUCCESS
        assert report.unknown_files == 20
        assert report.before_bytes is report.resident_bytes is report.evicted_bytes is None
        assert report.known_before_bytes == report.known_resident_bytes == 0
        for record in report.files:
            assert (record.before_bytes, record.after_bytes, record.kept) == (None, None, None)
            assert record.size_bytes == 16 * PAGE
        assert "only its owner or a writer may measure it" in str(report)
        assert "only its owner or a writer may measure" in report.files[0].explain()

    def test_is_measured_by_those_who_may_write_it(self, ext4: Path, make_file: MakeFile) -> None:
        ours, theirs = make_file(MIB, "dirty", ext4), make_file(MIB, "dirty", ext4)
        theirs.chmod(0o666)
        report = as_other_user(drop, [ours, theirs])
        assert resident([ours, theirs]) == []
        assert [record.evicted_bytes for record in report.files] == [None, MIB]
        assert report.evicted_bytes is None
        assert report.known_evicted_bytes == MIB

    def test_is_out_of_reach_without_the_right_to_read(
        self, ext4: Path, make_file: MakeFile
    ) -> None:
        path = make_file(MIB, "warm", ext4)
        path.chmod(0o600)
        [record] = as_other_user(drop, path).files
        assert record.status is DropCacheStatus.FILE_OPEN_FAILED
        assert isinstance(record.error, PermissionError)
        assert kept_bytes(path) == MIB

    def test_may_be_evicted_in_a_range_that_no_file_reaches(
        self, ext4: Path, make_file: MakeFile
    ) -> None:
        path = make_file(96 * MIB, "warm", ext4)
        [record] = as_other_user(drop, path, offset=(1 << 63) - 2).files
        assert record.status is DropCacheStatus.SUCCESS
        assert kept_bytes(path) == 96 * MIB


class TestFewDescriptors:
    @pytest.mark.parametrize("workers", [None, 8])
    # What a walk found is opened below its directory, which takes a descriptor, too.
    @pytest.mark.parametrize("free", [2, 3, 20])
    @pytest.mark.parametrize("file_system", ["ext4", "overlay"], indirect=True)
    def test_are_made_do_with(
        self, file_system: FileSystem, free: int, workers: int | None
    ) -> None:
        files = just_written(file_system.directory, 200)
        with scarce_descriptors(free):
            report = drop(file_system.directory, workers=workers)
        assert report.ok
        assert len(report.files) == 200
        assert resident(files) == []

    def test_are_one_at_least(self, ext4: Path) -> None:
        files = just_written(ext4, 20)
        with scarce_descriptors(0):
            report = drop(files)
        assert {record.status for record in report.files} == {DropCacheStatus.FILE_OPEN_FAILED}
        assert "ulimit" in str(report.files[0].error)
        assert resident(files) == files


def resident_within(path: Path, start: int, stop: int) -> int:
    spans = mincore_spans(path)
    return sum(max(0, min(over, stop) - max(begin, start)) for begin, over in spans)


def in_small_folios(path: Path) -> None:
    """Read the file page by page: without read-ahead each gets a folio of its own."""
    with path.open("rb", buffering=0) as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_RANDOM)
        while file.read(PAGE):
            pass


class TestOneLargeFile:
    """The kernel may reclaim some of many pages: what is evicted is exact, what stays is not."""

    SIZE = 96 * MIB + 12345
    RECLAIM = 2 * MIB
    """A reclaimer of the system may hold some pages for a moment; a bad seam would leave more."""

    @pytest.fixture(params=["ext4", "xfs"])
    def path(self, request: pytest.FixtureRequest, mounted: Callable[[str], Path]) -> Path:
        """A sparse file that is large enough to split; reading it needs no disk."""
        path = mounted(request.param) / "large.bin"
        with path.open("wb") as file:
            file.truncate(self.SIZE)
        return path

    @pytest.mark.parametrize("workers", [None, 1, 2, 8])
    @pytest.mark.parametrize("read", [in_small_folios, residency.warm])
    def test_is_gone_to_its_last_page(
        self, path: Path, read: Callable[[Path], None], workers: int | None
    ) -> None:
        read(path)
        warm = resident_bytes(path)
        report = drop(path, workers=workers)
        assert resident_bytes(path) <= report.known_resident_bytes < self.RECLAIM
        assert self.SIZE // 2 < report.known_evicted_bytes <= warm <= whole_pages(self.SIZE)

    @pytest.mark.parametrize("workers", [None, 2, 8])
    @pytest.mark.parametrize(
        ("first", "last"), [(0, 20_000), (3, 20_001), (1023, 24_000), (511, None)]
    )
    def test_is_gone_in_its_range_and_nowhere_else(
        self, path: Path, workers: int | None, first: int, last: int | None
    ) -> None:
        in_small_folios(path)
        start = first * PAGE
        stop = whole_pages(self.SIZE) if last is None else last * PAGE
        warm_inside, warm = resident_within(path, start, stop), resident_bytes(path)
        length = None if last is None else stop - start
        report = drop(path, offset=start, length=length, workers=workers)
        assert resident_within(path, start, stop) <= report.known_resident_bytes < self.RECLAIM
        assert (stop - start) // 2 < report.known_evicted_bytes <= warm_inside
        assert resident_bytes(path) >= (warm - warm_inside) // 2

    @pytest.mark.parametrize("workers", [None, 2, 8])
    def test_keeps_at_the_edges_of_a_range_alone(self, path: Path, workers: int | None) -> None:
        residency.warm(path)
        start, stop = 1 * MIB + PAGE, 95 * MIB - PAGE
        report = drop(path, offset=start, length=stop - start, workers=workers)
        # A folio has 2 MiB at the most.
        assert resident_within(path, start + 2 * MIB, stop - 2 * MIB) == 0
        assert report.known_resident_bytes >= resident_within(path, start, stop)
        assert set(report.kept) <= {KeptReason.EDGE}

    def test_just_written_is_gone_too(self, xfs: Path, make_file: MakeFile) -> None:
        path = make_file(self.SIZE, "dirty", xfs)
        assert drop(path, workers=8).resident_bytes == 0
        assert mincore_spans(path) == []

    def test_is_gone_though_one_worker_takes_it_in_pieces(self, xfs: Path) -> None:
        path = xfs / "very-large.bin"
        with path.open("wb") as file:
            file.truncate(GIB + 128 * MIB + 1)
        residency.warm(path)
        warm, behind = resident_bytes(path), resident_within(path, GIB, GIB + 128 * MIB)
        report = drop(path, workers=1)
        assert resident_bytes(path) <= report.known_resident_bytes < self.RECLAIM < behind
        assert GIB // 2 < report.known_evicted_bytes <= warm


def test_a_sparse_file_is_measured_without_being_read(ext4: Path) -> None:
    path = ext4 / "sparse.bin"
    with path.open("wb") as file:
        file.truncate(1 << 40)
        file.seek(1 << 39)
        file.write(b"x" * PAGE)
    [record] = drop(path).files
    assert record.size_bytes == 1 << 40
    assert (record.before_bytes, record.after_bytes) == (PAGE, 0)
    if has_cachestat():
        assert cachestat(path).resident == 0

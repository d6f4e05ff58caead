"""Every reason of a drop for what stayed is produced for real, and is correct."""

import fcntl
import os
import struct
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

import pytest

from accv_cache import DropCacheStatus, DropReport, KeptReason, drop
from support import mounts, residency
from support.files import DirtyFile, FileSystem, MakeFile
from support.needs import require
from support.privileges import as_other_user
from support.residency import PAGE, cachestat, mincore_spans, resident_bytes

MIB = 1 << 20
ON_DISK = pytest.mark.parametrize(
    "file_system", ["ext4", "xfs", "btrfs", "overlay", "fuse"], indirect=True
)

_EXT4_IOC_SHUTDOWN = 0x8004587D  # linux/ext4.h, since Linux 4.11
_NO_LOG_FLUSH = 2

pytestmark = pytest.mark.usefixtures("no_leaked_descriptors")


def kept_for(report: DropReport, reason: KeptReason) -> int:
    """The kept bytes in a report on one file that has only this reason."""
    [record] = report.files
    assert record.status is DropCacheStatus.SUCCESS
    assert set(report.kept) == {reason}
    assert record.kept == report.kept
    assert record.after_bytes == report.resident_bytes == report.kept[reason]
    assert reason.value in str(report)
    assert reason.value in record.explain()
    return report.kept[reason]


@pytest.fixture
def dead_ext4(tmp_path: Path) -> Iterator[tuple[int, Callable[[], None]]]:
    """An open dirty file of 1 MiB, and how to stop all writes of its file system."""
    with ExitStack() as stack:
        root = stack.enter_context(mounts.ext4(tmp_path))
        residency.dirty(root / "clip", MIB)
        file = stack.enter_context((root / "clip").open("rb"))

        def shut_down() -> None:
            fcntl.ioctl(file.fileno(), _EXT4_IOC_SHUTDOWN, struct.pack("I", _NO_LOG_FLUSH))

        yield file.fileno(), shut_down


class TestDirty:
    def test_is_what_is_not_written_back(self, dead_ext4: tuple[int, Callable[[], None]]) -> None:
        descriptor, shut_down = dead_ext4
        shut_down()
        report = drop(descriptor, sync=False)
        told = cachestat(descriptor)
        assert (told.resident, told.dirty, told.writeback) == (MIB, MIB, 0)
        assert kept_for(report, KeptReason.DIRTY) == MIB

    def test_that_cannot_be_written_back_is_an_error_with_sync(
        self, dead_ext4: tuple[int, Callable[[], None]]
    ) -> None:
        descriptor, shut_down = dead_ext4
        shut_down()
        report = drop(descriptor)
        assert cachestat(descriptor).dirty == MIB
        [record] = report.files
        assert record.status is DropCacheStatus.UNKNOWN_ERROR
        assert record.error is not None
        assert "cannot write back" in str(record.error)
        assert record.after_bytes == MIB
        assert record.kept == {KeptReason.DIRTY: MIB}
        with pytest.raises(OSError, match="cannot write back"):
            report.raise_for_status()


class TestWriteback:
    def test_is_what_the_disk_has_not_taken_yet(self, dirty_file: DirtyFile) -> None:
        with dirty_file.stopped_disk():
            report = drop(dirty_file.path, sync=False)
            told = cachestat(dirty_file.path)
        assert (told.resident, told.dirty, told.writeback) == (MIB, 0, MIB)
        assert kept_for(report, KeptReason.WRITEBACK) == MIB

    def test_is_awaited_with_sync(self, dirty_file: DirtyFile) -> None:
        with dirty_file.stopped_disk():
            drop(dirty_file.path, sync=False)
        assert drop(dirty_file.path).resident_bytes == 0
        assert resident_bytes(dirty_file.path) == 0


class TestMapped:
    @ON_DISK
    @pytest.mark.parametrize(
        "hold", [residency.mapped, residency.mapped_elsewhere, residency.mlocked]
    )
    def test_is_what_a_process_has_touched(
        self,
        file_system: FileSystem,
        make_file: MakeFile,
        hold: Callable[[Path], AbstractContextManager[int | None]],
    ) -> None:
        path = make_file(MIB, "warm", file_system.directory)
        with hold(path) as elsewhere:
            report = drop(path)
            assert resident_bytes(path) == MIB
            explanation = report.explain()
        assert kept_for(report, KeptReason.MAPPED) == MIB
        holder = elsewhere if isinstance(elsewhere, int) else os.getpid()
        assert f"process {holder} (" in explanation
        assert "has 1.0 MiB mapped" in explanation

    def test_by_several_names_them_all(self, make_file: MakeFile) -> None:
        path = make_file(MIB)
        with residency.mapped(path), residency.mapped_elsewhere(path) as elsewhere:
            report = drop(path)
            assert resident_bytes(path) == MIB
            explanation = report.explain()
        assert kept_for(report, KeptReason.MAPPED) == MIB
        for holder in (os.getpid(), elsewhere):
            assert f"{path}: process {holder} (" in explanation

    def test_leaves_out_files_that_nobody_maps(self, make_file: MakeFile) -> None:
        held, free = make_file(MIB), make_file(MIB)
        with residency.mapped_elsewhere(held):
            report = drop([held, free])
            assert (resident_bytes(held), resident_bytes(free)) == (MIB, 0)
            explanation = report.explain()
        assert [record.kept for record in report.files] == [{KeptReason.MAPPED: MIB}, {}]
        assert report.kept == {KeptReason.MAPPED: MIB}
        assert str(held) in explanation
        assert str(free) not in explanation

    def test_takes_precedence_over_what_looks_like_a_folio_at_an_edge(
        self, make_file: MakeFile
    ) -> None:
        path = make_file(8 * MIB)
        with residency.mapped_elsewhere(path):
            [record] = drop(path, offset=MIB + 1, length=6 * MIB).files
        # The page that the range cuts stays whether or not a process maps it, at either end.
        assert record.kept == {KeptReason.EDGE: 2 * PAGE, KeptReason.MAPPED: 6 * MIB - PAGE}

    def test_is_not_looked_for_where_the_edge_explains_what_stays(
        self, make_file: MakeFile
    ) -> None:
        # A program that repeatedly drops what it just read has such an edge every time. A scan of
        # all processes for it would cost milliseconds per call.
        path = make_file(MIB)
        with residency.mapped_elsewhere(path):
            [record] = drop(path, length=MIB // 2).files
        assert record.kept == {KeptReason.EDGE: MIB // 2}

    def test_goes_with_the_mapping(self, make_file: MakeFile) -> None:
        path = make_file(MIB)
        with residency.mapped(path):
            assert drop(path).resident_bytes == MIB
        assert drop(path).resident_bytes == 0
        assert resident_bytes(path) == 0

    def test_by_one_that_may_not_be_looked_into_is_busy(
        self, ext4: Path, make_file: MakeFile
    ) -> None:
        path = make_file(MIB, "warm", ext4)
        path.chmod(0o666)
        with residency.mapped_elsewhere(path):  # by root
            report = as_other_user(drop, path)
            explanation = as_other_user(report.explain)
            assert resident_bytes(path) == MIB
        assert kept_for(report, KeptReason.BUSY) == MIB
        assert "could not look into" in explanation


class TestBusy:
    @contextmanager
    def _spliced(self, path: Path) -> Iterator[int]:
        """Hold the file's first pages in a pipe."""
        reader, writer = os.pipe()
        with path.open("rb") as file, os.fdopen(reader, "rb"), os.fdopen(writer, "wb"):
            yield os.splice(file.fileno(), writer, 4 * PAGE)

    def test_is_what_the_kernel_holds(self, make_file: MakeFile) -> None:
        path = make_file(MIB)
        with self._spliced(path) as held:
            report = drop(path)
            left = resident_bytes(path)
            explanation = report.explain()
        # The pipe holds whole folios, of which it uses a part.
        assert 0 < held <= left
        assert kept_for(report, KeptReason.BUSY) == left
        assert f"process {os.getpid()} (" in explanation
        assert "has it open" in explanation
        assert drop(path).resident_bytes == 0


class TestMemoryFilesystem:
    @pytest.mark.parametrize("sync", [True, False])
    def test_is_where_the_page_cache_is_the_only_copy(
        self, tmpfs: Path, make_file: MakeFile, *, sync: bool
    ) -> None:
        path = make_file(MIB, "dirty", tmpfs)
        report = drop(path, sync=sync)
        assert resident_bytes(path) == MIB
        assert kept_for(report, KeptReason.MEMORY_FILESYSTEM) == MIB

    def test_keeps_its_reason_where_a_process_maps_it(
        self, tmpfs: Path, make_file: MakeFile
    ) -> None:
        path = make_file(MIB, "dirty", tmpfs)
        with residency.mapped(path):
            report = drop(path, offset=1, length=PAGE)
            assert resident_bytes(path) == MIB
        assert kept_for(report, KeptReason.MEMORY_FILESYSTEM) == 2 * PAGE

    def test_may_have_no_file_name(self) -> None:
        descriptor = os.memfd_create("clip")
        try:
            os.write(descriptor, bytes(2 * PAGE))
            report = drop(descriptor)
            assert cachestat(descriptor).resident == 2 * PAGE
        finally:
            os.close(descriptor)
        assert kept_for(report, KeptReason.MEMORY_FILESYSTEM) == 2 * PAGE


def resident_within(path: Path, start: int, stop: int) -> int:
    """The resident bytes of `path` in the pages that a range touches."""
    start, stop = start // PAGE * PAGE, residency.whole_pages(stop)
    spans = mincore_spans(path)
    return sum(max(0, min(last, stop) - max(first, start)) for first, last in spans)


class TestEdge:
    @ON_DISK
    def test_is_a_page_that_the_range_cuts(self, file_system: FileSystem) -> None:
        path = file_system.directory / "small-folios.bin"
        with path.open("wb", buffering=0) as file:
            for _ in range(64):
                file.write(b"x" * PAGE)
        residency.cold(path)
        with path.open("rb", buffering=0) as file:
            # Without read-ahead every page is read alone, into a folio of its own.
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_RANDOM)
            while file.read(PAGE):
                pass
        report = drop(path, offset=8 * PAGE + 1, length=8 * PAGE)
        assert mincore_spans(path) == [(0, 9 * PAGE), (16 * PAGE, 64 * PAGE)]
        assert kept_for(report, KeptReason.EDGE) == 2 * PAGE

    def test_is_a_large_folio_that_the_range_cuts(self, xfs: Path, make_file: MakeFile) -> None:
        path = make_file(4 * MIB, "warm", xfs)
        report = drop(path, offset=PAGE)
        left = mincore_spans(path)
        require(left != [(0, PAGE)], "needs a kernel with large folios on XFS")
        [(start, stop)] = left
        assert start == 0
        assert stop & (stop - 1) == 0, "a folio is a power of two of pages"
        assert kept_for(report, KeptReason.EDGE) == stop - PAGE

    @pytest.mark.parametrize(
        ("offset", "length"),
        [(PAGE, None), (0, PAGE), (7 * PAGE + 5, MIB), (MIB, MIB), (3 * MIB - 1, 2)],
    )
    @pytest.mark.parametrize("file_system", ["ext4", "xfs", "btrfs"], indirect=True)
    def test_is_all_that_stays_in_the_range(
        self, file_system: FileSystem, make_file: MakeFile, offset: int, length: int | None
    ) -> None:
        path = make_file(4 * MIB, "warm", file_system.directory)
        report = drop(path, offset=offset, length=length)
        left = resident_within(path, offset, offset + (length or 4 * MIB))
        assert report.kept.get(KeptReason.EDGE, 0) == report.resident_bytes == left
        assert set(report.kept) <= {KeptReason.EDGE}

    def test_is_no_edge_where_the_range_ends_with_the_file(self, make_file: MakeFile) -> None:
        path = make_file(MIB + 5)
        report = drop(path, length=MIB + 5)
        assert (report.resident_bytes, report.kept) == (0, {})
        assert resident_bytes(path) == 0


class TestReasons:
    def test_add_up_to_what_stayed(self, tmpfs: Path, make_file: MakeFile, tmp_path: Path) -> None:
        mapped, in_memory = make_file(MIB), make_file(2 * MIB, "dirty", tmpfs)
        gone, missing = make_file(4 * MIB, "dirty"), tmp_path / "missing"
        with residency.mapped_elsewhere(mapped):
            report = drop([mapped, in_memory, gone, missing])
            stayed = [resident_bytes(path) for path in (mapped, in_memory, gone)]
        assert stayed == [MIB, 2 * MIB, 0]
        assert report.kept == {KeptReason.MAPPED: MIB, KeptReason.MEMORY_FILESYSTEM: 2 * MIB}
        assert report.known_before_bytes == 7 * MIB
        assert report.known_resident_bytes == 3 * MIB
        assert report.known_evicted_bytes == 4 * MIB
        assert [record.after_bytes for record in report.files] == [*stayed, None]

    def test_are_none_where_nothing_stayed(self, make_file: MakeFile) -> None:
        path = make_file(MIB)
        report = drop(path)
        assert resident_bytes(path) == 0
        assert report.kept == {}
        assert report.explain() == report.files[0].explain() == "nothing stayed"

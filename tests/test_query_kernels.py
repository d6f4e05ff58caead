"""`query` where the kernel, or a seccomp filter, has no cachestat(2): mincore, or None."""

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from accv_cache import (
    CacheRecord,
    CacheReport,
    DropReport,
    ResidencySource,
    UnknownReason,
    drop,
    query,
)
from support import residency, seccomp
from support.files import FileSystem, MakeFile
from support.forks import in_fork
from support.needs import need, require
from support.privileges import as_other_user, give_to_other_user
from support.residency import PAGE

MIB = 1024 * 1024

without_cachestat = pytest.mark.parametrize(
    "refusal", [errno.ENOSYS, errno.EPERM], ids=errno.errorcode.get
)
other_file_systems = pytest.mark.parametrize(
    "file_system", ["ext4", "tmpfs", "overlay", "fuse"], indirect=True
)


def query_without_cachestat(refusal: int, *paths: Path) -> CacheReport:
    """What a process of another user gets, behind a filter."""
    seccomp.need_filter()

    def measure() -> CacheReport:
        seccomp.refuse("cachestat", refusal)
        with pytest.raises(OSError, match="cachestat") as caught:
            residency.cachestat(paths[0])
        assert caught.value.errno == refusal
        return query(paths, spans=True)

    return as_other_user(measure)


def own(path: Path, mode: int = 0o400) -> Path:
    """Give the file to the user that the child becomes."""
    give_to_other_user(path)
    path.chmod(mode)
    return path


@without_cachestat
class TestWithoutCachestat:
    @other_file_systems
    def test_mincore_tells_of_ones_own_file(
        self, file_system: FileSystem, make_file: MakeFile, refusal: int
    ) -> None:
        path = own(make_file(4 * MIB, "warm", file_system.directory))
        residency.warm(path)
        if file_system.kind != "tmpfs":
            with path.open("rb") as file:
                os.posix_fadvise(file.fileno(), 2 * MIB, 2 * MIB, os.POSIX_FADV_DONTNEED)
        with residency.resident_locked(path) as expected:
            [found] = query_without_cachestat(refusal, path).files
        assert found == CacheRecord(
            path=str(path),
            error=None,
            size_bytes=4 * MIB,
            measured=(0, 4 * MIB),
            resident_bytes=sum(stop - start for start, stop in expected),
            dirty_bytes=None,
            writeback_bytes=None,
            source=ResidencySource.MINCORE,
            spans=tuple(expected),
        )

    def test_mincore_tells_of_a_cold_and_an_empty_file(
        self, ext4: Path, make_file: MakeFile, refusal: int
    ) -> None:
        paths = [own(make_file(size, "cold", ext4)) for size in (MIB, 0)]
        found = query_without_cachestat(refusal, *paths)
        assert [each.resident_bytes for each in found.files] == [0, 0]
        assert [each.spans for each in found.files] == [(), ()]
        assert found.unknown_files == 0

    def test_mincore_tells_who_may_write(
        self, ext4: Path, make_file: MakeFile, refusal: int
    ) -> None:
        path = make_file(MIB, "dirty", ext4)
        path.chmod(0o666)
        [found] = query_without_cachestat(refusal, path).files
        assert (found.resident_bytes, found.source) == (MIB, ResidencySource.MINCORE)

    @other_file_systems
    @pytest.mark.parametrize("size", [0, MIB])
    def test_nobody_tells_of_the_files_of_others(
        self, file_system: FileSystem, make_file: MakeFile, refusal: int, size: int
    ) -> None:
        path = make_file(size, "warm", file_system.directory)
        [found] = query_without_cachestat(refusal, path).files
        assert (found.error, found.resident_bytes, found.source, found.spans) == (None,) * 4
        assert found.size_bytes == size

    def test_what_is_dirty_is_unknown_and_what_is_resident_is_not(
        self, ext4: Path, make_file: MakeFile, refusal: int
    ) -> None:
        path = own(make_file(MIB, "dirty", ext4))
        found = query_without_cachestat(refusal, path)
        assert (found.resident_bytes, found.unknown_files) == (MIB, 0)
        assert found.dirty_bytes is found.writeback_bytes is None
        assert str(found) == "1.0 MiB of 1.0 MiB resident (100 %) in 1 file"

    def test_the_cache_of_a_disk_is_unknown(self, ext4: Path, refusal: int) -> None:
        need("root", "the right to mount", "loop devices")
        device = ext4.stat().st_dev
        name = Path(f"/sys/dev/block/{os.major(device)}:{os.minor(device)}").resolve().name
        disk = Path("/dev", name)
        before = disk.stat()
        own(disk)
        try:
            [found] = query_without_cachestat(refusal, disk).files
        finally:
            os.chown(disk, before.st_uid, before.st_gid)
            disk.chmod(before.st_mode & 0o777)
        assert residency.cachestat(disk).resident > 0
        assert (found.error, found.resident_bytes, found.source, found.spans) == (None,) * 4


class TestWithoutStatfs:
    def test_an_overlay_is_not_told_as_cold(self, overlay: Path, make_file: MakeFile) -> None:
        path = own(make_file(MIB, "dirty", overlay))
        residency.warm(path)
        seccomp.need_filter()

        def measure() -> CacheReport:
            seccomp.refuse("fstatfs", errno.EPERM)
            return query(path, spans=True)

        [found] = as_other_user(measure).files
        assert (found.resident_bytes, found.spans) == (MIB, ((0, MIB),))
        assert found.source is ResidencySource.MINCORE


class TestHugePages:
    @pytest.mark.parametrize("refusal", [None, errno.ENOSYS], ids=["cachestat", "mincore"])
    @pytest.mark.parametrize("verb", [query, drop])
    def test_are_told_as_what_cannot_be_measured(
        self, verb: Callable[[int], CacheReport | DropReport], refusal: int | None
    ) -> None:
        try:
            descriptor = os.memfd_create("clip", os.MFD_HUGETLB)
        except OSError:
            require(None, "needs a kernel with huge pages")
        if refusal is not None:
            seccomp.need_filter()

        def measure() -> CacheReport | DropReport:
            if refusal is not None:
                seccomp.refuse("cachestat", refusal)
            return verb(descriptor)

        try:
            report = in_fork(measure)
        finally:
            os.close(descriptor)
        assert report[0].unknown is UnknownReason.NOT_SUPPORTED
        assert report.resident_bytes is None
        # Not a word of its owner, who is the one that asks.
        assert "its file system cannot be measured" in str(report)
        assert "owner" not in str(report)


class TestWithCachestat:
    def test_a_file_of_others_does_not_make_it_seem_missing(
        self, ext4: Path, make_file: MakeFile
    ) -> None:
        need("cachestat(2) of Linux 6.5")
        paths = [make_file(MIB, "warm", ext4), own(make_file(MIB + PAGE, "dirty", ext4))]
        foreign, mine = as_other_user(query, [*paths, paths[0]]).files[:2]
        assert (foreign.resident_bytes, foreign.source) == (None, None)
        assert (mine.resident_bytes, mine.source) == (MIB + PAGE, ResidencySource.CACHESTAT)

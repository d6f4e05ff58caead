"""On any failure `drop` loses no data and touches no other file."""

import errno
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from accv_cache import DropCacheStatus, drop, drop_videos_cache
from support import mounts, residency, seccomp
from support.files import MakeFile
from support.forks import in_fork
from support.residency import PAGE, cachestat, kept_bytes, resident_bytes

MIB = 1 << 20
CLIPS = 12


pytestmark = pytest.mark.usefixtures("no_leaked_descriptors")


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[Path]:
    """An ext4 whose disk has room for only some of the clips."""
    with mounts.full_ext4(tmp_path, room=CLIPS // 2 * MIB) as root:
        yield root


def write_clips(root: Path) -> list[Path]:
    paths = [root / f"clip-{number:02}.mp4" for number in range(CLIPS)]
    for path in paths:
        path.write_bytes(path.name.encode() * (MIB // len(path.name)))
    return paths


def readable(paths: list[Path]) -> list[Path]:
    return [path for path in paths if path.read_bytes().startswith(path.name.encode())]


class TestFailedWriteback:
    def test_in_the_drop_loses_nothing(self, full_disk: Path) -> None:
        paths = write_clips(full_disk)
        report = drop(paths)
        assert readable(paths) == paths
        assert report.failed
        for record in report.failed:
            assert record.status is DropCacheStatus.UNKNOWN_ERROR
            assert record.error is not None
            assert record.error.errno in {errno.EIO, errno.ENOSPC}
            assert record.after_bytes == MIB

    def test_before_the_drop_loses_nothing(self, full_disk: Path) -> None:
        paths = write_clips(full_disk)
        # Writes everything back; the next opener of each file gets its error.
        residency.write_back(full_disk)
        assert all(cachestat(path).dirty == 0 for path in paths)
        report = drop(paths)
        assert readable(paths) == paths
        assert report.failed

    def test_that_another_name_of_the_file_met_loses_nothing(self, full_disk: Path) -> None:
        paths = write_clips(full_disk)
        residency.write_back(full_disk)
        report = drop([path for path in paths for _ in range(2)])
        assert readable(paths) == paths
        assert report.failed

    @pytest.mark.parametrize("workers", [1, 8])
    def test_stops_a_drop_that_fails_fast(self, full_disk: Path, workers: int) -> None:
        paths = write_clips(full_disk)
        report = drop(paths, fail_fast=True, workers=workers)
        assert report.status is DropCacheStatus.UNKNOWN_ERROR
        before, behind = paths[: len(report.files) - 1], paths[len(report.files) - 1 :]
        assert [path for path in before if resident_bytes(path)] == []
        assert [resident_bytes(path) for path in behind] == [MIB] * len(behind)
        assert readable(behind) == behind


def refuse_sync_file_range(directory: Path, refusal: int) -> None:
    seccomp.refuse("sync_file_range", refusal)
    path = directory / "clip.mp4"
    residency.dirty(path, MIB)
    assert drop(path).ok
    assert resident_bytes(path) == 0


@pytest.mark.parametrize("refusal", [errno.ENOSYS, errno.EPERM], ids=errno.errorcode.get)
def test_a_sandbox_without_sync_file_range_writes_back(ext4: Path, refusal: int) -> None:
    seccomp.need_filter()
    in_fork(refuse_sync_file_range, ext4, refusal)


def test_a_volatile_overlay_is_written_back(ext4: Path) -> None:
    with mounts.volatile_overlay(ext4) as root:
        path = root / "clip.mp4"
        # So much that writeback, which the first advice starts, is not over at the second.
        residency.dirty(path, 64 * MIB)
        assert (drop(path).resident_bytes, resident_bytes(path)) == (0, 0)


@pytest.mark.parametrize("workers", [1, 8])
@pytest.mark.parametrize("kind", ["named", "closed", "fifo"])
def test_no_file_behind_a_useless_descriptor_is_evicted(
    ext4: Path, make_file: MakeFile, workers: int, kind: str
) -> None:
    before, behind = ([make_file(PAGE, "warm", ext4) for _ in range(100)] for _ in range(2))
    ends = os.pipe()
    useless = {
        "named": os.open(before[0], os.O_PATH),
        "closed": os.dup(ends[0]),
        "fifo": ends[0],
    }
    try:
        os.close(useless["closed"])
        paths: list[Path | int] = [*before, useless[kind], *behind]
        report = drop(paths, sync=False, fail_fast=True, workers=workers)
        assert report.status is DropCacheStatus.FADVISE_FAILED
        assert len(report.files) == len(before) + 1
        assert [path for path in behind if kept_bytes(path) != PAGE] == []
    finally:
        for fd in (*ends, useless["named"]):
            os.close(fd)


def test_a_descriptor_that_became_another_file_evicts_nothing(
    ext4: Path, make_file: MakeFile
) -> None:
    lent = os.open(make_file(PAGE, "dirty", ext4), os.O_RDONLY)
    stranger = make_file(PAGE, "warm", ext4)
    other = os.open(stranger, os.O_RDONLY)
    try:
        # Called before any file is touched.
        report = drop(lent, sync=False, progress=lambda *_: os.dup2(other, lent))
        assert report.status is DropCacheStatus.FADVISE_FAILED
        assert report.files[0].error is not None
        assert report.files[0].error.errno == errno.EBADF
        assert kept_bytes(stranger) == PAGE
    finally:
        os.close(lent)
        os.close(other)


WRITER = """
import sys
with open(sys.argv[1], "wb", buffering=0) as fifo:
    fifo.write(b"clip")
"""


def drop_one(path: Path) -> DropCacheStatus | None:
    return drop(path).status


@pytest.mark.parametrize("call", [drop_one, lambda path: drop_videos_cache([path])])
def test_the_writer_of_a_fifo_goes_on_waiting(
    tmp_path: Path, call: Callable[[Path], DropCacheStatus | None]
) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    with subprocess.Popen([sys.executable, "-c", WRITER, str(fifo)]) as writer:
        wait_until_it_sleeps_in_open(writer.pid)
        assert call(fifo) is DropCacheStatus.FADVISE_FAILED
        assert fifo.read_bytes() == b"clip"
        assert writer.wait() == 0


def wait_until_it_sleeps_in_open(process: int) -> None:
    """Wait for the process's openat of the FIFO, which has no reader."""
    numbers = {"257", "56"}  # openat on x86_64, on aarch64
    needed = f"{os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC:#x}"
    while True:
        call = Path(f"/proc/{process}/syscall").read_text().split()
        if call[0] in numbers and call[3] == needed:
            return
        os.sched_yield()


def test_a_socket_cannot_be_opened(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    with socket.socket(socket.AF_UNIX) as server:
        place = os.open(tmp_path, os.O_RDONLY)
        server.bind(f"/proc/self/fd/{place}/socket")  # bind(2) takes no long path
        os.close(place)
        assert drop(path).status is DropCacheStatus.FILE_OPEN_FAILED
        assert drop_videos_cache([path]) is DropCacheStatus.FILE_OPEN_FAILED

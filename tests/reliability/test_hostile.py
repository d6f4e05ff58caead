"""Hostile trees and names: nothing hangs, no file is missed, none is touched twice."""

import os
import select
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from accv_cache import DropCacheStatus, DropReport, drop, drop_videos_cache, query
from support.forks import FOR_EVER
from support.residency import PAGE, resident_bytes

pytestmark = pytest.mark.usefixtures("no_leaked_descriptors")


def names_of(report: DropReport) -> list[bytes]:
    return sorted(os.fsencode(record.path) for record in report.files)


def write(path: bytes) -> bytes:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        os.write(descriptor, b"hostile")
    finally:
        os.close(descriptor)
    return path


def is_resident(path: bytes) -> bool:
    return resident_bytes(Path(os.fsdecode(path))) > 0


class TestNames:
    def test_may_hold_every_byte(self, ext4: Path) -> None:
        bytes_of_names = [bytes([each]) for each in range(1, 256) if each not in b"/."]
        whole = b"".join(bytes_of_names)[:255]
        files = [
            write(os.fsencode(ext4) + b"/" + name)
            for name in (*bytes_of_names, whole, b"a\nb", b"\xff\xfe", b"-rf", b" ", b"~", b"*")
        ]
        report = drop(ext4)
        assert names_of(report) == sorted(set(files))
        assert report.ok
        assert not any(map(is_resident, files))
        assert drop_videos_cache(files) is DropCacheStatus.SUCCESS
        assert [os.fsencode(each.path) for each in query(files).files] == files
        str(report), repr(report), report.failed

    def test_may_be_as_long_as_the_kernel_takes_them(self, ext4: Path) -> None:
        longest = write(os.fsencode(ext4) + b"/" + b"n" * 255)
        assert drop(longest).ok
        too_long = longest + b"n"
        [record] = drop(too_long).files
        assert record.status is DropCacheStatus.FILE_OPEN_FAILED
        assert drop_videos_cache([longest, too_long]) is DropCacheStatus.FILE_OPEN_FAILED


class TestTrees:
    def test_of_ten_thousand_entries_are_taken_whole(self, ext4: Path) -> None:
        files = [write(os.fsencode(ext4 / f"{number:05}")) for number in range(10_000)]
        report = drop(ext4)
        assert names_of(report) == files
        assert report.ok
        assert not any(map(is_resident, files[::100]))

    def test_deeper_than_a_path_can_be_are_told(self, ext4: Path) -> None:
        # Each directory is made from the one above: the lowest is too deep for a path.
        step, depth = b"d" * 250, 40
        folder = os.open(ext4, os.O_RDONLY | os.O_DIRECTORY)
        for _ in range(depth):
            os.mkdir(step, dir_fd=folder)
            below = os.open(step, os.O_RDONLY | os.O_DIRECTORY, dir_fd=folder)
            os.close(folder)
            folder = below
            os.close(os.open(b"file", os.O_WRONLY | os.O_CREAT, 0o644, dir_fd=folder))
        os.close(folder)
        report = drop(ext4)
        reached = [each for each in report.files if each.error is None]
        assert len(reached) >= 4096 // 251 - 1
        # What could not be reached is reported.
        assert len(reached) == depth or not report.ok

    def test_with_links_in_circles_end(self, ext4: Path) -> None:
        (ext4 / "a" / "b").mkdir(parents=True)
        file = write(os.fsencode(ext4 / "a" / "file"))
        (ext4 / "a" / "b" / "up").symlink_to(ext4)
        (ext4 / "self").symlink_to("self")
        (ext4 / "there").symlink_to("back")
        (ext4 / "back").symlink_to("there")
        (ext4 / "a" / "other name").hardlink_to(Path(os.fsdecode(file)))
        assert names_of(drop(ext4)) == [file]
        followed = drop(ext4, follow_symlinks=True)
        assert [each.path for each in followed.files if each.error is None] == [os.fsdecode(file)]
        [record] = drop(ext4 / "self").files
        assert record.status is DropCacheStatus.FILE_OPEN_FAILED

    def test_without_right_to_list_or_full_of_what_is_no_file(self, ext4: Path) -> None:
        file = write(os.fsencode(ext4 / "file"))
        os.mkfifo(ext4 / "fifo")
        os.mknod(ext4 / "socket", stat.S_IFSOCK | 0o600)  # bind(2) takes no long path
        os.mknod(ext4 / "null", stat.S_IFCHR | 0o600, os.makedev(1, 3))
        (ext4 / "nowhere").symlink_to("/does/not/exist")
        report = drop(ext4)
        assert names_of(report) == [file]
        assert len(report.skipped) == 4


@contextmanager
def waiting_writer(fifo: Path) -> Iterator[None]:
    """A process that has opened the FIFO to write, and waits for a reader."""
    program = f"open({str(fifo)!r}, 'wb', buffering=0).write(b'x')"
    with subprocess.Popen([sys.executable, "-I", "-S", "-c", program]) as writer:
        waits = Path(f"/proc/{writer.pid}/wchan")
        while waits.read_text() not in ("wait_for_partner", "fifo_open"):
            assert writer.poll() is None
        yield
        assert writer.wait(FOR_EVER) == 0


CALLS: dict[str, Callable[[Path], object]] = {
    "drop of the folder": lambda fifo: drop(fifo.parent),
    "query of the folder": lambda fifo: query(fifo.parent),
    "drop": drop,
    "query": query,
    "drop_videos_cache": lambda fifo: drop_videos_cache([fifo]),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_a_writer_of_a_fifo_goes_on_waiting(ext4: Path, call: Callable[[Path], object]) -> None:
    fifo = ext4 / "fifo"
    os.mkfifo(fifo)
    with waiting_writer(fifo):
        call(fifo)
        reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
        try:
            select.select([reader], [], [], FOR_EVER)
            assert os.read(reader, 1) == b"x"
        finally:
            os.close(reader)


def test_a_link_to_what_waits_does_not_wait(ext4: Path) -> None:
    os.mkfifo(ext4 / "fifo")
    (ext4 / "clip.mp4").symlink_to("fifo")
    assert drop_videos_cache([ext4 / "clip.mp4"]) is DropCacheStatus.FADVISE_FAILED
    assert query([ext4 / "clip.mp4", "/dev/zero", "/proc/self/mem"]).files


def test_a_file_of_one_page_is_dropped_a_thousand_times_in_one_list(ext4: Path) -> None:
    file = write(os.fsencode(ext4 / "file"))
    report = drop([file] * 1000)
    assert report.ok
    assert report.evicted_bytes == PAGE

"""`query` agrees with independent readers on every file system, or returns None."""

import os
import re
import resource
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from accv_cache import CacheRecord, ResidencySource, query
from support import mounts, residency, rights
from support.files import FileSystem
from support.mounts import LOWER_FILE, LOWER_SIZE
from support.needs import need
from support.privileges import as_other_user, give_to_other_user
from support.residency import PAGE

MIB = 1024 * 1024
TIB = 1 << 40
HUGE = 2 * MIB  # the largest folio where a page has 4 KiB

pytestmark = pytest.mark.usefixtures("no_leaked_descriptors")


def one(path: Path) -> CacheRecord:
    """The record of one file, with its spans."""
    [found] = query(path, spans=True).files
    return found


def vmtouch_bytes(path: Path) -> int:
    """Resident bytes by vmtouch(8), which maps the file and asks mincore(2)."""
    shown = subprocess.run(["vmtouch", str(path)], check=True, capture_output=True, text=True)
    counted = re.search(r"Resident Pages: (\d+)/", shown.stdout)
    assert counted is not None, shown.stdout
    return int(counted[1]) * PAGE


def check(path: Path, expected: int | None = None) -> None:
    """All readers agree about the file: `expected` bytes, unless that is None.

    The kernel may reclaim pages between two of them; nothing adds any.
    """
    need("fincore", "vmtouch")
    found = one(path)
    size = path.stat().st_size
    spans = residency.mincore_spans(path)
    assert found.size_bytes == size
    assert found.spans == tuple((start, min(stop, size)) for start, stop in spans)
    assert found.resident_bytes == sum(stop - start for start, stop in spans)
    assert expected in (None, found.resident_bytes)
    told = [found.resident_bytes, vmtouch_bytes(path)]
    if found.source is ResidencySource.CACHESTAT:
        # From util-linux 2.40 on it also uses cachestat, even on overlayfs.
        told.append(residency.fincore_bytes(path))
        assert found.dirty_bytes is not None
        assert residency.cachestat(path).dirty <= found.dirty_bytes <= found.resident_bytes
    else:
        assert (found.dirty_bytes, found.writeback_bytes) == (None, None)
    told.append(residency.mincore_bytes(path))
    assert told == sorted(told, reverse=True)


def evict(path: Path, start: int, length: int) -> None:
    with path.open("rb") as file:
        os.posix_fadvise(file.fileno(), start, length, os.POSIX_FADV_DONTNEED)


def read_page(path: Path, offset: int) -> None:
    """Make one page resident, without read-ahead."""
    with path.open("rb", buffering=0) as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_RANDOM)
        os.pread(file.fileno(), 1, offset)


def make(path: Path, size: int) -> None:
    """Write a file, resident and clean."""
    residency.dirty(path, size)
    residency.clean(path)
    residency.warm(path)


def sparse(path: Path, size: int) -> None:
    with path.open("wb") as file:
        file.truncate(size)


def source_on(kind: str) -> ResidencySource:
    is_overlay = kind == "overlay"
    return ResidencySource.MINCORE if is_overlay else ResidencySource.CACHESTAT


class TestEveryFileSystem:
    @pytest.mark.parametrize("size", [1, PAGE - 1, PAGE, PAGE + 1, 3 * HUGE + 1])
    def test_tells_all_of_a_warm_file(self, file_system: FileSystem, size: int) -> None:
        path = file_system.directory / "clip"
        make(path, size)
        check(path, residency.whole_pages(size))
        assert one(path).source is source_on(file_system.kind)

    def test_tells_nothing_of_a_cold_file(self, file_system: FileSystem) -> None:
        path = file_system.directory / "clip"
        if file_system.kind == "tmpfs":
            sparse(path, MIB)  # only what was never written is not in memory
        else:
            make(path, MIB)
            residency.cold(path)
        check(path, 0)
        assert one(path).source is source_on(file_system.kind)

    def test_tells_half_of_a_half_warm_file(self, file_system: FileSystem) -> None:
        path = file_system.directory / "clip"
        if file_system.kind == "tmpfs":
            make(path, 2 * HUGE)
            os.truncate(path, 4 * HUGE)
        else:
            make(path, 4 * HUGE)
            evict(path, 2 * HUGE, 2 * HUGE)
        check(path, 2 * HUGE)
        assert one(path).map() == "█" * 20 + "·" * 20

    def test_tells_single_pages(self, file_system: FileSystem) -> None:
        path = file_system.directory / "clip"
        sparse(path, 4 * MIB)
        if file_system.kind == "tmpfs":
            with path.open("r+b") as file:
                for offset in (0, 3 * PAGE, 2 * MIB):
                    os.pwrite(file.fileno(), b"x", offset)
        else:
            with path.open("r+b") as file:
                os.pwrite(file.fileno(), bytes(MIB), MIB)
            residency.cold(path)
            for offset in (0, 3 * PAGE, 2 * MIB):
                read_page(path, offset)
        check(path, 3 * PAGE)

    def test_tells_the_pages_of_a_sparse_file(self, file_system: FileSystem) -> None:
        path = file_system.directory / "clip"
        sparse(path, 1024 * MIB)
        check(path, 0)
        with path.open("r+b") as file:
            os.pwrite(file.fileno(), bytes(PAGE), 512 * MIB)
        read_page(path, 512 * MIB)  # FUSE evicts what was written
        check(path, PAGE)
        assert one(path).spans == ((512 * MIB, 512 * MIB + PAGE),)

    def test_knows_that_an_empty_file_has_none(self, file_system: FileSystem) -> None:
        path = file_system.directory / "clip"
        path.touch()
        found = one(path)
        assert (found.size_bytes, found.resident_bytes, found.spans) == (0, 0, ())
        assert found.source is source_on(file_system.kind)

    @pytest.mark.parametrize("state", ["warm", "cold", "empty"])
    def test_tells_another_user_nothing(self, file_system: FileSystem, state: str) -> None:
        path = file_system.directory / "clip"
        make(path, 0 if state == "empty" else MIB)
        if state == "cold" and file_system.kind != "tmpfs":
            residency.cold(path)
        assert path.stat().st_mode & 0o777 == 0o644
        found = as_other_user(one, path)
        assert found.error is None
        assert (found.resident_bytes, found.dirty_bytes, found.writeback_bytes) == (None,) * 3
        assert (found.source, found.spans) == (None, None)

    def test_tells_its_owner(self, file_system: FileSystem) -> None:
        path = file_system.directory / "clip"
        residency.dirty(path, 2 * MIB)  # what is dirty is not reclaimed
        give_to_other_user(path)
        path.chmod(0o400)
        residency.warm(path)
        found = as_other_user(one, path)
        assert found.resident_bytes == residency.mincore_bytes(path) == 2 * MIB
        assert found.spans == ((0, 2 * MIB),)

    def test_tells_who_may_write_it(self, file_system: FileSystem) -> None:
        path = file_system.directory / "clip"
        residency.dirty(path, 2 * MIB)
        path.chmod(0o666)
        residency.warm(path)
        found = as_other_user(one, path)
        assert found.resident_bytes == residency.mincore_bytes(path) == 2 * MIB
        assert found.spans == ((0, 2 * MIB),)


class TestBindMount:
    @pytest.mark.parametrize("kind", ["ext4", "overlay"])
    def test_shows_the_same_pages(
        self, mounted: Callable[[str], Path], place: Path, kind: str
    ) -> None:
        source = Path(tempfile.mkdtemp(dir=mounted(kind)))
        with mounts.bind(place, source) as root:
            make(source / "clip", 4 * HUGE)
            evict(source / "clip", HUGE, HUGE)
            check(root / "clip", 3 * HUGE)
            assert one(root / "clip").spans == one(source / "clip").spans

    def test_that_is_read_only_may_be_measured_as_well(
        self, mounted: Callable[[str], Path], place: Path
    ) -> None:
        source = Path(tempfile.mkdtemp(dir=mounted("ext4")))
        source.chmod(0o755)
        residency.dirty(source / "clip", MIB)
        (source / "clip").chmod(0o666)
        with mounts.bind(place, source) as root:
            mounts.remount(root, rights.MS_BIND | rights.MS_RDONLY)
            found = as_other_user(one, root / "clip")
            assert found.spans == ((0, MIB),)
            assert found.resident_bytes == MIB


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory that other users may enter, to mount things in."""
    with tempfile.TemporaryDirectory(prefix="accv-cache-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture
def layered(place: Path) -> Iterator[Path]:
    """The file that is only in the lower layer of an overlayfs of the test's own."""
    with mounts.overlay(place) as root:
        yield root / LOWER_FILE


class TestOverlay:
    def test_shows_the_pages_of_the_lower_layer(self, layered: Path) -> None:
        residency.cold(layered)
        check(layered, 0)
        residency.warm(layered)
        check(layered, LOWER_SIZE)
        evict(layered, LOWER_SIZE // 2, 0)
        check(layered)
        residency.cold(layered)
        read_page(layered, 7 * PAGE)
        check(layered, PAGE)
        assert one(layered).source is ResidencySource.MINCORE

    def test_shows_the_pages_of_the_copy_after_copying_up(self, layered: Path) -> None:
        residency.warm(layered)
        with layered.open("r+b") as file:
            file.write(b"copied")
        residency.cold(layered)
        check(layered, 0)
        residency.warm(layered)
        check(layered, LOWER_SIZE)
        evict(layered, LOWER_SIZE // 2, 0)
        check(layered)

    @pytest.mark.parametrize("mode", [0o644, 0o666])
    def test_tells_another_user_no_more_than_the_lower_file_allows(
        self, layered: Path, mode: int
    ) -> None:
        layered.chmod(0o644)  # copies it up
        residency.cold(layered)
        layered.chmod(mode)
        expected = 0 if mode == 0o666 else None
        assert as_other_user(one, layered).resident_bytes == expected

    def test_whose_lower_layer_is_read_only_tells_no_lie(self, place: Path) -> None:
        with ExitStack() as stack:
            root = stack.enter_context(read_only_below(place))
            found = as_other_user(one, root / "clip")
            # A writer here, but not of the file below: mincore reports every page as resident.
            assert as_other_user(residency.mincore_bytes, root / "clip") == MIB
            assert residency.mincore_bytes(root / "clip") == 0
            assert found.resident_bytes is None


@contextmanager
def read_only_below(place: Path) -> Iterator[Path]:
    """An overlayfs over a file system that is mounted read-only, with a cold file for everyone."""
    image = place / "below"
    image.mkdir()
    with mounts.ext4(image) as disk, ExitStack() as stack:
        lower, upper = disk / "lower", place / "upper"
        lower.mkdir()
        make(lower / "clip", MIB)
        (lower / "clip").chmod(0o666)
        residency.cold(lower / "clip")
        mounts.remount(disk, rights.MS_RDONLY)
        stack.callback(mounts.remount, disk)
        upper.mkdir()
        tmpfs = stack.enter_context(mounts.tmpfs(upper))
        for name in ("upper", "work"):
            (tmpfs / name).mkdir()
        layers = (lower, tmpfs / "upper", tmpfs / "work")
        yield stack.enter_context(mounts.mounted_overlay(place / "overlay", *layers))


class TestFuse:
    def test_that_empties_the_cache_when_opened_is_told_as_it_is(self, place: Path) -> None:
        with mounts.fuse(place, ("allow_other", "no_keep_cache")) as root:
            path = root / "clip"
            residency.dirty(path, MIB)
            residency.warm(path)
            assert query(path).resident_bytes == 0
            with path.open("rb") as file:
                file.read()
                # A lent descriptor is measured without another open, which would evict the file.
                [found] = query(file, spans=True).files
                assert found.resident_bytes == MIB
                assert found.spans == ((0, MIB),)

    def test_lent_is_not_opened_again_whoever_owns_it(self, place: Path) -> None:
        with mounts.fuse(place, ("allow_other", "no_keep_cache")) as root:
            path = root / "clip"
            residency.dirty(path, MIB)
            give_to_other_user(path)
            with path.open("rb") as file:
                file.read()
                [found] = query(file, spans=True).files
                assert found.spans == ((0, MIB),)
                as_other_user(query, file, spans=True)
                assert residency.cachestat(file.fileno()).resident == MIB


class TestHalfWrittenPage:
    """With blocks smaller than a page, one that was written in part is not up to date."""

    @pytest.mark.parametrize(
        ("kind", "option"), [("ext4", "-b1024"), ("xfs", "-bsize=1024")], ids=["ext4", "xfs"]
    )
    def test_is_in_the_spans_as_in_the_sum(self, place: Path, kind: str, option: str) -> None:
        with mounts.disk(place, kind, option) as root:
            path = root / "clip"
            make(path, 8 * PAGE)
            residency.cold(path)
            with path.open("r+b", buffering=0) as file:
                os.pwrite(file.fileno(), b"x", 3 * PAGE + 2000)
            found = one(path)
            assert residency.cachestat(path).resident == found.resident_bytes == PAGE
            assert found.spans == ((3 * PAGE, 4 * PAGE),)


class TestHugeSparseFile:
    @pytest.mark.parametrize("file_system", ["xfs", "btrfs"], indirect=True)
    def test_of_more_than_8_tib_has_spans(self, file_system: FileSystem) -> None:
        path = file_system.directory / "clip"
        sparse(path, 9 * TIB)
        with path.open("r+b") as file:
            os.pwrite(file.fileno(), b"x", 8 * TIB)
        found = one(path)
        assert found.resident_bytes == residency.cachestat(path).resident == PAGE
        assert found.spans == ((8 * TIB, 8 * TIB + PAGE),)

    @pytest.mark.parametrize("file_system", ["xfs", "btrfs", "tmpfs"], indirect=True)
    def test_costs_no_memory(self, file_system: FileSystem) -> None:
        path = file_system.directory / "clip"
        sparse(path, 2 * TIB)
        with path.open("r+b") as file:
            os.pwrite(file.fileno(), b"x", TIB)

        def measure() -> tuple[CacheRecord, int]:
            query(path, length=1, spans=True)
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            found = one(path)
            return found, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before

        give_to_other_user(path)
        found, kibibytes = as_other_user(measure)
        assert found.size_bytes == 2 * TIB
        assert found.resident_bytes == residency.cachestat(path).resident == PAGE
        assert found.spans == ((TIB, TIB + PAGE),)
        # One byte a page, for all of the file at once, would be 512 MiB.
        assert kibibytes < 4096

    def test_costs_no_memory_by_mincore_either(self, overlay: Path) -> None:
        path = overlay / "clip"
        sparse(path, 32 * 1024 * MIB)
        give_to_other_user(path)

        def measure() -> tuple[CacheRecord, int]:
            query(path, length=1, spans=True)
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            [found] = query(path).files
            return found, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before

        found, kibibytes = as_other_user(measure)
        assert (found.resident_bytes, found.source) == (0, ResidencySource.MINCORE)
        assert kibibytes < 4096  # not one byte a page, 8 MiB


@contextmanager
def meanwhile(step: Callable[[], object]) -> Iterator[threading.Event]:
    """Repeat a step on another thread; return an event that is set after each round."""
    over, round_done = threading.Event(), threading.Event()

    def work() -> None:
        while not over.is_set():
            step()
            round_done.set()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield round_done
    finally:
        over.set()
        thread.join()


def check_bounds(found: CacheRecord) -> None:
    """What is true for every record, whatever happens to the file."""
    most = residency.whole_pages(found.size_bytes)
    for count in (found.resident_bytes, found.dirty_bytes, found.writeback_bytes):
        assert count is None or 0 <= count <= most
    assert found.resident_bytes is not None
    assert found.spans is not None
    edges = [edge for span in found.spans for edge in span]
    assert edges == sorted(set(edges))
    assert not edges or edges[-1] <= found.size_bytes


class TestChangingFile:
    """On each file system that is measured in another way."""

    pytestmark = pytest.mark.parametrize(
        "file_system", ["ext4", "xfs", "btrfs", "tmpfs", "overlay"], indirect=True
    )

    def test_that_is_truncated_and_extended_is_never_told_larger(
        self, file_system: FileSystem
    ) -> None:
        path = file_system.directory / "clip"
        block = bytes(16 * MIB)
        with path.open("wb", buffering=0) as file:

            def shrink_and_grow() -> None:
                os.ftruncate(file.fileno(), 5)
                os.pwrite(file.fileno(), block, 0)

            with meanwhile(shrink_and_grow) as round_done:
                sizes = set()
                for _ in range(3):
                    round_done.clear()
                    while not round_done.is_set():
                        found = one(path)
                        check_bounds(found)
                        sizes.add(found.size_bytes)
        assert sizes

    def test_that_grows_is_told_as_far_as_it_went(self, file_system: FileSystem) -> None:
        path = file_system.directory / "clip"
        with path.open("wb", buffering=0) as file:
            room = threading.Semaphore(0)

            def grow() -> None:
                if room.acquire(timeout=0.01):
                    file.write(bytes(PAGE + 1))

            sizes = []
            with meanwhile(grow):
                for number in range(1, 101):
                    reached = path.stat().st_size
                    room.release(100)
                    found = one(path)
                    check_bounds(found)
                    assert reached <= found.size_bytes <= 100 * number * (PAGE + 1)
                    sizes.append(found.size_bytes)
        assert sizes == sorted(sizes)
        residency.clean(path)
        residency.warm(path)  # what was written first has had time to grow cold
        check(path)

"""The helpers of the tests are correct, checked by known behaviour of the kernel."""

import mmap
import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

import pytest

from support import mounts, residency
from support.clips import decode_digests, encode
from support.descriptors import open_descriptors, scarce_descriptors
from support.files import FileSystem, MakeFile
from support.forks import ChildError
from support.needs import need
from support.privileges import NOBODY, as_other_user
from support.residency import PAGE

SIZE = 4 * 1024 * 1024
MADV_PAGEOUT = 21  # linux/mman.h; Python has no name for it
on_disks = pytest.mark.parametrize("file_system", ["ext4", "xfs", "btrfs"], indirect=True)


@pytest.fixture
def readers() -> None:
    """All of them are available."""
    need("cachestat(2) of Linux 6.5", "fincore")


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory that other users may enter."""
    with tempfile.TemporaryDirectory(prefix="accv-cache-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@contextmanager
def on_one_cpu() -> Iterator[None]:
    """Stay on one CPU: each keeps back some pages that it took in, out of reach of the others."""
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(allowed)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)


@pytest.mark.usefixtures("readers")
class TestReaders:
    @pytest.mark.parametrize("size", [1, PAGE, PAGE + 1, SIZE])
    def test_agree_that_a_warm_file_is_resident(
        self, file_system: FileSystem, make_file: MakeFile, size: int
    ) -> None:
        path = make_file(size, "warm", file_system.directory)
        full = residency.whole_pages(size)
        assert residency.mincore_bytes(path) == full
        assert residency.mincore_spans(path) == [(0, full)]
        if file_system.kind == "overlay":
            assert residency.cachestat(path) == (0, 0, 0, 0, 0)
        else:
            told = residency.cachestat(path)
            assert told.resident + told.evicted == full
            # All equal, unless the kernel reclaimed pages between them.
            by_fincore = residency.fincore_bytes(path)
            assert residency.cachestat(path).resident <= by_fincore <= told.resident

    def test_agree_that_a_cold_file_is_not(
        self, file_system: FileSystem, make_file: MakeFile
    ) -> None:
        if file_system.kind == "tmpfs":
            with pytest.raises(AssertionError, match=f"{SIZE} bytes stayed resident"):
                make_file(SIZE, "cold", file_system.directory)
            return
        path = make_file(SIZE, "cold", file_system.directory)
        assert residency.mincore_bytes(path) == 0
        assert residency.mincore_spans(path) == []
        assert residency.fincore_bytes(path) == 0
        assert residency.cachestat(path).resident == 0

    def test_read_an_empty_file_as_nothing(
        self, file_system: FileSystem, make_file: MakeFile
    ) -> None:
        path = make_file(0, "cold", file_system.directory)
        assert residency.mincore_spans(path) == []
        assert residency.mincore_bytes(path) == residency.cachestat(path).resident == 0

    @on_disks
    def test_agree_on_a_part(self, file_system: FileSystem, make_file: MakeFile) -> None:
        path = make_file(SIZE, "cold", file_system.directory)
        with path.open("rb+") as file:  # what is dirty is not reclaimed
            os.pwrite(file.fileno(), bytes(PAGE), 3 * PAGE)
            os.pwrite(file.fileno(), bytes(PAGE), 8 * PAGE)
        expected = [(3 * PAGE, 4 * PAGE), (8 * PAGE, 9 * PAGE)]
        assert residency.mincore_spans(path) == expected
        assert residency.mincore_bytes(path) == 2 * PAGE
        assert residency.fincore_bytes(path) == 2 * PAGE
        assert residency.cachestat(path).resident == 2 * PAGE
        assert residency.cachestat(path, 0, 8 * PAGE).resident == PAGE
        assert residency.cachestat(path, 8 * PAGE, PAGE).resident == PAGE

    @on_disks
    def test_cachestat_counts_dirty_bytes(
        self, file_system: FileSystem, make_file: MakeFile
    ) -> None:
        path = make_file(SIZE, "dirty", file_system.directory)
        told = residency.cachestat(path)
        # The kernel may begin to write it back at any time.
        assert (told.resident, told.dirty + told.writeback <= SIZE) == (SIZE, True)
        residency.clean(path)
        told = residency.cachestat(path)
        assert (told.resident + told.evicted, told.dirty, told.writeback) == (SIZE, 0, 0)

    def test_cachestat_sees_through_a_bind_mount(
        self, ext4: Path, place: Path, make_file: MakeFile
    ) -> None:
        path = make_file(SIZE, "dirty", ext4)
        with mounts.bind(place, ext4) as root:
            assert residency.cachestat(root / path.name).resident == SIZE

    def test_only_mincore_sees_the_lower_layer_of_an_overlay(self, overlay: Path) -> None:
        path = overlay.parent / mounts.LOWER_FILE
        residency.cold(path)
        residency.warm(path)
        assert residency.mincore_bytes(path) == mounts.LOWER_SIZE
        assert residency.cachestat(path).resident == 0

    @on_disks
    def test_tell_what_the_kernel_took_from_what_was_advised_away(
        self, file_system: FileSystem, make_file: MakeFile
    ) -> None:
        with on_one_cpu():
            path = make_file(SIZE, "warm", file_system.directory)
            with residency.mapped(path) as mapping:
                mapping.madvise(MADV_PAGEOUT)
        assert residency.resident_bytes(path) == 0
        assert residency.kept_bytes(path) == SIZE
        residency.cold(path)
        assert residency.kept_bytes(path) == 0

    def test_mincore_tells_another_user_that_all_is_resident(
        self, ext4: Path, make_file: MakeFile
    ) -> None:
        path = make_file(SIZE, "cold", ext4)
        assert as_other_user(residency.mincore_bytes, path) == SIZE
        assert residency.mincore_bytes(path) == 0


class TestHolders:
    @pytest.mark.parametrize(
        "hold", [residency.mapped, residency.mapped_elsewhere, residency.mlocked]
    )
    def test_keep_the_pages_until_they_let_go(
        self,
        ext4: Path,
        make_file: MakeFile,
        hold: Callable[[Path], AbstractContextManager[object]],
    ) -> None:
        path = make_file(SIZE, "warm", ext4)
        with hold(path), pytest.raises(AssertionError, match=f"{SIZE} bytes stayed resident"):
            residency.cold(path)
        residency.cold(path)

    def test_elsewhere_is_another_process(self, ext4: Path, make_file: MakeFile) -> None:
        path = make_file(SIZE, "warm", ext4)
        with residency.mapped_elsewhere(path) as process:
            assert process != os.getpid()
            assert str(path) in Path(f"/proc/{process}/maps").read_text()

    def test_mapped_gives_the_mapping(self, ext4: Path, make_file: MakeFile) -> None:
        path = make_file(SIZE, "warm", ext4)
        with residency.mapped(path) as mapping:
            assert isinstance(mapping, mmap.mmap)
            assert mapping[:] == path.read_bytes()


class TestMounts:
    @pytest.mark.parametrize("kind", mounts.MOUNTS)
    def test_are_taken_away_after_a_failure(self, place: Path, kind: str) -> None:
        def fail() -> None:
            with mounts.MOUNTS[kind](place) as root:
                assert os.path.ismount(root)
                raise KeyError

        with pytest.raises(KeyError):
            fail()
        assert str(place) not in Path("/proc/self/mounts").read_text()
        for file in Path("/sys/block").glob("loop*/loop/backing_file"):
            with suppress(OSError):  # another test may end the use of that device now
                assert str(place) not in file.read_text()

    def test_are_what_they_are_called(self, file_system: FileSystem) -> None:
        need("stat")
        command = ["stat", "--file-system", "--format=%T", str(file_system.directory)]
        kind = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
        names = {"ext2/ext3": "ext4", "overlayfs": "overlay", "fuseblk": "fuse"}
        assert names.get(kind, kind) == file_system.kind

    def test_a_lazy_unmount_is_not_silent(self, place: Path) -> None:
        with (
            pytest.warns(ResourceWarning, match="something still used"),
            mounts.tmpfs(place) as root,
        ):
            file = (root / "open").open("wb")
        file.close()
        assert not os.path.ismount(root)


class TestSlowfs:
    def test_shows_and_changes_its_source(self, place: Path) -> None:
        with mounts.fuse(place) as root:
            (root / "folder").mkdir()
            file = root / "folder" / "file"
            file.write_bytes(b"contents")
            os.truncate(file, 4)
            file.rename(root / "renamed")
            os.link(root / "renamed", root / "linked")
            (root / "link").symlink_to("renamed")
            assert (root / "link").read_bytes() == b"cont"
            assert sorted(path.name for path in root.iterdir()) == [
                "folder",
                "link",
                "linked",
                "renamed",
            ]
            assert (root / "linked").stat().st_ino == (root / "renamed").stat().st_ino
        assert (place / "source" / "renamed").read_bytes() == b"cont"

    def test_opening_empties_the_cache_only_without_keep_cache(
        self, place: Path, make_file: MakeFile
    ) -> None:
        program = mounts.build_slowfs(place)
        for options, left in (((), SIZE), (("no_keep_cache",), 0)):
            with mounts.fuse(place, options, program=program) as root:
                path = make_file(SIZE, "warm", root)
                assert residency.mincore_bytes(path) == left


class TestPrivileges:
    def test_another_user_has_no_capabilities(self) -> None:
        def identity() -> tuple[int, int, list[int], str]:
            status = Path("/proc/self/status").read_text()
            effective = status.split("CapEff:")[1].split()[0]
            assert open_descriptors()
            return os.geteuid(), os.getegid(), os.getgroups(), effective

        assert as_other_user(identity) == (NOBODY, NOBODY, [], "0" * 16)
        assert os.geteuid() == 0

    def test_failures_come_through_with_their_traceback(self, place: Path) -> None:
        (place / "closed").mkdir(mode=0o700)
        with pytest.raises(PermissionError) as caught:
            as_other_user(os.listdir, place / "closed")
        assert caught.value.filename == str(place / "closed")
        assert isinstance(caught.value.__cause__, ChildError)
        assert "_unprivileged" in str(caught.value.__cause__)

    def test_failures_that_cannot_be_pickled_are_quoted(self) -> None:
        class LocalError(Exception):
            pass

        def fail() -> None:
            raise LocalError

        with pytest.raises(RuntimeError, match="LocalError"):
            as_other_user(fail)

    def test_a_child_that_dies_is_an_error(self) -> None:
        with pytest.raises(RuntimeError, match="wait status 768"):
            as_other_user(os._exit, 3)

    @pytest.mark.usefixtures("no_leaked_descriptors")
    def test_leave_no_descriptor(self) -> None:
        assert as_other_user(os.getuid) == NOBODY


class TestDescriptors:
    def test_are_listed_with_what_they_refer_to(self, tmp_path: Path) -> None:
        path = tmp_path / "file"
        before = open_descriptors()
        with path.open("wb") as file:
            assert open_descriptors().items() - before.items() == {(file.fileno(), str(path))}
        assert str(path) not in open_descriptors().values()

    @pytest.mark.usefixtures("no_leaked_descriptors")
    @pytest.mark.parametrize("free", [0, 1, 5])
    def test_are_as_scarce_as_asked(self, free: int) -> None:
        with scarce_descriptors(free):
            opened = [os.open("/dev/null", os.O_RDONLY) for _ in range(free)]
            with pytest.raises(OSError, match="Too many open files"):
                os.open("/dev/null", os.O_RDONLY)
        for descriptor in opened:
            os.close(descriptor)


class TestClips:
    def test_are_several_megabytes_of_distinct_frames(self, clips: dict[str, Path]) -> None:
        assert sorted(clips) == ["h264.mkv", "h264.mp4", "hevc.mkv", "hevc.mp4"]
        for path in clips.values():
            assert path.stat().st_size > 2_000_000
            digests = decode_digests(path)
            assert len(set(digests)) == len(digests) == 24
            assert decode_digests(path) == digests

    def test_follow_their_seed(self, tmp_path: Path) -> None:
        first, again, other = (
            decode_digests(encode(tmp_path / f"{n}.mp4", frames=3, seed=seed))
            for n, seed in enumerate((1, 1, 2))
        )
        assert first == again != other

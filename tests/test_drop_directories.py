"""A directory means the regular files below it: which ones, and how the rest is reported."""

import errno
import os
import socket
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from accv_cache import CacheReport, DropCacheStatus, DropReport, SkipReason, _core, drop, query
from support import mounts, residency
from support.descriptors import scarce_descriptors
from support.files import FileSystem, MakeFile
from support.needs import need
from support.openings import openings
from support.privileges import as_other_user
from support.residency import PAGE, resident_bytes

pytestmark = pytest.mark.usefixtures("no_leaked_descriptors")


def warm_file(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * PAGE)
    return path


def paths_of(report: DropReport) -> list[str]:
    return [record.path for record in report.files]


def names_of(report: DropReport) -> list[str]:
    return [Path(path).name for path in paths_of(report)]


@pytest.fixture
def tree(tmp_path: Path) -> dict[str, Path]:
    """Clips and a text, in a directory and below it, by name."""
    names = ["a.mp4", "b.txt", ".hidden.mp4", "deep/c.mp4", "deep/deeper/d.mkv", "other/c.mp4"]
    return {name: warm_file(tmp_path / "tree" / name) for name in names}


@pytest.fixture
def root(tree: dict[str, Path]) -> Path:
    return tree["a.mp4"].parent


def left_of(tree: dict[str, Path]) -> set[str]:
    return {name for name, path in tree.items() if resident_bytes(path)}


class TestWhatIsTaken:
    @pytest.mark.parametrize("form", [str, os.fsencode, Path, lambda path: f"{path}/"])
    def test_is_every_regular_file_below(
        self, root: Path, tree: dict[str, Path], form: Callable[[Path], str]
    ) -> None:
        report = drop(form(root))
        assert report.ok
        assert report.skipped == []
        assert sorted(paths_of(report)) == sorted(map(str, tree.values()))
        assert report.evicted_bytes == len(tree) * PAGE
        assert left_of(tree) == set()

    def test_is_in_the_same_order_every_time(self, root: Path) -> None:
        first = paths_of(drop(root))
        assert paths_of(drop([root])) == paths_of(drop(root, workers=1)) == first
        in_one_directory = [path for path in first if Path(path).parent == root]
        assert in_one_directory == sorted(in_one_directory)

    def test_stands_where_the_directory_stood(self, root: Path, make_file: MakeFile) -> None:
        before, after = make_file(PAGE), make_file(PAGE)
        paths = paths_of(drop([before, root / "deep", "missing", after]))
        below = [str(root / "deep" / "c.mp4"), str(root / "deep" / "deeper" / "d.mkv")]
        assert paths == [str(before), *below, "missing", str(after)]

    @pytest.mark.parametrize(
        ("include", "taken"),
        [
            ("*.mp4", {"a.mp4", ".hidden.mp4", "deep/c.mp4", "other/c.mp4"}),
            (["*.mkv", "*.txt"], {"b.txt", "deep/deeper/d.mkv"}),
            (("[ab].*",), {"a.mp4", "b.txt"}),
            ("deep/*", {"deep/c.mp4", "deep/deeper/d.mkv"}),
            ("deep/c.mp4", {"deep/c.mp4"}),
            ("*/c.mp4", {"deep/c.mp4", "other/c.mp4"}),
            (iter(["?.mp4"]), {"a.mp4", "deep/c.mp4", "other/c.mp4"}),
            ("*.MP4", set()),
            ([], None),
        ],
    )
    def test_is_what_include_matches(
        self, root: Path, tree: dict[str, Path], include: str | list[str], taken: set[str] | None
    ) -> None:
        taken = set(tree) if taken is None else taken
        report = drop(root, include=include)
        assert set(paths_of(report)) == {str(tree[name]) for name in taken}
        assert left_of(tree) == set(tree) - taken

    def test_is_not_asked_of_files_that_are_named(self, tree: dict[str, Path]) -> None:
        assert drop(tree["b.txt"], include="*.mp4").evicted_bytes == PAGE

    def test_is_the_directory_alone_without_recursive(
        self, root: Path, tree: dict[str, Path]
    ) -> None:
        report = drop(root, recursive=False)
        assert names_of(report) == [".hidden.mp4", "a.mp4", "b.txt"]
        assert report.skipped == []
        assert left_of(tree) == {"deep/c.mp4", "deep/deeper/d.mkv", "other/c.mp4"}

    def test_is_nothing_where_there_is_nothing(self, tmp_path: Path) -> None:
        (tmp_path / "empty" / "more").mkdir(parents=True)
        report = drop(tmp_path / "empty")
        assert report.ok
        assert paths_of(report) == []

    def test_may_have_names_that_are_no_text(self, tmp_path: Path) -> None:
        directory = os.fsdecode(bytes(tmp_path) + b"/\xff\n")
        path = warm_file(Path(directory, os.fsdecode(b"clip \xfe.mp4")))
        assert paths_of(drop(directory, include=os.fsdecode(b"*\xfe.mp4"))) == [str(path)]
        assert resident_bytes(path) == 0

    def test_may_lie_deep(self, tmp_path: Path) -> None:
        path = warm_file(tmp_path.joinpath(*"d" * 300, "clip"))
        assert paths_of(drop(tmp_path)) == [str(path)]
        assert resident_bytes(path) == 0


class TestWhatIsExcluded:
    @pytest.mark.parametrize(
        ("exclude", "left_out"),
        [
            ("*.mp4", {"a.mp4", ".hidden.mp4", "deep/c.mp4", "other/c.mp4"}),
            (["*.mkv", "[ab].*"], {"a.mp4", "b.txt", "deep/deeper/d.mkv"}),
            ("[!a]*", {"b.txt", ".hidden.mp4", "deep/c.mp4", "deep/deeper/d.mkv", "other/c.mp4"}),
            ("deep", {"deep/c.mp4", "deep/deeper/d.mkv"}),
            ("deep/*", {"deep/c.mp4", "deep/deeper/d.mkv"}),
            ("*/deeper", {"deep/deeper/d.mkv"}),
            ("tree", set()),
            ([], set()),
        ],
    )
    def test_stays(
        self, root: Path, tree: dict[str, Path], exclude: str | list[str], left_out: set[str]
    ) -> None:
        report = drop(root, exclude=exclude)
        assert set(paths_of(report)) == {str(tree[name]) for name in set(tree) - left_out}
        assert report.skipped == []
        assert left_of(tree) == left_out

    def test_goes_before_what_is_included(self, root: Path, tree: dict[str, Path]) -> None:
        report = drop(root, include="*.mp4", exclude="deep")
        assert sorted(names_of(report)) == [".hidden.mp4", "a.mp4", "c.mp4"]
        assert "deep/c.mp4" in left_of(tree)

    @pytest.mark.parametrize("verb", [drop, query])
    def test_is_not_opened(
        self, root: Path, tree: dict[str, Path], verb: Callable[..., DropReport | CacheReport]
    ) -> None:
        tree["b.txt"].write_bytes(bytes(2 * PAGE))
        (root / "pipe.mp4").symlink_to("a.mp4")
        with openings(root, root / "deep", root / "other") as observed:
            report = verb(
                root, include="*.mp4", exclude=["deep", "pipe.*", ".*"], max_size_bytes=PAGE
            )
            assert observed.seen() == {root, tree["a.mp4"], root / "other", tree["other/c.mp4"]}
        assert len(report.files) == 2
        assert report.skipped == []

    def test_may_be_by_size(self, root: Path, tree: dict[str, Path]) -> None:
        tree["b.txt"].write_bytes(bytes(PAGE + 1))
        assert sorted(names_of(drop(root, include="?.*", max_size_bytes=PAGE))) == [
            "a.mp4",
            "c.mp4",
            "c.mp4",
            "d.mkv",
        ]
        assert left_of(tree) == {"b.txt", ".hidden.mp4"}
        assert len(query(root, max_size_bytes=0).files) == 0

    def test_is_taken_where_it_is_named(self, tree: dict[str, Path]) -> None:
        assert drop(tree["b.txt"], exclude="*", max_size_bytes=0).evicted_bytes == PAGE

    def test_is_one_name_of_a_file_not_the_other(self, root: Path, tree: dict[str, Path]) -> None:
        (root / "deep" / "only.webm").hardlink_to(tree["a.mp4"])
        assert "only.webm" in names_of(drop(root, exclude="*.mp4"))
        assert resident_bytes(tree["a.mp4"]) == 0

    @pytest.mark.parametrize("size", [-1, 1 << 63])
    def test_is_no_size_out_of_range(self, root: Path, size: int) -> None:
        with pytest.raises(ValueError, match="max_size_bytes must be from 0"):
            drop(root, max_size_bytes=size)


class TestGlobs:
    """`_core.matches` applies the patterns of walks to other names."""

    @pytest.mark.parametrize(
        ("pattern", "path", "matches"),
        [
            (b"*.mp4", b"deep/a.mp4", True),
            (b"[^a]*", b"b.mp4", True),
            (b"[^a]*", b"a.mp4", False),
            (b"deep", b"deep/a.mp4", False),
            (b"deep/*", b"deep/deeper/a.mp4", True),
            (b"*\xfe", b"\xff/\xfe", True),
        ],
    )
    def test_are_those_of_fnmatch(self, pattern: bytes, path: bytes, *, matches: bool) -> None:
        assert _core.matches(pattern, path) is matches


class TestHardLinks:
    def test_are_taken_once(self, root: Path, tree: dict[str, Path]) -> None:
        for name in ("deep/again.mp4", "z.mp4"):
            (root / name).hardlink_to(tree["a.mp4"])
        report = drop(root)
        assert len(report.files) == len(tree)
        assert report.evicted_bytes == len(tree) * PAGE

    def test_are_taken_once_over_all_directories(self, root: Path, tree: dict[str, Path]) -> None:
        (root / "other" / "same.mkv").hardlink_to(tree["deep/deeper/d.mkv"])
        report = drop([root / "deep", root / "other", root / "deep"])
        assert names_of(report) == ["c.mp4", "d.mkv", "c.mp4"]

    def test_are_found_by_the_name_that_include_matches(
        self, root: Path, tree: dict[str, Path]
    ) -> None:
        (root / "deep" / "only.webm").hardlink_to(tree["a.mp4"])
        assert names_of(drop(root, include="*.webm")) == ["only.webm"]
        assert resident_bytes(tree["a.mp4"]) == 0

    def test_that_are_named_have_a_record_each(self, root: Path, tree: dict[str, Path]) -> None:
        (root / "z.mp4").hardlink_to(tree["a.mp4"])
        residency.clean(tree["a.mp4"])
        report = drop([root / "z.mp4", tree["a.mp4"]])
        assert [record.evicted_bytes for record in report.files] == [PAGE, 0]


class TestSymbolicLinks:
    @pytest.fixture
    def elsewhere(self, root: Path) -> Path:
        """A file outside the tree, linked to, and linked to through its directory."""
        path = warm_file(root.parent / "elsewhere" / "e.mp4")
        (root / "file-link.mp4").symlink_to(path)
        (root / "deep" / "folder-link").symlink_to(path.parent)
        return path

    def test_are_left_out_and_said(self, root: Path, elsewhere: Path) -> None:
        report = drop(root)
        assert str(elsewhere) not in paths_of(report)
        assert sorted(report.skipped) == [
            (str(root / "deep" / "folder-link"), SkipReason.SYMBOLIC_LINK),
            (str(root / "file-link.mp4"), SkipReason.SYMBOLIC_LINK),
        ]
        assert resident_bytes(elsewhere) == PAGE

    def test_are_followed_when_asked_to_and_once(
        self, root: Path, tree: dict[str, Path], elsewhere: Path
    ) -> None:
        report = drop(root, follow_symlinks=True)
        assert report.ok
        assert report.skipped == []
        assert len(report.files) == len(tree) + 1
        assert resident_bytes(elsewhere) == 0

    def test_that_are_named_are_followed(self, root: Path, elsewhere: Path) -> None:
        report = drop(root / "deep" / "folder-link")
        assert paths_of(report) == [str(root / "deep" / "folder-link" / "e.mp4")]
        assert resident_bytes(elsewhere) == 0

    @pytest.mark.parametrize("target", [".", "..", "../..", "deeper"])
    def test_in_a_circle_come_to_an_end(
        self, root: Path, tree: dict[str, Path], target: str
    ) -> None:
        (root / "deep" / "circle").symlink_to(target)
        report = drop(root, follow_symlinks=True)
        assert report.ok
        assert {Path(path).resolve() for path in paths_of(report)} >= set(tree.values())
        assert len(report.files) == len({Path(path).stat().st_ino for path in paths_of(report)})

    @pytest.mark.parametrize(("target", "number"), [("nowhere", "ENOENT"), ("lost", "ELOOP")])
    def test_that_lead_nowhere_are_reported_when_followed(
        self, root: Path, tree: dict[str, Path], target: str, number: str
    ) -> None:
        (root / "lost").symlink_to(target)
        report = drop(root, follow_symlinks=True)
        [failed] = report.failed
        assert failed.path == str(root / "lost")
        assert failed.error is not None
        assert failed.error.errno == getattr(errno, number)
        assert left_of(tree) == set()
        assert drop(root).ok


class TestSpecialFiles:
    def test_are_left_out_and_said(self, root: Path, tree: dict[str, Path]) -> None:
        need("root", "the right to make devices")
        os.mkfifo(root / "fifo")
        os.mknod(root / "deep" / "null", stat.S_IFCHR | 0o666, os.makedev(1, 3))
        os.mknod(root / "socket", stat.S_IFSOCK | 0o600)
        report = drop(root)
        assert report.ok
        assert len(report.files) == len(tree)
        assert sorted(report.skipped) == [
            (str(root / "deep" / "null"), SkipReason.SPECIAL_FILE),
            (str(root / "fifo"), SkipReason.SPECIAL_FILE),
            (str(root / "socket"), SkipReason.SPECIAL_FILE),
        ]


class TestOtherFileSystems:
    def test_mounted_below_are_left_out_and_said(self, ext4: Path, tmp_path: Path) -> None:
        here = warm_file(ext4 / "here.mp4")
        source = warm_file(tmp_path / "there.mp4").parent
        with mounts.bind(ext4, source) as mount:
            report = drop(ext4)
            assert paths_of(report) == [str(here)]
            assert report.skipped == [(str(mount), SkipReason.OTHER_FILE_SYSTEM)]
            assert resident_bytes(source / "there.mp4") == PAGE

    def test_that_are_named_are_taken(self, ext4: Path, tmp_path: Path) -> None:
        warm_file(ext4 / "here.mp4")
        source = warm_file(tmp_path / "there.mp4").parent
        with mounts.bind(ext4, source) as mount:
            assert names_of(drop([ext4, mount])) == ["here.mp4", "there.mp4"]
        assert resident_bytes(source / "there.mp4") == 0

    def test_that_a_followed_link_leads_to_are_taken(self, ext4: Path, tmp_path: Path) -> None:
        path = warm_file(tmp_path / "deep" / "there.mp4")
        (ext4 / "link").symlink_to(tmp_path)
        report = drop(ext4, follow_symlinks=True)
        assert paths_of(report) == [str(ext4 / "link" / "deep" / "there.mp4")]
        assert resident_bytes(path) == 0

    def test_are_not_what_subvolumes_of_btrfs_are(self, btrfs: Path) -> None:
        need("btrfs")
        command = ["btrfs", "-q", "subvolume", "create", str(btrfs / "volume")]
        subprocess.run(command, check=True, capture_output=True)
        path = warm_file(btrfs / "volume" / "clip")
        report = drop(btrfs)
        assert report.skipped == []
        assert paths_of(report) == [str(path)]
        assert resident_bytes(path) == 0
        subprocess.run(["btrfs", "-q", "subvolume", "delete", str(btrfs / "volume")], check=True)

    def test_are_walked_like_any(self, file_system: FileSystem) -> None:
        names = {"a.mp4", "deep/b.mp4", "deep/deeper/c.mp4"}
        for name in names:
            warm_file(file_system.directory / name)
        (file_system.directory / "same.mp4").hardlink_to(file_system.directory / "deep" / "b.mp4")
        (file_system.directory / "link").symlink_to("a.mp4")
        report = drop(file_system.directory)
        assert report.ok
        assert sorted(names_of(report)) == ["a.mp4", "c.mp4", "same.mp4"]
        assert len(report.skipped) == 1
        left = sum(resident_bytes(file_system.directory / name) for name in names)
        assert left == report.resident_bytes == (3 * PAGE if file_system.kind == "tmpfs" else 0)


class TestRights:
    def test_to_list_are_needed_and_the_rest_goes_on(self, ext4: Path) -> None:
        secret = warm_file(ext4 / "a-secret" / "s.mp4")
        free = warm_file(ext4 / "z.mp4")
        residency.clean(free)
        secret.parent.chmod(0o700)
        report = as_other_user(drop, ext4)
        assert sorted(paths_of(report)) == [str(secret.parent), str(free)]
        [refused] = report.failed
        assert refused.path == str(secret.parent)
        assert refused.status is report.status is DropCacheStatus.FILE_OPEN_FAILED
        assert isinstance(refused.error, PermissionError)
        assert refused.error.filename == str(secret.parent)
        assert (resident_bytes(secret), resident_bytes(free)) == (PAGE, 0)

    def test_to_list_the_directory_itself_are_needed(self, ext4: Path) -> None:
        secret = warm_file(ext4 / "secret" / "s.mp4")
        secret.parent.chmod(0o700)
        [refused] = as_other_user(drop, secret.parent).files
        assert refused.path == str(secret.parent)
        assert isinstance(refused.error, PermissionError)
        assert resident_bytes(secret) == PAGE

    def test_to_enter_are_needed_too(self, ext4: Path) -> None:
        secret = warm_file(ext4 / "secret" / "s.mp4")
        secret.parent.chmod(0o704)  # only its names may be read
        [refused] = as_other_user(drop, ext4).files
        assert refused.path == str(secret)
        assert isinstance(refused.error, PermissionError)
        assert resident_bytes(secret) == PAGE


class TestBeyondThePathLimit:
    def test_files_are_taken(self, tmp_path: Path) -> None:
        near = warm_file(tmp_path / "near")
        path = tmp_path
        descriptor = os.open(path, os.O_RDONLY)
        while len(bytes(path)) < os.pathconf("/", "PC_PATH_MAX"):
            os.mkdir("d" * 200, dir_fd=descriptor)
            inner = os.open("d" * 200, os.O_RDONLY, dir_fd=descriptor)
            os.close(descriptor)
            path, descriptor = path / ("d" * 200), inner
        name = os.open("far", os.O_CREAT | os.O_RDWR, 0o600, dir_fd=descriptor)
        os.write(name, b"x" * PAGE)
        os.fsync(name)
        far = Path(f"/proc/self/fd/{name}")
        assert resident_bytes(far) == PAGE
        report = drop(tmp_path)
        left = resident_bytes(far), resident_bytes(near)
        os.close(name)
        os.close(descriptor)
        assert report.ok
        assert sorted(paths_of(report), key=len) == [str(near), str(path / "far")]
        assert left == (0, 0)


class TestFewDescriptors:
    @pytest.mark.parametrize("free", [2, 3, 10])
    def test_will_do(self, tmp_path: Path, free: int) -> None:
        deep = tmp_path.joinpath(*"d" * 30)
        files = [warm_file(deep / str(n)) for n in range(200)]
        files += [warm_file(tmp_path / f"wide-{n}" / "clip") for n in range(30)]
        with scarce_descriptors(free):
            report = drop([tmp_path / "d", *sorted(tmp_path.glob("wide-*"))])
        assert report.ok
        assert {path for path in files if resident_bytes(path)} == set()
        assert len(report.files) == len(files)


class TestTreesOfOthers:
    """The owner of a part of the tree replaces it by links, and cannot lead the walk out of it."""

    @pytest.fixture
    def outside(self, tmp_path: Path) -> Path:
        """A directory that only its owner may read."""
        place = tmp_path / "outside"
        for name in ("clip", "inner/clip"):
            warm_file(place / name)
        place.chmod(0o700)
        return place

    @pytest.mark.parametrize("verb", [drop, query])
    @pytest.mark.parametrize("swapped", ["a", "a/inner", "a/inner/clip"])
    def test_never_lead_outside(
        self,
        tmp_path: Path,
        outside: Path,
        swapped: str,
        verb: Callable[..., DropReport | CacheReport],
    ) -> None:
        root = tmp_path / "tree"
        for number in range(20):  # time for a swap between listing and opening
            warm_file(root / "a" / "inner" / f"{number:02}")
        warm_file(root / "a" / "inner" / "clip")
        target = outside / Path(swapped).relative_to("a")
        (tmp_path / "link").symlink_to(target)
        residency.clean(outside / "clip")
        # The same name alternates between the original and a link to the same name outside.
        swapping = [sys.executable, "-c", _SWAP, str(tmp_path / "link"), str(root / swapped)]
        with (
            openings(outside, outside / "inner") as observed,
            subprocess.Popen(swapping, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as swapper,
        ):
            assert swapper.stdout is not None
            assert swapper.stdin is not None
            assert swapper.stdout.readline() == b"swapping\n"
            for _ in range(400):
                verb(root)
            swapper.stdin.close()
            assert swapper.wait() == 0
            assert observed.seen() == set()

    def test_may_have_the_name_that_the_caller_gives(self, tmp_path: Path, outside: Path) -> None:
        (tmp_path / "link").symlink_to(outside)
        assert names_of(drop(tmp_path / "link")) == ["clip", "clip"]
        assert resident_bytes(outside / "clip") == 0


_SWAP = """
import ctypes, os, select, sys

link, name = (os.fsencode(each) for each in sys.argv[1:])
exchange, here = 2, -100  # RENAME_EXCHANGE, AT_FDCWD
print("swapping", flush=True)
while not select.select([sys.stdin], [], [], 0)[0]:
    for _ in range(100):
        if ctypes.CDLL(None).renameat2(here, link, here, name, exchange) != 0:
            sys.exit("cannot swap")
"""


class TestFilesThatVanish:
    def test_after_they_were_found_are_reported(
        self, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        source = tmp_path_factory.mktemp("source")
        for number in range(200):
            warm_file(source / f"{number:03}")
        last = source / "199"
        options = ("allow_other", "default_permissions", "open_us=3000")

        def remove_last(_done: int, total: int, _evicted: int) -> None:
            if total == 200:
                last.unlink(missing_ok=True)

        with mounts.fuse(tmp_path, options, source=source) as mount:
            report = drop(mount, workers=1, progress=remove_last)
        [failed] = report.failed
        assert failed.path == str(mount / "199")
        assert isinstance(failed.error, FileNotFoundError)
        assert len(report.files) == 200
        assert not last.exists()


def test_a_socket_that_is_named_is_an_error(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as one:
        place = os.open(tmp_path, os.O_RDONLY)
        one.bind(f"/proc/self/fd/{place}/socket")  # a path of its own may be too long for bind(2)
        os.close(place)
        [record] = drop(tmp_path / "socket").files
    assert record.error is not None
    assert record.error.errno == errno.ENXIO

"""A directory means the regular files below it: which ones, and how the rest is reported."""

import errno
import os
import socket
import stat
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from accv_cache import SkipReason
from support import mounts, residency, rights
from support.descriptors import scarce_descriptors
from support.files import FileSystem, bring_into
from support.needs import need
from support.openings import openings
from support.privileges import as_other_user
from support.residency import PAGE, resident_bytes
from support.verbs import Prepare, Verb, each_verb

pytestmark = [pytest.mark.usefixtures("no_leaked_descriptors"), each_verb]


def paths_of(report: Any) -> list[str]:  # noqa: ANN401 - of any verb
    return [record.path for record in report.files]


def names_of(report: Any) -> list[str]:  # noqa: ANN401 - of any verb
    return [Path(path).name for path in paths_of(report)]


@pytest.fixture
def tree(verb: Verb, tmp_path: Path) -> dict[str, Path]:
    """Clips and a text, in a directory and below it, by name."""
    names = ["a.mp4", "b.txt", ".hidden.mp4", "deep/c.mp4", "deep/deeper/d.mkv", "other/c.mp4"]
    return {name: verb.write(tmp_path / "tree" / name) for name in names}


@pytest.fixture
def root(tree: dict[str, Path]) -> Path:
    return tree["a.mp4"].parent


def check_done(verb: Verb, tree: dict[str, Path], names: Iterable[str]) -> None:
    """The files with these names are as the verb makes them, the others as they were before."""
    done = set(names)
    assert verb.has_done(*(tree[name] for name in done))
    assert verb.has_spared(*(tree[name] for name in set(tree) - done))


class TestWhatIsTaken:
    @pytest.mark.parametrize("form", [str, os.fsencode, Path, lambda path: f"{path}/"])
    def test_is_every_regular_file_below(
        self, verb: Verb, root: Path, tree: dict[str, Path], form: Callable[[Path], str]
    ) -> None:
        report = verb.call(form(root))
        assert report.ok
        assert report.skipped == []
        assert sorted(paths_of(report)) == sorted(map(str, tree.values()))
        assert verb.total(report) == len(tree) * PAGE
        check_done(verb, tree, tree)

    def test_is_in_the_same_order_every_time(self, verb: Verb, root: Path) -> None:
        first = paths_of(verb.call(root))
        assert paths_of(verb.call([root])) == paths_of(verb.call(root, workers=1)) == first
        in_one_directory = [path for path in first if Path(path).parent == root]
        assert in_one_directory == sorted(in_one_directory)

    def test_stands_where_the_directory_stood(
        self, verb: Verb, root: Path, prepare: Prepare
    ) -> None:
        before, after = prepare(PAGE), prepare(PAGE)
        paths = paths_of(verb.call([before, root / "deep", "missing", after]))
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
            ({"?.mp4"}, {"a.mp4", "deep/c.mp4", "other/c.mp4"}),
            ("*.MP4", set()),
            ([], None),
        ],
    )
    def test_is_what_include_matches(
        self,
        verb: Verb,
        root: Path,
        tree: dict[str, Path],
        include: str | Iterable[str],
        taken: set[str] | None,
    ) -> None:
        include = iter(include) if isinstance(include, set) else include
        taken = set(tree) if taken is None else taken
        report = verb.call(root, include=include)
        assert set(paths_of(report)) == {str(tree[name]) for name in taken}
        check_done(verb, tree, taken)

    def test_is_not_asked_of_files_that_are_named(self, verb: Verb, tree: dict[str, Path]) -> None:
        assert verb.total(verb.call(tree["b.txt"], include="*.mp4")) == PAGE

    def test_is_the_directory_alone_without_recursive(
        self, verb: Verb, root: Path, tree: dict[str, Path]
    ) -> None:
        report = verb.call(root, recursive=False)
        assert names_of(report) == [".hidden.mp4", "a.mp4", "b.txt"]
        assert report.skipped == []
        check_done(verb, tree, {"a.mp4", "b.txt", ".hidden.mp4"})

    def test_is_nothing_where_there_is_nothing(self, verb: Verb, tmp_path: Path) -> None:
        (tmp_path / "empty" / "more").mkdir(parents=True)
        report = verb.call(tmp_path / "empty")
        assert report.ok
        assert paths_of(report) == []

    def test_may_have_names_that_are_no_text(self, verb: Verb, tmp_path: Path) -> None:
        directory = os.fsdecode(bytes(tmp_path) + b"/\xff\n")
        path = verb.write(Path(directory, os.fsdecode(b"clip \xfe.mp4")))
        assert paths_of(verb.call(directory, include=os.fsdecode(b"*\xfe.mp4"))) == [str(path)]
        assert verb.has_done(path)

    def test_may_lie_deep(self, verb: Verb, tmp_path: Path) -> None:
        path = verb.write(tmp_path.joinpath(*"d" * 300, "clip"))
        assert paths_of(verb.call(tmp_path)) == [str(path)]
        assert verb.has_done(path)


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
        self,
        verb: Verb,
        root: Path,
        tree: dict[str, Path],
        exclude: str | list[str],
        left_out: set[str],
    ) -> None:
        report = verb.call(root, exclude=exclude)
        assert set(paths_of(report)) == {str(tree[name]) for name in set(tree) - left_out}
        assert report.skipped == []
        check_done(verb, tree, set(tree) - left_out)

    def test_goes_before_what_is_included(
        self, verb: Verb, root: Path, tree: dict[str, Path]
    ) -> None:
        report = verb.call(root, include="*.mp4", exclude="deep")
        assert sorted(names_of(report)) == [".hidden.mp4", "a.mp4", "c.mp4"]
        check_done(verb, tree, {".hidden.mp4", "a.mp4", "other/c.mp4"})

    def test_is_not_opened(self, verb: Verb, root: Path, tree: dict[str, Path]) -> None:
        tree["b.txt"].write_bytes(bytes(2 * PAGE))
        (root / "pipe.mp4").symlink_to("a.mp4")
        with openings(root, root / "deep", root / "other") as observed:
            report = verb.call(
                root, include="*.mp4", exclude=["deep", "pipe.*", ".*"], max_size_bytes=PAGE
            )
            assert observed.seen() == {root, tree["a.mp4"], root / "other", tree["other/c.mp4"]}
        assert len(report.files) == 2
        assert report.skipped == []

    def test_may_be_by_size(self, verb: Verb, root: Path, tree: dict[str, Path]) -> None:
        verb.write(tree["b.txt"], PAGE + 1)
        assert sorted(names_of(verb.call(root, include="?.*", max_size_bytes=PAGE))) == [
            "a.mp4",
            "c.mp4",
            "c.mp4",
            "d.mkv",
        ]
        check_done(verb, tree, set(tree) - {"b.txt", ".hidden.mp4"})
        assert len(verb.call(root, max_size_bytes=0)) == 0

    def test_is_taken_where_it_is_named(self, verb: Verb, tree: dict[str, Path]) -> None:
        report = verb.call(tree["b.txt"], exclude="*", max_size_bytes=0)
        assert verb.total(report) == PAGE

    def test_is_one_name_of_a_file_not_the_other(
        self, verb: Verb, root: Path, tree: dict[str, Path]
    ) -> None:
        (root / "deep" / "only.webm").hardlink_to(tree["a.mp4"])
        assert "only.webm" in names_of(verb.call(root, exclude="*.mp4"))
        assert verb.has_done(tree["a.mp4"])

    @pytest.mark.parametrize("size", [-1, 1 << 63])
    def test_is_no_size_out_of_range(self, verb: Verb, root: Path, size: int) -> None:
        with pytest.raises(ValueError, match="max_size_bytes must be from 0"):
            verb.call(root, max_size_bytes=size)


class TestHardLinks:
    def test_are_taken_once(self, verb: Verb, root: Path, tree: dict[str, Path]) -> None:
        for name in ("deep/again.mp4", "z.mp4"):
            (root / name).hardlink_to(tree["a.mp4"])
        report = verb.call(root)
        assert len(report.files) == len(tree)
        assert verb.total(report) == len(tree) * PAGE

    def test_are_taken_once_over_all_directories(
        self, verb: Verb, root: Path, tree: dict[str, Path]
    ) -> None:
        (root / "other" / "same.mkv").hardlink_to(tree["deep/deeper/d.mkv"])
        report = verb.call([root / "deep", root / "other", root / "deep"])
        assert names_of(report) == ["c.mp4", "d.mkv", "c.mp4"]

    def test_are_found_by_the_name_that_include_matches(
        self, verb: Verb, root: Path, tree: dict[str, Path]
    ) -> None:
        (root / "deep" / "only.webm").hardlink_to(tree["a.mp4"])
        assert names_of(verb.call(root, include="*.webm")) == ["only.webm"]
        assert verb.has_done(tree["a.mp4"])

    def test_that_are_named_have_a_record_each(
        self, verb: Verb, root: Path, tree: dict[str, Path]
    ) -> None:
        (root / "z.mp4").hardlink_to(tree["a.mp4"])
        residency.clean(tree["a.mp4"])
        one, other = verb.call([root / "z.mp4", tree["a.mp4"]])
        assert verb.bytes_of(one) == PAGE
        assert verb.bytes_of(other) == (0 if verb.changes else PAGE)


class TestSymbolicLinks:
    @pytest.fixture
    def elsewhere(self, verb: Verb, root: Path) -> Path:
        """A file outside the tree, linked to, and linked to through its directory."""
        path = verb.write(root.parent / "elsewhere" / "e.mp4")
        (root / "file-link.mp4").symlink_to(path)
        (root / "deep" / "folder-link").symlink_to(path.parent)
        return path

    def test_are_left_out_and_said(self, verb: Verb, root: Path, elsewhere: Path) -> None:
        report = verb.call(root)
        assert str(elsewhere) not in paths_of(report)
        assert sorted(report.skipped) == [
            (str(root / "deep" / "folder-link"), SkipReason.SYMBOLIC_LINK),
            (str(root / "file-link.mp4"), SkipReason.SYMBOLIC_LINK),
        ]
        assert verb.has_spared(elsewhere)

    def test_are_followed_when_asked_to_and_once(
        self, verb: Verb, root: Path, tree: dict[str, Path], elsewhere: Path
    ) -> None:
        report = verb.call(root, follow_symlinks=True)
        assert report.ok
        assert report.skipped == []
        assert len(report.files) == len(tree) + 1
        assert verb.has_done(elsewhere)

    def test_that_are_named_are_followed(self, verb: Verb, root: Path, elsewhere: Path) -> None:
        report = verb.call(root / "deep" / "folder-link")
        assert paths_of(report) == [str(root / "deep" / "folder-link" / "e.mp4")]
        assert verb.has_done(elsewhere)

    @pytest.mark.parametrize("target", [".", "..", "../..", "deeper"])
    def test_in_a_circle_come_to_an_end(
        self, verb: Verb, root: Path, tree: dict[str, Path], target: str
    ) -> None:
        (root / "deep" / "circle").symlink_to(target)
        report = verb.call(root, follow_symlinks=True)
        assert report.ok
        assert {Path(path).resolve() for path in paths_of(report)} >= set(tree.values())
        assert len(report.files) == len({Path(path).stat().st_ino for path in paths_of(report)})

    @pytest.mark.parametrize(("target", "number"), [("nowhere", "ENOENT"), ("lost", "ELOOP")])
    def test_that_lead_nowhere_are_reported_when_followed(
        self, verb: Verb, root: Path, tree: dict[str, Path], target: str, number: str
    ) -> None:
        (root / "lost").symlink_to(target)
        report = verb.call(root, follow_symlinks=True)
        [failed] = report.failed
        assert failed.path == str(root / "lost")
        assert failed.error is not None
        assert failed.error.errno == getattr(errno, number)
        check_done(verb, tree, tree)
        assert verb.call(root).ok


class TestSpecialFiles:
    def test_are_left_out_and_said(self, verb: Verb, root: Path, tree: dict[str, Path]) -> None:
        need("root", "the right to make devices")
        os.mkfifo(root / "fifo")
        os.mknod(root / "deep" / "null", stat.S_IFCHR | 0o666, os.makedev(1, 3))
        os.mknod(root / "socket", stat.S_IFSOCK | 0o600)
        report = verb.call(root)
        assert report.ok
        assert len(report.files) == len(tree)
        assert sorted(report.skipped) == [
            (str(root / "deep" / "null"), SkipReason.SPECIAL_FILE),
            (str(root / "fifo"), SkipReason.SPECIAL_FILE),
            (str(root / "socket"), SkipReason.SPECIAL_FILE),
        ]


class TestOtherFileSystems:
    def test_mounted_below_are_left_out_and_said(
        self, verb: Verb, ext4: Path, tmp_path: Path
    ) -> None:
        here = verb.write(ext4 / "here.mp4")
        source = verb.write(tmp_path / "there.mp4").parent
        with mounts.bind(ext4, source) as mount:
            report = verb.call(ext4)
            assert paths_of(report) == [str(here)]
            assert report.skipped == [(str(mount), SkipReason.OTHER_FILE_SYSTEM)]
            assert verb.has_spared(source / "there.mp4")

    def test_mounted_on_a_single_file_are_taken(
        self, verb: Verb, ext4: Path, tmp_path: Path
    ) -> None:
        need("the right to mount")
        below, source = verb.write(ext4 / "clip.mp4"), verb.write(tmp_path / "there.mp4")
        rights.mount(source, below, "", rights.MS_BIND, "")
        try:
            report = verb.call(ext4)
        finally:
            rights.unmount(below)
        assert report.ok
        assert (names_of(report), report.skipped) == (["clip.mp4"], [])
        assert verb.has_done(source)
        assert verb.has_spared(below)

    def test_that_are_named_are_taken(self, verb: Verb, ext4: Path, tmp_path: Path) -> None:
        verb.write(ext4 / "here.mp4")
        source = verb.write(tmp_path / "there.mp4").parent
        with mounts.bind(ext4, source) as mount:
            assert names_of(verb.call([ext4, mount])) == ["here.mp4", "there.mp4"]
        assert verb.has_done(source / "there.mp4")

    def test_that_a_followed_link_leads_to_are_taken(
        self, verb: Verb, ext4: Path, tmp_path: Path
    ) -> None:
        path = verb.write(tmp_path / "deep" / "there.mp4")
        (ext4 / "link").symlink_to(tmp_path)
        report = verb.call(ext4, follow_symlinks=True)
        assert paths_of(report) == [str(ext4 / "link" / "deep" / "there.mp4")]
        assert verb.has_done(path)

    def test_are_not_what_subvolumes_of_btrfs_are(self, verb: Verb, btrfs: Path) -> None:
        need("btrfs")
        command = ["btrfs", "-q", "subvolume", "create", str(btrfs / "volume")]
        subprocess.run(command, check=True, capture_output=True)
        path = verb.write(btrfs / "volume" / "clip")
        report = verb.call(btrfs)
        assert report.skipped == []
        assert paths_of(report) == [str(path)]
        assert verb.has_done(path)
        subprocess.run(["btrfs", "-q", "subvolume", "delete", str(btrfs / "volume")], check=True)

    def test_are_walked_like_any(self, verb: Verb, file_system: FileSystem) -> None:
        names = {"a.mp4", "deep/b.mp4", "deep/deeper/c.mp4"}
        for name in names:
            path = file_system.directory / name
            path.parent.mkdir(parents=True, exist_ok=True)
            bring_into("warm" if file_system.kind == "tmpfs" else verb.before, path, PAGE)
        (file_system.directory / "same.mp4").hardlink_to(file_system.directory / "deep" / "b.mp4")
        (file_system.directory / "link").symlink_to("a.mp4")
        report = verb.call(file_system.directory)
        assert report.ok
        assert sorted(names_of(report)) == ["a.mp4", "c.mp4", "same.mp4"]
        assert len(report.skipped) == 1
        assert report.resident_bytes == sum(map(resident_bytes, paths_of(report)))
        if verb.after == "cold":
            assert report.resident_bytes == (3 * PAGE if file_system.kind == "tmpfs" else 0)


class TestRights:
    def test_to_list_are_needed_and_the_rest_goes_on(self, verb: Verb, ext4: Path) -> None:
        secret = verb.write(ext4 / "a-secret" / "s.mp4")
        free = verb.write(ext4 / "z.mp4")
        residency.clean(free)
        secret.parent.chmod(0o700)
        report = as_other_user(verb.call, ext4)
        assert sorted(paths_of(report)) == [str(secret.parent), str(free)]
        [refused] = report.failed
        assert refused.path == str(secret.parent)
        assert verb.has_status(refused, "FILE_OPEN_FAILED")
        assert verb.has_status(report, "FILE_OPEN_FAILED")
        assert isinstance(refused.error, PermissionError)
        assert refused.error.filename == str(secret.parent)
        assert verb.has_spared(secret)
        assert verb.has_done(free)

    def test_to_list_the_directory_itself_are_needed(self, verb: Verb, ext4: Path) -> None:
        secret = verb.write(ext4 / "secret" / "s.mp4")
        secret.parent.chmod(0o700)
        [refused] = as_other_user(verb.call, secret.parent).files
        assert refused.path == str(secret.parent)
        assert isinstance(refused.error, PermissionError)
        assert verb.has_spared(secret)

    def test_to_enter_are_needed_too(self, verb: Verb, ext4: Path) -> None:
        secret = verb.write(ext4 / "secret" / "s.mp4")
        secret.parent.chmod(0o704)  # only its names may be read
        [refused] = as_other_user(verb.call, ext4).files
        assert refused.path == str(secret)
        assert isinstance(refused.error, PermissionError)
        assert verb.has_spared(secret)


class TestBeyondThePathLimit:
    def test_files_are_taken(self, verb: Verb, tmp_path: Path) -> None:
        near = verb.write(tmp_path / "near")
        path = tmp_path
        descriptor = os.open(path, os.O_RDONLY)
        while len(bytes(path)) < os.pathconf("/", "PC_PATH_MAX"):
            os.mkdir("d" * 200, dir_fd=descriptor)
            inner = os.open("d" * 200, os.O_RDONLY, dir_fd=descriptor)
            os.close(descriptor)
            path, descriptor = path / ("d" * 200), inner
        name = os.open("far", os.O_CREAT | os.O_RDWR, 0o600, dir_fd=descriptor)
        far = verb.write(Path(f"/proc/self/fd/{name}"))
        assert verb.has_spared(far)
        report = verb.call(tmp_path)
        done = verb.has_done(far, near)
        os.close(name)
        os.close(descriptor)
        assert report.ok
        assert sorted(paths_of(report), key=len) == [str(near), str(path / "far")]
        assert done


class TestFewDescriptors:
    @pytest.mark.parametrize("free", [2, 3, 10])
    def test_will_do(self, verb: Verb, tmp_path: Path, free: int) -> None:
        deep = tmp_path.joinpath(*"d" * 30)
        files = [verb.write(deep / str(n)) for n in range(200)]
        files += [verb.write(tmp_path / f"wide-{n}" / "clip") for n in range(30)]
        with scarce_descriptors(free):
            report = verb.call([tmp_path / "d", *sorted(tmp_path.glob("wide-*"))])
        assert report.ok
        assert verb.has_done(*files)
        assert len(report.files) == len(files)


class TestTreesOfOthers:
    """The owner of a part of the tree replaces it by links, and cannot lead the walk out of it."""

    @pytest.fixture
    def outside(self, verb: Verb, tmp_path: Path) -> Path:
        """A directory that only its owner may read."""
        place = tmp_path / "outside"
        for name in ("clip", "inner/clip"):
            verb.write(place / name)
        place.chmod(0o700)
        return place

    @pytest.mark.parametrize("swapped", ["a", "a/inner", "a/inner/clip"])
    def test_never_lead_outside(
        self,
        verb: Verb,
        tmp_path: Path,
        outside: Path,
        swapped: str,
    ) -> None:
        root = tmp_path / "tree"
        for number in range(20):  # time for a swap between listing and opening
            verb.write(root / "a" / "inner" / f"{number:02}")
        verb.write(root / "a" / "inner" / "clip")
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
                verb.call(root)
            swapper.stdin.close()
            assert swapper.wait() == 0
            assert observed.seen() == set()

    def test_may_have_the_name_that_the_caller_gives(
        self, verb: Verb, tmp_path: Path, outside: Path
    ) -> None:
        (tmp_path / "link").symlink_to(outside)
        assert names_of(verb.call(tmp_path / "link")) == ["clip", "clip"]
        assert verb.has_done(outside / "clip")


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
        self, verb: Verb, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        source = tmp_path_factory.mktemp("source")
        for number in range(200):
            verb.write(source / f"{number:03}")
        last = source / "199"
        options = ("allow_other", "default_permissions", "open_us=3000")

        def remove_last(_done: int, total: int, _bytes: int) -> None:
            if total == 200:
                last.unlink(missing_ok=True)

        with mounts.fuse(tmp_path, options, source=source) as mount:
            report = verb.call(mount, workers=1, progress=remove_last)
        [failed] = report.failed
        assert failed.path == str(mount / "199")
        assert isinstance(failed.error, FileNotFoundError)
        assert len(report.files) == 200
        assert not last.exists()


def test_a_socket_that_is_named_is_an_error(verb: Verb, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as one:
        place = os.open(tmp_path, os.O_RDONLY)
        one.bind(f"/proc/self/fd/{place}/socket")  # a path of its own may be too long for bind(2)
        os.close(place)
        [record] = verb.call(tmp_path / "socket").files
    assert record.error is not None
    assert record.error.errno == errno.ENXIO

"""`holders` finds who has a file mapped or open, and reports what it could not inspect."""

import errno
import mmap
import os
import pickle
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import cast

import pytest

from accv_cache import Holder, Holders, KeptReason, drop, holders, query
from support import mounts
from support.descriptors import scarce_descriptors
from support.files import FileSystem, MakeFile
from support.forks import FOR_EVER
from support.needs import need
from support.privileges import NOBODY, as_other_user
from support.residency import PAGE, mapped_elsewhere, mlocked

SIZE = 16 * PAGE
OURS = os.getpid()

pytestmark = pytest.mark.usefixtures("no_leaked_descriptors")


def command_of(process: int) -> str:
    return Path(f"/proc/{process}/comm").read_text().removesuffix("\n")


def holder(path: Path, process: int = OURS, mapped: int = 0, *, is_open: bool = False) -> Holder:
    """The expected result."""
    return Holder(process, command_of(process), str(path), mapped, is_open)


@pytest.fixture
def clip(file_system: FileSystem) -> Path:
    """A file on each file system."""
    path = file_system.directory / "clip"
    path.write_bytes(bytes(SIZE))
    return path


@contextmanager
def open_elsewhere(path: Path) -> Iterator[int]:
    """Hold the file open in another process; return that process's id."""
    need("cat")
    with path.open("rb") as file:
        child = subprocess.Popen(
            ["cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, pass_fds=(file.fileno(),)
        )
    with child:
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write(b"started\n")
        child.stdin.flush()
        assert child.stdout.readline() == b"started\n"
        yield child.pid


class TestEveryFileSystem:
    def test_names_this_process(self, clip: Path) -> None:
        with mlocked(clip):
            assert holders(clip).found == (holder(clip, mapped=SIZE),)

    def test_names_another_process(self, clip: Path) -> None:
        # Python's mmap, there, keeps a descriptor; `mlocked` in this process does not.
        with mapped_elsewhere(clip) as process:
            assert holders(clip).found == (holder(clip, process, SIZE, is_open=True),)

    def test_names_who_only_has_it_open(self, clip: Path) -> None:
        with open_elsewhere(clip) as process, clip.open("rb"):
            found = holders(clip).found
            expected = [holder(clip, each, is_open=True) for each in (OURS, process)]
        assert sorted(found, key=lambda each: each.process) == sorted(
            expected, key=lambda each: each.process
        )

    def test_adds_up_all_mappings_of_a_process(self, clip: Path) -> None:
        with clip.open("rb") as file, mlocked(clip):
            part = mmap.mmap(file.fileno(), 3 * PAGE, mmap.MAP_PRIVATE, mmap.PROT_READ)
            with part:
                expected = holder(clip, mapped=SIZE + 3 * PAGE, is_open=True)
                assert holders(clip).found == (expected,)

    def test_names_nobody_when_all_have_let_go(self, clip: Path) -> None:
        with mlocked(clip), clip.open("rb"):
            pass
        assert holders(clip).found == ()

    @pytest.mark.parametrize(
        "name", ["two words ", "two\nlines", "back\\slash", "\\012", "ünï", "x (deleted)", "\udcff"]
    )
    def test_reads_every_name(self, file_system: FileSystem, name: str) -> None:
        path = file_system.directory / name
        path.write_bytes(bytes(SIZE))
        with mlocked(path):
            assert holders(path).found == (holder(path, mapped=SIZE),)

    def test_finds_the_holders_of_a_name_that_is_deleted(self, clip: Path) -> None:
        other = clip.with_name("other")
        os.link(clip, other)
        with mlocked(clip):
            clip.unlink()
            assert holders(other).found == (holder(other, mapped=SIZE),)

    def test_finds_the_holders_of_a_file_that_is_deleted(self, clip: Path) -> None:
        with clip.open("rb") as file, mlocked(clip):
            clip.unlink()
            link = Path(f"/proc/self/fd/{file.fileno()}")
            assert holders(link).found == (holder(link, mapped=SIZE, is_open=True),)

    def test_does_not_name_the_holder_of_the_next_file_of_that_name(self, clip: Path) -> None:
        with mlocked(clip):
            clip.rename(clip.with_name("old"))
            clip.write_bytes(bytes(SIZE))
            assert holders(clip).found == ()

    def test_names_its_own_process_to_another_user(self, clip: Path) -> None:
        def look() -> tuple[Holders, Holder]:
            with mlocked(clip):
                return holders(clip), holder(clip, os.getpid(), SIZE)

        found, expected = as_other_user(look)
        assert found.found == (expected,)

    def test_sees_through_a_bind_mount(self, clip: Path) -> None:
        with (
            tempfile.TemporaryDirectory() as place,
            mounts.bind(Path(place), clip.parent) as root,
            mapped_elsewhere(clip) as process,
        ):
            path = root / clip.name
            assert holders(path).found == (holder(path, process, SIZE, is_open=True),)


ON_DISK = pytest.mark.parametrize("file_system", ["ext4", "xfs"], indirect=True)


class TestReportOfADrop:
    """It names who holds the file that was dropped, whatever has the file's name now."""

    @pytest.fixture
    def warm(self, file_system: FileSystem, make_file: MakeFile) -> Path:
        return make_file(SIZE, "warm", file_system.directory)

    @ON_DISK
    def test_of_a_deleted_file(self, warm: Path) -> None:
        with warm.open("rb") as file, mapped_elsewhere(warm) as process:
            warm.unlink()
            report = drop(file)
            found = holders(file).found
            texts = [report.explain(), report.files[0].explain()]
            texts += [pickle.loads(pickle.dumps(each)).explain() for each in (report, report[0])]
        assert report.kept == {KeptReason.MAPPED: SIZE}
        assert (process, SIZE) in [(each.process, each.mapped_bytes) for each in found]
        for text in texts:
            assert f"{warm} (deleted): process {process} (" in text
            assert "has 64.0 KiB mapped and has it open" in text

    @ON_DISK
    def test_of_a_file_that_is_deleted_after_it(self, warm: Path) -> None:
        with mapped_elsewhere(warm) as process:
            report = drop(warm)
            warm.unlink()
            assert f"{warm}: process {process} (" in report.explain()

    @ON_DISK
    def test_does_not_name_the_holder_of_the_next_file_of_that_name(self, warm: Path) -> None:
        old = warm.with_name("old")
        with mapped_elsewhere(warm) as process:
            report = drop(warm)
            warm.rename(old)
            warm.write_bytes(bytes(SIZE))
            with mlocked(warm):
                text = report.explain()
        assert f"process {process} (" in text
        assert f"process {OURS} (" not in text

    @ON_DISK
    def test_tells_device_and_inode(self, warm: Path) -> None:
        status = warm.stat()
        [record, missing] = drop([warm, "/missing"])
        assert record.identity == (status.st_dev, status.st_ino)
        assert missing.identity is None


class TestOverlay:
    def test_tells_a_file_of_the_lower_layer(self, overlay: Path) -> None:
        path = overlay.parent / mounts.LOWER_FILE
        with mapped_elsewhere(path) as process:
            assert holders(path).found == (holder(path, process, mounts.LOWER_SIZE, is_open=True),)


class TestList:
    def test_gives_an_entry_a_process_and_file(self, make_file: MakeFile) -> None:
        first, second, third = (make_file(SIZE) for _ in range(3))
        with mlocked(first), third.open("rb"):
            found = holders([first, second, third]).found
        expected = {holder(first, mapped=SIZE), holder(third, is_open=True)}
        assert (len(found), set(found)) == (2, expected)

    def test_may_name_a_file_twice(self, make_file: MakeFile) -> None:
        path = make_file(SIZE)
        linked, link = path.with_name("linked"), path.with_name("link")
        os.link(path, linked)
        link.symlink_to(path)
        with mlocked(path):
            found = holders([path, linked, link]).found
        assert set(found) == {holder(each, mapped=SIZE) for each in (path, linked, link)}

    def test_may_be_empty_or_name_what_is_missing(self, tmp_path: Path) -> None:
        assert holders([]) == Holders((), 0)
        assert holders([tmp_path / "missing", ""]) == Holders((), 0)

    def test_may_be_one_path(self, make_file: MakeFile) -> None:
        path = make_file(SIZE)
        with mlocked(path):
            for one in (path, str(path), bytes(path), [path], iter([bytes(path)])):
                assert holders(one).found == (holder(path, mapped=SIZE),)

    @pytest.mark.parametrize("name", ["/etc/passwd\0x", b"\0"])
    def test_refuses_a_nul(self, name: str | bytes) -> None:
        with pytest.raises(ValueError, match="NUL"):
            holders([name])

    @pytest.mark.parametrize("item", [None, True, 1.5, [True], [None], [[0]]])
    def test_refuses_what_is_no_file(self, item: object) -> None:
        with pytest.raises(TypeError):
            holders(cast("Path", item))

    def test_may_have_descriptors_and_open_files(self, make_file: MakeFile) -> None:
        path = make_file(SIZE)
        with path.open("rb") as file:
            for one in (file, file.fileno(), [file], [file.fileno()]):
                assert holders(one).found == (holder(path, is_open=True),)

    def test_refuses_a_descriptor_that_is_closed(self, make_file: MakeFile) -> None:
        with make_file(SIZE).open("rb") as file:
            number = file.fileno()
        with pytest.raises(OSError, match="Bad file descriptor"):
            holders(number)

    def test_is_asked_of_reports_and_records_too(self, make_file: MakeFile) -> None:
        path = make_file(SIZE)
        report = query([path, "/missing"])
        with mlocked(path):
            expected = (holder(path, mapped=SIZE),)
            assert report.holders().found == report.files[0].holders().found == expected


class TestText:
    def test_is_one_line_a_holder(self) -> None:
        found = (
            Holder(7, "train", "/a", 2 * PAGE, is_open=True),
            Holder(8, "cp", "/b", 0, is_open=True),
        )
        assert str(Holders(found, 2)) == (
            "/a: process 7 (train) has 8.0 KiB mapped and has it open\n"
            "/b: process 8 (cp) has it open\n"
            "could not look into: 2 other processes"
        )

    def test_knows_its_own_process(self) -> None:
        own = Holder(OURS, "train", "/a", 0, is_open=True)
        assert str(own) == f"/a: process {OURS} (train, this process) has it open"

    def test_moves_no_cursor(self) -> None:
        assert str(Holder(7, "a\x1b[2J\nb", "/\r\udcff", 0, is_open=True)) == (
            "/\\r\\udcff: process 7 (a\\x1b[2J\\nb) has it open"
        )

    def test_says_what_was_not_looked_at(self) -> None:
        error = OSError(errno.EMFILE, "no descriptor to spare")
        assert str(Holders((), 0, hidden_processes=True, error=error)) == (
            "no process was seen to hold them\n"
            "not all processes were looked at: no descriptor to spare\n"
            "other processes are hidden: /proc is mounted with hidepid"
        )

    def test_is_json_with_what_was_not_looked_at(self) -> None:
        error = OSError(errno.EMFILE, "no descriptor to spare")
        found = Holders((Holder(7, "train", "/a", PAGE, is_open=False),), 2, error=error)
        assert found.to_dict() == {
            "found": [
                {
                    "process": 7,
                    "command": "train",
                    "path": "/a",
                    "mapped_bytes": PAGE,
                    "is_open": False,
                }
            ],
            "unreadable_processes": 2,
            "hidden_processes": False,
            "error": f"[Errno {errno.EMFILE}] no descriptor to spare",
        }

    def test_says_when_nobody_was_seen(self) -> None:
        assert str(Holders((), 0)) == "no process was seen to hold them"
        assert str(Holders((), 1)).endswith("could not look into: 1 other process")


def processes(*, unreadable: bool = False) -> set[int]:
    """The processes that have memory of their own: no zombies, no kernel threads."""
    found = set()
    for entry in Path("/proc").iterdir():
        with suppress(FileNotFoundError, ProcessLookupError, NotADirectoryError):
            has_memory = entry.name.isdigit() and not (entry / "statm").read_text().startswith("0 ")
            if has_memory and not (unreadable and is_readable(entry)):
                found.add(int(entry.name))
    return found


def is_readable(entry: Path) -> bool:
    try:
        (entry / "maps").read_bytes()
        list((entry / "fd").iterdir())
    except PermissionError:
        return False
    return True


def forks() -> int:
    """The number of processes and threads that were started since boot."""
    [line] = [line for line in Path("/proc/stat").read_text().splitlines() if "processes" in line]
    return int(line.split()[1])


class TestFewDescriptors:
    def test_are_no_proof_that_nobody_holds_a_file(self, make_file: MakeFile) -> None:
        path = make_file(SIZE)
        with mlocked(path):
            with scarce_descriptors(0):
                none = holders(path)
            with scarce_descriptors(1):
                one = holders(path)
        assert none.found == ()
        assert none.error is not None
        assert none.error.errno == errno.EMFILE
        assert one.error is None
        assert one.unreadable_processes >= 1


@contextmanager
def hung_server(root: Path) -> Iterator[None]:
    """Let the server of a FUSE file system answer nothing until the end of the block."""
    servers = []
    for process in processes():
        with suppress(FileNotFoundError, ProcessLookupError):  # it has ended meanwhile
            if os.fsencode(root) in Path(f"/proc/{process}/cmdline").read_bytes().split(b"\0"):
                servers.append(process)
    [server] = servers
    os.kill(server, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(server, signal.SIGCONT)


class TestHungServers:
    @pytest.mark.parametrize("user", [0, NOBODY])
    def test_are_asked_nothing(self, ext4: Path, tmp_path: Path, user: int) -> None:
        need("root")
        source = ext4 / "source"
        source.mkdir()
        path = source / "clip"
        path.write_bytes(bytes(SIZE))
        # There the file has the inode number that it has here.
        with (
            mounts.fuse(tmp_path, source=source) as root,
            mapped_elsewhere(root / path.name),
            hung_server(root),
        ):
            command = [sys.executable, "-c", _LOOK, str(path), str(user)]
            seen = subprocess.run(command, capture_output=True, timeout=FOR_EVER, check=True)
        assert seen.stdout == b"[]\n"


_LOOK = """
import os, sys
from accv_cache import holders

holders([])  # another user may not read its imports
os.setresuid(*3 * (int(sys.argv[2]),))
# The server itself has the file open.
print([each for each in holders(sys.argv[1]).found if each.mapped_bytes])
"""


class TestHiddenProcesses:
    @pytest.mark.parametrize(
        ("option", "user", "hidden"),
        [("invisible", NOBODY, True), ("invisible", 0, False), ("off", NOBODY, False)],
    )
    def test_are_mentioned(self, option: str, user: int, *, hidden: bool) -> None:
        need("root", "unshare", "the right to make namespaces")
        mounted = f'mount -t proc -o hidepid={option} proc /proc && exec "$@"'
        inside = [sys.executable, "-c", _HIDDEN, str(user)]
        command = ["unshare", "--pid", "--fork", "--mount", "sh", "-c", mounted, "sh", *inside]
        shown = subprocess.run(command, capture_output=True, text=True, check=False)
        assert (shown.stdout, shown.stderr) == (f"{hidden}\n", "")


_HIDDEN = """
import os, sys
from accv_cache import holders

holders([])  # another user may not read its imports
os.setresuid(*3 * (int(sys.argv[1]),))
print(holders("/etc/passwd").hidden_processes)
"""


class TestUnreadableProcesses:
    def test_are_counted_and_nothing_is_claimed_of_them(
        self, ext4: Path, make_file: MakeFile
    ) -> None:
        path = make_file(SIZE, "warm", ext4)

        def unreadable() -> set[int]:
            return processes(unreadable=True)

        def look() -> tuple[int, set[int], Holders, set[int], int]:
            return forks(), unreadable(), holders(path), unreadable(), forks()

        with mapped_elsewhere(path) as process:
            started, before, found, after, last = as_other_user(look)
        assert found.found == ()
        assert process in before
        # At most these processes may have ended or started meanwhile.
        assert len(before & after) <= found.unreadable_processes <= len(before) + last - started

    @pytest.mark.parametrize("kind", ["nothing", "zombie", "other user"])
    def test_are_those_that_may_hold_files(self, kind: str) -> None:
        need("root", "unshare", "the right to make namespaces")
        # No other process is in there, so the numbers are exact.
        command = ["unshare", "--pid", "--fork", "--mount-proc", sys.executable, "-c", _SECLUDED]
        shown = subprocess.run([*command, kind], capture_output=True, text=True, check=False)
        assert shown.stderr == ""
        seen_by_others = 1 if kind == "other user" else 0
        assert shown.stdout == f"0 as root, {seen_by_others} as another user\n"


_SECLUDED = """
import ctypes, os, sys
from accv_cache import holders

kind = sys.argv[1]
holders([])  # another user may not read its imports
if kind != "nothing":
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        if kind == "zombie":
            os._exit(0)
        os.close(writer)
        os.setresuid(1, 1, 1)
        os.read(reader, 1)  # until the parent ends
        os._exit(0)
    if kind == "zombie":
        os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
print(holders("/proc/stat").unreadable_processes, "as root,", end=" ")
os.setresuid(65534, 65534, 65534)
ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)  # PR_SET_DUMPABLE: changing users takes it away
print(holders("/proc/stat").unreadable_processes, "as another user")
"""

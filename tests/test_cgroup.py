"""`cgroup_memory` tells what fills the caller's cgroup, whatever cgroups look like there."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from accv_cache import CgroupMemory, cgroup_memory
from support.needs import need, require

MIB = 1024 * 1024
NO_LIMIT = 0x7FFFFFFFFFFFF000  # what version 1 writes where none is set

_TELL = """
import dataclasses, json
from accv_cache import cgroup_memory
memory = cgroup_memory()
print(json.dumps(memory and dataclasses.asdict(memory)), flush=True)
"""


class Tree(NamedTuple):
    """What a process sees of cgroups, as files of the test's own."""

    folder: Path

    def write(self, place: str, files: dict[str, str]) -> Path:
        """Make the folder of a cgroup."""
        folder = self.folder / place
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (folder / name).write_text(text)
        return folder

    def seen(self, cgroups: str, *mounts: str) -> CgroupMemory | None:
        """What a process is told that sees `cgroups` and `mounts` under /proc/self."""
        need("root", "sh", "mount", "unshare", "the right to make namespaces")
        tables = {"cgroup": cgroups, "mountinfo": "".join(mounts)}
        for name, text in tables.items():
            (self.folder / name).write_text(text)
        steps = [f'mount --bind "$1/{name}" /proc/$$/{name}' for name in tables]
        script = " && ".join([*steps, 'exec "$2" -c "$3"'])
        command = ["unshare", "--mount", "sh", "-c", script, "sh"]
        shown = subprocess.run(
            [*command, str(self.folder), sys.executable, _TELL],
            capture_output=True,
            text=True,
            check=False,
        )
        assert shown.returncode == 0, shown.stderr
        told: dict[str, Any] | None = json.loads(shown.stdout)
        return None if told is None else CgroupMemory(**told)

    def mount(self, place: str, kind: str, options: str = "rw", root: str = "/") -> str:
        """A line of /proc/self/mountinfo."""
        where = self.folder / place
        return f"40 30 0:30 {root} {where} rw,nosuid shared:5 master:1 - {kind} {kind} {options}\n"


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path)


V1 = {
    "memory.usage_in_bytes": "1000\n",
    "memory.limit_in_bytes": f"{NO_LIMIT}\n",
    "memory.stat": (
        "cache 1\nrss 2\nshmem 3\ndirty 4\nwriteback 5\ninactive_file 6\nactive_file 7\n"
        f"hierarchical_memory_limit {NO_LIMIT}\n"
        "total_cache 500\ntotal_rss 300\ntotal_shmem 50\ntotal_dirty 40\ntotal_writeback 30\n"
        "total_inactive_file 260\ntotal_active_file 190\n"
    ),
}
V2 = {
    "memory.current": "1000\n",
    "memory.max": "max\n",
    "memory.stat": (
        "anon 300\nfile 500\nkernel 9\nshmem 50\nfile_mapped 8\nfile_dirty 40\nfile_writeback 30\n"
        "inactive_anon 1\nactive_anon 2\ninactive_file 260\nactive_file 190\nslab 7\n"
    ),
}


def expected(version: int, path: Path, limit: int | None = None) -> CgroupMemory:
    return CgroupMemory(
        version=version,
        path=str(path),
        limit_bytes=limit,
        usage_bytes=1000,
        anon_bytes=300,
        file_bytes=500,
        active_file_bytes=190,
        inactive_file_bytes=260,
        dirty_bytes=40,
        writeback_bytes=30,
        shmem_bytes=50,
    )


class TestVersion1:
    def test_tells_the_caller_and_all_below(self, tree: Tree) -> None:
        mine = tree.write("memory/job/step", V1)
        told = tree.seen(
            "3:cpu,cpuacct:/other\n2:memory:/job/step\n1:name=systemd:/\n",
            tree.mount("cpu", "cgroup", "rw,cpu,cpuacct"),
            tree.mount("memory", "cgroup", "rw,memory"),
        )
        assert told == expected(1, mine)

    def test_tells_the_lowest_limit_of_the_parents(self, tree: Tree) -> None:
        tree.write("memory", {"memory.limit_in_bytes": "9000"})
        tree.write("memory/job", {"memory.limit_in_bytes": "3000"})
        mine = tree.write("memory/job/step", {**V1, "memory.limit_in_bytes": "5000"})
        told = tree.seen("2:memory:/job/step\n", tree.mount("memory", "cgroup", "rw,memory"))
        assert told == expected(1, mine, limit=3000)

    def test_tells_a_limit_of_parents_that_are_not_seen(self, tree: Tree) -> None:
        statistics = V1["memory.stat"].replace(str(NO_LIMIT), "2000")
        mine = tree.write("memory", {**V1, "memory.stat": statistics})
        told = tree.seen("2:memory:/pod/container\n", tree.mount("memory", "cgroup", "rw,memory"))
        assert told == expected(1, mine, limit=2000)

    def test_finds_the_caller_below_a_container(self, tree: Tree) -> None:
        tree.write("memory", {**V1, "memory.usage_in_bytes": "7"})
        mine = tree.write("memory/inner", V1)
        told = tree.seen(
            "2:memory:/docker/1f/inner\n",
            tree.mount("memory", "cgroup", "rw,memory", root="/docker/1f"),
        )
        assert told == expected(1, mine)

    def test_is_preferred_where_it_has_the_controller(self, tree: Tree) -> None:
        mine = tree.write("memory/job", V1)
        tree.write("unified/job", V2)
        told = tree.seen(
            "2:memory:/job\n0::/job\n",
            tree.mount("unified", "cgroup2"),
            tree.mount("memory", "cgroup", "rw,memory"),
        )
        assert told == expected(1, mine)


class TestVersion2:
    def test_tells_the_caller_and_all_below(self, tree: Tree) -> None:
        mine = tree.write("all/job/step", V2)
        told = tree.seen("0::/job/step\n", tree.mount("all", "cgroup2"))
        assert told == expected(2, mine)

    def test_tells_the_lowest_limit_of_the_parents(self, tree: Tree) -> None:
        tree.write("all/job", {"memory.max": "3000\n"})
        mine = tree.write("all/job/step", {**V2, "memory.max": "5000\n"})
        told = tree.seen("0::/job/step\n", tree.mount("all", "cgroup2"))
        assert told == expected(2, mine, limit=3000)

    def test_takes_the_mount_where_the_path_exists_only_outside(self, tree: Tree) -> None:
        mine = tree.write("all", {**V2, "memory.max": "2000\n"})
        told = tree.seen("0::/kubepods/pod7/1f\n", tree.mount("all", "cgroup2"))
        assert told == expected(2, mine, limit=2000)

    def test_has_no_usage_in_the_root(self, tree: Tree) -> None:
        tree.write("all", {"memory.stat": V2["memory.stat"]})
        told = tree.seen("0::/\n", tree.mount("all", "cgroup2"))
        assert told is not None
        assert (told.usage_bytes, told.limit_bytes, told.working_set_bytes) == (None,) * 3
        assert told.file_bytes == 500

    def test_leaves_unknown_what_the_kernel_does_not_tell(self, tree: Tree) -> None:
        tree.write("all/job", {"memory.stat": "anon 300\nfile 500\n"})
        told = tree.seen("0::/job\n", tree.mount("all", "cgroup2"))
        assert told is not None
        assert (told.anon_bytes, told.file_bytes) == (300, 500)
        figures = (told.shmem_bytes, told.dirty_bytes, told.usage_bytes, told.evictable_bytes)
        assert figures == (None,) * 4


class TestNoController:
    @pytest.mark.parametrize(
        ("cgroups", "kind", "options"),
        [
            ("", "cgroup2", "rw"),
            ("0::/job\n", "tmpfs", "rw"),
            ("0::/job\n", "cgroup2", "rw"),
            ("4:memory:/job\n", "cgroup", "rw,cpu"),
            ("4:memory:/job\n", "cgroup2", "rw"),
            ("4:cpu:/job\n", "cgroup", "rw,cpu"),
        ],
    )
    def test_is_none(self, tree: Tree, cgroups: str, kind: str, options: str) -> None:
        tree.write("all/job", {"cgroup.procs": ""})
        assert tree.seen(cgroups, tree.mount("all", kind, options)) is None

    def test_is_none_without_any_mount(self, tree: Tree) -> None:
        assert tree.seen("0::/job\n") is None


class Names(NamedTuple):
    """What one version of cgroups calls its files and figures."""

    limit: str
    usage: str
    figures: dict[str, str]


NAMES = {
    1: Names(
        "memory.limit_in_bytes",
        "memory.usage_in_bytes",
        {
            "anon_bytes": "total_rss",
            "file_bytes": "total_cache",
            "active_file_bytes": "total_active_file",
            "inactive_file_bytes": "total_inactive_file",
            "dirty_bytes": "total_dirty",
            "writeback_bytes": "total_writeback",
            "shmem_bytes": "total_shmem",
        },
    ),
    2: Names(
        "memory.max",
        "memory.current",
        {
            "anon_bytes": "anon",
            "file_bytes": "file",
            "active_file_bytes": "active_file",
            "inactive_file_bytes": "inactive_file",
            "dirty_bytes": "file_dirty",
            "writeback_bytes": "file_writeback",
            "shmem_bytes": "shmem",
        },
    ),
}


def version() -> int:
    """Which version has the memory controller here."""
    return 1 if ":memory:" in Path("/proc/self/cgroup").read_text() else 2


def root() -> Path:
    """The root of the hierarchy that has the memory controller."""
    return Path("/sys/fs/cgroup", *["memory"] * (version() == 1))


@contextmanager
def child_cgroup(parent: Path, limit: int) -> Iterator[Path]:
    """A cgroup below another, which no process may be in under version 2."""
    require(os.access(parent, os.W_OK), "needs the right to make cgroups")
    folder = parent / f"accv-cache-{os.getpid()}"
    if version() == 2:
        (parent / "cgroup.subtree_control").write_text("+memory")
    folder.mkdir()
    try:
        (folder / NAMES[version()].limit).write_text(str(limit))
        yield folder
    finally:
        folder.rmdir()


# Holds 48 MiB of its own, and leaves 24 MiB of a file and 8 MiB of tmpfs.
_FILL = """
import os, sys
with open(sys.argv[1] + "/cgroup.procs", "w") as file:
    file.write(str(os.getpid()))
own = os.urandom(48 << 20)
with open(sys.argv[2], "wb") as file:
    file.write(bytes(24 << 20))
    os.fsync(file.fileno())
shared = os.memfd_create("shared")
os.write(shared, bytes(8 << 20))
"""


class TestThisMachine:
    def test_is_told_of_a_cgroup_of_its_own(self, ext4: Path) -> None:
        with child_cgroup(root(), 512 * MIB) as outer, child_cgroup(outer, 1024 * MIB) as inner:
            program = f"{_FILL}{_TELL}sys.stdin.read()"
            command = [sys.executable, "-c", program, str(inner), str(ext4 / "clip")]
            pipe = subprocess.PIPE
            with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as child:
                assert child.stdout is not None
                told = CgroupMemory(**json.loads(child.stdout.readline()))
                statistics = (inner / "memory.stat").read_text().split()
                usage = int((inner / NAMES[version()].usage).read_text())
        assert told.version == version()
        assert (told.path, told.limit_bytes) == (str(inner), 512 * MIB)
        figures = dict(zip(statistics[::2], map(int, statistics[1::2]), strict=True))
        # The kernel sums up per-CPU counts now and then, and the child wrote a line since.
        near = 2 * MIB
        for field, name in NAMES[version()].figures.items():
            assert getattr(told, field) == pytest.approx(figures[name], abs=near), field
        assert told.usage_bytes == pytest.approx(usage, abs=near)
        assert told.anon_bytes is not None
        assert told.anon_bytes > 48 * MIB - near
        assert told.shmem_bytes == pytest.approx(8 * MIB, abs=near)
        assert told.evictable_bytes == pytest.approx(24 * MIB, abs=2 * near)

    def test_is_told_of_the_callers(self) -> None:
        told = cgroup_memory()
        wanted = "memory" if version() == 1 else ""
        lines = Path("/proc/self/cgroup").read_text().splitlines()
        [path] = [line.split(":", 2)[2] for line in lines if line.split(":")[1] == wanted]
        require(told is not None, "needs a memory controller")
        assert told is not None
        assert Path(told.path) in (root() / path.lstrip("/"), root())


class TestFigures:
    memory = expected(2, Path("/cgroup"), limit=4000)

    def test_that_are_derived(self) -> None:
        assert self.memory.evictable_bytes == 450
        assert self.memory.working_set_bytes == 740

    def test_are_one_line(self) -> None:
        assert str(self.memory) == (
            "limit 3.9 KiB, used 1000 B, own memory 300 B, page cache 450 B, tmpfs and shared 50 B"
        )

    @pytest.mark.parametrize(
        ("anon", "file", "shmem", "words"),
        [
            (5, 4, 0, "Most of it, 5 B, is the programs' own memory"),
            (5, 9, 1, "Most of it, 8 B, is the page cache: `accv-cache drop`"),
            (5, 9, 8, "Most of it, 8 B, is tmpfs and shared memory"),
            (5, None, None, "Most of it, 5 B, is the programs' own memory"),
            (None, None, None, "The kernel does not tell"),
        ],
    )
    def test_give_advice(
        self, anon: int | None, file: int | None, shmem: int | None, words: str
    ) -> None:
        unknown = (None,) * 5
        memory = CgroupMemory(2, "/", None, 9, anon, file, *unknown[:4], shmem)
        assert memory.advice.startswith(words)
        assert memory.advice.endswith(".")
        assert "\n" not in memory.advice

"""`cgroup_memory` reports what uses the caller's cgroup, in every layout of cgroups."""

import dataclasses
import json
import os
import pickle
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from accv_cache import (
    CgroupMemory,
    CgroupVerdict,
    MachineMemory,
    cgroup_memory,
    machine_memory,
)
from support.cgroups import child_cgroup, root, version
from support.needs import need, require

MIB = 1024 * 1024
NO_LIMIT = 0x7FFFFFFFFFFFF000  # what version 1 writes where none is set

_TELL = """
import dataclasses, json, sys
from accv_cache import cgroup_memory, memory_limit
memory = cgroup_memory()
print(json.dumps([memory and dataclasses.asdict(memory), memory_limit()]), flush=True)
"""


def without_styles(html: str) -> str:
    """The text of the cells, without styles."""
    return re.sub(' style="[^"]*"', "", html)


class Told(NamedTuple):
    """The results of `cgroup_memory` and `memory_limit`."""

    memory: CgroupMemory | None
    limit: int | None

    @classmethod
    def of(cls, line: str) -> "Told":
        """Read what the program above has written."""
        memory, limit = json.loads(line)
        return cls(None if memory is None else CgroupMemory(**memory), limit)


def machine_bytes() -> int:
    """The memory of the machine."""
    [total] = re.findall(r"^MemTotal: +(\d+) kB$", Path("/proc/meminfo").read_text(), re.MULTILINE)
    return int(total) * 1024


class Tree(NamedTuple):
    """The cgroup files that a process sees, made by the test."""

    folder: Path

    def write(self, place: str, files: dict[str, str]) -> Path:
        """Make the folder of a cgroup."""
        folder = self.folder / place
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (folder / name).write_text(text)
        return folder

    def seen(self, cgroups: str, *mounts: str, within: str | None = None) -> Told:
        """The results in a process that sees `cgroups` and `mounts` under /proc/self.

        `within` is the folder whose cgroup.procs names it.
        """
        need("root", "sh", "mount", "unshare", "the right to make namespaces")
        tables = {"cgroup": cgroups, "mountinfo": "".join(mounts)}
        for name, text in tables.items():
            (self.folder / name).write_text(text)
        steps = [f'mount --bind "$1/{name}" /proc/$$/{name}' for name in tables]
        if within is not None:
            steps.insert(0, f'echo $$ > "$1/{within}/cgroup.procs"')
        script = " && ".join([*steps, 'exec "$2" -c "$3"'])
        command = ["unshare", "--mount", "sh", "-c", script, "sh"]
        shown = subprocess.run(
            [*command, str(self.folder), sys.executable, _TELL],
            capture_output=True,
            text=True,
            check=False,
        )
        assert shown.returncode == 0, shown.stderr
        return Told.of(shown.stdout)

    def mount(
        self, place: str, kind: str, options: str = "rw", root: str = "/", ids: str = "40 30"
    ) -> str:
        """A line of /proc/self/mountinfo."""
        where = str(self.folder / place).replace(" ", r"\040")
        return f"{ids} 0:30 {root} {where} rw,nosuid shared:5 master:1 - {kind} {kind} {options}\n"


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path)


V1 = {
    "memory.usage_in_bytes": "1000\n",
    "memory.limit_in_bytes": f"{NO_LIMIT}\n",
    "memory.kmem.usage_in_bytes": "120\n",
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
        "anon 300\nfile 500\nkernel 120\nkernel_stack 3\nshmem 50\nfile_mapped 8\n"
        "file_dirty 40\nfile_writeback 30\ninactive_anon 1\nactive_anon 2\ninactive_file 260\n"
        "active_file 190\nslab 7\n"
    ),
}
FOREIGN = {
    1: {**V1, "memory.usage_in_bytes": "7\n", "memory.limit_in_bytes": "7\n"},
    2: {**V2, "memory.current": "7\n", "memory.max": "7\n"},
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
        kernel_bytes=120,
        machine_bytes=machine_bytes(),
    )


DOCKER = "/docker/0f3a9e"
BURSTABLE = "/kubepods/burstable/pod7d44-24e6/0f3a9e"
SLICE = "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod7d44_24e6.slice"
SYSTEMD_USER = "/user.slice/user-1000.slice/user@1000.service"
SLURM_2 = "/system.slice/slurmstepd.scope/job_42"


class Form(NamedTuple):
    """How a container runtime shows a process its cgroup, and the correct folder of the mount."""

    runtime: str
    version: int
    path: str
    """In /proc/self/cgroup."""
    root: str
    """Of the mount in /proc/self/mountinfo."""
    folder: str | None
    """Below the mount; None: it cannot be known."""
    limited: str | None = None
    """The folder that has the limit, below the mount."""
    controllers: str = "memory"
    """Version 1: those of the hierarchy."""
    is_searched_for: bool = False
    """The names on the way are not told, so that cgroup.procs has to tell."""

    def __str__(self) -> str:
        return self.runtime


FORMS = [
    Form("docker-v1", 1, DOCKER, DOCKER, "", ""),
    Form("docker-v1-host-cgroupns-and-mount", 1, DOCKER, "/", DOCKER, DOCKER),
    Form("docker-v1-in-docker", 1, f"{DOCKER}{DOCKER}", DOCKER, DOCKER, DOCKER),
    Form("docker-v2-private", 2, "/", "/", "", ""),
    Form("docker-v2-host", 2, f"/system.slice{DOCKER}.scope", "/", f"/system.slice{DOCKER}.scope"),
    Form("docker-v2-node-exporter", 2, "/", "/../../..", f"/system.slice{DOCKER}",
         "/system.slice", is_searched_for=True),
    Form("docker-v2-debug-sibling", 2, "/../other.scope", "/..", "/other.scope"),
    Form("docker-v2-sibling-not-shown", 2, "/../other.scope", "/", None),
    Form("docker-v2-moved-to-a-parent", 2, "/..", "/", None),
    Form("containerd-v1-cgroupfs", 1, BURSTABLE, BURSTABLE, "", ""),
    Form("containerd-v1-systemd", 1, f"{SLICE}/cri-containerd-0f3a9e.scope",
         f"{SLICE}/cri-containerd-0f3a9e.scope", "", "", "memory"),
    Form("containerd-v1-systemd-colons", 1,
         "/system.slice/containerd.service/kubepods-burstable-pod7d44.slice:cri-containerd:0f3a9e",
         "/system.slice/containerd.service/kubepods-burstable-pod7d44.slice:cri-containerd:0f3a9e",
         "", ""),
    Form("containerd-v1-another-container", 1, BURSTABLE, f"{BURSTABLE}00", None),
    Form("containerd-v2-private", 2, "/", "/", "", ""),
    Form("containerd-v2-privileged-host", 2, f"{SLICE}/cri-containerd-0f3a9e.scope", "/",
         f"{SLICE}/cri-containerd-0f3a9e.scope", SLICE),
    Form("kind-v1", 1, f"{DOCKER}/kubelet{BURSTABLE}", f"{DOCKER}/kubelet{BURSTABLE}", "", ""),
    Form("crio-v2-private", 2, "/container", "/", "/container", ""),
    Form("crio-v2-host", 2, f"{SLICE}/crio-0f3a9e.scope/container", "/",
         f"{SLICE}/crio-0f3a9e.scope/container", f"{SLICE}/crio-0f3a9e.scope"),
    Form("podman-rootless-v2-private", 2, "/", "/", "", ""),
    Form("podman-rootless-v2-host", 2,
         f"{SYSTEMD_USER}/user.slice/libpod-0f3a9e.scope/container", "/",
         f"{SYSTEMD_USER}/user.slice/libpod-0f3a9e.scope/container",
         f"{SYSTEMD_USER}/user.slice/libpod-0f3a9e.scope"),
    Form("podman-rootless-v2-sys-of-the-host", 2, "/", "/../../..",
         "/user.slice/user-1000.slice/libpod-0f3a9e.scope", "/user.slice", is_searched_for=True),
    Form("podman-rootless-v1", 1, f"{SYSTEMD_USER}/libpod-0f3a9e.scope", "/",
         f"{SYSTEMD_USER}/libpod-0f3a9e.scope"),
    Form("systemd-user-v2", 2, f"{SYSTEMD_USER}/app.slice/app-a-1.scope", "/",
         f"{SYSTEMD_USER}/app.slice/app-a-1.scope", "/user.slice/user-1000.slice"),
    Form("systemd-escaped-name", 2, "/a\\x2db c.service", "/", "/a\\x2db c.service"),
    Form("systemd-escaped-root", 2, "/a b/c", r"/a\040b", "/c", ""),
    Form("systemd-nspawn-v1", 1, "/machine.slice/machine-a.scope/payload",
         "/machine.slice/machine-a.scope/payload", "", ""),
    Form("slurm-v1", 1, "/slurm/uid_1000/job_42/step_0/task_0", "/",
         "/slurm/uid_1000/job_42/step_0/task_0", "/slurm/uid_1000/job_42"),
    Form("slurm-v2", 2, f"{SLURM_2}/step_0/user/task_0", "/", f"{SLURM_2}/step_0/user/task_0",
         SLURM_2),
    Form("slurm-v2-enroot", 2, "/", "/../../../../../..", f"{SLURM_2}/step_0/user/task_0",
         f"{SLURM_2}/step_0/user", is_searched_for=True),
    Form("lxc-v1", 1, "/lxc/web/init.scope", "/lxc/web", "/init.scope", ""),
    Form("lxc-v2-exec", 2, "/.lxc", "/", "/.lxc", ""),
    Form("lxc-v2-host", 2, "/lxc.payload.web/.lxc", "/", "/lxc.payload.web/.lxc",
         "/lxc.payload.web"),
    Form("unshare-v1-below-the-root", 1, "/", "/..", "/job", "/job", is_searched_for=True),
    Form("unshare-v1-below-and-inside", 1, "/inner", "/..", "/job/inner", "/job",
         is_searched_for=True),
    Form("unshare-twice-v2", 2, "/", "/../..", "/outer/inner", "/outer", is_searched_for=True),
    Form("namespace-beside-the-mount", 2, "/", "/../beside", None),
    Form("co-mounted", 1, "/job", "/", "/job", "/", "cpuset,memory,cpu"),
    Form("co-mounted-last", 1, "/job", "/", "/job", "/", "cpu,cpuacct,memory"),
    Form("deleted", 2, "/job (deleted)", "/", None),
    Form("deleted-below", 2, "/gone/job (deleted)", "/", None),
]  # fmt: skip


class TestForms:
    @pytest.mark.parametrize("form", FORMS, ids=str)
    def test_is_the_right_folder(self, tree: Tree, form: Form) -> None:
        names = {1: V1, 2: V2}[form.version]
        limit = {1: "memory.limit_in_bytes", 2: "memory.max"}[form.version]
        for foreign in ("", "/job", "/beside", "/foreign", "/foreign/inner", f"{DOCKER}00"):
            tree.write(f"mount{foreign}", {**FOREIGN[form.version], limit: names[limit]})
        mine = tree.folder / "mount"
        if form.folder is not None:
            mine = tree.write(f"mount{form.folder}", {**names, "cgroup.procs": ""})
        if form.limited is not None:
            tree.write(f"mount{form.limited}", {limit: "3000\n"})
        kind, options = {1: ("cgroup", f"rw,{form.controllers}"), 2: ("cgroup2", "rw")}[
            form.version
        ]
        line = f"4:{form.controllers}:" if form.version == 1 else "0::"
        told = tree.seen(
            f"3:name=memory:/foreign\n{line}{form.path}\n",
            tree.mount("mount", kind, options, form.root),
            within=f"mount{form.folder}" if form.is_searched_for else None,
        )
        if form.folder is None:
            assert told == (None, None)
        else:
            bound = None if form.limited is None else 3000
            assert told == (expected(form.version, mine, bound), bound or machine_bytes())

    def test_a_process_that_is_nowhere_below_the_mount_cannot_be_known(self, tree: Tree) -> None:
        tree.write("all/foreign", {**FOREIGN[2], "cgroup.procs": "1\n"})
        told = tree.seen("0::/\n", tree.mount("all", "cgroup2", root="/.."))
        assert told == (None, None)


class TestSeveralMounts:
    def test_the_one_that_shows_the_caller_is_taken(self, tree: Tree) -> None:
        tree.write("foreign", FOREIGN[2])
        mine = tree.write("all/job", V2)
        told = tree.seen(
            "0::/pod/job\n",
            tree.mount("foreign", "cgroup2", root="/beside"),
            tree.mount("all", "cgroup2", root="/pod"),
        )
        assert told.memory == expected(2, mine)

    def test_the_one_that_shows_more_parents_is_preferred(self, tree: Tree) -> None:
        tree.write("part", V2)
        mine = tree.write("all/pod/job", V2)
        tree.write("all/pod", {"memory.max": "3000\n"})
        told = tree.seen(
            "0::/pod/job\n",
            tree.mount("part", "cgroup2", root="/pod/job"),
            tree.mount("all", "cgroup2"),
        )
        assert told == (expected(2, mine, 3000), 3000)

    def test_one_that_is_hidden_by_another_is_not_taken(self, tree: Tree) -> None:
        mine = tree.write("all", V2)
        told = tree.seen(
            "0::/\n",
            tree.mount("all", "cgroup2", root="/../..", ids="241 238"),
            tree.mount("all", "cgroup2", root="/", ids="392 241"),
        )
        assert told.memory == expected(2, mine)
        told = tree.seen(
            "0::/\n",
            tree.mount("all", "cgroup2", root="/", ids="241 238"),
            tree.mount("all", "cgroup2", root="/beside", ids="392 241"),
        )
        assert told == (None, None)

    def test_one_whose_folder_has_a_space(self, tree: Tree) -> None:
        mine = tree.write("all of it/job", V2)
        told = tree.seen("0::/job\n", tree.mount("all of it", "cgroup2"))
        assert told.memory == expected(2, mine)

    def test_version_1_is_preferred_where_it_has_the_controller(self, tree: Tree) -> None:
        mine = tree.write("memory/job", V1)
        tree.write("unified/job", FOREIGN[2])
        told = tree.seen(
            "2:memory:/job\n0::/job\n",
            tree.mount("unified", "cgroup2"),
            tree.mount("memory", "cgroup", "rw,memory"),
        )
        assert told.memory == expected(1, mine)

    def test_version_2_is_taken_where_version_1_has_other_controllers(self, tree: Tree) -> None:
        tree.write("cpu/job", FOREIGN[1])
        mine = tree.write("unified/job", V2)
        told = tree.seen(
            "2:cpu:/job\n1:name=systemd:/job\n0::/job\n",
            tree.mount("cpu", "cgroup", "rw,cpu"),
            tree.mount("cpu", "cgroup", "rw,xattr,name=systemd"),
            tree.mount("unified", "cgroup2"),
        )
        assert told.memory == expected(2, mine)


class TestFiguresOfVersion1:
    def test_the_lowest_limit_binds(self, tree: Tree) -> None:
        tree.write("memory", {"memory.limit_in_bytes": "9000"})
        tree.write("memory/job", {"memory.limit_in_bytes": "3000"})
        mine = tree.write("memory/job/step", {**V1, "memory.limit_in_bytes": "5000"})
        told = tree.seen("2:memory:/job/step\n", tree.mount("memory", "cgroup", "rw,memory"))
        assert told == (expected(1, mine, 3000), 3000)

    def test_a_limit_of_parents_that_are_not_seen_is_told(self, tree: Tree) -> None:
        statistics = V1["memory.stat"].replace(str(NO_LIMIT), "2000")
        mine = tree.write("memory", {**V1, "memory.stat": statistics})
        mount = tree.mount("memory", "cgroup", "rw,memory", root="/pod/container")
        assert tree.seen("2:memory:/pod/container\n", mount) == (expected(1, mine, 2000), 2000)

    def test_kernel_memory_does_not_count_in_the_root(self, tree: Tree) -> None:
        tree.write("memory", {**V1, "release_agent": ""})
        memory, _ = tree.seen("2:memory:/\n", tree.mount("memory", "cgroup", "rw,memory"))
        assert memory is not None
        assert (memory.kernel_bytes, memory.other_bytes) == (None, 200)


class TestFiguresOfVersion2:
    def test_the_lowest_limit_binds(self, tree: Tree) -> None:
        tree.write("all/job", {"memory.max": "3000\n"})
        mine = tree.write("all/job/step", {**V2, "memory.max": "5000\n"})
        told = tree.seen("0::/job/step\n", tree.mount("all", "cgroup2"))
        assert told == (expected(2, mine, 3000), 3000)

    def test_a_leaf_without_the_controller_counts_against_its_parent(self, tree: Tree) -> None:
        mine = tree.write("all/pod", {**V2, "memory.max": "3000\n"})
        tree.write("all/pod/init", {"cgroup.procs": "", "memory.pressure": ""})
        told = tree.seen("0::/pod/init\n", tree.mount("all", "cgroup2"))
        assert told == (expected(2, mine, 3000), 3000)

    def test_there_is_no_usage_in_the_root(self, tree: Tree) -> None:
        tree.write("all", {"memory.stat": V2["memory.stat"]})
        memory, limit = tree.seen("0::/\n", tree.mount("all", "cgroup2"))
        assert memory is not None
        assert (memory.usage_bytes, memory.limit_bytes, memory.working_set_bytes) == (None,) * 3
        assert memory.verdict is CgroupVerdict.UNKNOWN
        assert memory.file_bytes == 500
        assert limit == machine_bytes()

    def test_what_the_kernel_does_not_tell_is_unknown(self, tree: Tree) -> None:
        tree.write("all/job", {"memory.stat": "anon 300\nfile 500\n"})
        memory, _ = tree.seen("0::/job\n", tree.mount("all", "cgroup2"))
        assert memory is not None
        assert (memory.anon_bytes, memory.file_bytes) == (300, 500)
        figures = (memory.shmem_bytes, memory.dirty_bytes, memory.usage_bytes, memory.kernel_bytes)
        assert figures == (None,) * 4
        assert (memory.evictable_bytes, memory.other_bytes) == (None, None)

    def test_kernel_memory_is_the_sum_of_its_parts_before_linux_5_18(self, tree: Tree) -> None:
        statistics = "anon 300\nfile 500\nkernel_stack 3\npagetables 2\npercpu 1\nslab 60\n"
        tree.write("all/job", {**V2, "memory.stat": statistics})
        memory, _ = tree.seen("0::/job\n", tree.mount("all", "cgroup2"))
        assert memory is not None
        assert memory.kernel_bytes == 66


class TestNoFigures:
    @pytest.mark.parametrize(
        ("cgroups", "kind", "options"),
        [
            ("", "cgroup2", "rw"),
            ("4:cpu:/job\n", "cgroup", "rw,cpu"),
            ("0::/job\n", "cgroup2", "rw"),
        ],
        ids=["no cgroups", "no controller in version 1", "no controller in version 2"],
    )
    def test_no_cgroup_accounts_for_memory(
        self, tree: Tree, cgroups: str, kind: str, options: str
    ) -> None:
        tree.write("all/job", {"cgroup.procs": ""})
        told = tree.seen(cgroups, tree.mount("all", kind, options))
        assert told == (None, machine_bytes())

    @pytest.mark.parametrize(
        ("cgroups", "kind", "options"),
        [
            ("0::/job\n", "tmpfs", "rw"),
            ("4:memory:/job\n", "cgroup", "rw,cpu"),
            ("4:memory:/job\n", "cgroup", "rw,name=memory"),
            ("4:memory:/job\n", "cgroup2", "rw"),
            ("4:memory:/job\n", "cgroup", "rw,memory"),
        ],
        ids=["no mount", "another controller", "a name", "another version", "unreadable"],
    )
    def test_it_cannot_be_known(self, tree: Tree, cgroups: str, kind: str, options: str) -> None:
        tree.write("all/job", {"cgroup.procs": ""})
        assert tree.seen(cgroups, tree.mount("all", kind, options)) == (None, None)

    def test_parents_that_are_not_shown_may_account_for_it(self, tree: Tree) -> None:
        tree.write("all", {"cgroup.procs": "", "cgroup.events": ""})
        told = tree.seen("0::/pod/init\n", tree.mount("all", "cgroup2", root="/pod/init"))
        assert told == (None, None)

    def test_there_is_no_mount(self, tree: Tree) -> None:
        assert tree.seen("0::/job\n") == (None, None)


class Names(NamedTuple):
    """The names of files and figures in one version of cgroups."""

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


_ENTER = """
import os, sys
with open(sys.argv[1] + "/cgroup.procs", "w") as file:
    file.write(str(os.getpid()))
"""


_NAMESPACE = ("root", "sh", "mount", "umount", "unshare", "the right to make namespaces")


@contextmanager
def inside(cgroup: Path, *command: str, work: str, argument: str = "") -> Iterator[Told]:
    """The output of a process that enters a cgroup, runs `command`, and does `work` there."""
    program = f"import sys\n{work}\n{_TELL}\nsys.stdin.read()"
    enter = f"{_ENTER}\nos.execvp(sys.argv[2], sys.argv[2:])"
    process = subprocess.Popen(
        [sys.executable, "-c", enter, cgroup, *command, sys.executable, "-c", program, argument],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout is not None
        yield Told.of(process.stdout.readline())


@contextmanager
def two_cgroups() -> Iterator[tuple[Path, Path]]:
    with child_cgroup(root(), 512 * MIB) as outer, child_cgroup(outer, 1024 * MIB) as inner:
        yield outer, inner


# Holds 48 MiB of its own, 24 MiB of a file and 8 MiB of tmpfs.
_FILL = """
import mmap, os
own = os.urandom(48 << 20)
with open(sys.argv[1], "w+b") as file:
    file.write(bytes(24 << 20))
    os.fsync(file.fileno())
    mapped = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)
mapped[::mmap.PAGESIZE]  # DAMON takes only what nobody maps
shared = os.memfd_create("shared")
os.write(shared, bytes(8 << 20))
"""


class TestThisMachine:
    def test_is_told_of_a_cgroup_of_its_own(self, ext4: Path) -> None:
        clip = str(ext4 / "clip")
        with (
            two_cgroups() as (_, inner),
            inside(inner, work=_FILL, argument=clip) as (told, limit),
        ):
            statistics = (inner / "memory.stat").read_text().split()
            usage = int((inner / NAMES[version()].usage).read_text())
        assert told is not None
        assert told.version == version()
        assert (told.path, told.limit_bytes, limit) == (str(inner), 512 * MIB, 512 * MIB)
        figures = dict(zip(statistics[::2], map(int, statistics[1::2]), strict=True))
        # The kernel sums up per-CPU counts at intervals, and the child wrote a line meanwhile.
        near = 2 * MIB
        for field, name in NAMES[version()].figures.items():
            assert getattr(told, field) == pytest.approx(figures[name], abs=near), field
        assert told.usage_bytes == pytest.approx(usage, abs=near)
        assert told.anon_bytes is not None
        assert told.anon_bytes > 48 * MIB - near
        assert told.shmem_bytes == pytest.approx(8 * MIB, abs=near)
        assert told.evictable_bytes == pytest.approx(24 * MIB, abs=2 * near)
        parts = (told.anon_bytes, told.evictable_bytes, told.shmem_bytes, told.kernel_bytes)
        assert sum(map(int, filter(None, (*parts, told.other_bytes)))) == pytest.approx(
            told.usage_bytes, abs=near
        )

    def test_is_found_in_a_namespace_that_sees_the_tree_above(self) -> None:
        need("root", "unshare", "the right to make namespaces")
        with two_cgroups() as (_, inner), inside(inner, "unshare", "--cgroup", work="") as told:
            assert told.memory is not None
            assert (told.memory.path, told.memory.limit_bytes) == (str(inner), 512 * MIB)
            assert told.limit == 512 * MIB

    def test_is_found_where_only_a_part_of_the_tree_is_mounted(self, tmp_path: Path) -> None:
        need(*_NAMESPACE)
        script = f'mount --bind "$1" "$2" && umount --lazy {root()} && shift 2 && exec "$@"'
        with two_cgroups() as (outer, inner):
            command = ["unshare", "--mount", "sh", "-c", script, "sh", str(outer), str(tmp_path)]
            with inside(inner, *command, work="") as told:
                assert told.memory is not None
                assert told.memory.path == str(tmp_path / inner.name)
                assert told.limit == 512 * MIB

    def test_cannot_be_known_where_it_is_not_mounted(self) -> None:
        need(*_NAMESPACE)
        script = f'umount --lazy {root()} && exec "$@"'
        command = ["unshare", "--mount", "sh", "-c", script, "sh"]
        with two_cgroups() as (_, inner), inside(inner, *command, work="") as told:
            assert told == (None, None)

    def test_a_share_of_a_limit_that_cannot_be_known_is_refused(self) -> None:
        need(*_NAMESPACE)
        script = f'umount --lazy {root()}; exec "$@"'
        command = [sys.executable, "-m", "accv_cache", "drop", "--until", "25%", "/missing"]
        refused = subprocess.run(
            ["unshare", "--mount", "sh", "-c", script, "sh", *command],
            capture_output=True,
            text=True,
            check=False,
        )
        assert refused.returncode == 64
        assert "memory limit of this process cannot be known" in refused.stderr

    def test_is_told_of_the_callers(self) -> None:
        told = cgroup_memory()
        wanted = "memory" if version() == 1 else ""
        lines = Path("/proc/self/cgroup").read_text().splitlines()
        [path] = [line.split(":", 2)[2] for line in lines if line.split(":")[1] == wanted]
        require(told is not None, "needs a memory controller")
        assert told is not None
        assert root() / path.lstrip("/") in (Path(told.path), *Path(told.path).parents, root())


class TestAnotherCgroup:
    def test_is_that_of_a_process(self) -> None:
        need(*_NAMESPACE)
        with two_cgroups() as (_, inner):
            process = subprocess.Popen(
                [sys.executable, "-c", f"{_ENTER}print(flush=True); sys.stdin.read()", inner],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
            with process:
                assert process.stdout is not None
                process.stdout.readline()
                told = cgroup_memory(process.pid)
                command = [sys.executable, "-m", "accv_cache", "query", "--json"]
                ask = (
                    f"import json, accv_cache\nprint(accv_cache.cgroup_memory({process.pid}).path)"
                )
                script = f'umount --lazy {root()} && exec "$@"'
                debug = subprocess.check_output(
                    ["unshare", "--mount", "sh", "-c", script, "sh", sys.executable, "-c", ask],
                    text=True,
                )
                shown = subprocess.check_output([*command, "--pid", str(process.pid)])
        assert told is not None
        assert (told.path, told.limit_bytes) == (str(inner), 512 * MIB)
        assert json.loads(shown)["path"] == str(inner)
        assert debug == f"/proc/{process.pid}/root{inner}\n"

    def test_is_that_of_a_folder(self, tmp_path: Path) -> None:
        with two_cgroups() as (_, inner):
            link = tmp_path / "link"
            link.symlink_to(inner)
            for path in (inner, os.fsencode(inner), f"{inner}/.", link):
                told = cgroup_memory(path=path)
                assert told is not None
                assert (told.version, told.path) == (version(), str(inner))
                assert told.limit_bytes == 512 * MIB

    def test_is_that_of_a_folder_of_version_2(self, tree: Tree) -> None:
        tree.write("all/pod", {**V2, "memory.max": "3000\n"})
        leaf = tree.write("all/pod/init", {"cgroup.procs": ""})
        assert cgroup_memory(path=leaf) == expected(2, tree.folder / "all/pod", 3000)

    def test_is_none_for_another_folder(self, tmp_path: Path) -> None:
        assert cgroup_memory(path=tmp_path) is None

    def test_that_is_missing_is_an_error(self, tmp_path: Path) -> None:
        with pytest.raises(FileNotFoundError):
            cgroup_memory(path=tmp_path / "missing")
        with subprocess.Popen(["true"]) as ended:
            ended.wait()
            with pytest.raises(FileNotFoundError, match=f"/proc/{ended.pid}"):
                cgroup_memory(ended.pid)

    def test_that_is_named_twice_or_wrongly_is_an_error(self) -> None:
        with pytest.raises(ValueError, match="not both"):
            cgroup_memory(1, path="/")
        for pid in (0, -1, 1 << 31, 10**30):
            with pytest.raises(ValueError, match="from 1 to 2147483647"):
                cgroup_memory(pid)


_OWN = "own = os.urandom(40 << 20)"
_TMPFS = "shared = os.memfd_create('shared')\nos.write(shared, bytes(40 << 20))"
_KERNEL = """
import fcntl
pipes = [os.pipe() for _ in range(40)]
for _, end in pipes:
    fcntl.fcntl(end, fcntl.F_SETPIPE_SZ, 1 << 20)
    os.write(end, bytes(1 << 20))
"""
# A hole is read into the page cache like data.
_READ = """
with open("sparse", "wb") as file:
    file.truncate({mib} << 20)
with open("sparse", "rb", buffering=0) as file:
    while file.read(1 << 20):
        pass
"""
# What is mapped and touched twice is active. The multi-generational LRU has it active at once, but
# not what is read twice.
_USE_AGAIN = """
import mmap
with open("sparse", "wb") as file:
    file.truncate(40 << 20)
for _ in range(2):
    with open("sparse", "rb") as file, mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as mapping:
        mapping[::mmap.PAGESIZE]
"""
_CURE = "import accv_cache\naccv_cache.drop('sparse').raise_for_status()\n"


class TestVerdict:
    """Each in a real cgroup with a limit of 64 MiB."""

    @pytest.mark.parametrize(
        ("work", "verdict"),
        [
            ("", CgroupVerdict.NOTHING_TO_DO),
            (_OWN, CgroupVerdict.OWN_MEMORY),
            (_TMPFS, CgroupVerdict.TMPFS),
            (_KERNEL, CgroupVerdict.KERNEL_MEMORY),
            (_USE_AGAIN, CgroupVerdict.PAGE_CACHE),
            (_READ.format(mib=200), CgroupVerdict.NOTHING_TO_DO),
            (_USE_AGAIN + _CURE, CgroupVerdict.NOTHING_TO_DO),
        ],
        ids=["idle", "own", "tmpfs", "kernel", "cache", "more than the limit", "after the cure"],
    )
    def test_is_by_the_working_set(self, ext4: Path, work: str, verdict: CgroupVerdict) -> None:
        place = f"import os\nos.chdir({str(ext4)!r})\n"
        with (
            child_cgroup(root(), 64 * MIB) as cgroup,
            inside(cgroup, work=place + work) as (told, _),
        ):
            assert told is not None
            assert told.verdict is verdict, told


def figures(**mebibytes: int | None) -> CgroupMemory:
    """A cgroup by its usage, limit, own memory, kernel, shmem, active and inactive page cache."""
    given = {"limit": 512, "own": 0, "kernel": 0, "shmem": 0, "active": 0, "inactive": 0}
    counts = {**given, **mebibytes}
    sizes = {name: None if count is None else count * MIB for name, count in counts.items()}
    cache = (sizes["shmem"], sizes["active"], sizes["inactive"])
    return CgroupMemory(
        version=2,
        path="/sys/fs/cgroup/job",
        limit_bytes=sizes["limit"],
        usage_bytes=sizes["usage"],
        anon_bytes=sizes["own"],
        file_bytes=sum(size or 0 for size in cache),
        active_file_bytes=sizes["active"],
        inactive_file_bytes=sizes["inactive"],
        dirty_bytes=0,
        writeback_bytes=0,
        shmem_bytes=sizes["shmem"],
        kernel_bytes=sizes["kernel"],
    )


class TestFigures:
    memory = expected(2, Path("/cgroup"), limit=4000)

    def test_that_are_derived(self) -> None:
        assert self.memory.evictable_bytes == 450
        assert self.memory.working_set_bytes == 740
        assert self.memory.working_set_percent == 18.5
        assert self.memory.other_bytes == 80
        assert self.memory.binding_limit_bytes == 4000

    def test_add_up_to_what_is_used(self) -> None:
        parts = [row.size for row in self.memory.rows() if re.match(r"  \w", row.name)]
        assert sum(parts) == self.memory.usage_bytes

    def test_that_lag_behind_leave_no_rest(self) -> None:
        assert figures(usage=9, own=5, active=5).other_bytes == 0

    def test_are_one_line(self) -> None:
        assert str(self.memory) == (
            "limit 3.9 KiB, used 1000 B, working set 740 B, own memory 300 B, page cache 450 B, "
            "tmpfs and shared 50 B, kernel 120 B"
        )

    def test_pickle_and_serialise(self) -> None:
        assert pickle.loads(pickle.dumps(self.memory)) == self.memory
        document = self.memory.to_dict()
        assert json.loads(json.dumps(document)) == document
        assert document["verdict"] == "NOTHING_TO_DO"

    def test_are_a_table_in_notebooks(self) -> None:
        html = without_styles(dataclasses.replace(self.memory, path="/a<b>")._repr_html_())
        assert html.startswith("<table><caption>/a&lt;b&gt;: Nothing to do: the working set, 740 B")
        assert "<td>\xa0\xa0\xa0\xa0kernel memory</td><td>120 B</td><td></td>" in html
        assert "<td>working set</td><td>740 B</td><td>18%</td>" in html

    @pytest.mark.parametrize(
        ("memory", "verdict", "words"),
        [
            # After 50,000 files: it is the kernel's memory of their names.
            (
                figures(usage=105, own=9, active=20, inactive=11, kernel=65, limit=128),
                CgroupVerdict.KERNEL_MEMORY,
                "The working set is 94.0 MiB, 73% of the limit. Most of it, 65.0 MiB, is kernel",
            ),
            (
                figures(usage=512, own=9, active=2, inactive=501),
                CgroupVerdict.NOTHING_TO_DO,
                "Nothing to do: the working set, 11.0 MiB, is 2% of the limit.",
            ),
            (
                figures(usage=509, own=229, inactive=280),
                CgroupVerdict.NOTHING_TO_DO,
                (
                    "Nothing to do: the working set, 229.0 MiB, is 45% of the limit. Most of that "
                    "is the programs' own memory."
                ),
            ),
            (
                figures(usage=509, own=300, active=100, inactive=109),
                CgroupVerdict.OWN_MEMORY,
                (
                    "The working set is 400.0 MiB, 78% of the limit. Most of it, 300.0 MiB, is the "
                    "programs' own memory: dropping files does not free it."
                ),
            ),
            (
                figures(usage=509, own=100, active=300, inactive=109),
                CgroupVerdict.PAGE_CACHE,
                (
                    "The working set is 400.0 MiB, 78% of the limit. Most of it, 300.0 MiB, is "
                    "page cache that was used again: `accv-cache drop` the files that are done "
                    "with."
                ),
            ),
            (
                figures(usage=300, shmem=280),
                CgroupVerdict.TMPFS,
                "The working set is 300.0 MiB, 59% of the limit. Most of it, 280.0 MiB, is tmpfs",
            ),
            (
                figures(usage=400, own=100, kernel=None),
                CgroupVerdict.UNKNOWN,
                "The working set is 400.0 MiB, 78% of the limit. The kernel does not report",
            ),
            (
                figures(usage=10, own=9, limit=None),
                CgroupVerdict.OWN_MEMORY,
                "The working set is 10.0 MiB. Most of it, 9.0 MiB, is the programs' own memory",
            ),
            (
                dataclasses.replace(figures(usage=10, own=9, limit=None), machine_bytes=100 * MIB),
                CgroupVerdict.NOTHING_TO_DO,
                "Nothing to do: the working set, 10.0 MiB, is 10% of the memory of the machine.",
            ),
            (
                figures(usage=None, own=9),
                CgroupVerdict.UNKNOWN,
                "The kernel does not report what uses this cgroup.",
            ),
        ],
        ids=lambda value: value.name if isinstance(value, CgroupVerdict) else "",
    )
    def test_give_a_verdict(self, memory: CgroupMemory, verdict: CgroupVerdict, words: str) -> None:
        assert memory.verdict is verdict
        assert memory.advice.startswith(words)
        assert memory.advice.endswith(".")
        assert "\n" not in memory.advice


class TestMachine:
    def test_has_the_figures_of_meminfo(self) -> None:
        machine = machine_memory()
        assert machine is not None
        assert machine.total_bytes == machine_bytes()
        assert machine.free_bytes is not None
        assert machine.evictable_bytes is not None
        assert machine.free_after_drop_bytes == machine.free_bytes + machine.evictable_bytes

    def test_says_what_a_drop_gives_back(self) -> None:
        gib = 1 << 30
        machine = MachineMemory(16 * gib, 14 * gib, 2 * gib, 8 * gib, 4 * gib, 0)
        assert machine.advice == (
            "Page cache takes 12.0 GiB, which programs get when they need it. `accv-cache drop` "
            "makes up to 14.0 GiB free at once, such as for a GPU that shares this memory."
        )
        assert str(machine).startswith("available 14.0 GiB, free 2.0 GiB, page cache 12.0 GiB")
        assert json.loads(json.dumps(machine.to_dict()))["free_after_drop_bytes"] == 14 * gib
        assert "<td>page cache</td><td>12.0 GiB</td>" in without_styles(machine._repr_html_())

    def test_knows_nothing_of_an_odd_kernel(self) -> None:
        machine = MachineMemory(*(None,) * 6)
        assert (machine.evictable_bytes, machine.free_after_drop_bytes) == (None, None)
        assert machine.advice == "The kernel does not report how much of the memory is page cache."
        assert machine.rows() == []

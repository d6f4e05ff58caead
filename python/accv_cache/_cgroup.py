"""What uses the memory limit of a cgroup."""

import dataclasses
import enum
import os
import sys

from accv_cache._arguments import Path
from accv_cache._machine import Row, known_rows, rows_as_html
from accv_cache._text import as_size

if sys.platform == "linux":
    from accv_cache import _core


class CgroupVerdict(enum.Enum):
    """What uses most of a cgroup's working set.

    Examples:
        >>> CgroupVerdict.PAGE_CACHE.value
        'page cache'
    """

    NOTHING_TO_DO = "nothing to do"
    """The working set is less than half of the limit."""
    OWN_MEMORY = "own memory"
    """Most of it is the programs' own memory: dropping files does not free it."""
    KERNEL_MEMORY = "kernel memory"
    """Most of it is kernel memory, such as names and attributes of files."""
    TMPFS = "tmpfs"
    """Most of it is tmpfs and shared memory: delete files there."""
    PAGE_CACHE = "page cache"
    """Most of it is page cache that was used again: `drop` frees it."""
    UNKNOWN = "unknown"
    """The kernel does not report what most of it is."""


_MOST_PID = 2**31 - 1

_VERDICTS = tuple(CgroupVerdict)

_PARTS = {
    CgroupVerdict.OWN_MEMORY: "the programs' own memory",
    CgroupVerdict.KERNEL_MEMORY: "kernel memory",
    CgroupVerdict.TMPFS: "tmpfs and shared memory",
    CgroupVerdict.PAGE_CACHE: "page cache that was used again",
}
_REMEDIES = {
    CgroupVerdict.OWN_MEMORY: "dropping files does not free it",
    CgroupVerdict.KERNEL_MEMORY: (
        "names and attributes of files that were opened, page tables and the like; dropping files "
        "does not free it, and the kernel reclaims much of it when memory runs short"
    ),
    CgroupVerdict.TMPFS: "delete files there, such as in /dev/shm",
    CgroupVerdict.PAGE_CACHE: "`accv-cache drop` the files that are done with",
}


@dataclasses.dataclass(frozen=True, slots=True)
class CgroupMemory:
    """The memory that counts against the limit of a cgroup, in bytes.

    A figure is None where the kernel does not report it. The usage is the sum of `anon_bytes`,
    `evictable_bytes`, `shmem_bytes`, `kernel_bytes` and `other_bytes`.

    Attributes:
        version: The version of cgroups(7): 1 or 2.
        path: The cgroup's folder.
        limit_bytes: The lowest limit of the cgroup and its visible parents; None: none of them has
            a limit.
        usage_bytes: All that counts against the limit.
        anon_bytes: The programs' own memory.
        file_bytes: The page cache, tmpfs and shared memory included.
        active_file_bytes: The part of the page cache that was used again since it was read.
        inactive_file_bytes: The part of it that is reclaimed first.
        dirty_bytes: The part of it that is not written back yet.
        writeback_bytes: The part of it that is being written back.
        shmem_bytes: tmpfs and shared memory: it cannot be evicted.
        kernel_bytes: Memory of the kernel: names and attributes of opened files, page tables,
            stacks. Also None in the root of version 1, where it does not count.
        machine_bytes: The memory of the machine, also a limit.

    Examples:
        >>> memory = cgroup_memory()
        >>> memory.verdict  # doctest: +SKIP
        <CgroupVerdict.PAGE_CACHE: 'page cache'>
    """

    version: int
    path: str
    limit_bytes: int | None
    usage_bytes: int | None
    anon_bytes: int | None
    file_bytes: int | None
    active_file_bytes: int | None
    inactive_file_bytes: int | None
    dirty_bytes: int | None
    writeback_bytes: int | None
    shmem_bytes: int | None
    kernel_bytes: int | None = None
    machine_bytes: int | None = None

    @property
    def evictable_bytes(self) -> int | None:
        """The page cache that `drop` can evict if no process maps it: all but tmpfs."""
        if self.file_bytes is None or self.shmem_bytes is None:
            return None
        return max(0, self.file_bytes - self.shmem_bytes)

    @property
    def working_set_bytes(self) -> int | None:
        """What Kubernetes calls the working set: usage without the inactive part of the cache."""
        if self.usage_bytes is None or self.inactive_file_bytes is None:
            return None
        return max(0, self.usage_bytes - self.inactive_file_bytes)

    @property
    def other_bytes(self) -> int | None:
        """What is used beyond the figures above, such as socket buffers."""
        if self.usage_bytes is None:
            return None
        told = (self.anon_bytes, self.file_bytes, self.kernel_bytes)
        return max(0, self.usage_bytes - sum(count or 0 for count in told))

    @property
    def binding_limit_bytes(self) -> int | None:
        """The least of `limit_bytes` and `machine_bytes`; None: neither is known."""
        known = [count for count in (self.limit_bytes, self.machine_bytes) if count is not None]
        return min(known, default=None)

    @property
    def working_set_percent(self) -> float | None:
        """The working set as a percentage of `binding_limit_bytes`; None: one is not known."""
        if self.working_set_bytes is None or not self.binding_limit_bytes:
            return None
        return 100 * self.working_set_bytes / self.binding_limit_bytes

    @property
    def verdict(self) -> CgroupVerdict:
        """What uses it, judged by the working set. UNKNOWN on other systems."""
        return self._verdicts()[0]

    @property
    def advice(self) -> str:
        """The verdict in words, and what to do."""
        if self.working_set_bytes is None:
            return "The kernel does not report what uses this cgroup."
        verdict, most = self._verdicts()
        size = as_size(self.working_set_bytes)
        if verdict is CgroupVerdict.NOTHING_TO_DO:
            part = f" Most of that is {_PARTS[most]}." if most in _PARTS else ""
            return f"Nothing to do: the working set, {size}, is {self._share()}.{part}"
        whole = f"The working set is {size}"
        whole += f", {self._share()}." if self.working_set_percent is not None else "."
        if most not in _PARTS:
            return f"{whole} The kernel does not report what most of it is."
        part = f"{as_size(self._part(most))}, is {_PARTS[most]}"
        return f"{whole} Most of it, {part}: {_REMEDIES[most]}."

    def _verdicts(self) -> tuple[CgroupVerdict, CgroupVerdict]:
        """The verdict, and the largest part of the working set even if it is small."""
        if sys.platform != "linux":
            return CgroupVerdict.UNKNOWN, CgroupVerdict.UNKNOWN
        figures = [getattr(self, field.name) for field in dataclasses.fields(self)]
        figures[1] = b""  # the path does not matter
        verdict, most = _core.cgroup_verdict(tuple(figures))
        return _VERDICTS[verdict], _VERDICTS[most]

    def _part(self, verdict: CgroupVerdict) -> int:
        parts = {
            CgroupVerdict.OWN_MEMORY: self.anon_bytes,
            CgroupVerdict.KERNEL_MEMORY: self.kernel_bytes,
            CgroupVerdict.TMPFS: self.shmem_bytes,
            CgroupVerdict.PAGE_CACHE: self.active_file_bytes,
        }
        return parts[verdict] or 0

    def _share(self) -> str:
        """The working set as a share of its limit."""
        return f"{self.working_set_percent:.0f}% of the {self._limit_name()}"

    def _limit_name(self) -> str:
        is_lower = self.limit_bytes is not None and self.limit_bytes == self.binding_limit_bytes
        return "limit" if is_lower else "memory of the machine"

    def rows(self) -> list[Row]:
        """The known figures, for tables."""
        rows = known_rows(
            ("used", self.usage_bytes),
            ("  own memory of the programs", self.anon_bytes),
            ("  page cache", self.evictable_bytes),
            ("    used again since it was read", self.active_file_bytes),
            ("    not written back yet", self.dirty_bytes),
            ("  tmpfs and shared memory", self.shmem_bytes),
            ("  kernel memory", self.kernel_bytes),
            ("  other", self.other_bytes),
            ("working set", self.working_set_bytes),
            (self._limit_name(), self.binding_limit_bytes),
        )
        percent = self.working_set_percent
        if percent is None:
            return rows
        share = f"{percent:.0f}%"
        return [row._replace(share=share) if row.name == "working set" else row for row in rows]

    def to_dict(self) -> dict[str, int | str | None]:
        """Return the figures and the verdict for JSON."""
        return {
            **dataclasses.asdict(self),
            "evictable_bytes": self.evictable_bytes,
            "working_set_bytes": self.working_set_bytes,
            "other_bytes": self.other_bytes,
            "binding_limit_bytes": self.binding_limit_bytes,
            "verdict": self.verdict.name,
            "advice": self.advice,
        }

    def __str__(self) -> str:
        """One line for a log."""
        limit = "no limit" if self.limit_bytes is None else f"limit {as_size(self.limit_bytes)}"
        figures = (
            ("used", self.usage_bytes),
            ("working set", self.working_set_bytes),
            ("own memory", self.anon_bytes),
            ("page cache", self.evictable_bytes),
            ("tmpfs and shared", self.shmem_bytes),
            ("kernel", self.kernel_bytes),
        )
        shown = (f"{name} {as_size(count)}" for name, count in figures if count is not None)
        return ", ".join((limit, *shown))

    def _repr_html_(self) -> str:
        """For notebooks."""
        return rows_as_html(f"{self.path}: {self.advice}", self.rows())


def cgroup_memory(pid: int | None = None, *, path: Path | None = None) -> CgroupMemory | None:
    """Read what uses the memory of a cgroup, of version 1 or 2.

    The figures include the cgroups below it. In version 2 they are those of the nearest parent
    that accounts for memory. If the caller's mounts do not show the cgroup, it is looked for below
    /proc/PID/root. So it also works in a debug container that shares the PID namespace.

    Args:
        pid: The process whose cgroup to read; None: the caller.
        path: The folder of a cgroup, such as /sys/fs/cgroup/system.slice, in place of a process.

    Returns:
        The figures. None where no cgroup accounts for memory, where no mount shows the process's
        cgroup (`memory_limit` tells the two apart for the caller), where `path` is not the folder
        of a cgroup, and on other systems. In the root of version 2 there is no usage.

    Raises:
        FileNotFoundError: There is no such process or folder.
        ValueError: Both are given, or `pid` is no process id.

    Examples:
        >>> memory = cgroup_memory()
        >>> memory is None or memory.version in (1, 2)
        True

    See cgroups(7), and "Memory" in the kernel's Documentation/admin-guide/cgroup-v2.rst.
    """
    if pid is not None and path is not None:
        msg = "pass a pid or a path, not both"
        raise ValueError(msg)
    if pid is not None and not 0 < pid <= _MOST_PID:
        msg = f"pid must be from 1 to {_MOST_PID}, not {pid}"
        raise ValueError(msg)
    if sys.platform != "linux":
        return None
    figures = _core.cgroup_memory(pid, None if path is None else os.fsencode(path))
    if figures is None:
        if pid is not None:
            path = f"/proc/{pid}"
        if path is not None:
            os.stat(path)  # noqa: PTH116 - raises if there is none; pathlib is slow to import
        return None
    version, folder, *counts = figures
    return CgroupMemory(version, os.fsdecode(folder), *counts)


def memory_limit() -> int | None:
    """Read how much memory the caller may use, in bytes.

    Returns:
        The lowest limit of the caller's cgroup and its visible parents, or the memory of the
        machine if that is less. None where it cannot be known: no mount shows the caller's cgroup,
        /proc cannot be read, or this is not Linux.

    Examples:
        >>> limit = memory_limit()
        >>> limit is None or limit > 0
        True
    """
    if sys.platform != "linux":
        return None
    return _core.memory_limit()

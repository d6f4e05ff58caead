"""What fills the caller's cgroup: is it the page cache?"""

import dataclasses
import os
import sys

from accv_cache._text import as_size

if sys.platform == "linux":
    from accv_cache import _core


@dataclasses.dataclass(frozen=True, slots=True)
class CgroupMemory:
    """The memory that counts against the limit of the caller's cgroup, in bytes.

    A figure is None where the kernel does not tell it.

    Attributes:
        version: Of cgroups(7): 1 or 2.
        path: The cgroup's folder.
        limit_bytes: The lowest limit of the cgroup and its parents; None: none is limited.
        usage_bytes: All that counts against the limit.
        anon_bytes: The programs' own memory.
        file_bytes: The page cache, tmpfs and shared memory included.
        active_file_bytes: The part of the page cache that was used again since it was read.
        inactive_file_bytes: The part of it that is reclaimed first.
        dirty_bytes: The part of it that is not written back yet.
        writeback_bytes: The part of it that is being written back.
        shmem_bytes: tmpfs and shared memory: it cannot be evicted.

    Examples:
        >>> memory = cgroup_memory()
        >>> memory.advice  # doctest: +SKIP
        'Most of it, 11.0 GiB, is the page cache: `accv-cache drop` the files that are done with.'
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

    @property
    def evictable_bytes(self) -> int | None:
        """The page cache that `drop` could evict, if nobody maps it: all but tmpfs."""
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
    def advice(self) -> str:
        """One sentence: whether the page cache is what fills the cgroup, and what to do."""
        figures = {
            "the programs' own memory: dropping files does not free it": self.anon_bytes,
            "the page cache: `accv-cache drop` the files that are done with": self.evictable_bytes,
            "tmpfs and shared memory: delete files there, such as in /dev/shm": self.shmem_bytes,
        }
        known = {what: count for what, count in figures.items() if count is not None}
        if not known:
            return "The kernel does not tell what fills this cgroup."
        largest = max(known, key=lambda what: known[what])
        return f"Most of it, {as_size(known[largest])}, is {largest}."

    def __str__(self) -> str:
        """One line for a log."""
        limit = "no limit" if self.limit_bytes is None else f"limit {as_size(self.limit_bytes)}"
        figures = (
            ("used", self.usage_bytes),
            ("own memory", self.anon_bytes),
            ("page cache", self.evictable_bytes),
            ("tmpfs and shared", self.shmem_bytes),
        )
        shown = (f"{name} {as_size(count)}" for name, count in figures if count is not None)
        return ", ".join((limit, *shown))


def cgroup_memory() -> CgroupMemory | None:
    """Read what fills the memory of the caller's cgroup, of version 1 or 2.

    The figures include the cgroups below it.

    Returns:
        The figures; None where there is no memory controller, and off Linux. In the root of
        version 2 there is no usage, and before Linux 5.8 nothing at all.

    Examples:
        >>> memory = cgroup_memory()
        >>> memory is None or memory.version in (1, 2)
        True

    See cgroups(7), and "Memory" in the kernel's Documentation/admin-guide/cgroup-v2.rst.
    """
    if sys.platform != "linux":
        return None
    figures = _core.cgroup_memory()
    if figures is None:
        return None
    version, path, *counts = figures
    return CgroupMemory(version, os.fsdecode(path), *counts)

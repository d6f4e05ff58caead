"""Real memory cgroups, of the version that this machine has."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import ParamSpec, TypeVar

from support.forks import in_fork
from support.needs import require

P = ParamSpec("P")
T = TypeVar("T")

_numbers = count()


def version() -> int:
    """The version that has the memory controller here."""
    return 1 if ":memory:" in Path("/proc/self/cgroup").read_text() else 2


def root() -> Path:
    """The root of the hierarchy that has the memory controller."""
    return Path("/sys/fs/cgroup", *["memory"] * (version() == 1))


@contextmanager
def child_cgroup(parent: Path, limit: int) -> Iterator[Path]:
    """A cgroup below another, which no process may be in under version 2."""
    require(os.access(parent, os.W_OK), "needs the right to make cgroups")
    folder = parent / f"accv-cache-{os.getpid()}-{next(_numbers)}"
    if version() == 2:
        (parent / "cgroup.subtree_control").write_text("+memory")
    folder.mkdir()
    try:
        name = "memory.limit_in_bytes" if version() == 1 else "memory.max"
        (folder / name).write_text(str(limit))
        yield folder
    finally:
        folder.rmdir()


def in_cgroup(folder: Path, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Call `function` in a forked child that entered the cgroup; see `in_fork`."""

    def enter_and_call() -> T:
        (folder / "cgroup.procs").write_text(str(os.getpid()))
        return function(*args, **kwargs)

    return in_fork(enter_and_call)

"""The types of the fixtures: directories on a known file system, files in a known state."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, NamedTuple, Protocol

from support import mounts, residency

State = Literal["warm", "cold", "dirty"]

MakeOnce = Callable[[str, Callable[[Path], None]], Path]
"""Returns the directory of that name, which the function has filled once for the whole run."""


class FileSystem(NamedTuple):
    """A directory of the test's own, and the kind of file system that it is on."""

    kind: str
    directory: Path


class DirtyFile(NamedTuple):
    """A file that is made dirty, and the root of the file system that holds its disk's image."""

    path: Path
    below: Path

    @contextmanager
    def stopped_disk(self) -> Iterator[None]:
        """Make the file dirty, and let no writeback of it end before the end of the block."""
        size, is_written = self.path.stat().st_size, False
        while not is_written:
            residency.dirty(self.path, size)
            with mounts.frozen(self.below):
                told = residency.cachestat(self.path)
                # The kernel may have written it back before the disk stopped.
                is_written = told.dirty + told.writeback == size
                if is_written:
                    yield


class MakeFile(Protocol):
    """Makes a file of `size` bytes in `directory` (None: the test's `tmp_path`)."""

    def __call__(self, size: int, state: State = "warm", directory: Path | None = None) -> Path:
        """Make it and return its path."""


def bring_into(state: State, path: Path, size: int) -> Path:
    """Write a file of `size` bytes that is then resident and clean, evicted, or dirty.

    A dirty file becomes clean by itself within seconds, and on FUSE it is written through at once.
    """
    residency.dirty(path, size)
    if state == "cold":
        residency.cold(path)
    elif state == "warm":
        residency.clean(path)
        # On FUSE the new modification time makes the kernel forget what was written.
        residency.warm(path)
    return path

"""Every kind of item that a list of paths may contain besides good files."""

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, cast


class PathLike(os.PathLike[str]):
    """An `os.PathLike` that returns or raises a given value."""

    def __init__(self, answer: object) -> None:
        """Keep the result; an exception is raised instead of returned."""
        self._answer = answer

    def __fspath__(self) -> str:
        """Return the result, str or not."""
        if isinstance(self._answer, BaseException):
            raise self._answer
        return self._answer  # type: ignore[return-value]


class BadItem(NamedTuple):
    """The status of a list that contains it, and how to make it below a directory."""

    status: str
    make: Callable[[Path], object]


def _fifo(directory: Path) -> Path:
    os.mkfifo(directory / "fifo")
    return directory / "fifo"


def _socket(directory: Path) -> Path:
    # bind(2) also makes one, but takes no path of more than 107 bytes (unix(7)).
    os.mknod(directory / "socket", stat.S_IFSOCK | 0o600)
    return directory / "socket"


def _loop_of_links(directory: Path) -> Path:
    (directory / "there").symlink_to("back")
    (directory / "back").symlink_to("there")
    return directory / "there"


def _below_a_file(directory: Path) -> Path:
    (directory / "file").touch()
    return directory / "file" / "below"


def _dangling_link(directory: Path) -> Path:
    (directory / "dangling").symlink_to("nowhere")
    return directory / "dangling"


def _folder(directory: Path) -> Path:
    (directory / "folder").mkdir()
    return directory / "folder"


BAD: dict[str, BadItem] = {
    "missing": BadItem("FILE_OPEN_FAILED", lambda directory: directory / "missing"),
    "dangling-link": BadItem("FILE_OPEN_FAILED", _dangling_link),
    "loop-of-links": BadItem("FILE_OPEN_FAILED", _loop_of_links),
    "below-a-file": BadItem("FILE_OPEN_FAILED", _below_a_file),
    "long-name": BadItem("FILE_OPEN_FAILED", lambda directory: directory / ("n" * 256)),
    "long-path": BadItem("FILE_OPEN_FAILED", lambda directory: f"{directory}{'/.' * 2048}"),
    "empty-name": BadItem("FILE_OPEN_FAILED", lambda _: ""),
    "socket": BadItem("FILE_OPEN_FAILED", _socket),
    "oserror": BadItem("FILE_OPEN_FAILED", lambda _: PathLike(PermissionError("mine"))),
    "fifo": BadItem("FADVISE_FAILED", _fifo),
    "int": BadItem("UNKNOWN_ERROR", lambda _: 5),
    "none": BadItem("UNKNOWN_ERROR", lambda _: None),
    "list": BadItem("UNKNOWN_ERROR", lambda directory: [directory]),
    "bytearray": BadItem("UNKNOWN_ERROR", lambda directory: bytearray(bytes(directory))),
    "nul": BadItem("UNKNOWN_ERROR", lambda directory: f"{directory}\0"),
    "nul-in-bytes": BadItem("UNKNOWN_ERROR", lambda directory: bytes(directory) + b"\0"),
    "no-bytes": BadItem("UNKNOWN_ERROR", lambda directory: f"{directory}/\ud800"),
    "valueerror": BadItem("UNKNOWN_ERROR", lambda _: PathLike(ValueError("mine"))),
    "fspath-int": BadItem("UNKNOWN_ERROR", lambda _: PathLike(5)),
}
"""Items that end a list."""

HARMLESS: dict[str, Callable[[Path], object]] = {
    "directory": _folder,
    "device": lambda _: "/dev/null",
    "proc": lambda _: "/proc/self/status",
}
"""Items with nothing to evict, that a list goes on behind."""


def items_of(*items: object) -> list[str]:
    """Return a list that is typed as a list of paths for the type check."""
    return cast("list[str]", list(items))

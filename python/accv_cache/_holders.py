"""Find the processes that have files mapped or open."""

import dataclasses
import operator
import os
import sys
from collections.abc import Sequence
from typing import Any, TypeAlias

from accv_cache._arguments import HasDescriptor, Target, Targets, as_target_list
from accv_cache._report import os_error
from accv_cache._text import as_count, as_size

if sys.platform == "linux":
    from accv_cache import _core

Sought: TypeAlias = tuple[str, bytes, tuple[int, int] | None]
"""A file as the caller calls it, a name of it, and its device and inode; None: of who has the name
now."""

_NOBODY = "no process was seen to hold them"


@dataclasses.dataclass(frozen=True, slots=True)
class Holder:
    """A process that has a file mapped, open, or both.

    Attributes:
        process: Its id.
        command: Its name, as in /proc/PID/comm. A process can change its name.
        path: The file.
        mapped_bytes: How much of the file it has mapped, resident or not; 0: nothing.
        is_open: Whether it has a descriptor for the file.

    Examples:
        >>> print(Holder(4242, "python", "clip.mp4", 1 << 20, is_open=True))
        clip.mp4: process 4242 (python) has 1.0 MiB mapped and has it open
    """

    process: int
    command: str
    path: str
    mapped_bytes: int
    is_open: bool

    def __str__(self) -> str:
        """One line: who, what and how. What cannot be printed is escaped."""
        ways = [f"has {as_size(self.mapped_bytes)} mapped"] if self.mapped_bytes else []
        ways += ["has it open"] if self.is_open else []
        own = ", this process" if self.process == os.getpid() else ""
        who = f"process {self.process} ({_printable(self.command)}{own})"
        return f"{_printable(self.path)}: {who} {' and '.join(ways)}"


@dataclasses.dataclass(frozen=True, slots=True)
class Holders:
    """The processes that hold some files.

    Attributes:
        found: One entry per process and file.
        unreadable_processes: Processes that could not be inspected, or not wholly; mostly for lack
            of rights. Any of them may hold the files too.
        hidden_processes: Whether /proc hides other processes from the caller (hidepid). Their
            number is unknown.
        error: Why the list of processes could not be read, or a file not be looked for, such as
            too many open files; None: neither failed.

    Examples:
        >>> print(Holders((), unreadable_processes=3))
        no process was seen to hold them
        could not look into: 3 other processes
    """

    found: tuple[Holder, ...]
    unreadable_processes: int
    hidden_processes: bool = False
    error: OSError | None = None

    def to_dict(self) -> dict[str, Any]:
        """Give the fields as JSON takes them; the error as its text.

        Examples:
            >>> Holders((), unreadable_processes=3).to_dict()["unreadable_processes"]
            3
        """
        return {
            "found": [dataclasses.asdict(holder) for holder in self.found],
            "unreadable_processes": self.unreadable_processes,
            "hidden_processes": self.hidden_processes,
            "error": None if self.error is None else str(self.error),
        }

    def __str__(self) -> str:
        """One line per holder, and one for what could not be inspected."""
        lines = [str(holder) for holder in self.found] or [_NOBODY]
        return "\n".join(lines + self._unseen())

    def _unseen(self) -> list[str]:
        """Describe what could not be inspected."""
        lines = []
        if self.error is not None:
            lines.append(f"not all processes were looked at: {self.error.strerror}")
        if self.unreadable_processes:
            others = "process" if self.unreadable_processes == 1 else "processes"
            lines.append(f"could not look into: {self.unreadable_processes} other {others}")
        if self.hidden_processes:
            lines.append("other processes are hidden: /proc is mounted with hidepid")
        return lines

    def _repr_html_(self) -> str:
        """Make a table for a notebook, with what could not be inspected above it."""
        from accv_cache._html import MOST_SHOWN, html_table  # noqa: PLC0415 - only for notebooks

        shown = sorted(self.found, key=lambda each: -each.mapped_bytes)[:MOST_SHOWN]
        columns = ("file", "text"), ("process", "size"), ("command", "text"), ("open", "text")
        rows = [
            (
                _printable(holder.path),
                str(holder.process),
                _printable(holder.command),
                "yes" if holder.is_open else "no",
                as_size(holder.mapped_bytes),
            )
            for holder in shown
        ]
        found = as_count(len(self.found), "holder") if self.found else _NOBODY
        caption = "; ".join([found, *self._unseen()])
        if len(shown) < len(self.found):
            caption += f". Shows {len(shown)} of {len(self.found):,}: those that map most"
        return html_table(caption, (*columns, ("mapped", "size")), rows)


def holders(paths: Targets) -> Holders:
    """Find the processes that have files mapped or open.

    The result is best effort. Processes of other users can be inspected only with CAP_SYS_PTRACE.
    Processes outside the container are not visible. A process that opened a file through another
    overlayfs mount seems to hold another file.

    Args:
        paths: One file or an iterable of files: paths, descriptors, open files. A path that
            does not exist has no holders. A descriptor finds its file also if that is deleted.

    Returns:
        The holders, and the number of processes that may not be inspected. Empty on other systems.

    Raises:
        TypeError: An item is no path, no descriptor and no open file.
        ValueError: A path has a NUL byte.
        OSError: A descriptor is not open.

    Examples:
        >>> import mmap, os, tempfile
        >>> with tempfile.NamedTemporaryFile() as clip:
        ...     clip.truncate(1 << 20)
        ...     clip.flush()
        ...     mapping = mmap.mmap(clip.fileno(), 0)
        ...     [holder] = holders([clip.name]).found
        ...     holder.process == os.getpid(), holder.mapped_bytes, holder.is_open
        1048576
        (True, 1048576, True)

    See proc(5), /proc/PID/maps and /proc/PID/fd.
    """
    return holders_of([_sought(target) for target in as_target_list(paths)])


def holders_of(files: Sequence[Sought]) -> Holders:
    """Find the holders of files that are known by more than their names."""
    if sys.platform != "linux":
        return Holders((), 0)
    rows, unreadable, hidden, error = _core.holders([each[1:] for each in files])
    found = tuple(
        Holder(process, os.fsdecode(command), files[position][0], mapped, is_open)
        for process, command, position, mapped, is_open in rows
    )
    cause = os_error("cannot read", error, "/proc") if error else None
    return Holders(found, unreadable, hidden, cause)


def _sought(target: Target) -> Sought:
    if isinstance(target, (str, bytes, os.PathLike)):
        name = os.fsencode(target)
        if b"\0" in name:
            msg = "a path has no NUL byte"
            raise ValueError(msg)
        return os.fsdecode(name), name, None
    if isinstance(target, bool):  # an int in Python, but nobody means a descriptor by it
        msg = "pass paths, descriptors or open files, not a bool"
        raise TypeError(msg)
    descriptor = target.fileno() if isinstance(target, HasDescriptor) else operator.index(target)
    status = os.fstat(descriptor)
    link = f"/proc/thread-self/fd/{descriptor}"
    shown = os.readlink(link) if sys.platform == "linux" else str(descriptor)  # noqa: PTH115
    return shown, os.fsencode(link), (status.st_dev, status.st_ino)


def _printable(text: str) -> str:
    """Escape control characters and invalid characters."""
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in text)

"""The only module that uses the three standard streams and the terminal.

No thread, no hidden cursor, no mode of the terminal is ever set: whatever ends or stops the
process, and whenever, there is nothing to put back.
"""

import errno
import io
import os
import re
import select
import signal
import sys
from collections.abc import Iterable
from types import FrameType
from typing import TextIO

TYPE_CHECKING = False  # `typing` has Self from Python 3.11 on
if TYPE_CHECKING:
    from typing_extensions import Buffer, Self

STANDARD_INPUT = 0
"""Its descriptor. A closed one cannot be read; see `prepare_streams`."""

_STYLES = {"bold": 1, "dim": 2, "red": 31, "green": 32, "yellow": 33}
_STYLED = re.compile(r"\x1b\[\d*m")


class OutputError(Exception):
    """Standard output cannot be written; `number` is the errno."""

    def __init__(self, number: int) -> None:
        """Keep the errno."""
        super().__init__(f"cannot write to standard output: {os.strerror(number)}")
        self.number = number


class _Stream(io.FileIO):
    """A descriptor that writes all its data, waits if necessary, and fails once."""

    def __init__(self, descriptor: int) -> None:
        super().__init__(descriptor, "w", closefd=False)
        self._broken = False

    def write(self, data: "Buffer", /) -> int:
        if self._broken:
            return memoryview(data).nbytes
        try:
            # None: the pipe is full, and another process that shares it made it non-blocking.
            while (written := super().write(data)) is None:
                select.select([], [self], [])
        except OSError as error:
            self._broken = True
            self.fail(error.errno or errno.EIO)
            return memoryview(data).nbytes
        return written

    def fail(self, number: int) -> None:
        """Raise the error."""
        raise OutputError(number)


class _MessageStream(_Stream):
    """Standard error; a failure to write it is ignored."""

    def fail(self, number: int) -> None:
        """Go on."""


def prepare_streams() -> None:
    """Make each stream writable, even if the caller closed it.

    The number of one that is closed would be that of the next file that is opened.
    """
    for descriptor in range(3):
        if not _is_open(descriptor):
            # It gets the lowest free number, which is this one. It is not open for reading, so a
            # list from standard input is then an error, not an empty list.
            os.open(os.devnull, os.O_WRONLY)
    if sys.stdout is sys.__stdout__:  # a test may have replaced it
        sys.stdout = _text(_Stream(1), sys.stdout)
    if sys.stderr is sys.__stderr__:
        sys.stderr = _text(_MessageStream(2), sys.stderr)


def _is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


def _text(raw: _Stream, old: TextIO | None) -> TextIO:
    encoding = "utf-8" if old is None else old.encoding
    buffered = io.BufferedWriter(raw)
    return io.TextIOWrapper(buffered, encoding, "backslashreplace", line_buffering=raw.isatty())


def write(*lines: str) -> None:
    """Write lines for people to standard output."""
    for line in lines:
        sys.stdout.write(line + "\n")


def write_each(lines: Iterable[str]) -> None:
    """Write lines for people, each as soon as it is made."""
    for line in lines:
        write(line)


def write_bytes(data: bytes) -> None:
    """Write data for programs to standard output, as it is."""
    sys.stdout.buffer.write(data)


def complain(text: str) -> None:
    """Write a message to standard error."""
    sys.stdout.flush()  # keeps the order if both go to the same place
    sys.stderr.write(f"accv-cache: {text}\n")
    sys.stderr.flush()


def can_redraw(stream: TextIO) -> bool:
    """Whether written lines can be overwritten."""
    return stream.isatty() and os.environ.get("TERM") not in (None, "", "dumb")


def width() -> int | None:
    """The width of a line in columns; None if unlimited, as in a pipe."""
    told = os.environ.get("COLUMNS", "")
    if told.isdecimal() and int(told):
        return int(told)
    return size_of(sys.stdout).columns if sys.stdout.isatty() else None


def size_of(stream: TextIO) -> os.terminal_size:
    """The columns and lines of a terminal."""
    try:
        columns, lines = os.get_terminal_size(stream.fileno())
    except OSError:
        columns = lines = 0
    return os.terminal_size((columns or 80, lines or 24))


def paint(text: str, style: str) -> str:
    """Add a style to text, if standard output is a terminal with styles."""
    if not text or not _has_styles():
        return text
    return f"\x1b[{_STYLES[style]}m{text}\x1b[0m"


def unpainted(text: str) -> str:
    """Remove the styles."""
    return _STYLED.sub("", text) if "\x1b" in text else text


def can_write(text: str) -> bool:
    """Whether standard output can encode these characters."""
    try:
        text.encode(sys.stdout.encoding)
    except UnicodeEncodeError:
        return False
    return True


def _has_styles() -> bool:
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or can_redraw(sys.stdout)


class Region:
    """Lines at the end of a terminal that are redrawn in place.

    The cursor stays below them, so that whatever follows does too.
    """

    def __init__(self, stream: TextIO) -> None:
        """Draw nothing yet."""
        self._stream = stream
        self._lines = 0

    def draw(self, lines: Iterable[str]) -> None:
        """Write these lines, none wider than the terminal, over the previous ones."""
        above = f"\x1b[{self._lines}A" if self._lines else ""
        drawn = [f"{line}\x1b[K\n" for line in lines]
        self._lines = len(drawn)
        self._stream.write(f"{above}\r{''.join(drawn)}\x1b[J")
        self._stream.flush()

    def erase(self) -> None:
        """Remove them, if there are any."""
        if self._lines:
            self.draw([])

    def _forget(self, _signal: int, _frame: FrameType | None) -> None:
        self._lines = 0

    def __enter__(self) -> "Self":
        # If others wrote meanwhile, or the lines wrapped again, it starts below.
        self._handlers = {
            number: signal.signal(number, self._forget)
            for number in (signal.SIGCONT, signal.SIGWINCH)
        }
        return self

    def __exit__(self, *error: object) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)

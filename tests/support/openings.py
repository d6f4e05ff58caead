"""Observes what is opened with inotify(7), independent of the library."""

import ctypes
import fcntl
import os
import signal
import struct
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

_IN_ACCESS, _IN_OPEN = 0x1, 0x20
_EVENT = struct.Struct("iIII")  # watch, mask, cookie, length of the name that follows


class Openings:
    """What was opened or read in some directories, themselves included."""

    def __init__(self, directories: Iterable[Path]) -> None:
        """Watch from now on."""
        libc = ctypes.CDLL(None, use_errno=True)
        self.descriptor = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        assert self.descriptor >= 0, os.strerror(ctypes.get_errno())
        self._watched: dict[int, Path] = {}
        for each in directories:
            watch = libc.inotify_add_watch(self.descriptor, bytes(each), _IN_ACCESS | _IN_OPEN)
            assert watch >= 0, os.strerror(ctypes.get_errno())
            self._watched[watch] = each

    def announce(self, number: signal.Signals) -> None:
        """Let the kernel send this process the signal when something is opened or read."""
        fcntl.fcntl(self.descriptor, fcntl.F_SETOWN, os.getpid())
        fcntl.fcntl(self.descriptor, fcntl.F_SETSIG, number)
        fcntl.fcntl(self.descriptor, fcntl.F_SETFL, os.O_NONBLOCK | os.O_ASYNC)

    def seen(self) -> set[Path]:
        """Return what was opened or read since the last call."""
        found = set()
        while events := self._read():
            at = 0
            while at < len(events):
                watch, _mask, _cookie, length = _EVENT.unpack_from(events, at)
                at += _EVENT.size + length
                name = events[at - length : at].rstrip(b"\0")
                found.add(self._watched[watch] / os.fsdecode(name))
        return found

    def _read(self) -> bytes:
        try:
            return os.read(self.descriptor, 1 << 16)
        except BlockingIOError:
            return b""


@contextmanager
def openings(*directories: Path) -> Iterator[Openings]:
    """Observe what is opened in these directories, not below the ones in them."""
    observed = Openings(directories)
    try:
        yield observed
    finally:
        os.close(observed.descriptor)

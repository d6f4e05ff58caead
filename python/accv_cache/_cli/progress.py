"""The progress of a command on standard error, once it takes over a second."""

import sys
import time
from contextlib import ExitStack
from types import TracebackType

from accv_cache._cli.bars import bar
from accv_cache._cli.tables import cut
from accv_cache._cli.terminal import Region, can_redraw, size_of, unpainted
from accv_cache._text import as_count, as_size

TYPE_CHECKING = False  # `typing` has Self from Python 3.11 on
if TYPE_CHECKING:
    from typing_extensions import Self

_PATIENCE = 1.0  # seconds
_BAR = 24  # columns


class LiveProgress:
    """The `progress` of a verb: draws a bar, and reports the progress if Ctrl-C ends it."""

    def __init__(self, outcome: str, *, quiet: bool) -> None:
        """Draw only on a terminal. `outcome` names the bytes, such as 'evicted'."""
        self._outcome = outcome
        self._start = time.monotonic()
        self._region = None if quiet or not can_redraw(sys.stderr) else Region(sys.stderr)
        self._open = ExitStack()
        self._state = (0, 0, 0)

    def __call__(self, done: int, total: int, count: int) -> None:
        """Take the numbers of done files, all files, and bytes."""
        self._state = done, total, count
        seconds = time.monotonic() - self._start
        if self._region is not None and seconds > _PATIENCE:
            self._region.draw([cut(self._line(seconds), size_of(sys.stderr).columns - 1)])

    def _line(self, seconds: float) -> str:
        done, total, count = self._state
        if not total:
            return "Looking for the files"
        figures = f"{done} of {as_count(total, 'file')}, {as_size(count)} {self._outcome}"
        return f"{unpainted(bar(done / total, _BAR))} {figures}, {as_size(count / seconds)}/s"

    def __enter__(self) -> "Self":
        if self._region is not None:
            self._open.enter_context(self._region)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._open.close()
        if self._region is not None:
            self._region.erase()
        if isinstance(error, KeyboardInterrupt):
            done, total, count = self._state
            files = f"{done} of {as_count(total, 'file')} done" if total else "no file done"
            sys.stderr.write(f"Interrupted: {files}, {as_size(count)} {self._outcome}.\n")

"""How far a command is, on standard error, once it takes over a second."""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from types import TracebackType

import click

from accv_cache._text import as_count, as_size

TYPE_CHECKING = False  # `typing` has Self from Python 3.11 on
if TYPE_CHECKING:
    from rich.progress import Progress
    from rich.status import Status
    from typing_extensions import Self

_PATIENCE = 1.0  # seconds


class LiveProgress:
    """The `progress` of a verb: draws a bar, and says how far it came if Ctrl-C ends it."""

    def __init__(self, outcome: str, *, quiet: bool) -> None:
        """Draw nothing where nobody sees it; the outcome is what the bytes are, as 'evicted'."""
        self._outcome = outcome
        self._start = time.monotonic()
        self._drawing: Progress | None = None
        self._visible = sys.stderr.isatty() and not quiet
        self._earlier = (0, 0, 0)
        self._state = self._earlier

    def __call__(self, done: int, total: int, count: int) -> None:
        """Take the numbers of files done and in all, and of bytes."""
        earlier_done, earlier_total, earlier_count = self._earlier
        done, total, count = done + earlier_done, total + earlier_total, count + earlier_count
        self._state = done, total, count
        if self._drawing is None and self._visible and self._seconds() > _PATIENCE:
            self._drawing = _draw()
        if self._drawing is not None:
            rate = f"{as_size(count / self._seconds())}/s"
            text = f"{done} of {as_count(total, 'file')}, {as_size(count)}, {rate}"
            self._drawing.update(
                self._drawing.task_ids[0], completed=done, total=total, description=text
            )

    def next_call(self) -> None:
        """Add what follows, which counts from 0 again, to what was told so far."""
        self._earlier = self._state

    def _seconds(self) -> float:
        return time.monotonic() - self._start

    def __enter__(self) -> "Self":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._drawing is not None:
            self._drawing.stop()
        if isinstance(error, KeyboardInterrupt):
            done, total, count = self._state
            files = f"{done} of {as_count(total, 'file')} done" if total else "no file done"
            click.echo(f"Interrupted: {files}, {as_size(count)} {self._outcome}.", err=True)


@contextmanager
def looking(*, quiet: bool) -> Iterator[None]:
    """Show that files are being looked for: nobody knows how many there will be."""
    if quiet or not sys.stderr.isatty():
        yield
        return
    with ExitStack() as drawing:
        timer = threading.Timer(_PATIENCE, lambda: drawing.enter_context(_spin()))
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            timer.join()


def _spin() -> "Status":
    from rich.console import Console  # noqa: PLC0415 - see below

    return Console(stderr=True).status("Looking for the files", spinner="line")


def _draw() -> "Progress":
    # Here, because most calls end before anybody could look at a bar.
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: PLC0415

    columns = BarColumn(), TextColumn("{task.description}"), TimeRemainingColumn()
    drawing = Progress(*columns, console=Console(stderr=True), transient=True)
    drawing.add_task("")
    drawing.start()
    return drawing

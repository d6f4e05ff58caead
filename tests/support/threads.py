"""The threads of this process, from /proc, and calls on many threads at once."""

import os
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from support.forks import FOR_EVER

T = TypeVar("T")


def threads() -> set[str]:
    """The ids of this process's threads."""
    return {entry.name for entry in Path("/proc/self/task").iterdir()}


def all_ended(before: set[str]) -> bool:
    """Whether only these threads exist; a joined thread stays in /proc for a moment."""
    give_up = time.monotonic() + FOR_EVER
    while threads() - before:
        if time.monotonic() > give_up:
            return False
        os.sched_yield()
    return True


def at_once(calls: Sequence[Callable[[], T]]) -> list[T]:
    """Make each call on a thread of its own, once all threads have started."""
    ready = threading.Barrier(len(calls))

    def run(call: Callable[[], T]) -> T:
        ready.wait(FOR_EVER)
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return [*pool.map(run, calls)]

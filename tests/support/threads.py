"""The threads of this process, as /proc tells them."""

import os
import time
from pathlib import Path

_A_MINUTE = 60.0


def threads() -> set[str]:
    """The ids of this process's threads."""
    return {entry.name for entry in Path("/proc/self/task").iterdir()}


def all_ended(before: set[str]) -> bool:
    """Whether only these threads are left; one that was joined leaves /proc a moment later."""
    give_up = time.monotonic() + _A_MINUTE
    while threads() - before:
        if time.monotonic() > give_up:
            return False
        os.sched_yield()
    return True

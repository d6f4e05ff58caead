"""Runs functions as another user."""

import ctypes
import os
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec, TypeVar

from support.forks import in_fork
from support.needs import need, require

__all__ = ["NOBODY", "as_other_user", "require"]

NOBODY = 65534
_PR_SET_DUMPABLE = 4

P = ParamSpec("P")
T = TypeVar("T")


def as_other_user(function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Call `function` in a child that runs as uid and gid 65534 and has no capabilities.

    As with `in_fork`, the result is pickled, and an exception is raised again here.
    """
    need("root", "the right to become another user")
    return in_fork(_unprivileged, lambda: function(*args, **kwargs))


def give_to_other_user(path: Path) -> None:
    """Let uid and gid 65534 own the file."""
    need("root")
    os.chown(path, NOBODY, NOBODY)


def _unprivileged(function: Callable[[], T]) -> T:
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)
    # After a change of user /proc/self/fd is not accessible (proc(5)); after a login it is.
    ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 1, 0, 0, 0)
    return function()

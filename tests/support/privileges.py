"""Running as another user, and saying what a test cannot do without."""

import ctypes
import os
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import pytest

from support.forks import in_fork

NOBODY = 65534
_PR_SET_DUMPABLE = 4

P = ParamSpec("P")
T = TypeVar("T")


def require(condition: object, reason: str) -> None:
    """Skip the test unless `condition` holds; in CI fail it, for CI has all that tests need."""
    if condition:
        return
    if os.environ.get("CI") == "true":
        pytest.fail(f"CI must be able to run this: {reason}")
    pytest.skip(reason)


def as_other_user(function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Call `function` in a child that runs as uid and gid 65534 and has no capabilities.

    As with `in_fork`, what comes back is pickled, and an exception is raised again here.
    """
    require(os.geteuid() == 0, "becoming another user needs root")
    return in_fork(_unprivileged, lambda: function(*args, **kwargs))


def _unprivileged(function: Callable[[], T]) -> T:
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)
    # A change of user takes /proc/self/fd away (proc(5)); one who logged in as that user has it.
    ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 1, 0, 0, 0)
    return function()

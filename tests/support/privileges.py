"""Running as another user, and saying what a test cannot do without."""

import ctypes
import os
import pickle
import traceback
import warnings
from collections.abc import Callable
from typing import NoReturn, ParamSpec, TypeVar

import pytest

NOBODY = 65534
_PR_SET_DUMPABLE = 4

P = ParamSpec("P")
T = TypeVar("T")


class ChildError(Exception):
    """The cause of an exception that came out of a child process: its traceback, as text."""


def require(condition: object, reason: str) -> None:
    """Skip the test unless `condition` holds; in CI fail it, for CI has all that tests need."""
    if condition:
        return
    if os.environ.get("CI") == "true":
        pytest.fail(f"CI must be able to run this: {reason}")
    pytest.skip(reason)


def as_other_user(function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Call `function` in a child that runs as uid and gid 65534 and has no capabilities.

    Being forked, the child takes any callable, closures too; what comes back is pickled. An
    exception is raised again here, caused by a `ChildError`.
    """
    require(os.geteuid() == 0, "becoming another user needs root")
    reader, writer = os.pipe()
    with warnings.catch_warnings():
        # Python 3.12 warns of locks that other threads may hold; the child takes none of theirs.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        _answer(writer, lambda: function(*args, **kwargs))
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        answer = pipe.read()
    _, status = os.waitpid(child, 0)
    if not answer:
        msg = f"the child ended without an answer, wait status {status}"
        raise RuntimeError(msg)
    result: T
    error: BaseException | None
    result, error, trace = pickle.loads(answer)
    if error is not None:
        raise error from ChildError(f"\n{trace}")
    return result


def _answer(writer: int, function: Callable[[], object]) -> NoReturn:
    """In the child: give up all privileges, call the function, send what it gave, end."""
    try:
        answer = pickle.dumps((_unprivileged(function), None, ""))
    except BaseException as error:  # noqa: BLE001 - the parent raises it
        answer = pickle.dumps((None, _sendable(error), traceback.format_exc()))
    try:
        with os.fdopen(writer, "wb") as pipe:
            pipe.write(answer)
    finally:
        os._exit(0)


def _unprivileged(function: Callable[[], T]) -> T:
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)
    # A change of user takes /proc/self/fd away (proc(5)); one who logged in as that user has it.
    ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 1, 0, 0, 0)
    return function()


def _sendable(error: BaseException) -> BaseException:
    """The error itself, or a RuntimeError that quotes it if it does not survive pickling."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:  # noqa: BLE001 - pickling runs any code
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error

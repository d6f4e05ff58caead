"""Runs a function in a child of os.fork, and waits for it for a limited time."""

import faulthandler
import os
import pickle
import signal
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import wait
from typing import NoReturn, ParamSpec, TypeVar

FOR_EVER = 300.0
"""Far more seconds than anything takes on a busy machine: only what hangs takes so long."""

P = ParamSpec("P")
T = TypeVar("T")


class ChildError(Exception):
    """The cause of an exception that came out of a child process: its traceback, as text."""


@contextmanager
def forks_with_threads() -> Iterator[None]:
    """Fork while other threads run. Python 3.12 warns that the child may need their locks.

    It counts the threads in /proc, where one that was joined stays for a moment.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)
        yield


def in_fork(function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Call `function` in a forked child, which takes any callable, closures too.

    What comes back is pickled. An exception is raised again here, caused by a `ChildError`. A child
    that hangs tells where, and ends.
    """
    reader, writer = os.pipe()
    with forks_with_threads():
        child = os.fork()
    if child == 0:
        os.close(reader)
        _answer(writer, lambda: function(*args, **kwargs))
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        if not wait([reader], FOR_EVER):
            os.kill(child, signal.SIGUSR1)  # it shows where it hangs
            wait([reader], FOR_EVER)
            os.kill(child, signal.SIGKILL)
        answer = pipe.read()
    _, status = os.waitpid(child, 0)
    if status != 0 or not answer:
        msg = f"the child ended with wait status {status} and wrote:\n{answer.decode()}"
        raise RuntimeError(msg)
    result: T
    error: BaseException | None
    result, error, trace = pickle.loads(answer)
    if error is not None:
        raise error from ChildError(f"\n{trace}")
    return result


def _answer(writer: int, function: Callable[[], object]) -> NoReturn:
    """In the child: call the function, send the result, end."""
    faulthandler.register(signal.SIGUSR1, file=writer, chain=True)
    try:
        answer = pickle.dumps((function(), None, ""))
    except BaseException as error:  # noqa: BLE001 - the parent raises it
        answer = pickle.dumps((None, _sendable(error), traceback.format_exc()))
    try:
        with os.fdopen(writer, "wb") as pipe:
            pipe.write(answer)
    finally:
        os._exit(0)


def _sendable(error: BaseException) -> BaseException:
    """The error itself, or a RuntimeError that quotes it if it does not survive pickling."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:  # noqa: BLE001 - pickling runs any code
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error

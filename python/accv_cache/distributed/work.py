"""What a node is to do, and how its result travels: as bytes, since only some results pickle."""

import functools
import math
import numbers
import pickle
import traceback
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import accv_cache
from accv_cache._report import Report, for_another_node
from accv_cache.distributed.node_reports import NodeError

_VERBS = "drop", "query", "prefetch"
_MOST_RECORDS = 100
"""The records that a report of more files brings along, unless it is to come whole."""


class Work(NamedTuple):
    """A call that each node makes."""

    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    options: Mapping[str, Any]
    whole: bool

    @property
    def name(self) -> str:
        """The name of the function, which is the same in each process."""
        function = self.function
        while isinstance(function, functools.partial):
            function = function.func
        name: str = getattr(function, "__qualname__", type(function).__qualname__)
        return name

    def run(self) -> bytes:
        """Make the call here; return its result, or its exception, for `outcome_of`."""
        try:
            result = self.function(*self.arguments, **self.options)
        except Exception as error:  # noqa: BLE001 - whatever the function raises is its result
            return _packed_error(error)
        if isinstance(result, Report):
            result = for_another_node(result, None if self.whole else _MOST_RECORDS)
        try:
            return pickle.dumps((True, result, ""))
        except Exception as error:  # noqa: BLE001 - any object may be in it
            return _packed_error(NodeError(f"the result of {self.name} cannot be pickled: {error}"))


def as_work(
    function: Callable[..., Any] | str,
    arguments: tuple[Any, ...],
    options: Mapping[str, Any],
    *,
    whole: bool,
    dumps: Callable[[object], bytes] = pickle.dumps,
) -> Work:
    """Check what is to run on each node, and is pickled by `dumps`.

    Raises:
        TypeError: It cannot be called, or a process on another node could not find it.
        ValueError: It is the name of no verb.
    """
    if isinstance(function, str):
        if function not in _VERBS:
            msg = f"pass a function or one of {', '.join(map(repr, _VERBS))}, not {function!r}"
            raise ValueError(msg)
        function = getattr(accv_cache, function)
    if not callable(function):
        msg = f"pass a function, not {function!r}"
        raise TypeError(msg)
    try:
        dumps(function)
    except Exception as error:
        msg = f"{function!r} cannot be pickled ({error}): define it at the top level of a module"
        raise TypeError(msg) from error
    return Work(function, arguments, options, whole)


def as_timeout(timeout: float) -> float:
    """Check a time to wait, in seconds.

    Raises:
        TypeError: It is no number.
        ValueError: It is not more than 0, or not finite.
    """
    if not isinstance(timeout, numbers.Real):
        msg = f"timeout must be a number of seconds, not {timeout!r}"
        raise TypeError(msg)
    if not (timeout > 0 and math.isfinite(timeout)):
        msg = f"timeout must be more than 0 seconds and finite, not {timeout!r}"
        raise ValueError(msg)
    return float(timeout)


def version_error(there: str) -> NodeError | None:
    """Say that a node has another version of the package; None: it has this one."""
    here = accv_cache.__version__
    return None if there == here else NodeError(f"has accv_cache {there}, not {here}")


def outcome_of(version: str, packed: bytes) -> object:
    """Return what a node with that version sent: the result of the function, or an exception."""
    error = version_error(version)
    if error is not None:
        return error
    try:
        is_result, value, trace = pickle.loads(packed)  # noqa: S301 - from the same job
    except Exception as error:  # noqa: BLE001 - any object may be in it
        return NodeError(f"what it sent cannot be read: {error!r}")
    if not is_result:
        value.__cause__ = NodeError(f"on its node:\n{trace}")
    return value


def _packed_error(error: Exception) -> bytes:
    trace = "".join(traceback.format_exception(error))
    try:
        packed = pickle.dumps((False, error, trace))
        pickle.loads(packed)  # noqa: S301 - an exception may pickle, and not be made again
    except Exception:  # noqa: BLE001 - any object may be in it
        return pickle.dumps((False, NodeError(f"{type(error).__name__}: {error}"), trace))
    return packed

"""What the arguments of several verbs have in common."""

import operator
import os
import sys
from collections.abc import Callable, Iterable
from typing import Protocol, TypeAlias, runtime_checkable


@runtime_checkable
class HasDescriptor(Protocol):
    """A file object or a socket-like thing."""

    def fileno(self) -> int:
        """Give the descriptor."""


Path: TypeAlias = str | bytes | os.PathLike[str] | os.PathLike[bytes]
Target: TypeAlias = Path | int | HasDescriptor
Targets: TypeAlias = Target | Iterable[Target]
Progress: TypeAlias = Callable[[int, int, int], object]


def as_target_list(targets: Targets) -> Iterable[Target]:
    """Make a list of one target, and leave many as they are."""
    # A bool is an int, and the items of the others are: none of them is meant as a descriptor.
    if isinstance(targets, (bool, bytearray, memoryview)):
        msg = f"pass paths, descriptors or open files, not a {type(targets).__name__}"
        raise TypeError(msg)
    if isinstance(targets, (str, bytes, os.PathLike, int)):
        return [targets]
    if isinstance(targets, HasDescriptor):
        return [targets]
    if not isinstance(targets, Iterable):
        msg = f"pass a path, a descriptor, an open file, or a list of those, not {targets!r}"
        raise TypeError(msg)
    return targets


def as_names(targets: Iterable[Target]) -> tuple[bytes, ...]:
    """Name targets that nobody opens: what a report says off Linux."""
    return tuple(
        os.fsencode(each if isinstance(each, (str, bytes, os.PathLike)) else str(each))
        for each in targets
    )


def as_patterns(include: str | Iterable[str] | None) -> list[bytes]:
    """Make a list of one pattern, many, or none."""
    if include is None:
        return []
    return [os.fsencode(each) for each in ([include] if isinstance(include, str) else include)]


def check_number(name: str, value: int | None, least: int) -> int:
    """Give an argument as a number, 0 for None.

    TypeError if it is none, ValueError if it is below `least` or beyond 64 bits.
    """
    if value is None:
        return 0
    try:
        number = operator.index(value)
    except TypeError:
        msg = f"{name} must be an integer, not {value!r}"
        raise TypeError(msg) from None
    if not least <= number < sys.maxsize:
        msg = f"{name} must be from {least} to {sys.maxsize - 1}, or None, not {number}"
        raise ValueError(msg)
    return number


def check_progress(progress: Progress | None) -> None:
    """TypeError if `progress` is given and nobody can call it."""
    if progress is not None and not callable(progress):
        msg = f"progress must be callable, not {progress!r}"
        raise TypeError(msg)

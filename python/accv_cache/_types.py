"""What the arguments of several verbs have in common."""

import operator
import os
import sys
from collections.abc import Iterable
from typing import Protocol, TypeAlias, runtime_checkable


@runtime_checkable
class HasDescriptor(Protocol):
    """A file object or a socket-like thing."""

    def fileno(self) -> int:
        """Give the descriptor."""


Path: TypeAlias = str | bytes | os.PathLike[str] | os.PathLike[bytes]
Target: TypeAlias = Path | int | HasDescriptor
Targets: TypeAlias = Target | Iterable[Target]


def as_target_list(targets: Targets) -> Iterable[Target]:
    """Make a list of one target, and leave many as they are."""
    if isinstance(targets, bool):
        msg = "pass paths, descriptors or open files, not a bool"
        raise TypeError(msg)
    if isinstance(targets, (str, bytes, os.PathLike, int)):
        return [targets]
    if isinstance(targets, HasDescriptor):
        return [targets]
    if not isinstance(targets, Iterable):
        msg = f"pass a path, a descriptor, an open file, or a list of those, not {targets!r}"
        raise TypeError(msg)
    return targets


def as_patterns(include: str | Iterable[str] | None) -> list[bytes]:
    """Make a list of one pattern, many, or none."""
    if include is None:
        return []
    return [os.fsencode(each) for each in ([include] if isinstance(include, str) else include)]


def check_number(name: str, value: int | None, least: int) -> int:
    """Give an argument as a number, 0 for None; ValueError below `least` or beyond 64 bits."""
    if value is None:
        return 0
    number = operator.index(value)
    if not least <= number < sys.maxsize:
        msg = f"{name} must be at least {least}, or None, not {number}"
        raise ValueError(msg)
    return number

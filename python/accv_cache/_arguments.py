"""The arguments that the verbs share."""

import operator
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol, TypeAlias, TypedDict, runtime_checkable


@runtime_checkable
class HasDescriptor(Protocol):
    """An object with a descriptor, such as a file object."""

    def fileno(self) -> int:
        """Return the descriptor."""


Path: TypeAlias = str | bytes | os.PathLike[str] | os.PathLike[bytes]
Target: TypeAlias = Path | int | HasDescriptor
Targets: TypeAlias = Target | Iterable[Target]
Progress: TypeAlias = Callable[[int, int, int], object]


def as_target_list(targets: Targets) -> Iterable[Target]:
    """Make a list of one target; return many targets unchanged."""
    # A bool is an int, and so are the items of the others, but none is meant as a descriptor.
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
    """Return the names of targets that are not opened, for a report on other systems."""
    return tuple(
        os.fsencode(each if isinstance(each, (str, bytes, os.PathLike)) else str(each))
        for each in targets
    )


class FileOptions(TypedDict):
    """The options that the verbs of the core share."""

    offset: int
    length: int | None
    recursive: bool
    include: list[bytes]
    exclude: list[bytes]
    max_size_bytes: int | None
    follow_symlinks: bool
    workers: int | None
    progress: Progress | None


def as_options(given: Mapping[str, Any]) -> FileOptions:
    """Check the shared arguments, and return them as the core takes them.

    Args:
        given: All arguments of a verb by name: its `locals()`, when it starts.

    Raises:
        TypeError: A number is no integer, a pattern is no text, or `progress` is not callable.
        ValueError: A number is out of range, or a pattern has a NUL byte.
    """
    progress = given["progress"]
    if progress is not None and not callable(progress):
        msg = f"progress must be callable, not {progress!r}"
        raise TypeError(msg)
    return FileOptions(
        offset=as_number("offset", given["offset"], least=0),
        length=as_number_or_none("length", given["length"], least=1),
        recursive=given["recursive"],
        include=_as_patterns("include", given["include"]),
        exclude=_as_patterns("exclude", given["exclude"]),
        max_size_bytes=as_number_or_none("max_size_bytes", given["max_size_bytes"], least=0),
        follow_symlinks=given["follow_symlinks"],
        workers=as_number_or_none("workers", given["workers"], least=1),
        progress=progress,
    )


def _as_patterns(name: str, globs: str | Iterable[str] | None) -> list[bytes]:
    if globs is None:
        return []
    if isinstance(globs, bytes) or not isinstance(globs, Iterable):
        msg = f"{name} must be a pattern such as '*.mp4', or an iterable of those, not {globs!r}"
        raise TypeError(msg)
    patterns = [globs] if isinstance(globs, str) else list(globs)
    for pattern in patterns:
        if not isinstance(pattern, str):
            msg = f"{name} must have patterns such as '*.mp4', not {pattern!r}"
            raise TypeError(msg)
        if "\0" in pattern:
            msg = f"a pattern has no NUL byte: {pattern!r}"
            raise ValueError(msg)
    return [*map(os.fsencode, patterns)]


def as_number_or_none(name: str, value: int | None, least: int) -> int | None:
    """Check a number that may be None."""
    return None if value is None else as_number(name, value, least)


def as_number(name: str, value: int, least: int) -> int:
    """Check an argument that is a whole number."""
    try:
        number = operator.index(value)
    except TypeError:
        msg = f"{name} must be an integer, not {value!r}"
        raise TypeError(msg) from None
    if not least <= number < sys.maxsize:
        msg = f"{name} must be from {least} to {sys.maxsize - 1}, not {number}"
        raise ValueError(msg)
    return number

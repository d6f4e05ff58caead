"""The one dialect of globs, that of fnmatch(3): in names that are given as in directories.

A shell replaces a pattern by the names that match before we see it. One that is quoted reaches us;
then `*` and `?` make a pattern. A name that exists is that name, whatever characters it has.
"""

import os
import sys
from collections.abc import Iterable, Iterator

if sys.platform == "linux":
    from accv_cache import _core


def matches(pattern: str, path: str) -> bool:
    """Whether a pattern matches a path: all of it if it has a slash, else its last name."""
    if sys.platform != "linux":
        return True  # no file is accessed there
    return _core.matches(os.fsencode(pattern), os.fsencode(path))


def expanded(paths: Iterable[str]) -> Iterator[str]:
    """Replace each pattern by its matches; a pattern without a match stays, and fails later."""
    for path in paths:
        if _is_pattern(path) and not os.path.lexists(path):
            yield from sorted(_matching(path)) or [path]
        else:
            yield path


def _is_pattern(name: str) -> bool:
    return "*" in name or "?" in name


def _matching(pattern: str) -> Iterator[str]:
    """The existing names that match; '**' is any number of folders."""
    above, slash, name = pattern.rpartition("/")
    folders = _folders(above) if _is_pattern(above) else [above + slash]
    for folder in folders:
        if not _is_pattern(name):
            yield from [folder + name] * os.path.lexists(folder + name)
        elif name == "**":
            yield folder or "."
        else:
            yield from (folder + each for each in _names_in(folder) if _is_meant(name, each))


def _folders(pattern: str) -> Iterator[str]:
    """The folders that match, each with a slash at its end."""
    above, slash, name = pattern.rpartition("/")
    if name == "**":
        for top in _folders(above) if _is_pattern(above) else [above + slash]:
            yield top
            for folder, below, _ in os.walk(top or "."):
                yield from (f"{os.path.join(folder, each)}/" for each in below)  # noqa: PTH118
    else:
        yield from (f"{each}/" for each in _matching(pattern) if os.path.isdir(each))  # noqa: PTH112


def _is_meant(pattern: str, name: str) -> bool:
    """As in a shell, only a pattern that starts with a dot matches a name that does."""
    return (pattern.startswith(".") or not name.startswith(".")) and matches(pattern, name)


def _names_in(folder: str) -> list[str]:
    try:
        return os.listdir(folder or ".")  # noqa: PTH208 - names as they are
    except OSError:  # no folder, or an unreadable one: no match
        return []

"""Which files a command is for: the arguments and options that the verbs share."""

import dataclasses
import functools
import glob
import os
from collections.abc import Callable, Iterable, Iterator
from fnmatch import fnmatch
from typing import Any

import click

from accv_cache import CacheRecord, query
from accv_cache._cli import units
from accv_cache._cli.output import printable

_STANDARD_INPUT = 0


@dataclasses.dataclass(frozen=True, slots=True)
class Selection:
    """The files that the arguments name, and how to walk to them."""

    paths: tuple[str, ...]
    listing: str | None
    nul: bool
    only: tuple[str, ...]
    ignore: tuple[str, ...]
    follow: bool
    max_size: int | None
    part: units.ByteRange
    workers: int | None

    @property
    def is_empty(self) -> bool:
        """Whether no argument names any file."""
        return not self.paths and self.listing is None

    @property
    def walk(self) -> dict[str, Any]:
        """The arguments that the library's verbs share."""
        return {
            "offset": self.part.offset,
            "length": self.part.length,
            "include": self.only,
            "follow_symlinks": self.follow,
            "workers": self.workers,
        }

    def find(self) -> list[str]:
        """The paths for a verb: the directories are left to its walk where nothing else asks."""
        if self.is_empty:
            message = "Name files or directories, or pass a list of them with --from."
            raise click.UsageError(message)
        given = [*_expanded(self.paths), *self._listed()]
        if self.only:
            given = [path for path in given if _is_any(path, self.only) or os.path.isdir(path)]  # noqa: PTH112 - false for any error
        if not self.ignore and self.max_size is None:
            return given
        roots = {path.rstrip("/") for path in given}
        found = query(given, include=self.only, follow_symlinks=self.follow, workers=self.workers)
        return [record.path for record in found.files if self._wants(record, roots)]

    def _wants(self, record: CacheRecord, roots: set[str]) -> bool:
        if self.max_size is not None and record.size_bytes > self.max_size:
            return False
        return not any(_is_any(path, self.ignore) for path in _up_to(roots, record.path))

    def _listed(self) -> list[str]:
        if self.listing is None:
            return []
        source: str | int = _STANDARD_INPUT if self.listing == "-" else self.listing
        try:
            with open(source, "rb", closefd=source != _STANDARD_INPUT) as file:
                data = file.read()
        except OSError as error:
            message = f"Cannot read the list {printable(self.listing)}: {error.strerror}."
            raise click.UsageError(message) from error
        if not self.nul and b"\0" in data:
            message = "The list has NUL bytes: pass -0 too."
            raise click.UsageError(message)
        return [os.fsdecode(name) for name in data.split(b"\0" if self.nul else b"\n") if name]


def _expanded(paths: Iterable[str]) -> Iterator[str]:
    """Replace each pattern by what it matches; one that matches nothing stays, and fails later."""
    for path in paths:
        if glob.has_magic(path) and not os.path.lexists(path):
            yield from sorted(glob.glob(path, recursive=True)) or [path]  # noqa: PTH207 - as given
        else:
            yield path


def _is_any(path: str, patterns: Iterable[str]) -> bool:
    name = path.rpartition("/")[2]
    return any(fnmatch(name, pattern) for pattern in patterns)


def _up_to(roots: set[str], path: str) -> Iterator[str]:
    """The path, then the directories above it, up to the one that was given."""
    yield path
    while path not in roots and "/" in path:
        path = path.rpartition("/")[0]
        yield path


_OPTIONS = (
    # A file that cannot be opened is a status, which the library gives, and not wrong usage.
    click.argument("paths", nargs=-1, type=click.Path(readable=False), metavar="PATH…"),
    click.option(
        "-b",
        "--from",
        "listing",
        metavar="FILE",
        help="Also take the paths that FILE lists, one a line; '-' is standard input.",
    ),
    click.option("-0", "nul", is_flag=True, help="The list is separated by NUL, not newline."),
    click.option(
        "-I",
        "--only",
        multiple=True,
        metavar="GLOB",
        help="Only files whose name matches. May be repeated.",
    ),
    click.option(
        "-i",
        "--ignore",
        multiple=True,
        metavar="GLOB",
        help="Leave out files and directories whose name matches. May be repeated.",
    ),
    click.option("-f", "--follow", is_flag=True, help="Follow symbolic links in directories."),
    click.option(
        "-F",
        "--one-file-system",
        is_flag=True,
        expose_value=False,
        help="Stay on one file system: that is what happens anyway.",
    ),
    click.option(
        "-p",
        "--range",
        "part",
        type=units.byte_range,
        default="0-",
        metavar="RANGE",
        help="Only this part of each file, such as 10M-2G, 10M- or -2G.",
    ),
    click.option(
        "-m", "--max-size", type=units.size, metavar="SIZE", help="Leave out larger files."
    ),
    click.option(
        "-w",
        "--workers",
        type=click.IntRange(min=1),
        metavar="N",
        help="Threads at the most; as many as pay by default.",
    ),
)


def selects_files(command: Callable[..., int]) -> Callable[..., int]:
    """Give a command these arguments and options as one `Selection`."""
    names = [field.name for field in dataclasses.fields(Selection)]

    @functools.wraps(command)
    def with_selection(**options: Any) -> int:  # noqa: ANN401 - what click passes
        selection = Selection(**{name: options.pop(name) for name in names})
        return command(selection, **options)

    return functools.reduce(lambda made, option: option(made), reversed(_OPTIONS), with_selection)

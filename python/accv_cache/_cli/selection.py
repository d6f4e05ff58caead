"""The arguments and options that select files, shared by the commands."""

import functools
import os
import stat
from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from typing import Any, NamedTuple

import click

from accv_cache._cli import forms, units
from accv_cache._cli.front import COMMANDS
from accv_cache._cli.grouped import GroupedCommand, GroupedOption
from accv_cache._cli.patterns import expanded, matches
from accv_cache._cli.terminal import STANDARD_INPUT
from accv_cache._text import printable

SELECTING = ("paths", "listing", "nul", "only", "ignore", "follow", "one_file_system", "max_size")
"""The arguments and options that say which files are meant, and not how they are treated."""


class Selection(NamedTuple):
    """The files that the arguments select."""

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
    def walk(self) -> dict[str, Any]:
        """The arguments that the library's verbs share."""
        return {
            "offset": self.part.offset,
            "length": self.part.length,
            "include": self.only,
            "exclude": self.ignore,
            "max_size_bytes": self.max_size,
            "follow_symlinks": self.follow,
            "workers": self.workers,
        }

    def check(self) -> None:
        """Raise a usage error if nothing is named."""
        if not self.paths and self.listing is None:
            message = "Name files or directories, or pass a list of them with --from."
            raise click.UsageError(message)

    def find(self) -> list[str]:
        """The paths for a verb; the verb walks the directories."""
        return self.finder()()

    def finder(self) -> Callable[[], list[str]]:
        """A function that finds the paths repeatedly; a list is read only once, now."""
        self.check()
        listed = self._listed()
        return lambda: list(filter(self._wants, chain(expanded(self.paths), listed)))

    def _wants(self, path: str) -> bool:
        """Whether a path in the arguments is taken, by the rules for files in a directory."""
        if not (self.only or self.ignore or self.max_size is not None):
            return True
        name = path.rstrip("/")
        if _matches_any(self.ignore, name):
            return False
        try:
            status = os.stat(path)  # noqa: PTH116 - no Path is needed
        except OSError:
            return True  # the verb reports the error
        if stat.S_ISDIR(status.st_mode):
            return True
        if self.max_size is not None and status.st_size > self.max_size:
            return False
        return not self.only or _matches_any(self.only, name)

    def _listed(self) -> list[str]:
        if self.listing is None:
            return []
        source: str | int = STANDARD_INPUT if self.listing == "-" else self.listing
        try:
            with open(source, "rb", closefd=source != STANDARD_INPUT) as file:
                data = file.read()
        except OSError as error:
            message = f"Cannot read the list {printable(self.listing)}: {error.strerror}."
            raise click.UsageError(message) from error
        if not self.nul and b"\0" in data:
            message = "The list has NUL bytes: pass -0 too."
            raise click.UsageError(message)
        return [os.fsdecode(name) for name in data.split(b"\0" if self.nul else b"\n") if name]


def _matches_any(patterns: Iterable[str], path: str) -> bool:
    return any(matches(pattern, path) for pattern in patterns)


_option = functools.partial(click.option, cls=GroupedOption, group="Which files")

_OPTIONS = (
    # A file that cannot be opened is a status of the library, not wrong usage.
    click.argument("paths", nargs=-1, type=click.Path(readable=False), metavar="PATH..."),
    _option(
        "-b",
        "--from",
        "listing",
        metavar="FILE",
        help="Also take the paths that FILE lists, one per line; '-' is standard input. A pattern "
        "in a list is a name.",
    ),
    _option("-0", "nul", is_flag=True, help="The list is separated by NUL, not newline."),
    _option(
        "-I",
        "--only",
        multiple=True,
        metavar="GLOB",
        help="Only files whose name matches the pattern of fnmatch(3). May be repeated.",
    ),
    _option(
        "-i",
        "--ignore",
        multiple=True,
        metavar="GLOB",
        help="Skip files and directories whose name matches, and open none of them. May be "
        "repeated.",
    ),
    _option(
        "-f",
        "--follow",
        is_flag=True,
        help="Follow symbolic links in directories; a link in the arguments is always followed.",
    ),
    _option(
        "-F",
        "--one-file-system",
        is_flag=True,
        expose_value=False,
        help="Stay on one file system; this is the default. Name another one to include it.",
    ),
    _option(
        "-p",
        "--range",
        "part",
        type=units.byte_range,
        default="-",
        metavar="RANGE",
        help="Only this part of each file, such as 10M-2G, 10M-, -2G, or - for all of it.",
    ),
    _option("-m", "--max-size", type=units.size, metavar="SIZE", help="Skip larger files."),
    _option(
        "-w",
        "--workers",
        type=click.IntRange(min=1),
        metavar="N",
        help="Threads at the most; by default as many as help.",
    ),
)


_PATTERNS = """\
A PATH that contains * or ? and does not exist is a pattern of fnmatch(3), for shells that do
not expand it. A PATH that exists is never a pattern."""


def files_command(
    name: str, text: str, fields: Sequence[forms.Field], examples: str
) -> Callable[[Callable[..., int]], click.Command]:
    """Make a command on files: its help ends with examples and the fields of --porcelain."""
    epilog = f"\b\nExamples:\n{examples.strip(chr(10))}\n\n{forms.sentence(fields)}"
    return click.command(
        name,
        cls=GroupedCommand,
        help=f"{COMMANDS[name]}\n\n{text.strip()}\n\n{_PATTERNS}",
        epilog=epilog,
    )


def selects_files(command: Callable[..., int]) -> Callable[..., int]:
    """Give a command these arguments and options as one `Selection`."""

    @functools.wraps(command)
    def with_selection(**options: Any) -> int:  # noqa: ANN401 - what click passes
        selection = Selection(**{name: options.pop(name) for name in Selection._fields})
        return command(selection, **options)

    return functools.reduce(lambda made, option: option(made), reversed(_OPTIONS), with_selection)

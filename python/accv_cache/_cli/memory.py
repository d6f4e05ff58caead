"""The options that show memory as a whole; `cgroup` writes the output."""

import functools
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import click

from accv_cache._cli.grouped import GroupedOption


class Memory(NamedTuple):
    """Whose memory to show instead of files."""

    cgroup: bool
    pid: int | None
    cgroup_path: str | None
    machine: bool

    @property
    def option(self) -> str | None:
        """The option that was given, one of them if there are more."""
        if self.machine:
            return "--machine"
        if self.pid is not None:
            return "--pid"
        if self.cgroup_path is not None:
            return "--cgroup-path"
        return "--cgroup" if self.cgroup else None


_option = partial(click.option, cls=GroupedOption, group="Memory as a whole")

_PROCESS = click.IntRange(1, 2**31 - 1)

_OPTIONS = (
    _option("--cgroup", is_flag=True, help="Show what uses the memory limit of this pod or job."),
    _option("--pid", type=_PROCESS, metavar="PID", help="The same for a process."),
    _option("--cgroup-path", metavar="DIR", help="The same for the cgroup with this folder."),
    _option("--machine", is_flag=True, help="Show what uses the memory of the machine."),
)


def shows_memory(command: Callable[..., int]) -> Callable[..., int]:
    """Give a command these options as one `Memory`, after its `Output`."""

    @functools.wraps(command)
    def with_memory(*arguments: Any, **options: Any) -> int:  # noqa: ANN401 - what click passes
        memory = Memory(**{name: options.pop(name) for name in Memory._fields})
        return command(*arguments, memory, **options)

    return functools.reduce(lambda made, option: option(made), reversed(_OPTIONS), with_memory)

"""`accv-cache query --cgroup` and `--machine`: what uses the memory of a pod, job or machine."""

from collections.abc import Iterator
from functools import partial

from accv_cache import (
    CgroupMemory,
    DropCacheStatus,
    MachineMemory,
    cgroup_memory,
    machine_memory,
    memory_limit,
)
from accv_cache._cli import forms
from accv_cache._cli.bars import bar
from accv_cache._cli.grouped import goes_without
from accv_cache._cli.memory import Memory
from accv_cache._cli.output import Output
from accv_cache._cli.selection import SELECTING
from accv_cache._cli.tables import Layout, Row, lay_out
from accv_cache._cli.terminal import complain, paint, width, write
from accv_cache._text import as_size, printable

_OF_FILES = (*SELECTING, "part", "workers", "watch", "interval", "depth", "no_maps")
"""The arguments and options that look at files."""


def show_memory(memory: Memory, output: Output) -> int:
    """Show what uses the memory of a cgroup or the machine; return the exit code."""
    goes_without(f"{memory.option} shows memory as a whole: it", _OF_FILES)
    if memory.machine:
        goes_without("--machine", ("cgroup", "pid", "cgroup_path"))
    if memory.pid is not None:
        goes_without("--pid", ("cgroup_path",))
    return _show_machine(output) if memory.machine else _show_cgroup(memory, output)


def _show_cgroup(asked: Memory, output: Output) -> int:
    try:
        found = cgroup_memory(asked.pid, path=asked.cgroup_path)
    except OSError as error:  # there is no such process or folder
        complain(f"{printable(error.filename)}: {error.strerror}")
        return DropCacheStatus.UNKNOWN_ERROR.value
    if found is not None and found.usage_bytes is not None:
        return _write(output, found)
    is_caller = asked.pid is None and asked.cgroup_path is None
    if not is_caller or memory_limit() is None:
        complain(_unknown(asked))
        return _write(output, found, DropCacheStatus.UNKNOWN_ERROR)
    if output.for_people:
        complain("no cgroup limits the memory of this process; this is the machine")
        return _show_machine(output)
    return _write(output, found)


def _show_machine(output: Output) -> int:
    machine = machine_memory()
    if machine is not None:
        return _write(output, machine)
    complain("the memory is unknown: /proc/meminfo cannot be read")
    return _write(output, None, DropCacheStatus.UNKNOWN_ERROR)


def _unknown(asked: Memory) -> str:
    if asked.cgroup_path is not None:
        return f"{printable(asked.cgroup_path)}: this is not the folder of a cgroup for memory"
    process = "this process" if asked.pid is None else f"process {asked.pid}"
    return (
        f"what fills the cgroup of {process} cannot be known: no mount shows it; ask from where "
        "cgroups are mounted, such as the node"
    )


def _write(
    output: Output,
    memory: CgroupMemory | MachineMemory | None,
    status: DropCacheStatus = DropCacheStatus.SUCCESS,
) -> int:
    figures = None if memory is None else memory.to_dict()
    numbers = [
        (name, figure)
        for name, figure in (figures or {}).items()
        if name not in {"verdict", "advice"}
    ]
    output.write(
        document=lambda: figures,
        lines=lambda: forms.rows(forms.CGROUP, numbers),
        picture=lambda: _draw(memory),
    )
    return status.value


def _draw(memory: CgroupMemory | MachineMemory | None) -> None:
    if memory is not None:
        write(*memory_table(memory, width()), "", paint(memory.advice, "bold"))


def memory_table(memory: CgroupMemory | MachineMemory, width: int | None) -> Iterator[str]:
    """Make the lines of the table. No name or figure is cut."""
    if isinstance(memory, CgroupMemory):
        yield f"cgroup {printable(memory.path)}"
        yield ""
        whole = memory.binding_limit_bytes
    else:
        whole = memory.total_bytes
    rows = memory.rows()
    bars = [partial(bar, min(row.size / whole, 1) if whole else 0) for row in rows]
    lines = [Row("", ["", ""]), *(Row(row.name, [as_size(row.size), row.share]) for row in rows)]
    yield from lay_out(lines, width, bars, Layout(shortest_name=max(len(row.name) for row in rows)))

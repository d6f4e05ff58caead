"""A simulated job: what a call on each node costs the store of PyTorch, and a rank that asks.

    TORCH_CPP_LOG_LEVEL=ERROR python -m benchmarks.nodes    # minutes
    python -m benchmarks.nodes --quick                      # proves that it runs

Each node is a thread of this process that takes part in the call over a connection of its own. The
server of the store is a process of its own. docs/scale.md has the figures.
"""

import contextlib
import multiprocessing
import resource
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

import click
import torch.distributed as dist
from rich.console import Console
from rich.table import Table

from accv_cache import CacheReport, query
from accv_cache.distributed.node import Node, this_node
from accv_cache.distributed.torch import Rank, take_part
from accv_cache.distributed.work import Work

from . import machine

RANKS = 8  # of a node; the first of them calls
RECORDS = 100  # that a report of more files brings along
FULL = [
    (0, 50),
    (0, 100),
    (0, 200),
    (RECORDS, 50),
    (RECORDS, 100),
    (RECORDS, 200),
]
QUICK = [(0, 10), (RECORDS, 10)]
MOST_SECONDS = 3600


class Used(NamedTuple):
    """What a process has used."""

    cpu_seconds: float
    memory_bytes: int


class Traffic(NamedTuple):
    """What a node exchanged with the store: keys and values."""

    messages: int
    sent_bytes: int
    received_bytes: int


class Costs(NamedTuple):
    """What one call cost."""

    traffic: list[Traffic]
    server: Used
    caller_cpu_seconds: list[float]


class Counting(dist.Store):  # type: ignore[misc] # without torch
    """A store that counts what goes through it."""

    def __init__(self, store: Any) -> None:  # noqa: ANN401 - of torch
        """Count what goes through a store."""
        super().__init__()
        self._store = store
        self.messages = self.sent_bytes = self.received_bytes = 0

    def _count(self, sent: Sequence[str | bytes], received: Sequence[bytes] = ()) -> None:
        self.messages += 1
        self.sent_bytes += sum(map(len, sent))
        self.received_bytes += sum(map(len, received))

    def add(self, key: str, number: int) -> int:
        """Count, and pass on."""
        self._count([key])
        result: int = self._store.add(key, number)
        return result

    def set(self, key: str, value: bytes) -> None:
        """Count, and pass on."""
        self._count([key, value])
        self._store.set(key, value)

    def append(self, key: str, value: bytes) -> None:
        """Count, and pass on."""
        self._count([key, value])
        self._store.append(key, value)

    def get(self, key: str) -> bytes:
        """Count, and pass on."""
        value: bytes = self._store.get(key)
        self._count([key], [value])
        return value

    def check(self, keys: list[str]) -> bool:
        """Count, and pass on."""
        self._count(keys)
        result: bool = self._store.check(keys)
        return result

    def multi_get(self, keys: list[str]) -> list[bytes]:
        """Count, and pass on."""
        values: list[bytes] = self._store.multi_get(keys)
        self._count(keys, values)
        return values

    def deleteKey(self, key: str) -> bool:  # noqa: N802 - torch's name
        """Count, and pass on."""
        self._count([key])
        result: bool = self._store.delete_key(key)
        return result


def _serve(pipe: Connection, other_end: Connection) -> None:
    """Be the server of a store: tell the port, and what was used whenever asked."""
    other_end.close()  # so that the pipe ends with the process that asks
    store = dist.TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
    pipe.send(store.port)
    with contextlib.suppress(EOFError):
        while pipe.recv() == "used":
            used = resource.getrusage(resource.RUSAGE_SELF)
            pipe.send(Used(used.ru_utime + used.ru_stime, used.ru_maxrss << 10))


@contextmanager
def _server() -> Iterator[tuple[int, Connection]]:
    """A process with the server of a store: its port, and a pipe to ask what it used."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("fork").Process(target=_serve, args=(theirs, ours))
    process.start()
    try:
        yield ours.recv(), ours
    finally:
        ours.send("end")
        process.join()


def _used(pipe: Connection) -> Used:
    pipe.send("used")
    used: Used = pipe.recv()
    return used


def _measure(nodes: int, report: CacheReport) -> Costs:
    """Let so many nodes make a call that returns the report."""
    work = Work(lambda: report, (), {}, whole=False)
    here = this_node()
    begin = threading.Barrier(nodes)
    deadline = time.monotonic() + MOST_SECONDS

    def node(number: int) -> tuple[Traffic, float]:
        store = Counting(dist.TCPStore("127.0.0.1", port, wait_for_workers=False))
        first = number * RANKS
        itself = Node(f"node {number}", f"node{number}", here.version)
        rank = Rank(itself, first, nodes * RANKS, first, first + RANKS)
        begin.wait()
        start = time.thread_time()
        reports = take_part(store, rank, work, deadline)
        cpu_seconds = time.thread_time() - start
        if not reports.ok or len(reports) != nodes:
            msg = f"node {number} has another result: {reports}"
            raise RuntimeError(msg)
        return Traffic(store.messages, store.sent_bytes, store.received_bytes), cpu_seconds

    with _server() as (port, pipe), ThreadPoolExecutor(nodes) as pool:
        before = _used(pipe)
        done = [*pool.map(node, range(nodes))]
        after = _used(pipe)
    traffic, cpu_seconds = zip(*done, strict=True)
    server = Used(after.cpu_seconds - before.cpu_seconds, after.memory_bytes - before.memory_bytes)
    return Costs([*traffic], server, [*cpu_seconds])


def _cells(costs: Costs) -> list[str]:
    messages, sent, received = map(statistics.mean, zip(*costs.traffic, strict=True))
    return [
        f"{messages:.0f}",
        f"{sent / 1e3:.1f}",
        f"{received / 1e3:.0f}",
        f"{len(costs.traffic) * received / 1e6:.1f}",
        f"{costs.server.cpu_seconds:.2f}",
        f"{costs.server.memory_bytes / 1e6:.0f}",
        f"{statistics.median(costs.caller_cpu_seconds) * 1e3:.1f}",
    ]


@click.command()
@click.option("--quick", is_flag=True, help="Few nodes: proves that all of it runs.")
def main(*, quick: bool) -> None:
    """Call a function on many simulated nodes, with answers without and with records."""
    cases = QUICK if quick else FULL
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = 4 * max(nodes for _, nodes in cases)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, most)), hard))
    console = Console(width=max(Console().width, 120))
    table = Table(
        *("records", "nodes", "messages of a node", "kB it sends", "kB it receives"),
        *("MB in all", "server, CPU s", "server, MB more", "caller, CPU ms"),
    )
    with tempfile.TemporaryDirectory() as directory:
        paths = [Path(directory, f"{number}.mp4") for number in range(RECORDS + 1)]
        for path in paths:
            path.write_bytes(bytes(4096))
        for records, nodes in cases:
            report = query(paths if records else [])
            table.add_row(f"{records}", f"{nodes}", *_cells(_measure(nodes, report)))
    console.print(machine.in_words(machine.describe(Path.cwd())))
    console.print(table)


if __name__ == "__main__":
    main()

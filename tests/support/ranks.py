"""Ranks of a job of PyTorch: processes that do what a test says, step by step.

torchrun starts them as `python -m support.ranks ADDRESS`, or a test forks them, which is cheaper.
"""

import multiprocessing
import os
import signal
import socket
import struct
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Client, Connection
from pathlib import Path
from typing import Any

from accv_cache.distributed import NodeReports
from accv_cache.distributed.torch import on_each_node
from support import rights
from support.forks import FOR_EVER, forks_with_threads

SOON = 0.05
"""The time to wait for a node that certainly does not answer."""


class Rank:
    """The test's end of a rank."""

    def __init__(self, channel: Connection, pid: int) -> None:
        """Talk over this channel."""
        self.pid = pid
        self._channel = channel
        self._is_killed = False

    def start(self, function: Callable[..., object], *args: object, **kwargs: object) -> None:
        """Let it call a function."""
        self._channel.send((function, args, kwargs))

    def result(self) -> Any:  # noqa: ANN401 - what the function returned
        """Wait for the end of the function that was started."""
        kind, value = self._receive()
        if kind == "raised":
            raise value
        assert kind == "returned"
        return value

    def call(self, function: Callable[..., object], *args: object, **kwargs: object) -> Any:  # noqa: ANN401
        """Let it call a function, and wait for the end."""
        self.start(function, *args, **kwargs)
        return self.result()

    def start_work(self, timeout: float = FOR_EVER) -> None:
        """Let it call `on_each_node`, and wait until it runs the function for its node."""
        self.start(on_each_node, pause, timeout=timeout)
        self.wait_for_pause()

    def wait_for_pause(self) -> None:
        """Wait until it is inside of `pause`."""
        assert self._receive() == ("paused", None)

    def end_work(self) -> None:
        """Let the function return."""
        self._channel.send("go on")

    def call_alone(self) -> NodeReports:
        """Let it make such a call whose other nodes do not answer; return its result."""
        self.start_work(SOON)
        self.end_work()
        reports: NodeReports = self.result()
        return reports

    def kill(self, number: signal.Signals) -> None:
        """Send it a signal."""
        os.kill(self.pid, number)
        self._is_killed = number == signal.SIGKILL

    def end(self) -> None:
        """Kill it, unless that was done."""
        if not self._is_killed:
            self.kill(signal.SIGKILL)
        self.close()

    def close(self) -> None:
        """Talk to it no more."""
        self._channel.close()

    def _receive(self) -> tuple[str, Any]:
        assert self._channel.poll(FOR_EVER)
        message: tuple[str, Any] = self._channel.recv()
        return message


def call_on(ranks: list[Rank], *args: object) -> NodeReports:
    """Let ranks call it at the same time; all have the same result."""
    for rank in ranks:
        rank.start(on_each_node, *args, timeout=FOR_EVER)
    first, *others = [rank.result() for rank in ranks]
    assert all(each.to_dict() == first.to_dict() for each in others)
    assert isinstance(first, NodeReports)
    return first


_to_test: list[Connection] = []


def pause() -> str:
    """On a node: stay in the middle of a call until the test lets it go on. Returns the host."""
    [channel] = _to_test
    channel.send(("paused", None))
    assert channel.recv() == "go on"
    return socket.gethostname()


def leave_a_mark(directory: Path) -> str:
    """On a node: count a run, for the test."""
    os.close(tempfile.mkstemp(dir=directory)[0])
    return socket.gethostname()


def become_node(host: str, boot_id: Path) -> None:
    """In a rank: have mounts, a host name and a boot id of its own, as on another machine."""
    rights.enter_own_mounts()
    socket.sethostname(host)
    rights.mount(boot_id, Path("/proc/sys/kernel/random/boot_id"), "", rights.MS_BIND, "")


_stores: list[Any] = []


def host_store(address: str = "127.0.0.1") -> int:
    """In a process of its own, as an agent of torchrun: host the store. Returns its port.

    The test must not: processes that it forks would inherit a server whose threads are not there.
    """
    import torch.distributed as dist  # noqa: PLC0415 - only where it is used

    libuv = os.environ.get("USE_LIBUV") != "0"  # torchrun asks likewise
    _stores.append(
        dist.TCPStore(address, 0, is_master=True, wait_for_workers=False, use_libuv=libuv)
    )
    return int(_stores[0].port)


def count_keys() -> int:
    """In that process: the number of keys in the store."""
    return int(_stores[0].num_keys())


def set_environment(variables: Mapping[str, str]) -> None:
    """In a rank: be told what a launcher tells."""
    os.environ.update(variables)


@contextmanager
def forked(hosts: Mapping[str, Path], each: int) -> Iterator[list[Rank]]:
    """Fork so many ranks on each host, which has that boot id; they end with the block."""
    nodes, ranks = [], []
    for host, boot_id in hosts.items():
        pipes = [multiprocessing.Pipe() for _ in range(each)]
        theirs = [pipe[1] for pipe in pipes]
        nodes.append(_FORK.Process(target=_be_node, args=(host, boot_id, theirs)))
        with forks_with_threads():
            nodes[-1].start()
        for channel in theirs:
            channel.close()
        ranks += [Rank(channel, channel.recv()) for channel, _ in pipes]
    try:
        yield ranks
    finally:
        for rank in ranks:
            rank.end()
        for node in nodes:
            node.join()
            node.close()


_FORK = multiprocessing.get_context("fork")


def _be_node(host: str, boot_id: Path, channels: Sequence[Connection]) -> None:
    become_node(host, boot_id)
    ranks = [_FORK.Process(target=_be_rank, args=(channel,)) for channel in channels]
    for rank in ranks:
        rank.start()
    for rank in ranks:
        rank.join()


def _be_rank(channel: Connection) -> None:
    channel.send(os.getpid())
    _serve(channel)


def _serve(channel: Connection) -> None:
    """Do what the test says, until it says no more."""
    _to_test[:] = [channel]
    while True:
        try:
            function, args, kwargs = channel.recv()
        except EOFError:
            return
        try:
            answer = "returned", function(*args, **kwargs)
        except BaseException as error:  # noqa: BLE001 - the test raises it
            answer = "raised", error
        channel.send(answer)


@contextmanager
def accepted(address: Path, count: int) -> Iterator[list[Rank]]:
    """Wait for ranks that torchrun starts; they are in their order."""
    found: dict[int, Rank] = {}
    with socket.socket(socket.AF_UNIX) as listener:
        listener.settimeout(FOR_EVER)
        listener.bind(str(address))
        listener.listen()
        for _ in range(count):
            each, _ = listener.accept()
            # The number of the process here, also of one in a namespace: unix(7).
            said = each.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
            channel = Connection(each.detach())
            found[channel.recv()] = Rank(channel, struct.unpack("3i", said)[0])
    ranks = [found[number] for number in range(count)]
    try:
        yield ranks
    finally:
        for rank in ranks:
            rank.close()  # torchrun may have ended some: the namespace ends the others


def main() -> None:
    """In a rank of torchrun: say which one it is, and do what the test says."""
    with Client(sys.argv[1], "AF_UNIX") as channel:
        channel.send(int(os.environ["RANK"]))
        _serve(channel)


if __name__ == "__main__":
    from support import ranks  # noqa: PLW0406 - not this one, but where `pause` finds the channel

    ranks.main()

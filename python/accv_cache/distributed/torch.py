"""Once per node of a job of PyTorch, over the store that its ranks share: no collective, no GPU."""

import contextlib
import io
import itertools
import os
import pickle
import time
import zlib
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any, NamedTuple

from accv_cache.distributed.node import Node, this_node
from accv_cache.distributed.node_reports import NodeError, NodeReports
from accv_cache.distributed.work import Work, as_timeout, as_work, outcome_of

KEPT = 8
"""The calls of a function whose keys stay, for ranks that come late or were stopped."""
_MOST_AT_ONCE = 4 << 20  # the server of the store closes a connection that sends 8 MiB at once
_LONGEST_PAUSE = 0.5
_TO_GATHER = 10.0  # the seconds that another rank has for it; then each gathers by itself

_TO_CONNECT = timedelta(minutes=1)  # to a server that is there, however short the caller waits

_NO_JOB = (
    "no job of PyTorch: start the program with torchrun, or call init_process_group first, with "
    "MASTER_ADDR, MASTER_PORT, RANK and WORLD_SIZE in the environment"
)


class Rank(NamedTuple):
    """A rank that takes part."""

    node: Node
    number: int
    world_size: int
    first: int
    """The ranks from this one…"""
    stop: int
    """…to before this one run on the same node, by what the launcher says; this rank is one."""


def on_each_node(
    function: Callable[..., Any] | str,
    *args: Any,  # noqa: ANN401 - the function's
    timeout: float = 60,
    whole: bool = False,
    **kwargs: Any,  # noqa: ANN401 - the function's
) -> NodeReports:
    """Call a function once on each node of the job, and give the results to every rank that asks.

    The job is one that torchrun started, or one that called `init_process_group` with MASTER_ADDR,
    MASTER_PORT, RANK and WORLD_SIZE in the environment. Its store carries the results; no process
    group takes part, so NCCL alone is enough.

    Any ranks may call it, at least one of each node; the first of a node runs the function. If the
    launcher does not set LOCAL_RANK and LOCAL_WORLD_SIZE, all ranks call it: nobody knows which of
    them share a node.

    The calls of each function are counted by themselves: the second call on a rank belongs to the
    second call of that function on the others. So a rank calls a function as often as the others
    do, or never.

    Args:
        function: "drop", "query" or "prefetch", or a function at the top level of a module. On each
            node it has the arguments that were passed there. A directory, a pattern or a list in a
            file costs less than a long list of paths.
        *args: Its arguments.
        timeout: The seconds until nodes that have not answered count as failed. A function that is
            running is not interrupted.
        whole: Whether a report comes with all of its records. Otherwise one of more than 100 files
            has all sums, and the records of at most 100 files that failed or have resident pages.
        **kwargs: Its keyword arguments.

    Returns:
        For each node the result, or the exception that says why there is none: what the function
        raised, a TimeoutError of a node that died, hangs or was not called, or a NodeError.

    Raises:
        RuntimeError: There is no such job, or its store is gone.
        TypeError: The function cannot be pickled, or an argument has a wrong type.
        ValueError: `timeout` is not more than 0.

    Examples:
        >>> print(on_each_node("drop", "/data"))  # doctest: +SKIP
        2 nodes: evicted 3.9 GiB of 3.9 GiB in 2400 files
    """
    deadline = time.monotonic() + as_timeout(timeout)
    work = as_work(function, args, kwargs, whole=whole)
    rank = _this_rank()
    import torch.distributed as dist  # noqa: PLC0415 - only where it is used

    try:
        return take_part(_connect(rank), rank, work, deadline)
    except dist.DistError as error:
        msg = f"the store of the job does not answer: {error}"
        raise RuntimeError(msg) from error


def take_part(
    store: Any,  # noqa: ANN401 - of torch
    rank: Rank,
    work: Work,
    deadline: float,
) -> NodeReports:
    """Take part in a call, over a store whose keys are those of this job only."""
    from torch.distributed import PrefixStore  # noqa: PLC0415 - only where it is used

    calls = PrefixStore(work.name, store)
    number = calls.add(f"by {rank.number}", 1) - 1
    if calls.add("forgotten", 0) > number:
        msg = (
            f"rank {rank.number} makes its call {number + 1} of {work.name}, which is long over: "
            "each rank calls a function as often as the others do, or never"
        )
        raise RuntimeError(msg)
    hosts = _Log(store, "hosts")
    if number == 0:
        hosts.add(rank.first, rank.stop, rank.node.host)

    def keys_of(call: int) -> "_Call":
        return _Call(PrefixStore(str(call), calls), rank, hosts, deadline)

    call = keys_of(number)
    if call.join() and number >= KEPT:
        calls.set("forgotten", str(number - KEPT + 1))
        keys_of(number - KEPT).forget()
    if call.is_leader:
        call.answer(work)
    answers = call.answers()
    call.leave()
    return NodeReports((each.host, each.outcome(work)) for each in answers)


class _Answer(NamedTuple):
    """What was heard of a node."""

    first: int
    """The first of its ranks."""
    host: str
    version: str | None
    """Of the package there; None: no rank called."""
    packed: bytes | None
    """What the function returned; None: nothing yet."""

    def outcome(self, work: Work) -> object:
        """Return the result of the node, or say why there is none."""
        if self.version is None:
            return TimeoutError(f"did not call on_each_node for {work.name} in time")
        if self.packed is None:
            return TimeoutError("no answer in time")
        return outcome_of(self.version, self.packed)


_COMPLETE = "complete"
"""The state of a call in which each node has answered; others are counts."""


class _Log:
    """A key of the store to which the ranks add entries."""

    def __init__(self, store: Any, key: str) -> None:  # noqa: ANN401 - of torch
        self._store = store
        self._key = key

    def add(self, *entry: object) -> None:
        """Add an entry, in one message."""
        self._store.append(self._key, pickle.dumps(entry))

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        """Read the entries."""
        written = self._store.get(self._key) if self._store.check([self._key]) else b""
        data = io.BytesIO(written)
        while data.tell() < len(written):
            yield pickle.load(data)  # noqa: S301 - from the same job


class _Call:
    """One call in the store: who takes part and who has answered, as counts and as a log.

    The rank that completes the counts gathers the answers, and the others read what it gathered. If
    a node is late, that is done by the first rank whose time is over.
    """

    def __init__(self, store: Any, rank: Rank, hosts: _Log, deadline: float) -> None:  # noqa: ANN401
        self.is_leader = False
        self._store = store
        self._rank = rank
        self._hosts = hosts
        self._deadline = deadline
        self._log = _Log(store, "log")

    def join(self) -> bool:
        """Say that the rank takes part, unless one beside it did; return whether it came first."""
        node, first, stop = self._rank.node, self._rank.first, self._rank.stop
        of_node, of_group = _counters(node.identity, first, stop)
        self.is_leader = self._count(of_node, 1) == 1
        if self.is_leader:
            self._count("nodes", 1)
        if self._count(of_group, 1) > 1:
            return False
        self._log.add("place", tuple(node), first, stop)
        ranks = self._count("ranks", stop - first)
        if not self.is_leader:
            self._end_if_complete(ranks, self._count("answers"))
        return ranks == stop - first

    def answer(self, work: Work) -> None:
        """Do the work, and say that there is a result."""
        packed = None
        try:
            packed = work.run()
        finally:  # after Ctrl-C too: nobody should wait for this node
            if packed is None:
                packed = pickle.dumps((False, NodeError(f"{work.name} was interrupted"), ""))
            identity = self._rank.node.identity
            self._write(_answer_of(identity), packed)
            self._log.add("answer", identity)
            answers = self._count("answers", 1)
            self._end_if_complete(self._count("ranks"), answers)

    def answers(self) -> list[_Answer]:
        """Wait for the end; return what was heard of each node, in the order of their ranks."""
        state = _COMPLETE
        if not self._wait(f"done {state}", self._deadline):
            state = f"{self._count('ranks')} {self._count('answers')}"
            if self._takes_over(state):
                self._write_result(state, self._gathered())
            elif not self._wait(f"done {state}", time.monotonic() + _TO_GATHER):
                return self._gathered()
        packed = zlib.decompress(self._store.get(f"result {state}"))
        return [_Answer(*each) for each in pickle.loads(packed)]  # noqa: S301 - from the same job

    def _end_if_complete(self, ranks: int, answers: int) -> None:
        """End the call, if nobody is missing: the last rank that counts sees that."""
        if ranks < self._rank.world_size or self._count("nodes") > answers:
            return
        gathered = self._gathered()  # a launcher may have counted a rank twice
        if all(each.packed is not None for each in gathered) and self._takes_over(_COMPLETE):
            self._write_result(_COMPLETE, gathered)

    def _takes_over(self, state: str) -> bool:
        """Return whether this rank is the first that gathers in this state."""
        is_first = self._count(f"gatherers {state}", 1) == 1
        if is_first:
            self._log.add("gathered", state)
        return is_first

    def _write_result(self, state: str, answers: list[_Answer]) -> None:
        # Nodes answer alike, and each rank reads it.
        self._write(f"result {state}", zlib.compress(pickle.dumps([*map(tuple, answers)]), 1))
        self._store.set(f"done {state}", "")

    def _gathered(self) -> list[_Answer]:
        """Read what each node answered."""
        nodes: dict[str, tuple[int, Node]] = {}
        there = set[int]()
        answered = []
        for kind, *entry in self._log:
            if kind == "place":
                node, first, stop = Node(*entry[0]), entry[1], entry[2]
                nodes[node.identity] = min(nodes.get(node.identity, (first, node)), (first, node))
                there.update(range(first, stop))
            elif kind == "answer":
                answered += entry
        keys = [*map(_answer_of, answered)]
        packed = dict(zip(answered, self._store.multi_get(keys) if keys else (), strict=True))
        answers = [
            _Answer(first, node.host, node.version, packed.get(identity))
            for identity, (first, node) in nodes.items()
        ]
        missing = [number for number in range(self._rank.world_size) if number not in there]
        if missing:
            answers += self._absent(missing)
        return sorted(answers, key=lambda each: each.first)

    def _absent(self, missing: list[int]) -> Iterator[_Answer]:
        """Name the nodes of the missing ranks, by what was heard of them in earlier calls."""
        hosts: dict[int, str] = {}
        for first, stop, host in self._hosts:
            hosts.update(dict.fromkeys(range(first, stop), host))
        for _, run in itertools.groupby(
            enumerate(missing), lambda each: (each[1] - each[0], hosts.get(each[1]))
        ):
            numbers = [number for _, number in run]
            first, last = numbers[0], numbers[-1]
            name = f"rank {first}" if first == last else f"ranks {first} to {last}"
            yield _Answer(first, hosts.get(first, name), None, None)

    def _count(self, key: str, number: int = 0) -> int:
        """Add to a count, and return it."""
        count: int = self._store.add(key, number)
        return count

    def _write(self, key: str, data: bytes) -> None:
        for start in range(0, len(data), _MOST_AT_ONCE):
            self._store.append(key, data[start : start + _MOST_AT_ONCE])

    def _wait(self, key: str, deadline: float) -> bool:
        """Wait for a key until the deadline; return whether it is there."""
        began = time.monotonic()
        while not self._store.check([key]):
            now = time.monotonic()
            if now >= deadline:
                return False
            # Longer and longer, since thousands of ranks ask one server. Ctrl-C comes through.
            time.sleep(min(0.001 + (now - began) / 10, _LONGEST_PAUSE, deadline - now))
        return True

    def leave(self) -> None:
        """Delete the keys, if all ranks have the result."""
        if self._count("left", 1) == self._rank.world_size:
            self.forget()

    def forget(self) -> None:
        """Delete the keys of the call."""
        keys = {"log", "ranks", "nodes", "answers", "left"}
        for kind, *entry in self._log:
            if kind == "place":
                (identity, *_), first, stop = entry
                keys.update(_counters(identity, first, stop))
            elif kind == "answer":
                keys.update(map(_answer_of, entry))
            else:
                keys.update(f"{name} {entry[0]}" for name in ("gatherers", "result", "done"))
        for key in keys:
            self._store.delete_key(key)


def _counters(identity: str, first: int, stop: int) -> tuple[str, str]:
    """Return the keys that count the ranks of a node, and of a launcher's part of it."""
    return f"at {identity}", f"at {identity} {first} {stop}"


def _answer_of(identity: str) -> str:
    """Return the key of the answer of a node."""
    return f"answer {identity}"


def _this_rank() -> Rank:
    """Read what the launcher says.

    Raises:
        RuntimeError: It says nothing of a job, or nothing that can be used.
    """
    try:
        number, world_size = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    except (KeyError, ValueError) as error:
        raise RuntimeError(_NO_JOB) from error
    first, stop = number, number + 1
    with contextlib.suppress(KeyError, ValueError):
        beside, count = int(os.environ["LOCAL_RANK"]), int(os.environ["LOCAL_WORLD_SIZE"])
        if 0 <= beside < count and beside <= number:
            first, stop = number - beside, number - beside + count
    return Rank(this_node(), number, world_size, first, stop)


def _connect(rank: Rank) -> Any:  # noqa: ANN401 - of torch
    """Connect to the store of the job: a connection of its own, so that no other call waits.

    Raises:
        RuntimeError: There is none.
    """
    import torch.distributed as dist  # noqa: PLC0415 - only where it is used

    environment = os.environ.get
    if not (dist.is_initialized() or environment("TORCHELASTIC_USE_AGENT_STORE") == "True"):
        raise RuntimeError(_NO_JOB)
    try:
        host, port = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
    except (KeyError, ValueError) as error:
        raise RuntimeError(_NO_JOB) from error
    # libuv is of the server only, and not in every build.
    store = dist.TCPStore(host, port, timeout=_TO_CONNECT, wait_for_workers=False, use_libuv=False)
    # torchrun keeps the store when it starts the ranks again.
    run, restart = environment("TORCHELASTIC_RUN_ID"), environment("TORCHELASTIC_RESTART_COUNT")
    return dist.PrefixStore(f"accv_cache {run} {restart} {rank.world_size}", store)

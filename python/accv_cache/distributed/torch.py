"""Once per node of a job of PyTorch, over the store that its ranks share: no collective, no GPU."""

import contextlib
import itertools
import os
import pickle
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import Any, NamedTuple

from accv_cache.distributed.node import Node, this_node
from accv_cache.distributed.node_reports import NodeError, NodeReports
from accv_cache.distributed.work import Work, as_timeout, as_work, outcome_of

KEPT = 8
"""The calls whose keys stay in the store, for ranks that come late or were stopped."""
_MOST_IN_A_VALUE = 4 << 20  # the server of the store closes a connection that sends 8 MiB at once
_LONGEST_PAUSE = 0.5

_TO_CONNECT = timedelta(minutes=1)  # to a server that is there, however short the caller waits

_NO_JOB = (
    "no job of PyTorch: start the program with torchrun, or call init_process_group first, with "
    "MASTER_ADDR, MASTER_PORT, RANK and WORLD_SIZE in the environment"
)
_SAME_CALLS = "the ranks that call on_each_node make the same calls in the same order"

_numbers = itertools.count()
"""The calls of this process are numbered: the same number is the same call on each rank."""
_hosts: dict[int, str] = {}
"""The host of each rank, as far as it was told in a call."""


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

    Any ranks may call it, at least one of each node. Those that do make the same calls in the same
    order, as with a collective; the first of a node runs the function. If the launcher does not set
    LOCAL_RANK and LOCAL_WORLD_SIZE, all ranks call it: nobody knows which of them share a node.

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
    number = next(_numbers)
    deadline = time.monotonic() + as_timeout(timeout)
    work = as_work(function, args, kwargs, whole=whole)
    rank = _this_rank()
    import torch.distributed as dist  # noqa: PLC0415 - only where it is used

    try:
        return take_part(_connect(rank), rank, number, work, deadline)
    except dist.DistError as error:
        msg = f"the store of the job does not answer: {error}"
        raise RuntimeError(msg) from error


def take_part(
    store: Any,  # noqa: ANN401 - of torch
    rank: Rank,
    number: int,
    work: Work,
    deadline: float,
) -> NodeReports:
    """Take part in a call, over a store whose keys are those of this job only."""
    from torch.distributed import PrefixStore  # noqa: PLC0415 - only where it is used

    def keys_of(call: int) -> "_Call":
        return _Call(PrefixStore(str(call), store), rank, work.name, deadline)

    if store.add("forgotten", 0) > number:
        msg = f"rank {rank.number} makes its call {number + 1}, which is long over: {_SAME_CALLS}"
        raise RuntimeError(msg)
    call = keys_of(number)
    if call.join() and number >= KEPT:
        store.set("forgotten", str(number - KEPT + 1))
        keys_of(number - KEPT).forget()
    if call.is_leader:
        call.answer(work)
    reports = call.reports()
    call.leave()
    return reports


class _Place(NamedTuple):
    """The ranks of a launcher that share a node."""

    node: Node
    first: int
    stop: int
    function: str


class _Call:
    """One call in the store: numbered entries that say who takes part, and who has answered."""

    def __init__(self, store: Any, rank: Rank, function: str, deadline: float) -> None:  # noqa: ANN401
        self.is_leader = False
        self._store = store
        self._rank = rank
        self._function = function
        self._deadline = deadline
        self._read = 0
        self._places: list[_Place] = []
        self._answered: dict[str, int] = {}

    def join(self) -> bool:
        """Say that the rank takes part, unless one beside it did; return whether it came first."""
        node, first, stop = self._rank.node, self._rank.first, self._rank.stop
        of_node, of_group = _counters(node.identity, first, stop)
        self.is_leader = self._store.add(of_node, 1) == 1
        if self._store.add(of_group, 1) > 1:
            return False
        number = self._say("place", tuple(node), first, stop, self._function)
        if not self.is_leader:
            self._end_if_complete()
        return number == 1

    def answer(self, work: Work) -> None:
        """Do the work, and say that there is a result."""
        packed = None
        try:
            packed = work.run()
        finally:  # after Ctrl-C too: nobody should wait for this node
            if packed is None:
                packed = pickle.dumps((False, NodeError(f"{work.name} was interrupted"), ""))
            identity = self._rank.node.identity
            starts = range(0, len(packed), _MOST_IN_A_VALUE)
            for key, start in zip(_pieces(identity, len(starts)), starts, strict=True):
                self._store.set(key, packed[start : start + _MOST_IN_A_VALUE])
            self._say("answer", identity, len(starts))
            self._end_if_complete()

    def _say(self, *entry: object) -> int:
        number: int = self._store.add("said", 1)
        self._store.set(str(number), pickle.dumps(entry))
        return number

    def _end_if_complete(self) -> None:
        """Wake the others, if this was the last entry. Whoever says the last one sees all."""
        self._hear()
        if not self._missing() and {place.node.identity for place in self._places} <= {
            *self._answered
        }:
            self._store.set("done", "")

    def _hear(self) -> None:
        """Read the entries that were said meanwhile."""
        keys = [*map(str, range(self._read + 1, self._store.add("said", 0) + 1))]
        # A rank has its number before it has written its entry.
        if not self._wait(keys):
            keys = [key for key in keys if self._store.check([key])]
        for data in self._values(keys):
            kind, *entry = pickle.loads(data)  # noqa: S301 - from the same job
            if kind == "place":
                node, *others = entry
                self._places.append(_Place(Node(*node), *others))
            else:
                identity, pieces = entry
                self._answered[identity] = pieces
        self._read += len(keys)

    def _values(self, keys: Sequence[str]) -> Sequence[bytes]:
        values: Sequence[bytes] = self._store.multi_get(keys) if keys else ()
        return values

    def _wait(self, keys: Sequence[str]) -> bool:
        """Wait for keys, until the time of the call is over; return whether they are there."""
        began = time.monotonic()
        while keys and not self._store.check(keys):
            now = time.monotonic()
            if now >= self._deadline:
                return False
            # Longer and longer, since thousands of ranks ask one server. Ctrl-C comes through.
            time.sleep(min(0.001 + (now - began) / 10, _LONGEST_PAUSE, self._deadline - now))
        return True

    def reports(self) -> NodeReports:
        """Wait for the end, and return the outcome of each node, in the order of their ranks."""
        self._wait(["done"])
        self._hear()
        places: dict[str, _Place] = {}
        for place in sorted(self._places, key=lambda each: each.first):
            places.setdefault(place.node.identity, place)
            _hosts.update(dict.fromkeys(range(place.first, place.stop), place.node.host))
        keys = {each: _pieces(each, pieces) for each, pieces in self._answered.items()}
        values = iter(self._values([*itertools.chain(*keys.values())]))
        packed = {each: b"".join(itertools.islice(values, len(keys[each]))) for each in keys}
        named = [
            (place.first, place.node.host, self._outcome(place, packed.get(identity)))
            for identity, place in places.items()
        ]
        named += self._absent()
        return NodeReports(
            (host, outcome) for _, host, outcome in sorted(named, key=lambda each: each[0])
        )

    def _outcome(self, place: _Place, packed: bytes | None) -> object:
        if place.function != self._function:
            return NodeError(f"calls {place.function}, not {self._function}: {_SAME_CALLS}")
        if packed is None:
            return TimeoutError("no answer in time")
        return outcome_of(place.node, packed)

    def _missing(self) -> list[int]:
        """Return the ranks that neither take part nor share a node with one that does."""
        there = set[int]().union(*(range(place.first, place.stop) for place in self._places))
        return [number for number in range(self._rank.world_size) if number not in there]

    def _absent(self) -> Iterator[tuple[int, str, object]]:
        """Name the nodes of the missing ranks, by what was heard of them in earlier calls."""
        ranks = enumerate(self._missing())
        for _, run in itertools.groupby(
            ranks, lambda each: (each[1] - each[0], _hosts.get(each[1]))
        ):
            numbers = [number for _, number in run]
            first, last = numbers[0], numbers[-1]
            name = f"rank {first}" if first == last else f"ranks {first} to {last}"
            yield first, _hosts.get(first, name), TimeoutError("did not call on_each_node in time")

    def leave(self) -> None:
        """Delete the keys, if all ranks have the result."""
        if self._store.add("left", 1) == self._rank.world_size:
            self.forget()

    def forget(self) -> None:
        """Delete the keys of the call."""
        self._hear()
        said = self._store.add("said", 0)
        keys = {"said", "done", "left", *map(str, range(1, said + 1))}
        for place in self._places:
            keys.update(_counters(place.node.identity, place.first, place.stop))
        for identity, pieces in self._answered.items():
            keys.update(_pieces(identity, pieces))
        for key in keys:
            self._store.delete_key(key)


def _counters(identity: str, first: int, stop: int) -> tuple[str, str]:
    """Return the keys that count the ranks of a node, and of a launcher's part of it."""
    return f"at {identity}", f"at {identity} {first} {stop}"


def _pieces(identity: str, count: int) -> list[str]:
    """Return the keys of an answer."""
    return [f"answer {identity} {piece}" for piece in range(count)]


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
    store = dist.TCPStore(host, port, timeout=_TO_CONNECT, wait_for_workers=False)
    # torchrun keeps the store when it starts the ranks again.
    run, restart = environment("TORCHELASTIC_RUN_ID"), environment("TORCHELASTIC_RESTART_COUNT")
    return dist.PrefixStore(f"accv_cache {run} {restart} {rank.world_size}", store)

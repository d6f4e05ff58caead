"""The same call on every node of a Ray cluster, from a driver, a task or an actor.

    import ray
    from accv_cache import drop
    from accv_cache.distributed.ray import on_each_node

    ray.init("auto")
    print(on_each_node(drop, "/data/clips"))

Ray calls each of its raylets a node. Here, a node is a page cache and the files that a path names,
as for torchrun. Raylets that share both are one node: the call runs on one of them.
"""

import functools
import time
from collections.abc import Callable, Iterable
from types import ModuleType
from typing import Any

import accv_cache
from accv_cache.distributed.node import Node
from accv_cache.distributed.node_reports import NodeError, NodeReports
from accv_cache.distributed.work import as_timeout, as_work, outcome_of, version_error


def on_each_node(
    function: Callable[..., Any] | str,
    *args: Any,  # noqa: ANN401 - the function's
    timeout: float = 60,
    whole: bool = False,
    **kwargs: Any,  # noqa: ANN401 - the function's
) -> NodeReports:
    """Call a function once on each node that is alive, and return the results.

    The package is needed on each node, in the same version. The task takes no CPU of the scheduler
    and is not repeated. The arguments are sent to a node once, so a list of paths may be long.

    Args:
        function: "drop", "query" or "prefetch", or a function, which may be one of the driver's.
        *args: Its arguments. A relative path is relative to where the raylet was started.
        timeout: The seconds until nodes that have not answered count as failed. Their tasks are
            cancelled, and the processes that run them are killed.
        whole: Whether a report comes with all of its records. Otherwise one of more than 100 files
            has all sums, and the records of at most 100 files that failed or have resident pages.
        **kwargs: Its keyword arguments.

    Returns:
        For each node the result, or the exception that says why there is none: what the function
        raised, a TimeoutError of a node that hangs, or a NodeError of one that died, lacks the
        package or has another version of it.

    Raises:
        RuntimeError: Ray is not connected to a cluster.
        TypeError: The function or an argument cannot be pickled, or `timeout` is no number.
        ValueError: `timeout` is not more than 0.

    Examples:
        >>> on_each_node("drop", "/data")  # doctest: +SKIP
        <NodeReports: 16 nodes: evicted 1.2 TiB of 1.2 TiB in 480,000 files>
    """
    import ray  # noqa: PLC0415 - only where it is used

    dumps = ray.cloudpickle.dumps
    seconds = as_timeout(timeout)
    work = as_work(function, args, kwargs, whole=whole, dumps=dumps)
    try:
        packed = dumps(work)
    except Exception as error:
        msg = f"an argument of {work.name} cannot be pickled: {error}"
        raise TypeError(msg) from error
    if not ray.is_initialized():
        msg = "Ray is not connected to a cluster: call ray.init() first"
        raise RuntimeError(msg)
    raylets = {each["NodeID"]: each["NodeManagerHostname"] for each in ray.nodes() if each["Alive"]}
    outcomes = _outcomes(ray, [*raylets], ray.put(packed), seconds)
    named = sorted((host, raylet) for raylet, host in raylets.items() if raylet in outcomes)
    return NodeReports((host, outcomes[raylet]) for host, raylet in named)


@functools.cache
def _tasks() -> tuple[Any, Any]:
    """Return the two tasks. Ray sends nested functions by value, also to where we are missing."""
    import ray  # noqa: PLC0415

    def ask() -> tuple[str, ...]:  # no type of ours, which would have to be there
        from accv_cache.distributed.node import this_node  # noqa: PLC0415 - there

        return tuple(this_node())

    def work(packed: bytes) -> bytes:
        import pickle  # noqa: PLC0415 - there

        answer: bytes = pickle.loads(packed).run()  # noqa: S301 - from the driver
        return answer

    once = ray.remote(num_cpus=0, max_retries=0)
    return once(ask), once(work)


def _outcomes(
    ray: ModuleType, raylets: Iterable[str], packed: object, seconds: float
) -> dict[str, object]:
    """Give the work to one raylet of each node; return what each of these answered.

    A raylet is asked for its node first. The work follows as soon as it has answered, unless
    another raylet of that node has it already. So none waits for another.
    """
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy  # noqa: PLC0415

    def start(task: Any, raylet: str, *arguments: object) -> object:  # noqa: ANN401 - of Ray
        there = NodeAffinitySchedulingStrategy(raylet, soft=False)
        return task.options(scheduling_strategy=there).remote(*arguments)

    deadline = time.monotonic() + seconds
    ask, work = _tasks()
    nodes: dict[str, Node] = {}  # that have the work, by raylet
    identities: set[str] = set()
    outcomes: dict[str, object] = {}
    pending = {start(ask, raylet): raylet for raylet in raylets}
    try:
        while ended := _ended(ray, [*pending], deadline):
            for task in ended:
                raylet = pending.pop(task)
                try:
                    answer = ray.get(task)
                except ray.exceptions.RayTaskError as error:
                    outcomes[raylet] = _refusal(error.cause, is_asked=raylet not in nodes)
                    continue
                except ray.exceptions.RayError as error:
                    # What follows the first sentence is where to find the logs of Ray.
                    outcomes[raylet] = NodeError(str(error).partition(". ")[0])
                    continue
                if raylet in nodes:
                    outcomes[raylet] = outcome_of(nodes[raylet].version, answer)
                    continue
                node = Node(*answer)
                if node.identity in identities:
                    continue
                identities.add(node.identity)
                if other_version := version_error(node.version):
                    outcomes[raylet] = other_version
                else:
                    nodes[raylet] = node
                    pending[start(work, raylet, packed)] = raylet
    finally:
        for task in pending:
            ray.cancel(task, force=True)
    late = TimeoutError("no answer in time")
    return outcomes | dict.fromkeys(pending.values(), late)


def _ended(ray: ModuleType, tasks: list[object], deadline: float) -> list[object]:
    """Wait until a task has ended; return all that have. Empty: none has until the deadline."""
    if not tasks:
        return []
    ray.wait(tasks, timeout=max(0.0, deadline - time.monotonic()))
    ended: list[object] = ray.wait(tasks, num_returns=len(tasks), timeout=0)[0]
    return ended


def _refusal(cause: Exception, *, is_asked: bool) -> NodeError:
    """Say why a node cannot begin: it lacks the package, or what the function needs."""
    if not is_asked:
        return NodeError(f"cannot begin: {cause}")
    package = f"accv_cache=={accv_cache.__version__}"
    return NodeError(f"{cause}: the package is needed there, pip install {package}")

"""A job that torchrun started: two nodes of two ranks, which only a network connects.

Each node has network, host name, processes, mounts and boot id of its own.
"""

import json
import os
import socket
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from signal import SIGCONT, SIGKILL, SIGSTOP

import pytest
import torch.distributed  # noqa: F401 - once, before processes are forked

from accv_cache.distributed.torch import on_each_node
from support.files import MakeFile
from support.needs import need
from support.networks import ADDRESSES, OWN_NAMESPACES, in_network_of, lay_cable
from support.ranks import (
    SOON,
    Rank,
    accepted,
    call_on,
    forked,
    host_store,
    leave_a_mark,
    pause,
)
from support.residency import PAGE

_TESTS = Path(__file__).parents[1]
_BE_NODE = """
hostname "$1" && mount --bind "$2" /proc/sys/kernel/random/boot_id && shift 2 && exec "$@"
"""


def torchrun(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node=2", *arguments]


@pytest.fixture
def ranks(tmp_path: Path) -> Iterator[list[Rank]]:
    """Its ranks, in their order."""
    need("root", "unshare", "nsenter", "ip", "the right to make namespaces")
    boot_ids = {host: tmp_path / host for host in ("a", "b")}
    for path in boot_ids.values():
        path.write_text(f"{uuid.uuid4()}\n")
    with ExitStack() as stack:
        holders = stack.enter_context(forked(boot_ids, 1))
        lay_cable(*holders)
        port = holders[0].call(host_store, ADDRESSES[0])
        address = Path(stack.enter_context(tempfile.TemporaryDirectory()), "ranks")
        for holder, here, host in zip(holders, ADDRESSES, boot_ids, strict=True):
            command = torchrun(
                "--nnodes=2",
                "--rdzv-backend=c10d",
                f"--rdzv-endpoint={ADDRESSES[0]}:{port}",
                "--rdzv-conf=is_host=0",
                f"--local-addr={here}",
                *("-m", "support.ranks", str(address)),
            )
            be_node = "sh", "-c", _BE_NODE, "sh", host, boot_ids[host]
            agent = subprocess.Popen(
                [*in_network_of(holder), *OWN_NAMESPACES, *be_node, *command],
                env={**os.environ, "PYTHONPATH": str(_TESTS)},
            )
            stack.enter_context(agent)
            stack.callback(agent.kill)
        yield stack.enter_context(accepted(address, 4))


def test_late_stopped_and_killed_ranks(ranks: list[Rank], tmp_path: Path) -> None:
    # torchrun decides which node has the first ranks.
    a, b = (ranks[0].call(socket.gethostname), ranks[2].call(socket.gethostname))
    assert {a, b} == {"a", "b"}
    a0, a1, b0, b1 = ranks
    marks = tmp_path / "marks"
    marks.mkdir()
    assert [*call_on(ranks, leave_a_mark, marks).items()] == [(a, a), (b, b)]
    assert len([*marks.iterdir()]) == 2

    # The ranks of the second node come late.
    for rank in (a0, b0):
        rank.start_work()
        rank.end_work()
    assert a0.result().ok
    assert b0.result().ok
    assert call_on([a1, b1], pause).ok

    # The one that runs the function is stopped, and goes on later.
    b0.start_work()
    b0.kill(SIGSTOP)
    reports = a0.call_alone()
    assert (reports[a], [*reports.failed]) == (a, [b])
    b0.kill(SIGCONT)
    b0.end_work()
    assert b0.result().ok
    assert call_on([a1, b1], pause).ok
    assert call_on(ranks, socket.gethostname).ok

    # It is killed; torchrun then ends all of that node.
    b0.start_work()
    b0.kill(SIGKILL)
    for reports in (a0.call_alone(), a1.call(on_each_node, pause, timeout=SOON)):
        assert (reports[a], [*reports.failed]) == (a, [b])
    assert a0.call(on_each_node, socket.gethostname, timeout=SOON)[a] == a


def test_the_command_writes_a_document(make_file: MakeFile) -> None:
    path = make_file(PAGE, "dirty")
    command = torchrun("--standalone", "-m", "accv_cache.distributed", "drop", str(path), "--json")
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    document = json.loads(ended.stdout)
    assert [*document["nodes"]] == [socket.gethostname()]
    [node] = document["nodes"].values()
    assert document["ok"]
    assert (node["error"], node["file_count"], node["resident_bytes"]) == (None, 1, 0)

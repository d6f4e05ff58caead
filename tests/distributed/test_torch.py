"""`on_each_node` over the store of PyTorch: two nodes of two ranks each, as real processes."""

import json
import random
import socket
import threading
import uuid
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from signal import SIGCONT, SIGKILL, SIGSTOP
from subprocess import CompletedProcess
from typing import NoReturn

import pytest
import torch.distributed  # noqa: F401 - once, before processes are forked

import accv_cache
from accv_cache.__main__ import run_commands
from accv_cache.distributed import NodeError, NodeReports
from accv_cache.distributed import torch as distributed_torch
from accv_cache.distributed.torch import KEPT, on_each_node
from support.command import run_here
from support.descriptors import open_descriptors
from support.files import MakeFile
from support.forks import FOR_EVER
from support.needs import need
from support.ranks import (
    SOON,
    Rank,
    call_on,
    count_keys,
    forked,
    host_store,
    leave_a_mark,
    pause,
    set_environment,
)
from support.residency import PAGE, resident_bytes
from support.rights import mount
from support.threads import threads

MIB = 1 << 20


class Job:
    """Four ranks, a0, a1, b0, b1, on two nodes, and the store that they share."""

    def __init__(self, agent: Rank, ranks: list[Rank]) -> None:
        self.agent = agent
        self.ranks = ranks
        self.a0, self.a1, self.b0, self.b1 = ranks
        self.port = agent.call(host_store)
        for number, rank in enumerate(ranks):
            rank.call(set_environment, self.environment(number))

    def environment(self, number: int) -> dict[str, str]:
        """What torchrun says to a rank."""
        return {
            "MASTER_ADDR": "127.0.0.1",
            "MASTER_PORT": str(self.port),
            "RANK": str(number),
            "WORLD_SIZE": "4",
            "LOCAL_RANK": str(number % 2),
            "LOCAL_WORLD_SIZE": "2",
            "TORCHELASTIC_USE_AGENT_STORE": "True",
            "TORCHELASTIC_RUN_ID": "tests",
            "TORCHELASTIC_RESTART_COUNT": "0",
        }

    def call(self, *args: object, ranks: list[Rank] | None = None) -> NodeReports:
        """Let ranks call it at the same time; all have the same result."""
        return call_on(ranks or self.ranks, *args)

    def catch_up(self, *ranks: Rank) -> list[NodeReports]:
        """Let ranks make the call that others have made."""
        return [rank.call(on_each_node, pause, timeout=SOON) for rank in ranks]


@pytest.fixture
def job(tmp_path: Path) -> Iterator[Job]:
    need("the right to make namespaces")
    hosts = {host: tmp_path / host for host in ("agent", "a", "b")}
    for path in hosts.values():
        path.write_text(f"{uuid.uuid4()}\n")
    with forked(hosts, 2) as processes:
        agent, _, *ranks = processes
        yield Job(agent, ranks)


def noise(size: int) -> bytes:
    """On a node: return what cannot be compressed."""
    return random.Random(0).randbytes(size)


def fail() -> None:
    """On a node: raise an error that cannot be pickled."""

    class LocalError(Exception):
        pass

    message = "no disk"
    raise LocalError(message)


def fail_on_b(error: BaseException) -> str:
    """On a node: raise an error on one of the two."""
    if socket.gethostname() == "b":
        raise error
    return "fine"


def install_another_version() -> None:
    """On a node: have another version of the package."""
    accv_cache.__version__ = "0.0.1"


class TestOncePerNode:
    def test_whatever_the_number_of_ranks(self, job: Job, tmp_path: Path) -> None:
        marks = tmp_path / "marks"
        marks.mkdir()
        reports = job.call(leave_a_mark, marks)
        assert [*reports.items()] == [("a", "a"), ("b", "b")]
        assert reports.ok
        assert len([*marks.iterdir()]) == 2

    @pytest.mark.parametrize(
        "said",
        [
            {"LOCAL_RANK": "0"},
            {"LOCAL_RANK": "0", "LOCAL_WORLD_SIZE": "1"},
            {"LOCAL_RANK": "none"},
            {"LOCAL_RANK": "7"},
        ],
        ids=str,
    )
    def test_whatever_the_launcher_says(
        self, job: Job, tmp_path: Path, said: dict[str, str]
    ) -> None:
        marks = tmp_path / "marks"
        marks.mkdir()
        for rank in job.ranks:
            rank.call(set_environment, said)
        assert [*job.call(leave_a_mark, marks).items()] == [("a", "a"), ("b", "b")]
        assert len([*marks.iterdir()]) == 2

    def test_with_arguments_that_were_bound_before(self, job: Job) -> None:
        assert [*job.call(partial(int, base=2), "101").items()] == [("a", 5), ("b", 5)]

    def test_if_one_rank_of_each_calls(self, job: Job) -> None:
        for _ in range(2):
            assert [*job.call(socket.gethostname, ranks=[job.a1, job.b0])] == ["a", "b"]

    def test_if_some_ranks_leave_a_function_to_the_others(self, job: Job, tmp_path: Path) -> None:
        for _ in range(2):
            assert job.call(socket.gethostname, ranks=[job.a0, job.b0]).ok
        assert [*job.call(leave_a_mark, tmp_path).items()] == [("a", "a"), ("b", "b")]
        assert job.call(socket.gethostname, ranks=[job.a0, job.b0]).ok

    def test_where_hosts_have_one_name(self, job: Job) -> None:
        for rank in job.ranks:
            rank.call(socket.sethostname, "node")
        assert [*job.call(socket.gethostname)] == ["node", "node (2)"]


class TestResults:
    def test_of_verbs_know_their_node(self, job: Job, make_file: MakeFile, tmp_path: Path) -> None:
        directory = tmp_path / "data"
        directory.mkdir()
        path = make_file(MIB, "dirty", directory)
        # The second node lacks the mount.
        job.b0.call(mount, "none", directory, "tmpfs", 0, "")
        reports = job.call("drop", path)
        assert reports["a"].resident_bytes == resident_bytes(path) == 0
        assert isinstance(reports["b"][0].error, FileNotFoundError)
        assert reports.failed == {}
        assert not reports.ok
        assert [(each.node, each.path) for each in reports.merged] == [
            ("a", str(path)),
            ("b", str(path)),
        ]
        with pytest.raises(FileNotFoundError):
            reports.raise_for_status()

    def test_may_be_large(self, job: Job) -> None:
        # More than the server of the store takes at once.
        reports = job.call(noise, 10 * MIB)
        assert {*reports.values()} == {noise(10 * MIB)}

    def test_that_cannot_be_pickled_are_errors(self, job: Job) -> None:
        reports = job.call(threading.Lock)
        assert [*reports.failed] == ["a", "b"]
        assert "cannot be pickled" in str(reports["a"])

    def test_are_the_errors_of_the_function(self, job: Job) -> None:
        reports = job.call(fail_on_b, OSError(5, "no disk"))
        assert reports["a"] == "fine"
        assert repr(reports.failed) == "{'b': OSError(5, 'no disk')}"
        with pytest.raises(NodeError, match=r"^b: .*no disk"):
            reports.raise_for_status()
        assert str(job.call(fail)["a"]) == "LocalError: no disk"


class TestNodes:
    """One does not answer, or does something else: it is named, and the other counts."""

    def test_that_join_late_are_waited_for(self, job: Job) -> None:
        for rank in (job.a0, job.b0):
            rank.start_work()
            rank.end_work()
        expected = [("a", "a"), ("b", "b")]
        assert [*job.a0.result().items()] == [*job.b0.result().items()] == expected

    def test_that_join_too_late(self, job: Job) -> None:
        reports = self.without_b(job, "ranks 2 to 3")
        assert "did not call" in str(reports["ranks 2 to 3"])
        assert job.b0.call_alone().ok  # the first has answered before
        assert [each.ok for each in job.catch_up(job.a1, job.b1)] == [True, True]
        assert job.call(socket.gethostname).ok

    def test_that_are_stopped(self, job: Job) -> None:
        job.b0.start_work()
        job.b0.kill(SIGSTOP)
        reports = self.without_b(job, "b")
        assert "no answer" in str(reports["b"])
        job.b0.kill(SIGCONT)
        job.b0.end_work()
        assert job.b0.result().ok
        assert [each.ok for each in job.catch_up(job.a1, job.b1)] == [True, True]
        assert job.call(socket.gethostname).ok

    def test_that_are_killed(self, job: Job) -> None:
        job.b0.start_work()
        job.b0.kill(SIGKILL)
        self.without_b(job, "b")
        alive = [job.a0, job.a1, job.b1]
        assert [[*each.failed] for each in job.catch_up(job.a1, job.b1)] == [["b"], ["b"]]
        # The other rank of the node does it now.
        assert [*job.call(socket.gethostname, ranks=alive).items()] == [("a", "a"), ("b", "b")]
        job.b1.kill(SIGKILL)
        job.a0.start(on_each_node, socket.gethostname, timeout=SOON)
        assert [*job.a0.result().failed] == ["b"]  # known from the calls before

    def without_b(self, job: Job, missing: str) -> NodeReports:
        reports = job.a0.call_alone()
        assert reports["a"] == "a"
        assert [*reports.failed] == [missing]
        assert isinstance(reports[missing], TimeoutError)
        assert f"{missing}: " in str(reports)
        return reports

    def test_that_are_interrupted(self, job: Job) -> None:
        for rank in job.ranks:
            rank.start(on_each_node, fail_on_b, KeyboardInterrupt(), timeout=FOR_EVER)
        reports = job.a0.result()
        assert reports["a"] == "fine"
        assert "interrupted" in str(reports["b"])

    def test_that_have_another_version(self, job: Job) -> None:
        for rank in (job.b0, job.b1):
            rank.call(install_another_version)
        job.a0.start(on_each_node, socket.gethostname, timeout=FOR_EVER)
        job.b0.start(on_each_node, socket.gethostname, timeout=FOR_EVER)
        assert str(job.a0.result()["b"]) == f"has accv_cache 0.0.1, not {accv_cache.__version__}"

    def test_that_make_another_call(self, job: Job) -> None:
        job.b0.start_work()
        reports = job.a0.call(on_each_node, socket.gethostname, timeout=SOON)
        assert reports["a"] == "a"
        assert str(reports["b"]) == "did not call on_each_node for gethostname in time"
        job.b0.end_work()
        job.a0.start_work()
        job.a0.end_work()
        assert job.a0.result().ok
        assert job.b0.result().ok


def change(name: str, value: object) -> None:
    """In a rank: replace something of the module."""
    setattr(distributed_torch, name, value)


class GathersNever(distributed_torch._Call):  # noqa: SLF001 - what another rank is to do
    def _gathered(self) -> NoReturn:
        pytest.fail("the answers were there")


class PausesBefore(distributed_torch._Call):  # noqa: SLF001 - the moment in which it is killed
    def _gathered(self) -> NoReturn:
        pause()
        raise AssertionError


class TestAnswers:
    """The first rank whose time is over gathers them, and the others read what it has."""

    def test_are_gathered_once(self, job: Job) -> None:
        for rank in job.ranks[1:]:
            rank.call(change, "_Call", GathersNever)
        reports = job.a0.call_alone()
        assert [*reports.failed] == ["ranks 2 to 3"]
        [again] = job.catch_up(job.a1)
        assert again.to_dict() == reports.to_dict()

    def test_are_gathered_by_another_if_that_rank_dies(self, job: Job) -> None:
        job.a0.call(change, "_Call", PausesBefore)
        job.a0.start(on_each_node, socket.gethostname, timeout=SOON)
        job.a0.wait_for_pause()
        job.a0.kill(SIGKILL)
        job.a1.call(change, "_TO_GATHER", SOON)
        reports = job.a1.call(on_each_node, socket.gethostname, timeout=SOON)
        assert reports["a"] == "a"
        assert [*reports.failed] == ["ranks 2 to 3"]


def in_use(rank: Rank) -> set[object]:
    """The descriptors and threads of a rank."""
    return {*rank.call(open_descriptors).items(), *rank.call(threads)}


def run_command(*arguments: str) -> "CompletedProcess[str]":
    """In a rank: `python -m accv_cache.distributed`."""
    return run_here(*arguments, program=partial(run_commands, "accv_cache._cli.nodes"))


class TestCommand:
    def run(self, job: Job, *arguments: str) -> "CompletedProcess[str]":
        for rank in job.ranks:
            rank.start(run_command, *arguments)
        first, *others = [rank.result() for rank in job.ranks]
        assert [(each.returncode, each.stdout, each.stderr) for each in others] == [(0, "", "")] * 3
        assert isinstance(first, CompletedProcess)
        return first

    def test_writes_a_line_per_node_on_the_first_rank(self, job: Job, make_file: MakeFile) -> None:
        ended = self.run(job, "query", str(make_file(PAGE, "cold")))
        assert (ended.returncode, ended.stderr) == (0, "")
        assert ended.stdout.splitlines() == [
            "a  0 B of 4.0 KiB resident (0 %) in 1 file",
            "b  0 B of 4.0 KiB resident (0 %) in 1 file",
            "2 nodes: 0 B of 8.0 KiB resident (0 %) in 2 files",
        ]

    @pytest.mark.parametrize("verb", ["drop", "query", "prefetch"])
    def test_exits_with_the_status_of_a_file(self, job: Job, verb: str) -> None:
        ended = self.run(job, verb, "missing")
        assert (ended.returncode, ended.stderr) == (2, "")
        assert ended.stdout.startswith("a  ")

    def test_takes_the_limits_of_prefetch(self, job: Job, make_file: MakeFile) -> None:
        paths = [str(make_file(2 * PAGE, "cold")) for _ in range(2)]
        limits = f"--max-bytes={PAGE}"
        assert self.run(job, "prefetch", *paths, limits, "--on-limit=stop").returncode == 0
        ended = self.run(job, "prefetch", *paths, limits)
        assert ended.returncode == 4
        assert ended.stdout.startswith("a  [Errno 12] ")

    def test_names_a_node_that_does_not_answer(self, job: Job, make_file: MakeFile) -> None:
        path = str(make_file(PAGE, "cold"))
        ended = job.a0.call(run_command, "query", path, f"--timeout={SOON}", "--json")
        assert ended.returncode == 4
        assert json.loads(ended.stdout)["nodes"]["ranks 2 to 3"]["error"].startswith("did not call")

    def test_is_used_wrongly(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("RANK", raising=False)
        outside = run_command("drop", "clip.mp4")
        assert (outside.returncode, outside.stdout) == (64, "")
        assert outside.stderr.startswith("accv-cache: no job of PyTorch: start the program with")
        nothing = run_command("drop")
        assert (nothing.returncode, nothing.stdout) == (64, "")
        assert "Name files or directories" in nothing.stderr
        assert run_command("prefetch", "clip.mp4", "--max-bytes=0").returncode == 64


class TestNothingIsLeft:
    def test_in_the_store_once_all_ranks_have_it(self, job: Job) -> None:
        left = []
        for _ in range(2):
            job.call(socket.gethostname)
            left.append(job.agent.call(count_keys))
        assert left[0] == left[1]

    def test_in_the_store_of_older_calls(self, job: Job) -> None:
        left = []
        for _ in range(KEPT + 3):
            job.call(socket.gethostname, ranks=[job.a0, job.b0])
            left.append(job.agent.call(count_keys))
        assert left[KEPT] == left[-1]
        with pytest.raises(RuntimeError, match="which is long over"):
            job.a1.call(on_each_node, socket.gethostname)

    def test_in_a_rank(self, job: Job) -> None:
        before = [in_use(rank) for rank in job.ranks]
        job.call(socket.gethostname)
        job.call(threading.Lock)
        # A rank may close what it inherited.
        assert [in_use(rank) - then for rank, then in zip(job.ranks, before, strict=True)] == [
            set()
        ] * 4


class TestBadInput:
    @pytest.mark.parametrize("timeout", [0, -1.5, float("nan"), float("inf")])
    def test_a_timeout_out_of_range(self, timeout: float) -> None:
        with pytest.raises(ValueError, match="timeout must be more than 0 seconds"):
            on_each_node("drop", timeout=timeout)

    def test_a_timeout_that_is_no_number(self) -> None:
        with pytest.raises(TypeError, match="timeout must be a number of seconds, not None"):
            on_each_node("drop", timeout=None)  # type: ignore[arg-type]

    def test_a_function_that_cannot_be_pickled(self) -> None:
        with pytest.raises(TypeError, match=r"cannot be pickled .*: define it at the top level"):
            on_each_node(lambda: None)

    def test_what_is_no_function(self) -> None:
        with pytest.raises(TypeError, match="pass a function, not 5"):
            on_each_node(5)  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="'drop', 'query', 'prefetch', not 'evict'"):
            on_each_node("evict")

    @pytest.mark.parametrize("rank", [None, "0"])
    def test_no_job(self, monkeypatch: pytest.MonkeyPatch, rank: str | None) -> None:
        monkeypatch.delenv("RANK", raising=False)
        if rank is not None:
            monkeypatch.setenv("RANK", rank)
            monkeypatch.setenv("WORLD_SIZE", "1")
        with pytest.raises(
            RuntimeError, match="no job of PyTorch: start the program with torchrun"
        ):
            on_each_node("drop", "/data")

"""`on_each_node` over a real Ray: what nodes answer, and what is said of those that do not.

Two raylets of the cluster share this machine's mounts and are one node. The others have mounts and
a host name of their own, so each is a node.
"""

import os
import pickle
import secrets
import select
import signal
import socket
import subprocess
import sys
import sysconfig
import tempfile
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from types import ModuleType

import pytest
import ray

from accv_cache import DropReport, __version__, drop
from accv_cache.distributed import NodeError
from accv_cache.distributed import ray as distributed_ray
from accv_cache.distributed.ray import on_each_node
from support.files import MakeFile
from support.needs import need
from support.residency import PAGE, resident_bytes

HERE = socket.gethostname()
THERE = "node-b"
ONE_MACHINE = {"node_ip_address": "127.0.0.2", "num_cpus": 2, "object_store_memory": 80_000_000}
RAY = str(Path(sysconfig.get_path("scripts"), "ray"))
FOR_EVER = 600.0
"""Far more seconds than anything takes here: only an error lasts so long."""


@contextmanager
def raylet(*wrapper: str, python_path: Path | None = None) -> Iterator[None]:
    """One more raylet, until the end."""
    address = ray.get_runtime_context().gcs_address
    options = [f"--{name.replace('_', '-')}={value}" for name, value in ONE_MACHINE.items()]
    command = [*wrapper, RAY, "start", f"--address={address}", "--block", *options]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    if python_path:
        environment["PYTHONPATH"] = str(python_path)
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            said = []
            assert process.stdout
            for line in process.stdout:
                said.append(line)
                if "Ray runtime started" in line:
                    break
            else:
                pytest.fail("".join(said))
            yield
        finally:
            process.terminate()


def node(host: str, hidden: Path, python_path: Path | None = None) -> AbstractContextManager[None]:
    """A raylet that is a node of its own, on which a directory is empty."""
    script = (
        'echo "$0" >/proc/sys/kernel/hostname && mount -t tmpfs tmpfs "$1" && shift && exec "$@"'
    )
    alone = "unshare", "--mount", "--uts", "sh", "-c", script, host, str(hidden)
    return raylet(*alone, python_path=python_path)


@pytest.fixture(scope="module")
def hidden(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory that only this machine's own mounts show."""
    return tmp_path_factory.mktemp("hidden")


@pytest.fixture(scope="module")
def _cluster(hidden: Path) -> Iterator[None]:
    need("root", "sh", "unshare", "mount", "the right to make namespaces")
    with (
        # The name of a socket has a limit, so the directory of pytest may be too long. The last
        # processes of Ray may write their logs while it is removed.
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as directory,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.delenv("RAY_AUTH_MODE", raising=False)  # the token decides
        patch.setenv("RAY_AUTH_TOKEN", secrets.token_hex(32))
        patch.setenv("RAY_memory_monitor_refresh_ms", "0")  # it kills tasks on a full machine
        patch.setenv("RAY_gcs_server_port_wait_time_s", f"{FOR_EVER:.0f}")
        settings = {
            ("_" if "ip" in name else "") + name: value for name, value in ONE_MACHINE.items()
        }
        ray.init(
            "local", _temp_dir=directory, include_dashboard=False, log_to_driver=False, **settings
        )
        try:
            with raylet(), node(THERE, hidden):
                yield
        finally:
            ray.shutdown()


@pytest.mark.usefixtures("_cluster")
class TestOnACluster:
    def test_each_node_drops(self, make_file: MakeFile) -> None:
        path = make_file(4 * PAGE, "warm")
        reports = on_each_node(drop, [path], timeout=FOR_EVER)
        assert [*reports] == sorted([HERE, THERE])
        assert reports.ok
        assert isinstance(reports.merged, DropReport)
        assert [record.node for record in reports.merged] == [*reports]
        assert resident_bytes(path) == 0
        assert pickle.loads(pickle.dumps(reports)).table() == reports.table()

    def test_a_file_that_is_missing_on_a_node_is_in_its_report(self, hidden: Path) -> None:
        (hidden / "clip").write_bytes(bytes(PAGE))
        reports = on_each_node("query", hidden / "clip", timeout=FOR_EVER)
        assert reports.failed == {}
        assert [node for node, report in reports.items() if not report.ok] == [THERE]
        assert [type(record.error) for record in reports[THERE]] == [FileNotFoundError]
        with pytest.raises(FileNotFoundError):
            reports.raise_for_status()

    def test_a_long_list_comes_back_as_sums(self) -> None:
        count = 50_000
        reports = on_each_node("query", ["/dev/null"] * count, timeout=FOR_EVER)
        assert [report.file_count for report in reports.values()] == [count] * 2
        assert [len(report) for report in reports.values()] == [0] * 2
        whole = on_each_node("query", ["/dev/null"] * 200, whole=True, timeout=FOR_EVER)
        assert len(whole.merged) == 400

    def test_arguments_are_sent_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        class Null:
            def __reduce__(self) -> tuple[object, ...]:
                times_pickled.append(1)
                return str, ("/dev/null",)

        def put(value: object) -> object:
            times_put.append(1)
            return into_the_store(value)

        times_pickled: list[int] = []
        times_put: list[int] = []
        into_the_store = ray.put
        monkeypatch.setattr(ray, "put", put)
        reports = on_each_node("query", [Null()], timeout=FOR_EVER)
        assert [record.path for record in reports.merged] == ["/dev/null"] * 2
        assert (times_pickled, times_put) == ([1], [1])

    def test_what_a_function_raises_is_its_nodes_outcome(self) -> None:
        def fail_there() -> object:
            if socket.gethostname() == THERE:
                raise FileNotFoundError(2, "no such mount", "/data")
            return threading.Lock()

        reports = on_each_node(fail_there, timeout=FOR_EVER)
        assert {node: type(error) for node, error in reports.failed.items()} == {
            HERE: NodeError,
            THERE: FileNotFoundError,
        }
        assert "cannot be pickled" in str(reports[HERE])

    def test_a_process_that_dies_is_named(self) -> None:
        def die_there() -> int:
            if socket.gethostname() == THERE:
                os.kill(os.getpid(), signal.SIGKILL)
            return os.getpid()

        reports = on_each_node(die_there, timeout=FOR_EVER)
        assert [*reports.failed] == [THERE]
        assert "died" in str(reports[THERE])
        assert on_each_node(os.getpid, timeout=FOR_EVER).ok

    def test_a_node_that_hangs_is_named_and_its_process_ended(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def hang_there() -> int:
            if socket.gethostname() == THERE:
                fifo.write_text(str(os.getpid()))
                signal.pause()
            return int(fifo.read_text())

        fifo = tmp_path / "fifo"
        os.mkfifo(fifo)
        wait_for_all_but_one(monkeypatch)
        reports = on_each_node(hang_there, timeout=0.001)
        assert {node: type(error) for node, error in reports.failed.items()} == {
            THERE: TimeoutError
        }
        assert has_ended(reports[HERE])
        assert on_each_node(os.getpid, timeout=FOR_EVER).ok

    def test_another_version_does_nothing(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("accv_cache.__version__", "9.9")
        reports = on_each_node((tmp_path / "made").touch, timeout=FOR_EVER)
        assert [*map(str, reports.failed.values())] == [
            f"has accv_cache {__version__}, not 9.9"
        ] * 2
        assert not (tmp_path / "made").exists()

    def test_what_a_function_needs_is_missing_there(self, monkeypatch: pytest.MonkeyPatch) -> None:
        module = ModuleType("only_here")
        exec("def function(): pass", vars(module))  # noqa: S102 - as if it were imported
        monkeypatch.setitem(sys.modules, "only_here", module)
        reports = on_each_node(module.function, timeout=FOR_EVER)
        assert [*map(str, reports.failed.values())] == [
            "cannot begin: No module named 'only_here'"
        ] * 2

    def test_a_node_without_the_package_is_told_what_to_install(
        self, tmp_path: Path, hidden: Path
    ) -> None:
        hide = "import sys; sys.modules['accv_cache'] = None"
        (tmp_path / "sitecustomize.py").write_text(hide)
        with node("node-c", hidden, python_path=tmp_path):
            reports = on_each_node("drop", [], timeout=FOR_EVER)
            assert {HERE, THERE} <= reports.keys() - reports.failed.keys()
            assert f"pip install accv_cache=={__version__}" in str(reports["node-c"])

    def test_a_raylet_that_is_stopped_is_named(
        self, hidden: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def raylet_of_e() -> int | None:
            return os.getppid() if socket.gethostname() == "node-e" else None

        with node("node-e", hidden):
            process = on_each_node(raylet_of_e, timeout=FOR_EVER)["node-e"]
            os.kill(process, signal.SIGSTOP)
            try:
                with monkeypatch.context() as patch:
                    wait_for_all_but_one(patch)
                    reports = on_each_node(socket.gethostname, timeout=0.001)
                assert "node-e" in reports.failed
                assert {HERE, THERE} <= reports.keys() - reports.failed.keys()
            finally:
                os.kill(process, signal.SIGCONT)

    def test_a_raylet_that_is_killed_is_named(self, hidden: Path) -> None:
        def kill_the_raylet() -> None:
            if socket.gethostname() == "node-d":
                os.kill(os.getppid(), signal.SIGKILL)
                signal.pause()

        with node("node-d", hidden):
            reports = on_each_node(kill_the_raylet, timeout=FOR_EVER)
            assert isinstance(reports.failed.pop("node-d"), NodeError)
            assert {HERE, THERE} <= reports.keys() - reports.failed.keys()
            again = on_each_node(socket.gethostname, timeout=FOR_EVER)
            assert {HERE, THERE} <= again.keys() - again.failed.keys()
            assert "node-d" not in again.keys() - again.failed.keys()


def wait_for_all_but_one(patch: pytest.MonkeyPatch) -> None:
    """Let the time of a call begin when one task is left."""

    def wait(ray: ModuleType, tasks: list[object], deadline: float) -> list[object]:
        return ended(ray, tasks, deadline if len(tasks) == 1 else FOR_EVER + deadline)

    ended = distributed_ray._ended  # noqa: SLF001 - no other way to know what is left
    patch.setattr(distributed_ray, "_ended", wait)


def has_ended(process: int) -> bool:
    """Whether a process that was killed ends."""
    try:
        descriptor = os.pidfd_open(process)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([descriptor], [], [], FOR_EVER)[0])
    finally:
        os.close(descriptor)

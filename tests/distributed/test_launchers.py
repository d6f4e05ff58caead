"""The recipes in docs/cluster.md for launchers that start the command line on each node."""

import json
import os
import subprocess
import tempfile
from pathlib import Path

import pytest

from support.command import COMMAND
from support.files import MakeFile
from support.needs import need
from support.networks import OWN_NAMESPACES
from support.residency import PAGE, resident_bytes

PAGE_OF_RECIPES = Path(__file__).parents[2] / "docs" / "cluster.md"


def recipe(launcher: str, path: Path) -> list[str]:
    """The command of the page, for another path than /data."""
    lines = PAGE_OF_RECIPES.read_text().splitlines()
    [line] = [line for line in lines if line.startswith(f"{launcher} ")]
    return line.replace("/data", str(path)).split()


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """What the command line needs, and Open MPI."""
    return {
        **os.environ,
        "PATH": f"{Path(COMMAND).parent}:{os.environ['PATH']}",
        "TMPDIR": str(tmp_path),
        "OMPI_ALLOW_RUN_AS_ROOT": "1",
        "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
    }


def check(document: Path, path: Path) -> None:
    """See that a node has dropped that file, and says so."""
    said = json.loads(document.read_text())
    assert [each["path"] for each in said["files"]] == [str(path)]
    assert said["resident_bytes"] == 0


def test_mpirun(make_file: MakeFile, tmp_path: Path, environment: dict[str, str]) -> None:
    need("mpirun")
    path = make_file(PAGE, "dirty")
    subprocess.run(recipe("mpirun", path), env=environment, cwd=tmp_path, check=True)
    [document] = tmp_path.glob("drop/*/rank.*/stdout")
    check(document, path)
    assert resident_bytes(path) == 0


_SLURM = """
ClusterName=tests
SlurmctldHost=localhost
SlurmUser=root
SlurmdUser=root
AuthType=auth/none
CredType=cred/none
ProctrackType=proctrack/pgid
SelectType=select/linear
ReturnToService=2
MessageTimeout=100
StateSaveLocation={0}/state
SlurmctldPidFile={0}/slurmctld.pid
SlurmdPidFile={0}/%n.pid
SlurmdSpoolDir={0}/spool-%n
NodeName=n1 NodeAddr=localhost Port=6901
NodeName=n2 NodeAddr=localhost Port=6902
PartitionName=all Nodes=n1,n2 Default=YES
"""
_CLUSTER = """
cd "$1" && shift
hostname localhost
ip link set lo up
ip address add 192.0.2.1 dev lo  # names have an address only if one is not that of the loopback
slurmctld -D &
for node in n1 n2; do
  unshare --mount --uts sh -ec "
    hostname $node
    mount --bind $node data
    exec slurmd -D -N $node" &
done
exec "$@"
"""


def test_srun(make_file: MakeFile, environment: dict[str, str]) -> None:
    need("root", "slurmctld", "slurmd", "srun", "ip", "unshare", "the right to make namespaces")
    with tempfile.TemporaryDirectory() as name:  # pytest's may be too long for a socket
        place = Path(name)
        for each in ("data", "n1", "n2", "state"):
            (place / each).mkdir()
        paths = {node: make_file(PAGE, "dirty", place / node) for node in ("n1", "n2")}
        (place / "slurm.conf").write_text(_SLURM.format(place))
        subprocess.run(
            [
                *(*OWN_NAMESPACES, "--net"),
                *("sh", "-ec", _CLUSTER, "sh", name),
                *("salloc", "--nodes=2"),
                *recipe("srun", place / "data"),
            ],
            env={**environment, "SLURM_CONF": str(place / "slurm.conf")},
            check=True,
        )
        for node, path in paths.items():
            check(place / f"drop-{node}.json", place / "data" / path.name)
            assert resident_bytes(path) == 0


def test_clush(make_file: MakeFile, tmp_path: Path, environment: dict[str, str]) -> None:
    need("clush")
    (tmp_path / "defaults.conf").write_text("[task.default]\ndistant_workername: exec\n")
    environment["CLUSTERSHELL_CFGDIR"] = str(tmp_path)

    def run(path: Path) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            recipe("clush", path), env=environment, check=False, capture_output=True, text=True
        )

    ended = run(make_file(PAGE, "cold"))
    assert ended.returncode == 0
    assert ended.stdout.splitlines()[1:] == [
        "node[1-4] (4)",
        "---------------",
        "Evicted 0 B of 0 B in 1 file.",
    ]
    assert run(tmp_path / "missing").returncode == 2

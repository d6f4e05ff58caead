"""`accv-cache query --cgroup` and `--machine`: what uses the memory, in each output format."""

import dataclasses
import json
import re
import sys
from pathlib import Path

import pytest

from accv_cache import CgroupMemory, CgroupVerdict, MachineMemory, cgroup_memory, machine_memory
from accv_cache.__main__ import main
from accv_cache._cli import cgroup
from accv_cache._cli.bars import NARROWEST
from accv_cache._cli.terminal import unpainted
from accv_cache._text import as_size
from support.command import run, run_here

GIB = 1 << 30
MEMORY = CgroupMemory(
    version=2,
    path="/sys/fs/cgroup/job",
    limit_bytes=16 * GIB,
    usage_bytes=15 * GIB,
    anon_bytes=2 * GIB,
    file_bytes=12 * GIB,
    active_file_bytes=10 * GIB,
    inactive_file_bytes=2 * GIB,
    dirty_bytes=0,
    writeback_bytes=0,
    shmem_bytes=GIB // 4,
    kernel_bytes=GIB // 2,
    machine_bytes=512 * GIB,
)
MACHINE = MachineMemory(
    total_bytes=120 * GIB,
    available_bytes=112 * GIB,
    free_bytes=26 * GIB,
    active_file_bytes=21 * GIB,
    inactive_file_bytes=66 * GIB,
    dirty_bytes=0,
)


def show(monkeypatch: pytest.MonkeyPatch, *options: str) -> int:
    monkeypatch.setattr(sys, "argv", ["accv-cache", "query", *options])
    return main()


class TestCgroup:
    @pytest.fixture(autouse=True)
    def memory(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(cgroup, "cgroup_memory", lambda _pid, **_: MEMORY)

    def test_shows_what_fills_it_and_what_to_do(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert show(monkeypatch, "--cgroup") == 0
        text = capsys.readouterr().out
        assert text.startswith("cgroup /sys/fs/cgroup/job\n\nused ")
        assert re.search(r"page cache +█+░+ +11\.8 GiB\n", text)
        assert re.search(r"kernel memory +█+░+ +512\.0 MiB\n", text)
        assert re.search(r"working set +█+░+ +13\.0 GiB  81%\n", text)
        assert re.search(r"limit +█+ +16\.0 GiB\n", text)
        assert text.endswith(f"\n{MEMORY.advice}\n")

    def test_cuts_no_name_and_no_figure(self) -> None:
        rows = MEMORY.rows()
        widest = max(len(row.name) for row in rows) + len("  512.0 MiB  81%")
        for width in range(1, 501):
            _, _, *lines = map(unpainted, cgroup.memory_table(MEMORY, width))
            for row, line in zip(rows, lines, strict=True):
                assert line.startswith(f"{row.name}  ")
                assert line.endswith(f"{as_size(row.size)}  {row.share}".rstrip())
                # The last column stays free.
                assert ("█" in line or "░" in line) == (width > widest + len("  ") + NARROWEST)
                assert len(line) <= max(width - 1, widest)

    @pytest.mark.parametrize("columns", ["1", "20", "60", "500"])
    def test_fits_the_terminal(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], columns: str
    ) -> None:
        monkeypatch.setenv("COLUMNS", columns)
        assert show(monkeypatch, "--cgroup") == 0
        text = capsys.readouterr().out
        for row in MEMORY.rows():
            assert re.search(rf"^{row.name} .* {re.escape(as_size(row.size))}", text, re.MULTILINE)
        assert MEMORY.advice in text

    def test_has_a_document(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert show(monkeypatch, "--cgroup", "--json") == 0
        document = json.loads(capsys.readouterr().out)
        assert document == MEMORY.to_dict()
        assert document["evictable_bytes"] == 12 * GIB - GIB // 4
        assert (document["verdict"], document["advice"]) == ("PAGE_CACHE", MEMORY.advice)


class TestNoCgroup:
    @pytest.fixture(autouse=True)
    def memory(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(cgroup, "cgroup_memory", lambda _pid, **_: None)

    def test_shows_the_machine(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setattr(cgroup, "memory_limit", lambda: GIB)
        assert show(monkeypatch, "--cgroup") == 0
        written = capsys.readouterr()
        assert "no cgroup limits the memory of this process" in written.err
        assert re.search(r"^free after a drop of all files ", written.out, re.MULTILINE)
        assert show(monkeypatch, "--cgroup", "--json") == 0
        assert capsys.readouterr().out == "null\n"

    def test_shows_no_figure_where_it_cannot_be_known(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setattr(cgroup, "memory_limit", lambda: None)
        for form, expected in ([], ""), (["--json"], "null\n"), (["--porcelain"], ""):
            assert show(monkeypatch, "--cgroup", *form) == 4
            written = capsys.readouterr()
            assert written.out == expected
            assert "the cgroup of this process cannot be known: no mount shows it" in written.err

    def test_of_another_process_or_folder_is_an_error(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert show(monkeypatch, "--pid", "7") == 4
        assert "the cgroup of process 7 cannot be known" in capsys.readouterr().err
        assert show(monkeypatch, "--cgroup-path", "/tmp\n") == 4
        assert "'/tmp\\n': this is not the folder of a cgroup" in capsys.readouterr().err


class TestThisMachine:
    def test_cgroup_is_that_of_the_caller(self) -> None:
        document = json.loads(run("query", "--cgroup", "--json").stdout)
        memory = cgroup_memory()
        assert document is None if memory is None else document["path"] == memory.path

    def test_machine_is_this_one(self) -> None:
        machine = machine_memory()
        assert machine is not None
        lines = run("query", "--machine", "--porcelain").stdout.splitlines()
        figures = {name: size for size, name in (line.split("\t") for line in lines)}
        assert int(figures["total_bytes"]) == machine.total_bytes
        fields = [field.name for field in dataclasses.fields(MachineMemory)]
        assert list(figures) == [*fields, "evictable_bytes", "free_after_drop_bytes"]
        assert "memory of the machine" in run("query", "--machine").stdout

    @pytest.mark.parametrize(
        "options",
        [
            ("--machine", "--cgroup"),
            ("--machine", "--pid", "1"),
            ("--pid", "1", "--cgroup-path", "/"),
            ("--machine", "x"),
            ("--pid", "0"),
            ("--pid", "99999999999999999999"),
        ],
    )
    def test_what_excludes_each_other_is_wrong_usage(self, options: tuple[str, ...]) -> None:
        wrong = run_here("query", *options)
        assert (wrong.returncode, wrong.stdout) == (64, "")

    def test_a_process_or_folder_that_is_missing_is_an_error(self) -> None:
        missing = run("query", "--cgroup-path", "/missing")
        assert missing.returncode == 4
        assert missing.stderr == "accv-cache: /missing: No such file or directory\n"


class TestDocumentation:
    @pytest.mark.parametrize("memory", [MEMORY, MACHINE], ids=["cgroup", "machine"])
    def test_shows_what_the_command_prints(self, memory: CgroupMemory | MachineMemory) -> None:
        page = (Path(__file__).parents[1] / "docs" / "is-it-the-page-cache.md").read_text("utf-8")
        lines = map(unpainted, cgroup.memory_table(memory, None))
        assert "```\n" + "\n".join((*lines, "", memory.advice)) + "\n```\n" in page

    def test_has_every_verdict(self) -> None:
        page = (Path(__file__).parents[1] / "docs" / "is-it-the-page-cache.md").read_text("utf-8")
        documented = re.findall(r"^\| `([A-Z_]+)` \|", page, re.MULTILINE)
        assert documented == [verdict.name for verdict in CgroupVerdict]

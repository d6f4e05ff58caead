"""The layout of the tables, the manual page, and the picture in the README.

Snapshots are the files in tests/snapshots; `UPDATE_SNAPSHOTS=1 pytest` writes them anew.
"""

import io
import json
import re
import runpy
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import click
import pytest

from accv_cache import (
    CacheRecord,
    CgroupMemory,
    DropCacheStatus,
    DropRecord,
    KeptReason,
    ResidencySource,
    UnknownReason,
)
from accv_cache._cli import tables
from accv_cache._cli.cgroup import memory_table
from accv_cache._cli.commands import commands
from accv_cache._cli.front import COMMANDS
from accv_cache._cli.terminal import unpainted
from accv_cache._exit_codes import MEANINGS
from support.command import run
from support.needs import need
from support.snapshots import assert_is_snapshot

ROOT = Path(__file__).parents[1]
MIB = 1 << 20
GIB = 1 << 30

demo_svg = runpy.run_path(str(ROOT / "scripts" / "demo_svg.py"))
man_page = runpy.run_path(str(ROOT / "scripts" / "man_page.py"))

CGROUP = CgroupMemory(
    version=2,
    path="/sys/fs/cgroup/job",
    limit_bytes=8 * GIB,
    usage_bytes=6 * GIB,
    anon_bytes=1023 * MIB,
    file_bytes=5 * GIB,
    active_file_bytes=GIB,
    inactive_file_bytes=4 * GIB,
    dirty_bytes=0,
    writeback_bytes=0,
    shmem_bytes=0,
    kernel_bytes=GIB // 4,
    machine_bytes=64 * GIB,
)


def cache_record(path: str, size: int, *spans: tuple[int, int], dirty: int = 0) -> CacheRecord:
    """The result of a query with spans."""
    resident = sum(stop - start for start, stop in spans)
    source = ResidencySource.CACHESTAT
    return CacheRecord(path, None, size, (0, size), resident, dirty, 0, source, spans)


RESIDENCY = [
    cache_record("videos/whole.mp4", 2 * GIB, (0, 2 * GIB)),
    cache_record("videos/middle.mp4", GIB, (GIB // 4, GIB // 2)),
    cache_record("videos/a-much-longer-name-than-the-others.mkv", 80 * MIB, (0, MIB), dirty=MIB),
    cache_record("videos/cold.mp4", GIB),
    cache_record("videos/empty.mp4", 0),
    cache_record("videos/\x1b[31mred.mp4", 0),
    CacheRecord("videos/of-others.mp4", None, GIB, (0, GIB), None, None, None, None, None),
]
EVICTION = [
    DropRecord("a.mp4", DropCacheStatus.SUCCESS, None, GIB, GIB, 0, {}),
    DropRecord(
        "b.mp4", DropCacheStatus.SUCCESS, None, GIB, GIB, 9 * MIB, {KeptReason.MAPPED: 9 * MIB}
    ),
    DropRecord(
        "c.mp4",
        DropCacheStatus.SUCCESS,
        None,
        GIB,
        None,
        None,
        None,
        unknown=UnknownReason.NOT_PERMITTED,
    ),
    DropRecord(
        "d.mp4",
        DropCacheStatus.FILE_OPEN_FAILED,
        FileNotFoundError(2, "cannot open: No such file or directory", "d.mp4"),
        0,
        None,
        None,
        None,
    ),
]


def residency(
    records: Sequence[CacheRecord], width: int, before: dict[str, int] | None = None
) -> str:
    """The table of a query, as it looks in a terminal of that width, without its colours."""
    return fitting(tables.residency_table(records, records, width, before), width)


def fitting(lines: Iterable[str], width: int) -> str:
    """The lines as text; none of them is folded."""
    text = [unpainted(line) for line in lines]
    assert max(map(len, text)) <= width
    return "".join(f"{line}\n" for line in text)


def each_command() -> list[click.Command]:
    """The commands, loaded."""
    context = click.Context(commands)
    return [command for name in COMMANDS if (command := commands.get_command(context, name))]


class TestTables:
    @pytest.mark.parametrize("width", [40, 60, 80, 120])
    def test_of_residency(self, width: int) -> None:
        assert_is_snapshot(residency(RESIDENCY, width), f"query-{width}.txt")

    def test_of_residency_with_changes(self) -> None:
        before = {"videos/whole.mp4": 0, "videos/middle.mp4": GIB // 4, "videos/cold.mp4": GIB}
        text = residency(RESIDENCY[:4], 100, before=before)
        assert_is_snapshot(text, "query-watch-100.txt")

    def test_of_residency_in_ascii(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), "ascii"))
        assert_is_snapshot(residency(RESIDENCY, 80), "query-ascii-80.txt")

    @pytest.mark.parametrize("width", [60, 100])
    def test_of_evictions(self, width: int) -> None:
        text = fitting(
            tables.change_table(EVICTION, [each.kept for each in EVICTION], width), width
        )
        assert_is_snapshot(text, f"drop-{width}.txt")

    @pytest.mark.parametrize("width", [60, 80])
    def test_of_a_cgroup(self, width: int) -> None:
        assert_is_snapshot(fitting(memory_table(CGROUP, width), width), f"cgroup-{width}.txt")

    @pytest.mark.parametrize("width", [*range(1, 60), 500])
    def test_cut_no_figure_however_narrow_it_is(self, width: int) -> None:
        lines = tables.residency_table(RESIDENCY[:2], RESIDENCY[:2], width)
        text = [unpainted(line) for line in lines]
        assert [line.split()[-1] for line in text] in (
            ["of", "GiB", "GiB"],
            ["resident", "GiB", "MiB"],
        )
        for figure in ("2.0 GiB", "256.0 MiB"):
            assert any(figure in line for line in text)

    @pytest.mark.parametrize("width", [40, 60, 80])
    @pytest.mark.parametrize("name", ["視頻" * 40 + ".mp4", "é" * 99, "e\u0301" * 99, "x" * 99])
    def test_fit_whatever_script_a_name_has(self, name: str, width: int) -> None:
        records = [cache_record(name, MIB, (0, MIB)), cache_record("short", MIB)]
        for line in tables.residency_table(records, records, width):
            assert tables.cells(line) < width


class TestManual:
    def test_is_current(self) -> None:
        """Otherwise: python scripts/man_page.py."""
        assert man_page["PAGE"].read_text(encoding="utf-8") == man_page["manual"]()

    def test_is_well_written(self) -> None:
        for checker in ("mandoc -T lint -W all", "groff -man -Tutf8 -ww -z"):
            need(checker.split()[0])
            command = [*checker.split(), str(man_page["PAGE"])]
            said = subprocess.run(command, capture_output=True, check=False, encoding="utf-8")
            assert said.stdout + said.stderr == ""

    def test_has_every_option(self) -> None:
        page = man_page["manual"]().replace("\\-", "-")
        for command in each_command():
            for parameter in command.params:
                assert all(option in page for option in parameter.opts if option.startswith("-"))

    def test_has_every_exit_code(self) -> None:
        codes = re.findall(r"^\.B (\d+)$", man_page["manual"](), re.MULTILINE)
        assert [int(code) for code in codes] == list(MEANINGS)
        assert {status.value for status in DropCacheStatus} < set(MEANINGS)


class TestPicture:
    def test_shows_what_the_commands_print(self) -> None:
        picture = demo_svg["take_picture"]()
        text = re.sub(r"&#160;", " ", re.sub(r"<[^>]+>", "", picture))
        for shown in (*demo_svg["LINES"], "clip-3.mp4", "█", "·", "Evicted"):
            assert shown in text

    def test_is_in_the_documentation(self) -> None:
        assert demo_svg["PICTURE"].read_text(encoding="utf-8").startswith("<svg")


class TestDocumentation:
    PAGE = (ROOT / "docs" / "command-line.md").read_text(encoding="utf-8")

    def test_is_current(self) -> None:
        """Otherwise: python scripts/man_page.py."""
        assert man_page["web_page"]() == self.PAGE

    def test_has_every_exit_code(self) -> None:
        _, _, section = self.PAGE.partition("## Exit codes")
        rows = re.findall(r"^\| (\d+) \| (.+) \|$", section, re.MULTILINE)
        assert {int(code): meaning.replace("`", "") for code, meaning in rows} == MEANINGS

    @pytest.mark.parametrize(
        "form", ["query", "query --cgroup", "query --machine", "drop", "prefetch"]
    )
    def test_has_every_key(self, form: str) -> None:
        _, _, section = self.PAGE.partition(f"## `{form} --json`")
        documented = set(re.findall(r"`(\w+)`", section.partition("\n## ")[0]))
        files = [__file__] if form in {"query", "drop", "prefetch"} else []
        document = json.loads(run(*form.split(), "--json", *files).stdout) or {}
        assert set(document) <= documented
        for record in document.get("files", []):
            assert set(record) <= documented

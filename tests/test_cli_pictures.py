"""What the tables look like, the manual page, and the picture of them.

Snapshots are the files in tests/snapshots; `UPDATE_SNAPSHOTS=1 pytest` writes them anew.
"""

import io
import json
import os
import re
import runpy
from pathlib import Path

import pytest
from rich.console import Console, RenderableType

from accv_cache import CacheRecord, DropCacheStatus, DropRecord, KeptReason, ResidencySource
from accv_cache._cli import commands, tables
from accv_cache._exit_codes import MEANINGS
from support.command import run

SNAPSHOTS = Path(__file__).parent / "snapshots"
ROOT = Path(__file__).parents[1]
MIB = 1 << 20
GIB = 1 << 30

demo_svg = runpy.run_path(str(ROOT / "scripts" / "demo_svg.py"))
man_page = runpy.run_path(str(ROOT / "scripts" / "man_page.py"))

ESCAPE = re.compile(r"\x1b\[[0-9;]*m")


def cache_record(path: str, size: int, *spans: tuple[int, int], dirty: int = 0) -> CacheRecord:
    """What a query with spans gives."""
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
    DropRecord("c.mp4", DropCacheStatus.SUCCESS, None, GIB, None, None, None),
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


def drawn(what: RenderableType, width: int, encoding: str = "utf-8") -> str:
    """The table as it looks in a terminal of that width, without its colours."""
    written = io.BytesIO()
    console = Console(
        file=io.TextIOWrapper(written, encoding),
        width=width,
        force_terminal=True,
        highlight=False,
        color_system="standard",
        _environ={},
    )
    console.print(what)
    console.file.flush()
    lines = ESCAPE.sub("", written.getvalue().decode()).splitlines()
    assert max(map(len, lines)) <= width
    return "".join(f"{line.rstrip()}\n" for line in lines)


def assert_is_snapshot(text: str, name: str) -> None:
    """Compare with the file, or write it if asked to."""
    path = SNAPSHOTS / name
    if "UPDATE_SNAPSHOTS" in os.environ:
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


class TestTables:
    @pytest.mark.parametrize("width", [60, 80, 120])
    def test_of_residency(self, width: int) -> None:
        assert_is_snapshot(drawn(tables.residency_table(RESIDENCY), width), f"query-{width}.txt")

    def test_of_residency_with_changes(self) -> None:
        before = {"videos/whole.mp4": 0, "videos/middle.mp4": GIB // 4, "videos/cold.mp4": GIB}
        table = tables.residency_table(RESIDENCY[:4], before)
        assert_is_snapshot(drawn(table, 100), "query-watch-100.txt")

    def test_of_residency_in_ascii(self) -> None:
        table = tables.residency_table(RESIDENCY)
        assert_is_snapshot(drawn(table, 80, "ascii"), "query-ascii-80.txt")

    @pytest.mark.parametrize("width", [60, 100])
    def test_of_evictions(self, width: int) -> None:
        assert_is_snapshot(drawn(tables.eviction_table(EVICTION), width), f"drop-{width}.txt")


class TestManual:
    def test_is_current(self) -> None:
        """Otherwise: python scripts/man_page.py."""
        assert man_page["PAGE"].read_text(encoding="utf-8") == man_page["manual"]()

    def test_has_every_option(self) -> None:
        page = man_page["manual"]().replace("\\-", "-")
        for command in commands.commands.values():
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

    def test_has_every_exit_code(self) -> None:
        _, _, section = self.PAGE.partition("## Exit codes")
        rows = re.findall(r"^\| (\d+) \| (.+) \|$", section, re.MULTILINE)
        assert {int(code): meaning.replace("`", "") for code, meaning in rows} == MEANINGS

    @pytest.mark.parametrize("form", ["query", "query --cgroup", "drop"])
    def test_has_every_key(self, form: str) -> None:
        _, _, section = self.PAGE.partition(f"## `{form} --json`")
        documented = set(re.findall(r"`(\w+)`", section.partition("\n## ")[0]))
        files = [] if "--cgroup" in form else [__file__]
        document = json.loads(run(*form.split(), "--json", *files).stdout) or {}
        assert set(document) <= documented
        for record in document.get("files", []):
            assert set(record) <= documented

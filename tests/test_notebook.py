"""The tables of reports in a notebook, as a browser lays them out, on a light and a dark page."""

import itertools
import re
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import pytest

from accv_cache import CgroupMemory, Holder, Holders, MachineMemory, drop, prefetch, query
from accv_cache._html import html_table
from support.browser import asked
from support.files import MakeFile
from support.residency import PAGE

GIB = 1 << 30

# What notebooks do to a table: another font, right-aligned, lines that break and blanks that
# collapse; columns that are wider than what is in them.
STYLE = """
<style>
  div { color-scheme: light dark; font: 14px sans-serif; width: 900px }
  .light { color: rgb(20, 20, 20); background: rgb(255, 255, 255) }
  .dark { color: rgb(230, 230, 230); background: rgb(17, 17, 17); width: 300px }
  table, td, th { text-align: right; white-space: normal; font: 13px sans-serif; color: inherit }
  td:nth-child(3) { min-width: 400px }
</style>
"""

# Of each table: the words and places of its cells, and the colours that it shows.
QUESTION = """
[...document.querySelectorAll("table")].map(table => ({
  caption: table.caption.innerText,
  width: table.offsetWidth,
  page: [getComputedStyle(table.parentElement).color],
  colours: [...new Set([...table.querySelectorAll("td, th, caption")]
    .map(cell => getComputedStyle(cell).color))],
  backgrounds: [...new Set([...table.querySelectorAll("*")]
    .map(cell => getComputedStyle(cell).backgroundColor))],
  rows: [...table.rows].map(row => [...row.cells].map(cell => {
    const range = document.createRange()
    const letter = index => {
      range.setStart(cell.firstChild, index)
      range.setEnd(cell.firstChild, index + 1)
      return range.getBoundingClientRect()
    }
    const text = cell.textContent
    range.selectNodeContents(cell)
    return {
      text: cell.innerText,
      left: cell.getBoundingClientRect().left,
      right: cell.getBoundingClientRect().right,
      lines: new Set([...range.getClientRects()].map(box => box.top)).size,
      starts: [...text].map((_, index) => letter(index).left),
    }
  })),
}))
"""


class Shown(NamedTuple):
    """What the browser shows of the tables: on a light page, and on a dark and narrow one."""

    light: list[dict[str, Any]]
    dark: list[dict[str, Any]]


class HasTable(Protocol):
    """What notebooks show as a table."""

    def _repr_html_(self) -> str: ...


def shown(directory: Path, *reports: HasTable) -> Shown:
    """Let the browser show them."""
    return _shown(directory, *(report._repr_html_() for report in reports))


def _shown(directory: Path, *tables: str) -> Shown:
    body = "".join(f'<div class="{page}">{"".join(tables)}</div>' for page in Shown._fields)
    found = asked(STYLE + body, QUESTION, directory)
    return Shown(found[: len(tables)], found[len(tables) :])


@pytest.fixture
def middle(ext4: Path) -> Path:
    """A file of which only the page in the middle is resident: the rest is a hole."""
    path = ext4 / "middle.mp4"
    with path.open("wb") as file:
        file.seek(20 * PAGE)
        file.write(bytes(PAGE))
        file.truncate(40 * PAGE)
    return path


def test_a_map_keeps_its_places(middle: Path, tmp_path: Path) -> None:
    whole = middle.with_name("whole.mp4")
    whole.write_bytes(bytes(40 * PAGE))
    table, blanks = _shown(
        tmp_path,
        query([middle, whole], spans=True)._repr_html_(),
        html_table("", [("", "map")], [["  █  █"]]),
    ).light
    maps = {row[0]["text"]: row[2] for row in table["rows"][1:]}
    part, full = maps[str(middle)], maps[str(whole)]
    assert part["text"] == "·" * 20 + "█" + "·" * 19
    assert full["text"] == "█" * 40
    # Whatever a place shows, it is at the same distance from the left edge.
    assert part["starts"] == pytest.approx(full["starts"], abs=0.1)
    assert part["starts"][0] - part["left"] < 5
    assert part["lines"] == full["lines"] == 1
    widths = [stop - start for start, stop in itertools.pairwise(blanks["rows"][1][0]["starts"])]
    assert widths == pytest.approx([widths[0]] * 5, abs=0.1)
    assert widths[0] > 1


def test_failures_come_first_and_all_files_are_counted(make_file: MakeFile, tmp_path: Path) -> None:
    paths: list[Path | str] = [*[make_file(PAGE)] * 50_000, "missing"]
    for table in shown(tmp_path, query(paths), drop(paths), prefetch(paths)).light:
        assert table["caption"].endswith(
            "Shows 20 of 50,001: first those that failed or are unknown"
        )
        assert len(table["rows"]) == 21
        first = [cell["text"] for cell in table["rows"][1]]
        assert first[0] == "missing"
        assert first[-1] == "cannot open: No such file or directory"


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Shown:
    """One table of each kind."""
    directory = tmp_path_factory.mktemp("tables")
    clip = directory / "clip.mp4"
    clip.write_bytes(bytes(300 * PAGE))
    return shown(
        directory,
        query([clip, "missing"], spans=True),
        drop([clip, "missing"]),
        prefetch([clip, "missing"]),
        Holders((Holder(42, "python", "clip.mp4", GIB, is_open=True),), unreadable_processes=3),
        CgroupMemory(2, "/job", 4 * GIB, 3 * GIB, GIB, 2 * GIB, GIB, GIB, 0, 0, 0, 0, None),
        MachineMemory(16 * GIB, 9 * GIB, GIB, 4 * GIB, 4 * GIB, 0),
    )


class TestEveryTable:
    def test_has_the_colours_of_the_page(self, tables: Shown) -> None:
        for table in (*tables.light, *tables.dark):
            assert table["colours"] == table["page"]
            assert table["backgrounds"] == ["rgba(0, 0, 0, 0)"]
        assert tables.light[0]["page"] != tables.dark[0]["page"]

    def test_fits(self, tables: Shown) -> None:
        assert all(table["width"] <= 900 for table in tables.light)

    def test_breaks_no_figure(self, tables: Shown) -> None:
        for table in tables.dark:
            figures = [
                cell for row in table["rows"][1:] for cell in row if cell["text"].endswith("iB")
            ]
            assert figures
            assert {cell["lines"] for cell in figures} == {1}

    def test_of_memory_indents_parts(self, tables: Shown) -> None:
        rows = {row[0]["text"].strip(): row[0]["starts"] for row in tables.light[4]["rows"]}
        text = {row[0]["text"].strip(): row[0]["text"] for row in tables.light[4]["rows"]}

        def indent(name: str) -> float:
            blanks = len(text[name]) - len(text[name].lstrip())
            return float(rows[name][blanks] - rows["used"][0])

        assert 0 < indent("page cache") < indent("used again since it was read")

    def test_of_holders_names_them_and_who_was_not_seen(self, tables: Shown) -> None:
        table = tables.light[3]
        assert table["caption"] == "1 holder; could not look into: 3 other processes"
        assert [[cell["text"] for cell in row] for row in table["rows"]] == [
            ["file", "process", "command", "open", "mapped"],
            ["clip.mp4", "42", "python", "yes", "1.0 GiB"],
        ]


def test_of_many_holders_those_that_map_most_are_shown() -> None:
    many = tuple(Holder(pid, "python", "clip.mp4", pid, is_open=True) for pid in range(1, 51))
    text = Holders(many, unreadable_processes=0)._repr_html_()
    assert "50 holders. Shows 20 of 50: those that map most" in text
    assert re.findall(r">(\d+)</td>", text) == [str(pid) for pid in range(50, 30, -1)]

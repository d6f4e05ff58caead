"""The site is made without a warning, and a browser shows all of it at 1280 pixels.

Needs the extra `docs` and Doxygen, so it runs when it is named: `pytest tests/documentation`.
"""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from support.browser import asked
from support.files import MakeOnce
from support.needs import need

ROOT = Path(__file__).parents[2]
WIDTH = 1280

# What each page shows in a frame of that width, and in one with dark colours.
QUESTION = """
[...document.querySelectorAll("iframe")].map(frame => {
  const page = frame.contentDocument
  const seen = element => page.defaultView.getComputedStyle(element)
  const colours = () => [seen(page.body).color, seen(page.body).backgroundColor]
  const light = colours()
  page.body.dataset.theme = "dark"
  return {
    name: frame.name,
    title: page.title,
    width: page.documentElement.scrollWidth,
    tables: [...page.querySelectorAll("table")].map(table =>
      table.parentElement.scrollWidth - table.parentElement.clientWidth),
    pictures: [...page.images].map(image => image.naturalWidth),
    blocks: page.querySelectorAll("div.highlight").length,
    copied: page.querySelectorAll("button.copybtn").length,
    light: light,
    dark: colours(),
  }
})
"""

SEARCH = """
Object.fromEntries({words}.map(word => [word,
  Search.performObjectSearch(word, [word]).map(found => found[0] + ".html")]))
"""


@pytest.fixture(scope="module")
def site(made_once: MakeOnce) -> Path:
    """The folder with the site."""
    need("doxygen")

    def make(directory: Path) -> None:
        command = ["-m", "sphinx", "-W", "--keep-going", "-q", "docs", str(directory)]
        ended = subprocess.run(
            [sys.executable, *command], cwd=ROOT, capture_output=True, text=True, check=False
        )
        assert (ended.returncode, ended.stdout + ended.stderr) == (0, "")

    return made_once("site", make)


@pytest.fixture(scope="module")
def pages(site: Path) -> list[dict[str, Any]]:
    """What the browser shows of each page."""
    names = [page.stem for page in (ROOT / "docs").glob("*.md")]
    frames = (
        f'<iframe name="{name}" src="{name}.html" width={WIDTH} height=800 '
        'style="border: 0"></iframe>'
        for name in names
    )
    found: list[dict[str, Any]] = asked("".join(frames), QUESTION, site)
    assert [page["name"] for page in found] == names
    return found


def test_each_page_fits(pages: list[dict[str, Any]]) -> None:
    for page in pages:
        assert page["title"].endswith("accv_cache"), page
        assert page["width"] <= WIDTH, page
        assert set(page["tables"]) <= {0}, page
    assert sum(len(page["tables"]) for page in pages) > 10


def test_each_picture_is_there(pages: list[dict[str, Any]]) -> None:
    pictures = {page["name"]: page["pictures"] for page in pages}
    assert len(pictures["index"]) == 1
    assert all(width > 0 for widths in pictures.values() for width in widths)


def test_each_block_of_code_can_be_copied(pages: list[dict[str, Any]]) -> None:
    for page in pages:
        assert page["copied"] == page["blocks"], page


def test_is_dark_where_the_reader_wants_it(pages: list[dict[str, Any]]) -> None:
    for page in pages:
        assert page["light"] == ["rgb(0, 0, 0)", "rgb(255, 255, 255)"], page
        assert brightness(page["dark"][0]) > 2 * brightness(page["dark"][1]), page


def brightness(colour: str) -> int:
    """The sum of red, green and blue in `rgb(1, 2, 3)`."""
    return sum(int(part) for part in colour.removeprefix("rgb(").rstrip(")").split(","))


def test_search_finds_names_of_both_languages(site: Path) -> None:
    scripts = "".join(
        f'<script src="{name}"></script>'
        for name in (
            "_static/documentation_options.js",
            "_static/doctools.js",
            "_static/sphinx_highlight.js",
            "_static/language_data.js",
            "_static/searchtools.js",
            "searchindex.js",
        )
    )
    found = asked(scripts, SEARCH.replace("{words}", '["dropreport", "drop_report"]'), site)
    assert set(found["dropreport"]) == {"python.html"}
    assert set(found["drop_report"]) == {"cpp-reference.html"}

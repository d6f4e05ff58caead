"""The page on PyPI names no file of a checkout, and every link on it leads to one."""

import importlib.metadata
import re
import runpy
import shutil
from pathlib import Path

import pytest

import accv_cache

ROOT = Path(__file__).parents[1]
HOME = "https://example.org/accv_cache"


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout that was prepared for PyPI."""
    root = tmp_path_factory.mktemp("checkout")
    for name in ("README.md", "pyproject.toml", "csrc/include/accv_cache/version.hpp"):
        place = root / name
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, place)
    runpy.run_path(str(ROOT / "scripts/for_pypi.py"))["main"](root, HOME + "/")
    return root


def test_links_and_pictures_are_absolute(published: Path) -> None:
    links = re.findall(r"(!?)\[[^\]]+\]\(([^)]+)\)", (published / "README.md").read_text())
    local = re.findall(r"\]\((?!http)([^)]+)\)", (ROOT / "README.md").read_text())
    named = []
    for picture, link in links:
        start = f"{HOME}/{'raw' if picture else 'blob'}/v{accv_cache.__version__}/"
        assert link.startswith(start)
        named.append(link.removeprefix(start))
    assert named == local
    assert all((ROOT / name.partition("#")[0]).exists() for name in named)
    assert any(picture for picture, _ in links)


def test_commands_install_from_pypi_what_it_has(published: Path) -> None:
    text = (published / "README.md").read_text()
    extras = importlib.metadata.metadata("accv_cache").get_all("Provides-Extra")
    named = set(re.findall(r"pip install 'accv_cache\[(\w+)\]'", text))
    assert named == {"cli", "demo"} <= {*(extras or [])}
    # Only a checkout has the tests, and the README says so.
    assert re.findall(r"pip install '\.\[(\w+)\]'", text) == ["test"]
    assert "or the tests, in a checkout:" in text


def test_the_project_has_its_addresses(published: Path) -> None:
    before, after = ((each / "pyproject.toml").read_text() for each in (ROOT, published))
    table = re.search(r"^\[project\.urls\]\n(?:\w+ = .*\n)+\n", after, re.MULTILINE)
    assert table is not None
    assert after.replace(table[0], "") == before
    assert f'Homepage = "{HOME}"' in table[0]
    assert set(re.findall(r' = "(.+?)[/"]', table[0].replace(HOME, "HOME"))) == {"HOME"}

"""Imports point in one direction: command line, training and clusters, verbs, the core.

What the verbs share stands once.
"""

import ast
import graphlib
import itertools
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
HEADERS = ROOT / "csrc" / "include" / "accv_cache"
PACKAGE = ROOT / "python" / "accv_cache"

VERBS = ("drop", "query", "cache_report", "prefetch")
"""The file of a verb has one of these in its name."""
MOST_SHARED = 5
"""Lines of code in a row that two files may have in common."""

# What each room may include, besides itself and the system calls: `run` knows no file, `file` no
# list, `list` no thread, `proc` neither. All of them may use the public types.
ROOMS = {"run": {"proc"}, "file": set(), "list": {"file"}, "proc": {"file"}}
VOCABULARY = {"file_identity", "residency", "report", "status", "targets", "version", "walk"}

# The modules that are built on the verbs.
ABOVE = {"_cli", "_training", "distributed", "__main__"}


def _included(header: Path) -> list[Path]:
    return [
        Path(name)
        for name in re.findall(r'^#include "accv_cache/(.+)"', header.read_text(), re.MULTILINE)
    ]


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_of_the_core_includes_only_what_it_may(room: str) -> None:
    headers = list((HEADERS / "detail" / room).glob("*.hpp"))
    assert headers
    allowed = {Path("detail", each) for each in {room, *ROOMS[room]}}
    wrong = [
        f"{header.name} includes {name}"
        for header in headers
        for name in _included(header)
        if name.parent not in allowed
        and name != Path("detail", "system_calls.hpp")
        and not (name.parent == Path() and name.stem in VOCABULARY)
    ]
    assert wrong == []


def test_every_header_of_the_core_lies_in_a_room_or_where_they_meet() -> None:
    folders = {each.name for each in (HEADERS / "detail").iterdir() if each.is_dir()}
    assert folders == set(ROOMS)


def test_every_header_declares_in_the_namespace_of_its_version() -> None:
    # So that two libraries that were built with two versions can live in one process.
    opening = "namespace accv_cache {\ninline namespace ACCV_CACHE_ABI {\n"
    without = [
        header.name
        for header in HEADERS.rglob("*.hpp")
        if (text := header.read_text()).count(opening) != text.count("\nnamespace accv_cache")
    ]
    assert without == []


def _name_of(path: Path) -> str:
    return ".".join(("accv_cache", *path.relative_to(PACKAGE).with_suffix("").parts))


MODULES = {_name_of(path).removesuffix(".__init__"): path for path in PACKAGE.rglob("*.py")}


def _imported(path: Path) -> Iterator[str]:
    """The modules of the package that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names = [each.name for each in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} has a relative import"
            names = [f"{node.module}.{each.name}" for each in node.names]
        else:
            continue
        for name in names:
            if name in MODULES:
                yield name
            elif name.rpartition(".")[0] in MODULES:
                yield name.rpartition(".")[0]


def test_verbs_know_nothing_that_is_built_on_them() -> None:
    above = tuple(f"accv_cache.{each}" for each in ABOVE)
    wrong = [
        f"{name} imports {imported}"
        for name, path in MODULES.items()
        if not name.startswith(above)
        for imported in _imported(path)
        if imported.startswith(above)
    ]
    assert wrong == []


def test_no_module_imports_what_imports_it() -> None:
    # `__init__` names everything, and loads it on first use.
    front = "accv_cache"
    graph = {
        name: {each for each in _imported(path) if each not in (name, front)}
        for name, path in MODULES.items()
        if name != front
    }
    assert any(graph.values())
    graphlib.TopologicalSorter(graph).prepare()


def _signatures(code: str) -> set[int]:
    """The lines of signatures and docstrings, which are the contract of each verb."""
    lines: set[int] = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            first = node.body[0]
            last = first.end_lineno if ast.get_docstring(node) else first.lineno - 1
            lines.update(range(node.lineno, (last or 0) + 1))
    return lines


def _code(path: Path) -> list[str]:
    """The lines of a file that say what it does."""
    text = path.read_text()
    left_out = _signatures(text) if path.suffix == ".py" else set()
    trivial = re.compile(r"\W*$|//|#|import |from |namespace |inline namespace ")
    return [
        line
        for number, line in enumerate(map(str.strip, text.splitlines()), 1)
        if number not in left_out and not trivial.match(line)
    ]


def _runs(path: Path) -> set[tuple[str, ...]]:
    lines = _code(path)
    length = MOST_SHARED + 1
    return {tuple(lines[at : at + length]) for at in range(len(lines) - length + 1)}


def test_no_two_files_of_the_verbs_repeat_each_other() -> None:
    sources = itertools.chain((ROOT / "csrc").rglob("*.[hc]pp"), PACKAGE.rglob("*.py"))
    runs = {
        path.relative_to(ROOT): _runs(path)
        for path in sources
        if any(verb in path.stem for verb in VERBS)
    }
    assert len(runs) > len(VERBS)
    shared = {
        (str(one), str(other)): runs[one] & runs[other]
        for one, other in itertools.combinations(sorted(runs), 2)
        if runs[one] & runs[other]
    }
    assert shared == {}

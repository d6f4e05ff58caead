"""What an editor sees of the package, which it reads and does not run."""

import ast
import inspect
import venv
from collections.abc import Callable
from pathlib import Path

import jedi
import pytest

import accv_cache

PACKAGE = Path(accv_cache.__file__).parent
NAMES = [name for name in accv_cache.__all__ if name[:2] != "__"]

Reader = Callable[[str], jedi.Script]


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory) -> Reader:
    """An editor with a text that ends at the cursor, in an environment with this package alone."""
    folder = tmp_path_factory.mktemp("editor")
    jedi.settings.cache_directory = str(folder / "cache")  # other processes write the shared one
    venv.create(folder / "venv", symlinks=True)  # where no hook of an editable installation is
    environment = jedi.create_environment(folder / "venv", safe=False)
    project = jedi.Project(folder, added_sys_path=[str(PACKAGE.parent)])
    return lambda text: jedi.Script(text, project=project, environment=environment)


def test_completion_offers_the_public_names(read: Reader) -> None:
    offered = {each.name for each in read("import accv_cache\naccv_cache.").complete()}
    assert {*NAMES} <= offered
    # Besides the subpackage, an installation has folders for C++ that look like packages.
    folders = {"cmake", "include", "distributed"}
    assert {name for name in offered if name[0] != "_"} <= {*NAMES, *folders}


@pytest.mark.parametrize("name", NAMES)
def test_a_name_leads_to_its_definition_and_its_docstring(read: Reader, name: str) -> None:
    value = getattr(accv_cache, name)
    [found] = read(f"from accv_cache import {name}\n{name}").goto(follow_imports=True)
    source, line = inspect.getsourcefile(value), inspect.getsourcelines(value)[1]
    first = ast.get_docstring(ast.parse(inspect.getsource(value)).body[0])  # type: ignore[arg-type]
    assert Path(str(found.module_path)) == Path(str(source))
    assert found.line in range(line, line + 3)  # behind its decorators
    assert first is not None
    assert found.docstring(raw=True).startswith(first.splitlines()[0])


@pytest.mark.parametrize("name", [each for each in NAMES if each.islower()])
def test_a_call_shows_its_parameters(read: Reader, name: str) -> None:
    [shown] = read(f"import accv_cache\naccv_cache.{name}(").get_signatures()
    parameters = inspect.signature(getattr(accv_cache, name)).parameters
    assert [each.name for each in shown.params] == list(parameters)


def test_what_a_call_returns_has_its_members(read: Reader) -> None:
    text = "import accv_cache\nreport = accv_cache.drop('clip.mp4')\nreport."
    offered = {each.name for each in read(text).complete()}
    assert {"evicted_bytes", "explain", "failed", "ok"} <= offered


def test_the_stub_has_the_names_that_the_package_loads() -> None:
    homes = {
        str(each.asname): str(line.module).removeprefix("accv_cache.")
        for line in ast.parse((PACKAGE / "__init__.pyi").read_text()).body
        if isinstance(line, ast.ImportFrom)
        for each in line.names
    }
    assert homes == accv_cache._HOMES  # type: ignore[attr-defined]  # noqa: SLF001
    assert sorted(homes) == NAMES

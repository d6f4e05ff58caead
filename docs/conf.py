"""Makes the site: `sphinx-build -W docs site`, with the C++ headers as Doxygen reads them."""

import os
import subprocess
from pathlib import Path
from typing import Any

from docutils.nodes import Element
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.environment import BuildEnvironment

project = "accv_cache"
copyright = "accv_cache developers"  # noqa: A001 - the name that Sphinx reads
html_title = project
html_theme = "furo"
html_static_path = ["site.css"]
html_css_files = ["site.css"]
html_copy_source = False
smartquotes = False  # they make a dash of the two hyphens of an option

extensions = [
    "breathe",
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
]

# A link to a heading, as on any page of Markdown; a wrong one is a warning.
myst_heading_anchors = 4
# `drop` in a docstring is a link where it names something of the package.
default_role = "py:obj"
add_module_names = False
python_use_unqualified_type_names = True
maximum_signature_line_length = 80
autodoc_default_options = {
    "members": True,
    "inherited-members": "Enum,OSError,object",
    "member-order": "bysource",
}
copybutton_prompt_text = ">>> |... "
copybutton_prompt_is_regexp = True

breathe_default_project = project
breathe_default_members = ("members",)


def read_headers(app: Sphinx, config: Config) -> None:
    """Let Doxygen read the public headers. A warning of it is an error."""
    output = Path(app.doctreedir, "doxygen")
    output.mkdir(parents=True, exist_ok=True)
    subprocess.run(
        ["doxygen", "docs/Doxyfile"],  # noqa: S607 - found by PATH, as a user would
        check=True,
        cwd=Path(__file__).parents[1],
        env={**os.environ, "DOXYGEN_OUTPUT": str(output)},
    )
    config.breathe_projects = {project: str(output / "xml")}


def keep_colons(_: Sphinx, what: str, *about: Any) -> None:  # noqa: ANN401 - what autodoc gives
    """Keep the first colon of an attribute's text, before which Napoleon would see a type."""
    lines = about[-1]
    if what in {"attribute", "property"} and lines:
        lines[0] = lines[0].replace(": ", " \N{EN DASH} ", 1)


def public_name(
    app: Sphinx, env: BuildEnvironment, node: pending_xref, shown: Element
) -> Element | None:
    """Find a type of the package under the name that users import: without its module."""
    package, _, name = node.get("reftarget", "").partition("._")
    if package != project or not name:
        return None
    target = f"{project}.{name.partition('.')[2]}"
    python = env.domains.python_domain
    return python.resolve_xref(
        env, node["refdoc"], app.builder, node["reftype"], target, node, shown
    )


def setup(app: Sphinx) -> None:
    """Read the headers before the pages that show them."""
    app.connect("config-inited", read_headers, priority=1)
    app.connect("autodoc-process-docstring", keep_colons, priority=1)
    app.connect("missing-reference", public_name)

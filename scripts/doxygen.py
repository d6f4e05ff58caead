"""Adds the Doxygen pages of the C++ headers to the MkDocs site.

    mkdocs build --strict

MkDocs calls `on_files`, which mkdocs.yml names as a hook. A warning of Doxygen is an error.
"""

import os
import subprocess
import tempfile
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[1]


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages below `headers/`, so that links to them are checked like all others."""
    with tempfile.TemporaryDirectory() as output:
        subprocess.run(
            ["doxygen", "docs/Doxyfile"],  # noqa: S607 - found by PATH, as a user would
            check=True,
            cwd=ROOT,
            env={**os.environ, "DOXYGEN_OUTPUT": output},
        )
        html = Path(output, "html")
        for page in sorted(path for path in html.rglob("*") if path.is_file()):
            name = f"headers/{page.relative_to(html).as_posix()}"
            files.append(File.generated(config, name, content=page.read_bytes()))
    return files

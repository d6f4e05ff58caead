"""Prepare a checkout for a release on PyPI: what names files of the checkout names the web.

    python scripts/for_pypi.py https://example.org/accv_cache

The address of the repository is given here and nowhere else. README.md gets absolute links and
pictures, of the version that is released, and commands that install from PyPI; pyproject.toml gets
the addresses of the project.
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

URLS = """
[project.urls]
Homepage = "{repository}"
Documentation = "{repository}/blob/v{version}/docs/index.md"
Changelog = "{repository}/blob/v{version}/CHANGELOG.md"
Issues = "{repository}/issues"
"""


def readme(text: str, repository: str, version: str) -> str:
    """Return the README with absolute links, and without paths of the checkout in commands."""

    def absolute(link: re.Match[str]) -> str:
        kind = "raw" if link[1] else "blob"
        return f"{link[1]}[{link[2]}]({repository}/{kind}/v{version}/{link[3]})"

    text = re.sub(r"(!?)\[([^\]]+)\]\((?!https?:|#)([^)]+)\)", absolute, text)
    return re.sub(r"pip install '\.\[(cli|demo)\]'", r"pip install 'accv_cache[\1]'", text)


def project(text: str, repository: str, version: str) -> str:
    """Return pyproject.toml with the addresses."""
    table = URLS.format(repository=repository, version=version)
    return text.replace("\n[project.scripts]", f"{table}\n[project.scripts]", 1)


def main(root: Path, repository: str) -> None:
    """Rewrite the two files."""
    header = (root / "csrc" / "include" / "accv_cache" / "version.hpp").read_text()
    version = re.findall(r'define ACCV_CACHE_VERSION "(.+)"', header)[0]
    for name, prepare in (("README.md", readme), ("pyproject.toml", project)):
        path = root / name
        path.write_text(prepare(path.read_text(), repository.rstrip("/"), version))


if __name__ == "__main__":
    main(ROOT, sys.argv[1])

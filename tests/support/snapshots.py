"""Texts that are kept in the tree, so that a change of them shows in the diff."""

import os
from pathlib import Path

SNAPSHOTS = Path(__file__).parents[1] / "snapshots"
UPDATES = "UPDATE_SNAPSHOTS" in os.environ
"""Whether snapshots are written anew: `UPDATE_SNAPSHOTS=1 pytest`."""


def assert_is_snapshot(text: str, name: str) -> None:
    """Compare with the file, or write it if asked to."""
    path = SNAPSHOTS / name
    if UPDATES:
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")

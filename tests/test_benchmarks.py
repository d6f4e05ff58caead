"""The benchmark rejects invalid options before it measures anything."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize(
    ("option", "value", "reason"),
    [
        ("--markdown", "missing.md", "No such file"),
        ("--markdown", "empty.md", "has no lines"),
        ("--json", "missing/values.json", "cannot be written"),
        ("--svg", "missing/picture.svg", "cannot be written"),
        ("--runs", "0", "0 is not in the range"),
        ("--case", "missing", "is not one of"),
    ],
)
def test_options_are_checked_first(option: str, value: str, reason: str, tmp_path: Path) -> None:
    (tmp_path / "empty.md").touch()
    files = tmp_path / "files"
    files.mkdir()
    given = value if option in {"--runs", "--case"} else str(tmp_path / value)
    command = [sys.executable, "-m", "benchmarks", "--directory", str(files), option, given]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    # In a box, whose lines may break anywhere.
    assert reason.replace(" ", "") in "".join(ended.stderr.split())

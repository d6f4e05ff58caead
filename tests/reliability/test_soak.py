"""The soak for 20 seconds; for longer, see `reliability.soak`."""

import subprocess
import sys
from pathlib import Path


def test_nothing_breaks_grows_or_changes_under_load() -> None:
    program = Path(__file__).with_name("soak.py")
    command = [sys.executable, "-W", "error", str(program), "--seconds", "20"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    print(ended.stdout)
    assert (ended.returncode, ended.stderr) == (0, "")

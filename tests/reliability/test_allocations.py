"""Out of memory is an exception, wherever it happens: never an abort, a hang or a leak."""

import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


def test_each_allocation_may_fail(tmp_path: Path) -> None:
    library = tmp_path / "failing_new.so"
    source = HERE / "failing_new.cpp"
    flags = ["-std=c++17", "-O1", "-shared", "-fPIC"]
    subprocess.run(["c++", *flags, str(source), "-o", str(library)], check=True)
    files = tmp_path / "files"
    files.mkdir()
    ended = subprocess.run(
        [sys.executable, str(HERE / "allocations.py"), str(library), str(files)],
        env={**os.environ, "LD_PRELOAD": str(library)},
        capture_output=True,
        text=True,
        check=False,
    )
    print(ended.stdout)
    assert (ended.returncode, ended.stderr) == (0, "")

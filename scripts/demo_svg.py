#!/usr/bin/env python3
"""Writes docs/demo.svg, the picture of a terminal in the README: what the commands really print.

    python scripts/demo_svg.py

It makes files in a temporary folder, on the disk that /var/tmp is on.
"""

import os
import re
import subprocess
import sysconfig
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console
from rich.text import Text

from accv_cache import drop

PICTURE = Path(__file__).parents[1] / "docs" / "demo.svg"
COLUMNS = 88
LINES = (
    "accv-cache query videos/",
    "accv-cache drop videos/ --until 30M",
    "accv-cache query videos/",
)

_MIB = 1 << 20


def take_picture() -> str:
    """Run the commands and draw what they print."""
    with TemporaryDirectory(dir="/var/tmp") as folder:
        _make_videos(Path(folder) / "videos")
        with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
            console = Console(record=True, width=COLUMNS, file=nowhere, force_terminal=True)
            for line in LINES:
                console.print(Text.assemble(("$ ", "green"), (line, "bold")))
                console.print(Text.from_ansi(_output(line, folder)))
                console.print()
            picture = console.export_svg(title="accv-cache", unique_id="accv-cache")
    # rich names fonts on the web, which viewers of the picture need not fetch.
    return re.sub(r"\s*@font-face \{.*?\}", "", picture, flags=re.DOTALL)


def _make_videos(folder: Path) -> None:
    """Files that are wholly, partly and not resident; read in the order of names."""
    folder.mkdir()
    gaps = {"clip-1.mp4": [], "clip-2.mp4": [(6, 10)], "clip-3.mp4": [(0, 4), (12, 6)]}
    for age, (name, dropped) in enumerate(gaps.items()):
        path = folder / name
        path.write_bytes(bytes(24 * _MIB))
        os.utime(path, (age + 1, 1))
        drop(path)
        _read(path)
        for start, length in dropped:
            drop(path, offset=start * _MIB, length=length * _MIB)


def _read(path: Path) -> None:
    """Load it in small folios, so that a part of it can be evicted."""
    with path.open("rb", buffering=0) as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_RANDOM)
        while file.read(1 << 17):
            pass


def _output(line: str, folder: str) -> str:
    name, *arguments = line.split()
    command = Path(sysconfig.get_path("scripts")) / name
    ran = subprocess.run(  # noqa: S603 - our own command
        [str(command), *arguments],
        cwd=folder,
        env={**os.environ, "COLUMNS": str(COLUMNS), "FORCE_COLOR": "1", "TERM": "xterm-256color"},
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    return ran.stdout.rstrip("\n")


if __name__ == "__main__":
    PICTURE.write_text(take_picture(), encoding="utf-8")

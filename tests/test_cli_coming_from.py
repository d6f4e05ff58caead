"""What the page 'Coming from' calls the same is the same in vmtouch and accv-cache."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from support.command import run, run_in_shell
from support.needs import need
from support.residency import PAGE

PAGE_OF_DOCS = Path(__file__).parents[1] / "docs" / "coming-from.md"

# The options of each row that says 'the same'.
SAME = {
    "-b FILE": ["-b list", "-b list b.mkv"],
    "-b -": ["-b - < list", "-b- < list"],
    "-0": ["-0 -b list0", "-0b list0", "-0b- < list0"],
    "-i GLOB": [
        "-i old .",
        "-i '*.mp4' .",
        "-i '[^a]*.mp4' .",
        "-i '[!a]*.mp4' a.mp4 b.mkv large.mp4",
        "-i 'l*' -i .hidden.mp4 .",
        "-i old old/d.mp4",
        "-iold .",
    ],
    "-I GLOB": [
        "-I '*.mp4' .",
        "-I '[^a]*' .",
        "-I '[^a]*' a.mp4 b.mkv",
        "-I 'a*' -I '*.mkv' .",
        "-I 'q[[]1].mp4' .",
        "-I '*.mp4' -i old -m 10k .",
    ],
    "-p 10M-2G": [
        f"-p {part} large.mp4"
        for part in ("4k-64k", "4k-", "-64k", "64k", "-", "1.5k-6k", "0-1M", ".25M-.5M")
    ],
    "-m 10G": [f"-m {size} ." for size in ("4096", "4k", "4K", ".5M", "1.5G", "0.001g")]
    + ["-m 4k a.mp4 large.mp4"],
    "-f": ["-f sub", "sub", "."],
}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Files, lists of them, and links."""
    for name in ("a.mp4", "b.mkv", "sub/c.mp4", "old/d.mp4", ".hidden.mp4", "q[1].mp4"):
        path = tmp_path / "tree" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes(PAGE))
    root = tmp_path / "tree"
    (root / "large.mp4").write_bytes(bytes(1 << 20))
    (root / "sub" / "link").symlink_to(root / "old")
    for name, end in (("list", "\n"), ("list0", "\0")):
        # The path of a list is no part of the tree.
        (tmp_path / name).write_text("".join(f"{each}{end}" for each in ("a.mp4", "sub")))
    return root


class TestVmtouch:
    @pytest.mark.parametrize("options", [each for row in SAME.values() for each in row])
    def test_takes_the_same_files(self, tree: Path, options: str) -> None:
        need("bash", "vmtouch")
        options = re.sub(r"\b(list0?)\b", r"../\1", options)
        theirs = subprocess.run(
            ["bash", "-c", f"vmtouch -v {options}"],
            cwd=tree,
            capture_output=True,
            check=True,
            encoding="utf-8",
        )
        found = re.findall(r"^(?!\[)(.+)\n+\[.*\] \d+/(\d+)$", theirs.stdout, re.MULTILINE)
        expected = sorted((str(Path(name)), int(pages)) for name, pages in found)
        assert expected
        ours = run_in_shell(f"accv-cache query --json {options}", tree)
        assert (ours.returncode, ours.stderr) == (0, "")
        records = json.loads(ours.stdout)["files"]
        assert sorted(map(_pages, records)) == expected

    def test_is_tried_for_each_row_that_says_so(self) -> None:
        _, _, section = PAGE_OF_DOCS.read_text(encoding="utf-8").partition("## vmtouch")
        rows = re.findall(r"^\| `(.+?)` \| .* \| the same", section, re.MULTILINE)
        assert sorted(rows) == sorted(SAME)

    def test_differs_where_the_page_says_so(self, tree: Path) -> None:
        (tree / "named").symlink_to("a.mp4")
        assert run("query", "-q", str(tree / "named")).returncode == 0
        assert run("query", "-F", str(tree / "named")).returncode == 0
        missing = run("query", "-q", str(tree / "missing"))
        assert (missing.returncode, missing.stdout) == (2, "")
        assert "cannot open" in missing.stderr
        assert run("query", "-b", str(tree / "missing")).returncode == 64


class TestFincore:
    def test_is_as_easy_to_cut(self, tree: Path) -> None:
        (tree / "a\tb.mp4").write_bytes(b"")
        result = run_in_shell("accv-cache query --porcelain a*b.mp4 | cut -f 1,5-", tree)
        assert result.stdout == "0\ta\tb.mp4\n"


def _pages(record: dict[str, Any]) -> tuple[str, int]:
    """A file, and the number of its requested pages."""
    start, stop = record["measured"]
    return str(Path(record["path"])), -(-stop // PAGE) - start // PAGE

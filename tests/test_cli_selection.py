"""Paths, directories, patterns, lists and options select the right files."""

import os
import shlex
import subprocess
from pathlib import Path

import click
import pytest

from accv_cache import _cgroup, _core
from accv_cache._cli import units
from support.command import COMMAND, run, run_here, run_in_shell
from support.needs import need

KIB = 1024


@pytest.fixture
def tree(ext4: Path) -> Path:
    """A few files in directories, a link, and a directory of old ones."""
    for name in ("a.mp4", "b.mkv", "sub/c.mp4", "old/d.mp4"):
        path = ext4 / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(bytes(4 * KIB))
    (ext4 / "large.mp4").write_bytes(bytes(64 * KIB))
    (ext4 / "sub" / "link").symlink_to(ext4 / "old")
    return ext4


def found(tree: Path, *arguments: str, given: str | None = None) -> list[str]:
    """The files that a query with these arguments selects below the tree."""
    query = ("query", "--porcelain", *arguments)
    result = run_here(*query) if given is None else run(*query, given=given)
    assert (result.returncode, result.stderr) == (0, "")
    paths = [line.split("\t")[-1] for line in result.stdout.splitlines()]
    return sorted(os.path.relpath(path, tree) for path in paths)


ALL = ["a.mp4", "b.mkv", "large.mp4", "old/d.mp4", "sub/c.mp4"]


class TestPaths:
    def test_a_directory_means_the_files_below_it(self, tree: Path) -> None:
        assert found(tree, str(tree)) == found(tree, f"{tree}/", "-F") == ALL

    def test_a_quoted_glob_is_matched(self, tree: Path) -> None:
        assert found(tree, f"{tree}/*.mp4") == ["a.mp4", "large.mp4"]
        assert found(tree, f"{tree}/**/c.*") == ["sub/c.mp4"]

    def test_a_name_with_stars_is_taken_as_it_is(self, tree: Path) -> None:
        (tree / "*.mp4").touch()
        assert found(tree, f"{tree}/*.mp4") == ["*.mp4"]

    @pytest.mark.parametrize("name", ["a[1].mp4", "[a].mp4", "a[!x].mp4"])
    def test_a_missing_name_is_a_missing_name(self, tree: Path, name: str) -> None:
        (tree / "a1.mp4").touch()
        result = run_here("query", "--porcelain", str(tree / name))
        assert (result.returncode, result.stdout) == (2, "")

    def test_the_dialect_is_that_of_fnmatch(self, tree: Path) -> None:
        given = [str(path) for path in tree.iterdir() if path.is_file()]
        expected = ["b.mkv", "large.mp4"]
        assert found(tree, "-I", "[^a]*.m*", *given) == expected
        assert found(tree, "-i", "[!bl]*.m*", *given) == expected
        assert found(tree, f"{tree}/[^a]*.m*") == expected
        assert found(tree, "-I", "[^a]*.m*", "-i", "sub", "-i", "old", str(tree)) == expected

    def test_a_pattern_means_no_hidden_file(self, tree: Path) -> None:
        (tree / ".hidden.mp4").touch()
        assert found(tree, f"{tree}/*.mp4") == ["a.mp4", "large.mp4"]
        assert found(tree, f"{tree}/.*.mp4") == [".hidden.mp4"]

    def test_a_pattern_in_a_folder_means_that_folder(self, tree: Path) -> None:
        assert found(tree, f"{tree}/*/") == ["old/d.mp4", "sub/c.mp4"]
        assert found(tree, f"{tree}/s?b/*.mp4") == ["sub/c.mp4"]

    def test_a_glob_that_matches_nothing_cannot_be_opened(self, tree: Path) -> None:
        result = run_here("query", f"{tree}/*.avi")
        assert result.returncode == 2
        assert result.stderr.startswith(f"accv-cache: {tree}/*.avi: cannot open")

    def test_a_name_that_looks_like_an_option_is_taken_after_dashes(self, tree: Path) -> None:
        (tree / "--version").touch()
        result = run_in_shell("accv-cache query --porcelain -- --version", tree)
        assert result.stdout == "0\t0\t0\t0\t--version\n"


class TestLists:
    def test_come_from_a_file(self, tree: Path) -> None:
        listing = tree / "list.txt"
        listing.write_text(f"{tree}/a.mp4\n\n{tree}/sub\n")
        assert found(tree, "--from", str(listing)) == ["a.mp4", "sub/c.mp4"]

    def test_come_from_standard_input_and_join_the_arguments(self, tree: Path) -> None:
        listing = f"{tree}/a.mp4\0{tree}/b.mkv\0"
        arguments = ("-0", "-b", "-", str(tree / "sub"))
        assert found(tree, *arguments, given=listing) == ["a.mp4", "b.mkv", "sub/c.mp4"]

    def test_take_names_as_they_are(self, tree: Path) -> None:
        result = run("query", "-b", "-", given=f"{tree}/*.mp4\n")
        assert result.returncode == 2

    def test_that_are_empty_name_nothing(self) -> None:
        assert run("drop", "-b", "-", given="").stdout == "Evicted 0 B of 0 B in 0 files.\n"

    def test_with_nul_bytes_ask_for_the_letter(self) -> None:
        result = run("query", "-b", "-", given="a\0b")
        assert result.returncode == 64
        assert "pass -0" in result.stderr


class TestLetters:
    @pytest.mark.parametrize(
        ("letters", "names"),
        [
            (["-I", "*.mp4"], ["a.mp4", "large.mp4", "old/d.mp4", "sub/c.mp4"]),
            (["-I", "a*", "-I", "*.mkv"], ["a.mp4", "b.mkv"]),
            (["-i", "*.mp4"], ["b.mkv"]),
            (["-i", "old", "-i", "large*"], ["a.mp4", "b.mkv", "sub/c.mp4"]),
            (["-m", "4k"], ["a.mp4", "b.mkv", "old/d.mp4", "sub/c.mp4"]),
            (["-I", "*.mp4", "-i", "old", "-m", "32K"], ["a.mp4", "sub/c.mp4"]),
            (["-w", "1"], ALL),
        ],
        ids=" ".join,
    )
    def test_narrow_what_is_found(self, tree: Path, letters: list[str], names: list[str]) -> None:
        assert found(tree, *letters, str(tree)) == names

    def test_narrow_what_is_given_too(self, tree: Path) -> None:
        given = [str(tree / name) for name in ALL]
        assert found(tree, "-I", "*.mkv", *given) == ["b.mkv"]
        assert found(tree, "-i", "*.mp4", *given) == ["b.mkv"]

    def test_open_nothing_that_they_rule_out(self, tree: Path, tmp_path: Path) -> None:
        trace = tmp_path / "trace"
        need("strace")
        command = [COMMAND, "drop", "-i", "old", "-i", "b.mkv", "-m", "32k", "-I", "*.mp4"]
        given = [str(tree), str(tree / "b.mkv"), str(tree / "large.mp4")]
        subprocess.run(
            ["strace", "-f", "-e", "/^openat", "-o", trace, *command, *given], check=True
        )
        opened = trace.read_text()
        assert 'a.mp4"' in opened
        for name in ("b.mkv", "large.mp4", "d.mp4", "old"):
            assert f'{name}"' not in opened

    def test_ignore_a_directory_that_is_named(self, tree: Path) -> None:
        assert found(tree, "-i", "old", str(tree / "old"), f"{tree}/old/", str(tree / "sub")) == [
            "sub/c.mp4"
        ]

    @pytest.mark.parametrize("pattern", ["old/", "./old", "./old/", "old//"])
    def test_ignore_takes_what_a_shell_completes(self, tree: Path, pattern: str) -> None:
        for options in (("-i", pattern), ("-i", pattern, "-I", "./*")):
            result = run_in_shell(f"accv-cache query --porcelain {shlex.join(options)} .", tree)
            names = [line.split("\t")[-1] for line in result.stdout.splitlines()]
            assert sorted(names) == [f"./{name}" for name in ALL if name != "old/d.mp4"]
        listed = run_in_shell(
            f"accv-cache query --porcelain -i '{pattern}' old ./old old/ sub", tree
        )
        assert listed.stdout.split("\t")[-1] == "sub/c.mp4\n"

    def test_ignore_says_nothing_of_what_is_above(self, tree: Path) -> None:
        assert found(tree, "-i", "old", str(tree / "old" / "d.mp4")) == ["old/d.mp4"]
        assert found(tree, "-i", tree.name, str(tree / "sub")) == ["sub/c.mp4"]

    def test_follow_goes_through_links(self, tree: Path) -> None:
        assert found(tree, str(tree / "sub")) == ["sub/c.mp4"]
        assert found(tree, "-f", str(tree / "sub")) == ["sub/c.mp4", "sub/link/d.mp4"]

    def test_range_is_a_part_of_each_file(self, tree: Path) -> None:
        result = run_here("query", "--porcelain", "-p", "8k-16k", str(tree / "large.mp4"))
        assert result.stdout.startswith(f"{8 * KIB}\t")

    @pytest.mark.parametrize("verb", ["query", "drop"])
    def test_what_is_missing_is_still_said(self, verb: str, tree: Path) -> None:
        result = run_here(verb, "-i", "*.mkv", "-m", "1M", str(tree / "missing"))
        assert result.returncode == 2
        assert "cannot open" in result.stderr


class TestUnits:
    @pytest.mark.parametrize(
        ("text", "size"),
        [
            ("0", 0),
            ("4096", 4096),
            ("1k", 1 << 10),
            ("10M", 10 << 20),
            ("1.5GiB", 3 << 29),
            ("2 GB", 2 << 30),
            ("1t", 1 << 40),
            (".5M", 1 << 19),
            ("5.", 5),
            ("9223372036854775806", (1 << 63) - 2),  # which no float is
            ("0.1k", 102),
        ],
    )
    def test_size(self, text: str, size: int) -> None:
        assert units.size(text) == size

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "-1",
            "M",
            "1X",
            "1e3",
            "0x10",
            "inf",
            "1..5",
            ".",
            "\u0661k",
            "8388608T",
            "9" * 20,
            "9" * 9999,
        ],
    )
    def test_no_size(self, text: str) -> None:
        with pytest.raises(click.BadParameter, match="is no size"):
            units.size(text)

    @pytest.mark.parametrize("text", ["", "0", "-1", "nan", "inf", "1e30", "86401", "soon"])
    def test_no_interval(self, text: str) -> None:
        with pytest.raises(click.BadParameter, match="is no number of seconds"):
            units.seconds(text)

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("10M-2G", (10 << 20, (2 << 30) - (10 << 20))),
            ("10M-", (10 << 20, None)),
            ("-2G", (0, 2 << 30)),
            ("2G", (0, 2 << 30)),
            ("0-", (0, None)),
            ("-", (0, None)),
        ],
    )
    def test_range(self, text: str, expected: tuple[int, int | None]) -> None:
        assert units.byte_range(text) == expected

    @pytest.mark.parametrize("text", ["", "--", "2M-1M", "1M-1M", "1-2-3", "a-b"])
    def test_no_range(self, text: str) -> None:
        with pytest.raises(click.BadParameter):
            units.byte_range(text)

    def test_percent_is_of_the_memory(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(_cgroup, "memory_limit", lambda: 4 << 30)
        assert units.limit("50%") == 2 << 30
        assert units.limit("3G") == 3 << 30

    @pytest.mark.parametrize("text", ["%", "half%", "-5%", "101%", "nan%"])
    def test_no_percentage(self, text: str) -> None:
        with pytest.raises(click.BadParameter, match="is no percentage"):
            units.limit(text)


def test_names_that_are_no_unicode_pass_through(tmp_path: Path) -> None:
    name = os.fsdecode(b"\xff.mp4")
    (tmp_path / name).touch()
    result = run_here("query", "--porcelain", str(tmp_path / name))
    assert result.stdout.endswith(f"/{name}\n")


class TestGlobs:
    """`_core.matches` applies the patterns of walks to the names in the arguments."""

    @pytest.mark.parametrize(
        ("pattern", "path", "matches"),
        [
            (b"*.mp4", b"deep/a.mp4", True),
            (b"[^a]*", b"b.mp4", True),
            (b"[^a]*", b"a.mp4", False),
            (b"deep", b"deep/a.mp4", False),
            (b"deep/*", b"deep/deeper/a.mp4", True),
            (b"*\xfe", b"\xff/\xfe", True),
        ],
    )
    def test_are_those_of_fnmatch(self, pattern: bytes, path: bytes, *, matches: bool) -> None:
        assert _core.matches(pattern, path) is matches

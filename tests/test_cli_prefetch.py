"""`accv-cache prefetch` loads files, restores what was warm, and exits with the status."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from support.command import run_here, run_in_shell
from support.files import MakeFile
from support.residency import PAGE, kept_bytes, mincore_spans, resident_bytes

MIB = 1 << 20
NO_ROOM, USAGE = 6, 64


def check_usage(result: subprocess.CompletedProcess[str], says: str) -> None:
    assert (result.returncode, result.stdout) == (USAGE, "")
    assert says in " ".join(result.stderr.split())


class TestFiles:
    def test_are_loaded(self, make_file: MakeFile, ext4: Path) -> None:
        paths = [make_file(MIB, "cold", ext4), make_file(2 * MIB, "cold", ext4)]
        result = run_here("prefetch", str(ext4))
        assert (result.returncode, result.stderr) == (0, "")
        assert result.stdout == "Loaded 3.0 MiB in 2 files.\n"
        assert [kept_bytes(path) for path in paths] == [MIB, 2 * MIB]

    def test_may_be_resident_already(self, make_file: MakeFile) -> None:
        result = run_here("prefetch", str(make_file(MIB, "dirty")))
        assert result.stdout == "Loaded 0 B in 1 file, 1.0 MiB resident before.\n"

    def test_are_shown_one_by_one(self, make_file: MakeFile) -> None:
        path = make_file(2 * MIB, "cold")
        result = run_here(
            "prefetch", "-v", "--max-bytes", "1M", "--on-limit", "stop", str(path), "/missing"
        )
        lines = result.stdout.splitlines()
        assert lines[0].split() == ["file", "before", "after", "why"]
        assert lines[1].split("  ")[-1] == "1.0 MiB beyond the limit"
        assert "/missing" in lines[2]
        assert result.returncode == 2
        assert result.stderr == "accv-cache: /missing: cannot open: No such file or directory\n"

    def test_are_lines_and_documents_for_programs(self, make_file: MakeFile) -> None:
        path = make_file(2 * PAGE, "cold")
        limited = ("--max-bytes", str(PAGE), "--on-limit", "stop", str(path))
        fields = run_here("prefetch", "--porcelain", *limited).stdout.rstrip("\n").split("\t")
        size = str(2 * PAGE)
        assert fields == ["SUCCESS", "0", str(PAGE), str(PAGE), size, "LIMIT", str(path)]
        document = json.loads(run_here("prefetch", "--json", str(path)).stdout)
        assert (document["before_bytes"], document["loaded_bytes"]) == (PAGE, PAGE)
        assert document["missing"] == {}

    def test_are_read_without_waiting(self, make_file: MakeFile) -> None:
        path = make_file(MIB, "cold")
        result = run_here("prefetch", "--no-wait", str(path))
        assert result.returncode == 0
        assert result.stdout.startswith("Loaded ")


class TestLimit:
    def test_refuses_all_and_says_which_it_is(self, make_file: MakeFile) -> None:
        path = make_file(2 * MIB, "cold")
        result = run_here("prefetch", "--json", "--max-bytes", "1M", str(path))
        assert (result.returncode, result.stdout) == (NO_ROOM, "")
        assert result.stderr == (
            "accv-cache: 2.0 MiB to load, but only 1.0 MiB fits: max_bytes; "
            "load less, or pass --on-limit stop\n"
        )
        assert resident_bytes(path) == 0

    @pytest.mark.parametrize(
        ("arguments", "says"),
        [
            (("--max-bytes", "0"), "--max-bytes must be more than 0"),
            (("--max-bytes", "-1"), "'-1' is no size"),
            (("--on-limit", "fail"), "'fail' is not one of 'refuse', 'stop'"),
        ],
    )
    def test_must_be_one(self, make_file: MakeFile, arguments: tuple[str, ...], says: str) -> None:
        path = make_file(PAGE, "cold")
        check_usage(run_here("prefetch", *arguments, str(path)), says)
        assert resident_bytes(path) == 0


class TestSavedReport:
    @pytest.fixture
    def clip(self, ext4: Path, make_file: MakeFile) -> Path:
        """A file with a few resident pages, which are dirty so that none is reclaimed."""
        path = make_file(64 * PAGE, "cold", ext4)
        with path.open("rb+", buffering=0) as file:
            for page in (3, 4, 40):
                os.pwrite(file.fileno(), bytes(PAGE), page * PAGE)
        return path

    def test_is_restored(self, clip: Path, tmp_path: Path) -> None:
        warm = mincore_spans(clip)
        result = run_in_shell(
            f"accv-cache query '{clip.parent}' --json > warm.json && accv-cache drop '{clip}' && "
            "accv-cache prefetch --restore warm.json",
            tmp_path,
        )
        assert result.returncode == 0, result.stderr
        assert result.stdout.endswith("Loaded 12.0 KiB in 1 file.\n")
        assert mincore_spans(clip) == warm

    def test_is_kept(self, clip: Path, tmp_path: Path, make_file: MakeFile) -> None:
        warm = mincore_spans(clip)
        (tmp_path / "warm.json").write_text(run_here("query", "--json", str(clip)).stdout)
        clip.read_bytes()
        new = make_file(PAGE, "dirty", clip.parent)
        result = run_in_shell(f"accv-cache drop '{clip.parent}' --keep warm.json", tmp_path)
        assert result.returncode == 0, result.stderr
        assert mincore_spans(clip) == warm
        assert resident_bytes(new) == 0

    def test_may_be_of_another_folder(self, clip: Path, tmp_path: Path) -> None:
        warm = mincore_spans(clip)
        result = run_in_shell(
            f"here=$PWD && cd '{clip.parent}' && "
            f"accv-cache query {clip.name} --json > $here/warm.json && "
            f"cd $here && accv-cache drop '{clip}' && accv-cache prefetch --restore warm.json && "
            f"cat '{clip}' > /dev/null && accv-cache drop '{clip.parent}' --keep warm.json",
            tmp_path,
        )
        assert result.returncode == 0, result.stderr
        assert mincore_spans(clip) == warm

    @pytest.mark.parametrize("command", [("prefetch", "--restore"), ("drop", ".", "--keep")])
    @pytest.mark.parametrize(
        ("text", "says"),
        [
            (None, "Cannot read saved.json: No such file or directory."),
            ("", "saved.json was not written by query --json: "),
            ('{"version": 1}', "no document of a query: 'files'"),
            ('{"version": 2}', "no document of a query of version 1, but 2"),
            pytest.param("[" * 100_000, "was not written by query --json: ", id="deep"),
        ],
    )
    def test_must_be_one(
        self, tmp_path: Path, command: tuple[str, ...], text: str | None, says: str
    ) -> None:
        if text is not None:
            (tmp_path / "saved.json").write_text(text)
        check_usage(run_in_shell(f"accv-cache {' '.join(command)} saved.json", tmp_path), says)

    @pytest.mark.parametrize("command", ["prefetch --restore", "drop . --keep"])
    def test_cannot_be_a_closed_stream(self, tmp_path: Path, command: str) -> None:
        result = run_in_shell(f"accv-cache {command} - <&-", tmp_path)
        check_usage(result, "Cannot read -: Bad file descriptor.")

    @pytest.mark.parametrize("command", ["prefetch --restore", "drop . --keep"])
    def test_must_have_spans(self, clip: Path, tmp_path: Path, command: str) -> None:
        result = run_in_shell(
            f"accv-cache query '{clip}' --json --no-maps > warm.json; "
            f"accv-cache {command} warm.json",
            tmp_path,
        )
        check_usage(result, "warm.json has no resident ranges: write it without --no-maps")

    @pytest.mark.parametrize("selected", [".", "-b -", "-0", "-I x", "-i x", "-m 1M", "-f", "-F"])
    def test_names_the_files_itself(self, clip: Path, tmp_path: Path, selected: str) -> None:
        warm = tmp_path / "warm.json"
        warm.write_text(run_here("query", "--json", str(clip)).stdout)
        result = run_here("prefetch", "--restore", str(warm), *selected.split())
        check_usage(result, "--restore names the files itself: it goes without ")

    def test_is_not_counted_in_a_dry_run(self, clip: Path, tmp_path: Path) -> None:
        (tmp_path / "warm.json").write_text(run_here("query", "--json", str(clip)).stdout)
        result = run_in_shell("accv-cache drop -n . --keep warm.json", tmp_path)
        check_usage(result, "--dry-run goes without --keep")

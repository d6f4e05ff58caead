"""`accv-cache query` shows what is resident, to people and to programs."""

import importlib
import json
import re
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from accv_cache import CacheReport, query
from accv_cache.__main__ import main
from accv_cache._cli import output, watching
from accv_cache._cli.tables import shown_bytes
from accv_cache._text import as_size
from support.command import chunks, in_terminal, run, run_here, run_in_shell, run_in_terminal
from support.files import MakeFile, State
from support.privileges import as_other_user
from support.residency import cold

MIB = 1024 * 1024
FILE_OPEN_FAILED = 2
INTERRUPTED = 130

ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class TestForPeople:
    def test_shows_what_holds_most_first(self, make_file: MakeFile, ext4: Path) -> None:
        make_file(MIB, "cold", ext4)
        make_file(MIB, "warm", ext4)
        make_file(2 * MIB, "warm", ext4)
        result = run_here("query", str(ext4))
        assert (result.returncode, result.stderr) == (0, "")
        header, *rows, _, sums = result.stdout.splitlines()
        assert header.split() == ["file", "map", "%", "resident", "of"]
        assert [row.split()[0] for row in rows] == [
            f"{ext4}/warm-2.bin",
            f"{ext4}/warm-1.bin",
            f"{ext4}/cold-0.bin",
        ]
        assert [row.split("  ")[-1] for row in rows] == ["2.0 MiB", "1.0 MiB", "1.0 MiB"]
        assert set(rows[2].split()[1]) == {"·"}
        assert sums == "3.0 MiB of 4.0 MiB resident (75 %) in 3 files."

    def test_fits_a_narrow_terminal(self, make_file: MakeFile) -> None:
        screen = run_in_terminal("query", str(make_file(MIB)), columns=60)
        lines = ESCAPE.sub("", screen.text).splitlines()
        assert max(map(len, lines)) <= 60
        assert screen.text != "".join(lines)

    def test_has_no_colours_if_told_so(self, make_file: MakeFile) -> None:
        screen = run_in_terminal("query", str(make_file(MIB)), NO_COLOR="1")
        assert not re.search(r"\x1b\[(?:\d+;)*3\d", screen.text)

    def test_shows_all_files_only_if_asked(self, tmp_path: Path) -> None:
        for number in range(output.ROWS + 2):
            (tmp_path / f"{number}.mp4").touch()
        short, full = run("query", str(tmp_path)), run("query", "-v", str(tmp_path))
        assert short.stdout.count(".mp4") == output.ROWS
        assert "2 more (-v shows all)" in short.stdout
        assert full.stdout.count(".mp4") == output.ROWS + 2

    def test_a_line_is_written_before_the_maps_of_all_are_there(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        for number in range(300):
            (tmp_path / f"{number:03}.mp4").touch()
        module = importlib.import_module("accv_cache._cli.residency")
        written = []

        def look(*arguments: Any, **options: Any) -> CacheReport:  # noqa: ANN401
            written.append(capsys.readouterr().out.count(".mp4"))
            return query(*arguments, **options)

        monkeypatch.setattr(module, "query", look)
        monkeypatch.setattr(sys, "argv", ["accv-cache", "query", "-v", str(tmp_path)])
        assert main() == 0
        assert written == [0, 0, 256]

    def test_writes_nothing_but_errors_when_quiet(self, tmp_path: Path) -> None:
        result = run("query", "-q", str(tmp_path / "missing"), __file__)
        assert (result.returncode, result.stdout) == (FILE_OPEN_FAILED, "")
        assert result.stderr == (
            f"accv-cache: {tmp_path}/missing: cannot open: No such file or directory\n"
        )

    def test_writes_no_control_characters(self, tmp_path: Path) -> None:
        (tmp_path / "clip\x1b[2J\n.mp4").touch()
        result = run("query", str(tmp_path))
        assert "\x1b" not in result.stdout
        assert "clip\\x1b[2J\\n.mp4" in result.stdout

    def test_is_plain_where_blocks_cannot_be_written(self, make_file: MakeFile) -> None:
        result = run("query", str(make_file(MIB)), PYTHONIOENCODING="ascii")
        assert result.returncode == 0
        assert re.search(r"[#+]{8}", result.stdout)


class TestForPrograms:
    def test_json_is_one_document_with_the_ranges(self, make_file: MakeFile) -> None:
        path = make_file(MIB)
        result = run_here("query", "--json", str(path))
        document = json.loads(result.stdout)
        assert (result.returncode, result.stderr) == (0, "")
        assert document["resident_bytes"] == document["size_bytes"] == MIB
        [record] = document["files"]
        assert (record["path"], record["error"]) == (str(path), None)
        assert record["spans"] == [[0, MIB]]

    def test_json_leaves_the_ranges_out_if_told_so(self, make_file: MakeFile) -> None:
        document = json.loads(run_here("query", "--json", "--no-maps", str(make_file(MIB))).stdout)
        assert document["files"][0]["spans"] is None

    def test_porcelain_is_a_line_a_file(self, make_file: MakeFile, tmp_path: Path) -> None:
        warm = make_file(MIB)
        result = run_here("query", "--porcelain", str(warm), str(tmp_path / "missing"))
        assert result.returncode == FILE_OPEN_FAILED
        assert result.stdout == f"{MIB}\t0\t0\t{MIB}\t{warm}\n"
        assert result.stderr.count("\n") == 1

    def test_names_keep_their_bytes(self, tmp_path: Path) -> None:
        name = "cli\udcffp\n.mp4"
        (tmp_path / name).touch()
        lines = run("query", "--porcelain", "-z", str(tmp_path)).stdout
        assert lines.split("\t")[-1] == f"{tmp_path}/{name}\0"
        document = json.loads(run_here("query", "--json", str(tmp_path)).stdout)
        assert document["files"][0]["path"] == f"{tmp_path}/{name}"

    def test_is_the_same_in_a_terminal(self, make_file: MakeFile) -> None:
        path = str(make_file(MIB, "cold"))  # what nobody reads stays cold
        for form in ("--json", "--porcelain"):
            screen = run_in_terminal("query", form, path, TERM="xterm-256color")
            assert screen.text.replace("\r\n", "\n") == run("query", form, path).stdout


class TestDepth:
    @pytest.fixture
    def tree(self, ext4: Path, make_file: MakeFile) -> Path:
        states: dict[str, State] = {"a": "dirty", "a/b": "dirty", "c": "cold"}
        for name, state in states.items():
            (ext4 / name).mkdir()
            make_file(MIB, state, ext4 / name)
        return ext4

    @pytest.mark.parametrize(
        ("depth", "sums"),
        [
            (0, {"": (2 * MIB, 3)}),
            (1, {"/a": (2 * MIB, 2), "/c": (0, 1)}),
            (2, {"/a": (MIB, 1), "/a/b": (MIB, 1), "/c": (0, 1)}),
        ],
    )
    def test_sums_directories_up(
        self, tree: Path, depth: int, sums: dict[str, tuple[int, int]]
    ) -> None:
        arguments = ("query", "--depth", str(depth), str(tree))
        document = json.loads(run_here(*arguments, "--json").stdout)
        found = {each["path"]: each for each in document["directories"]}
        assert {path: (each["resident_bytes"], each["files"]) for path, each in found.items()} == {
            f"{tree}{name}": figures for name, figures in sums.items()
        }
        lines = run_here(*arguments, "--porcelain").stdout.splitlines()
        assert [line.split("\t") for line in lines] == [
            [str(value) for value in found[path].values()] for path in sorted(found)
        ]

    def test_shows_what_holds_most_first(self, tree: Path) -> None:
        heads, *rows, _, sums = run_here("query", "--depth", "1", str(tree)).stdout.splitlines()
        assert heads.split() == ["directory", "map", "%", "resident", "of", "files"]
        assert [row.split()[0] for row in rows] == [f"{tree}/a", f"{tree}/c"]
        assert rows[0].split()[-5:] == ["2.0", "MiB", "2.0", "MiB", "2"]
        assert sums.startswith("2.0 MiB of 3.0 MiB resident")

    def test_says_what_is_unknown(self, tree: Path) -> None:
        result = as_other_user(run_here, "query", "--depth", "1", str(tree))
        _, *rows, _, _ = result.stdout.splitlines()
        # The map is blank: a part that is not resident would be drawn.
        assert [row.split() for row in rows] == [
            [f"{tree}/a", "unknown", "2.0", "MiB", "2"],
            [f"{tree}/c", "unknown", "1.0", "MiB", "1"],
        ]


class TestInterruption:
    def test_draws_a_bar_and_ends_with_the_totals_so_far(self, long_list: Path) -> None:
        arguments = ("query", "-w", "1", "--from", str(long_list))
        with in_terminal(*arguments, columns=100) as (process, terminal):
            text = b""
            for chunk in chunks(terminal):
                text += chunk
                if b"/s" in text:
                    process.send_signal(signal.SIGINT)
                    break
            text += b"".join(chunks(terminal))
            assert process.wait() == INTERRUPTED
        assert b"Traceback" not in text
        assert re.search(rb"Interrupted: \d+ of \d+ files done, \d[^,]*B resident\.", text)


class TestWatch:
    def test_shows_what_changes_until_ctrl_c(self, make_file: MakeFile, ext4: Path) -> None:
        path = make_file(MIB, "dirty", ext4)  # so that no page is reclaimed before it is seen
        with in_terminal("query", "--watch", "--interval", "0.1", str(ext4)) as (process, terminal):
            text = b""  # a chunk may end in the middle of a letter
            for chunk in chunks(terminal):
                text += chunk
                if b"1.0 MiB of 1.0 MiB resident (100 %) in 1 file" in text:
                    cold(path)
                if b"-1.0 MiB" in text:
                    process.send_signal(signal.SIGINT)
                    break
            rest = b"".join(chunks(terminal))
            assert process.wait() == INTERRUPTED
        assert b"Traceback" not in rest
        assert b"change" in text

    @pytest.mark.parametrize(
        "arguments", [["{0}/*.mp4"], ["-i", "*.mkv", "{0}"], ["-m", "2M", "{0}"], ["{0}"]], ids=str
    )
    def test_shows_files_that_are_new(self, ext4: Path, arguments: list[str]) -> None:
        (ext4 / "first.mp4").touch()
        given = [each.format(ext4) for each in arguments]
        with in_terminal("query", "--watch", "--interval", "0.05", *given) as (process, terminal):
            text = b""
            while b"first.mp4" not in text:
                text += next(chunks(terminal))
            (ext4 / "second.mp4").touch()
            while b"second.mp4" not in text:
                text += next(chunks(terminal))
            process.send_signal(signal.SIGINT)
            list(chunks(terminal))
            assert process.wait() == INTERRUPTED

    def test_reads_a_list_once(self, ext4: Path) -> None:
        (ext4 / "a.mp4").touch()
        line = "echo a.mp4 | accv-cache query --watch --interval 0.05 --from - | head -n 3"
        assert run_in_shell(line, ext4).stdout.count("1 file") == 3

    def test_keeps_what_was_emptied_and_shows_it_first(
        self, ext4: Path, make_file: MakeFile
    ) -> None:
        emptied = make_file(MIB, "cold", ext4)
        for _ in range(output.ROWS + 1):
            make_file(MIB, "dirty", ext4)
        report = query(ext4)
        before = {record.path: shown_bytes(record) or 0 for record in report.files}
        lines = list(
            watching.screen(report, {**before, str(emptied): 5 * MIB}, iter, "Sums", interval=1)
        )
        clock, _, _, first, *_, sums = lines
        assert re.search(r"\d\d:\d\d:\d\d, every 1 s; Ctrl-C ends it", clock)
        assert first.split()[0] == emptied.name
        assert first.split()[-2:] == ["-5.0", "MiB"]
        assert sums == "Sums"
        assert len(lines) <= 24  # all of it fits into the smallest terminal

    def test_a_change_is_no_larger_than_the_file(self, make_file: MakeFile) -> None:
        report = query(make_file(MIB - 100, "dirty"))
        *_, line, _, _ = watching.screen(report, {}, iter, "Sums", interval=1)
        assert line.split()[-2:] == [f"+{as_size(MIB - 100)}".partition(" ")[0], "KiB"]

    def test_cuts_no_style_in_two(
        self, make_file: MakeFile, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("COLUMNS", "20")
        sums = "\x1b[1m22.2 MiB of 56.0 MiB resident.\x1b[0m"
        *_, line = watching.screen(query(make_file(0)), {}, iter, sums, interval=1)
        assert line == "22.2 MiB …resident."

    def test_writes_a_line_a_look_in_a_pipe(self, make_file: MakeFile) -> None:
        path = make_file(MIB, "cold")  # what nobody reads stays cold
        program = f"accv-cache query --watch --interval 0.05 '{path}' | head -n 2"
        result = run_in_shell(program, Path("/"))
        assert result.stdout == "0 B of 1.0 MiB resident (0 %) in 1 file.\n" * 2
        assert result.stderr == ""

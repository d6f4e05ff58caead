"""The demo shows clips in memory and then evicted, in pipes and in terminals."""

import io
import re
import signal
import sys
from pathlib import Path

import pytest

from accv_cache._cli.bars import bar
from accv_cache._cli.demo import walkthrough
from accv_cache._text import as_duration
from support import mounts
from support.command import chunks, in_terminal, run, run_in_shell, run_in_terminal
from support.files import FileSystem, MakeFile

NAMES = ["h264-1.mp4", "h264-2.mp4", "h264-3.mkv", "hevc-1.mp4", "hevc-2.mkv"]
NOT_EVICTED = 3
INTERRUPTED = 130
NARROW = 44

_BAR = re.compile(r"^  (\S+) +([█░]+) +(\d+) %", re.MULTILINE)
_ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_COLOUR = re.compile(r"\x1b\[(?:\d+;)*3\d")


class TestDemo:
    def test_goes_from_full_to_empty_in_a_pipe(self, ext4: Path) -> None:
        result = run("demo", "--directory", str(ext4))
        assert (result.returncode, result.stderr) == (0, "")
        assert "\x1b" not in result.stdout
        _assert_full_then_empty(result.stdout)
        assert re.search(r"^drop_videos_cache: SUCCESS in \S+ m?s$", result.stdout, re.MULTILINE)
        assert re.search(r"^\d+\.\d MiB of memory came back\.$", result.stdout, re.MULTILINE)
        # Not for the decoder: its own libraries may also be read from the disk the first time.
        reads = re.search(r"from the disk +(\S+) MiB .* 0 B$", result.stdout, re.MULTILINE)
        assert reads is not None
        assert float(reads[1]) > 4 * len(NAMES)
        assert list(ext4.glob("accv-cache-*")) == []

    def test_goes_from_full_to_empty_in_a_narrow_terminal(self, ext4: Path) -> None:
        screen = run_in_terminal("demo", "--directory", str(ext4), columns=NARROW)
        assert screen.returncode == 0
        assert _COLOUR.search(screen.text)
        text = _ESCAPE.sub("", screen.text).replace("\r\n", "\n")
        _assert_full_then_empty(text)
        bars = [match[0] for match in _BAR.finditer(text)]
        assert max(map(len, bars)) < NARROW

    def test_needs_a_disk_and_says_so(self, tmpfs: Path) -> None:
        result = run("demo", "--directory", str(tmpfs))
        assert (result.returncode, result.stderr) == (NOT_EVICTED, "")
        assert result.stdout == (
            f"Nothing in {tmpfs} can be evicted: it lies in memory itself, as a tmpfs does.\n"
            "Choose a folder on a disk: accv-cache demo --directory DIR\n"
        )
        assert list(tmpfs.iterdir()) == []

    def test_needs_a_folder_to_write_in_and_says_so(self, tmp_path: Path) -> None:
        line = "mkdir gone && cd gone && rmdir ../gone && accv-cache demo --directory ."
        gone = run_in_shell(line, tmp_path)
        assert (gone.returncode, gone.stderr) == (NOT_EVICTED, "")
        assert gone.stdout.startswith("Nothing in . can be evicted: No such file or directory.\n")

    def test_has_colours_unless_told_otherwise(self, tmpfs: Path) -> None:
        arguments = ("demo", "--directory", str(tmpfs))
        assert _COLOUR.search(run_in_terminal(*arguments).text)
        assert not _COLOUR.search(run_in_terminal(*arguments, NO_COLOR="1").text)
        assert "\x1b" not in run_in_terminal(*arguments, TERM="dumb").text

    @pytest.mark.parametrize(
        ("number", "code"),
        [(signal.SIGINT, INTERRUPTED), (signal.SIGTERM, 143), (signal.SIGHUP, 129)],
    )
    def test_signals_end_it_quietly_and_leave_nothing(
        self, ext4: Path, number: signal.Signals, code: int
    ) -> None:
        with in_terminal("demo", "--directory", str(ext4)) as (process, terminal):
            text = b""
            for chunk in chunks(terminal):
                text += chunk
                if any(ext4.glob("accv-cache-*/*")):  # the folder, with a clip in it
                    process.send_signal(number)
                    break
            text += b"".join(chunks(terminal))
            assert process.wait() == code
        assert b"Traceback" not in text
        assert list(ext4.glob("accv-cache-*")) == []


class TestReading:
    def test_is_no_zero_where_the_kernel_does_not_count(
        self,
        make_file: MakeFile,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        monkeypatch.setattr(walkthrough, "decode", lambda _: None)
        monkeypatch.setattr(walkthrough, "_read_bytes", lambda: 0)
        walkthrough._read_and_decode([make_file(4096)])  # noqa: SLF001
        output = capsys.readouterr().out
        assert "from the disk " not in output
        assert output.endswith("  The kernel does not count what is read from this file system.\n")


class TestFindDisk:
    def test_takes_any_file_system_but_one_in_memory(self, file_system: FileSystem) -> None:
        found = walkthrough.find_disk(file_system.directory)
        assert found == (None if file_system.kind == "tmpfs" else file_system.directory)

    def test_takes_an_overlay_where_fsync_does_nothing(self, ext4: Path) -> None:
        with mounts.volatile_overlay(ext4) as root:
            assert walkthrough.find_disk(root) == root

    def test_turns_to_var_tmp_when_tmp_lies_in_memory(
        self, tmpfs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        var_tmp = Path("/var/tmp")
        monkeypatch.setattr(walkthrough, "gettempdir", lambda: str(tmpfs))
        monkeypatch.setattr(walkthrough, "_can_evict_in", lambda place: place == var_tmp)
        assert walkthrough.find_disk(None) == var_tmp
        assert capsys.readouterr().out.startswith(f"Nothing in {tmpfs} can be evicted")


class TestBar:
    @pytest.mark.parametrize(
        ("fraction", "drawn"),
        [
            (0, "░░░░░░░░░░"),
            (0.001, "█░░░░░░░░░"),
            (0.3, "███░░░░░░░"),
            (0.999, "█████████░"),
            (1, "██████████"),
        ],
    )
    def test_looks_empty_or_full_only_when_it_is(self, fraction: float, drawn: str) -> None:
        assert bar(fraction, 10) == drawn

    def test_is_plain_where_blocks_cannot_be_written(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), "ascii"))
        assert bar(0.3, 10) == "###......."


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.00123, "1.23 ms"), (0.25, "250 ms"), (12.34, "12.3 s")]
)
def test_durations_are_for_people(seconds: float, text: str) -> None:
    assert as_duration(seconds) == text


def _assert_full_then_empty(text: str) -> None:
    rows = [(name, blocks, int(percent)) for name, blocks, percent in _BAR.findall(text)]
    before, after = rows[: len(NAMES)], rows[len(NAMES) :]
    assert [name for name, _, _ in before] == [name for name, _, _ in after] == NAMES
    for _, blocks, percent in before:
        assert percent >= 95
        assert blocks.count("█") >= 0.9 * len(blocks)
    for _, blocks, percent in after:
        assert percent == 0
        assert set(blocks) == {"░"}

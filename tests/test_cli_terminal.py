"""A command works with any streams, terminal, locale and signals."""

import importlib
import json
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from accv_cache.__main__ import main
from accv_cache._cli import terminal
from support.command import (
    COMMAND,
    chunks,
    in_terminal,
    run,
    run_here,
    run_in_shell,
    run_in_terminal,
)
from support.files import MakeFile
from support.needs import need, require
from support.privileges import as_other_user
from support.residency import mincore_bytes

FILE_OPEN_FAILED = 2
USAGE_ERROR = 64
UNFORESEEN = 70
NOT_WRITTEN = 74
PIPE_CLOSED = 141
MIB = 1 << 20

CLOSED = ["2>&-", ">&-", "<&-", ">&- 2>&-", "<&- >&- 2>&-"]


class TestClosedStreams:
    @pytest.mark.parametrize("streams", CLOSED)
    @pytest.mark.parametrize("options", ["", "-v", "--json", "--porcelain", "--explain"])
    def test_do_not_keep_a_drop_from_its_work(
        self, ext4: Path, make_file: MakeFile, streams: str, options: str
    ) -> None:
        path = make_file(MIB, "dirty", ext4)
        result = run_in_shell(f"accv-cache drop {options} '{path}' {streams}", ext4)
        assert (result.returncode, result.stderr) == (0, "")
        assert mincore_bytes(path) == 0

    @pytest.mark.parametrize("streams", CLOSED)
    @pytest.mark.parametrize("verb", ["query", "drop", "drop -n"])
    def test_change_no_exit_code(self, tmp_path: Path, streams: str, verb: str) -> None:
        result = run_in_shell(f"accv-cache {verb} missing {streams}", tmp_path)
        assert result.returncode == FILE_OPEN_FAILED

    @pytest.mark.parametrize("streams", CLOSED)
    @pytest.mark.parametrize("arguments", ["--help", "--version", "query --help", "--includes"])
    def test_do_not_keep_help_from_ending_well(
        self, tmp_path: Path, streams: str, arguments: str
    ) -> None:
        result = run_in_shell(f"accv-cache {arguments} {streams}", tmp_path)
        assert (result.returncode, result.stderr) == (0, "")

    def test_hold_no_list(self, tmp_path: Path) -> None:
        result = run_in_shell("accv-cache drop --from - <&-", tmp_path)
        assert result.returncode == USAGE_ERROR
        assert "Cannot read the list -: Bad file descriptor" in result.stderr


class TestBrokenStreams:
    @pytest.mark.parametrize("arguments", ["query {0}", "query --json {0}", "drop {0}", "--help"])
    def test_that_take_no_output_are_an_error_of_their_own(
        self, ext4: Path, make_file: MakeFile, arguments: str
    ) -> None:
        path = make_file(MIB, "warm", ext4)
        result = run_in_shell(f"accv-cache {arguments.format(path)} > /dev/full", ext4)
        assert result.returncode == NOT_WRITTEN
        assert result.stderr == (
            "accv-cache: cannot write to standard output: No space left on device\n"
        )

    @pytest.mark.parametrize("place", ["/dev/full", ">(true)"])
    def test_that_take_no_messages_change_nothing(
        self, ext4: Path, make_file: MakeFile, place: str
    ) -> None:
        path = make_file(MIB, "dirty", ext4)
        result = run_in_shell(f"accv-cache drop missing '{path}' 2> {place}", ext4)
        assert result.returncode == FILE_OPEN_FAILED
        assert result.stdout.startswith("Evicted ")
        assert mincore_bytes(path) == 0

    def test_that_are_full_for_a_while_are_waited_for(self, tmp_path: Path) -> None:
        listing = tmp_path / "list"
        listing.write_text(f"{__file__}\n" * 5000)
        reader, writer = os.pipe()
        os.set_blocking(writer, False)
        command = [COMMAND, "query", "--porcelain", "--from", str(listing)]
        with subprocess.Popen(command, stdout=writer, stderr=subprocess.PIPE) as process:
            os.close(writer)
            with os.fdopen(reader, "rb") as output:
                assert output.read().count(b"\n") == 5000
            assert process.wait() == 0


class TestTerminals:
    @pytest.mark.parametrize("columns", [1, 2, 7, 20, 40, 80, 500])
    @pytest.mark.parametrize(
        "arguments", [("query",), ("query", "-v"), ("drop", "-n"), ("drop", "-v"), ("query", "-h")]
    )
    def test_may_have_any_width(
        self, make_file: MakeFile, arguments: tuple[str, ...], columns: int
    ) -> None:
        screen = run_in_terminal(*arguments, str(make_file(MIB)), columns=columns)
        assert screen.returncode == 0
        assert "Traceback" not in screen.text

    @pytest.mark.parametrize("value", ["", "0", "-1", "wide", "99999999999999999999"])
    def test_may_be_described_wrongly(self, make_file: MakeFile, value: str) -> None:
        screen = run_in_terminal("query", str(make_file(MIB)), COLUMNS=value)
        assert (screen.returncode, "Traceback" in screen.text) == (0, False)

    @pytest.mark.parametrize("kind", ["dumb", ""])
    def test_that_can_do_nothing_get_plain_lines(self, make_file: MakeFile, kind: str) -> None:
        path = str(make_file(MIB, "dirty"))
        assert "\x1b" not in run_in_terminal("query", path, TERM=kind).text
        arguments = ("query", "--watch", "--interval", "0.05", path)
        with in_terminal(*arguments, TERM=kind) as (process, screen):
            text = b""
            while text.count(b"resident") < 3:
                text += next(chunks(screen))
            process.terminate()
        assert b"\x1b" not in text

    def test_get_no_styles_where_there_shall_be_none(self, make_file: MakeFile) -> None:
        assert "\x1b" not in run_in_terminal("query", str(make_file(MIB)), NO_COLOR="1").text

    def test_need_no_thread(self, ext4: Path, make_file: MakeFile) -> None:
        path = make_file(MIB, "warm", ext4)
        result = as_other_user(_drop_without_threads, str(path))
        assert result.returncode == 0
        assert mincore_bytes(path) == 0


def _drop_without_threads(path: str) -> subprocess.CompletedProcess[str]:
    resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
    return run_here("drop", path)


class TestSignals:
    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT])
    def test_end_it_as_any_program(self, make_file: MakeFile, number: signal.Signals) -> None:
        arguments = ("query", "--watch", "--interval", "0.05", str(make_file(MIB, "dirty")))
        with in_terminal(*arguments) as (process, screen):
            text = next(chunks(screen))
            process.send_signal(number)
            text += b"".join(chunks(screen))
            assert process.wait() == -number
        assert b"\x1b[?" not in text  # no mode of the terminal was changed

    def test_that_stop_it_leave_the_terminal_as_it_was(self, make_file: MakeFile) -> None:
        arguments = ("query", "--watch", "--interval", "0.05", str(make_file(MIB, "dirty")))
        with in_terminal(*arguments) as (process, screen):
            text = next(chunks(screen))
            process.send_signal(signal.SIGSTOP)
            os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOWAIT)
            process.send_signal(signal.SIGCONT)
            text += next(chunks(screen))
            process.terminate()
        assert b"\x1b[?" not in text

    def test_after_which_others_wrote_begin_a_new_picture(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        written: list[str] = []
        monkeypatch.setattr(sys.stderr, "write", written.append)
        with terminal.Region(sys.stderr) as region:
            region.draw(["one", "two"])
            region.draw(["one", "two"])
            signal.raise_signal(signal.SIGCONT)
            region.draw(["one", "two"])
        assert [text.startswith("\x1b[2A") for text in written] == [False, True, False]


class TestUnforeseenErrors:
    @pytest.mark.parametrize("error", [RuntimeError("bug"), OSError(5, "bug"), MemoryError("bug")])
    @pytest.mark.parametrize("verb", ["query", "drop"])
    def test_have_a_code_that_means_nothing_else(
        self,
        verb: str,
        error: Exception,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        def fail(*_: object, **__: object) -> None:
            raise error

        home = {"query": "residency", "drop": "drop"}[verb]
        monkeypatch.setattr(importlib.import_module(f"accv_cache._cli.{home}"), verb, fail)
        monkeypatch.setattr(sys, "argv", ["accv-cache", verb, "clip.mp4"])
        assert main() == UNFORESEEN
        assert "Traceback" in capsys.readouterr().err


@pytest.fixture
def latin_1(tmp_path: Path) -> dict[str, str]:
    """The environment of a locale in which a byte is a letter."""
    need("localedef")
    place = tmp_path / "locales"
    place.mkdir()
    command = ["localedef", "-i", "en_US", "-f", "ISO-8859-1", str(place / "en_US.ISO-8859-1")]
    made = subprocess.run(command, capture_output=True, check=False)
    require(made.returncode == 0, "needs the sources of locales")
    variables = {"LOCPATH": str(place), "LC_ALL": "en_US.ISO-8859-1", "PYTHONUTF8": "0"}
    program = [sys.executable, "-c", "import sys; print(sys.getfilesystemencoding())"]
    asked = subprocess.run(program, env=variables, capture_output=True, check=True)
    assert asked.stdout == b"iso8859-1\n"
    return variables


class TestNames:
    NAMES = (b"\xc3\xa9.mp4", b"\xff.mp4", b"a\tb\nc.mp4", b"\xe8\xa6\x96\xe9\xa0\xbb.mp4")

    @pytest.fixture
    def paths(self, ext4: Path, make_file: MakeFile) -> list[bytes]:
        """Warm files, not all with names in UTF-8."""
        folder = os.fsencode(ext4)
        for name in self.NAMES:
            os.rename(make_file(MIB, "dirty", ext4), os.path.join(folder, name))  # noqa: PTH104, PTH118
        return [os.path.join(folder, name) for name in self.NAMES]  # noqa: PTH118

    @pytest.mark.parametrize("locale", ["latin_1", "UTF-8", "C"])
    def test_go_out_as_the_bytes_that_they_are(
        self, paths: list[bytes], locale: str, request: pytest.FixtureRequest
    ) -> None:
        variables = {
            "UTF-8": {"LC_ALL": "C.UTF-8"},
            "C": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        }.get(locale) or request.getfixturevalue(locale)
        settings = " ".join(f"{name}='{value}'" for name, value in variables.items())
        folder = Path(os.fsdecode(os.path.dirname(paths[0])))  # noqa: PTH120
        listing = "accv-cache query --porcelain -z . | cut -z -f 5-"
        line = f"env {settings} bash -c '{listing} | accv-cache drop -0 -b -'"
        result = run_in_shell(line, folder)
        assert (result.returncode, result.stderr) == (0, "")
        assert result.stdout == "Evicted 4.0 MiB of 4.0 MiB in 4 files.\n"
        document = json.loads(run("query", "--json", str(folder), **variables).stdout)
        names = [record["path"].encode("utf-8", "surrogateescape") for record in document["files"]]
        assert sorted(names) == sorted(paths)

    @pytest.mark.parametrize(
        "name", ["a[/red].mp4", "a[nothing].mp4", ":smile:.mp4", "[bold]x", "a\x1b[2Jb", "a\nb"]
    )
    @pytest.mark.parametrize(
        "arguments", ["query", "query -v", "drop -v", "drop -n", "drop --explain"]
    )
    def test_are_never_taken_for_anything_else(
        self, ext4: Path, make_file: MakeFile, name: str, arguments: str
    ) -> None:
        (ext4 / name).parent.mkdir(exist_ok=True)
        path = make_file(MIB, "dirty", ext4).rename(ext4 / name)
        screen = run_in_terminal(*arguments.split(), str(path), columns=500, TERM="dumb")
        assert screen.returncode == 0
        assert "\x1b" not in screen.text
        if arguments != "drop --explain":
            shown = name if name.isprintable() else repr(name)[1:-1]
            assert shown in screen.text
        missing = run_here("drop", str(path) + ".missing")
        assert missing.returncode == FILE_OPEN_FAILED
        assert "\x1b" not in missing.stderr

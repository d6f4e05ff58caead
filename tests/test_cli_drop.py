"""`accv-cache drop` evicts, reports what was evicted and what stayed, and exits with the status."""

import importlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from accv_cache import DropCacheStatus
from accv_cache.__main__ import main
from accv_cache._cli.progress import LiveProgress
from support.command import chunks, in_terminal, run, run_here, run_in_terminal
from support.files import MakeFile
from support.privileges import as_other_user
from support.residency import kept_bytes, mapped_elsewhere, mincore_bytes, mincore_spans

MIB = 1024 * 1024
STAYED = 5
INTERRUPTED = 130


_HOSTILE = """
import ctypes, mmap, sys
ctypes.CDLL(None).prctl(15, b"\\x1b[31m\\nforged")  # PR_SET_NAME
with open(sys.argv[1], "rb") as file:
    mapped = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)
    sum(mapped[::4096])
    print("mapped", flush=True)
    sys.stdin.read()
"""
"""Maps a file, under a name that would draw in a terminal."""


class TestSentence:
    def test_says_what_left(self, ext4: Path, make_file: MakeFile) -> None:
        paths = [make_file(MIB, "dirty", ext4) for _ in range(3)]
        result = run_here("drop", *map(str, paths))
        assert (result.returncode, result.stderr) == (0, "")
        assert result.stdout == "Evicted 3.0 MiB of 3.0 MiB in 3 files.\n"
        assert [mincore_bytes(path) for path in paths] == [0, 0, 0]

    def test_covers_what_was_just_written(self, ext4: Path, make_file: MakeFile) -> None:
        path = make_file(MIB, "dirty", ext4)
        assert run_here("drop", str(path)).stdout == "Evicted 1.0 MiB of 1.0 MiB in 1 file.\n"
        assert mincore_bytes(path) == 0

    def test_says_what_stayed_why_and_who_holds_it(self, ext4: Path, make_file: MakeFile) -> None:
        path = make_file(MIB, "warm", ext4)
        with mapped_elsewhere(path) as process:
            result = run_here("drop", "--explain", str(path))
        first, second, third, *_ = result.stdout.splitlines()
        assert first == "Evicted 0 B of 1.0 MiB in 1 file; 1.0 MiB stayed: mapped."
        assert second == f"{path}: 1.0 MiB stayed: mapped"
        assert third.startswith(f"{path}: process {process} (python")
        assert result.returncode == 0

    def test_quotes_the_name_that_a_process_gave_itself(
        self, ext4: Path, make_file: MakeFile
    ) -> None:
        path = make_file(MIB, "warm", ext4)
        with subprocess.Popen(
            [sys.executable, "-c", _HOSTILE, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"mapped\n"
            results = [run_here("drop", *form, "--explain", str(path)) for form in ([], ["--json"])]
            process.communicate()
        for result in results:
            assert str(process.pid) in result.stdout
            assert "\x1b" not in result.stdout
            assert "\nforged" not in result.stdout

    def test_tells_of_explain_where_it_helps(self, ext4: Path, make_file: MakeFile) -> None:
        path = make_file(MIB, "warm", ext4)
        with mapped_elsewhere(path):
            result = run_here("drop", str(path))
        assert result.stdout.splitlines()[1] == "--explain says who holds it."

    def test_follows_a_table_of_all_files_if_asked(self, ext4: Path, make_file: MakeFile) -> None:
        path = make_file(MIB, "dirty", ext4)
        header, row, _, sentence = run_here("drop", "-v", str(path)).stdout.splitlines()
        assert header.split() == ["file", "before", "after", "why"]
        assert row.rstrip() == f"{path}  1.0 MiB    0 B"
        assert sentence.startswith("Evicted 1.0 MiB")

    def test_is_the_same_in_a_terminal(self, make_file: MakeFile) -> None:
        path = str(make_file(MIB, "cold"))
        assert run_in_terminal("drop", path).text == run("drop", path).stdout.replace("\n", "\r\n")

    def test_is_left_out_when_quiet(self, make_file: MakeFile) -> None:
        result = run_here("drop", "-q", str(make_file(MIB)))
        assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


class TestExitCode:
    @pytest.mark.parametrize("name", ["missing.mp4", "", "no\nsuch\x1bfile", "\udcff.mp4"])
    def test_is_2_for_a_file_that_cannot_be_opened(
        self, tmp_path: Path, make_file: MakeFile, name: str
    ) -> None:
        good = make_file(MIB)
        result = run("drop", str(tmp_path / name / "x") if name else "", str(good))
        assert result.returncode == 2
        assert "1 file failed" in result.stdout
        assert "\x1b" not in result.stdout
        assert "cannot open: No such file or directory" in result.stderr
        assert "\x1b" not in result.stderr
        assert mincore_bytes(good) == 0

    def test_is_3_for_a_fifo(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "fifo")
        result = run("drop", str(tmp_path / "fifo"))
        assert result.returncode == 3
        assert "cannot evict" in result.stdout
        assert result.stderr.startswith(f"accv-cache: {tmp_path}/fifo: cannot evict: Illegal seek")

    def test_is_1_off_linux(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setattr(sys, "platform", "darwin")
        monkeypatch.setattr(sys, "argv", ["accv-cache", "drop", "clip.mp4"])
        assert main() == 1
        assert "only Linux can evict" in capsys.readouterr().err

    @pytest.mark.parametrize("verb", ["query", "drop"])
    def test_off_linux_is_the_same_for_every_verb(
        self, verb: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setattr(sys, "platform", "darwin")
        monkeypatch.setattr(sys, "argv", ["accv-cache", verb, "-q", "clip.mp4"])
        assert main() == 1
        assert capsys.readouterr().out == ""

    @pytest.mark.parametrize("status", DropCacheStatus)
    def test_is_the_status(self, monkeypatch: pytest.MonkeyPatch, status: DropCacheStatus) -> None:
        module = importlib.import_module("accv_cache._cli.drop")
        report = module.drop([])
        monkeypatch.setattr(type(report), "ok", status is DropCacheStatus.SUCCESS)
        monkeypatch.setattr(type(report), "status", status)
        monkeypatch.setattr(module, "drop", lambda *_, **__: report)
        monkeypatch.setattr(sys, "argv", ["accv-cache", "drop", "clip.mp4"])
        assert main() == status.value

    def test_with_fail_fast_ends_at_the_first_failure(
        self, make_file: MakeFile, tmp_path: Path
    ) -> None:
        later = make_file(MIB)
        result = run("drop", "--fail-fast", str(tmp_path / "missing"), str(later))
        assert result.returncode == 2
        assert kept_bytes(later) == MIB


class TestVerify:
    def test_passes_if_nothing_stayed(self, make_file: MakeFile) -> None:
        assert run_here("drop", "--verify", str(make_file(MIB))).returncode == 0

    def test_fails_if_something_stayed(self, ext4: Path, make_file: MakeFile) -> None:
        path = make_file(MIB, "warm", ext4)
        with mapped_elsewhere(path):
            assert run_here("drop", "--verify", str(path)).returncode == STAYED

    def test_fails_in_memory_and_says_what_helps(self, tmpfs: Path, make_file: MakeFile) -> None:
        result = run_here("drop", "--verify", str(make_file(MIB, "warm", tmpfs)))
        assert result.returncode == STAYED
        assert result.stderr == (
            "accv-cache: not cold: 1.0 MiB stayed: in a memory file system; "
            "its only copy is in memory: use a file on a disk\n"
        )

    def test_fails_if_a_part_of_the_range_stayed(self, ext4: Path, make_file: MakeFile) -> None:
        path = make_file(4 * MIB, "warm", ext4)  # in folios that are larger than the range
        result = run_here("drop", "--verify", "-p", "12k-28k", str(path))
        stayed = any(start < 28 << 10 and stop > 12 << 10 for start, stop in mincore_spans(path))
        assert (result.returncode == STAYED) == stayed
        assert ("widen the range" in result.stderr) == stayed

    @pytest.mark.parametrize("options", [(), ("-I", "*.mp5"), ("-m", "1k")], ids=str)
    def test_fails_if_no_file_was_found(self, tmp_path: Path, options: tuple[str, ...]) -> None:
        if options:
            (tmp_path / "clip.mp4").write_bytes(bytes(4096))
        result = run_here("drop", "--verify", str(tmp_path), *options)
        assert (result.returncode, result.stdout) == (STAYED, "Evicted 0 B of 0 B in 0 files.\n")
        assert result.stderr == "accv-cache: not proved cold: no file was found\n"

    def test_fails_for_an_empty_list(self) -> None:
        assert run("drop", "--verify", "-b", "-", given="").returncode == STAYED

    def test_fails_where_nobody_can_tell(self, ext4: Path, make_file: MakeFile) -> None:
        path = make_file(MIB, "warm", ext4)
        result = as_other_user(run_here, "drop", "--verify", str(path))
        assert result.returncode == STAYED
        assert result.stdout.startswith(
            "Evicted an unknown amount in 1 file; 1 file not measured: "
        )
        assert result.stderr == (
            f"accv-cache: {path}: dropped, but unknown: "
            "only its owner or a writer may measure it\n"
            "accv-cache: not proved cold: what cannot be measured may have stayed\n"
        )
        assert mincore_bytes(path) == 0


class TestUntil:
    def aged(self, directory: Path, make_file: MakeFile) -> list[Path]:
        """Files of 1 MiB, the least recently read first, in an order that names do not tell."""
        files = [make_file(MIB, "dirty", directory) for _ in range(4)]
        order = [files[2], files[0], files[3], files[1]]
        for age, path in enumerate(order):
            os.utime(path, (1000 + age, 1000))
        return order

    def test_drops_the_least_recently_used_first(self, ext4: Path, make_file: MakeFile) -> None:
        files = self.aged(ext4, make_file)
        result = run_here("drop", "--until", "2M", str(ext4))
        assert result.stdout == "Evicted 2.0 MiB of 2.0 MiB in 2 files.\n"
        assert [kept_bytes(path) for path in files] == [0, 0, MIB, MIB]

    def test_counts_a_file_once_however_it_is_named(self, ext4: Path, make_file: MakeFile) -> None:
        files = self.aged(ext4, make_file)
        (ext4 / "another-name").hardlink_to(files[0])
        (ext4 / "link").symlink_to(files[0])
        names = [*files, files[0], ext4 / "another-name", ext4 / "link"]
        result = run_here("drop", "-n", "--until", "3M", *map(str, names))
        assert result.stdout.endswith("\nWould evict up to 1.0 MiB in 1 file.\n")
        result = run_here("drop", "--until", "3M", *map(str, names))
        assert result.stdout == "Evicted 1.0 MiB of 1.0 MiB in 1 file.\n"
        assert [kept_bytes(path) for path in files] == [0, MIB, MIB, MIB]

    def test_goes_on_where_the_oldest_cannot_go(self, ext4: Path, make_file: MakeFile) -> None:
        files = self.aged(ext4, make_file)
        with mapped_elsewhere(files[0]):
            assert run_here("drop", "--until", "2M", str(ext4)).returncode == 0
            assert [kept_bytes(path) for path in files] == [MIB, 0, 0, MIB]

    def test_drops_nothing_below_the_limit(self, ext4: Path, make_file: MakeFile) -> None:
        files = self.aged(ext4, make_file)
        assert run_here("drop", "--until", "100%", str(ext4)).returncode == 0
        assert [kept_bytes(path) for path in files] == [MIB] * 4

    def test_drops_all_for_nothing(self, ext4: Path, make_file: MakeFile) -> None:
        files = self.aged(ext4, make_file)
        assert run_here("drop", "--until", "0%", str(ext4)).returncode == 0
        assert [mincore_bytes(path) for path in files] == [0] * 4

    def test_leaves_alone_what_it_may_not_measure(self, ext4: Path, make_file: MakeFile) -> None:
        path = make_file(MIB, "warm", ext4)
        result = as_other_user(run_here, "drop", "--until", "0", str(path))
        assert result.returncode == 0
        assert result.stderr == (
            f"accv-cache: {path}: not counted: only its owner or a writer may measure it\n"
        )
        assert kept_bytes(path) == MIB

    def test_still_reports_what_cannot_be_opened(self, tmp_path: Path) -> None:
        result = run_here("drop", "--until", "1G", str(tmp_path / "missing"))
        assert result.returncode == 2
        assert "cannot open" in result.stderr


class TestDryRun:
    def test_says_what_would_go_and_evicts_nothing(self, ext4: Path, make_file: MakeFile) -> None:
        warm = make_file(MIB, "dirty", ext4)
        cold = make_file(MIB, "cold", ext4)
        result = run_here("drop", "-n", str(ext4))
        assert (result.returncode, result.stderr) == (0, "")
        assert str(warm) in result.stdout
        assert str(cold) not in result.stdout
        assert result.stdout.endswith("\nWould evict up to 1.0 MiB in 1 file.\n")
        assert kept_bytes(warm) == MIB

    def test_counts_what_cannot_be_measured_but_evicted(
        self, ext4: Path, make_file: MakeFile
    ) -> None:
        path = make_file(MIB, "warm", ext4)
        result = as_other_user(run_here, "drop", "-n", str(path))
        assert result.stdout.endswith("\nWould evict an unknown amount in 1 file.\n")
        (other := make_file(MIB, "dirty", ext4)).chmod(0o666)
        result = as_other_user(run_here, "drop", "-n", str(path), str(other))
        assert result.stdout.endswith(
            "\nWould evict up to 1.0 MiB in 1 file and an unknown amount in 1 file.\n"
        )

    def test_names_what_cannot_be_measured_with_until(
        self, ext4: Path, make_file: MakeFile
    ) -> None:
        path = make_file(MIB, "warm", ext4)
        result = as_other_user(run_here, "drop", "-n", "--until", "0", str(path))
        assert result.stdout.endswith("Would evict up to 0 B in 0 files.\n")
        assert result.stderr == (
            f"accv-cache: {path}: not counted: only its owner or a writer may measure it\n"
        )

    def test_names_the_oldest_with_until(self, ext4: Path, make_file: MakeFile) -> None:
        newer, older = make_file(MIB, "warm", ext4), make_file(MIB, "warm", ext4)
        os.utime(newer, (2000, 1))
        os.utime(older, (1000, 1))
        lines = run_here("drop", "-n", "--until", "1M", "--porcelain", str(ext4)).stdout
        assert lines == f"{MIB}\t0\t0\t{MIB}\t{older}\n"

    def test_has_the_maps_that_a_query_has(self, ext4: Path, make_file: MakeFile) -> None:
        make_file(MIB, "dirty", ext4)
        [record] = json.loads(run_here("drop", "-n", "--json", str(ext4)).stdout)["files"]
        assert record["spans"] == [[0, MIB]]
        assert "█" * 8 in run_here("drop", "-n", "-v", str(ext4)).stdout


class TestForPrograms:
    def test_json_is_one_document(self, make_file: MakeFile, tmp_path: Path) -> None:
        path = make_file(MIB, "dirty")
        result = run_here("drop", "--json", str(path), str(tmp_path / "missing"))
        document = json.loads(result.stdout)
        assert result.returncode == 2
        assert (document["status"], document["known_evicted_bytes"]) == ("FILE_OPEN_FAILED", MIB)
        assert document["holders"] is None
        good, bad = document["files"]
        assert (good["status"], good["before_bytes"], good["after_bytes"]) == ("SUCCESS", MIB, 0)
        assert "cannot open" in bad["error"]

    def test_json_names_the_holders_if_asked(self, ext4: Path, make_file: MakeFile) -> None:
        path = make_file(MIB, "warm", ext4)
        with mapped_elsewhere(path) as process:
            document = json.loads(run_here("drop", "--json", "--explain", str(path)).stdout)
        assert document["kept"] == {"MAPPED": MIB}
        holders = document["holders"]
        assert process in [holder["process"] for holder in holders["found"]]
        assert (holders["hidden_processes"], holders["error"]) == (False, None)

    def test_json_names_the_processes_that_the_text_names(
        self, ext4: Path, make_file: MakeFile
    ) -> None:
        """Nobody is asked about what an edge explains, though a process has it open."""
        path = make_file(MIB, "warm", ext4)
        options = ["drop", "--explain", "-p", "1-1M", str(path)]
        with path.open("rb"):
            text = run_here(*options).stdout
            document = json.loads(run_here(*options, "--json").stdout)
        assert "process" not in text
        assert [*document["kept"]] == ["EDGE"]
        assert document["holders"]["found"] == []

    def test_porcelain_is_a_line_a_file(self, make_file: MakeFile, tmp_path: Path) -> None:
        path = make_file(MIB, "dirty")
        result = run_here("drop", "--porcelain", str(path), str(tmp_path / "missing"))
        assert result.stdout == (
            f"SUCCESS\t{MIB}\t0\t{MIB}\t-\t{path}\n"
            f"FILE_OPEN_FAILED\t-\t-\t0\t-\t{tmp_path}/missing\n"
        )


class TestInterruption:
    def test_tells_the_totals_so_far(self, capsys: pytest.CaptureFixture[str]) -> None:
        progress = LiveProgress("evicted", quiet=True)
        progress(2, 4, 3072)
        with pytest.raises(KeyboardInterrupt), progress:
            raise KeyboardInterrupt
        assert capsys.readouterr().err == "Interrupted: 2 of 4 files done, 3.0 KiB evicted.\n"

    def test_draws_a_bar_and_ends_with_the_totals_so_far(self, long_list: Path) -> None:
        with in_terminal("drop", "-w", "1", "--from", str(long_list), columns=100) as running:
            process, terminal = running
            text = b""
            for chunk in chunks(terminal):
                text += chunk
                if b"/s" in text:
                    process.send_signal(signal.SIGINT)
                    break
            text += b"".join(chunks(terminal))
            assert process.wait() == INTERRUPTED
        assert b"Traceback" not in text
        assert b"Interrupted: " in text

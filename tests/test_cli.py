"""The command line has the entry points, outputs and exit codes that scripts rely on."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import accv_cache
from accv_cache._cli import query
from accv_cache._cli.front import COMMANDS
from support.command import (
    COMMAND,
    chunks,
    run,
    run_here,
    run_in_shell,
    run_python,
    shell_in_terminal,
)
from support.files import MakeFile

USAGE_ERROR = 64
MISSING_EXTRA = 69
PIPE_CLOSED = 141
UNFORESEEN = 70
MIB = 1024 * 1024

VERBS = ["query", "prefetch", "drop"]
MEMORY = ["--cgroup", "--machine", "--pid 1", "--cgroup-path /"]
OF_FILES = [
    "x",
    "--watch",
    "--interval 2",
    "--depth 1",
    "--no-maps",
    "--from x",
    "-0",
    "--only x",
    "--ignore x",
    "--follow",
    "--one-file-system",
    "--range 1M-",
    "--max-size 1M",
    "--workers 1",
]


class TestUsage:
    @pytest.mark.parametrize(
        "arguments",
        [
            [],
            ["rewind"],
            ["demo", "x"],
            ["completion", "csh"],
            ["query", "--cgroup", "x"],
            ["query", "--watch", "--json", "x"],
            *(
                [verb, *more]
                for verb in VERBS
                for more in (
                    [],
                    ["--sideways", "x"],
                    ["--json", "--porcelain", "x"],
                    ["--from", "missing.txt"],
                    ["-p", "2M-1M", "x"],
                    ["-m", "heavy", "x"],
                    ["-w", "0", "x"],
                )
            ),
            ["drop", "--until", "half", "x"],
            ["drop", "--until", "half%", "x"],
        ],
        ids=" ".join,
    )
    def test_errors_are_exit_code_64_and_write_no_data(self, arguments: list[str]) -> None:
        result = run_here(*arguments)
        assert (result.returncode, result.stdout) == (USAGE_ERROR, "")
        assert result.stderr.startswith("Usage: accv-cache")
        assert "Traceback" not in result.stderr

    @pytest.mark.parametrize(
        "arguments",
        [
            *(f"query {memory} {ignored}" for memory in MEMORY for ignored in OF_FILES),
            "query --machine --cgroup",
            "query --machine --pid 1",
            "query --pid 1 --cgroup-path /",
            *(f"query x --watch {ignored}" for ignored in ("--json", "-q", "--depth 1")),
            *(f"drop x -n {ignored}" for ignored in ("--verify", "--explain", "--fail-fast")),
            *(f"{verb} x --json -z" for verb in VERBS),
        ],
    )
    def test_no_option_is_silently_ignored(self, arguments: str) -> None:
        result = run_here(*arguments.split())
        assert (result.returncode, result.stdout) == (USAGE_ERROR, "")
        assert "goes without" in result.stderr

    def test_those_are_all_options_that_look_at_files(self) -> None:
        for_memory = {"Memory as a whole", "Output"}
        of_files = [
            each for each in query.command.params if getattr(each, "group", "") not in for_memory
        ]
        named = {"x" if each.name == "paths" else each.opts[-1] for each in of_files}
        assert named == {option.split()[0] for option in OF_FILES}

    @pytest.mark.parametrize("command", [[], *([each] for each in COMMANDS)], ids=" ".join)
    def test_help_does_not_depend_on_docstrings(self, command: list[str]) -> None:
        def help_text(*options: str) -> str:
            return subprocess.run(
                [sys.executable, *options, "-m", "accv_cache", *command, "--help"],
                capture_output=True,
                check=True,
                encoding="utf-8",
            ).stdout

        assert help_text("-OO") == help_text()

    def test_help_is_the_same_by_any_way_in(self) -> None:
        by_module = subprocess.run(
            [sys.executable, "-m", "accv_cache", "--help"],
            capture_output=True,
            check=True,
            encoding="utf-8",
        )
        result = run("--help")
        assert result.returncode == 0
        assert result.stdout == by_module.stdout == run("-h").stdout
        assert result.stdout.startswith("Usage: accv-cache COMMAND [OPTIONS]")

    @pytest.mark.parametrize("arguments", [("drop", "--help"), ("drop", __file__)])
    def test_is_answered_without_what_takes_long_to_import(
        self, arguments: tuple[str, ...]
    ) -> None:
        result = run_python(
            "import sys\n"
            "from accv_cache.__main__ import main\n"
            f"sys.argv = ['accv-cache', *{arguments!r}]\n"
            "assert main() == 0\n"
            "assert 'accv_cache._cli.query' not in sys.modules\n"
            "slow = {'av', 'json', 'rich', 'importlib.metadata'}\n"
            "assert not slow & set(sys.modules)\n"
        )
        assert (result.returncode, result.stderr) == (0, "")

    def test_query_of_a_file_imports_nothing_of_the_other_commands(self) -> None:
        result = run_python(
            "import sys\n"
            "from accv_cache.__main__ import main\n"
            f"sys.argv = ['accv-cache', 'query', {__file__!r}]\n"
            "assert main() == 0\n"
            "others = ('_cgroup', '_drop', '_drop_report', '_holders', '_machine')\n"
            "assert not {f'accv_cache.{other}' for other in others} & set(sys.modules)\n"
            "assert 'accv_cache._cli.directories' not in sys.modules\n"
        )
        assert (result.returncode, result.stderr) == (0, "")

    def test_version_is_that_of_the_package(self) -> None:
        assert run("--version").stdout == f"accv-cache {accv_cache.__version__}\n"


class TestExamples:
    @pytest.fixture
    def directory(self, ext4: Path) -> Path:
        """A directory with the files that the examples name."""
        (ext4 / "videos" / "old").mkdir(parents=True)
        for name in ("clip.mp4", "other.mkv", "old/clip.mp4"):
            (ext4 / "videos" / name).write_bytes(bytes(20 * MIB))
        return ext4

    @staticmethod
    def examples(command: str) -> Iterator[str]:
        """The commands in the help text."""
        _, _, rest = run_here(command, "--help").stdout.partition("  Examples:\n")
        for line in rest.splitlines():
            if not line.startswith("    "):
                return
            yield line.strip()

    @pytest.mark.parametrize("command", [*VERBS, "completion", "demo"])
    def test_of_the_help_work(self, command: str, directory: Path) -> None:
        examples = list(self.examples(command))
        assert examples
        for example in examples:
            result = run_in_shell(example, directory)
            assert (result.returncode, result.stderr) == (0, ""), example


class TestReadersThatGoAway:
    @pytest.mark.parametrize(
        "arguments",
        ["--help", "query {0}", "query --porcelain {0}", "query --json {0}", "drop {0}"],
    )
    def test_end_it_quietly_like_sigpipe(self, arguments: str, make_file: MakeFile) -> None:
        self.check(arguments.format(make_file(MIB)).split())

    def test_do_so_for_the_demo_too(self, ext4: Path) -> None:
        self.check(["demo", "--directory", str(ext4)])
        assert list(ext4.glob("accv-cache-*")) == []

    @staticmethod
    def check(arguments: list[str]) -> None:
        reader, writer = os.pipe()
        os.close(reader)  # before it starts, or it could write all of it in time
        with os.fdopen(writer) as gone:
            ended = subprocess.run(
                [COMMAND, *arguments], stdout=gone, stderr=subprocess.PIPE, check=False
            )
        assert (ended.returncode, ended.stderr) == (PIPE_CLOSED, b"")


class TestCompletion:
    @pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
    def test_script_is_printed(self, shell: str) -> None:
        result = run_here("completion", shell)
        assert (result.returncode, result.stderr) == (0, "")
        assert "_ACCV_CACHE_COMPLETE" in result.stdout

    @pytest.mark.parametrize(
        ("typed", "offered"),
        [("accv-cache q", "query"), ("accv-cache drop --dr", "--dry-run")],
    )
    def test_offers_commands_and_options(self, typed: str, offered: str) -> None:
        result = run(
            _ACCV_CACHE_COMPLETE="bash_complete", COMP_WORDS=typed, COMP_CWORD=str(typed.count(" "))
        )
        assert result.stdout == f"plain,{offered}\n"

    def test_leaves_paths_to_the_shell(self) -> None:
        result = run(
            _ACCV_CACHE_COMPLETE="bash_complete", COMP_WORDS="accv-cache drop vid", COMP_CWORD="2"
        )
        assert result.stdout == "file,vid\n"

    @pytest.mark.parametrize(
        ("shell", "setup"),
        [
            ("bash --norc", 'eval "$(accv-cache completion bash)"'),
            (
                "zsh -f",
                'autoload -Uz compinit; compinit -u; eval "$(accv-cache completion zsh)"',
            ),
            ("fish --no-config", "accv-cache completion fish | source"),
        ],
        ids=["bash", "zsh", "fish"],
    )
    def test_works_when_somebody_presses_tab(self, shell: str, setup: str, tmp_path: Path) -> None:
        command = shell.split()
        with shell_in_terminal(*command, home=tmp_path) as (process, terminal):
            # Quoted, to tell the output from the echo of the input.
            os.write(terminal, f"{setup}; echo rea''dy\n".encode())
            text = b""
            while b"ready" not in text:
                text += next(chunks(terminal))
            os.write(terminal, b"accv-cache q\t--help\nexit\n")
            text = b"".join(chunks(terminal))
            assert process.wait() == 0
        assert b"Usage: accv-cache query" in text


class TestMissingPackages:
    @pytest.mark.parametrize(("package", "extra"), [("click", "cli"), ("av", "demo")])
    def test_are_named_with_what_to_install(self, package: str, extra: str) -> None:
        result = run_python(_without(package, "demo"))
        assert (result.returncode, result.stdout) == (MISSING_EXTRA, "")
        assert result.stderr == (
            f"accv-cache: {package} is not installed; try: pip install 'accv_cache[{extra}]'\n"
        )

    def test_of_the_demo_are_not_missed_elsewhere(self, make_file: MakeFile) -> None:
        result = run_python(_without("av", "drop", str(make_file(1))))
        assert (result.returncode, result.stderr) == (0, "")

    @pytest.mark.parametrize("argument", ["-h", "--help", "--version", "--includes"])
    def test_are_not_missed_by_what_needs_none(self, argument: str) -> None:
        result = run_python(_without("click", argument))
        assert (result.returncode, result.stderr) == (0, "")
        assert result.stdout == run(argument).stdout != ""

    def test_do_not_hide_a_broken_installation(self) -> None:
        result = run_python(_without("accv_cache._cli.drop", "drop", "--help"))
        assert result.returncode == UNFORESEEN
        assert "ModuleNotFoundError" in result.stderr


def _without(module: str, *arguments: str) -> str:
    """A program that runs the command line where `module` cannot be imported."""
    return (
        "import sys\n"
        f"sys.modules[{module!r}] = None\n"
        f"sys.argv = ['accv-cache', *{arguments!r}]\n"
        "from accv_cache.__main__ import main\n"
        "sys.exit(main())\n"
    )

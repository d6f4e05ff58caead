"""Runs the installed command, in pipes and in a pseudo-terminal."""

import fcntl
import io
import os
import pty
import struct
import subprocess
import sys
import sysconfig
import termios
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import NamedTuple
from unittest.mock import patch

import accv_cache._cli.commands  # noqa: F401 - another user may not be able to import it
from accv_cache.__main__ import main
from support.needs import need

COMMAND = str(Path(sysconfig.get_path("scripts")) / "accv-cache")

# Variables that would change the output.
_UNWANTED = {"CLICOLOR", "COLUMNS", "FORCE_COLOR", "LINES", "NO_COLOR", "TTY_COMPATIBLE"}


class Screen(NamedTuple):
    """The exit code of a command in a terminal, and all its output."""

    returncode: int
    text: str


def run(
    *arguments: str, given: str | None = None, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run `accv-cache` in pipes, `given` as standard input, with more environment variables."""
    return subprocess.run(
        [COMMAND, *arguments],
        env=_environment(**variables),
        input=given,
        capture_output=True,
        check=False,
        encoding="utf-8",
        errors="surrogateescape",
    )


def run_here(
    *arguments: str, program: Callable[[], int] = main
) -> subprocess.CompletedProcess[str]:
    """Run `accv-cache` in this process: soon, before the kernel reclaims pages, and cheaply.

    It also works for a user who cannot run the installed command, and for another program.
    """
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", "surrogateescape") for _ in range(2))
    argv = patch.object(sys, "argv", ["accv-cache", *arguments])
    variables = patch.dict(os.environ, _environment(), clear=True)
    with argv, variables, redirect_stdout(out), redirect_stderr(err):
        code = program()
    for stream in (out, err):
        stream.seek(0)
    return subprocess.CompletedProcess(arguments, code, out.read(), err.read())


def run_in_shell(line: str, directory: Path) -> subprocess.CompletedProcess[str]:
    """Run a command line of bash in a directory, where `accv-cache` is found."""
    need("bash", "head")
    places = f"{Path(COMMAND).parent}:{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", line],
        env=_environment(PATH=places),
        cwd=directory,
        capture_output=True,
        check=False,
        encoding="utf-8",
    )


def run_python(program: str) -> subprocess.CompletedProcess[str]:
    """Run a program of Python in pipes, in a new interpreter."""
    return subprocess.run(
        [sys.executable, "-c", program],
        env=_environment(),
        capture_output=True,
        check=False,
        encoding="utf-8",
    )


def run_in_terminal(*arguments: str, columns: int = 80, **variables: str) -> Screen:
    """Run `accv-cache` in a pseudo-terminal of that width."""
    with in_terminal(*arguments, columns=columns, **variables) as (process, terminal):
        text = b"".join(chunks(terminal)).decode()
        return Screen(process.wait(), text)


@contextmanager
def in_terminal(
    *arguments: str, columns: int = 80, **variables: str
) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """Start `accv-cache` in a pseudo-terminal: the process, and the terminal's other end."""
    with _in_terminal([COMMAND, *arguments], columns, **variables) as started:
        yield started


@contextmanager
def shell_in_terminal(*command: str, home: Path) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """Start an interactive shell in a pseudo-terminal that it controls, with `accv-cache` in it."""
    need(command[0], "setsid")
    places = f"{Path(COMMAND).parent}:{os.environ['PATH']}"
    with _in_terminal(
        ["setsid", "--ctty", "--wait", *command], 80, PATH=places, HOME=str(home)
    ) as started:
        yield started


@contextmanager
def _in_terminal(
    command: list[str], columns: int, **variables: str
) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    need("pseudo-terminals")
    ours, theirs = pty.openpty()
    try:
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("4H", 40, columns, 0, 0))
        process = subprocess.Popen(
            command,
            env=_environment(**{"TERM": "xterm-256color", **variables}),
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        # The terminal ends when the last descriptor of it is closed.
        os.close(theirs)
        with process:
            yield process, ours
    finally:
        os.close(ours)


def chunks(terminal: int) -> Iterator[bytes]:
    """Read what the program writes, until it has ended."""
    while True:
        try:
            chunk = os.read(terminal, 1 << 16)
        except OSError:  # EIO: no process has the other end open any more
            return
        yield chunk


def _environment(**variables: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in _UNWANTED}
    return {**kept, **variables}

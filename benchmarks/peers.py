"""What accv_cache is compared with.

The command-line programs are timed as a whole, from the start of the process to its end, because
their users pay for that. Each handles all files in a single process, so that the start counts once:
a few milliseconds, of the half second and more that 50,000 files take.
"""

import ctypes
import importlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

from .measure import Contender, NotRun, Run
from .states import command

CROWDED_BYTES = 64 << 20
LENGTHS = range(5 << 18, CROWDED_BYTES, 5 << 18)
"""What a program has read of a file when it drops that: to the middle of large folios, which stay
where they are cut."""


def _python_loop(paths: list[str]) -> Run:
    def run() -> None:
        for path in paths:
            fd = os.open(path, os.O_RDONLY)
            os.fstat(fd)
            os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(fd)

    return run


def _python_sync_loop(paths: list[str]) -> Run:
    def run() -> None:
        for path in paths:
            fd = os.open(path, os.O_RDONLY)
            os.fdatasync(fd)
            os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(fd)

    return run


def _python_loop_as_read(paths: list[str]) -> Run:
    [path] = paths

    def run() -> None:
        for length in LENGTHS:
            fd = os.open(path, os.O_RDONLY)
            os.fstat(fd)
            os.posix_fadvise(fd, 0, length, os.POSIX_FADV_DONTNEED)
            os.close(fd)

    return run


@cache
def _bare_library() -> ctypes.CDLL:
    with tempfile.TemporaryDirectory() as directory:
        library = f"{directory}/bare_loop.so"
        source = Path(__file__).with_name("bare_loop.c")
        command("cc", "-O2", "-shared", "-fPIC", "-o", library, str(source))
        return ctypes.CDLL(library)


def _c_loop(paths: list[str]) -> Run:
    bare_loop = _bare_library().bare_loop
    bare_loop.restype = ctypes.c_size_t
    count = ctypes.c_size_t(len(paths))
    array = (ctypes.c_char_p * len(paths))(*map(os.fsencode, paths))

    def run() -> None:
        if failed := bare_loop(array, count):
            why = f"the C loop failed on {failed} files"
            raise RuntimeError(why)

    return run


def _kvikio(paths: list[str]) -> Run:
    try:
        drop_file_page_cache = importlib.import_module("kvikio").drop_file_page_cache
    except (ImportError, RuntimeError):  # RuntimeError: a library that it loads is missing
        why = "KvikIO is not installed"
        raise NotRun(why) from None

    def run() -> None:
        for path in paths:
            drop_file_page_cache(path)

    return run


def program(name: str, *arguments: str) -> list[str]:
    """Find a program, or `NotRun`."""
    path = shutil.which(name)
    if path is None:
        why = f"{name} is not installed"
        raise NotRun(why)
    return [path, *arguments]


def _vmtouch(*arguments: str) -> Callable[[list[str]], Run]:
    def make(paths: list[str]) -> Run:
        # From a list in a file, as 50,000 whole paths are more than a command line may hold.
        listed = Path(paths[0]).parent.with_suffix(".list")
        listed.write_text("".join(f"{path}\n" for path in paths))
        command_line = program("vmtouch", *arguments, "-b", str(listed))
        return lambda: subprocess.run(command_line, check=True, stdout=subprocess.DEVNULL)

    return make


def _fincore(paths: list[str]) -> Run:
    # It takes files as arguments only: short names, in their directory, fit one command line.
    command_line = program(
        "fincore", "--raw", "--bytes", "--noheadings", *(Path(path).name for path in paths)
    )
    directory = Path(paths[0]).parent
    return lambda: subprocess.run(
        command_line, check=True, cwd=directory, stdout=subprocess.DEVNULL
    )


def _cat(paths: list[str]) -> Run:
    command_line = program("cat", *paths)
    return lambda: subprocess.run(command_line, check=True, stdout=subprocess.DEVNULL)


def each_start(command_line: Callable[[str], list[str]], paths: list[str]) -> Run:
    """Start a program once a path, as one start is too short to time."""
    starts = [command_line(path) for path in paths]

    def run() -> None:
        for start in starts:
            subprocess.run(start, check=True, stdout=subprocess.DEVNULL)

    return run


def interpreter(statement: str) -> Callable[[str], list[str]]:
    """Python, for one statement."""
    return lambda _: [sys.executable, "-c", statement]


python_loop = Contender("Python loop", _python_loop)
python_sync_loop = Contender("fdatasync and fadvise loop", _python_sync_loop)
python_loop_as_read = Contender("Python loop", _python_loop_as_read)
c_loop = Contender("C loop", _c_loop)
kvikio = Contender("KvikIO", _kvikio)
vmtouch_evict = Contender("vmtouch -e", _vmtouch("-q", "-e"))
vmtouch_query = Contender("vmtouch", _vmtouch("-q"))
# It skips what is larger than -m.
vmtouch_touch = Contender("vmtouch -t", _vmtouch("-q", "-t", "-m", "1024G"))
cat = Contender("cat", _cat)
fincore = Contender("fincore", _fincore)
bare_interpreter = Contender("bare interpreter", partial(each_start, interpreter("pass")))

"""`python -m accv_cache`, and the console script `accv-cache`."""

import errno
import sys
from collections.abc import Callable
from importlib import import_module

import accv_cache
from accv_cache import get_cmake_dir, get_include
from accv_cache._cli.front import NAME, first_screen
from accv_cache._cli.terminal import OutputError, complain, prepare_streams, write
from accv_cache._exit_codes import (
    INTERRUPTED,
    MISSING_EXTRA,
    NOT_LINUX,
    NOT_WRITTEN,
    PIPE_CLOSED,
    UNFORESEEN,
)

_EXTRAS = {"click": "cli", "av": "demo", "torch": "torch"}

# These work without any extra: builds of C++ programs use the folders.
_ANSWERS = {
    "-h": first_screen,
    "--help": first_screen,
    "--version": lambda: f"{NAME} {accv_cache.__version__}",
    "--cmakedir": get_cmake_dir,
    "--includes": lambda: "-I" + get_include(),
}


def main() -> int:
    """Run the command line and return the exit code."""
    return run_commands("accv_cache._cli.commands", _ANSWERS.get(" ".join(sys.argv[1:])))


def run_commands(module: str, answer: Callable[[], str] | None = None) -> int:
    """Write an answer, or else let the module run the command; return the exit code."""
    prepare_streams()
    try:
        code = _run(module) if answer is None else _write(answer)
        sys.stdout.flush()  # here, where a failure can still be reported
    except KeyboardInterrupt:
        return INTERRUPTED
    except OutputError as error:
        if error.number == errno.EPIPE:
            return PIPE_CLOSED
        complain(str(error))
        return NOT_WRITTEN
    except Exception:  # noqa: BLE001 - Python itself would end with a code that has a meaning
        import traceback  # noqa: PLC0415 - it takes longer to import than all of this package

        traceback.print_exc()
        return UNFORESEEN
    return code


def _run(module: str) -> int:
    try:
        code: int = import_module(module).run()  # here, to name an extra that is missing
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        extra = _EXTRAS.get(package)
        if extra is None:
            raise
        complain(f"{package} is not installed; try: pip install 'accv_cache[{extra}]'")
        return MISSING_EXTRA
    return code


def _write(answer: Callable[[], str]) -> int:
    try:
        write(answer())
    except FileNotFoundError as error:  # only the package for Linux has headers
        complain(str(error))
        return NOT_LINUX
    return 0


if __name__ == "__main__":
    sys.exit(main())

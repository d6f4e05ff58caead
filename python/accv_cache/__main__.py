"""`python -m accv_cache`, and the console script `accv-cache`."""

import os
import sys

from accv_cache import get_cmake_dir, get_include
from accv_cache._exit_codes import INTERRUPTED, MISSING_EXTRA, PIPE_CLOSED

_EXTRAS = {"click": "cli", "rich": "cli", "av": "demo"}


def _includes() -> str:
    return "-I" + get_include()


# What builds of C++ programs ask for; they have no extra installed.
_PATHS = {"--cmakedir": get_cmake_dir, "--includes": _includes}


def main() -> int:
    """Run the command line; the result is the exit code."""
    path = _PATHS.get(" ".join(sys.argv[1:]))
    if path is not None:
        try:
            sys.stdout.write(path() + "\n")
        except FileNotFoundError as error:
            sys.exit(f"accv-cache: {error}")
        return 0
    try:
        # Here, so that a missing extra can be told from a broken installation.
        from accv_cache._cli import run  # noqa: PLC0415

        code = run()
        sys.stdout.flush()  # here, where a pipe that is closed can still be told
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # What is still in the buffer would fail again when the interpreter ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE_CLOSED
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        extra = _EXTRAS.get(package)
        if extra is None:
            raise
        sys.stderr.write(
            f"accv-cache: {package} is not installed; try: pip install 'accv_cache[{extra}]'\n"
        )
        return MISSING_EXTRA
    return code


if __name__ == "__main__":
    sys.exit(main())

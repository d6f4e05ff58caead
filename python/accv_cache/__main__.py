"""`python -m accv_cache`, and the console script `accv-cache`."""

import sys

_EXTRAS = {"click": "cli", "rich": "cli", "av": "demo"}
_MISSING_EXTRA = 69  # EX_UNAVAILABLE of sysexits.h, which `os` has on Unix only
_INTERRUPTED = 130  # what a shell reports after Ctrl-C: 128 + SIGINT


def main() -> int:
    """Run the command line; the result is the exit code."""
    try:
        # Here, so that a missing extra can be told from a broken installation.
        from accv_cache._cli import run  # noqa: PLC0415

        return run()
    except KeyboardInterrupt:
        return _INTERRUPTED
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        extra = _EXTRAS.get(package)
        if extra is None:
            raise
        sys.stderr.write(
            f"accv-cache: {package} is not installed; try: pip install 'accv_cache[{extra}]'\n"
        )
        return _MISSING_EXTRA


if __name__ == "__main__":
    sys.exit(main())

"""Interpreters with a GIL of their own inside this process, since Python 3.12."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

if sys.version_info >= (3, 14):
    from concurrent import interpreters
elif sys.version_info >= (3, 13):
    import _interpreters
elif sys.version_info >= (3, 12):
    import _xxsubinterpreters


class SubinterpreterError(Exception):
    """The exception of a program in a subinterpreter, as text."""


@contextmanager
def subinterpreter() -> Iterator[Callable[[str], None]]:
    """A new interpreter: a function that runs a program there, and raises what it raises."""
    if sys.version_info >= (3, 14):
        new = interpreters.create()
        try:
            yield new.exec
        finally:
            new.close()
    elif sys.version_info >= (3, 13):
        number = _interpreters.create("isolated")

        def run(program: str) -> None:
            error = _interpreters.exec(number, program)
            if error is not None:
                raise SubinterpreterError(error.errdisplay)

        try:
            yield run
        finally:
            _interpreters.destroy(number)
    elif sys.version_info >= (3, 12):
        number = _xxsubinterpreters.create(isolated=True)
        try:
            yield lambda program: _xxsubinterpreters.run_string(number, program)
        finally:
            _xxsubinterpreters.destroy(number)
    else:
        msg = "a subinterpreter has a GIL of its own since Python 3.12"
        raise NotImplementedError(msg)

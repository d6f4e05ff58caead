"""Counts this process's descriptors, and limits them."""

import gc
import resource
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count, islice
from pathlib import Path


def open_descriptors() -> dict[int, str]:
    """Every open descriptor of this process and what it refers to."""
    found = {}
    for entry in list(Path("/proc/self/fd").iterdir()):
        # The descriptor that listed the directory is closed by now.
        with suppress(FileNotFoundError):
            found[int(entry.name)] = str(entry.readlink())
    return found


@contextmanager
def scarce_descriptors(free: int) -> Iterator[None]:
    """Lower RLIMIT_NOFILE so that exactly `free` more descriptors can be opened.

    The garbage collector closes none meanwhile.
    """
    gc.collect()
    gc.disable()
    taken = open_descriptors()
    unused = (number for number in count() if number not in taken)
    limit = next(islice(unused, free, None))
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        gc.enable()

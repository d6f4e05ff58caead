"""What tests do with a budget, in a module that a worker of any start method can import."""

from pathlib import Path

from accv_cache import CacheBudget
from support import residency


def pass_through(budget: CacheBudget, *paths: Path) -> None:
    """Use and read each file, one after another."""
    for path in paths:
        with budget.use(path):
            residency.warm(path)


def kept_after(budget: CacheBudget, path: Path) -> int:
    """How many bytes of the file are resident when it was used."""
    pass_through(budget, path)
    return residency.resident_bytes(path)

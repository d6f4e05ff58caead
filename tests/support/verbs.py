"""The verbs, a row each. What holds for all of them is tested once for each row."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from accv_cache import DropCacheStatus, drop, prefetch, query
from support import residency
from support.files import State
from support.residency import PAGE, kept_bytes, resident_bytes, whole_pages


class Verb(NamedTuple):
    """One verb: how it is called, and what it does to a file."""

    call: Callable[..., Any]
    before: State
    """The state of a file that it has something to do with."""
    after: State
    """The state of such a file afterwards."""
    bytes_of: Callable[[Any], int | None]
    """The bytes of a record that it is about; its progress adds them up."""
    word: str
    """What the sum of these bytes is called in a report for a log."""
    pipe_error: str | None
    """The name of the errno of a pipe; None: it succeeds, with nothing in it."""
    refusal: str | None = "FADVISE_FAILED"
    """The `DropCacheStatus` of what can have no pages; None: its results have no status."""

    @property
    def changes(self) -> bool:
        """Whether it has nothing to do with a file the second time."""
        return self.before != self.after

    def has_status(self, result: Any, name: str) -> bool:  # noqa: ANN401 - of any verb
        """Whether a report or record has the status with this name, or none at all."""
        return self.refusal is None or result.status is DropCacheStatus[name]

    def has_refused(self, result: Any) -> bool:  # noqa: ANN401 - of any verb
        """Whether a report or record has the status of what can have no pages, or none at all."""
        return self.refusal is None or self.has_status(result, self.refusal)

    def has_succeeded(self, result: Any) -> bool:  # noqa: ANN401 - of any verb
        """Whether a report or record has the status of success, or none at all."""
        return self.has_status(result, DropCacheStatus.SUCCESS.name)

    def total(self, report: Any) -> int:  # noqa: ANN401 - of any verb
        """The bytes of all records that have a figure."""
        return sum(self.bytes_of(record) or 0 for record in report)

    def write(self, path: Path, size: int = PAGE) -> Path:
        """Make a file in the state before, and the folders that it is in. It may be dirty."""
        path.parent.mkdir(parents=True, exist_ok=True)
        residency.dirty(path, size)
        if self.before == "cold":
            residency.cold(path)
        return path

    def has_done(self, *paths: Path | str) -> bool:
        """Whether the files are in the state afterwards."""
        return all(_is(self.after, path) for path in paths)

    def has_spared(self, *paths: Path | str) -> bool:
        """Whether the files are still in the state before."""
        return all(_is(self.before, path) for path in paths)


def _is(state: State, path: Path | str) -> bool:
    whole = whole_pages(Path(path).stat().st_size)
    return resident_bytes(path) == 0 if state == "cold" else kept_bytes(path) == whole


VERBS = {
    "drop": Verb(drop, "warm", "cold", lambda record: record.evicted_bytes, "evicted", "ESPIPE"),
    "query": Verb(
        query,
        "warm",
        "warm",
        lambda record: record.resident_bytes,
        "resident",
        pipe_error=None,
        refusal=None,
    ),
    "prefetch": Verb(
        prefetch,
        "cold",
        "warm",
        lambda record: record.loaded_bytes,
        "loaded",
        "ESPIPE",
        refusal="UNKNOWN_ERROR",
    ),
}

Prepare = Callable[[int], Path]
"""Makes a file of a size in the state before; see the fixture `prepare`."""

each_verb = pytest.mark.parametrize("verb", VERBS.values(), ids=VERBS)
"""Run a test, or all tests of a class, for each verb."""

"""Every verb on every kind of file system, with a file in every state.

The expected result of a cell follows from the columns of two tables: `KINDS` (what the page cache
does there) and `STATES` (what holds pages). Independent readers are asked before and after, and no
file changes but by the test.
"""

import errno
import hashlib
import mmap
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from pathlib import Path
from typing import NamedTuple

import pytest

from accv_cache import (
    CacheBudget,
    DropCacheStatus,
    KeptReason,
    MissingReason,
    drop,
    holders,
    prefetch,
    query,
)
from reliability.kinds import FOUR_GIB, KINDS, Kind
from support import residency
from support.residency import PAGE, mincore_spans, whole_pages

pytestmark = pytest.mark.usefixtures("no_leaked_descriptors")


def clean(path: Path) -> AbstractContextManager[Path]:
    """Nothing happens to it."""
    return nullcontext(path)


@contextmanager
def dirty(path: Path) -> Iterator[Path]:
    """It was written, and holds what was written to the end."""
    start, _ = data_of(path)[-1]
    with path.open("rb+", buffering=0) as file:
        text = os.pread(file.fileno(), 4 * PAGE, start)
        os.pwrite(file.fileno(), text[::-1], start)
        yield path
        assert os.pread(file.fileno(), 4 * PAGE, start) == text[::-1]
        os.pwrite(file.fileno(), text, start)


@contextmanager
def mapped(path: Path) -> Iterator[Path]:
    """This process has its data mapped, and has touched each page."""
    with path.open("rb") as file:
        start, stop = data_of(path)[-1]
        mapping = mmap.mmap(file.fileno(), stop - start, prot=mmap.PROT_READ, offset=start)
    with mapping:
        mapping[::PAGE]
        yield path


@contextmanager
def mlocked(path: Path) -> Iterator[Path]:
    """Its pages are locked in memory."""
    with residency.mlocked(path):
        yield path


@contextmanager
def unlinked(path: Path) -> Iterator[int]:
    """It has no name any more, only a descriptor."""
    doomed = path.with_name("doomed")
    doomed.write_bytes(path.read_bytes())
    with doomed.open("rb") as file:
        os.fsync(file.fileno())
        doomed.unlink()
        yield file.fileno()


@contextmanager
def meanwhile(path: Path, change: Callable[[], object]) -> Iterator[Path]:
    """Change the file over and over, while the verb works and once at least."""
    done = threading.Event()
    errors: list[BaseException] = []

    def work() -> None:
        try:
            change()
            while not done.is_set():
                change()
        except OSError as error:
            errors.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield path
    finally:
        done.set()
        thread.join()
    assert errors == []


def growing(path: Path) -> AbstractContextManager[Path]:
    """Another thread appends to it."""
    size = path.stat().st_size

    def grow() -> None:
        with path.open("ab", buffering=0) as file:
            file.write(b"more" * 1000)
        if path.stat().st_size > size + 64 * PAGE:
            os.truncate(path, size)

    return meanwhile(path, grow)


def truncated(path: Path) -> AbstractContextManager[Path]:
    """Another thread takes its second half away and writes it again."""
    text = path.read_bytes()

    def shrink() -> None:
        os.truncate(path, len(text) // 2)
        with path.open("rb+", buffering=0) as file:
            file.write(text)

    return meanwhile(path, shrink)


def replaced(path: Path) -> AbstractContextManager[Path]:
    """Another thread renames another file of the same content over it."""
    text = path.read_bytes()

    def replace() -> None:
        other = path.with_name("other")
        other.write_bytes(text)
        other.rename(path)

    return meanwhile(path, replace)


class State(NamedTuple):
    """What happens to the file before and during the call.

    Attributes:
        layout: The file's name; see `reliability.kinds.fill`.
        hold: What goes on while the verb works.
        writes: Whether it needs to write.
        stays: Why pages may stay after `drop`.
        steady: Whether independent readers can tell what is right.
        grows: Whether bytes may come behind those that were there.
        holes: Whether it has holes, of which prefetch reads nothing.
        renames: Whether another file may have its name at any time.
    """

    layout: str = "plain"
    hold: Callable[[Path], AbstractContextManager[Path | int]] = clean
    writes: bool = False
    stays: KeptReason | None = None
    steady: bool = True
    grows: bool = False
    holes: bool = False
    renames: bool = False


STATES = {
    "clean": State(),
    "dirty": State(hold=dirty, writes=True),
    "mapped": State(hold=mapped, stays=KeptReason.MAPPED),
    "mlocked": State(hold=mlocked, stays=KeptReason.MAPPED),
    "growing": State(hold=growing, writes=True, steady=False, grows=True),
    "truncated": State(hold=truncated, writes=True, steady=False),
    "unlinked": State(hold=unlinked, writes=True),
    "replaced meanwhile": State(hold=replaced, writes=True, steady=False, renames=True),
    "sparse": State(layout="sparse", holes=True),
    "hole-punched": State(layout="hole-punched", holes=True),
    "hard-linked": State(layout="hard-linked"),
    "above 4 GiB": State(layout="above 4 GiB", holes=True),
}
ON_A_DEVICE = ("clean", "dirty", "mapped")
CELLS = [
    pytest.param(kind, state, id=f"{kind}, {state}")
    for kind in KINDS
    for state in STATES
    if kind != "block device" or state in ON_A_DEVICE
    if kind != "squashfs" or state != "above 4 GiB"
    if kind not in ("overlayfs, lower", "squashfs", "read-only") or not STATES[state].writes
]


@pytest.fixture(scope="module")
def kind_of(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Kind]]:
    """The mounted file system of each name."""
    kinds: dict[str, Kind] = {}
    with ExitStack() as stack:

        def mounted(name: str) -> Kind:
            if name not in kinds:
                place = tmp_path_factory.mktemp("kind")
                kinds[name] = stack.enter_context(KINDS[name](place))
            return kinds[name]

        yield mounted


def data_of(path: Path) -> list[tuple[int, int]]:
    """Where the file has data, so that reading 4 GiB of nothing costs nothing."""
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
    return [(0, size)] if size < FOUR_GIB else [(0, PAGE), (FOUR_GIB, size)]


def warm(path: Path) -> None:
    with path.open("rb", buffering=0) as file:
        for start, stop in data_of(path):
            os.pread(file.fileno(), stop - start, start)


def half_warm(path: Path) -> None:
    """Its second half is evicted, as far as that is possible."""
    warm(path)
    start, stop = data_of(path)[-1]
    with path.open("rb", buffering=0) as file:
        os.posix_fadvise(file.fileno(), (start + stop) // 2, 0, os.POSIX_FADV_DONTNEED)


def checksum(path: Path, size: int) -> str:
    digest = hashlib.sha256()
    with path.open("rb", buffering=0) as file:
        for start, stop in data_of(path):
            digest.update(os.pread(file.fileno(), min(stop, size) - start, start))
    return digest.hexdigest()


class Cell:
    """A file of one kind in one state."""

    def __init__(self, kind: Kind, state: State, target: Path | int, data: tuple[int, int]) -> None:
        self.kind, self.state, self.target = kind, state, target
        self.start, self.size = data
        self.path = target if isinstance(target, Path) else Path(f"/proc/self/fd/{target}")

    def may_fail(self, error: OSError | None, *numbers: int) -> bool:
        """Whether it may, with these errors or those of opening it, as another takes its name."""
        if not self.kind.atomic:
            numbers += errno.ENOENT, errno.ESTALE
        return self.state.renames and error is not None and error.errno in numbers

    def drops(self, *, sync: bool) -> None:
        before = self.resident()
        [record] = drop(self.target, sync=sync).files
        assert record.status is DropCacheStatus.SUCCESS or self.may_fail(record.error)
        after = self.resident()
        if before is None or after is None:
            return
        if record.before_bytes is not None and not self.kind.forgets:
            assert record.before_bytes == before
        if record.after_bytes is not None:
            assert record.after_bytes == after
            assert sum((record.kept or {}).values()) == after
        stayed = set(record.kept or ())
        if not self.kind.evicts:
            assert after == before
        elif self.state.stays:
            assert stayed <= {self.state.stays}
        elif not self.state.writes or (sync and self.kind.syncs):
            assert after == 0
        else:
            assert stayed <= {KeptReason.DIRTY, KeptReason.WRITEBACK, KeptReason.BUSY}

    def queries(self, *, spans: bool) -> None:
        before = self.resident()
        [record] = query(self.target, spans=spans).files
        assert record.error is None or self.may_fail(record.error)
        if before is None:
            return
        if not self.kind.forgets:
            assert record.resident_bytes in (None, before)
            assert self.resident() == before
        if spans and record.spans is not None and isinstance(self.target, Path):
            expected = [(start, min(stop, self.size)) for start, stop in self.seen()]
            # mincore(2) does not see a last page that is only partly up to date.
            if whole_pages(sum(stop - start for start, stop in expected)) == before:
                assert list(record.spans) == expected

    def seen(self) -> list[tuple[int, int]]:
        """The resident ranges by mincore(2); a device cannot be asked that way."""
        return [] if self.kind.device else mincore_spans(self.path)

    def is_loaded(self) -> None:
        before = self.resident(self.start)
        [record] = prefetch(self.target, offset=self.start).files
        succeeded = record.status is DropCacheStatus.SUCCESS
        assert succeeded or self.may_fail(record.error, errno.ESTALE)
        after = self.resident(self.start)
        if before is None or after is None:
            return
        assert record.before_bytes is not None
        assert record.before_bytes <= before
        assert record.after_bytes is not None
        assert record.after_bytes >= after
        assert record.loaded_bytes is not None
        assert record.missing is not None
        # The kernel may have reclaimed pages meanwhile; it may tell of it or not.
        assert set(record.missing) <= {MissingReason.RECLAIMED, MissingReason.NOT_CACHED}
        missing = sum(record.missing.values())
        whole = whole_pages(self.size) - self.start
        least = 0 if self.state.holes else whole
        assert least <= record.after_bytes + missing <= whole
        assert least <= record.before_bytes + record.loaded_bytes + missing
        assert record.before_bytes + record.loaded_bytes <= whole

    def is_used(self) -> None:
        before = self.resident()
        budget = CacheBudget(PAGE)
        try:
            with budget.use(self.path):
                kept = self.seen()
                warm(self.path)
        except OSError as error:
            if self.may_fail(error):
                return
            raise
        after = self.resident()
        if before is None or after is None:
            return
        if not self.kind.evicts or self.kind.device:
            assert budget.dropped_bytes == 0
        else:
            assert after <= before + budget.used_bytes
            if not self.state.stays and not self.state.writes:
                assert budget.used_bytes <= PAGE
            others = whole_pages(self.size) - sum(stop - start for start, stop in kept)
            assert budget.dropped_bytes <= others
        if self.kind.counts and not self.kind.forgets:
            for start, stop in kept:
                now = residency.cachestat(self.path, start, stop - start)
                # The kernel may have reclaimed pages: that leaves a trace, advice does not.
                assert now.resident + now.evicted == stop - start

    def is_held(self) -> None:
        if self.state.stays and isinstance(self.target, Path):
            assert os.getpid() in {each.process for each in holders(self.target).found}

    def resident(self, start: int = 0) -> int | None:
        """From there to the end, by an independent reader; None where it changes all the time."""
        if not self.state.steady:
            return None
        if self.kind.counts:
            # A folio may reach beyond the file's end: squashfs fills whole blocks.
            pages = whole_pages(self.size) - start
            return min(residency.cachestat(self.target, start).resident, pages)
        return sum(stop - max(first, start) for first, stop in self.seen() if stop > start)


class Verb(NamedTuple):
    """A verb, and the state of the cache before."""

    prepare: Callable[[Path], None]
    check: Callable[[Cell], None]


VERBS = {
    "query": Verb(warm, lambda cell: cell.queries(spans=False)),
    "spans": Verb(warm, lambda cell: cell.queries(spans=True)),
    "holders": Verb(warm, Cell.is_held),
    "prefetch": Verb(half_warm, Cell.is_loaded),
    "budget": Verb(half_warm, Cell.is_used),
    "drop, sync=False": Verb(warm, lambda cell: cell.drops(sync=False)),
    "drop": Verb(warm, lambda cell: cell.drops(sync=True)),
}


@pytest.mark.parametrize(("kind_name", "state_name"), CELLS)
def test_matrix(kind_of: Callable[[str], Kind], kind_name: str, state_name: str) -> None:
    kind, state = kind_of(kind_name), STATES[state_name]
    path = kind.device or kind.directory / state.layout
    data = _, size = data_of(path)[-1]
    before, changed = checksum(path, size), path.stat().st_mtime_ns
    for verb in VERBS.values():
        verb.prepare(path)
        with state.hold(path) as target:
            verb.check(Cell(kind, state, target, data))
    if state.grows:
        os.truncate(path, size)
    if state.writes:
        residency.clean(path)  # for the states that come after it
    assert checksum(path, size) == before
    assert state.writes or kind.device or path.stat().st_mtime_ns == changed

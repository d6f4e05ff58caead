"""Paths, options and lists from hypothesis: the result is right, or the documented exception.

The same in every run of the gate. For longer, and others each time:

    ACCV_CACHE_FUZZ_EXAMPLES=100000 pytest tests/reliability/test_fuzz.py
"""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accv_cache import (
    CacheBudget,
    CacheReport,
    DropCacheStatus,
    DropReport,
    LimitError,
    PrefetchReport,
    drop,
    drop_videos_cache,
    prefetch,
    query,
)
from support.descriptors import open_descriptors
from support.examples import examples
from support.residency import PAGE

EXAMPLES = os.environ.get("ACCV_CACHE_FUZZ_EXAMPLES")
fuzzed = examples(int(EXAMPLES or 300), derandomize=not EXAMPLES)

FILES = ["a", "b", "folder/c", "folder/below/d"]
PLACES = [*FILES, "", ".", "folder", "folder/below", "fifo", "loop", "dangling", "missing"]

numbers = st.one_of(
    st.integers(-2, 3),
    st.sampled_from(
        [PAGE - 1, PAGE, PAGE + 1, 2**31, 2**63 - PAGE, 2**63 - 1, 2**63, 2**64, -(2**63)]
    ),
)
words = st.one_of(st.text(max_size=300), st.binary(max_size=300))
options = st.fixed_dictionaries(
    {},
    optional={
        "offset": numbers,
        "length": st.none() | numbers,
        "recursive": st.booleans(),
        "include": st.none() | st.text(max_size=20) | st.lists(st.text(max_size=20), max_size=3),
        "follow_symlinks": st.booleans(),
        "workers": st.none() | st.integers(-1, 70),
    },
)
drop_options = st.fixed_dictionaries(
    {}, optional={"sync": st.booleans(), "fail_fast": st.booleans()}
)
query_options = st.fixed_dictionaries({}, optional={"spans": st.booleans()})
prefetch_options = st.fixed_dictionaries(
    {},
    optional={
        "max_bytes": st.none() | numbers,
        "on_limit": st.sampled_from(["refuse", "stop", "Stop", ""]),
        "wait": st.booleans(),
    },
)
REFUSALS = (TypeError, ValueError, OverflowError)


@pytest.fixture(scope="module")
def tree() -> Iterator[Path]:
    """Files and other items, which no call changes."""
    with tempfile.TemporaryDirectory(dir="/var/tmp", prefix="accv-cache-fuzz-") as name:
        root = Path(name)
        (root / "folder" / "below").mkdir(parents=True)
        for each in FILES:
            (root / each).write_text(each)
        os.mkfifo(root / "fifo")
        (root / "loop").symlink_to("loop")
        (root / "dangling").symlink_to("nowhere")
        yield root


@contextmanager
def nothing_remains(tree: Path) -> Iterator[None]:
    before = open_descriptors()
    yield
    # What an earlier test left to the garbage collector may be closed meanwhile.
    assert open_descriptors().items() <= before.items()
    assert [(tree / each).read_text() for each in FILES] == FILES


def located(tree: Path, item: object) -> object:
    """Generated names are resolved in the tree, so that no file of the machine is evicted."""
    if isinstance(item, str):
        return f"{tree}/{item}"
    if isinstance(item, bytes):
        return os.fsencode(tree) + b"/" + item
    return item


items = st.one_of(
    st.sampled_from(PLACES),
    words,
    st.none(),
    st.floats(),
    st.booleans(),
    st.integers(900, 2**70),
    st.integers(-5, -1),
    st.tuples(),
)
lists = st.lists(items, max_size=12)


@given(made_up=lists)
@fuzzed
def test_drop_videos_cache_never_raises_for_an_item(tree: Path, made_up: list[object]) -> None:
    with nothing_remains(tree):
        paths = [located(tree, each) for each in made_up]
        status = drop_videos_cache(paths)  # type: ignore[arg-type]
        if all(each in FILES for each in made_up):
            assert status is DropCacheStatus.SUCCESS
        if any(each is None or isinstance(each, float | tuple | int) for each in made_up):
            assert status is not DropCacheStatus.SUCCESS


@given(made_up=lists, chosen=options, own=drop_options)
@fuzzed
def test_drop_answers_or_refuses(
    tree: Path, made_up: list[object], chosen: dict[str, object], own: dict[str, object]
) -> None:
    with nothing_remains(tree):
        paths = [located(tree, each) for each in made_up]
        try:
            report = drop(paths, **own, **chosen)  # type: ignore[arg-type]
        except REFUSALS:
            return
        check_texts(report)
        for record in report.files:
            if record.before_bytes is not None and record.after_bytes is not None:
                assert record.after_bytes >= 0
                assert sum((record.kept or {}).values()) == record.after_bytes


@given(made_up=lists, chosen=options, own=query_options)
@fuzzed
def test_query_answers_or_refuses(
    tree: Path, made_up: list[object], chosen: dict[str, object], own: dict[str, object]
) -> None:
    with nothing_remains(tree):
        paths = [located(tree, each) for each in made_up]
        try:
            report = query(paths, **own, **chosen)  # type: ignore[arg-type]
        except REFUSALS:
            return
        check_texts(report)
        for record in report.files:
            assert record.resident_bytes is None or record.resident_bytes >= 0


@given(made_up=lists, chosen=options, own=prefetch_options)
@fuzzed
def test_prefetch_answers_or_refuses(
    tree: Path, made_up: list[object], chosen: dict[str, object], own: dict[str, object]
) -> None:
    with nothing_remains(tree):
        paths = [located(tree, each) for each in made_up]
        try:
            report = prefetch(paths, **own, **chosen)  # type: ignore[arg-type]
        except LimitError as refusal:
            check_limit(refusal)
            return
        except REFUSALS:
            return
        check_texts(report)
        for record in report.files:
            assert record.loaded_bytes is None or record.loaded_bytes >= 0
            assert all(each > 0 for each in (record.missing or {}).values())


figures = numbers | st.none() | st.text(max_size=3)
changes = st.fixed_dictionaries(
    {},
    optional={
        "spans": st.lists(st.tuples(numbers, numbers) | st.lists(figures, max_size=3), max_size=3),
        "size_bytes": figures,
        "resident_bytes": figures,
        "measured": st.tuples(numbers, numbers) | st.lists(figures, max_size=3),
    },
)


@given(made_up=st.lists(st.sampled_from(FILES), max_size=4), changed=changes, own=prefetch_options)
@fuzzed
def test_a_report_that_was_changed_is_restored_or_refused(
    tree: Path, made_up: list[str], changed: dict[str, object], own: dict[str, object]
) -> None:
    with nothing_remains(tree):
        saved = query([tree / each for each in made_up], spans=True).to_dict()
        for each in saved["files"]:
            each.update(changed)
        try:
            warm = CacheReport.from_dict(saved)
            check_texts(warm)
            assert prefetch(warm, **own).ok  # type: ignore[arg-type]
            drop([tree / each for each in made_up], keep=warm)
        except (LimitError, *REFUSALS):
            return


@given(
    most=numbers,
    workers=numbers,
    uses=st.lists(st.tuples(items, numbers, st.none() | numbers), max_size=6),
)
@fuzzed
def test_a_budget_takes_any_file_or_refuses_it(
    tree: Path, most: int, workers: int, uses: list[tuple[object, int, int | None]]
) -> None:
    with nothing_remains(tree):
        try:
            budget = CacheBudget(most, workers=workers)
        except REFUSALS:
            return
        for item, offset, length in uses:
            path = located(tree, item)
            with suppress(OSError, *REFUSALS), budget.use(path, offset, length):  # type: ignore[arg-type]
                assert budget.used_bytes >= 0
        budget.close()
        assert budget.used_bytes == 0


def check_limit(refusal: LimitError) -> None:
    """More is needed than there is."""
    assert refusal.needed_bytes > refusal.available_bytes >= 0


def check_texts(report: DropReport | CacheReport | PrefetchReport) -> None:
    """A report can be shown with any names."""
    assert str(report)
    assert repr(report)
    assert all(map(str, report.files))

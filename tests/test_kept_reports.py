"""Pickles and JSON of each release are kept: they load, and the figures are the same.

`UPDATE_SNAPSHOTS=1 pytest` writes those of this version anew, which only a release that is not out
yet may do.
"""

import errno
import json
import pickle
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import accv_cache
from accv_cache import CacheReport, DropReport, Holder, Holders, PrefetchReport, _core
from support.snapshots import SNAPSHOTS, UPDATES
from support.verbs import VERBS

KEPT = sorted(SNAPSHOTS.glob("reports-*.pickle"))
CURRENT = SNAPSHOTS / f"reports-{accv_cache.__version__}.pickle"


class Kept(NamedTuple):
    """What is kept of a release, pickled as a plain tuple."""

    dropped: DropReport
    found: CacheReport
    records: list[Any]
    holders: Holders
    loaded: PrefetchReport


def table_of(kind: Any, rows: list[tuple[Any, ...]]) -> Any:  # noqa: ANN401 - of the core
    """A table as a call gives it, but with figures that no machine decides."""
    table = kind.__new__(kind)
    table.__setstate__((1, rows, [(b"videos/link", 0)]))
    return table


def dropped() -> DropReport:
    """One file of each kind: evicted, held, unknown, failed, untouched."""
    none = (0,) * 6
    rows = [
        (b"videos/cold.mp4", 0, 0, 0, 8192, 8192, 0, 0, none, (2049, 11)),
        (b"videos/held.mp4", 0, 0, 0, 8192, 8192, 4096, 0, (0, 0, 0, 0, 4096, 0), (2049, 12)),
        (b"videos/foreign.mp4", 0, 0, 0, 8192, None, None, 1, none, (2049, 13)),
        (b"videos/missing.mp4", 2, 2, errno.ENOENT, 0, None, None, 0, none, None),
        (b"videos/next \xff.mp4", None, 0, 0, 0, None, None, 0, none, None),
    ]
    return DropReport(table_of(_core.DropTable, rows))


def found() -> CacheReport:
    """One file of each kind: resident in part, unknown, failed, untouched."""
    figures = (4096, 4096, 0, 0, 0)
    unknown = (None,) * 6
    rows = [
        (b"videos/a.mp4", False, 0, 0, 8192, (0, 8192), 1, 0, *figures, [(4096, 8192)]),
        (b"videos/foreign.mp4", False, 0, 0, 8192, (0, 8192), 0, 1, *unknown),
        (b"videos/missing.mp4", False, 2, errno.ENOENT, 0, (0, 0), 0, 0, *unknown),
        (b"videos/next \xff.mp4", True, 0, 0, 0, (0, 0), 0, 0, *unknown),
    ]
    return CacheReport(table_of(_core.CacheTable, rows))


def loaded() -> PrefetchReport:
    """One file of each kind: loaded, loaded in part, unknown, failed, untouched."""
    none = (0,) * 5
    rows = [
        (b"videos/whole.mp4", 0, 0, 0, 8192, 0, 8192, 0, 8192, none, (2049, 11)),
        (b"videos/part.mp4", 0, 0, 0, 8192, 0, 4096, 0, 4096, (4096, 0, 0, 0, 0), (2049, 12)),
        (b"videos/foreign.mp4", 0, 0, 0, 8192, None, None, 1, None, none, (2049, 13)),
        (b"videos/fifo", 4, 7, errno.ESPIPE, 0, None, None, 0, None, none, None),
        (b"videos/next \xff.mp4", None, 0, 0, 0, None, None, 0, None, none, None),
    ]
    return PrefetchReport(table_of(_core.PrefetchTable, rows))


def of_today() -> Kept:
    """The reports that are kept."""
    holder = Holder(4242, "python", "videos/held.mp4", 4096, is_open=True)
    reports = dropped(), found(), loaded()
    records = [record for report in reports for record in report.files]
    holders = Holders((holder,), 3, hidden_processes=True)
    return Kept(reports[0], reports[1], records, holders, reports[2])


def as_json(kept: Kept) -> dict[str, Any]:
    """The documents of the reports."""
    parts: dict[str, DropReport | CacheReport | Holders | PrefetchReport] = {
        "drop": kept.dropped,
        "query": kept.found,
        "holders": kept.holders,
        "prefetch": kept.loaded,
    }
    text = json.dumps({name: part.to_dict() for name, part in parts.items()})
    document: dict[str, Any] = json.loads(text)
    return document


def assert_has(today: Any, old: Any) -> None:  # noqa: ANN401 - of a document
    """Every key of the old document is there with its value; there may be more of them."""
    if isinstance(old, dict):
        for key, value in old.items():
            assert_has(today[key], value)
    elif isinstance(old, list):
        for one, another in zip(today, old, strict=True):
            assert_has(one, another)
    else:
        assert today == old


@pytest.fixture(scope="module", autouse=True)
def _written() -> None:
    if UPDATES:
        CURRENT.write_bytes(pickle.dumps(tuple(of_today()), protocol=4))
        text = json.dumps(as_json(of_today()), indent=1)
        CURRENT.with_suffix(".json").write_text(f"{text}\n", encoding="utf-8")


def test_there_is_one_of_this_version() -> None:
    assert CURRENT.is_file()


@pytest.mark.parametrize("path", KEPT, ids=lambda path: path.stem)
class TestKept:
    def test_pickles_load(self, path: Path) -> None:
        kept, today = Kept(*pickle.loads(path.read_bytes())), of_today()
        assert kept.dropped.files == today.dropped.files
        assert kept.found.files == today.found.files
        assert kept.dropped.skipped == today.dropped.skipped == kept.found.skipped
        assert list(map(str, kept[:2])) == list(map(str, today[:2]))
        assert kept.records == today.records
        assert kept.holders == today.holders
        assert kept.loaded.files == today.loaded.files
        assert str(kept.loaded) == str(today.loaded)

    def test_json_has_the_keys_and_values_of_today(self, path: Path) -> None:
        old = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        assert_has(as_json(Kept(*pickle.loads(path.read_bytes()))), old)

    def test_json_of_a_query_is_a_report_again(self, path: Path) -> None:
        old = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        report = CacheReport.from_dict(old["query"])
        assert report.files == found().files
        assert report.skipped == found().skipped
        assert_has(report.to_dict(), old["query"])


REPORTS = [dropped(), found(), loaded()]


class TestUntouched:
    """Files that a call did not come to, because it was stopped before."""

    @pytest.mark.parametrize("report", REPORTS, ids=VERBS)
    def test_are_counted_and_are_neither_failed_nor_unknown(
        self, report: DropReport | CacheReport | PrefetchReport
    ) -> None:
        *_, last = report.files
        assert last.is_untouched
        assert (last.error, last.unknown) == (None, None)
        assert last.message == "not touched: the call was stopped before"
        assert [record.is_untouched for record in report.files].count(True) == 1
        assert (len(report.failed), report.unknown_files, report.untouched_files) == (1, 1, 1)
        assert str(report).endswith("; 1 file not touched; skipped: symbolic links")

    @pytest.mark.parametrize("report", REPORTS, ids=VERBS)
    def test_alone_are_no_success(self, report: DropReport | CacheReport | PrefetchReport) -> None:
        alone = type(report)(report._table.select([len(report) - 1]))  # noqa: SLF001 - its file
        assert not alone.ok
        assert alone.resident_bytes is None
        with pytest.raises(InterruptedError, match="not touched"):
            alone.raise_for_status()

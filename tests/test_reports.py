"""Reports are lazy, immutable, picklable, can be added and printed."""

import dataclasses
import errno
import json
import os
import pickle
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from accv_cache import DropCacheStatus, DropRecord, DropReport, KeptReason, SkipReason, drop, query
from accv_cache import _drop_report as drop_module
from accv_cache._joined import JoinedTable
from support.files import MakeFile
from support.privileges import as_other_user
from support.residency import PAGE, resident_bytes

MIB = 1 << 20

pytestmark = pytest.mark.usefixtures("no_leaked_descriptors")


@pytest.fixture
def report(make_file: MakeFile, tmp_path: Path, tmpfs: Path) -> DropReport:
    """On four files: one evicted, one that stayed, two that failed; and a skipped link."""
    directory = tmp_path / "directory"
    directory.mkdir()
    gone = make_file(MIB, "dirty", directory)
    (directory / "link").symlink_to(gone)
    kept = make_file(2 * MIB, "dirty", tmpfs)
    os.mkfifo(tmp_path / "fifo")
    return drop([directory, tmp_path / "missing", kept, tmp_path / "fifo"])


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths of the records made so far."""
    paths: list[str] = []

    def make(**fields: Any) -> DropRecord:  # noqa: ANN401 - the record's fields
        paths.append(fields["path"])
        return DropRecord(**fields)

    monkeypatch.setattr(drop_module, "DropRecord", make)
    return paths


class TestReport:
    def test_sums_over_the_files_that_were_measured(self, report: DropReport) -> None:
        assert report.known_before_bytes == 3 * MIB
        assert report.known_resident_bytes == 2 * MIB
        assert report.known_evicted_bytes == MIB
        assert report.kept == {KeptReason.MEMORY_FILESYSTEM: 2 * MIB}
        assert report.unknown_files == 0

    def test_has_no_sum_unless_every_file_was_measured(
        self, report: DropReport, make_file: MakeFile
    ) -> None:
        assert report.before_bytes is report.resident_bytes is report.evicted_bytes is None
        measured = drop(make_file(PAGE, "dirty"))
        assert measured.before_bytes == measured.evicted_bytes == PAGE
        assert measured.resident_bytes == 0

    def test_has_the_status_of_the_first_that_failed(self, report: DropReport) -> None:
        assert not report.ok
        assert report.status is DropCacheStatus.FILE_OPEN_FAILED
        statuses = [record.status for record in report.failed]
        assert statuses == [DropCacheStatus.FILE_OPEN_FAILED, DropCacheStatus.FADVISE_FAILED]

    def test_names_what_was_left_out(self, report: DropReport) -> None:
        [(path, reason)] = report.skipped
        assert Path(path).name == "link"
        assert reason is SkipReason.SYMBOLIC_LINK

    def test_raises_the_error_of_the_first_that_failed(
        self, report: DropReport, tmp_path: Path
    ) -> None:
        with pytest.raises(FileNotFoundError, match="cannot open") as caught:
            report.raise_for_status()
        assert caught.value.errno == errno.ENOENT
        assert caught.value.filename == str(tmp_path / "missing")

    def test_raises_nothing_where_all_is_well(self, make_file: MakeFile) -> None:
        path = make_file(PAGE, "dirty")
        report = drop(path)
        report.raise_for_status()
        assert report.ok
        assert resident_bytes(path) == 0

    def test_is_one_line_for_a_log(self, report: DropReport) -> None:
        missing = report.failed[0].path
        assert str(report) == (
            "evicted at least 1.0 MiB in 4 files; "
            "2.0 MiB stayed: in a memory file system; "
            f"2 files failed, the first: {missing!r}: cannot open: No such file or directory; "
            "skipped: symbolic links"
        )
        assert repr(report) == f"<DropReport: {report}>"

    def test_never_says_0_for_unknown(self, ext4: Path, make_file: MakeFile) -> None:
        assert "0 B" not in str(drop("missing"))
        hidden = make_file(PAGE, "warm", ext4)
        report = as_other_user(drop, hidden)
        assert str(report) == (
            "evicted an unknown amount in 1 file; "
            f"1 file not measured: {str(hidden)!r}: only its owner or a writer may measure it"
        )

    def test_is_frozen(self, report: DropReport) -> None:
        for name in ("ok", "status", "files", "before_bytes", "anything"):
            with pytest.raises(AttributeError):
                setattr(report, name, None)
        with pytest.raises(TypeError):
            report.files[0] = report.files[1]  # type: ignore[index]

    def test_pickles(self, report: DropReport) -> None:
        copy = pickle.loads(pickle.dumps(report))
        assert type(copy) is DropReport
        assert str(copy) == str(report)
        assert copy.skipped == report.skipped
        assert copy.files == report.files

    def test_is_json(self, report: DropReport, tmp_path: Path) -> None:
        document = json.loads(json.dumps(report.to_dict()))
        files, skipped = document.pop("files"), document.pop("skipped")
        assert document == {
            "version": 1,
            "status": "FILE_OPEN_FAILED",
            "before_bytes": None,
            "evicted_bytes": None,
            "resident_bytes": None,
            "known_before_bytes": 3 * MIB,
            "known_evicted_bytes": MIB,
            "known_resident_bytes": 2 * MIB,
            "unknown_files": 0,
            "failed_files": 2,
            "untouched_files": 0,
            "kept": {"MEMORY_FILESYSTEM": 2 * MIB},
        }
        assert [each["path"] for each in files] == [record.path for record in report.files]
        assert files[0] == {
            "path": report.files[0].path,
            "status": "SUCCESS",
            "error": None,
            "failed_step": None,
            "size_bytes": MIB,
            "before_bytes": MIB,
            "after_bytes": 0,
            "evicted_bytes": MIB,
            "unknown": None,
            "kept": {},
        }
        assert files[1]["error"] == str(report.files[1].error)
        assert files[1]["failed_step"] == "OPEN"
        assert files[1]["kept"] is None
        assert skipped == [{"path": f"{tmp_path}/directory/link", "reason": "a symbolic link"}]

    def test_explains_what_stayed_and_what_failed(self, report: DropReport, tmp_path: Path) -> None:
        lines = report.explain().splitlines()
        assert lines == [
            f"{tmp_path / 'missing'}: cannot open: No such file or directory",
            f"{report.files[2].path}: 2.0 MiB stayed: in a memory file system",
            f"{tmp_path / 'fifo'}: cannot evict: Illegal seek (a pipe has no pages: leave it out)",
        ]
        assert [line for each in report.files[1:] for line in each.explain().splitlines()] == lines

    def test_of_a_list_that_is_empty_reads_well(self) -> None:
        report = drop([])
        assert str(report) == "evicted 0 B of 0 B in 0 files"
        assert report.explain() == "nothing stayed"

    def test_says_what_kind_of_thing_was_skipped(self, tmp_path: Path) -> None:
        (tmp_path / "link").symlink_to(tmp_path)
        os.mkfifo(tmp_path / "fifo")
        said = "evicted 0 B of 0 B in 0 files; skipped: symbolic links, special files"
        assert str(drop(tmp_path)) == said
        assert str(sum([drop(tmp_path), drop(tmp_path)])) == said


class TestSum:
    def test_has_the_files_of_both_in_order(self, report: DropReport, make_file: MakeFile) -> None:
        path = make_file(PAGE, "dirty")
        other = drop(path)
        before = str(report), str(other)
        for total, parts in ((report + other, (report, other)), (other + report, (other, report))):
            paths = [record.path for part in parts for record in part.files]
            assert [record.path for record in total.files] == paths
            assert total.known_evicted_bytes == MIB + PAGE
            assert total.kept == report.kept
            assert total.skipped == report.skipped
            assert total.status is report.status
        assert (str(report), str(other)) == before

    def test_pickles_like_any(self, report: DropReport) -> None:
        total = pickle.loads(pickle.dumps(report + report))
        assert len(total.files) == 8
        assert total.known_before_bytes == 6 * MIB

    def test_is_what_sum_gives(self, report: DropReport) -> None:
        total = sum([report, report, drop([])])
        assert isinstance(total, DropReport)
        assert list(total) == [*report, *report]

    def test_of_sums_is_like_that_of_their_files(self, make_file: MakeFile, tmp_path: Path) -> None:
        paths = [tmp_path / "a", make_file(PAGE, "cold"), tmp_path / "b", make_file(2 * PAGE)]
        one, two, three, four = map(drop, paths)
        whole = drop(paths)
        for total in ((one + two) + (three + four), one + (two + (three + four)), drop([]) + whole):
            assert len(total) == 4
            assert [record.path for record in total] == [str(path) for path in paths]
            assert [record.path for record in total.failed] == [str(paths[0]), str(paths[2])]
            assert [each.path for each in (total + total).failed] == 2 * [
                record.path for record in total.failed
            ]
            assert total.status is whole.status
            assert total._repr_html_().count("<tr>") == 5

    def test_copies_no_file(self, make_file: MakeFile, monkeypatch: pytest.MonkeyPatch) -> None:
        looks: list[object] = []
        part = drop([make_file(PAGE, "dirty"), "missing"])
        monkeypatch.setattr(JoinedTable, "_parts", looks.append)
        total = part
        for _ in range(5000):
            total += part
        assert (len(total), total.ok, total.known_before_bytes) == (10_002, False, 5001 * PAGE)
        assert looks == []

    def test_of_very_many_is_looked_into_without_recursion(self, make_file: MakeFile) -> None:
        part = drop([make_file(PAGE, "dirty"), "missing"])
        left = right = part
        for _ in range(20_000):
            left, right = left + part, part + right
        for total in (left, right):
            assert total[-1].path == "missing"
            assert len(total.failed) == 20_001
            assert pickle.loads(pickle.dumps(total)).files[-1] == total[-1]

    def test_is_of_reports_of_one_kind(self, report: DropReport, make_file: MakeFile) -> None:
        for other in (query(make_file(PAGE)), 0, None, "report"):
            with pytest.raises(TypeError):
                _ = report + other  # type: ignore[operator]


class TestByDirectory:
    @pytest.fixture
    def tree(self, tmp_path: Path) -> DropReport:
        """On a/1, a/b/2, a/b/c/3 and d/4, of so many pages each."""
        for number, folder in enumerate(("a", "a/b", "a/b/c", "d"), start=1):
            (tmp_path / folder).mkdir()
            (tmp_path / folder / str(number)).write_bytes(bytes(number * PAGE))
        return drop(sorted(path for path in tmp_path.rglob("?") if path.is_file()))

    @pytest.mark.parametrize(
        ("depth", "pages"),
        [
            (0, {"": 10}),
            (1, {"a": 6, "d": 4}),
            (2, {"a": 1, "a/b": 5, "d": 4}),
            (9, {"a": 1, "a/b": 2, "a/b/c": 3, "d": 4}),
        ],
    )
    def test_gives_a_report_for_each(
        self, tree: DropReport, tmp_path: Path, depth: int, pages: dict[str, int]
    ) -> None:
        for report, times in ((tree, 1), (tree + tree, 2)):
            parts = report.by_directory(depth)
            expected = {str(tmp_path / name): times * count for name, count in pages.items()}
            assert {name: part.before_bytes for name, part in parts.items()} == {
                name: count * PAGE for name, count in expected.items()
            }
            assert sum(map(len, parts.values())) == len(report)

    def test_of_no_files_is_empty(self) -> None:
        assert drop([]).by_directory() == {}

    def test_has_a_name_for_the_root_and_for_here(self) -> None:
        assert list(drop(["/missing"]).by_directory()) == ["/"]
        assert list(drop(["missing"]).by_directory()) == ["."]
        assert list(drop(["missing", "/missing/too"]).by_directory(1)) == [".", "/"]
        assert list(drop(["missing", "a/b", "/c/d"]).by_directory(0)) == [".", "/"]

    def test_below_nothing_is_refused(self) -> None:
        with pytest.raises(ValueError, match="depth"):
            drop([]).by_directory(-1)


class TestManyFiles:
    """No operation on a report of a million files may make a record for each."""

    @pytest.fixture
    def many(self, make_file: MakeFile) -> DropReport:
        """Half of the files failed."""
        return drop([make_file(PAGE, "cold"), "missing"] * 10_000)

    @pytest.mark.parametrize(
        ("look", "most"),
        [
            (str, 2),
            (lambda report: report.status, 1),
            (lambda report: report.ok, 0),
            (lambda report: len(report.failed), 0),
            (DropReport._repr_html_, 30),
            (DropReport.explain, 1001),
        ],
        ids=["str", "status", "ok", "failed", "html", "explain"],
    )
    def test_are_not_all_looked_at(
        self,
        many: DropReport,
        made: list[str],
        look: Callable[[DropReport], object],
        most: int,
    ) -> None:
        look(many)
        assert len(made) <= most
        look(many + many)
        assert len(made) <= 2 * most

    def test_raise_the_first_error_alone(self, many: DropReport, made: list[str]) -> None:
        with pytest.raises(FileNotFoundError):
            many.raise_for_status()
        assert len(made) == 1


class TestRecords:
    def test_are_made_when_looked_at(self, make_file: MakeFile, made: list[str]) -> None:
        path = make_file(PAGE, "dirty")
        report = drop([path] * 20_000)
        assert report.ok
        assert report.status is DropCacheStatus.SUCCESS
        assert len(report.files) == 20_000
        assert report.evicted_bytes == PAGE
        assert "20000 files" in str(report)
        assert (report + report).kept == {}
        pickle.dumps(report)
        assert made == []
        assert report.files[1234].path == str(path)
        assert len(made) == 1

    def test_are_a_sequence(self, report: DropReport) -> None:
        paths = [record.path for record in report.files]
        assert len(set(paths)) == 4
        assert report.files[-1].path == paths[3]
        assert [record.path for record in report.files[1:3]] == paths[1:3]
        assert [record.path for record in report.files[::-1]] == paths[::-1]
        assert [record.path for record in reversed(report.files)] == paths[::-1]
        assert repr(report.files) == "<4 records>"
        for beyond in (4, -5):
            with pytest.raises(IndexError):
                report.files[beyond]

    def test_are_frozen(self, report: DropReport) -> None:
        record = report.files[0]
        for field in dataclasses.fields(record):
            with pytest.raises(dataclasses.FrozenInstanceError):
                setattr(record, field.name, None)
        with pytest.raises((AttributeError, TypeError)):
            record.anything = None  # type: ignore[attr-defined]

    def test_pickle(self, report: DropReport) -> None:
        for record in report.files:
            assert pickle.loads(pickle.dumps(record)) == record

    def test_are_equal_where_all_fields_are(self, report: DropReport) -> None:
        for position, record in enumerate(report):
            assert record in report
            assert {record} == {report.files[position]}
            assert record != report[position - 1]

    def test_can_be_in_sets(self, report: DropReport) -> None:
        assert len({*report, *report}) == len(report)

    def test_differ_by_their_error(self) -> None:
        [missing] = drop("clip")
        refused = dataclasses.replace(missing, error=PermissionError(errno.EACCES, "no", "clip"))
        assert missing != refused

    def test_are_rows_of_a_table(self, report: DropReport) -> None:
        rows = [record.to_row() for record in report]
        assert len({tuple(row) for row in rows}) == 1
        assert {type(value) for row in rows for value in row.values()} == {str, int, type(None)}
        assert rows[2]["kept_memory_filesystem_bytes"] == 2 * MIB
        assert rows[1]["kept_busy_bytes"] is None

    def test_show_their_fields(self, report: DropReport) -> None:
        record = report.files[0]
        assert repr(record).startswith(f"DropRecord(path={record.path!r}, status=<DropCacheStatus.")
        assert "size_bytes=1048576" in repr(record)


class Cells(HTMLParser):
    """The text of each cell, and of the caption, of an HTML table."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.open: list[str] = []
        self.feed(html)
        self.close()
        assert self.open == [], "every tag is closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert [name for name, _ in attrs] in ([], ["style"])
        self.open.append(tag)
        if tag in ("td", "th", "caption"):
            self.texts.append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts[-1] += data


class TestInANotebook:
    def test_a_report_is_a_table(self, report: DropReport, tmp_path: Path) -> None:
        texts = Cells(report._repr_html_()).texts
        caption, *cells = texts
        assert caption == str(report)
        rows = [cells[at : at + 5] for at in range(0, len(cells), 5)]
        assert rows[0] == ["file", "status", "before", "after", "why"]
        why = "cannot open: No such file or directory"
        missing = [str(tmp_path / "missing"), "FILE_OPEN_FAILED", "unknown", "unknown", why]
        assert rows[1] == missing
        assert rows[2][1] == "FADVISE_FAILED"
        kept = [report.files[2].path, "SUCCESS", "2.0 MiB", "2.0 MiB", "in a memory file system"]
        assert rows[3] == kept
        assert len(rows) == 5

    def test_names_are_text_and_no_markup(self, tmp_path: Path) -> None:
        report = drop(tmp_path / "<b>&amp;.mp4")
        assert str(tmp_path / "<b>&amp;.mp4") in Cells(report._repr_html_()).texts

    def test_names_that_are_no_text_can_be_written_down(self, tmp_path: Path) -> None:
        html = drop(os.fsdecode(bytes(tmp_path) + b"/\xff.mp4"))._repr_html_()
        assert b"?.mp4" in html.encode()

    def test_a_long_report_shows_a_part(self, make_file: MakeFile) -> None:
        html = drop([*[make_file(PAGE)] * 1000, "missing"])._repr_html_()
        assert len(re.findall("<tr>", html)) == 21
        assert "Shows 20 of 1,001" in html
        assert "missing" in Cells(html).texts[6]

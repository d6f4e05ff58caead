"""`prefetch` loads what is missing, within a limit, and says what it did not load and why."""

import errno
import json
import mmap
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from accv_cache import (
    CacheReport,
    DropCacheStatus,
    FailedStep,
    LimitError,
    LimitSource,
    MissingReason,
    PrefetchReport,
    drop,
    prefetch,
    query,
)
from support import mounts, residency
from support.cgroups import child_cgroup, in_cgroup, root
from support.files import FileSystem, MakeFile
from support.needs import need
from support.privileges import as_other_user
from support.residency import PAGE, kept_bytes, mincore_spans, resident_bytes

SUCCESS = DropCacheStatus.SUCCESS
MIB = 1 << 20
LIMIT, IN_FLIGHT = MissingReason.LIMIT, MissingReason.IN_FLIGHT

pytestmark = pytest.mark.usefixtures("no_leaked_descriptors")
on_disks = pytest.mark.parametrize(
    "file_system", ["ext4", "xfs", "btrfs", "overlay"], indirect=True
)


def wrong(argument: object) -> Any:  # noqa: ANN401 - nothing that the type check knows of
    """An argument with its type hidden from the type check."""
    return argument


def read_pages(path: Path, *pages: int) -> None:
    """Make exactly these pages of a cold file resident."""
    with path.open("rb", buffering=0) as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_RANDOM)
        for page in pages:
            os.pread(file.fileno(), 1, page * PAGE)


@on_disks
class TestOneReadAfterwards:
    @pytest.mark.parametrize("size", [PAGE, 16 * PAGE, MIB, 5 * MIB, 9 * MIB])
    def test_makes_nothing_active(self, file_system: FileSystem, size: int) -> None:
        path = self.cold_file(file_system, size)
        assert prefetch(path).ok
        residency.warm(path)
        assert residency.active_bytes(path) == 0

    def test_does_so_after_another_read(self, file_system: FileSystem) -> None:
        path = self.cold_file(file_system, 9 * MIB)
        residency.warm(path)
        residency.warm(path)
        assert residency.active_bytes(path) > 8 * MIB

    @staticmethod
    def cold_file(file_system: FileSystem, size: int) -> Path:
        need("the flags of active pages")
        path = file_system.directory / "clip.mp4"
        path.write_bytes(bytes(size))
        residency.cold(path)
        return path


class TestOneFile:
    @pytest.mark.parametrize("size", [0, 1, PAGE, PAGE + 1, 5 * MIB + 77])
    def test_is_loaded_whole(self, make_file: MakeFile, size: int) -> None:
        path = make_file(size, "cold")
        [record] = prefetch(path)
        assert kept_bytes(path) == residency.whole_pages(size)
        assert (record.path, record.status, record.error) == (str(path), SUCCESS, None)
        assert record.size_bytes == size
        assert record.before_bytes == 0
        assert record.after_bytes == record.loaded_bytes == residency.whole_pages(size)
        assert record.missing == {}
        assert record.identity == (path.stat().st_dev, path.stat().st_ino)

    def test_that_is_resident_has_nothing_to_load(self, make_file: MakeFile) -> None:
        report = prefetch(make_file(MIB, "dirty"))
        assert (report.before_bytes, report.loaded_bytes) == (MIB, 0)

    def test_keeps_its_contents_and_times(self, make_file: MakeFile) -> None:
        path = make_file(MIB + 1, "cold")
        before = path.stat()
        assert prefetch(path).ok
        after = path.stat()
        for field in ("st_size", "st_mtime_ns", "st_ctime_ns", "st_atime_ns", "st_mode"):
            assert getattr(after, field) == getattr(before, field)

    def test_is_loaded_where_it_is_not_resident(self, make_file: MakeFile) -> None:
        path = make_file(32 * PAGE, "cold")
        read_pages(path, 3, 4, 17)
        report = prefetch(path)
        assert (report.before_bytes, report.loaded_bytes) == (3 * PAGE, 29 * PAGE)
        assert resident_bytes(path) == report.resident_bytes == 32 * PAGE

    def test_is_loaded_in_a_range(self, make_file: MakeFile) -> None:
        path = make_file(8 * MIB, "cold")
        report = prefetch(path, offset=2 * MIB + 1, length=MIB)
        assert report.loaded_bytes == MIB + PAGE
        assert query(path, offset=2 * MIB + 1, length=MIB).resident_bytes == MIB + PAGE
        assert mincore_spans(path)[0][0] == 2 * MIB

    def test_may_be_that_of_another_user(self, make_file: MakeFile, ext4: Path) -> None:
        path = make_file(MIB, "cold", ext4)
        report = as_other_user(prefetch, path)
        assert report.ok
        assert report.unknown_files == 1
        assert (report.loaded_bytes, report[0].missing) == (None, None)
        assert kept_bytes(path) == MIB

    def test_is_loaded_on_every_file_system(self, file_system: FileSystem) -> None:
        path = file_system.directory / "clip"
        residency.dirty(path, MIB)
        if file_system.kind != "tmpfs":
            residency.cold(path)
        report = prefetch(path)
        assert report.ok
        assert report.missing == {}
        assert kept_bytes(path) == MIB

    def test_is_read_without_waiting(self, make_file: MakeFile) -> None:
        path = make_file(4 * MIB, "cold")
        report = prefetch(path, wait=False)
        assert report.ok
        assert set(report.missing) <= {IN_FLIGHT}
        assert report.known_resident_bytes + report.missing.get(IN_FLIGHT, 0) == 4 * MIB
        path.read_bytes()
        assert prefetch(path).loaded_bytes == 0


class TestBadInput:
    def test_a_directory_without_files_is_done(self, tmp_path: Path) -> None:
        (tmp_path / "empty").mkdir()
        report = prefetch(tmp_path / "empty")
        assert report.ok
        assert (len(report), report.loaded_bytes) == (0, 0)
        assert str(report) == "loaded 0 B in 0 files"

    def test_a_fifo_is_not_waited_for(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "fifo")
        [record] = prefetch(tmp_path / "fifo")
        assert record.status is DropCacheStatus.UNKNOWN_ERROR
        assert record.failed_step is FailedStep.READ
        assert record.error is not None
        assert record.error.errno == errno.ESPIPE

    @pytest.mark.parametrize(
        "change",
        [lambda path: path.unlink(missing_ok=True), lambda path: os.truncate(path, PAGE)],
        ids=["vanishes", "shrinks"],
    )
    def test_a_file_that_vanishes_or_shrinks_is_no_fault(
        self, tmp_path_factory: pytest.TempPathFactory, change: Callable[[Path], object]
    ) -> None:
        source = tmp_path_factory.mktemp("source")
        for number in range(20):
            (source / f"{number:02}").write_bytes(bytes(4 * PAGE))
        last = source / "19"

        def change_last(done: int, _total: int, _bytes: int) -> None:
            if done > 0:  # all were measured, and are loaded now
                change(last)

        options = ("allow_other", "default_permissions", "open_us=20000")
        with mounts.fuse(tmp_path_factory.mktemp("mount"), options, source=source) as mount:
            paths = [mount / f"{number:02}" for number in range(20)]
            report = prefetch(paths, workers=1, progress=change_last)
        assert all(record.error is None for record in report[:-1])
        if last.exists():
            assert report.ok
            assert report.known_resident_bytes <= 19 * 4 * PAGE + PAGE
        else:
            assert isinstance(report[-1].error, FileNotFoundError)

    @pytest.mark.parametrize("most", [0, -1, 1 << 63])
    def test_a_limit_of_nothing_is_refused(self, make_file: MakeFile, most: int) -> None:
        path = make_file(PAGE, "cold")
        with pytest.raises(ValueError, match="max_bytes must be from 1"):
            prefetch(path, max_bytes=most)
        assert resident_bytes(path) == 0

    def test_what_is_reserved_is_no_room(self, make_file: MakeFile) -> None:
        path = make_file(PAGE, "cold")
        with pytest.raises(LimitError) as one:
            prefetch(path, reserved_bytes=1 << 62)
        assert one.value.available_bytes == 0
        with pytest.raises(ValueError, match="reserved_bytes must be from 0"):
            prefetch(path, reserved_bytes=-1)
        assert resident_bytes(path) == 0
        assert prefetch(path, reserved_bytes=PAGE).loaded_bytes == PAGE

    @pytest.mark.parametrize("action", ["", "raise", None, 1])
    def test_another_action_is_refused(self, action: object) -> None:
        with pytest.raises(ValueError, match="on_limit must be 'refuse' or 'stop'"):
            prefetch([], on_limit=wrong(action))

    @pytest.mark.parametrize("report", [query, lambda path: query(path) + query(path)])
    def test_a_report_without_spans_is_refused(
        self, make_file: MakeFile, report: Callable[[Path], CacheReport]
    ) -> None:
        path = make_file(PAGE)
        with pytest.raises(ValueError, match="no spans: make it with query"):
            prefetch(report(path))

    def test_files_of_a_report_that_are_gone_are_reported(self, make_file: MakeFile) -> None:
        gone, here = make_file(PAGE, "dirty"), make_file(PAGE, "dirty")
        warm = query([gone, here], spans=True)
        gone.unlink()
        drop(here)
        missing, loaded = prefetch(warm)
        assert isinstance(missing.error, FileNotFoundError)
        assert loaded.loaded_bytes == kept_bytes(here) == PAGE

    @pytest.mark.parametrize(
        "change",
        [
            lambda document: document | {"version": 2},
            lambda document: {name: document[name] for name in ("version", "files")},
            lambda document: document | {"files": [{}]},
            lambda document: document | {"files": [document["files"][0] | {"spans": [[4, 4]]}]},
            lambda document: document | {"files": [document["files"][0] | {"size_bytes": "1"}]},
            lambda document: document | {"files": [document["files"][0] | {"source": "mine"}]},
            lambda document: document | {"files": [document["files"][0] | {"size_bytes": 1e99}]},
            lambda document: document | {"files": [document["files"][0] | {"spans": [[0, 2**63]]}]},
            lambda _: [],
            lambda _: None,
        ],
    )
    def test_a_document_of_something_else_is_refused(
        self, make_file: MakeFile, change: Callable[[dict[str, Any]], Any]
    ) -> None:
        document = query(make_file(PAGE), spans=True).to_dict()
        assert CacheReport.from_dict(document).to_dict() == document
        with pytest.raises(ValueError, match="no document of a query") as one:
            CacheReport.from_dict(change(document))
        assert "C++" not in str(one.value)


class TestMaxBytes:
    def test_refuses_what_does_not_fit_and_loads_nothing(self, make_file: MakeFile) -> None:
        paths = [make_file(MIB, "cold"), make_file(2 * MIB, "cold")]
        with pytest.raises(LimitError, match=r"3.0 MiB to load, but only 2.0 MiB fits: max") as one:
            prefetch(paths, max_bytes=2 * MIB)
        error = pickle.loads(pickle.dumps(one.value))
        assert isinstance(error, OSError)
        assert isinstance(error, LimitError)
        for each in (one.value, error):
            assert each.errno == errno.ENOMEM
            assert (each.needed_bytes, each.available_bytes) == (3 * MIB, 2 * MIB)
            assert (each.limit, each.cgroup) == (LimitSource.MAX_BYTES, None)
        assert str(error) == str(one.value)
        assert list(map(resident_bytes, paths)) == [0, 0]

    def test_counts_only_what_is_missing(self, make_file: MakeFile) -> None:
        paths = [make_file(MIB, "dirty"), make_file(2 * MIB, "cold")]
        assert prefetch(paths, max_bytes=2 * MIB).loaded_bytes == 2 * MIB

    @pytest.mark.parametrize("most", [1, PAGE, 3 * MIB + 5])
    def test_stops_in_the_order_of_the_list(self, make_file: MakeFile, most: int) -> None:
        paths = [make_file(2 * MIB, "cold"), make_file(2 * MIB, "cold")]
        report = prefetch(paths, max_bytes=most, on_limit="stop")
        fits = most // PAGE * PAGE
        assert report.ok
        assert report.loaded_bytes == report.resident_bytes == fits
        assert report.missing == {LIMIT: 4 * MIB - fits}
        assert "beyond the limit" in str(report)
        assert list(map(kept_bytes, paths)) == [min(fits, 2 * MIB), max(0, fits - 2 * MIB)]


class TestMemoryOfACgroup:
    @pytest.fixture
    def clip(self, make_file: MakeFile, ext4: Path) -> Path:
        """A cold file that is larger than the memory of the cgroups below."""
        return make_file(96 * MIB, "cold", ext4)

    def test_refuses_a_file_that_is_larger(self, clip: Path) -> None:
        with child_cgroup(root(), 64 * MIB) as outer, child_cgroup(outer, 640 * MIB) as inner:
            with pytest.raises(LimitError, match="the memory limit of the cgroup /") as one:
                in_cgroup(inner, prefetch, clip)
            assert (one.value.limit, one.value.cgroup) == (LimitSource.CGROUP, str(outer))
            assert one.value.needed_bytes == 96 * MIB
            assert 0 < one.value.available_bytes < 64 * MIB
        assert resident_bytes(clip) == 0

    def test_is_filled_as_far_as_it_goes_and_the_job_lives(self, clip: Path) -> None:
        def load() -> tuple[PrefetchReport, int]:
            return prefetch(clip, on_limit="stop"), resident_bytes(clip)

        with child_cgroup(root(), 64 * MIB) as cgroup:
            report, resident = in_cgroup(cgroup, load)
        assert report.ok
        assert report.resident_bytes is not None
        # The child needs memory, too, when the call has ended.
        assert 0 < report.resident_bytes - 8 * MIB < resident <= report.resident_bytes < 64 * MIB
        assert sum(report.missing.values()) == 96 * MIB - report.resident_bytes
        assert set(report.missing) <= {LIMIT, MissingReason.RECLAIMED}
        assert LIMIT in report.missing
        assert report.limit is not None
        assert (report.limit.limit, report.limit.cgroup) == (LimitSource.CGROUP, str(cgroup))

    def test_is_not_filled_twice(self, clip: Path) -> None:
        def load_twice() -> PrefetchReport:
            prefetch(clip, on_limit="stop")
            return prefetch(clip, on_limit="stop")

        with child_cgroup(root(), 64 * MIB) as cgroup:
            again = in_cgroup(cgroup, load_twice)
        assert again.before_bytes is not None
        assert again.loaded_bytes is not None
        # Filled twice it would have read all of the 96 MiB; the kernel may have reclaimed some.
        assert again.before_bytes + again.loaded_bytes < 80 * MIB

    def test_leaves_the_files_that_a_neighbour_uses(
        self, clip: Path, make_file: MakeFile, ext4: Path
    ) -> None:
        used = make_file(2 * MIB, "cold", ext4)

        def read_twice() -> None:
            for _ in range(2):
                used.read_bytes()

        with (
            child_cgroup(root(), 64 * MIB) as outer,
            child_cgroup(outer, 640 * MIB) as neighbour,
            child_cgroup(outer, 640 * MIB) as job,
        ):
            in_cgroup(neighbour, read_twice)
            with residency.mapped(used):  # DAMON takes what nobody maps, whatever a cgroup needs
                report = in_cgroup(job, prefetch, clip, on_limit="stop")
                assert resident_bytes(used) == 2 * MIB
        assert report.ok
        assert report.resident_bytes is not None
        assert 0 < report.resident_bytes <= 62 * MIB
        assert LIMIT in report.missing


class TestRestoring:
    """What was resident is loaded again, exact to the page."""

    @on_disks
    @pytest.mark.parametrize("form", [lambda report: report, lambda report: report + report])
    def test_of_a_report(
        self,
        file_system: FileSystem,
        make_file: MakeFile,
        form: Callable[[CacheReport], CacheReport],
    ) -> None:
        clips = [make_file(64 * PAGE, "cold", file_system.directory) for _ in range(3)]
        read_pages(clips[0], 0, 7, 8, 63)
        read_pages(clips[2], *range(30, 40))
        warm = [mincore_spans(path) for path in clips]
        report = form(query(clips, spans=True))
        assert drop(clips).resident_bytes == 0
        restored = prefetch(report)
        assert [mincore_spans(path) for path in clips] == warm
        assert restored.ok
        assert restored.loaded_bytes == 14 * PAGE

    @on_disks
    def test_of_a_report_that_was_saved(
        self, file_system: FileSystem, make_file: MakeFile, tmp_path: Path
    ) -> None:
        clip = make_file(64 * PAGE - 5, "cold", file_system.directory)
        read_pages(clip, 1, 2, 3, 63)
        warm = mincore_spans(clip)
        saved = tmp_path / "warm.json"
        saved.write_text(json.dumps(query(file_system.directory, spans=True).to_dict()))
        assert drop(clip).resident_bytes == 0
        report = CacheReport.from_dict(json.loads(saved.read_text()))
        assert prefetch(report).loaded_bytes == 4 * PAGE
        assert mincore_spans(clip) == warm

    def test_on_tmpfs_has_nothing_to_load(self, tmpfs: Path, make_file: MakeFile) -> None:
        clip = make_file(MIB, "dirty", tmpfs)
        report = query(clip, spans=True)
        drop(clip)
        assert prefetch(report).loaded_bytes == 0
        assert resident_bytes(clip) == MIB

    def test_of_names_that_are_no_text(self, tmp_path: Path, make_file: MakeFile) -> None:
        clip = make_file(PAGE, "dirty").rename(os.fsdecode(bytes(tmp_path) + b"/\xff\n.mp4"))
        document = json.loads(json.dumps(query(clip, spans=True).to_dict()))
        drop(clip)
        [record] = prefetch(CacheReport.from_dict(document))
        assert record.path == str(clip)
        assert kept_bytes(clip) == PAGE

    def test_within_a_limit(self, make_file: MakeFile) -> None:
        clip = make_file(4 * MIB, "dirty")
        warm = query(clip, spans=True)
        drop(clip)
        with pytest.raises(LimitError, match=r"4\.0 MiB to load"):
            prefetch(warm, max_bytes=MIB)
        assert prefetch(warm, max_bytes=MIB, on_limit="stop").missing == {LIMIT: 3 * MIB}

    def test_of_no_files_is_done(self) -> None:
        assert prefetch(query([], spans=True)).ok


class TestKeeping:
    """What was resident before stays, and what came in since is evicted."""

    @on_disks
    def test_leaves_the_cache_as_it_was(
        self, file_system: FileSystem, make_file: MakeFile, tmp_path: Path
    ) -> None:
        some, none = (make_file(64 * PAGE, "cold", file_system.directory) for _ in range(2))
        read_pages(some, 0, 7, 8, 63)
        warm = mincore_spans(some)
        saved = tmp_path / "warm.json"
        saved.write_text(json.dumps(query(file_system.directory, spans=True).to_dict()))
        read_pages(some, 1, 6, 20, 62)
        read_pages(none, 5)
        new = make_file(2 * PAGE, "dirty", file_system.directory)
        report = drop(
            file_system.directory, keep=CacheReport.from_dict(json.loads(saved.read_text()))
        )
        assert report.ok
        assert report.evicted_bytes == 7 * PAGE
        assert mincore_spans(some) == warm
        assert resident_bytes(none) == resident_bytes(new) == 0

    @pytest.mark.parametrize(
        "spelled", ["{}/clip", "clip", "./clip", "../{0.name}/clip", "link/clip"]
    )
    @pytest.mark.parametrize("saved", ["{}/clip", "clip", "link/clip"])
    def test_finds_a_file_however_its_path_is_spelled(
        self, saved: str, spelled: str, make_file: MakeFile, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        folder = make_file(PAGE).parent
        clip = make_file(4 * PAGE, "cold", folder).rename(folder / "clip")
        (folder / "link").symlink_to(folder)
        (folder / "other").mkdir()
        other = make_file(PAGE, "dirty", folder / "other").rename(folder / "other" / "clip")
        monkeypatch.chdir(folder)
        read_pages(clip, 1, 2)
        warm = query(saved.format(folder), spans=True)
        read_pages(clip, 3)
        report = drop([spelled.format(folder), other], keep=warm)
        assert [record.evicted_bytes for record in report] == [PAGE, PAGE]
        assert mincore_spans(clip) == [(PAGE, 3 * PAGE)]

    def test_evicts_what_the_report_does_not_name(self, make_file: MakeFile) -> None:
        known, new = make_file(PAGE, "dirty"), make_file(PAGE, "dirty")
        report = drop([known, new], keep=query(known, spans=True))
        assert [record.evicted_bytes for record in report] == [0, PAGE]
        assert (kept_bytes(known), resident_bytes(new)) == (PAGE, 0)

    def test_holds_for_until_too(self, make_file: MakeFile) -> None:
        known, new = make_file(PAGE, "dirty"), make_file(PAGE, "dirty")
        drop([known, new], keep=query(known, spans=True), until=0)
        assert (kept_bytes(known), resident_bytes(new)) == (PAGE, 0)

    def test_needs_spans(self, make_file: MakeFile) -> None:
        path = make_file(PAGE)
        with pytest.raises(ValueError, match="no spans: make it with query"):
            drop(path, keep=query(path))
        for other in ("report", drop([])):
            with pytest.raises(TypeError, match="pass the report of query"):
                drop(path, keep=other)  # type: ignore[arg-type]
        assert kept_bytes(path) == PAGE


class TestReport:
    @pytest.fixture
    def report(self, make_file: MakeFile) -> PrefetchReport:
        """On three files: one loaded, one in part, one that failed."""
        paths = [make_file(MIB, "cold"), make_file(MIB, "cold")]
        return prefetch([*paths, "missing"], max_bytes=MIB + PAGE, on_limit="stop")

    def test_is_one_line_for_a_log(self, report: PrefetchReport) -> None:
        assert str(report) == (
            "loaded at least 1.0 MiB in 3 files; 1020.0 KiB beyond the limit; "
            "1 file failed: 'missing': cannot open: No such file or directory"
        )

    def test_adds_up_and_pickles(self, report: PrefetchReport, make_file: MakeFile) -> None:
        total = pickle.loads(pickle.dumps(report + prefetch(make_file(PAGE, "cold"))))
        assert total.known_loaded_bytes == MIB + 2 * PAGE
        assert total.missing == {LIMIT: MIB - PAGE}
        assert [record.path for record in total][:3] == [record.path for record in report]
        assert total.status is DropCacheStatus.FILE_OPEN_FAILED

    def test_keeps_its_limit(self, report: PrefetchReport, make_file: MakeFile) -> None:
        part, *_ = report.by_directory().values()
        joined = prefetch(make_file(PAGE)) + report
        for each in (report, pickle.loads(pickle.dumps(report)), part, joined):
            assert each.limit is not None
            assert (each.limit.needed_bytes, each.limit.available_bytes) == (2 * MIB, MIB + PAGE)
            assert (each.limit.limit, each.limit.cgroup) == (LimitSource.MAX_BYTES, None)

    def test_has_no_limit_where_all_fits(self, make_file: MakeFile) -> None:
        report = prefetch(make_file(PAGE, "cold"))
        assert report.limit is None
        assert report.to_dict()["limit"] is None

    def test_is_json_and_rows_of_a_table(self, report: PrefetchReport) -> None:
        document = json.loads(json.dumps(report.to_dict()))
        assert document["missing"] == document["files"][1]["missing"] == {"LIMIT": MIB - PAGE}
        assert document["loaded_bytes"] is None
        assert document["limit"] == {
            "needed_bytes": 2 * MIB,
            "available_bytes": MIB + PAGE,
            "limit": "MAX_BYTES",
            "cgroup": None,
        }
        row = report[1].to_row()
        assert (row["missing_limit_bytes"], row["missing_reclaimed_bytes"]) == (MIB - PAGE, 0)

    def test_is_a_table_in_notebooks(self, report: PrefetchReport) -> None:
        html = report._repr_html_()
        assert "beyond the limit" in html
        assert "cannot open: No such file or directory" in html


def test_pages_that_are_loaded_need_no_second_read(make_file: MakeFile) -> None:
    path = make_file(2 * MIB, "cold")
    assert prefetch(path).ok
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        assert mapped[MIB] == path.read_bytes()[MIB]
    assert prefetch(path).loaded_bytes == 0

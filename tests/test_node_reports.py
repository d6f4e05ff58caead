"""`NodeReports`, what travels from node to node, and what a node is."""

import dataclasses
import json
import pickle
import socket
import threading
from collections.abc import Callable
from html.parser import HTMLParser
from mmap import PROT_READ, mmap
from pathlib import Path
from typing import Any

import pytest

import accv_cache
from accv_cache import CacheReport, KeptReason, drop, query
from accv_cache.distributed import NodeError, NodeReports, node
from accv_cache.distributed.node import this_node
from accv_cache.distributed.work import as_work, outcome_of
from support import rights
from support.files import MakeFile
from support.forks import in_fork
from support.needs import need
from support.residency import PAGE

pytestmark = pytest.mark.usefixtures("no_leaked_descriptors")


def sent(*call: object, whole: bool = False, **options: object) -> Any:  # noqa: ANN401 - a result
    """What the caller gets of a function that a node runs."""
    function, *arguments = call
    work = as_work(function, tuple(arguments), options, whole=whole)  # type: ignore[arg-type]
    return outcome_of(accv_cache.__version__, work.run())


@pytest.fixture
def reports(make_file: MakeFile) -> NodeReports:
    """Of two nodes that answered, on one of which a file is missing, and of one that did not."""
    path = make_file(2 * PAGE, "cold")
    return NodeReports(
        [
            ("a", sent("query", path)),
            ("b", sent("query", [path, "missing"])),
            ("c", TimeoutError("no answer in time")),
        ]
    )


class TestNodeReports:
    def test_are_a_mapping_in_the_order_of_the_nodes(self, reports: NodeReports) -> None:
        assert [*reports] == ["a", "b", "c"]
        assert len(reports) == 3
        assert reports["a"].size_bytes == 2 * PAGE
        assert "d" not in reports

    def test_name_the_nodes_that_failed(self, reports: NodeReports) -> None:
        assert repr(reports.failed) == "{'c': TimeoutError('no answer in time')}"
        assert not reports.ok
        with pytest.raises(NodeError, match=r"^c: no answer in time$") as caught:
            reports.raise_for_status()
        assert isinstance(caught.value.__cause__, TimeoutError)

    def test_raise_the_error_of_a_file(self, reports: NodeReports) -> None:
        answered = NodeReports((each, reports[each]) for each in ("a", "b"))
        assert answered.failed == {}
        assert not answered.ok
        with pytest.raises(FileNotFoundError, match="missing"):
            answered.raise_for_status()
        good = NodeReports([("a", reports["a"]), ("value", 5)])
        assert good.ok
        good.raise_for_status()

    def test_merge_records_that_know_their_node(self, reports: NodeReports) -> None:
        merged = reports.merged
        assert isinstance(merged, CacheReport)
        assert [each.node for each in merged] == ["a", "b", "b"]
        assert [each.node for each in merged.failed] == ["b"]
        assert [each.node for each in next(iter(merged.by_directory().values()))] == ["a", "b"]
        assert merged.size_bytes == 4 * PAGE
        assert merged[0].to_dict()["node"] == "a"
        assert "node" not in query("missing")[0].to_dict()
        with pytest.raises(ValueError, match="no node gave a report: 1 node"):
            _ = NodeReports([("a", 5)]).merged

    def test_are_one_line_and_a_table(self, reports: NodeReports) -> None:
        missing = "1 file failed: 'missing': cannot open: No such file or directory"
        assert str(reports) == (
            f"2 of 3 nodes: at least 0 B resident in 3 files; {missing}; c: no answer in time"
        )
        assert repr(reports) == f"<NodeReports: {reports}>"
        assert reports.table().splitlines() == [
            "a  0 B of 8.0 KiB resident (0 %) in 1 file",
            f"b  at least 0 B resident in 2 files; {missing}",
            "c  no answer in time",
        ]

    def test_have_an_html_table(self, reports: NodeReports) -> None:
        cells: list[str] = []

        class Cells(HTMLParser):
            def handle_data(self, data: str) -> None:
                cells.append(data)

        Cells().feed(reports._repr_html_())
        assert cells[1:3] == ["node", "result"]
        assert cells[-2:] == ["c", "no answer in time"]

    def test_go_through_json(self, reports: NodeReports) -> None:
        document = json.loads(json.dumps(reports.to_dict()))
        assert document["nodes"]["c"] == {"error": "no answer in time"}
        assert document["nodes"]["b"]["file_count"] == 2
        assert not document["ok"]
        [record] = document["nodes"]["a"]["files"]
        assert record["node"] == "a"
        assert NodeReports([("a", [1])]).to_dict()["nodes"] == {"a": {"error": None, "result": [1]}}

    def test_can_be_pickled(self, reports: NodeReports) -> None:
        again = pickle.loads(pickle.dumps(pickle.loads(pickle.dumps(reports))))
        assert again.to_dict() == reports.to_dict()
        assert [*again.merged] == [*reports.merged]

    def test_number_the_nodes_of_one_name(self) -> None:
        assert [*NodeReports([("a", 1), ("a", 2), ("a", 3)])] == ["a", "a (2)", "a (3)"]


class TestSent:
    def test_a_short_report_comes_whole(self, make_file: MakeFile, tmp_path: Path) -> None:
        path = make_file(PAGE, "cold")
        (tmp_path / "link").symlink_to(path)
        report = sent("drop", tmp_path)
        assert [each.path for each in report] == [str(path)]
        assert report.skipped == drop(tmp_path).skipped != []

    def test_a_long_report_comes_as_sums_and_what_matters(self, tmp_path: Path) -> None:
        for number in range(150):
            (tmp_path / str(number)).touch()
        paths = [*map(str, tmp_path.iterdir()), "missing"]
        report = sent("drop", paths)
        assert (report.file_count, len(report)) == (151, 1)
        assert (
            [each.path for each in report] == [each.path for each in report.failed] == ["missing"]
        )
        assert str(report) == str(drop(paths))
        assert "Shows 1 of 151: first those" in report._repr_html_()
        whole = sent("drop", paths, whole=True)
        assert len(whole) == whole.file_count == 151

    def test_a_report_has_at_most_so_many_records(self) -> None:
        report = sent("query", ["missing"] * 150, whole=False)
        assert (report.file_count, len(report), len(report.failed)) == (150, 100, 100)
        assert report.to_dict()["failed_files"] == 150

    def test_holders_are_looked_for_on_this_node_only(self, make_file: MakeFile) -> None:
        path = make_file(PAGE)
        with path.open("rb") as file, mmap(file.fileno(), 0, prot=PROT_READ):
            [record] = drop(path)
            here = dataclasses.replace(record, error=None, kept={KeptReason.MAPPED: PAGE})
            assert ", this process) has" in here.explain()
            there = dataclasses.replace(here, node="a")
            assert there.explain() == f"{path}: 4.0 KiB stayed: mapped"

    def test_an_error_says_where_it_was_raised(self) -> None:
        error = sent(Path.read_bytes, Path("missing"))
        assert isinstance(error, FileNotFoundError)
        assert "in read_bytes" in str(error.__cause__)

    @pytest.mark.parametrize(
        ("function", "arguments", "text"),
        [
            (exec, ("class E(Exception): pass\nraise E('text')", {}), "E: text"),
            (threading.Lock, (), "cannot be pickled: "),
        ],
        ids=["an error", "a result"],
    )
    def test_what_cannot_be_pickled_is_an_error(
        self, function: Callable[..., object], arguments: tuple[object, ...], text: str
    ) -> None:
        error = sent(function, *arguments)
        assert isinstance(error, NodeError)
        assert text in str(error)

    def test_what_cannot_be_read_is_an_error(self) -> None:
        assert "cannot be read" in str(outcome_of(accv_cache.__version__, b"cut off"))

    def test_another_version_is_an_error(self) -> None:
        error = outcome_of("0.0.1", b"")
        assert str(error) == f"has accv_cache 0.0.1, not {accv_cache.__version__}"


class TestNode:
    def test_is_shared_by_processes_beside_each_other(self) -> None:
        assert in_fork(this_node) == this_node()
        assert this_node().host == socket.gethostname()

    def test_is_another_one_with_other_mounts(self) -> None:
        need("the right to make namespaces")

        def with_own_mounts() -> node.Node:
            rights.enter_own_mounts()
            return this_node()

        boot_id = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        identities = {this_node().identity, in_fork(with_own_mounts).identity}
        assert len(identities) == 2
        assert all(each.startswith(boot_id) for each in identities)

    def test_is_the_host_where_proc_does_not_tell(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.setattr(node, "_BOOT_ID", tmp_path / "missing")
        assert this_node().identity == socket.gethostname()

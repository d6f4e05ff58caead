"""On other systems no verb touches a file, and each says so in its result."""

import dataclasses
import errno
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from accv_cache import (
    CacheReport,
    CgroupMemory,
    CgroupVerdict,
    DropCacheStatus,
    cgroup_memory,
    drop,
    drop_videos_cache,
    machine_memory,
    memory_limit,
    prefetch,
    query,
)
from support.files import MakeFile
from support.items import BAD, items_of
from support.residency import PAGE, kept_bytes
from support.verbs import Prepare, Verb, each_verb

MIB = 1 << 20


@pytest.fixture(autouse=True, params=["darwin", "win32", "freebsd14"])
def _another_platform(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setattr(sys, "platform", request.param)
        yield


@each_verb
class TestVerbs:
    def test_refuse_every_file_and_touch_none(
        self, verb: Verb, prepare: Prepare, tmp_path: Path
    ) -> None:
        path = prepare(3 * PAGE)
        report = verb.call([path, bytes(path), str(tmp_path / "missing")])
        paths = [str(path), str(path), str(tmp_path / "missing")]
        assert [record.path for record in report] == paths
        for result in (report, *report):
            assert verb.has_status(result, "PLATFORM_ERROR")
        with pytest.raises(OSError, match="only Linux") as caught:
            report.raise_for_status()
        assert caught.value.errno == errno.ENOSYS
        assert not report.ok
        assert len(report.failed) == len(paths)
        assert [verb.bytes_of(record) for record in report] == [None] * len(paths)
        assert report.resident_bytes is None
        assert verb.has_spared(path)

    def test_check_their_arguments_all_the_same(self, verb: Verb) -> None:
        with pytest.raises(ValueError, match="offset"):
            verb.call("clip", offset=-1)
        assert verb.call([]).ok


def test_a_report_is_refused_and_goes_through_json_all_the_same() -> None:
    report = CacheReport.from_dict(query(["clip", b"\xff"]).to_dict())
    for result in (prefetch(report), drop("clip", keep=report)):
        assert result.status is DropCacheStatus.PLATFORM_ERROR
    assert [record.path for record in prefetch(report)] == ["clip", os.fsdecode(b"\xff")]
    assert prefetch(report).limit is (prefetch(report) + prefetch("clip")).limit is None


def test_a_share_of_the_memory_needs_no_limit() -> None:
    assert drop("clip", until="25%").status is DropCacheStatus.PLATFORM_ERROR


class TestDropVideosCache:
    def test_no_file_is_touched(self, make_file: MakeFile) -> None:
        path = make_file(MIB)
        assert drop_videos_cache([path]) is DropCacheStatus.PLATFORM_ERROR
        assert kept_bytes(path) == MIB

    @pytest.mark.parametrize("kind", BAD)
    def test_items_are_not_looked_at(self, tmp_path: Path, kind: str) -> None:
        status = drop_videos_cache(items_of(BAD[kind].make(tmp_path)))
        assert status is DropCacheStatus.PLATFORM_ERROR

    @pytest.mark.parametrize("empty", [[], (), iter(()), {}], ids=lambda each: type(each).__name__)
    def test_no_paths_at_all_succeed(self, empty: Iterable[str]) -> None:
        assert drop_videos_cache(empty) is DropCacheStatus.SUCCESS

    @pytest.mark.parametrize("argument", [None, 5, "clip.mp4", b"clip.mp4", Path("clip.mp4")])
    def test_a_bare_path_is_refused_all_the_same(self, argument: list[str]) -> None:
        with pytest.raises(TypeError, match="pass a list of paths"):
            drop_videos_cache(argument)


def test_nothing_is_known_of_memory() -> None:
    assert cgroup_memory() is None
    assert cgroup_memory(1) is None
    assert memory_limit() is None
    assert machine_memory() is None


def test_figures_of_memory_have_no_verdict() -> None:
    figures = [9] * (len(dataclasses.fields(CgroupMemory)) - 2)
    assert CgroupMemory(2, "/", *figures).verdict is CgroupVerdict.UNKNOWN

"""Videos that were decoded leave the page cache, and decode to the same frames again."""

import shutil
from pathlib import Path

import pytest

from accv_cache import DropCacheStatus, drop_videos_cache
from support import residency
from support.clips import decode_digests
from support.files import FileSystem
from support.needs import need

CLIPS = ["h264.mp4", "h264.mkv", "hevc.mp4", "hevc.mkv"]


def cold_copy(clip: Path, directory: Path) -> Path:
    path = Path(shutil.copy(clip, directory))
    residency.cold(path)
    return path


@pytest.mark.parametrize("clip", CLIPS)
def test_decoded_clips_are_dropped(clips: dict[str, Path], clip: str, tmp_path: Path) -> None:
    path = cold_copy(clips[clip], tmp_path)
    frames = decode_digests(path)
    full = residency.whole_pages(path.stat().st_size)
    assert residency.kept_bytes(path) == full
    assert drop_videos_cache([path]) is DropCacheStatus.SUCCESS
    assert residency.mincore_bytes(path) == 0
    assert decode_digests(path) == frames == decode_digests(clips[clip])
    assert residency.kept_bytes(path) == full


@pytest.mark.parametrize("file_system", ["ext4", "xfs", "btrfs"], indirect=True)
def test_every_reader_agrees_that_all_clips_left(
    clips: dict[str, Path], file_system: FileSystem
) -> None:
    need("cachestat(2) of Linux 6.5", "fincore")
    paths = [cold_copy(clips[clip], file_system.directory) for clip in CLIPS]
    frames = [decode_digests(path) for path in paths]
    sizes = [residency.whole_pages(path.stat().st_size) for path in paths]
    for path, size in zip(paths, sizes, strict=True):
        before = residency.cachestat(path)
        by_fincore = residency.fincore_bytes(path)
        assert before.resident + before.evicted == size
        # All equal, unless the kernel reclaimed pages between them.
        assert residency.cachestat(path).resident <= by_fincore <= before.resident
    assert drop_videos_cache(paths) is DropCacheStatus.SUCCESS
    assert [residency.cachestat(path).resident for path in paths] == [0] * len(paths)
    assert [residency.fincore_bytes(path) for path in paths] == [0] * len(paths)
    assert [decode_digests(path) for path in paths] == frames

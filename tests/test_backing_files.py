"""The images that a file system lies in are named, and nothing is where there are none."""

from pathlib import Path
from typing import Any

import pytest

from accv_cache import backing_files
from support import mounts
from support.files import FileSystem
from support.needs import need


@pytest.mark.parametrize("file_system", ["ext4", "xfs", "btrfs"], indirect=True)
def test_of_a_file_in_an_image_is_the_image(file_system: FileSystem) -> None:
    need("root", "loop devices")  # others get a directory on a disk
    clip = file_system.directory / "clip.mp4"
    clip.write_bytes(b"clip")
    (image, *_) = backing_files(clip)
    assert Path(image).name == f"{file_system.kind}.img"
    assert backing_files(file_system.directory) == backing_files(clip)


def test_of_an_image_in_an_image_are_both(ext4: Path) -> None:
    with mounts.ext4(ext4) as root:
        assert [Path(each).parent for each in backing_files(root)[:1]] == [ext4]
        assert backing_files(root)[1:] == backing_files(ext4)


def test_of_the_device_itself_is_the_image(ext4: Path) -> None:
    need("root", "loop devices")  # others get a directory on a disk
    devices = {root: source for source, root, *_ in map(str.split, mounted_devices())}
    (device,) = (source for root, source in devices.items() if Path(root) in ext4.parents)
    assert backing_files(device) == backing_files(ext4)


def mounted_devices() -> list[str]:
    lines = Path("/proc/self/mounts").read_text().splitlines()
    return [line for line in lines if line.startswith("/dev/loop")]


def test_of_memory_is_nothing(tmpfs: Path) -> None:
    assert backing_files(tmpfs) == ()


def test_of_a_missing_file_is_nothing(tmp_path: Path) -> None:
    assert backing_files(tmp_path / "missing") == ()


@pytest.mark.parametrize(
    ("wrong", "error"), [(None, TypeError), (3, TypeError), ("a\0b", ValueError)]
)
def test_of_no_path_is_an_error(wrong: Any, error: type[Exception]) -> None:  # noqa: ANN401
    with pytest.raises(error):
        backing_files(wrong)

"""The image files of a file system: a second cache below a cold file."""

import os
import sys

from accv_cache._arguments import Path

if sys.platform == "linux":
    from accv_cache import _core


def backing_files(path: Path) -> tuple[str, ...]:
    """Find the image files of the file system of `path`, the nearest first.

    A file system in an image (ext4, squashfs) is on a loop device, and the pages of the image are a
    second cache: `path` is cold only when they are cold too.

    Args:
        path: A file, a directory or a block device.

    Returns:
        The files of its loop devices, and of the file systems that contain those. Empty where there
        is none, where the kernel does not report it (FUSE, network file systems), where `path` does
        not exist, and on other systems. A name is that of the file when the loop device was set up;
        that of a deleted file ends in " (deleted)".

    Raises:
        TypeError: `path` is no path.
        ValueError: `path` has a NUL byte.

    Examples:
        >>> backing_files("/proc/self/maps")
        ()

    See loop(4) and sysfs(5).
    """
    name = os.fsencode(path)
    if b"\0" in name:
        msg = "a path has no NUL byte"
        raise ValueError(msg)
    if sys.platform != "linux":
        return ()
    return tuple(os.fsdecode(each) for each in _core.backing_files(name))

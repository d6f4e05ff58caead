"""The kinds of file system of the matrix, each with files of every layout in it.

Mounting needs root.
"""

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import NamedTuple

from support import mounts
from support.needs import need
from support.residency import PAGE

PLAIN_SIZE = 64 * PAGE + 123
FOUR_GIB = 4 << 30


class Kind(NamedTuple):
    """A directory with files of each layout, and the behaviour of the page cache there.

    Attributes:
        directory: Where the files are.
        writable: Whether they can be written.
        evicts: Nothing where the page cache is the only copy.
        syncs: Whether a file can be written back on demand.
        forgets: Whether the cache of a file is emptied when it is opened, or has changed.
        atomic: Whether a file can be opened at any time while another is renamed over it.
        counts: Whether cachestat(2) finds the pages.
        device: The one file there is, where that is a block device.
    """

    directory: Path
    writable: bool = True
    evicts: bool = True
    syncs: bool = True
    atomic: bool = True
    counts: bool = True
    forgets: bool = False
    device: Path | None = None


def fill(directory: Path, *, large: bool = True) -> None:
    """Make a file of each layout; `large`: also one of more than 4 GiB."""
    plain = directory / "plain"
    plain.write_bytes(bytes(range(256)) * (PLAIN_SIZE // 256) + b"x" * (PLAIN_SIZE % 256))
    with (directory / "sparse").open("wb") as file:
        file.truncate(PLAIN_SIZE)
        file.seek(8 * PAGE)
        file.write(b"s" * 8 * PAGE)
    if large:
        with (directory / "above 4 GiB").open("wb") as file:
            file.seek(FOUR_GIB + PAGE)
            file.write(b"far" * PAGE)
    punched = directory / "hole-punched"
    punched.write_bytes(plain.read_bytes())
    # A FUSE server may not support holes: the file is then a plain one.
    command = ["fallocate", "--punch-hole", "-o", str(4 * PAGE), "-l", str(8 * PAGE), str(punched)]
    subprocess.run(command, capture_output=True, check=False)
    linked = directory / "hard-linked"
    linked.write_bytes(plain.read_bytes())
    (directory / "its other name").hardlink_to(linked)
    _sync(directory)


def _sync(directory: Path) -> None:
    """Write this file system back, and no other."""
    _run("sync", "--file-system", directory)


def _run(*command: str | Path) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        msg = f"{command}: {done.stderr}"
        raise RuntimeError(msg)
    return done.stdout.strip()


@contextmanager
def _mount(root: Path, *arguments: str | Path) -> Iterator[Path]:
    need("root", "the right to mount", "loop devices", "mount")
    root.mkdir(exist_ok=True)
    _run("mount", *arguments, root)
    try:
        yield root
    finally:
        _run("umount", root)


@contextmanager
def _image(place: Path, make: str, *options: str, size: int = 1 << 30) -> Iterator[Path]:
    """An image with a file system in it."""
    image = place / "image"
    with image.open("wb") as file:
        file.truncate(size)
    _run(make, *options, image)
    yield image


@contextmanager
def _disk(place: Path, make: str, *options: str) -> Iterator[Kind]:
    with (
        _image(place, make, *options) as image,
        _mount(place / "root", "-o", "loop", image) as root,
    ):
        fill(root)
        yield Kind(root)


@contextmanager
def _read_only(place: Path) -> Iterator[Kind]:
    with _image(place, "mkfs.ext4", "-q") as image:
        with _mount(place / "root", "-o", "loop", image) as root:
            fill(root)
        with _mount(place / "root", "-o", "loop,ro", image) as root:
            yield Kind(root, writable=False)


@contextmanager
def _full(place: Path) -> Iterator[Kind]:
    with _disk(place, "mkfs.ext4", "-q") as kind:
        _run("fallocate", "-l", str(_room(kind.directory)), kind.directory / "filler")
        with (kind.directory / "rest").open("wb", buffering=0) as rest:
            try:
                while rest.write(bytes(1 << 20)):
                    pass
            except OSError:
                _sync(kind.directory)
        yield kind


def _room(directory: Path) -> int:
    status = os.statvfs(directory)
    return status.f_bfree * status.f_bsize - (96 << 20)


@contextmanager
def _tmpfs(place: Path) -> Iterator[Kind]:
    with _mount(place / "root", "-t", "tmpfs", "tmpfs") as root:
        fill(root)
        yield Kind(root, evicts=False)


@contextmanager
def _overlay(place: Path, layer: str, options: str = "") -> Iterator[Kind]:
    """`layer`: where the files are that are worked on, lower or upper."""
    with (
        _image(place, "mkfs.ext4", "-q") as image,
        _mount(place / "disk", "-o", "loop", image) as disk,
    ):
        yield from _overlay_on(disk, place / "root", layer, options)


@contextmanager
def _overlay_on_tmpfs(place: Path) -> Iterator[Kind]:
    with _mount(place / "memory", "-t", "tmpfs", "tmpfs") as memory:
        for kind in _overlay_on(memory, place / "root", "upper", ""):
            yield kind._replace(evicts=False)


def _overlay_on(disk: Path, root: Path, layer: str, options: str) -> Iterator[Kind]:
    layers = [disk / name for name in ("lower", "upper", "work")]
    for each in layers:
        each.mkdir()
    lower, upper, work = layers
    if layer != "upper":
        fill(lower)
    texts = f"lowerdir={lower},upperdir={upper},workdir={work}{options}"
    with _mount(root, "-t", "overlay", "-o", texts, "overlay") as mounted:
        if layer == "upper":
            fill(mounted)
        if layer == "copied up":
            for path in mounted.iterdir():
                os.close(os.open(path, os.O_WRONLY))
        _sync(disk)
        yield Kind(
            mounted, writable=layer != "lower", syncs="volatile" not in options, counts=False
        )


@contextmanager
def _fuse(place: Path, *options: str) -> Iterator[Kind]:
    with mounts.fuse(place, options) as root:
        fill(root)
        # The server opens by name what the kernel has looked up.
        yield Kind(root, forgets=True, atomic=False)


@contextmanager
def _squashfs(place: Path) -> Iterator[Kind]:
    need("mksquashfs")
    source = place / "source"
    source.mkdir()
    fill(source, large=False)  # mksquashfs reads every byte of a hole
    image = place / "image"
    _run("mksquashfs", source, image, "-quiet", "-no-progress", "-noappend")
    with _mount(place / "root", "-o", "loop", image) as root:
        yield Kind(root, writable=False)


@contextmanager
def _block_device(place: Path) -> Iterator[Kind]:
    image = place / "image"
    image.write_bytes(os.urandom(PAGE) * 256)
    device = _run("losetup", "--find", "--show", image)
    try:
        yield Kind(place, device=Path(device))
    finally:
        _run("losetup", "--detach", device)


KINDS: dict[str, Callable[[Path], AbstractContextManager[Kind]]] = {
    "ext4": lambda place: _disk(place, "mkfs.ext4", "-q"),
    "ext4 with 1 KiB blocks": lambda place: _disk(place, "mkfs.ext4", "-q", "-b", "1024"),
    "XFS": lambda place: _disk(place, "mkfs.xfs", "-q"),
    "Btrfs": lambda place: _disk(place, "mkfs.btrfs", "-q"),
    "tmpfs": _tmpfs,
    "overlayfs, lower": lambda place: _overlay(place, "lower"),
    "overlayfs, copied up": lambda place: _overlay(place, "copied up"),
    "overlayfs, volatile": lambda place: _overlay(place, "upper", ",volatile"),
    "overlayfs on tmpfs": _overlay_on_tmpfs,
    "FUSE": _fuse,
    "FUSE without keep_cache": lambda place: _fuse(place, "no_keep_cache"),
    "squashfs": _squashfs,
    "block device": _block_device,
    "read-only": _read_only,
    "full": _full,
}

"""Real file systems, mounted below a directory of the caller's and taken away again.

Each function is a context manager that gives the root of the mounted tree. It needs root, and the
tools of the file system.
"""

import fcntl
import os
import shutil
import subprocess
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from support import residency
from support.privileges import require

LOWER_FILE = "lower.bin"
LOWER_SIZE = 1 << 20

_SLOWFS = Path(__file__).parents[2] / "benchmarks" / "slowfs.c"


def ext4(directory: Path) -> AbstractContextManager[Path]:
    """An ext4 in a sparse image."""
    return _loop(directory, "ext4", "-q")


def xfs(directory: Path) -> AbstractContextManager[Path]:
    """An XFS in a sparse image."""
    return _loop(directory, "xfs", "-q")


def btrfs(directory: Path) -> AbstractContextManager[Path]:
    """A Btrfs in a sparse image."""
    return _loop(directory, "btrfs", "-q")


def tmpfs(directory: Path) -> AbstractContextManager[Path]:
    """A tmpfs."""
    return _mounted(directory / "root", "-t", "tmpfs", "-o", "size=2G,mode=755", "tmpfs")


@contextmanager
def overlay(directory: Path) -> Iterator[Path]:
    """An overlayfs over an ext4 of its own; its lower layer holds `LOWER_FILE`."""
    # An upper layer cannot lie on another overlayfs, as the files of a container do.
    with ext4(directory) as disk:
        lower, upper, work = (disk / name for name in ("lower", "upper", "work"))
        for layer in (lower, upper, work):
            layer.mkdir()
        # Through the overlay, fsync does nothing for the lower layer.
        residency.dirty(lower / LOWER_FILE, LOWER_SIZE)
        residency.clean(lower / LOWER_FILE)
        options = f"lowerdir={lower},upperdir={upper},workdir={work}"
        with _mounted(disk / "root", "-t", "overlay", "-o", options, "overlay") as root:
            yield root


def bind(directory: Path, source: Path) -> AbstractContextManager[Path]:
    """A bind mount of `source`."""
    return _mounted(directory / "root", "--bind", str(source))


@contextmanager
def frozen(root: Path) -> Iterator[None]:
    """Let every write to the file system wait until the block is left."""
    _run("fsfreeze", "--freeze", str(root))
    try:
        yield
    finally:
        _run("fsfreeze", "--unfreeze", str(root))


@contextmanager
def fuse(
    directory: Path,
    options: Iterable[str] = ("allow_other", "default_permissions"),
    source: Path | None = None,
    program: Path | None = None,
) -> Iterator[Path]:
    """A FUSE file system that shows `source`.

    Args:
        directory: where to mount it.
        options: mount options, see benchmarks/slowfs.c; by default every user may use it, with
            the rights that the files give.
        source: the directory to show; None: a new one.
        program: slowfs; None: build it.
    """
    require(os.geteuid() == 0, "mounting needs root")
    require(os.access("/dev/fuse", os.R_OK | os.W_OK), "needs /dev/fuse")
    program = program or build_slowfs(directory)
    source = source or _made(directory / "source")
    root, lock = _made(directory / "root"), directory / "slowfs.lock"
    command = [str(program), str(source), str(root)]
    for option in options:
        command += ["-o", option]
    with lock.open("w") as held:
        # The daemon inherits the lock, and lets it go when it ends.
        fcntl.flock(held, fcntl.LOCK_EX)
        _run(*command, pass_fds=(held.fileno(),))
    try:
        yield root
    finally:
        if _unmount(root):
            with lock.open() as free:
                fcntl.flock(free, fcntl.LOCK_EX)


def build_slowfs(directory: Path) -> Path:
    """Compile benchmarks/slowfs.c into `directory`."""
    require(shutil.which("cc") and shutil.which("pkg-config"), "needs a C compiler and pkg-config")
    flags = _run("pkg-config", "--cflags", "--libs", "fuse3").split()
    program = directory / "slowfs"
    _run("cc", "-O2", str(_SLOWFS), *flags, "-o", str(program))
    return program


MOUNTS: dict[str, Callable[[Path], AbstractContextManager[Path]]] = {
    "ext4": ext4,
    "xfs": xfs,
    "btrfs": btrfs,
    "tmpfs": tmpfs,
    "overlay": overlay,
    "fuse": fuse,
}
"""The kinds that need nothing but a directory."""


@contextmanager
def _loop(directory: Path, kind: str, *options: str) -> Iterator[Path]:
    make = f"mkfs.{kind}"
    require(shutil.which(make), f"needs {make}")
    image = directory / f"{kind}.img"
    with image.open("wb") as file:
        file.truncate(3 << 30)
    try:
        _run(make, *options, str(image))
        # mount sets LO_FLAGS_AUTOCLEAR: unmounting frees the loop device too.
        with _mounted(directory / "disk", "-o", "loop", "-t", kind, str(image)) as root:
            yield root
    finally:
        image.unlink()


@contextmanager
def _mounted(root: Path, *arguments: str) -> Iterator[Path]:
    require(os.geteuid() == 0, "mounting needs root")
    _run("mount", *arguments, str(_made(root)))
    try:
        yield root
    finally:
        _unmount(root)


def _unmount(root: Path) -> bool:
    """Unmount, and tell whether it could be done at once."""
    try:
        _run("umount", str(root))
    except RuntimeError as error:
        _run("umount", "--lazy", str(root))
        warnings.warn(f"something still used {root}: {error}", ResourceWarning, stacklevel=2)
        return False
    return True


def _made(directory: Path) -> Path:
    directory.mkdir(exist_ok=True)
    return directory


def _run(*command: str, pass_fds: tuple[int, ...] = ()) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, pass_fds=pass_fds)
    if done.returncode != 0:
        msg = f"{' '.join(command)}: {done.stderr.strip()}"
        raise RuntimeError(msg)
    return done.stdout

"""Real file systems, mounted below a directory of the caller and unmounted again.

Each function is a context manager that returns the root of the mounted tree. Root may mount all of
them; another user those that need no disk, in a user namespace (`support.rights`).
"""

import errno
import fcntl
import os
import subprocess
import tempfile
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from functools import cache
from pathlib import Path

from support import residency, rights
from support.needs import is_there, need, require

LOWER_FILE = "lower.bin"
LOWER_SIZE = 1 << 20

_EMPTY_EXT4 = 1 << 20  # what the image takes that `full_ext4` makes

_SLOWFS = Path(__file__).parents[2] / "benchmarks" / "slowfs.c"

_DISKS = ("ext4", "xfs", "btrfs")
_FOR_DISKS = ("root", "the right to mount", "loop devices")

# linux/fs.h; Python has no names for them.
_FIFREEZE, _FITHAW = 0xC0045877, 0xC0045878


def ext4(directory: Path) -> AbstractContextManager[Path]:
    """An ext4 in a sparse image."""
    return disk(directory, "ext4", "-q")


@contextmanager
def full_ext4(directory: Path, room: int) -> Iterator[Path]:
    """An ext4 in an image that may grow by `room` bytes; what is written beyond that fails."""
    need(*_FOR_DISKS, "losetup", "mkfs.ext4")
    store = _made(directory / "store")
    rights.mount("none", store, "tmpfs", 0, f"size={room + _EMPTY_EXT4}")
    try:
        with disk(store, "ext4", "-q", "-O", "^has_journal,^resize_inode") as root:
            yield root
    finally:
        # The loop device releases its image a moment later, after writes that failed.
        rights.unmount(store, lazy=True)


def xfs(directory: Path) -> AbstractContextManager[Path]:
    """An XFS in a sparse image."""
    return disk(directory, "xfs", "-q")


def btrfs(directory: Path) -> AbstractContextManager[Path]:
    """A Btrfs in a sparse image."""
    return disk(directory, "btrfs", "-q")


def tmpfs(directory: Path) -> AbstractContextManager[Path]:
    """A tmpfs."""
    return mounted(directory / "root", "tmpfs", options="size=2G,mode=755")


@contextmanager
def overlay(directory: Path) -> Iterator[Path]:
    """An overlayfs over an ext4 of its own; its lower layer holds `LOWER_FILE`.

    For another user than root, over the directory, which must be on a disk.
    """
    # An upper layer cannot lie on another overlayfs, as the files of a container do.
    is_root = os.geteuid() == 0
    require(is_root or _kind_of(directory) in _DISKS, "needs temporary files on a disk")
    with ext4(directory) if is_root else nullcontext(directory) as disk:
        lower, upper, work = (_made(disk / name) for name in ("lower", "upper", "work"))
        # Through the overlay, fsync does nothing for the lower layer.
        residency.dirty(lower / LOWER_FILE, LOWER_SIZE)
        residency.clean(lower / LOWER_FILE)
        with mounted_overlay(disk / "root", lower, upper, work) as root:
            yield root


def mounted_overlay(
    root: Path, lower: Path, upper: Path, work: Path, more: str = ""
) -> AbstractContextManager[Path]:
    """An overlayfs of these layers."""
    options = f"lowerdir={lower},upperdir={upper},workdir={work}{more}"
    if os.geteuid() != 0:
        options += ",userxattr"
    return mounted(root, "overlay", options=options)


@contextmanager
def volatile_overlay(directory: Path) -> Iterator[Path]:
    """An overlayfs where fsync does nothing, as container runtimes mount it; over the directory."""
    # The kernel leaves a folder without any rights, which this removes, too.
    with tempfile.TemporaryDirectory(dir=directory) as name:
        lower, upper, work = (_made(Path(name, layer)) for layer in ("lower", "upper", "work"))
        with mounted_overlay(Path(name, "root"), lower, upper, work, ",volatile") as root:
            yield root


def bind(directory: Path, source: Path) -> AbstractContextManager[Path]:
    """A bind mount of `source`."""
    return mounted(directory / "root", "", source, flags=rights.MS_BIND)


@contextmanager
def frozen(root: Path) -> Iterator[None]:
    """Let every write to the file system wait until the end of the block."""
    descriptor = os.open(root, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.ioctl(descriptor, _FIFREEZE, 0)
        try:
            yield
        finally:
            fcntl.ioctl(descriptor, _FITHAW, 0)
    finally:
        os.close(descriptor)


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
    need("the right to mount", "/dev/fuse")
    program = program or build_slowfs(directory)
    source = source or _made(directory / "source")
    root, lock = _made(directory / "root"), directory / "slowfs.lock"
    command = [str(program), str(source), str(root)]
    for option in options:
        command += ["-o", option]
    with lock.open("w") as held:
        # The daemon inherits the lock, and releases it when it ends.
        fcntl.flock(held, fcntl.LOCK_EX)
        with rights.in_effect(inherited=True):
            _run(*command, pass_fds=(held.fileno(),))
    # Until somebody asks, root owns it, and nobody may write to what a user owns who is not mapped.
    root.stat()
    try:
        yield root
    finally:
        if _unmount(root):
            with lock.open() as free:
                fcntl.flock(free, fcntl.LOCK_EX)


def build_slowfs(directory: Path) -> Path:
    """Put the program of benchmarks/slowfs.c into `directory`; it is compiled once."""
    need("cc", "pkg-config", "fuse3.pc")
    program = directory / "slowfs"
    program.write_bytes(_slowfs())
    program.chmod(0o755)
    return program


@cache
def _slowfs() -> bytes:
    flags = _run("pkg-config", "--cflags", "--libs", "fuse3").split()
    with tempfile.TemporaryDirectory() as place:
        program = Path(place, "slowfs")
        _run("cc", "-O2", str(_SLOWFS), *flags, "-o", str(program))
        return program.read_bytes()


MOUNTS: dict[str, Callable[[Path], AbstractContextManager[Path]]] = {
    "ext4": ext4,
    "xfs": xfs,
    "btrfs": btrfs,
    "tmpfs": tmpfs,
    "overlay": overlay,
    "fuse": fuse,
}
"""The kinds that need nothing but a directory."""


def some(kind: str, directory: Path) -> AbstractContextManager[Path]:
    """A file system of that kind: mounted, or if that is not allowed, an existing one."""
    if kind in _DISKS and not all(map(is_there, _FOR_DISKS)):
        for place in (Path(tempfile.gettempdir()), Path("/var/tmp"), Path.cwd(), Path.home()):
            if _kind_of(place) == kind and os.access(place, os.W_OK):
                return _directory_in(place)
    return MOUNTS[kind](directory)


@contextmanager
def mounted(
    root: Path, kind: str, source: Path | str = "none", flags: int = 0, options: str = ""
) -> Iterator[Path]:
    """Mount `source` at `root`, which is made if necessary; see mount(2)."""
    try:
        rights.mount(source, _made(root), kind, flags, options)
    except PermissionError:
        require(None, "needs the right to mount")
    except OSError as error:
        if error.errno != errno.ENODEV:
            raise
        require(None, f"needs a kernel with {kind}")
    try:
        yield root
    finally:
        _unmount(root)


def is_in_memory(place: Path) -> bool:
    """Whether the page cache has the only copy of the files there."""
    return _kind_of(place) in {"tmpfs", "ramfs"}


def remount(root: Path, flags: int = 0, options: str = "") -> None:
    """Change flags and options of the mount at `root`."""
    rights.mount("none", root, "", rights.MS_REMOUNT | flags, options)


@contextmanager
def _directory_in(place: Path) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="accv-cache-", dir=place) as name:
        directory = Path(name)
        directory.chmod(0o755)  # `as_other_user` enters it, also where root may not mount
        yield directory


def _kind_of(place: Path) -> str:
    """The kind of file system of a path, by the table of mounts, where the last entry counts."""
    lines = Path("/proc/self/mounts").read_text().splitlines()
    kinds = {root: kind for _, root, kind, *_ in map(str.split, lines)}
    here = place.resolve()
    return next((kinds[str(each)] for each in (here, *here.parents) if str(each) in kinds), "")


@contextmanager
def disk(directory: Path, kind: str, *options: str) -> Iterator[Path]:
    """A file system of that kind in a sparse image; the options are those of its mkfs."""
    make = f"mkfs.{kind}"
    need(*_FOR_DISKS, "losetup", make)
    image = directory / f"{kind}.img"
    with image.open("wb") as file:
        file.truncate(3 << 30)
    try:
        _run(make, *options, str(image))
        device = _attached(image)
        with ExitStack() as stack:
            try:
                root = stack.enter_context(mounted(directory / "disk", kind, device))
            finally:
                # While it is mounted that waits: unmounting frees the device (loop(4)).
                _run("losetup", "--detach", device)
            yield root
    finally:
        image.unlink()


def _attached(image: Path) -> str:
    try:
        return _run("losetup", "--find", "--show", str(image)).strip()
    except RuntimeError as error:  # as in a container that has no node of a free one
        require(None, f"needs loop devices: {error}")
        raise


def _unmount(root: Path) -> bool:
    """Unmount; return whether this was possible at once."""
    try:
        rights.unmount(root)
    except OSError as error:
        rights.unmount(root, lazy=True)
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

"""Files in a known state: made, warmed, cooled, just written, on a file system made for them."""

import ctypes
import mmap
import os
import shutil
import subprocess
import time
from array import array
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO

from .measure import NotRun

CHUNK = 128 << 10  # one WILLNEED of more loads only a part, and says nothing

_libc = ctypes.CDLL(None, use_errno=True)
_libc.mmap.restype = ctypes.c_void_p
_libc.mmap.argtypes = [
    ctypes.c_void_p,
    ctypes.c_size_t,
    ctypes.c_int,
    ctypes.c_int,
    ctypes.c_int,
    ctypes.c_long,
]
_libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
_libc.mincore.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p]
_FRAME = (1 << 55) - 1
_ACTIVE, _TAIL = 1 << 6, 1 << 16
_MAP_FAILED = ctypes.c_void_p(-1).value


def resident_bytes(paths: list[str]) -> int:
    """How much of the files is in memory, in whole pages.

    Read with mincore(2), which shares nothing with accv_cache and is right on every file system
    for files that the caller owns, as these are. A mapping that is never touched holds no page.
    """
    return sum(_resident_pages(path) for path in paths) * mmap.PAGESIZE


def _resident_pages(path: str) -> int:
    with _mapping(path) as (address, size):
        pages = ctypes.create_string_buffer(-(-size // mmap.PAGESIZE))
        _check(_libc.mincore(address, size, pages), "mincore")
    return len(pages.raw) - pages.raw.count(b"\0")


@contextmanager
def _mapping(path: str) -> Iterator[tuple[int, int]]:
    """Map the file for reading: address and size."""
    fd = os.open(path, os.O_RDONLY)
    try:
        size = os.fstat(fd).st_size
        address = _libc.mmap(None, size, mmap.PROT_READ, mmap.MAP_SHARED, fd, 0)
    finally:
        os.close(fd)
    _check(-1 if address == _MAP_FAILED else 0, "mmap")
    try:
        yield address, size
    finally:
        _libc.munmap(address, size)


def _check(result: int, operation: str) -> None:
    if result != 0:
        raise OSError(ctypes.get_errno(), operation)


def active_bytes(paths: list[str]) -> int:
    """How much of the files the kernel counts as used again, by its flags of each page.

    See the kernel's Documentation/admin-guide/mm/pagemap.rst. The numbers of pages are for root.
    """
    if _has_generations():
        why = "the kernel has generations of pages instead of active ones"
        raise NotRun(why)
    try:
        with Path("/proc/kpageflags").open("rb", buffering=0) as flags:
            return sum(_active_pages(path, flags) for path in paths) * mmap.PAGESIZE
    except PermissionError:
        why = "needs root, to read the flags of pages"
        raise NotRun(why) from None


def _has_generations() -> bool:
    enabled = Path("/sys/kernel/mm/lru_gen/enabled")
    return enabled.exists() and int(enabled.read_text(), 16) != 0


def _active_pages(path: str, flags: BinaryIO) -> int:
    with _mapping(path) as (address, size), Path("/proc/self/pagemap").open("rb") as map_file:
        # A touch marks a page when it is unmapped, but MADV_POPULATE_READ at once.
        _ = (ctypes.c_char * size).from_address(address)[:: mmap.PAGESIZE]
        frames = _words(map_file, address // mmap.PAGESIZE, -(-size // mmap.PAGESIZE))
        active, is_active = 0, False
        for frame in frames:
            if not frame & _FRAME:  # hidden, or reclaimed since it was touched
                why = "the kernel does not tell the numbers of pages"
                raise NotRun(why)
            (found,) = _words(flags, frame & _FRAME, 1)
            # Older kernels tell of the first page of a folio alone.
            if not found & _TAIL:
                is_active = bool(found & _ACTIVE)
            active += is_active
    return active


def _words(file: BinaryIO, first: int, count: int) -> Sequence[int]:
    """Read 64-bit words of a file that has one per page."""
    return array("Q", os.pread(file.fileno(), count * 8, first * 8))


def make_files(directory: Path, count: int, size: int) -> list[str]:
    """Make `count` files of `size` bytes, a multiple of a page, none of them resident."""
    directory.mkdir()
    paths = [f"{directory}/{index:06d}" for index in range(count)]
    _write(paths, size)
    _write_back(directory)
    _evict(paths)
    return paths


def _write(paths: list[str], size: int) -> None:
    block = os.urandom(min(size, 1 << 20))
    for path in paths:
        with Path(path).open("xb", buffering=0) as file:
            file.writelines([block] * (size // len(block)))


def _write_back(directory: Path) -> None:
    """Write back the file system of the directory alone: others may need their dirty pages."""
    fd = os.open(directory, os.O_RDONLY)
    try:
        _check(_libc.syncfs(fd), "syncfs")
    finally:
        os.close(fd)


def as_it_is(paths: list[str]) -> None:
    """For what does not depend on the page cache."""


def cool(paths: list[str]) -> None:
    """Evict the files, which must be clean."""
    _evict(paths)
    if stayed := resident_bytes(paths):
        why = f"{stayed:,} bytes cannot be evicted there, choose another --directory"
        raise NotRun(why)


def cool_in_parallel(paths: list[str]) -> None:
    """The same for files that are slow to open."""
    with ThreadPoolExecutor(64) as pool:
        list(pool.map(lambda path: cool([path]), paths))


def _evict(paths: list[str]) -> None:
    for path in paths:
        fd = os.open(path, os.O_RDONLY)
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(fd)


def warm(paths: list[str]) -> None:
    """Read the files, as a training job does."""
    for path in paths:
        with Path(path).open("rb", buffering=0) as file:
            while file.read(8 << 20):
                pass
    _expect_resident(paths)


def warm_in_small_folios(paths: list[str]) -> None:
    """Bring the files in with WILLNEED, which makes 4 KiB folios where a read makes 2 MiB ones."""
    cool(paths)
    for path in paths:
        fd = os.open(path, os.O_RDONLY)
        size = os.fstat(fd).st_size
        for offset in range(0, size, CHUNK):
            os.posix_fadvise(fd, offset, CHUNK, os.POSIX_FADV_WILLNEED)
            os.pread(fd, 1, offset)  # waits for the chunk
        os.close(fd)
    _expect_resident(paths)


def warm_in_parallel(paths: list[str]) -> None:
    """Read files that are slow to open, many at a time."""
    with ThreadPoolExecutor(64) as pool:
        sizes = pool.map(lambda path: len(Path(path).read_bytes()), paths)
        wanted = sum(sizes)
        resident = sum(pool.map(lambda path: resident_bytes([path]), paths))
    _expect(resident, wanted)


def write_again(paths: list[str]) -> None:
    """Write the files anew and leave them dirty.

    New files instead of truncated ones: ext4 starts to write a truncated file back on close
    (auto_da_alloc, ext4(5)), which would be a head start.
    """
    size = Path(paths[0]).stat().st_size
    for path in paths:
        Path(path).unlink()
    _write_back(Path(paths[0]).parent)
    _write(paths, size)
    _expect_resident(paths)


def missing_bytes(paths: list[str]) -> int:
    """How much of files that were loaded is not resident; 0 where some machines reclaim early."""
    return _missing(resident_bytes(paths), sum(Path(path).stat().st_size for path in paths))


def _missing(resident: int, wanted: int) -> int:
    """Nearly all must be resident. Not all: some machines reclaim early (DAMON), all the time."""
    return wanted - resident if resident < 0.9 * wanted else 0


def _expect_resident(paths: list[str]) -> None:
    _expect(resident_bytes(paths), sum(Path(path).stat().st_size for path in paths))


def _expect(resident: int, wanted: int) -> None:
    if _missing(resident, wanted):
        why = f"of {wanted:,} bytes that were read only {resident:,} stayed resident"
        raise NotRun(why)


def many_paths(paths: list[str], count: int) -> list[str]:
    """A list of `count` paths, each its own string, over a few files of one directory."""
    directory = Path(paths[0]).parent
    names = [Path(path).name for path in paths]
    return [f"{directory}/{names[index % len(names)]}" for index in range(count)]


@contextmanager
def idle_processes(count: int) -> Iterator[None]:
    """Processes that do nothing."""
    with ExitStack() as stack:
        for _ in range(count):
            process = subprocess.Popen(["sleep", "infinity"])
            stack.callback(process.wait)
            stack.callback(process.kill)
        yield


@contextmanager
def mounted_image(directory: Path, file_system: str, size: int) -> Iterator[Path]:
    """A new XFS, Btrfs or ext4 in a sparse file, mounted through a loop device."""
    if os.geteuid() != 0:
        why = "needs root, to mount"
        raise NotRun(why)
    image, point = directory / f"{file_system}.img", directory / file_system
    with image.open("xb") as file:
        file.truncate(size)
    point.mkdir()
    command(f"mkfs.{file_system}", "-q", str(image))
    # Direct, or what is written back would only move to the image's own pages, and not to a disk.
    device = command("losetup", "--find", "--show", "--direct-io=on", str(image)).strip()
    try:
        command("mount", device, str(point))
    finally:
        command("losetup", "--detach", device)  # once it is unmounted, losetup(8)
    try:
        yield point
    finally:
        command("umount", str(point))


@contextmanager
def mounted_slowfs(point: Path, behind: Path, **slower: int) -> Iterator[Path]:
    """A FUSE view of `behind` in which requests take longer; see the options in slowfs.c."""
    program = point.with_suffix(".program")
    point.mkdir()
    flags = command("pkg-config", "--cflags", "--libs", "fuse3").split()
    command("cc", "-O2", "-o", str(program), str(Path(__file__).with_name("slowfs.c")), *flags)
    options = ",".join(f"{name}={value}" for name, value in slower.items())
    served = subprocess.Popen(
        # A second is libfuse's own default.
        [program, behind, point, "-f", "-o", f"{options},attr_timeout=1"],
        stderr=subprocess.DEVNULL,  # libfuse 3.14 warns there about its own default
    )
    try:
        while not os.path.ismount(point):
            if served.poll() is not None:
                why = "FUSE cannot mount here"
                raise NotRun(why)
            time.sleep(0.01)
        yield point
    finally:
        if served.poll() is None:
            command("fusermount3", "-u", str(point))
        served.wait()


def command(program: str, *arguments: str) -> str:
    """Run a program and return its output; `NotRun` if it is missing or fails."""
    if shutil.which(program) is None:
        why = f"{program} is not installed"
        raise NotRun(why)
    done = subprocess.run([program, *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines()
        why = f"{program}: {lines[-1] if lines else done.returncode}"
        raise NotRun(why)
    return done.stdout

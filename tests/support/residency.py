"""Readers of page-cache residency, and helpers that bring a file into a known state.

Sizes are bytes of whole pages, as the kernel keeps them: a file of one byte is one page.
"""

import ctypes
import errno
import mmap
import os
import re
import subprocess
import sys
from array import array
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from io import FileIO
from pathlib import Path
from typing import NamedTuple

PAGE = mmap.PAGESIZE

# The same number on every architecture that has a 64-bit Linux of its own, except Alpha.
_SYS_CACHESTAT = 451
_FRAME = (1 << 55) - 1
_ACTIVE, _TAIL = 1 << 6, 1 << 16
_BIT_0 = bytes(flags & 1 for flags in range(256))  # mincore(2) reserves the other bits
_MAP_FAILED = ctypes.c_void_p(-1).value

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long
_libc.mmap.restype = ctypes.c_void_p
_libc.mmap.argtypes = [
    ctypes.c_void_p,
    ctypes.c_size_t,
    ctypes.c_int,
    ctypes.c_int,
    ctypes.c_int,
    ctypes.c_int64,
]
_libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
_libc.mlock.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
_libc.mincore.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p]


class CacheStat(NamedTuple):
    """What cachestat(2) counts, in bytes."""

    resident: int
    dirty: int
    writeback: int
    evicted: int
    recently_evicted: int


def cachestat(file: int | str | Path, offset: int = 0, length: int = 0) -> CacheStat:
    """The kernel's own counts, since Linux 6.5; a length of 0 means to the end.

    On overlayfs it returns 0 for every file.
    """
    if not isinstance(file, int):
        with _opened(file) as descriptor:
            return cachestat(descriptor, offset, length)
    pages = (ctypes.c_uint64 * len(CacheStat._fields))()
    asked = (ctypes.c_uint64 * 2)(offset, length)
    _check(_libc.syscall(_SYS_CACHESTAT, file, asked, pages, 0), "cachestat")
    return CacheStat._make(count * PAGE for count in pages)


def has_cachestat() -> bool:
    """Whether the kernel has cachestat(2), and no seccomp filter hides it."""
    descriptor = os.memfd_create("probe")
    try:
        cachestat(descriptor)
    except OSError as error:
        if error.errno in (errno.ENOSYS, errno.EPERM):
            return False
        raise
    finally:
        os.close(descriptor)
    return True


def mincore_spans(path: str | Path) -> list[tuple[int, int]]:
    """Resident byte ranges (start, stop), in whole pages.

    Correct only for a file that the caller owns or may write: for others mincore(2) reports every
    page as resident.
    """
    runs = re.finditer(rb"\x01+", _mincore(path))
    return [(run.start() * PAGE, run.end() * PAGE) for run in runs]


def mincore_bytes(path: str | Path) -> int:
    """Resident bytes by mincore(2); see `mincore_spans` for whom it can be trusted."""
    return _mincore(path).count(1) * PAGE


def fincore_bytes(path: str | Path) -> int:
    """Resident bytes by fincore(1) of util-linux, which wraps mincore or, later, cachestat."""
    command = ["fincore", "--bytes", "--noheadings", "--raw", "--output", "RES", str(path)]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def resident_bytes(path: str | Path) -> int:
    """Resident bytes by the reader that is right on every file system, for root or the owner."""
    return mincore_bytes(path)


def active_bytes(path: str | Path) -> int:
    """How much of a resident file the kernel counts as used again, by the flags of each page.

    See the kernel's Documentation/admin-guide/mm/pagemap.rst. Reading the file through a mapping
    counts only when it is unmapped.
    """
    with _mapping(path) as (address, length), ExitStack() as stack:
        _ = (ctypes.c_char * length).from_address(address)[::PAGE]
        frames, flags = (
            stack.enter_context(Path(name).open("rb", buffering=0))
            for name in ("/proc/self/pagemap", "/proc/kpageflags")
        )
        active, is_active = 0, False
        for frame in _words(frames, address // PAGE, whole_pages(length) // PAGE):
            (found,) = _words(flags, frame & _FRAME, 1)
            if not found & _TAIL:  # older kernels tell of the first page of a folio alone
                is_active = bool(found & _ACTIVE)
            active += is_active
        return active * PAGE


def has_active_pages() -> bool:
    """Whether the kernel has them, not generations instead, and this process may read flags."""
    generations = Path("/sys/kernel/mm/lru_gen/enabled")
    if generations.exists() and int(generations.read_text(), 16) != 0:
        return False
    return os.access("/proc/kpageflags", os.R_OK)


def _words(file: FileIO, first: int, count: int) -> Sequence[int]:
    """Read 64-bit words of a file that has one per page."""
    return array("Q", os.pread(file.fileno(), count * 8, first * 8))


def kept_bytes(path: str | Path) -> int:
    """Bytes that were read and not evicted on advice: resident, or reclaimed by the kernel.

    The kernel may reclaim a page at any time. It then stores a shadow entry in its place
    (mm/workingset.c), which cachestat counts as evicted, in one look at all pages. Advice stores
    none, and removes older ones. Where cachestat tells nothing, as on overlayfs, a reclaimed page
    counts as evicted on advice.
    """
    told = cachestat(path) if has_cachestat() else CacheStat(0, 0, 0, 0, 0)
    return told.resident + told.evicted or resident_bytes(path)


def whole_pages(size: int) -> int:
    """The bytes of page cache that a file of `size` bytes fills."""
    return -(-size // PAGE) * PAGE


def warm(path: str | Path) -> None:
    """Read the whole file, so that all of it is resident."""
    with Path(path).open("rb", buffering=0) as file:
        while file.read(1 << 20):
            pass


def clean(path: str | Path) -> None:
    """Write the file back; its pages stay resident."""
    with _opened(path) as descriptor:
        os.fsync(descriptor)


def write_back(directory: str | Path) -> None:
    """Write back the file system of `directory`, and no other: other tests need dirty pages.

    Who opens a file next is told of its errors.
    """
    with _opened(directory) as descriptor:
        _libc.syncfs(descriptor)


def cold(path: str | Path) -> None:
    """Write the file back and evict it; fails where that is impossible, as on tmpfs."""
    clean(path)
    with _opened(path) as descriptor:
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    left = resident_bytes(path)
    assert left == 0, f"{path}: {left} bytes stayed resident"


def dirty(path: str | Path, size: int) -> None:
    """Write `size` bytes from the file's start without a sync, creating it if necessary."""
    block = os.fsencode(path).ljust(PAGE, b".") * ((1 << 20) // PAGE)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
    with os.fdopen(descriptor, "wb") as file:
        file.writelines(block[: size - offset] for offset in range(0, size, len(block)))


@contextmanager
def mapped(path: str | Path) -> Iterator[mmap.mmap]:
    """Hold the file mapped in this process, every page touched."""
    with _opened(path) as descriptor:
        mapping = mmap.mmap(descriptor, 0, mmap.MAP_SHARED, mmap.PROT_READ)
    with mapping:
        mapping[::PAGE]
        yield mapping


@contextmanager
def mapped_elsewhere(path: str | Path) -> Iterator[int]:
    """Hold the file mapped in another process, every page touched; return that process's id."""
    program = (
        "import mmap, sys\n"
        "with open(sys.argv[1], 'rb') as file:\n"
        "    mapping = mmap.mmap(file.fileno(), 0, mmap.MAP_SHARED, mmap.PROT_READ)\n"
        "mapping[::mmap.PAGESIZE]\n"
        "print('mapped', flush=True)\n"
        "sys.stdin.read()\n"
    )
    command = [sys.executable, "-I", "-S", "-c", program, str(path)]
    # Leaving the block closes the child's standard input, which ends it, and waits for it.
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"mapped\n"
        yield child.pid


@contextmanager
def mlocked(path: str | Path) -> Iterator[None]:
    """Hold every page of the file locked in memory by mlock(2)."""
    with _mapping(path) as (address, length):
        _check(_libc.mlock(address, length), "mlock")
        yield


@contextmanager
def resident_locked(path: str | Path) -> Iterator[list[tuple[int, int]]]:
    """Hold the resident pages, and no others, locked in memory; return their ranges."""
    with _mapping(path) as (address, _):
        spans = mincore_spans(path)
        for start, stop in spans:
            _check(_libc.mlock(address + start, stop - start), "mlock")
        yield spans


def _mincore(path: str | Path) -> bytes:
    """One byte per page of the file: 1 if the page is resident, else 0."""
    if Path(path).stat().st_size == 0:
        return b""
    with _mapping(path) as (address, length):
        vector = ctypes.create_string_buffer(whole_pages(length) // PAGE)
        _check(_libc.mincore(address, length, vector), "mincore")
        return vector.raw.translate(_BIT_0)


@contextmanager
def _mapping(path: str | Path) -> Iterator[tuple[int, int]]:
    """The address and length of a read-only mapping, which Python's own mmap does not expose."""
    with _opened(path) as descriptor:
        length = os.fstat(descriptor).st_size
        address = _libc.mmap(None, length, mmap.PROT_READ, mmap.MAP_SHARED, descriptor, 0)
        _check(-1 if address == _MAP_FAILED else 0, "mmap")
    try:
        yield address, length
    finally:
        _check(_libc.munmap(address, length), "munmap")


@contextmanager
def _opened(path: str | Path) -> Iterator[int]:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _check(result: int, operation: str) -> None:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{operation}: {os.strerror(number)}")

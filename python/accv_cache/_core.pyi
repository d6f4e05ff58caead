import enum
import os
from collections.abc import Iterable, Sequence
from typing import TypeAlias

from accv_cache._arguments import FileOptions

__version__: str

class DropCacheStatus(enum.Enum):
    SUCCESS = 0
    PLATFORM_ERROR = 1
    FILE_OPEN_FAILED = 2
    FADVISE_FAILED = 3
    UNKNOWN_ERROR = 4

_BytesOrNone: TypeAlias = int | None
_CgroupRow: TypeAlias = tuple[
    int,
    bytes,
    _BytesOrNone,
    _BytesOrNone,
    _BytesOrNone,
    _BytesOrNone,
    _BytesOrNone,
    _BytesOrNone,
    _BytesOrNone,
    _BytesOrNone,
    _BytesOrNone,
    _BytesOrNone,
    _BytesOrNone,
]

class CacheTable:
    def __len__(self) -> int: ...
    def __add__(self, arg0: CacheTable, /) -> CacheTable: ...
    def __getstate__(self) -> tuple[object, ...]: ...
    def __setstate__(self, arg0: tuple[object, ...], /) -> None: ...
    def row(
        self, position: int
    ) -> tuple[
        bytes,
        int,
        int,
        tuple[int, int],
        int,
        _BytesOrNone,
        _BytesOrNone,
        _BytesOrNone,
        Sequence[tuple[int, int]] | None,
    ]: ...
    def totals(self) -> tuple[int, int, int, int, int, int, int, int]: ...
    def failed(self) -> list[int]: ...
    def skipped(self) -> list[tuple[bytes, int]]: ...

class DropTable:
    def __len__(self) -> int: ...
    def __add__(self, arg0: DropTable, /) -> DropTable: ...
    def __getstate__(self) -> tuple[object, ...]: ...
    def __setstate__(self, arg0: tuple[object, ...], /) -> None: ...
    def row(
        self, position: int
    ) -> tuple[bytes, int, int, int, _BytesOrNone, _BytesOrNone, Sequence[int]]: ...
    def totals(self) -> tuple[int, int, int, int, int, Sequence[int]]: ...
    def failed(self) -> list[int]: ...
    def skipped(self) -> list[tuple[bytes, int]]: ...

def cgroup_memory(pid: int | None, path: bytes | None) -> _CgroupRow | None: ...
def cgroup_verdict(figures: _CgroupRow) -> tuple[int, int]: ...
def drop(
    paths: Iterable[object], options: FileOptions, *, sync: bool, fail_fast: bool
) -> DropTable: ...
def drop_videos_cache(
    filepaths: Iterable[str | bytes | os.PathLike[str] | os.PathLike[bytes]], workers: int = 0
) -> int: ...
def holders(
    paths: Sequence[bytes],
) -> tuple[list[tuple[int, bytes, int, int, bool]], int, bool, int]: ...
def machine_memory() -> (
    tuple[_BytesOrNone, _BytesOrNone, _BytesOrNone, _BytesOrNone, _BytesOrNone, _BytesOrNone] | None
): ...
def matches(pattern: bytes, path: bytes) -> bool: ...
def memory_limit() -> int | None: ...
def query(paths: Iterable[object], options: FileOptions, *, spans: bool) -> CacheTable: ...

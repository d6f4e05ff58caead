import enum
import os
from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

from accv_cache._arguments import FileOptions

__version__: str

class DropCacheStatus(enum.Enum):
    SUCCESS = 0
    PLATFORM_ERROR = 1
    FILE_OPEN_FAILED = 2
    FADVISE_FAILED = 3
    UNKNOWN_ERROR = 4

class FailedStep(enum.Enum):
    NONE = 0
    NAME = 1
    OPEN = 2
    STATUS = 3
    ADVISE = 4
    WRITE_BACK = 5
    MEASURE = 6
    READ = 7

class LimitSource(enum.Enum):
    NONE = 0
    MAX_BYTES = 1
    CGROUP = 2
    MACHINE = 3

class ResidencySource(enum.Enum):
    NONE = 0
    CACHESTAT = 1
    MINCORE = 2

class SkipReason(enum.Enum):
    SYMBOLIC_LINK = 0
    SPECIAL_FILE = 1
    OTHER_FILE_SYSTEM = 2

class UnknownReason(enum.Enum):
    NONE = 0
    NOT_PERMITTED = 1
    NOT_READABLE = 2
    NOT_SUPPORTED = 3
    NO_MAPPING = 4

KEPT_REASONS: tuple[str, ...]
MISSING_REASONS: tuple[str, ...]

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
_IdentityRow: TypeAlias = tuple[int, int]  # device and inode

class _Table:
    def __len__(self) -> int: ...
    def __getstate__(self) -> tuple[object, ...]: ...
    def __setstate__(self, arg0: tuple[object, ...], /) -> None: ...
    def __reduce__(self) -> tuple[object, ...]: ...
    @staticmethod
    def from_state(state: tuple[object, ...]) -> Any: ...  # noqa: ANN401 - of the same class
    def paths(self) -> list[bytes]: ...
    def totals(self) -> list[int]: ...
    def failed(self, most: int | None = None) -> list[int]: ...
    def unknown(self, most: int | None = None) -> list[int]: ...
    def remarkable(self, most: int | None = None) -> list[int]: ...
    def ranked(self, most: int) -> list[tuple[int, int]]: ...
    def skipped(self) -> list[tuple[bytes, int]]: ...

class CacheTable(_Table):
    def select(self, positions: Sequence[int]) -> CacheTable: ...
    def row(
        self, position: int
    ) -> tuple[
        bytes,
        bool,
        int,
        int,
        int,
        tuple[int, int],
        int,
        int,
        _BytesOrNone,
        _BytesOrNone,
        _BytesOrNone,
        _BytesOrNone,
        _BytesOrNone,
        Sequence[tuple[int, int]] | None,
    ]: ...

class Budget:
    def use(self, path: bytes, offset: int, length: int | None) -> Usage: ...
    def used_bytes(self) -> int: ...
    def dropped_bytes(self) -> int: ...
    def close(self) -> None: ...

class Usage:
    def error(self) -> int: ...
    def leave(self) -> None: ...

class DropTable(_Table):
    def select(self, positions: Sequence[int]) -> DropTable: ...
    def row(
        self, position: int
    ) -> tuple[
        bytes,
        int | None,
        int,
        int,
        int,
        _BytesOrNone,
        _BytesOrNone,
        int,
        Sequence[int],
        _IdentityRow | None,
    ]: ...

class PrefetchTable(_Table):
    def select(self, positions: Sequence[int]) -> PrefetchTable: ...
    def limit(self) -> tuple[int, int, int, bytes] | None: ...
    def refused(self) -> bool: ...
    def row(
        self, position: int
    ) -> tuple[
        bytes,
        int | None,
        int,
        int,
        int,
        _BytesOrNone,
        _BytesOrNone,
        int,
        _BytesOrNone,
        Sequence[int],
        _IdentityRow | None,
    ]: ...

def backing_files(path: bytes) -> list[bytes]: ...
def budget(max_bytes: int, workers: int, keep: CacheTable | None) -> Budget: ...
def cgroup_memory(pid: int | None, path: bytes | None) -> _CgroupRow | None: ...
def cgroup_verdict(figures: _CgroupRow) -> tuple[int, int]: ...
def drop(
    paths: Iterable[object],
    options: FileOptions,
    *,
    sync: bool,
    fail_fast: bool,
    keep: CacheTable | None = None,
    until_bytes: int | None = None,
) -> DropTable: ...
def drop_videos_cache(
    filepaths: Iterable[str | bytes | os.PathLike[str] | os.PathLike[bytes]], workers: int = 0
) -> int: ...
def holders(
    files: Sequence[tuple[bytes, _IdentityRow | None]],
) -> tuple[list[tuple[int, bytes, int, int, bool]], int, bool, int]: ...
def machine_memory() -> (
    tuple[_BytesOrNone, _BytesOrNone, _BytesOrNone, _BytesOrNone, _BytesOrNone, _BytesOrNone] | None
): ...
def matches(pattern: bytes, path: bytes) -> bool: ...
def memory_limit() -> int | None: ...
def prefetch(
    paths: Iterable[object],
    options: FileOptions,
    *,
    max_bytes: int | None,
    reserved_bytes: int,
    refuse: bool,
    wait: bool,
) -> PrefetchTable: ...
def query(paths: Iterable[object], options: FileOptions, *, spans: bool) -> CacheTable: ...
def restore(
    warm: CacheTable,
    options: FileOptions,
    *,
    max_bytes: int | None,
    reserved_bytes: int,
    refuse: bool,
    wait: bool,
) -> PrefetchTable: ...

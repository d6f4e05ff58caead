# What `__init__.py` loads on first use, for type checkers and editors.

from accv_cache._backing_files import backing_files as backing_files
from accv_cache._cache_report import CacheRecord as CacheRecord, CacheReport as CacheReport
from accv_cache._cgroup import (
    CgroupMemory as CgroupMemory,
    CgroupVerdict as CgroupVerdict,
    cgroup_memory as cgroup_memory,
    memory_limit as memory_limit,
)
from accv_cache._drop import drop as drop
from accv_cache._drop_report import (
    DropRecord as DropRecord,
    DropReport as DropReport,
    KeptReason as KeptReason,
)
from accv_cache._drop_videos_cache import drop_videos_cache as drop_videos_cache
from accv_cache._headers import get_cmake_dir as get_cmake_dir, get_include as get_include
from accv_cache._holders import Holder as Holder, Holders as Holders, holders as holders
from accv_cache._limit import LimitError as LimitError, LimitSource as LimitSource
from accv_cache._machine import MachineMemory as MachineMemory, machine_memory as machine_memory
from accv_cache._prefetch import prefetch as prefetch
from accv_cache._prefetch_report import (
    MissingReason as MissingReason,
    PrefetchRecord as PrefetchRecord,
    PrefetchReport as PrefetchReport,
)
from accv_cache._query import query as query
from accv_cache._report import FailedStep as FailedStep, SkipReason as SkipReason
from accv_cache._residency import ResidencySource as ResidencySource, UnknownReason as UnknownReason
from accv_cache._status import DropCacheStatus as DropCacheStatus
from accv_cache._training.budget import CacheBudget as CacheBudget
from accv_cache._training.read_ahead import read_ahead as read_ahead

__all__ = [
    "CacheBudget",
    "CacheRecord",
    "CacheReport",
    "CgroupMemory",
    "CgroupVerdict",
    "DropCacheStatus",
    "DropRecord",
    "DropReport",
    "FailedStep",
    "Holder",
    "Holders",
    "KeptReason",
    "LimitError",
    "LimitSource",
    "MachineMemory",
    "MissingReason",
    "PrefetchRecord",
    "PrefetchReport",
    "ResidencySource",
    "SkipReason",
    "UnknownReason",
    "__version__",
    "backing_files",
    "cgroup_memory",
    "drop",
    "drop_videos_cache",
    "get_cmake_dir",
    "get_include",
    "holders",
    "machine_memory",
    "memory_limit",
    "prefetch",
    "query",
    "read_ahead",
]

__version__: str

"""Evict old videos from the page cache, see what stayed and why, and load what comes next."""

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

# Loaded on first use, so a program loads only what it uses. `__init__.pyi` tells type checkers and
# editors what these names are.
_HOMES = {
    "CacheBudget": "_training.budget",
    "CacheRecord": "_cache_report",
    "CacheReport": "_cache_report",
    "CgroupMemory": "_cgroup",
    "CgroupVerdict": "_cgroup",
    "DropCacheStatus": "_status",
    "DropRecord": "_drop_report",
    "DropReport": "_drop_report",
    "FailedStep": "_report",
    "Holder": "_holders",
    "Holders": "_holders",
    "KeptReason": "_drop_report",
    "LimitError": "_limit",
    "LimitSource": "_limit",
    "MachineMemory": "_machine",
    "MissingReason": "_prefetch_report",
    "PrefetchRecord": "_prefetch_report",
    "PrefetchReport": "_prefetch_report",
    "ResidencySource": "_residency",
    "SkipReason": "_report",
    "UnknownReason": "_residency",
    "backing_files": "_backing_files",
    "cgroup_memory": "_cgroup",
    "drop": "_drop",
    "drop_videos_cache": "_drop_videos_cache",
    "get_cmake_dir": "_headers",
    "get_include": "_headers",
    "holders": "_holders",
    "machine_memory": "_machine",
    "memory_limit": "_cgroup",
    "prefetch": "_prefetch",
    "query": "_query",
    "read_ahead": "_training.read_ahead",
}


def __getattr__(name: str) -> object:
    """Load a name, or read the version, on first use."""
    if name == "__version__":
        import sys  # noqa: PLC0415 - not a name of the package

        if sys.platform == "linux":
            from accv_cache import _core  # noqa: PLC0415 - only here

            return _core.__version__
        from importlib.metadata import version  # noqa: PLC0415 - slow to import

        return version("accv_cache")
    if name not in _HOMES:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    from importlib import import_module  # noqa: PLC0415 - only here

    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names."""
    return __all__


if __file__.endswith("/python/accv_cache/__init__.py"):  # an editable installation
    from accv_cache import _editable

    _editable.warn_of_old_core(__file__.removesuffix("python/accv_cache/__init__.py") + "csrc")

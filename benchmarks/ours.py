"""The functions of accv_cache that are timed."""

import importlib
from collections.abc import Callable
from functools import partial
from typing import Any

from .measure import Contender, NotRun, Run
from .peers import LENGTHS, each_start, interpreter, program


def find(name: str, module: str = "accv_cache") -> Callable[..., Any]:
    """The function, or `NotRun` if this build has no such function."""
    try:
        function: Callable[..., Any] = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError):
        why = "not built yet"
        raise NotRun(why) from None
    return function


def _drop_videos_cache(paths: list[str]) -> Run:
    function = find("drop_videos_cache")

    def run() -> None:
        status = function(paths)
        if status.name != "SUCCESS":
            raise RuntimeError(status)

    return run


def _evict_on_one_thread(paths: list[str]) -> Run:
    function = find("drop_videos_cache", "accv_cache._core")
    return lambda: function(paths, workers=1)


def _succeeding(verb: str, paths: list[str]) -> Run:
    """The verb, which must succeed for every file."""
    function = find(verb)

    def run() -> object:
        report = function(paths)
        report.raise_for_status()
        return report

    return run


def _query(paths: list[str]) -> Run:
    function = find("query")
    return lambda: function(paths)


def _drop_as_read(paths: list[str]) -> Run:
    """Drop ever more of a file from its start, as a program does with what it has read."""
    function = find("drop")
    [path] = paths
    return lambda: [function(path, length=length) for length in LENGTHS]


def _importing(paths: list[str]) -> Run:
    find("drop_videos_cache")
    return each_start(interpreter("import accv_cache"), paths)


def _command_line(paths: list[str]) -> Run:
    accv_cache = program("accv-cache", "query")
    return each_start(lambda path: [*accv_cache, path], paths)


drop_videos_cache = Contender("drop_videos_cache", _drop_videos_cache)
evict_on_one_thread = Contender("drop_videos_cache, workers=1", _evict_on_one_thread)
drop = Contender("drop", partial(_succeeding, "drop"))
query = Contender("query", _query)
prefetch = Contender("prefetch", partial(_succeeding, "prefetch"))
drop_as_read = Contender("drop, length=", _drop_as_read)
command_line = Contender("accv-cache query FILE", _command_line)
importing = Contender("import accv_cache", _importing)

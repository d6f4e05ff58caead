"""`on_each_node` of Ray in a process that is not connected to a cluster, and what it refuses."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
import ray

from accv_cache.distributed.ray import on_each_node


def test_without_a_cluster_none_is_started() -> None:
    with pytest.raises(RuntimeError, match=r"not connected .* ray\.init"):
        on_each_node("drop", [])
    assert not ray.is_initialized()


@pytest.mark.parametrize(
    ("function", "arguments", "options", "error", "said"),
    [
        (len, (threading.Lock(),), {}, TypeError, "argument .* pickled"),
        (threading.Lock().acquire, (), {}, TypeError, "cannot be pickled"),
        (5, (), {}, TypeError, "pass a function"),
        ("evict", (), {}, ValueError, "'drop', 'query', 'prefetch'"),
        ("drop", (), {"timeout": 0}, ValueError, "more than 0"),
        ("drop", (), {"timeout": "1"}, TypeError, "seconds"),
    ],
    ids=["argument", "function", "number", "name", "no time", "text"],
)
def test_bad_arguments(
    function: Callable[..., object] | str,
    arguments: tuple[object, ...],
    options: dict[str, Any],
    error: type[Exception],
    said: str,
) -> None:
    with pytest.raises(error, match=said):
        on_each_node(function, *arguments, **options)

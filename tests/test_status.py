"""`DropCacheStatus` is the same enum in C++ and in Python."""

import enum
import pickle
import re
from pathlib import Path

import pytest

from accv_cache import DropCacheStatus, _core

HEADER = Path(__file__).parents[1] / "csrc" / "include" / "accv_cache" / "status.hpp"
VALUES = {
    "SUCCESS": 0,
    "PLATFORM_ERROR": 1,
    "FILE_OPEN_FAILED": 2,
    "FADVISE_FAILED": 3,
    "UNKNOWN_ERROR": 4,
}


def members(kind: type[enum.Enum]) -> dict[str, object]:
    """Every name and its value, aliases too, in the order of the definition."""
    return {name: member.value for name, member in kind.__members__.items()}


def test_has_the_names_and_values_of_the_contract() -> None:
    assert list(members(DropCacheStatus).items()) == list(VALUES.items())


def test_is_the_enum_that_the_core_gives() -> None:
    assert list(members(_core.DropCacheStatus).items()) == list(VALUES.items())


def test_is_the_enum_that_the_header_defines() -> None:
    found = re.search(r"enum class DropCacheStatus \{(.*?)\};", HEADER.read_text(), re.DOTALL)
    assert found is not None
    written = re.findall(r"^\s*(\w+) = (\d+),", found[1], re.MULTILINE)
    assert [(name, int(value)) for name, value in written] == list(VALUES.items())


@pytest.mark.parametrize("status", DropCacheStatus)
class TestEachStatus:
    def test_is_no_number(self, status: DropCacheStatus) -> None:
        assert not isinstance(status, (int, str, enum.Flag))

    @pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
    def test_survives_pickling_as_itself(self, status: DropCacheStatus, protocol: int) -> None:
        assert pickle.loads(pickle.dumps(status, protocol)) is status

    def test_is_found_by_value_and_by_name(self, status: DropCacheStatus) -> None:
        assert DropCacheStatus(status.value) is DropCacheStatus[status.name] is status

"""Every enum has the same members in C++, in the core and in Python, in the same order."""

import enum
import errno
import re
from pathlib import Path

import pytest

from accv_cache import (
    DropCacheStatus,
    FailedStep,
    KeptReason,
    LimitSource,
    MissingReason,
    ResidencySource,
    SkipReason,
    UnknownReason,
    _core,
)
from accv_cache._report import _REMEDIES

HEADERS = Path(__file__).parents[1] / "csrc" / "include" / "accv_cache"

ENUMS = [
    # Python's, the core's, the name in C++, its header
    (DropCacheStatus, _core.DropCacheStatus, "DropCacheStatus", "status.hpp"),
    (FailedStep, _core.FailedStep, "failed_step", "report.hpp"),
    (LimitSource, _core.LimitSource, "limit_source", "prefetch_report.hpp"),
    (ResidencySource, _core.ResidencySource, "residency_source", "residency.hpp"),
    (SkipReason, _core.SkipReason, "skip_reason", "walk.hpp"),
    (UnknownReason, _core.UnknownReason, "unknown_reason", "residency.hpp"),
]


def names(kind: type[enum.Enum]) -> list[str]:
    """The names of all members; NONE, which is None in Python, is no reason."""
    return [name for name in kind.__members__ if name != "NONE"]


@pytest.mark.parametrize(("python", "core", "name", "header"), ENUMS, ids=str)
def test_enums_are_the_same_in_both_languages(
    python: type[enum.Enum], core: type[enum.Enum], name: str, header: str
) -> None:
    found = re.search(
        rf"enum class {name}\b[^{{]*{{(.*?)}};", (HEADERS / header).read_text(), re.DOTALL
    )
    assert found is not None
    written = re.findall(r"^ {4}([A-Z_]+)\b", found[1], re.MULTILINE)
    assert written == [*core.__members__]
    assert [member.value for member in core] == [*range(len(core))]
    assert names(python) == names(core)


@pytest.mark.parametrize(
    ("python", "core", "header", "name"),
    [
        (KeptReason, _core.KEPT_REASONS, "drop_report.hpp", "kept_bytes"),
        (MissingReason, _core.MISSING_REASONS, "prefetch_report.hpp", "missing_bytes"),
    ],
)
def test_reasons_are_the_fields_of_their_bytes(
    python: type[enum.Enum], core: tuple[str, ...], header: str, name: str
) -> None:
    found = re.search(
        rf"struct {name} {{(.*?)^    std::int64_t total",
        (HEADERS / header).read_text(),
        re.DOTALL | re.MULTILINE,
    )
    assert found is not None
    fields = re.findall(r"std::int64_t (\w+) = 0;", found[1])
    assert [name.upper() for name in fields] == [*core] == names(python)


@pytest.mark.parametrize("python", [FailedStep, UnknownReason], ids=str)
def test_the_reasons_have_the_same_words_in_both_languages(python: type[enum.Enum]) -> None:
    (name, header) = next((name, header) for kind, _, name, header in ENUMS if kind is python)
    said = re.findall(
        rf'case {name}::(\w+):\s+return "(.*)";', (HEADERS / header).read_text(), re.MULTILINE
    )
    assert dict(said) == {member.name: member.value for member in python}


def test_the_remedies_are_the_same_in_both_languages() -> None:
    said = re.findall(r'case (E\w+):\s+return "(.*)";', (HEADERS / "report.hpp").read_text())
    assert {getattr(errno, name): text for name, text in said} == _REMEDIES


def test_the_reasons_that_explain_what_stayed_are_the_same_in_both_languages() -> None:
    said = re.findall(r'{kept\.(\w+), "(.*)"}', (HEADERS / "explain.hpp").read_text())
    assert said == [(member.name.lower(), member.value) for member in KeptReason]

"""Line and branch coverage of the C++ core, merged over all test programs of a build.

    export CXXFLAGS="-O0 -g1 --coverage -fprofile-update=atomic"
    cmake -S . -B build/coverage -DACCV_CACHE_BUILD_TESTS=ON
    cmake --build build/coverage && ctest --test-dir build/coverage
    python tests/cpp/core_coverage.py build/coverage [--missing]

A line counts as covered if any instantiation of its template ran it. Branches that only an
exception takes do not count.
"""

import argparse
import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

CORE = Path(__file__).resolve().parents[2] / "csrc" / "include" / "accv_cache"


def records(build: Path) -> Iterator[dict[str, Any]]:
    """What gcov(1) tells about each header of the core, once per test program."""
    for data in sorted(build.rglob("*.gcda")):
        told = subprocess.run(
            ["gcov", "--json-format", "--stdout", "--branch-probabilities", data],
            capture_output=True,
            check=True,
            text=True,
            cwd=build,
        ).stdout
        for document in map(json.loads, told.splitlines()):
            folder = Path(document["current_working_directory"])
            for file in document["files"]:
                path = (folder / file["file"]).resolve()
                if path.is_relative_to(CORE):
                    yield {"path": path.relative_to(CORE), "lines": file["lines"]}


def main() -> int:
    """Print a line per header, and the sums."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("build", type=Path, help="where the instrumented tests were built and ran")
    parser.add_argument(
        "--missing", action="store_true", help="also print the lines that never ran"
    )
    asked = parser.parse_args()

    lines: defaultdict[Path, defaultdict[int, bool]] = defaultdict(lambda: defaultdict(bool))
    branches: defaultdict[Path, defaultdict[tuple[int, int], bool]]
    branches = defaultdict(lambda: defaultdict(bool))
    for record in records(asked.build):
        path = record["path"]
        for line in record["lines"]:
            number = line["line_number"]
            lines[path][number] |= line["count"] != 0
            own = [each for each in line["branches"] if not each["throw"]]
            for nth, branch in enumerate(own):
                branches[path][number, nth] |= branch["count"] != 0
    if not lines:
        print("no data: were the tests built with --coverage, and run?", file=sys.stderr)
        return 1

    def row(name: str, ran: list[bool], taken: list[bool]) -> str:
        parts = (f"{sum(part):5} of {len(part):5}" for part in (ran, taken))
        shares = (100 * sum(part) / max(len(part), 1) for part in (ran, taken))
        return f"{name:40}" + "".join(
            f"{part} {share:6.1f}%   " for part, share in zip(parts, shares, strict=True)
        )

    print(f"{'':40}{'lines':>21}   {'branches':>22}")
    for path in sorted(lines):
        print(row(str(path), [*lines[path].values()], [*branches[path].values()]))
        missing = [str(number) for number, ran in sorted(lines[path].items()) if not ran]
        if asked.missing and missing:
            print("    never ran:", ", ".join(missing))
    ran = [each for file in lines.values() for each in file.values()]
    taken = [each for file in branches.values() for each in file.values()]
    print(row("all", ran, taken))
    return 0


if __name__ == "__main__":
    sys.exit(main())

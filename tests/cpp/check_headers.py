"""Each header compiles alone, on every compiler; the public ones also for other C libraries.

    python tests/cpp/check_headers.py [compilers] [elsewhere]

Warnings are errors. Nothing that is compiled here runs: `test_off_linux.cpp` checks what the calls
return on other systems.
"""

import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path

INCLUDE = Path(__file__).resolve().parents[2] / "csrc" / "include"
WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Werror"]

COMPILERS = ["g++", "clang++"]
# C++23 by the name that older compilers know, and as a decoder team may build.
MODES = [
    ["-std=c++17"],
    ["-std=c++20"],
    ["-std=c++2b"],
    ["-std=c++17", "-fno-exceptions", "-fno-rtti"],
]

# What includes all headers is compiled in every mode. Each alone, where it shows soonest what it
# forgets: the headers of the newest standard bring the fewest others.
UMBRELLA = Path("accv_cache", "accv_cache.hpp")
ALONE = [("clang++", MODES[-2])]

# The last is Linux with the C library of CentOS 7, which has no statx(2).
TARGETS = ["x86_64-windows-gnu", "x86_64-macos", "x86_64-freebsd", "x86_64-linux-gnu.2.17"]
# A compiler for all of them that brings their C libraries, from PyPI.
ZIG = [sys.executable, "-m", "ziglang"]

# <sys/sysmacros.h> takes three common names from the program, <sys/syscall.h> defines hundreds.
# From C++20 on, libstdc++ includes the second by itself.
NO_MACROS = """
#if defined(major) || defined(minor) || defined(makedev)
#error "the header brings the macros of <sys/sysmacros.h>"
#endif
#if __cplusplus < 202002L && (defined(SYS_read) || defined(__NR_read))
#error "the header brings the macros of <sys/syscall.h>"
#endif
"""

EVERY_VERB = """
int main() {
    const auto status = accv_cache::drop_videos_cache({"clip.mp4"});
    const auto dropped = accv_cache::drop({"clip.mp4"});
    const auto lent = accv_cache::drop(0);
    const auto measured = accv_cache::query({"clip.mp4"});
    const auto loaded = accv_cache::prefetch({"clip.mp4"});
    const auto restored = accv_cache::prefetch(measured);
    const auto measured_lent = accv_cache::query(0);
    const auto held = accv_cache::holders({"clip.mp4"});
    const bool refused = status == accv_cache::DropCacheStatus::PLATFORM_ERROR &&
                         dropped.status() == status && loaded.status() == status &&
                         restored.status() == status && lent.status() == status &&
                         measured[0].error != 0 && measured_lent[0].error != 0 &&
                         held.holders.empty() && accv_cache::holders(dropped).holders.empty() &&
                         !accv_cache::cgroup_memory();
    return refused ? 0 : 1;
}
"""


def including(header: Path | str) -> str:
    return f'#include "{header}"\n'


def compilers(directory: Path) -> list[list[str]]:
    headers = sorted(INCLUDE.rglob("*.hpp"))
    included = subprocess.run(
        ["g++", "-MM", f"-I{INCLUDE}", str(INCLUDE / UMBRELLA)],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert {*map(str, headers)} <= {*included}, "the umbrella lacks a header"
    commands = []
    for header in headers:
        name = header.relative_to(INCLUDE)
        source = directory / f"{'-'.join(name.parts)}.cpp"
        source.write_text(including(name) + NO_MACROS)
        commands += [
            [compiler, "-fsyntax-only", *mode, *WARNINGS, f"-I{INCLUDE}", str(source)]
            for compiler, mode in (product(COMPILERS, MODES) if name == UMBRELLA else ALONE)
        ]
    return commands


def elsewhere(directory: Path) -> list[list[str]]:
    # The public headers, each by itself: what one forgets another would bring.
    alone = []
    for header in sorted((INCLUDE / "accv_cache").glob("*.hpp")):
        source = directory / f"off-linux-{header.name}.cpp"
        source.write_text(including(f"accv_cache/{header.name}"))
        alone.append(source)
    program, other = directory / "every-verb.cpp", directory / "other.cpp"
    program.write_text(including(UMBRELLA) + EVERY_VERB)
    other.write_text(including(UMBRELLA))
    flags = ["-std=c++17", *WARNINGS, f"-I{INCLUDE}"]
    compiled = [*ZIG, "c++", *flags, "-c", "-target"]
    # Each alone on the system that differs most from Linux. What two files define, or none, shows
    # when they are linked. That is done here, as on another system: to link for one, zig first
    # builds the C++ library of it.
    first, *others = TARGETS
    sources = [(first, each) for each in [*alone, program]] + [(each, program) for each in others]
    return [
        ["g++", "-U__linux__", *flags, str(program), str(other), "-o", str(directory / "program")],
        *(
            [*compiled, target, str(source), "-o", str(directory / f"{target}-{source.stem}.o")]
            for target, source in sources
        ),
    ]


def run(command: list[str]) -> bool:
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if ended.returncode != 0:
        print(*command, ended.stdout, ended.stderr, sep="\n")
    return ended.returncode == 0


def main() -> int:
    checks = {"compilers": compilers, "elsewhere": elsewhere}
    chosen = sys.argv[1:] or list(checks)
    with tempfile.TemporaryDirectory() as directory:
        commands = [each for name in chosen for each in checks[name](Path(directory))]
        assert commands, "no header was found"
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            passed = sum(pool.map(run, commands))
    print(f"headers: {passed} passed, {len(commands) - passed} failed")
    return 0 if passed == len(commands) else 1


if __name__ == "__main__":
    sys.exit(main())

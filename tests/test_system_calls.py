"""Every system call of the core stands in one header, and a test can make each of them fail."""

import re
import subprocess
from pathlib import Path

from support.needs import need

ROOT = Path(__file__).resolve().parents[1]
INCLUDE = ROOT / "csrc" / "include"
SYSTEM_CALLS = Path("accv_cache", "detail", "system_calls.hpp")
HOOKED = ROOT / "tests" / "cpp" / "faults" / SYSTEM_CALLS

# What the core calls of the C library besides, and of the runtime of C++. None of it makes a system
# call that can fail.
OF_THE_LIBRARY = {
    *("fnmatch", "free", "snprintf"),
    *("__sched_cpualloc", "__sched_cpucount", "__sched_cpufree"),  # CPU_ALLOC(3)
    *("dirfd", "pthread_equal", "pthread_self", "sigfillset", "sysconf"),
}
PREFIXES = ("mem", "str", "_Z", "__cxa_", "__gxx_", "_Unwind_")


def _calls(source: Path) -> set[tuple[str, str]]:
    """Each function of the headers, with each function of C that it calls, by their symbols."""
    # Not inlined, each in a section of its own, and also those that nothing calls.
    flags = ["-std=c++17", "-O0", "-fkeep-inline-functions", "-ffunction-sections"]
    output = source.with_suffix(".o")
    subprocess.run(["c++", *flags, f"-I{INCLUDE}", "-c", source, "-o", output], check=True)
    listing = subprocess.run(
        ["readelf", "--relocs", "--wide", output], capture_output=True, text=True, check=True
    ).stdout
    calls, function = set(), ""
    for line in listing.splitlines():
        if section := re.match(r"Relocation section '\.rela?\.text\.(\w+)", line):
            function = section[1]
        elif called := re.search(r" R_\w+ +[0-9a-f]+ ([A-Za-z_]\w*)(?:@\w+)? [-+] ", line):
            # C23 gave some functions other symbols.
            calls.add((function, re.sub(r"^__isoc\d+_", "", called[1])))
    return calls


def test_only_one_header_makes_system_calls(tmp_path: Path) -> None:
    need("c++", "readelf")
    source = tmp_path / "core.cpp"
    source.write_text('#include "accv_cache/accv_cache.hpp"\n')
    calls = _calls(source)
    wrapper = re.compile(r"_ZN10accv_cache\w{5,9}6detail3sys")
    assert {"open", "posix_fadvise", "syscall"} <= {
        called for function, called in calls if wrapper.match(function)
    }
    ours = re.compile(r"_ZZ*NK?10accv_cache")
    direct = {
        called
        for function, called in calls
        if ours.match(function) and not wrapper.match(function)
        if not called.startswith(PREFIXES)
    }
    assert "fnmatch" in direct
    assert direct - OF_THE_LIBRARY == set()


def test_each_of_them_has_a_hook() -> None:
    wrappers = re.findall(
        r"^inline \w+ (\w+)\(", (INCLUDE / SYSTEM_CALLS).read_text(), re.MULTILINE
    )
    hooks = re.findall(
        r"^ *(?:inline )?constexpr hooked \w+\{\"\w+\",\s+unhooked::(\w+)",
        HOOKED.read_text(),
        re.MULTILINE,
    )
    assert wrappers
    assert sorted(hooks) == sorted(wrappers)

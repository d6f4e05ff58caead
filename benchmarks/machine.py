"""What the numbers were measured on."""

import os
import platform
import re
from pathlib import Path


def describe(directory: Path) -> dict[str, str | int]:
    """The kernel, the processor, the memory and the file system under `directory`."""
    return {
        "kernel": platform.release(),
        "architecture": platform.machine(),
        "processor": _first(r"model name\s*:\s*(.+)", "/proc/cpuinfo"),
        "cores": len(os.sched_getaffinity(0)),
        "memory_bytes": int(_first(r"MemTotal:\s*(\d+) kB", "/proc/meminfo") or 0) << 10,
        "file_system": file_system(directory),
        "python": platform.python_version(),
    }


def in_words(machine: dict[str, str | int]) -> str:
    """One line."""
    return (
        f"Linux {machine['kernel']}, {machine['architecture']}, {machine['processor']}, "
        f"{machine['cores']} cores, {int(machine['memory_bytes']) / (1 << 30):.0f} GiB, "
        f"{machine['file_system']}, Python {machine['python']}"
    )


def _first(pattern: str, path: str) -> str:
    found = re.search(pattern, Path(path).read_text())
    return found[1] if found else ""


def file_system(directory: Path) -> str:
    """The type of the longest mount point above the directory, proc_pid_mountinfo(5)."""
    best, kind = "", ""
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        before, _, after = line.partition(" - ")
        point = before.split()[4]
        if directory.resolve().is_relative_to(point) and len(point) >= len(best):
            best, kind = point, after.split()[0]
    return kind

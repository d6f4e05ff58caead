"""The things that tests need besides Python: how to detect and how to install each.

A test or fixture names exactly the things that it uses: `need("mkfs.xfs")`. If one is missing, the
test is skipped, and the run ends with a list of all reasons (`summary`). In CI it fails.
"""

import os
import pty
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from support import residency

PROGRAMS = {
    "bash": "bash",
    "btrfs": "btrfs-progs",
    "c++": "g++",
    "cat": "coreutils",
    "cc": "gcc",
    "chromium": "chromium fonts-dejavu-core",
    "clush": "clustershell",
    "cmake": "cmake",
    "doxygen": "doxygen",
    "fallocate": "util-linux",
    "fincore": "util-linux-extra",
    "fish": "fish",
    "groff": "groff-base",
    "head": "coreutils",
    "ip": "iproute2",
    "localedef": "libc-bin locales",
    "losetup": "mount",
    "make": "make",
    "mandoc": "mandoc",
    "mkfs.btrfs": "btrfs-progs",
    "mkfs.ext4": "e2fsprogs",
    "mkfs.xfs": "xfsprogs",
    "mksquashfs": "squashfs-tools",
    "mount": "mount",
    "mpirun": "openmpi-bin",
    "nsenter": "util-linux",
    "pkg-config": "pkg-config",
    "readelf": "binutils",
    "setsid": "util-linux",
    "sh": "dash",
    "slurmctld": "slurmctld",
    "slurmd": "slurmd",
    "srun": "slurm-client",
    "stat": "coreutils",
    "strace": "strace",
    "umount": "mount",
    "unshare": "util-linux",
    "vmtouch": "vmtouch",
    "zsh": "zsh",
}
"""Programs that PATH finds, each with its package in Debian."""

HEADERS = {
    "fuse3.pc": "pkg-config libfuse3-dev",
    "libavcodec.pc": "pkg-config libavcodec-dev",
    "libavformat.pc": "pkg-config libavformat-dev",
    "libavutil.pc": "pkg-config libavutil-dev",
}
"""C libraries that pkg-config finds, each with what brings it in Debian."""

# The numbers of linux/capability.h.
_CAPABILITIES = {"SETGID": 6, "SETUID": 7, "SYS_ADMIN": 21, "MKNOD": 27}


def require(condition: object, reason: str) -> None:
    """Skip the test unless `condition` holds; in CI fail it."""
    if condition:
        return
    if os.environ.get("CI") == "true":
        pytest.fail(f"CI must be able to run this: {reason}")
    pytest.skip(reason)


def need(*things: str) -> None:
    """Skip the test, or fail it in CI, unless all of the things are available."""
    missing = [thing for thing in things if not is_there(thing)]
    if "root" in missing:
        missing = ["root"]  # with a PATH that may find the others
    require(not missing, f"needs {', '.join(missing)}")


def is_there(thing: str) -> bool:
    """Whether this process can use it now."""
    if thing in PROGRAMS:
        return shutil.which(thing) is not None
    if thing in HEADERS:
        return _succeeds("pkg-config", "--exists", thing.removesuffix(".pc"))
    return CHECKS[thing]()


def summary(skips: Iterable[str]) -> list[str]:
    """The lines that list what was skipped, from the reason of each skip, and how to install it."""
    counted = Counter(skips).most_common()
    lines = [
        f"{count:4} {'test' if count == 1 else 'tests'}: {reason}" for reason, count in counted
    ]
    missing = {
        thing for reason, _ in counted for thing in reason.removeprefix("needs ").split(", ")
    }
    brought = {**PROGRAMS, **HEADERS}
    packages = sorted({name for thing in missing & {*brought} for name in brought[thing].split()})
    commands = [f"apt-get install {' '.join(packages)}"] if packages else []
    if missing & {*CHECKS} and os.geteuid() != 0:
        commands.append(f"{sys.executable} -m pytest")
    if commands:
        lines.append(f"To try them: {' && '.join(f'sudo {command}' for command in commands)}")
    elif missing & {*CHECKS}:
        lines.append("A container may do more with --privileged.")
    return lines


def _succeeds(*command: str) -> bool:
    return (
        shutil.which(command[0]) is not None
        and subprocess.run(command, capture_output=True, check=False).returncode == 0
    )


def _is_capable(*capabilities: str, of: str = "CapEff") -> bool:
    """Whether this process has them all in that set of proc(5)."""
    status = Path("/proc/self/status").read_text()
    found = int(status.partition(f"{of}:")[2].split()[0], 16)
    return all(found >> _CAPABILITIES[name] & 1 for name in capabilities)


def _in_user_namespace() -> bool:
    """Whether some users of the machine are not visible, as in a rootless container."""
    return int(Path("/proc/self/uid_map").read_text().split()[2]) < 2**32 - 1


def _has_terminals() -> bool:
    try:
        descriptors = pty.openpty()
    except OSError:
        return False
    for each in descriptors:
        os.close(each)
    return True


def _makes_namespaces() -> bool:
    return _succeeds("unshare", "--mount", "--pid", "--fork", "true")


def _sees_active_pages() -> bool:
    """The kernel hides the numbers of pages from everybody else."""
    is_root = _is_capable("SYS_ADMIN") and not _in_user_namespace()
    return is_root and residency.has_active_pages()


CHECKS: dict[str, Callable[[], bool]] = {
    "root": lambda: os.geteuid() == 0,
    "the right to become another user": lambda: _is_capable("SETGID", "SETUID"),
    "the right to make devices": lambda: _is_capable("MKNOD") and not _in_user_namespace(),
    "the right to make namespaces": lambda: _succeeds(
        "unshare", *["--mount", "--pid", "--fork", "true"]
    ),
    "the right to mount": lambda: _is_capable("SYS_ADMIN", of="CapPrm"),
    "/dev/fuse": lambda: os.access("/dev/fuse", os.R_OK | os.W_OK),
    "loop devices": lambda: os.access("/dev/loop-control", os.R_OK | os.W_OK),
    "pseudo-terminals": _has_terminals,
    "cachestat(2) of Linux 6.5": residency.has_cachestat,
    "the flags of active pages": _sees_active_pages,
}
"""Everything else that tests ask for, and how to see that this process has it."""

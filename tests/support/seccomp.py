"""A filter that refuses one system call, as sandboxes and container runtimes do."""

import ctypes
import platform
import struct

from support.needs import require

# linux/audit.h: the machine's number, 64-bit, little-endian.
_ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_SECCOMP_MODE_FILTER = 2
_RETURN_ERRNO, _RETURN_ALLOW = 0x00050000, 0x7FFF0000
_PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS = 22, 38
# linux/bpf_common.h: load a word of struct seccomp_data, jump if equal, return.
_LOAD, _JUMP_IF_EQUAL, _RETURN = 0x20, 0x15, 0x06
_NUMBER, _ARCHITECTURE = 0, 4  # where they are in struct seccomp_data

NUMBERS = {
    "cachestat": {"x86_64": 451, "aarch64": 451},
    "fstatfs": {"x86_64": 138, "aarch64": 44},
    "statx": {"x86_64": 332, "aarch64": 291},
    "sync_file_range": {"x86_64": 277, "aarch64": 84},
}
"""The numbers of the calls that can be refused, by machine."""


class _Program(ctypes.Structure):
    """The struct sock_fprog of linux/filter.h."""

    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def refuse(call: str, error: int) -> None:
    """Make a system call fail with `error` in this process, permanently."""
    machine = platform.machine()
    steps = (
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_JUMP_IF_EQUAL, 0, 3, _ARCHITECTURES[machine]),
        (_LOAD, 0, 0, _NUMBER),
        (_JUMP_IF_EQUAL, 0, 1, NUMBERS[call][machine]),
        (_RETURN, 0, 0, _RETURN_ERRNO | error),
        (_RETURN, 0, 0, _RETURN_ALLOW),
    )
    code = b"".join(struct.pack("=HBBI", *step) for step in steps)
    program = _Program(len(steps), code)
    libc = ctypes.CDLL(None, use_errno=True)
    for step in (
        (_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0),
        (_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0),
    ):
        if libc.prctl(*step) != 0:
            raise OSError(ctypes.get_errno(), "prctl")


def need_filter() -> None:
    """Skip the test on an architecture that the filter does not support."""
    require(platform.machine() in _ARCHITECTURES, "needs an x86_64 or aarch64 machine")

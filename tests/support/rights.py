"""The right to mount: root has it, another user gets it in a user and mount namespace.

The namespaces are those of the whole test run, so that tests and their children see the mounts, as
the same user as before. The capabilities that come with a user namespace are in effect only while
something is mounted: tests are to run with the rights of an ordinary user.
"""

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MS_RDONLY, MS_REMOUNT, MS_BIND = 1, 32, 4096
_MS_REC, _MS_PRIVATE = 1 << 14, 1 << 18
_MNT_DETACH = 2
_CLONE_NEWNS, _CLONE_NEWUTS, _CLONE_NEWUSER = 0x20000, 0x4000000, 0x10000000
_CLONE_NEWNET = 0x40000000
_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, _PR_CAP_AMBIENT_CLEAR_ALL = 47, 2, 4
_CAPABILITY_VERSION_3 = 0x20080522

_libc = ctypes.CDLL(None, use_errno=True)


class _Header(ctypes.Structure):
    """The struct __user_cap_header_struct of linux/capability.h."""

    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Data(ctypes.Structure):
    """The struct __user_cap_data_struct: of each set, 32 capabilities."""

    _fields_ = (
        ("effective", ctypes.c_uint32),
        ("permitted", ctypes.c_uint32),
        ("inheritable", ctypes.c_uint32),
    )


def enter_namespaces() -> None:
    """Get the right to mount, if the machine allows it. Call this before threads start."""
    user, group = os.geteuid(), os.getegid()
    if user == 0 or _libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNS) != 0:
        return
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{user} {user} 1"),
        ("gid_map", f"{group} {group} 1"),
    ):
        Path("/proc/self", name).write_text(text)
    # A security module may forbid what the capabilities allow.
    if _libc.mount(b"none", b"/", None, ctypes.c_ulong(_MS_REC | _MS_PRIVATE), None) != 0:
        _set_capabilities(permitted=False, effective=False, inheritable=False)


def enter_own_mounts() -> None:
    """Have mounts and a host name that no other process sees, and keep the right to change them."""
    hand_on()
    _check(_libc.unshare(_CLONE_NEWNS | _CLONE_NEWUTS))
    mount("none", Path("/"), "", _MS_REC | _MS_PRIVATE, "")


def enter_own_network() -> None:
    """Have a network without any device but its own loopback, which is down."""
    _check(_libc.unshare(_CLONE_NEWNET))


def hand_on() -> None:
    """Give the same rights to programs that are started from now on."""
    if os.geteuid() != 0:
        _set_capabilities(effective=True, inheritable=True)


def lay_down() -> None:
    """Run with the rights of an ordinary user, outside of `in_effect`."""
    if os.geteuid() != 0:
        _set_capabilities(effective=False, inheritable=False)


@contextmanager
def in_effect(*, inherited: bool = False) -> Iterator[None]:
    """Use the right to mount; `inherited`: and let a program that is started use it."""
    if os.geteuid() == 0:
        yield
        return
    _set_capabilities(effective=True, inheritable=inherited)
    try:
        yield
    finally:
        lay_down()


def mount(source: Path | str, target: Path, kind: str, flags: int, options: str) -> None:
    """Add a mount; the arguments are those of the system call."""
    words = (os.fsencode(source), os.fsencode(target), kind.encode())
    with in_effect():
        _check(_libc.mount(*words, ctypes.c_ulong(flags), options.encode()), target)


def unmount(target: Path, *, lazy: bool = False) -> None:
    """Unmount, or detach until it is no longer in use; see umount2(2)."""
    with in_effect():
        _check(_libc.umount2(os.fsencode(target), _MNT_DETACH if lazy else 0), target)


def _set_capabilities(*, permitted: bool = True, effective: bool, inheritable: bool) -> None:
    """Of the capabilities that are permitted, have all or none in each set of this thread."""
    header, sets = _Header(_CAPABILITY_VERSION_3, 0), (_Data * 2)()
    _check(_libc.capget(ctypes.byref(header), sets))
    for each in sets:
        each.permitted *= permitted
        each.effective = each.permitted * effective
        each.inheritable = each.permitted * inheritable
    _check(_libc.capset(ctypes.byref(header), sets))
    _libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
    for number in range(64 * inheritable):
        if sets[number // 32].permitted >> number % 32 & 1:
            _check(_libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, number, 0, 0))


def _check(result: int, place: Path | None = None) -> None:
    if result != 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error), place and str(place))

"""Other machines, as namespaces of this one: network_namespaces(7), unshare(1)."""

import subprocess

from support import rights
from support.ranks import Rank

ADDRESSES = "192.0.2.1", "192.0.2.2"
"""Of the two ends: RFC 5737 keeps them for examples."""

OWN_NAMESPACES = (
    *("unshare", "--mount", "--uts", "--ipc", "--pid", "--fork"),
    *("--kill-child", "--mount-proc"),
)
"""The command that runs a program as if on another machine; all that it starts ends with it."""


def lay_cable(*ends: Rank) -> None:
    """Give each of two processes a network of its own, and connect the two: veth(4)."""
    for end in ends:
        end.call(rights.enter_own_network)
    one, other = ends
    _ip(one, f"link add cable type veth peer name cable netns {other.pid}")
    for end, address in zip(ends, ADDRESSES, strict=True):
        _ip(end, "link set lo up", f"address add {address}/24 dev cable", "link set cable up")


def in_network_of(end: Rank) -> list[str]:
    """Return the command that runs a program in the network of a process."""
    return ["nsenter", f"--net=/proc/{end.pid}/ns/net"]


def _ip(end: Rank, *lines: str) -> None:
    command = [*in_network_of(end), "ip", "-batch", "-"]
    subprocess.run(command, input="\n".join(lines), text=True, check=True)

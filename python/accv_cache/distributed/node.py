"""What a node is: a kernel, which has one page cache, and the files that its paths name."""

import os
import socket
from pathlib import Path
from typing import NamedTuple

import accv_cache

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_MOUNTS = "/proc/self/ns/mnt"


class Node(NamedTuple):
    """What a process says about its node."""

    identity: str
    """Equal for two processes that share the page cache and name the same files by a path."""
    host: str
    """The name of the host; several nodes may have the same."""
    version: str
    """The version of the package."""


def this_node() -> Node:
    """Return the node of this process.

    Two containers on one machine are two nodes: they share the kernel, but each has its own mounts.
    Where /proc does not tell, as on other systems, the name of the host decides.
    """
    host = socket.gethostname()
    try:
        # The number of a namespace is unique only among those of one kernel: namespaces(7).
        identity = f"{_BOOT_ID.read_text().strip()} {os.readlink(_MOUNTS)}"  # noqa: PTH115
    except OSError:
        identity = host
    return Node(identity, host, accv_cache.__version__)

"""How a call that evicts files ended."""

import enum


class DropCacheStatus(enum.Enum):
    """How a call that evicts files ended; `accv_cache::DropCacheStatus` in C++.

    Plain members, not integers: compare with `is` or `==` to another member, and use `.value` where
    a number is needed, as for an exit code.

    Examples:
        >>> DropCacheStatus(2)
        <DropCacheStatus.FILE_OPEN_FAILED: 2>
    """

    SUCCESS = 0
    """Every file was advised, or there was none."""
    PLATFORM_ERROR = 1
    """This is not Linux; no file was touched."""
    FILE_OPEN_FAILED = 2
    """open(2) failed: missing, unreadable, leased, a socket, out of descriptors."""
    FADVISE_FAILED = 3
    """fstat(2) or posix_fadvise(2) failed, as for a FIFO."""
    UNKNOWN_ERROR = 4
    """Anything else, such as an item that cannot be a path."""

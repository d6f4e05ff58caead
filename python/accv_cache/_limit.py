"""The error of a prefetch that does not fit into memory."""

import enum
import errno
import os
from typing import Any

from accv_cache._text import as_size


class LimitSource(enum.Enum):
    """Which limit leaves the least room for a prefetch. The value is a text for users.

    Examples:
        >>> LimitSource.MAX_BYTES.value
        'max_bytes'
    """

    MAX_BYTES = "max_bytes"
    """The argument of the call."""
    CGROUP = "the memory limit of the cgroup"
    """The limit of the caller's cgroup, or of one of its parents."""
    MACHINE = "the memory that the machine has available"
    """MemAvailable of /proc/meminfo."""


_SOURCES = tuple(LimitSource)
"""Indexed by their number in the core, less 1: where nothing is limited there is no error."""


class LimitError(OSError):
    """Not everything that a prefetch shall load fits into memory.

    If `prefetch` raises it, nothing was loaded. `PrefetchReport.limit` has it after a prefetch that
    loaded as much as fits.

    Attributes:
        errno: ENOMEM.
        what: The text of the error without the remedy.
        needed_bytes: What is missing of the files.
        available_bytes: How much of it could be loaded.
        limit: Which limit leaves no more.
        cgroup: The folder of the cgroup that has the limit; None for the other limits.

    Examples:
        >>> LimitError(3 << 30, 1 << 30, LimitSource.MAX_BYTES).what
        '3.0 GiB to load, but only 1.0 GiB fits: max_bytes'
    """

    def __init__(
        self,
        needed_bytes: int,
        available_bytes: int,
        limit: LimitSource,
        cgroup: str | None = None,
    ) -> None:
        """Say how much was needed, and what the limit is."""
        which = limit.value if cgroup is None else f"{limit.value} {cgroup}"
        needed, available = as_size(needed_bytes), as_size(available_bytes)
        self.what: str = f"{needed} to load, but only {available} fits: {which}"
        super().__init__(errno.ENOMEM, f"{self.what}; load less, or pass on_limit='stop'")
        self.needed_bytes = needed_bytes
        self.available_bytes = available_bytes
        self.limit = limit
        self.cgroup = cgroup

    @classmethod
    def of_row(cls, row: tuple[int, int, int, bytes]) -> "LimitError":
        """Make it of what the core tells."""
        needed, available, source, cgroup = row
        return cls(needed, available, _SOURCES[source - 1], os.fsdecode(cgroup) or None)

    def to_dict(self) -> dict[str, Any]:
        """Return the figures for JSON."""
        return {
            "needed_bytes": self.needed_bytes,
            "available_bytes": self.available_bytes,
            "limit": self.limit.name,
            "cgroup": self.cgroup,
        }

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle the figures; the text is made of them."""
        return type(self), (self.needed_bytes, self.available_bytes, self.limit, self.cgroup)

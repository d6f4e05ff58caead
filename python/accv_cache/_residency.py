"""How the residency of a file is known."""

import enum


class ResidencySource(enum.Enum):
    """Which system call a residency figure comes from.

    Examples:
        >>> ResidencySource("mincore")
        <ResidencySource.MINCORE: 'mincore'>
    """

    CACHESTAT = "cachestat"
    """cachestat(2), Linux 6.5 and newer."""
    MINCORE = "mincore"
    """mincore(2) over a read-only mapping: on overlayfs, and on older kernels."""

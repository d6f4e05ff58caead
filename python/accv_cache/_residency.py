"""The source of a residency figure, and why one is unknown."""

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


class UnknownReason(enum.Enum):
    """Why the residency of a file is unknown. The value is a text for users.

    Examples:
        >>> UnknownReason.NOT_PERMITTED.value
        'only its owner or a writer may measure it'
    """

    NOT_PERMITTED = "only its owner or a writer may measure it"
    """The kernel tells only them and root."""
    NOT_READABLE = "the descriptor cannot be read, and its file cannot be opened again"
    """Pass the path, or a descriptor that is open for reading."""
    NOT_SUPPORTED = "its file system cannot be measured, or not on this kernel"
    """hugetlbfs, whose memory is no page cache; a block device without cachestat(2)."""
    NO_MAPPING = "it cannot be mapped: no memory, or too many mappings"
    """mmap(2) failed."""


SOURCES = (None, *ResidencySource)
"""Indexed by their number in the core."""
UNKNOWN_REASONS = (None, *UnknownReason)
"""Indexed by their number in the core."""

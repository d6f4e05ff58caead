"""The contract of `drop_videos_cache` in plain Python, as a reference for comparison."""

import os
from collections.abc import Iterable

_FLAGS = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


def drop_videos_cache(filepaths: Iterable[object]) -> str:
    """Evict each file in order until one fails; return the name of the status."""
    for filepath in filepaths:
        status = _evict(filepath)
        if status != "SUCCESS":
            return status
    return "SUCCESS"


def _evict(filepath: object) -> str:
    try:
        descriptor = os.open(os.fsencode(filepath), _FLAGS)  # type: ignore[arg-type]
    except OSError:
        return "FILE_OPEN_FAILED"
    except Exception:  # noqa: BLE001 - whatever a bad item raises
        return "UNKNOWN_ERROR"
    try:
        os.fstat(descriptor)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    except OSError:
        return "FADVISE_FAILED"
    finally:
        os.close(descriptor)
    return "SUCCESS"

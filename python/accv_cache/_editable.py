"""An editable installation: its Python is live, its C++ part is that of the last installation."""

import os
import warnings
from importlib.util import find_spec


def warn_of_old_core(sources: str) -> None:
    """Warn if a source is newer than the C++ part that was built."""
    core = find_spec("accv_cache._core")
    if core is None or core.origin is None:
        return
    built = os.stat(core.origin).st_mtime_ns  # noqa: PTH116 - no pathlib, for a fast start
    for folder, _, names in os.walk(sources):
        for path in (os.path.join(folder, name) for name in names):  # noqa: PTH118
            if os.stat(path).st_mtime_ns > built:  # noqa: PTH116
                msg = f"the C++ part of accv_cache is older than {path}: install it again"
                warnings.warn(msg, RuntimeWarning, stacklevel=3)
                return

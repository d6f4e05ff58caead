"""Where the installed package keeps what C++ users need."""

import os


def get_include() -> str:
    """Give the folder for the compiler's `-I`, so that `<accv_cache/accv_cache.hpp>` is found.

    Example:
        >>> import os
        >>> os.path.exists(os.path.join(get_include(), "accv_cache", "accv_cache.hpp"))
        True
    """
    return os.path.join(os.path.dirname(__file__), "include")  # noqa: PTH118, PTH120 - no pathlib

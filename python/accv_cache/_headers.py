"""The folders of the installed package for C++ users."""

import os
from sys import modules


def get_include() -> str:
    """Return the folder for the compiler's `-I`, so that `<accv_cache/accv_cache.hpp>` is found.

    `python -m accv_cache --includes` prints the whole option.

    Raises:
        FileNotFoundError: The package for other systems has no headers.

    Examples:
        >>> import os
        >>> os.path.exists(os.path.join(get_include(), "accv_cache", "accv_cache.hpp"))
        True
    """
    return _folder("include")


def get_cmake_dir() -> str:
    """Return the folder for CMake's `-Daccv_cache_DIR=`, so that `find_package(accv_cache)` works.

    `python -m accv_cache --cmakedir` prints it. A project that scikit-build-core builds needs
    neither: name accv_cache in its `build-system.requires`.

    Raises:
        FileNotFoundError: The package for other systems has no headers.

    Examples:
        >>> import os
        >>> os.path.exists(os.path.join(get_cmake_dir(), "accv_cacheConfig.cmake"))
        True
    """
    return _folder("cmake")


def _folder(name: str) -> str:
    # An editable installation has two folders: the Python files and the build results.
    for place in modules["accv_cache"].__path__:
        folder = os.path.join(place, name)  # noqa: PTH118 - no pathlib, for a fast start
        if os.path.isdir(folder):  # noqa: PTH112
            return folder
    msg = f"accv_cache carries no {name} folder here; build it on Linux, or use its sources"
    raise FileNotFoundError(msg)

"""Formats figures for people."""


def as_size(count: float) -> str:
    """Write a number of bytes with a binary unit.

    Examples:
        >>> as_size(0), as_size(4096), as_size(3.9 * 2**30)
        ('0 B', '4.0 KiB', '3.9 GiB')
    """
    for unit in ("B", "KiB", "MiB", "GiB"):
        if abs(count) < 1024:  # noqa: PLR2004 - the step from unit to unit
            return f"{count:.0f} B" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} TiB"


def as_size_or_unknown(count: int | None) -> str:
    """Write a number of bytes that may be unknown.

    Examples:
        >>> as_size_or_unknown(None), as_size_or_unknown(0)
        ('unknown', '0 B')
    """
    return "unknown" if count is None else as_size(count)


def as_percent(part: int, whole: int) -> str:
    """Write a share. Only all of it is 100 %, and only nothing 0 %.

    Examples:
        >>> as_percent(0, 0), as_percent(1, 1000), as_percent(999, 1000), as_percent(5, 5)
        ('0 %', '1 %', '99 %', '100 %')
    """
    return f"{max(1, 100 * part // whole) if part else 0} %"


def as_count(count: int, noun: str) -> str:
    """Write a number of things.

    Examples:
        >>> as_count(1, "file"), as_count(2000, "file")
        ('1 file', '2000 files')
    """
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def as_duration(seconds: float) -> str:
    """Write a time.

    Examples:
        >>> as_duration(0.0123), as_duration(12.34)
        ('12.3 ms', '12.3 s')
    """
    return f"{seconds:.1f} s" if seconds >= 1 else f"{seconds * 1000:.3g} ms"


def printable(name: str) -> str:
    r"""Write a name that is safe for a terminal: quoted if it has control characters.

    Examples:
        >>> printable("clip.mp4"), printable("clip\n.mp4")
        ('clip.mp4', "'clip\\n.mp4'")
    """
    return name if name.isprintable() else repr(name)

"""`accv-cache query --depth`: how much of each directory is resident, as du(1) has it for disks."""

from functools import partial

from accv_cache import CacheReport
from accv_cache._cli import forms
from accv_cache._cli.bars import bar
from accv_cache._cli.output import Output, capitalised
from accv_cache._cli.tables import Layout, Row, as_percent, lay_out
from accv_cache._cli.terminal import paint, width, write, write_each
from accv_cache._text import as_size, printable


def write_directories(report: CacheReport, depth: int, output: Output) -> None:
    """Write the sums of each directory, that many levels below the one that all files share."""
    parts = sorted(report.by_directory(depth).items(), key=lambda part: part[0])
    output.write(
        document=lambda: {
            "directories": [forms.document(forms.DIRECTORY, part) for part in parts],
            "skipped": [{"path": path, "reason": why.value} for path, why in report.skipped],
        },
        lines=lambda: forms.rows(forms.DIRECTORY, parts),
        picture=lambda: _show(report, parts),
    )


def _show(report: CacheReport, parts: list[tuple[str, CacheReport]]) -> None:
    parts = sorted(parts, key=lambda part: (-part[1].known_resident_bytes, part[0]))
    rows = [Row("directory", ["%", "resident", "of", "files"])]
    rows += [
        Row(
            printable(path),
            [
                as_percent(part.resident_bytes, part.known_range_bytes),
                _resident(part),
                as_size(_asked_bytes(part)),
                str(len(part)),
            ],
        )
        for path, part in parts
    ]
    bars = [partial(_bar, part) for _, part in parts]
    if parts:
        write_each(lay_out(rows, width(), bars, Layout(spare=(3, 2))))
        write("")
    write(paint(capitalised(str(report)), "bold"))


def _resident(part: CacheReport) -> str:
    if part.resident_bytes is not None:
        return as_size(part.resident_bytes)
    known = part.known_resident_bytes
    return paint(f"at least {as_size(known)}" if known else "unknown", "yellow")


def _asked_bytes(part: CacheReport) -> int:
    """The bytes of the range, those of files included that could not be measured."""
    unknown = (each for each in part if each.unknown) if part.unknown_files else ()
    return part.known_range_bytes + sum(record.range_bytes for record in unknown)


def _bar(part: CacheReport, width: int) -> str:
    """Draw how much is resident; nothing where nothing is known, which is not 0."""
    known = part.known_range_bytes
    if part.resident_bytes is None and known == 0:
        return ""
    return bar(min(part.known_resident_bytes / (_asked_bytes(part) or 1), 1), width)

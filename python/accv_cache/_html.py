"""Reports as HTML tables for notebooks."""

from collections.abc import Iterable, Sequence
from html import escape
from typing import TypeAlias

_STYLES = {
    "text": "text-align: left",
    "size": "text-align: right; white-space: nowrap",
    # The spaces of a map are part of it.
    "map": "text-align: left; white-space: pre; font-family: monospace",
}

MOST_SHOWN = 20
"""The rows of a table."""

Column: TypeAlias = tuple[str, str]
"""The name of a column, and the kind of its cells: text, size or map."""


def html_table(caption: str, columns: Sequence[Column], rows: Iterable[Iterable[str]]) -> str:
    """Write a table for a notebook, in its own colours. The cells are text, not HTML."""
    styles = [f'style="{_STYLES[kind]}"' for _, kind in columns]
    lines = [_line("th", styles, (name for name, _ in columns))]
    lines += [_line("td", styles, row) for row in rows]
    title = f'<caption style="text-align: left">{escape(caption)}</caption>'
    # A path that is not UTF-8 has surrogates, which cannot be encoded.
    return f"<table>{title}{''.join(lines)}</table>".encode(errors="replace").decode()


def _line(tag: str, styles: Sequence[str], cells: Iterable[str]) -> str:
    written = (
        f"<{tag} {style}>{escape(cell)}</{tag}>" for style, cell in zip(styles, cells, strict=True)
    )
    return f"<tr>{''.join(written)}</tr>"

"""What the tables draw with: a part of a whole, and the parts of a file."""

from rich.console import Console, ConsoleOptions, RenderResult
from rich.measure import Measurement
from rich.text import Text

from accv_cache import CacheRecord

_NARROWEST, _WIDEST = 8, 48
_ASCII = str.maketrans("█░·", "#+.")


class Bar:
    """A bar that fills the width it is given: solid is the part, shaded the rest."""

    def __init__(self, fraction: float) -> None:
        """Draw `fraction`, 0 to 1; only nothing looks empty, and only all of it looks full."""
        self._fraction = fraction

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        width = options.max_width
        solid = round(width * self._fraction)
        if 0 < self._fraction < 1:
            solid = min(max(solid, 1), width - 1)
        full, rest = "#." if options.ascii_only else "█░"
        yield Text.assemble((full * solid, "green"), (rest * (width - solid), "dim"), end="")

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        return Measurement(_NARROWEST, _WIDEST).with_maximum(options.max_width)


class Map:
    """Which parts of a file are resident, over the width it is given."""

    def __init__(self, record: CacheRecord) -> None:
        """Draw the spans of a record."""
        self._record = record

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        drawn = self._record.map(options.max_width)
        text = Text(drawn.translate(_ASCII) if options.ascii_only else drawn, "green", end="")
        text.highlight_regex(r"[.·]+", "dim")
        yield text

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        return Measurement(_NARROWEST, _WIDEST).with_maximum(options.max_width)

"""Where commands print."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.text import Text

from ...runs.printable import printable


class Terminal(Console):
    """A console that writes control characters of a text out: the terminal would obey them.

    Texts come from files, and from whoever has named them; colours are markup.
    """

    def render_str(self, text: str, **options: Any) -> Text:
        return super().render_str(printable(text), **options)

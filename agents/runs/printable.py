"""Text from files and from strangers as a terminal may show it."""

from __future__ import annotations

from typing import Any


def printable(text: str) -> str:
    """Return a text whose control characters are written out: a terminal would obey them.

    So are halves of characters, which cannot be printed; line breaks and tabs stay.
    """
    return "".join(c if c.isprintable() or c in "\n\t" else _written_out(c) for c in text)


def printable_json(content: Any) -> Any:
    """Return what a JSON file holds with all its text, names included, made printable."""
    if isinstance(content, str):
        return printable(content)
    if isinstance(content, list):
        return [printable_json(part) for part in content]
    if isinstance(content, dict):
        return {printable(name): printable_json(part) for name, part in content.items()}
    return content


def _written_out(character: str) -> str:
    return character.encode("unicode_escape").decode()

"""Docstrings, read: what ``list``, ``show`` and the generated pages take from them."""

from __future__ import annotations

import inspect
import re
from typing import Any

SECTIONS = re.compile(r"^(Args|Attributes|Raises|Returns|Yields):$", re.MULTILINE)
"""Heads of Google's sections: what comes before them is prose."""
ENTRY = re.compile(r"^    (\w+): ?(.*(?:\n     +.*)*)", re.MULTILINE)
"""A name of a section and its text, with the lines that go on with it."""


def first_line(documented: Any) -> str:
    """Return the first line of a docstring, without marks of code."""
    return (inspect.getdoc(documented) or "").split("\n", 1)[0].replace("``", "")


def prose(documented: Any) -> str:
    """Return a docstring without its sections, unindented."""
    return SECTIONS.split(inspect.cleandoc(documented.__doc__ or ""), maxsplit=1)[0].strip()


def attributes(cls: Any) -> dict[str, str]:
    """Return the "Attributes" sections of a class and its bases: name -> text."""
    found: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        found |= _section(base, "Attributes")
    return found


def arguments(documented: Any) -> dict[str, str]:
    """Return the "Args" section of a docstring: name -> text."""
    return _section(documented, "Args")


def _section(documented: Any, head: str) -> dict[str, str]:
    text = inspect.cleandoc(documented.__doc__ or "").partition(f"{head}:\n")[2].split("\n\n")[0]
    return {name: re.sub(r"\s+", " ", meaning).strip() for name, meaning in ENTRY.findall(text)}


def reflow(text: str) -> str:
    """Return a docstring in long lines; indented ones and those with a heading stay apart."""
    lines: list[str] = []
    for line in text.replace("``", "").split("\n"):
        follows = bool(lines) and bool(lines[-1]) and not lines[-1].startswith(" ")
        if line and follows and not re.match(r" |[A-Z][\w -]{0,40}: ", line):
            lines[-1] += f" {line}"
        else:
            lines.append(line)
    return "\n".join(lines)

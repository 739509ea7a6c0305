"""Lines of TNTP files: what they say, and errors that name the file and the line."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple, NoReturn

END = "END OF METADATA"


class Line(NamedTuple):
    """A line that says something.

    Attributes:
        number: Counted from 1.
        text: What it says.
    """

    number: int
    text: str

    @property
    def is_remark(self) -> bool:
        """Whether it begins with ~."""
        return self.text.startswith("~")


def lines_of(path: str | Path) -> list[Line]:
    """Return the lines that say something, remarks included."""
    try:
        text = Path(path).read_text("utf-8-sig")  # with or without a byte order mark
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} cannot be read: {error}") from error
    every = (Line(i, line.strip()) for i, line in enumerate(text.splitlines(), 1))
    return [line for line in every if line.text]


def metadata(path: str | Path) -> tuple[dict[str, Line], list[Line]]:
    """Return the head of a file, name -> line and value, and the lines behind it.

    What follows the end of the head in its line is the value of ``END``.
    """
    facts: dict[str, Line] = {}
    lines = lines_of(path)
    for i, (number, text) in enumerate(lines):
        if lines[i].is_remark:
            continue
        tag, bracket, value = text.removeprefix("<").partition(">")
        if not text.startswith("<") or not bracket:
            fail(path, number, f"expected '<NAME> VALUE' or '<{END}>', got {text!r}")
        name, value = " ".join(tag.upper().split()), value.strip()
        if name in facts and facts[name].text != value:
            fail(path, number, f"<{name}> stands in line {facts[name].number}, too")
        facts[name] = Line(number, value)
        if name == END:
            return facts, lines[i + 1 :]
    raise ValueError(f"{path}: the line <{END}> is missing")


def count_of(
    path: str | Path, facts: Mapping[str, Line], name: str, default: int | None = None
) -> int:
    """Return a whole number above 0 of the head of a file."""
    if name not in facts:
        if default is None:
            raise ValueError(f"{path}: the line <{name}> is missing")
        return default
    return node_number(path, *facts[name], what=f"<{name}>")


def node_number(path: str | Path, number: int, word: str, what: str = "a node") -> int:
    """Return a whole number above 0 that fits into 64 bits."""
    if not word.isdecimal() or len(word) > 18 or int(word) < 1:
        bound = "a whole number above 0, of at most 18 digits"
        fail(path, number, f"{what} must be {bound}, got {word!r}")
    return int(word)


def quantity(path: str | Path, number: int, what: str, word: str, least: float = 0.0) -> float:
    """Return a finite number that is at least ``least``."""
    try:
        value = float(word)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or value < least:
        bound = "a finite number" + ("" if least == -math.inf else f", at least {least:g}")
        fail(path, number, f"{what} must be {bound}, got {word!r}")
    return value


def check_numbers(path: str | Path, met: Mapping[int, int], fact: str, promised: int) -> None:
    """Raise a ValueError if a node is beyond those that a file counts from 1.

    Where most nodes have other numbers, these are names.

    Args:
        path: The file.
        met: Node -> line that names it first.
        fact: What the head of the file calls their number.
        promised: That number.
    """
    beyond = [node for node in met if node > promised]
    if len(met) > promised and 2 * len(beyond) < len(met):
        fault = f"a node must be a whole number in [1, {promised}], got '{beyond[0]}'"
        fail(path, met[beyond[0]], f"{fault}: {len(met)} have a name, <{fact}> is {promised}")


def fail(path: str | Path, number: int, fault: str) -> NoReturn:
    """Raise a ValueError that names the file and the line."""
    raise ValueError(f"{path}, line {number}: {fault}")

"""Parameters on the command line: ``--set name=value`` and ``--grid name=value,value``."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Any


def parse(settings: Sequence[str], option: str = "--set") -> dict[str, Any]:
    """Return parameters given as NAME=VALUE; a value that is no Python literal is a word.

    Raises:
        ValueError: If one has no "=", or a parameter is there twice.
    """
    given: dict[str, Any] = {}
    for name, text in _pairs(settings, option, "NAME=VALUE"):
        if name in given:
            raise ValueError(f"{option} has {name} twice: choose one")
        given[name] = _value(text)
    return given


def parse_grid(settings: Sequence[str], option: str = "--grid") -> dict[str, list[Any]]:
    """Return lists of values given as NAME=VALUE,VALUE; tuples keep their commas.

    Raises:
        ValueError: If one has no "=", a value is empty, or a parameter is there twice.
    """
    grid: dict[str, list[Any]] = {}
    for name, text in _pairs(settings, option, "NAME=VALUE,VALUE"):
        if name in grid:
            raise ValueError(f"{option} has {name} twice: list all its values after one =")
        try:
            grid[name] = list(ast.literal_eval(f"({text},)"))
        except (ValueError, SyntaxError):  # words
            grid[name] = [_value(part) for part in text.split(",")]
        if "" in grid[name]:
            raise ValueError(f"{option} {name}={text} has an empty value")
    return grid


def _pairs(settings: Sequence[str], option: str, form: str) -> list[tuple[str, str]]:
    pairs = []
    for setting in settings:
        name, equals, value = setting.partition("=")
        if not equals:
            raise ValueError(f"{option} needs {form}, got {setting!r}")
        pairs.append((name.strip(), value))
    return pairs


def _value(text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text

"""Read docstrings and ranges of parameters as Markdown: the pages of games and learners."""

from __future__ import annotations

import inspect
import re
import textwrap
from dataclasses import MISSING, fields
from typing import Any

from agents.cli.words.docstrings import arguments as arguments
from agents.cli.words.docstrings import attributes
from agents.cli.words.docstrings import prose as prose
from mfg_envs.game.parameters import declarations

LABEL = re.compile(
    r"(?:^|(?<=  )|(?<=\n))((?:State|Action|Noise|Reward|Mean field|Local|Global|Moves|First)"
    r"[^.:;`()\n]{0,46}):(?= )"
)
"""What the rules of a game speak of next: some words and a colon, where a sentence starts."""
RULED = re.compile(r"^===[= ]*\n.*^===[= ]*$", re.MULTILINE | re.DOTALL)
"""A table between rules of equals signs."""
ARXIV = re.compile(r"arXiv:?\s?(\d{4}\.\d{5})")


def markdown(text: str) -> str:
    """Return prose of a docstring in Markdown: literal blocks, tables and papers are marked."""
    text = RULED.sub(lambda found: textwrap.indent(found.group(), "    "), text)
    text = re.sub(r"(?<=\S)::$", ":", text, flags=re.MULTILINE)
    text = re.sub(r"[ ,]*::$", "", text, flags=re.MULTILINE)
    return ARXIV.sub(r"[arXiv \1](https://arxiv.org/abs/\1)", text)


def labelled(text: str) -> str:
    """Return a game's rules in Markdown, a paragraph for every label such as "State:"."""
    return markdown(LABEL.sub(r"\n\n**\1:**", text).strip())


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """Return a table in Markdown."""
    lines = [head, ("---",) * len(head), *rows]
    cells = [[cell.replace("|", "\\|").replace("\n", " ") for cell in row] for row in lines]
    return "\n".join("| " + " | ".join(row) + " |" for row in cells)


def parameters(cls: Any) -> str:
    """Return a table of a dataclass's parameters: defaults, declared ranges, meanings."""
    meanings, ranges = attributes(cls), declarations(cls)
    rows = []
    for field in fields(cls):
        default = "required" if field.default is MISSING else f"`{field.default!r}`"
        meaning = meanings.get(field.name, "")
        rows.append((f"`{field.name}`", default, str(ranges[field.name]), markdown(meaning)))
    return table(("parameter", "default", "range", "meaning"), rows)


def source(*methods: Any) -> str:
    """Return the source of methods as one block of code."""
    code = "\n\n".join(textwrap.dedent(inspect.getsource(method)).rstrip() for method in methods)
    return f"``` {{.python .of-source}}\n{code}\n```"

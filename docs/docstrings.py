"""Read docstrings and checks of parameters as Markdown: the pages of games and learners."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from dataclasses import MISSING, fields
from typing import Any

from agents.cli.listing import attributes

SECTIONS = re.compile(r"^(Args|Attributes|Raises|Returns|Yields):$", re.MULTILINE)
"""Heads of Google's sections: what comes before them is prose."""
LABEL = re.compile(
    r"(?:^|(?<=  )|(?<=\n))((?:State|Action|Noise|Reward|Mean field|Local|Global|Moves|First)"
    r"[^.:;`()\n]{0,46}):(?= )"
)
"""What the rules of a game speak of next: some words and a colon, where a sentence starts."""
RULED = re.compile(r"^===[= ]*\n.*^===[= ]*$", re.MULTILINE | re.DOTALL)
"""A table between rules of equals signs."""
ARXIV = re.compile(r"arXiv:?\s?(\d{4}\.\d{5})")


def prose(documented: Any) -> str:
    """Return a docstring without its sections, unindented."""
    return SECTIONS.split(inspect.cleandoc(documented.__doc__ or ""), maxsplit=1)[0].strip()


def markdown(text: str) -> str:
    """Return prose of a docstring in Markdown: literal blocks, tables and papers are marked."""
    text = RULED.sub(lambda found: textwrap.indent(found.group(), "    "), text)
    text = re.sub(r"(?<=\S)::$", ":", text, flags=re.MULTILINE)
    text = re.sub(r"[ ,]*::$", "", text, flags=re.MULTILINE)
    return ARXIV.sub(r"[arXiv \1](https://arxiv.org/abs/\1)", text)


def labelled(text: str) -> str:
    """Return a game's rules in Markdown, a paragraph for every label such as "State:"."""
    return markdown(LABEL.sub(r"\n\n**\1:**", text).strip())


def arguments(cls: Any) -> dict[str, str]:
    """Return the "Args" section of a class's docstring: name -> text."""
    text = inspect.cleandoc(cls.__doc__ or "").partition("Args:\n")[2].split("\n\n")[0]
    found = re.findall(r"^    (\w+): (.*(?:\n     +.*)*)", text, flags=re.MULTILINE)
    return {name: re.sub(r"\s+", " ", meaning) for name, meaning in found}


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """Return a table in Markdown."""
    lines = [head, ("---",) * len(head), *rows]
    cells = [[cell.replace("|", "\\|").replace("\n", " ") for cell in row] for row in lines]
    return "\n".join("| " + " | ".join(row) + " |" for row in cells)


def parameters(cls: Any) -> str:
    """Return a table of a dataclass's parameters: defaults, ranges that are checked, meanings."""
    meanings, bounds = attributes(cls), ranges(cls)
    rows = []
    for field in fields(cls):
        default = "required" if field.default is MISSING else f"`{field.default!r}`"
        meaning = meanings.get(field.name, "")
        rows.append((f"`{field.name}`", default, bounds.get(field.name, ""), markdown(meaning)))
    return table(("parameter", "default", "range", "meaning"), rows)


def ranges(cls: Any) -> dict[str, str]:
    """Return what ``check_range`` and ``check_choice`` of a class and its bases allow, by name."""
    found: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        check = vars(base).get("__post_init__")
        if check is None or not base.__module__.startswith(("mfg_envs.games", "agents")):
            continue
        tree = ast.parse(textwrap.dedent(inspect.getsource(check)))
        loops: dict[str, list[str]] = {}
        known: dict[str, ast.expr] = {}
        for node in ast.walk(tree):
            if isinstance(node, ast.For) and isinstance(node.target, ast.Name):
                loops[node.target.id] = _strings(node.iter)
            elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                known[node.targets[0].id] = node.value
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                for name in _names(node, loops):
                    found[name] = _allowed(node, known)
    return {name: text for name, text in found.items() if text}


def _names(call: ast.Call, loops: dict[str, list[str]]) -> list[str]:
    """Return the parameters that a check is about."""
    if not (isinstance(call.func, ast.Name) and call.func.id in ("check_range", "check_choice")):
        return []
    first = call.args[0]
    if isinstance(first, ast.Name):
        return loops.get(first.id, [])
    return [str(first.value)] if isinstance(first, ast.Constant) else []


def _allowed(call: ast.Call, known: dict[str, ast.expr]) -> str:
    """Return the range or the choices of a check, in words."""
    words = [ast.unparse(arg).replace("self.", "").replace(" ** ", "^") for arg in call.args[2:]]
    if isinstance(call.func, ast.Name) and call.func.id == "check_choice":
        choices = call.args[2]
        chosen = known.get(choices.id, choices) if isinstance(choices, ast.Name) else choices
        return ", ".join(f"`{value}`" for value in _strings(chosen))
    return f"at least {words[0]}" if len(words) == 1 else f"{words[0]} to {words[1]}"


def _strings(node: ast.expr) -> list[str]:
    """Return what a literal tuple holds; nothing of one that is put together."""
    items = node.elts if isinstance(node, ast.Tuple) else []
    constants = [str(item.value) for item in items if isinstance(item, ast.Constant)]
    return constants if len(constants) == len(items) else []


def source(*methods: Any) -> str:
    """Return the source of methods as one block of code."""
    code = "\n\n".join(textwrap.dedent(inspect.getsource(method)).rstrip() for method in methods)
    return f"``` {{.python .of-source}}\n{code}\n```"

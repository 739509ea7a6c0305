"""MkDocs' hook that adds the pages of all games, learners and public names, and their pictures.

Nothing of this is kept: pages are made anew from docstrings, code and short runs at every build.
"""

from __future__ import annotations

from typing import Any

import game_pages
import learner_pages
import measured
import reference_pages
from learner_curves import curve_of, draw
from mkdocs.structure.files import File, Files

from mfg_envs.registry import HOMES, KINDS

TITLES = {f"{kind.capitalize()} games": tuple(one.games) for kind, one in KINDS.items()}
"""Title of a chapter -> names of its games."""


def on_config(config: Any) -> Any:
    """Fill the navigation's empty chapters."""
    games = [
        {kind: [{game_pages.heading(name): f"games/{name}.md"} for name in names]}
        for kind, names in TITLES.items()
    ]
    learners = [{cls.__name__: f"learners/{cls.__name__}.md"} for cls in learner_pages.learners()]
    reference = [{name: f"reference/{name}.md"} for name in reference_pages.MODULES]
    chapters = {"Games": games, "Learners": learners, "Reference": reference}
    for entry in config.nav:
        for chapter, pages in chapters.items():
            if chapter in entry:
                entry[chapter] = [*entry[chapter], *pages]
    return config


def on_files(files: Files, config: Any) -> Files:
    """Add the pages and pictures."""
    for path, content in contents().items():
        files.append(File.generated(config, path, content=content))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Files) -> str:
    """Put the measured speeds where a page asks for them."""
    return markdown.replace("<!-- bench -->", measured.speeds())


def contents() -> dict[str, str | bytes]:
    """Return all that is made: path -> content."""
    made: dict[str, str | bytes] = {"games/index.md": game_pages.index(TITLES)}
    made["learners/index.md"] = learner_pages.index()
    made |= texts()
    made |= {f"games/pictures/{name}.png": game_pages.picture(name) for name in HOMES}
    for learner in learner_pages.learners():
        if curve := curve_of(learner):
            made[f"learners/curves/{learner.__name__}.svg"] = draw(learner, curve)
    return made


def texts() -> dict[str, str | bytes]:
    """Return the pages of games, learners, their sources and public names: path -> Markdown."""
    made: dict[str, str | bytes] = {}
    for name in HOMES:
        made[f"games/{name}.md"] = game_pages.page(name)
        path, text = game_pages.source(name)
        made[f"games/{path}"] = text
    for learner in learner_pages.learners():
        made[f"learners/{learner.__name__}.md"] = learner_pages.page(learner)
        path, text = learner_pages.source(learner)
        made[f"learners/{path}"] = text
    for name in reference_pages.MODULES:
        made[f"reference/{name}.md"] = reference_pages.page(name)
    return made

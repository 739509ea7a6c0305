"""The pages of public names; mkdocstrings fills them from the docstrings."""

from __future__ import annotations

import importlib

MODULES = {
    "mfg_envs": "mfg_envs",
    "game": "mfg_envs.game",
    "exact": "mfg_envs.exact",
    "metrics": "mfg_envs.metrics",
    "acting": "mfg_envs.simulate.acting",
    "play": "mfg_envs.simulate.play",
    "policies": "mfg_envs.policies",
    "riccati": "mfg_envs.riccati",
    "roads": "mfg_envs.games.roads",
    "agents": "agents",
    "figures": "agents.figures",
    "wrappers": "wrappers",
}
"""Name of a page -> the module whose public names it lists."""


def page(name: str) -> str:
    """Return the page of a module: a directive for every public name."""
    home = MODULES[name]
    parts = [f"# {home}", *(f"::: {home}.{public}" for public in public_names(home))]
    return "\n\n".join(parts) + "\n"


def public_names(home: str) -> list[str]:
    """Return what a module offers: classes, functions and constants, and no modules."""
    module = importlib.import_module(home)
    # FILES has what needs a library that may not be installed here as well.
    names = (
        getattr(module, "FILES", None)
        or getattr(module, "__all__", None)
        or [
            name
            for name, value in vars(module).items()
            if getattr(value, "__module__", "") == home and not name.startswith("_")
        ]
    )
    return [name for name in names if f"{home}.{name}" not in MODULES.values()]

"""Games that must have an end."""

from __future__ import annotations

from typing import Any


def decisions(game: Any, what: str = "an episode") -> int:
    """Return the number of decisions of an episode, T.

    Args:
        game: A game.
        what: What asks for it, for the error.

    Raises:
        ValueError: If the game has no end.
    """
    if game.horizon is None:
        raise ValueError(f"{what} needs an end: dataclasses.replace(game, horizon=...)")
    return game.horizon

"""A team seen as a population: its locals are the players, the global agent is in the title."""

from __future__ import annotations

from typing import Any

import numpy as np

from mfg_envs.game import Array, Layout


class Locals:
    """The locals of a team game beside one global state, as ``draw_population`` takes them."""

    def __init__(self, game: Any, x_g: int) -> None:
        self.game, self.x_g = game, x_g
        self.num_states = self.num_places = game.num_local_states
        self.mean_field_shape = (self.num_states,)
        self.places = np.arange(self.num_states)
        self.words = game.global_words(x_g)

    def layout(self) -> Layout | None:
        """Return the layout of the game beside this global state."""
        return self.game.layout(self.x_g)

    def coordinates(self, x: Array) -> Array:
        """Return where locals are, (*inner, D)."""
        return self.game.local_coordinates(np.asarray(x))

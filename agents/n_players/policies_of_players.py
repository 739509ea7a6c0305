"""Players who each follow a table of action values of their own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mfg_envs.exact import policies
from mfg_envs.game import Array, FiniteGame
from mfg_envs.players.policy import Draws, Policy

from .tables import boltzmann, drawn


@dataclass(frozen=True, eq=False)
class OwnTables(Policy):
    """Every player draws from the softmax of its own action values.

    Where there are more players than tables, they begin again with the first.  There is no ``law``
    of a state, which depends on who is there.

    Attributes:
        game: The game.
        q: Action values of L players, (L, T, O, A), or (L, O, A) in a stationary game.
        heat: Inverse temperature, per unit of ``q``.
    """

    game: FiniteGame
    q: Array
    heat: float

    @property
    def reads_crowd(self) -> bool:
        return False

    def act(self, t: int, x: Array, draws: Draws, m: Array | None = None) -> Array:
        q = self.q if self.game.horizon is None else self.q[:, min(t, self.game.horizon - 1)]
        own, s = np.arange(x.shape[1]) % len(q), self.game.observed[x]
        law = boltzmann(q[own, s], policies.observed_legal(self.game)[s], self.heat)
        return drawn(law, draws.uniform(x.shape[1]))

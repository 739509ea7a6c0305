"""A mixture of policies: every player draws one of them in an episode, and keeps it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from mfg_envs.game import Array, as_array
from mfg_envs.game.probabilities import check_laws
from mfg_envs.numerics import random
from mfg_envs.players.policy import Draws, Policy


@dataclass(frozen=True, eq=False)
class Mixture(Policy):
    """One policy, drawn for every player and episode with given probabilities.

    Mixtures inside are dissolved into their parts.  ``law`` is not known: what a player does in a
    state depends on how often those who follow each policy come there, which the flow decides.

    Attributes:
        parts: Policies, K >= 1.
        weights: Probability of each, (K,).

    Raises:
        ValueError: If there is no part, or the weights are no probabilities, one a part.
    """

    parts: tuple[Policy, ...]
    weights: Array

    def __post_init__(self) -> None:
        weights = as_array("weights", self.weights)
        if weights.shape != (len(self.parts),) or not len(self.parts):
            raise ValueError(
                "a mixture needs one weight for each of one or more policies, got"
                f" {len(self.parts)} policies and weights of shape {weights.shape}"
            )
        check_laws("weights", weights, "")
        flat = [
            (part, weight * share)
            for whole, weight in zip(self.parts, weights, strict=True)
            for part, share in (
                zip(whole.parts, whole.weights, strict=True)
                if isinstance(whole, Mixture)
                else [(whole, 1.0)]
            )
        ]
        object.__setattr__(self, "parts", tuple(part for part, _ in flat))
        object.__setattr__(self, "weights", np.array([weight for _, weight in flat]))

    def drawn(self, draws: Draws, num_agents: int) -> Array:
        """Return the number of the policy that each player follows in this episode, (B, N)."""
        return random.categorical(self.weights, draws.of_the_episode(num_agents))

    def act(self, t: int, x: Array, draws: Draws, m: Array | None = None) -> Any:
        return self._each(self.drawn(draws, x.shape[1]), lambda part: part.act(t, x, draws, m))

    def actions(self, batch: Any) -> Any:
        return self._each(
            self.drawn(Draws.of(batch), batch.num_agents), lambda part: part.actions(batch)
        )

    def _each(self, drawn: Array, act: Callable[[Policy], Any]) -> Array:
        """Return what the policy of each player does; all players are asked of every policy."""
        acted = {k: np.asarray(act(self.parts[k])) for k in np.unique(drawn)}
        out = np.empty_like(next(iter(acted.values())), np.result_type(*acted.values()))
        for k, a in acted.items():
            out[drawn == k] = a[drawn == k]
        return out

"""Networked communication: players near each other pass on the better policy.

After an update every player plays its new policy for some steps; the discounted return is the
policy's score.  In each round all players adopt the best policy within reach, their own included.
Source: Benjamin, Abate, "Networked Communication for Decentralised Agents in Mean-Field Games"
(arXiv 2306.02766), with the temperature of the adoption at zero, where their schedule ends.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mfg_envs.game import Array, Count, FiniteGame, NonNegative, check_parameters


@dataclass(frozen=True, kw_only=True)
class Communication:
    """Who hears whom, and how often.

    Attributes:
        radius: Largest distance in ``game.coordinates`` at which players hear each other.
        rounds: Times a policy is passed on after every update.
        steps: Steps of the path in which policies earn their scores.
    """

    radius: NonNegative
    rounds: Count = 1
    steps: Count = 20

    def __post_init__(self) -> None:
        check_parameters(self)

    def adopt(self, game: FiniteGame, x: Array, scores: Array) -> Array:
        """Return whose policy each player has afterwards, int (N,).

        Args:
            game: Says where the states are.
            x: Private states, (N,).
            scores: Of the players' policies, (N,); among equals the first player wins.
        """
        places, here = np.unique(x, return_inverse=True)
        where = game.coordinates(places).reshape(places.size, -1)
        owner = np.arange(x.size)
        for _ in range(self.rounds):
            ranked = np.lexsort((owner, -scores[owner]))  # the best first
            best = owner[ranked[np.unique(here[ranked], return_index=True)[1]]]
            heard = [self._loudest(where, i, best, scores) for i in range(places.size)]
            owner = np.array(heard)[here]
        return owner

    def _loudest(self, where: Array, i: int, best: Array, scores: Array) -> int:
        """Return the owner of the best policy that is heard in the i-th place."""
        near = best[np.linalg.norm(where - where[i], axis=-1) <= self.radius]
        return int(near[np.lexsort((near, -scores[near]))[0]])

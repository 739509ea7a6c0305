"""Online learners: one player, one trajectory, no resets, no model; ``trajectory`` has the loop."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar, NamedTuple

import numpy as np

from mfg_envs.environments.representative import RepresentativeEnv
from mfg_envs.exact import policies
from mfg_envs.game import Array, FiniteGame

from ..runs.iterate import Iterate
from ..runs.learner import Learner
from .trajectory import (
    Memory,
    Rules,
    Schedule,
    advance,
    check_source,
    episode_keys,
    first_memory,
)


class Players(NamedTuple):
    """E players, each alone on a trajectory of its own.

    Attributes:
        source: A game (compiled), or the environment of the one player (step by step).
        game: The game.
        seeds: One a player.
        keys: Of their episodes, (E,).
        legal: Legal actions of every observed state, bool (O, A).
    """

    source: FiniteGame | RepresentativeEnv
    game: FiniteGame
    seeds: list[int]
    keys: Array
    legal: Array


class OnlineLearner(Learner):
    """A learner of action values and a mean field from transitions as they come."""

    learns: ClassVar[tuple[type, ...]] = (FiniteGame, RepresentativeEnv)
    side_by_side: ClassVar[bool] = True
    q_scale: float = 0.0
    """Q starts uniform in [0, q_scale)."""

    @property
    @abstractmethod
    def rules(self) -> Rules:
        """The kind of learner."""

    @property
    def pieces(self) -> int:
        """Parts of an outer iteration between which frozen things are refreshed."""
        return 1

    @abstractmethod
    def schedule(self, k: int) -> Schedule:
        """Return the step sizes of the k-th outer iteration, k = 0, 1, ..."""

    def after(self, k: int, before: Memory, memory: Memory) -> Memory:
        """Return what is remembered at the end of the k-th outer iteration, k = 1, 2, ..."""
        return memory

    def prepare(self, source: Any, seed: list[int], /) -> Players:
        """Return the players.

        Args:
            source: A stationary game (compiled, any number of seeds) or a ``RepresentativeEnv``
                with ``observe=("index",)`` (step by step through it, one seed).
            seed: One a player.
        """
        game = source.game if isinstance(source, RepresentativeEnv) else source
        check_source(source, game, seed)
        return Players(source, game, seed, episode_keys(seed), policies.observed_legal(game))

    def begin(self, players: Players, /) -> Iterate:
        """Return random Q and M, and where the trajectories begin."""
        memory = first_memory(players.game, players.keys, self.q_scale)
        if isinstance(players.source, RepresentativeEnv):
            players.source.reset(seed=players.seeds[0])
        return self._iterate(players, 0, memory, self.schedule(0).heat[0])

    def resume(self, players: Players, start: Iterate, /) -> Iterate:
        """Return the iterate to go on from; a game can be, an environment stands where it is."""
        if isinstance(players.source, RepresentativeEnv):
            raise ValueError("step by step through an environment: one seed, from the start")
        return start

    def improve(self, players: Players, last: Iterate, /) -> Iterate:
        """Return what is learned after one more outer iteration.

        The iterate's ``q`` and ``mean_field`` are Q and M, its ``policy`` the behaviour in Q at the
        last step's temperature; all over observed states.
        """
        k, steps = last.iteration, self.schedule(last.iteration)
        parts = (last.memory["x"], last.memory["a"], last.q, last.mean_field)
        before = memory = Memory(last.samples, *parts)
        for piece in zip(*(np.split(part, self.pieces) for part in steps), strict=True):
            schedule, discount = Schedule(*piece), players.game.discount
            memory = advance(players.source, players.keys, memory, schedule, self.rules, discount)
        memory = self.after(k + 1, before, memory)
        return self._iterate(players, k + 1, memory, steps.heat[-1])

    def _iterate(self, players: Players, k: int, memory: Memory, heat: float) -> Iterate:
        policy = policies.softmax(memory.q, players.legal, inverse_temperature=heat)
        rest = {"x": memory.x, "a": memory.a}
        return Iterate(k, memory.t, policy, memory.m, memory.q, rest)

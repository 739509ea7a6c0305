"""N players who move at once, step by step: a game as arrays, or any PettingZoo environment.

A world is ``seen``, the observed states of its players (N,), and ``play``, which takes an action
of each.  On a game of ours both worlds give the same numbers, and so does compiled code.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

import numpy as np
from gymnasium.spaces import Discrete

from mfg_envs.exact import policies
from mfg_envs.game import Array, FiniteGame
from mfg_envs.simulate.batch import BatchEnv


class Played(NamedTuple):
    """What a step of N players gives.

    Attributes:
        seen: Where it led, observed states (N,).
        reward: float64 (N,).
        alive: Whether anything is earned afterwards, float32 (N,) of 0 and 1.
    """

    seen: Array
    reward: Array
    alive: Array


class World(Protocol):
    """What conditional TD learning needs of the players."""

    seen: Array

    @property
    def x(self) -> Array:
        """What the path goes on from, (N,)."""
        ...

    def play(self, a: Array) -> Played:
        """Play one action a player, (N,)."""
        ...


class GameWorld:
    """The players of a game, from any moment of their path on.

    Args:
        game: The game.
        key: Key of the episode.
        t: Time.
        x: Private states then, (N,).
    """

    def __init__(self, game: FiniteGame, key: Any, t: int, x: Array) -> None:
        self.env = BatchEnv(game, 1, x.size, seed=0, observe=("index",))
        self.env.stand(t, x[None], keys=np.array([key]))
        self.seen, self._alive = game.observed[x], np.ones(x.size, np.float32)

    @property
    def x(self) -> Array:
        """Private states, int32 (N,)."""
        return self.env.state[0]

    def play(self, a: Array) -> Played:
        """Play one action a player, (N,)."""
        step = self.env.step(a[None])
        self.seen = step.observation[0]
        return Played(self.seen, step.reward[0], self._alive)


class DictWorld:
    """The agents of a PettingZoo parallel environment; when an episode ends the next begins.

    Attributes:
        legal: Legal actions, bool (O, A); all, unless the environment plays a game of ours.
        game: That game, or None.

    Raises:
        ValueError: If spaces are not one ``Discrete`` for all, or agents do not end together.
    """

    def __init__(self, env: Any) -> None:
        self.env, self.agents = env, list(env.possible_agents)
        shape = tuple(
            self._size(kind, getattr(env, f"{kind}_space")) for kind in ("observation", "action")
        )
        game = getattr(env.unwrapped, "game", None)
        ours = isinstance(game, FiniteGame) and shape == (game.num_observations, game.num_actions)
        self.game = game if ours else None
        self.legal = policies.observed_legal(self.game) if self.game else np.ones(shape, bool)

    def reset(self, seed: int) -> None:
        """Begin the first episode."""
        self.seen = self._row(self.env.reset(seed=seed)[0], np.int64)

    @property
    def x(self) -> Array:
        """Observed states, (N,)."""
        return self.seen

    def _size(self, kind: str, space: Any) -> int:
        spaces = [space(agent) for agent in self.agents]
        first = spaces[0]
        if not isinstance(first, Discrete) or first.start != 0 or any(s != first for s in spaces):
            raise ValueError(
                f"tables need one {kind} space Discrete(n) for all agents, got {first} for"
                f" {self.agents[0]!r}; games of ours have it with observe=('index',)"
            )
        return int(first.n)

    def _row(self, values: Any, dtype: Any) -> Array:
        """Return the agents' values in order, (N,)."""
        gone = [agent for agent in self.agents if agent not in values]
        if gone:
            raise ValueError(f"agents must all play to the end of an episode, {gone[0]!r} left")
        return np.array([values[agent] for agent in self.agents], dtype)

    def play(self, a: Array) -> Played:
        """Play one action an agent, (N,)."""
        actions = dict(zip(self.agents, a.tolist(), strict=True))
        seen, rewards, terminated, truncated, _ = self.env.step(actions)
        ended = self._row(terminated, bool)
        over = ended | self._row(truncated, bool)
        if over.any() and not over.all():
            left = self.agents[int(over.argmax())]
            raise ValueError(f"agents must all play to the end of an episode, {left!r} left")
        played = Played(
            self._row(seen, np.int64), self._row(rewards, np.float64), 1 - ended.astype(np.float32)
        )
        self.seen = self._row(self.env.reset()[0], np.int64) if over.all() else played.seen
        return played

"""Players who follow a policy each, of whom one at a time leaves: its answer, and what it gains.

In a finite game the answer is that of a player who sees its own state and the time.  The others are
simulated, with all players staying; in the mean field of population b the player counts with 1/N
beside the N - 1 others, whose part of it is ``o_b``::

    q_t(x, a) = mean_b [ r(t, x, a, m_b) + g E_w v_{t+1}(step(t, x, a, m_b, w)) ],
    v_t(x)    = max_a q_t(x, a),     m_b = ((N - 1) o_b + crowd(x)) / N

That is the best such answer where neither policies nor moves of the others read the crowd, and so
the player; elsewhere it neglects how they answer.  It is then played, beside the policy of the
player, in populations with seeds of their own, the same for both.  What is added up is
``A_t = r + g E_w v_{t+1}(x') - v_t(x)``, which telescopes for any v: the gain is the mean of
``sum_t g^t A_t`` of the answer less that of the policy, the player's own noise averaged exactly.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from mfg_envs.exact import policies
from mfg_envs.game import Array, FiniteGame
from mfg_envs.game.histograms import shares
from mfg_envs.metrics.deviations import (
    TOGETHER,
    Expected,
    OneOfMany,
    OwnStateResponse,
    own_state_response,
    surplus,
)
from mfg_envs.numerics.memory import check_memory
from mfg_envs.players.each import Each, OneDeviates
from mfg_envs.simulate.acting import Decision, Policy, Table, decisions
from mfg_envs.simulate.batch import BatchEnv
from mfg_envs.soundness.initial_laws import initial_law


class Deviation(NamedTuple):
    """What a player does instead of what it did.

    Attributes:
        player: Its number.
        policy: What it follows instead.
        values: Of its states at every time, (T + 1, S), which free the gain of noise; None: none.
    """

    player: int
    policy: Policy
    values: Array | None = None


@dataclass(frozen=True)
class OneAmong(OneOfMany):
    """One player among others who are given: shares (B, S), with controls (B, S, A)."""

    def others(self, t: int, o: Array) -> Array:
        return self.expected.game.crowd(o) * ((self.num_agents - 1) / self.num_agents)


@dataclass(frozen=True)
class PlayerSet:
    """Players who follow a policy each, from the first states of a game on.

    Attributes:
        game: The game.
        policy: What each follows.
        num_steps: Steps of an episode.
    """

    game: Any
    policy: Each
    num_steps: int

    @property
    def num_agents(self) -> int:
        return len(self.policy.policies)

    @cached_property
    def at_once(self) -> int:
        """How many populations are simulated together."""
        game = self.game
        numbers = getattr(game, "state_dim", 1) + getattr(game, "action_dim", 1) + 1
        each = numbers * self.num_agents + int(np.prod(game.mean_field_shape))
        return max(1, TOGETHER // (8 * self.num_steps * each))

    def play(self, seed: int, num_envs: int, policy: Policy) -> Iterator[Decision]:
        """Yield every decision of populations whose players follow a policy."""
        env = BatchEnv(self.game, num_envs, self.num_agents, seed)
        env.reset()
        return decisions(env, policy, self.num_steps)

    def responses(
        self, players: Sequence[int], seed: int, num_episodes: int
    ) -> list[OwnStateResponse]:
        """Return the answers of players who see their own state and the time; a finite game."""
        controls = self.game.mean_field_of_controls
        each = 4 * self.num_agents * (1 + controls) + 8 * int(np.prod(self._shape))
        check_memory(num_episodes * self.num_steps, each, "num_episodes * num_steps")
        size = (self.num_steps, num_episodes, self.num_agents)
        x, a = np.empty(size, np.int32), np.empty(size if controls else (0, 0, 0), np.int32)
        for some in self._together(num_episodes):
            populations = self.play(seed + some.start, some.stop - some.start, self.policy)
            for t, moment in enumerate(populations):
                x[t, some] = moment.state
                if controls:
                    a[t, some] = moment.action
        return [self._response(i, x, a) for i in players]

    def _response(self, player: int, x: Array, a: Array) -> OwnStateResponse:
        """Return the answer of a player to others in states (T, B, N) who act so."""
        game = self.game
        own = self.policy.policies[player]
        rules = own.policy if isinstance(own, Table) else policies.uniform(game)
        zero = np.zeros((1, game.num_states))  # after the last step
        rules = rules.reshape(-1, *rules.shape[-2:])
        expected = Expected(game, rules, initial_law(game), zero, zero)
        cells = np.delete(x, player, -1)
        if game.mean_field_of_controls:
            cells = cells * game.num_actions + np.delete(a, player, -1)
        crowds = shares(cells, int(np.prod(self._shape)))
        crowds = crowds.reshape(*crowds.shape[:2], *self._shape)
        return own_state_response(OneAmong(expected, self.num_agents), crowds)

    @property
    def _shape(self) -> tuple[int, ...]:
        """Shape of what others are counted by: states, or pairs of state and action."""
        game: FiniteGame = self.game
        controls = (game.num_actions,) if game.mean_field_of_controls else ()
        return (game.num_states, *controls)

    def gains(
        self, deviations: Sequence[Deviation], seed: int, num_episodes: int
    ) -> tuple[Array, Array]:
        """Return what each of some players earns and gains by a deviation, (P, num_episodes)."""
        values, gains = (np.zeros((len(deviations), num_episodes)) for _ in range(2))
        for some in self._together(num_episodes):
            where = seed + some.start, some.stop - some.start
            stay = list(self.play(*where, self.policy))
            for row, (player, policy, v) in enumerate(deviations):
                leave = self.play(*where, OneDeviates(self.policy, player, policy))
                for t, both in enumerate(zip(stay, leave, strict=True)):
                    weight = self.game.discount**t
                    values[row, some] += weight * both[0].reward[:, player]
                    one, two = (self._earned(t, moment, player, v) for moment in both)
                    gains[row, some] += weight * (two - one)
        return values, gains

    def _earned(self, t: int, moment: Decision, player: int, values: Array | None) -> Array:
        """Return what a player earns by a decision, beyond values if there are any, (B,)."""
        r = moment.reward[:, player]
        if values is None:
            return r
        x, a = moment.state[:, player], np.asarray(moment.action)[:, player]
        return surplus(self.game, t, x, a, r, moment.mean_field, values)

    def _together(self, num_episodes: int) -> Iterator[slice]:
        """Yield the populations that are simulated together."""
        for first in range(0, num_episodes, self.at_once):
            yield slice(first, min(first + self.at_once, num_episodes))

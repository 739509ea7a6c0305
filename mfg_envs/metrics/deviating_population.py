"""Populations in which player 0 may leave the policy that all others follow."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from mfg_envs.exact.tables import crowd, kernel, push
from mfg_envs.game import Array
from mfg_envs.game.histograms import shares
from mfg_envs.metrics.deviations import CrowdResponse, Expected, OneOfMany, at_time, surplus
from mfg_envs.numerics import random
from mfg_envs.numerics.memory import check_memory
from mfg_envs.simulate.acting import Draws, Policy, Table, decisions
from mfg_envs.simulate.batch import BatchEnv


class Moment(NamedTuple):
    """A decision: states x (B, N), actions of player 0 and its rewards (B,), mean field met."""

    x: Array
    a: Array
    r: Array
    m: Array


class OneLeaves(Policy):
    """All follow a policy but player 0, who plays another or answers the crowd it sees."""

    def __init__(self, policy: Policy, first: Policy | CrowdResponse) -> None:
        self.policy, self.first = policy, first

    def act(self, t: int, x: Array, draws: Draws, m: Array | None = None) -> Array:
        a = self.policy.act(t, x, draws, m)
        if isinstance(self.first, CrowdResponse):
            a[:, 0] = self.first.act(t, x, a[:, 0])
        else:
            a[:, :1] = self.first.act(t, x[:, :1], draws, m)
        return a


class Population(NamedTuple):
    """N players that follow a policy, but for player 0."""

    expected: Expected
    num_agents: int
    num_steps: int

    def play(self, seed: int, num_envs: int, first: CrowdResponse | Array) -> Iterator[Moment]:
        """Yield every decision of populations in which player 0 plays ``first``."""
        game, rules, law, *_ = self.expected
        env = BatchEnv(game, num_envs, self.num_agents, seed)
        env.reset()
        if game.horizon is None:
            u = random.uniform(random.subkey(env.keys, random.INITIAL), self.num_agents)
            env.stand(0, random.categorical(law, u).astype(np.int32))
        own = first if isinstance(first, CrowdResponse) else Table(game, first)
        policy = OneLeaves(Table(game, rules), own)
        for x, a, r, m in decisions(env, policy, self.num_steps):
            yield Moment(x, a[:, 0], r[:, 0], m)

    def surplus(
        self, seed: int, num_episodes: int, first: CrowdResponse | Array, v: Array
    ) -> Array:
        """Return what player 0 earns beyond values v of the infinite population, (num_episodes,).

        It has the mean V_N - <mu_0, v_0>, with little noise: see the module.
        """
        game, totals = self.expected.game, []
        for first_seed, size in self._together(seed, num_episodes):
            total = np.zeros(size)
            for t, (x, a, r, m) in enumerate(self.play(first_seed, size, first)):
                total += game.discount**t * surplus(game, t, x[:, 0], a, r, m, v)
            totals.append(total)
        return np.concatenate(totals)

    def crowds(self, seed: int, num_episodes: int) -> Array:
        """Return the shares of players 1, 2, ... in every state, (T, num_episodes, S).

        Their mean over the episodes is freed of the sampling noise that is linear in the draws:
        it would hide what an own-state response gains, which is of order 1/N.
        """
        game, rules, law, *_ = self.expected
        player = OneOfMany(self.expected, self.num_agents)
        check_memory(num_episodes, 8 * self.num_steps * game.num_states, "num_episodes")
        crowds = np.empty((self.num_steps, num_episodes, game.num_states))
        drawn = np.zeros((self.num_steps, game.num_states))  # by chance alone, on average
        done = 0
        for first, size in self._together(seed, num_episodes):
            foreseen = law
            for t, (x, *_) in enumerate(self.play(first, size, rules)):
                o = crowds[t, done : done + size] = shares(x[:, 1:], game.num_states)
                drawn[t] += (o - foreseen).sum(0) / num_episodes
                foreseen = player.move_others(t, x[:, 0], o, player.others(t, o))
            done += size
        carried = np.zeros(game.num_states)
        for t, mean in enumerate(crowds.mean(1)):
            noise = drawn[t] + carried
            freed = np.maximum(1 - noise / np.where(mean > 0, mean, 1), 0)
            crowds[t] *= freed
            carried = self._next_mean(t, mean) - self._next_mean(t, mean * freed)
        return crowds

    def _next_mean(self, t: int, o: Array) -> Array:
        """Return where shares (S,) are one step later if they are those of infinitely many."""
        game, rule = self.expected.game, at_time(self.expected.rules, t)
        o = o / (o.sum() or 1.0)
        return push(game, kernel(game, t, crowd(game, o, rule)), o, rule)

    def _together(self, seed: int, num_episodes: int) -> Iterator[tuple[int, int]]:
        """Yield first seed and number of the populations that are simulated together."""
        most = OneOfMany(self.expected, self.num_agents).at_once
        for first in range(0, num_episodes, most):
            yield seed + first, min(most, num_episodes - first)

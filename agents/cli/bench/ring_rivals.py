"""What a good NumPy programmer would write for the ring road: the other side of the benchmarks.

Independent of the library, and specialised to dynamics "cell": one random number, one gather and
one comparison a player, integers of the size ``take`` and ``bincount`` want, single precision
where the numbers are draws.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from mfg_envs.game import Array
from mfg_envs.games.ring_road import RingRoad


class NumpyRing:
    """B populations of N vehicles.

    Attributes:
        x: Cells, int64 (B, N).
        m: Mean field, float64 (B, S).
    """

    def __init__(self, game: RingRoad, num_envs: int, num_agents: int) -> None:
        self.game, self.generator = game, np.random.Generator(np.random.SFC64(0))
        self.x = self.generator.integers(0, game.num_cells, (num_envs, num_agents))
        self._shift = game.num_cells * np.arange(num_envs)[:, None]
        self._next = np.arange(1, game.num_cells + 1) % game.num_cells
        self._go = game.speeds.astype(np.float32)
        self._count()

    def _count(self) -> None:
        places = (self.x + self._shift).ravel() if len(self.x) > 1 else self.x[0]
        counts = np.bincount(places, minlength=self._shift.size * self.game.num_cells)
        self.m = counts.reshape(len(self.x), -1) / self.x.shape[1]

    def step(self, a: Array) -> Array:
        """Play actions (B, N) and return the rewards."""
        game, x = self.game, self.x
        wanted = np.minimum(game.location, 0.5 - self.m * game.slowdown)
        if len(x) == 1 and x.size > game.num_cells * game.num_speeds:
            table = game.price * np.square(game.speeds - wanted[0][:, None])
            r = table.ravel().take(x * game.num_speeds + a)
        else:
            r = game.speeds.take(a)
            r -= wanted.ravel().take(x + self._shift)
            r *= r
            r *= game.price
        going = self.generator.random(x.shape, np.float32) < self._go.take(a)
        self.x = np.where(going, self._next.take(x), x)
        self._count()
        return r

    def rollout(self, policy: Array, num_steps: int) -> tuple[Array, Array]:
        """Play steps under a policy (S, A), by inverting its running sums."""
        sums = np.cumsum(policy, -1)[:, :-1].astype(np.float32)
        ms, rs = [], []
        for _ in range(num_steps):
            u = self.generator.random(self.x.shape, np.float32)
            a = np.zeros(self.x.shape, np.int64)
            for column in sums.T:
                a += u >= column.take(self.x)
            ms.append(self.m)
            rs.append(self.step(a).mean(-1))
        return np.stack(ms), np.stack(rs)


class NaiveDicts:
    """The dicts of PettingZoo the way most environments build them."""

    def __init__(self, game: RingRoad, num_agents: int) -> None:
        self.ring = NumpyRing(game, 1, num_agents)
        self.agents = [f"vehicle_{i}" for i in range(num_agents)]
        angle = 2 * np.pi * np.arange(game.num_cells) / game.num_cells
        self._place = np.stack([np.cos(angle), np.sin(angle)], -1).astype(np.float32)
        around = np.arange(game.num_cells)[:, None] + [0, 1, 2, 3, -1]
        self._near = around % game.num_cells

    def step(self, actions: Mapping[str, int]) -> tuple[dict[str, Any], ...]:
        """Play one action per agent."""
        ring = self.ring
        r = ring.step(np.array([[actions[agent] for agent in self.agents]]))[0]
        density = (ring.m[0] * ring.game.num_cells).astype(np.float32)
        table = np.concatenate([self._place, density[self._near]], -1)
        seen = table.take(ring.x[0], 0)
        return (
            {agent: seen[i].copy() for i, agent in enumerate(self.agents)},
            {agent: float(r[i]) for i, agent in enumerate(self.agents)},
            {agent: False for agent in self.agents},
            {agent: False for agent in self.agents},
            {agent: {} for agent in self.agents},
        )


def forward(game: RingRoad, policy: Array) -> Array:
    """Return the laws met under a policy (T, S, A) whose states are innermost in memory."""
    go = np.einsum("tas,a->ts", policy.swapaxes(1, 2), game.go)
    laws = np.empty(policy.shape[:2])
    laws[0] = game.initial_law
    for t in range(len(laws) - 1):
        leaving = laws[t] * go[t]
        np.subtract(laws[t], leaving, out=laws[t + 1])
        laws[t + 1, 1:] += leaving[:-1]
        laws[t + 1, 0] += leaving[-1]
    return laws


def backward(game: RingRoad, m: Array, rewards: bool) -> Array:
    """Return the best action values against mean fields (T, S), as (T, A, S)."""
    T, S = m.shape
    q, v, ahead = np.empty((T, game.num_speeds, S)), np.zeros(S), np.empty(S)
    go, stay = game.discount * game.go[:, None], game.discount * (1 - game.go)[:, None]
    speeds, hop = game.speeds[:, None], np.empty((game.num_speeds, S))
    for t in reversed(range(T)):
        ahead[:-1], ahead[-1] = v[1:], v[0]
        np.multiply(stay, v, out=q[t])
        np.multiply(go, ahead, out=hop)
        q[t] += hop
        if rewards:
            wanted = np.minimum(game.location, 0.5 - m[t] * game.slowdown)
            np.subtract(speeds, wanted, out=hop)
            hop *= hop
            hop *= game.price
            q[t] += hop
        v = q[t].max(0)
    return q


class NumpyQMI:
    """Off-policy QM iteration, one transition at a time, as it is usually written."""

    def __init__(self, game: RingRoad, steps: int) -> None:
        self.game, self.steps, self.k, self.x = game, steps, 0, 0
        self.generator = np.random.Generator(np.random.SFC64(0))
        self.q = np.zeros((game.num_cells, game.num_speeds))
        self.m = np.full(game.num_cells, 1 / game.num_cells)

    def __call__(self) -> None:
        """Run one outer iteration."""
        game, q, m, x = self.game, self.q, self.m, self.x
        behaviour, wanted = q.copy(), np.minimum(game.location, 0.5 - m * game.slowdown)
        for t in range(1, self.steps + 1):
            row = behaviour[x]
            weights = np.exp(0.5 * (t + self.k * self.steps) * (row - row.max()))
            sums = weights.cumsum()
            a = sums.searchsorted(self.generator.random() * sums[-1], side="right")
            r = game.price * (game.speeds[a] - wanted[x]) ** 2
            after = (x + (self.generator.random() < game.speeds[a])) % game.num_cells
            q[x, a] += 1e-3 * (r + game.discount * q[after].max() - q[x, a])
            m = m * (1 - 1 / t)
            m[after] += 1 / t
            x = after
        self.m, self.x, self.k = m, x, self.k + 1

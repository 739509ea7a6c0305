"""Exact finite-N Nash gaps where they can be had: the yardstick of the simulated ones.

*Two states.*  The others are no more than the number k of them in state 1; k moves by two
binomials.  (own state, k) is a finite Markov decision problem with 2 N states, solved by value
iteration: for a deviator who sees the crowd by its maximum, for one who sees its own state by the
best of all stationary pure rules.

*Moves that never change, rewards that read the crowd in the own state x alone.*  The others are
independent, each in x with probability mu(x): the number there is binomial, and the mean reward
of a deviator who sees its own state follows without simulation.
"""

from __future__ import annotations

import itertools
import math
from typing import NamedTuple

import numpy as np

from mfg_envs import exact
from mfg_envs.game import Array, FiniteGame

SMALL = 1e-10
"""Weight, or chance, below which everything is left out."""


class ExactGap(NamedTuple):
    """Exact gaps of a stationary policy among N players.

    Attributes:
        crowd: What a deviator gains who sees the crowd; NaN if it is not known.
        state: What one gains who sees its own state.
        value: What the policy earns.
    """

    crowd: float
    state: float
    value: float


def two_states(game: FiniteGame, policy: Array, num_agents: int) -> ExactGap:
    """Solve the N-player game of a stationary game with two states, see the module."""
    law, n = exact.stationary_mean_field(game, policy), num_agents - 1
    k, A = np.arange(n + 1), game.num_actions
    crowd_moves, turns, rewards = [], [], []
    for x in range(2):
        share = (k + x) / num_agents
        fields = np.stack([1 - share, share], -1)
        tables = [exact.kernel(game, 0, m) for m in fields]
        turn = np.stack([((t.next != [[[0]], [[1]]]) * t.prob).sum(-1) for t in tables])
        turns.append(turn[:, x])
        rewards.append(np.stack([exact.rewards(game, 0, m)[x] for m in fields]))
        leave = np.einsum("ksa,sa->sk", turn, policy)
        rows = [
            np.convolve(binomial(n - i, leave[0, i]), binomial(i, 1 - leave[1, i]))
            for i in range(num_agents)
        ]
        crowd_moves.append(np.stack(rows))
    first = law[:, None] * binomial(n, law[1])

    def earn(rules: Array | None) -> Array:
        """Return what rules (R, 2, A) earn, (R,), or the best policy (1,)."""
        v = np.zeros((1 if rules is None else len(rules), 2, n + 1))
        for _ in range(math.ceil(math.log(SMALL) / math.log(game.discount))):
            q = np.empty((*v.shape, A))
            for x in range(2):
                ahead = (v.reshape(-1, n + 1) @ crowd_moves[x].T).reshape(v.shape)
                stay, go = ahead[:, x, :, None], ahead[:, 1 - x, :, None]
                q[:, x] = rewards[x] + game.discount * (stay + turns[x] * (go - stay))
            v = q.max(-1) if rules is None else np.einsum("rxa,rxka->rxk", rules, q)
        return (v * first).sum((-1, -2))

    pure = np.stack([np.eye(A)[list(rule)] for rule in itertools.product(range(A), repeat=2)])
    own = float(earn(policy[None])[0])
    return ExactGap(float(earn(None)[0]) - own, max(float(earn(pure).max()) - own, 0.0), own)


def own_state(game: FiniteGame, policy: Array, num_agents: int) -> ExactGap:
    """Solve for a deviator who sees its own state among independent others, see the module."""
    law, n, A = exact.stationary_mean_field(game, policy), num_agents - 1, game.num_actions
    moves, earned = exact.kernel(game, 0, None), np.empty((game.num_states, A))
    for x, share in enumerate(law):
        chance = binomial(n, share)
        k = np.flatnonzero(chance > SMALL * 1e-6)
        fields = np.repeat((k[:, None] + 1) / num_agents, game.num_places, -1)
        a = np.broadcast_to(np.arange(A), (len(k), A))
        earned[x] = chance[k] @ game.reward(0, np.full(a.shape, x), a, fields)
    values = []
    for rule in (policy, None):
        v = np.zeros(game.num_states)
        for _ in range(math.ceil(math.log(SMALL) / math.log(game.discount))):
            q = earned + game.discount * (v[moves.next] * moves.prob).sum(-1)
            v = exact.state_values(game, q, rule)
        values.append(float(law @ v))
    return ExactGap(math.nan, max(values[1] - values[0], 0.0), values[0])


def binomial(n: int, p: float) -> Array:
    """Return the binomial law of n trials, (n + 1,)."""
    if p <= 0 or p >= 1:
        return np.eye(n + 1)[n if p >= 1 else 0]
    k = np.arange(n + 1)
    factorial = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, n + 1)))])
    ways = factorial[n] - factorial - factorial[::-1]
    return np.exp(ways + k * math.log(p) + (n - k) * math.log1p(-p))

"""Random mean-field games: a Garnet whose moves and rewards the crowd perturbs.

The same parameters give the same game on every machine.  Write ``u_c[i]`` for the i-th uniform
number in [0, 1) of class c: 53 bits of ``mfg_envs.numerics.random`` under the key folded from
``(seed, c)``, entries of an array counted with the last index fastest.  *Cutting* K - 1 uniform
numbers means sorting them and taking the K gaps between 0, the numbers and 1: a law, uniform on
the simplex.

0. Successors: the ``branching`` states y with the smallest ``u_0[x, a, y]``, smallest first.
1. Base law ``P(k | x, a)`` of the successors: cut ``u_1[x, a, :]``.
2. Coupling of moves, ``p = P + d sum_y m(y) D(. | y)`` with ``d = dynamics_strength``.  "additive":
   ``D(k | y) = Q(k | x, a, y) - P(k)`` with laws Q from cutting ``u_2[x, a, y, :]``.
   "multiplicative": ``D(k | y) = P(k) (C(k, y) - sum_j P(j) C(j, y))`` with ``C(k, y) = u_2[x, a,
   y, k]``.  Both give laws for every m, linear in m.
3. Base reward ``R(x, a) = u_3[x, a]``.
4. Interaction ``M``: with ``U = 2 u_4[x, y] - 1``, "potential" ``(U + U^T) / 2`` and "cyclic"
   ``(U - U^T) / 2``.  The reward is, with ``e = reward_strength``, "additive" ``(1 - e) R(x, a) + e
   (M m)(x)`` or "multiplicative" ``R(x, a) ((1 - e) + e (M m)(x))``.

After Archibald et al. (1995) and Magnino et al., "Bench-MFG" (arXiv 2602.12517).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, ClassVar

import numpy as np

from mfg_envs.game import (
    Array,
    Between,
    Count,
    FiniteGame,
    Layout,
    OneOf,
    Probability,
    at,
    check_range,
)
from mfg_envs.numerics import random

Structure = Annotated[str, OneOf("additive", "multiplicative")]
"""How the crowd comes in: added to what is without it, or by a factor."""
TABLE_LIMIT = 10**8
"""Most numbers in the table of the coupling, S * A * S * branching."""
MOST_DRAWN = 30
"""Most states of a game that can be drawn."""


@dataclass(frozen=True, kw_only=True)
class MFGarnet(FiniteGame):
    """A random game, drawn from ``seed`` as the module says.

    State: 0..S-1.  Action: 0..A-1.  Noise: which of the ``branching`` successors comes next; its
    law is perturbed by the mean field.  Reward: see above; "potential" games have a symmetric,
    "cyclic" games a skew-symmetric interaction matrix.  Players start anywhere.

    Attributes:
        num_states: Private states, S.
        num_actions: Actions, A.
        branching: Successors of every state and action, 1 to S.
        seed: Of the draw.
        dynamics_structure: How the mean field comes into the law of the noise.
        dynamics_strength: Influence of the mean field on moves.
        reward_structure: How it comes into the rewards.
        reward_strength: Influence of the mean field on rewards.
        interaction: Which players pay each other what: see above.
        discount: Weight of the next step; below 1 without a horizon.
        horizon: Steps, or None: no end.

    Raises:
        ValueError: If a parameter is out of its range, or the game does not fit into memory.
    """

    name: ClassVar[str] = "mf_garnet"
    solution: ClassVar[str] = (
        "None is known in advance: these games are for averages over many seeds."
    )

    num_states: Count = 20
    num_actions: Count = 4
    branching: int = 5
    seed: Annotated[int, Between(0)] = 0
    dynamics_structure: Structure = "additive"
    dynamics_strength: Probability = 0.5
    reward_structure: Structure = "additive"
    reward_strength: Probability = 0.5
    interaction: Annotated[str, OneOf("potential", "cyclic")] = "potential"
    discount: float = 0.9
    horizon: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        size = self.num_states
        check_range("branching", self.branching, 1, size, f"num_states = {size}")
        total = size**2 * self.num_actions * self.branching
        sizes = f"num_states = {size}, num_actions = {self.num_actions}"
        check_range("num_states^2 * num_actions * branching", total, 1, TABLE_LIMIT, sizes)

    @property
    def initial_law(self) -> Array:
        return np.full(self.num_states, 1 / self.num_states)

    @cached_property
    def successors(self) -> Array:
        """Where the outcomes of the noise lead, int (S, A, K)."""
        S, A = self.num_states, self.num_actions
        return np.argsort(self._draw(0, S, A, S), axis=-1, kind="stable")[..., : self.branching]

    @cached_property
    def base(self) -> Array:
        """Law of the outcomes without the crowd, (S, A, K)."""
        return _cut(self._draw(1, self.num_states, self.num_actions, self.branching - 1))

    @cached_property
    def shift(self) -> Array:
        """What the players in state y change in that law, (S, A, y, K); sums to zero over K."""
        S, A, K = self.num_states, self.num_actions, self.branching
        base = self.base[:, :, None]
        if self.dynamics_structure == "additive":
            return self.dynamics_strength * (_cut(self._draw(2, S, A, S, K - 1)) - base)
        coupling = self._draw(2, S, A, S, K)
        mean = np.zeros((S, A, S))
        for k in range(K):  # one after the other: NumPy's own sums may differ in the last bit
            mean = mean + base[..., k] * coupling[..., k]
        return self.dynamics_strength * base * (coupling - mean[..., None])

    @cached_property
    def payoff(self) -> Array:
        """Part of the reward without the crowd, (S, A)."""
        return (1 - self.reward_strength) * self._base_reward

    @cached_property
    def influence(self) -> Array:
        """What one unit of the interaction is worth, (S, A)."""
        whole = np.ones((self.num_states, self.num_actions))
        factor = whole if self.reward_structure == "additive" else self._base_reward
        return self.reward_strength * factor

    @cached_property
    def matrix(self) -> Array:
        """Interaction matrix M, (S, S)."""
        u = 2 * self._draw(4, self.num_states, self.num_states) - 1
        return (u + u.T) / 2 if self.interaction == "potential" else (u - u.T) / 2

    def noise_law(self, t, x, a, m):
        law, every = self.base[x, a], self.successors[x, a] * 0  # a zero for every outcome
        for y in range(self.num_states):
            law = law + self.shift[x, a, y] * at(m, every + y)
        return law

    def step(self, t, x, a, m, w):
        return self.successors[x, a, w]

    def reward(self, t, x, a, m):
        pull = 0.0
        for y in range(self.num_states):
            pull = pull + self.matrix[x, y] * at(m, x * 0 + y)
        return self.payoff[x, a] + self.influence[x, a] * pull

    def layout(self) -> Layout | None:
        if self.num_states > MOST_DRAWN:
            return None
        return Layout("few", "last action", np.arange(self.num_actions))

    @property
    def _base_reward(self) -> Array:
        return self._draw(3, self.num_states, self.num_actions)

    def _draw(self, number: int, *shape: int) -> Array:
        """Return the uniform numbers of a class."""
        key = random.subkey(random.seed_key(self.seed), number)
        return random.uniform(key, int(np.prod(shape))).reshape(shape)


def _cut(u: Array) -> Array:
    """Return the laws (*shape, K) that K - 1 uniform numbers (*shape, K - 1) cut [0, 1] into."""
    ends = np.zeros((*u.shape[:-1], 1))
    return np.diff(np.concatenate([ends, np.sort(u, -1), ends + 1], -1))

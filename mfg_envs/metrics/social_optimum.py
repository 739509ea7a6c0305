"""What a crowd earns together, and the game in which everybody is charged for what others lose.

The welfare of a policy is what an average player earns when all follow it.  With the joint law
rho_t of private state and action and the mean field m_t(p) it makes at every place p::

    W(rho)           = sum_t g^t sum_{x,a} rho_t(x, a) reward(t, x, a, m_t)
    dW/drho_t(x, a)  = g^t (reward(t, x, a, m_t) + charge_t(place(x)))
    charge_t(p)      = sum_{y,b} rho_t(y, b) d reward(t, y, b, m_t) / d m_t(p)

The charge is Pigou's: what one more player at p costs all others.  Where the moves do not depend on
the crowd, the laws rho make a convex set, a best response to the charged rewards is Frank-Wolfe's
direction, and the exploitability in the charged game is Frank-Wolfe's gap.  So if W is concave (as
where m r(m), what the crowd of a place earns in all, is), an equilibrium of the charged game is a
social optimum, learners of equilibria look for it, and for every policy ::

    W(policy)  <=  W(optimum)  <=  W(policy) + exploitability of policy in the charged game.

Derivatives are taken numerically, in steps of the mass that is there for rewards of players at p
(so that logarithms of small masses are right, too) and in steps of 1e-5 for those of others.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from mfg_envs import exact
from mfg_envs.exact import policies
from mfg_envs.game import Array, FiniteGame, at
from mfg_envs.game.reads import moves_are_fixed

STEP = 1e-5
"""Of the numerical derivatives: relative for a place's own players, else absolute."""
ENTRIES = 2_000_000
"""Rewards that are computed at once."""


def welfare(game: FiniteGame, policy: Any) -> float:
    """Return what an average player earns when everybody follows ``policy``.

    Stationary: discounted over an endless time in the stationary mean field; ``1 - discount`` of it
    is the mean reward of a step.
    """
    policy = policies.policy_table(game, policy)
    return exact.value(game, exact.law_met(game, policy), policy)


def travel_cost(game: Any, m: Array) -> float:
    """Return what a trip costs on average in a mean field (P, A) of static traffic assignment.

    It is the game's own ``travel_cost``.
    """
    return game.travel_cost(np.asarray(m, np.float64))


def price_of_anarchy(equilibrium: float, optimum: float) -> float:
    """Return how many times worse an equilibrium is than the social optimum, >= 1 if it is one.

    Args:
        equilibrium: Welfare, negative if it is a cost.
        optimum: The best welfare, of the same sign.

    Raises:
        ValueError: If they have different signs, or one is 0: no ratio says anything then.
    """
    if not equilibrium * optimum > 0:
        raise ValueError(
            f"a ratio needs two costs or two gains, got welfare {equilibrium:g} and {optimum:g}:"
            " compare their difference"
        )
    return equilibrium / optimum if optimum < 0 else optimum / equilibrium


def altruistic(game: FiniteGame) -> FiniteGame:
    """Return the game in which everybody is charged for what others lose by it.

    Its policies are those of the game; if the welfare is concave, its equilibrium is the social
    optimum.  Of a game that knows it by itself (static traffic assignment: the same network with
    marginal costs) it is ``game.altruistic()``.

    Raises:
        ValueError: If the game has no end, or the crowd changes the law of motion.
    """
    if (own := game.altruistic()) is not None:
        return own
    if game.horizon is None:
        raise ValueError(
            "players who discount do not maximise what a stationary crowd earns: give the game an"
            " end, dataclasses.replace(game, horizon=...)"
        )
    if not moves_are_fixed(game):
        raise ValueError(
            f"the moves of {game.name} depend on time or crowd: charges for rewards alone do not"
            " lead to the social optimum"
        )
    return Altruistic(game=game, horizon=game.horizon, discount=game.discount)


@dataclass(frozen=True, kw_only=True)
class Altruistic(FiniteGame):
    """A game with fixed moves whose players are charged for what others lose; see ``altruistic``.

    State, action and noise are those of the game; the mean field is the joint law of private state
    and action.  Reward: ``reward + charge``.

    Attributes:
        game: The game.
    """

    compiles: ClassVar[bool] = False
    mean_field_of_controls: ClassVar[bool] = True

    game: FiniteGame
    horizon: int | None
    discount: float

    @property
    def num_states(self) -> int:
        return self.game.num_states

    @property
    def num_actions(self) -> int:
        return self.game.num_actions

    @property
    def num_observations(self) -> int:
        return self.game.num_observations

    @property
    def num_places(self) -> int:
        return self.num_states

    @property
    def initial_law(self) -> Array:
        return self.game.initial_law

    def observe(self, x: Any) -> Any:
        return self.game.observe(x)

    def place(self, x: Any) -> Any:
        return x

    @cached_property
    def legal_actions(self) -> Array:
        return self.game.legal_actions

    def coordinates(self, x: Array) -> Array:
        return self.game.coordinates(x)

    def noise_law(self, t: Any, x: Any, a: Any, m: Any) -> Any:
        return self.game.noise_law(t, x, a, m)

    def step(self, t: Any, x: Any, a: Any, m: Any, w: Any) -> Any:
        return self.game.step(t, x, a, m, w)

    def reward(self, t: Any, x: Any, a: Any, m: Any) -> Any:
        m = np.asarray(m)
        met = self.game.crowd(m if self.game.mean_field_of_controls else m.sum(-1))
        place = self.game.places[x]
        index = (place, a) if self.game.mean_field_of_controls else (place,)
        return self.game.reward(t, x, a, met) + at(self.charges(t, m), *index)

    def charges(self, t: int, law: Array) -> Array:
        """Return what one more player costs the others, as a mean field.

        Args:
            t: Time.
            law: Joint laws of private states and actions, (*batch, S, A).

        Returns:
            (*batch, P), or (*batch, P, A) for a mean field of controls.
        """
        shape = self.game.mean_field_shape
        rows = [self._charges(t, one) for one in law.reshape(-1, *law.shape[-2:])]
        return np.stack(rows).reshape(*law.shape[:-2], *shape)

    def _charges(self, t: int, law: Array) -> Array:
        """Return the charges of all cells of the mean field in one joint law (S, A)."""
        game, controls = self.game, self.game.mean_field_of_controls
        x, a = np.indices((1, *law.shape))[1:]
        m = game.crowd(law if controls else law.sum(-1)).ravel()
        cell = game.places[x] * game.num_actions + a if controls else game.places[x]

        def rewards(shift: Array, cells: Array) -> Array:
            """Return rewards (C, S, A) after shifts (C,) of the mass of cells (C,)."""
            moved = np.tile(m, (len(cells), 1))
            moved[np.arange(len(cells)), cells] += shift
            r = game.reward(t, x, a, moved.reshape(-1, *game.mean_field_shape))
            return np.broadcast_to(r, (len(cells), *law.shape))

        out = np.empty(m.size)
        for cells in np.array_split(np.arange(m.size), -(-m.size * law.size // ENTRIES)):
            near, far = STEP * m[cells], np.full(len(cells), STEP)
            span = np.where(near > 0, 2 * near, 1)[:, None, None]
            own = (rewards(near, cells) - rewards(-near, cells)) / span
            still = rewards(0 * far, cells)
            others = (4 * rewards(far, cells) - 3 * still - rewards(2 * far, cells)) / (2 * STEP)
            slope = np.where(cell == cells[:, None, None], own, others)
            out[cells] = np.einsum("cxa,xa->c", slope, law)
        return out

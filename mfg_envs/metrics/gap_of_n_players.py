"""What one of N players gains by leaving a policy that all others follow: the N-player Nash gap.

    gap_N(policy) = max over deviations of V_N(deviation; others play policy) - V_N(policy; same)

A mean-field equilibrium is an eps_N-Nash equilibrium of the game of N players, eps_N = O(1/sqrt N)
(Huang, Caines, Malhame 2007; Cohen, Zell, arXiv 2404.11695; upper and lower bounds: Yardim,
Goldman, He, arXiv 2402.05757).  How fast the gap falls depends on what the deviator sees, and on
how strict the equilibrium is.  Let ``e = m_N - m`` be the fluctuation of the crowd, E|e| of order
1/sqrt N, and ``q(x, a; m)`` the value of an action.  A deviator who sees the crowd gains

* where the equilibrium *mixes* actions among which it is indifferent: ``max_a <dq/dm, e>`` above
  its mean over the policy, of order E|e| = **N^-1/2**;
* where actions are *continuous* and q is concave in them: the best action moves by a multiple of
  e, the gain is of order E|e|^2 = **1/N**;
* where the equilibrium is *strict* on finitely many actions: nothing until e exceeds a margin,
  which has probability **exp(-c N)**; with actions so close together that e spans many of them it
  falls as in the continuous case first.

A deviator who sees its own state alone can only use E e, which is of order 1/N (its own weight,
and curvature) where q is smooth: 1/N if the equilibrium mixes, 1/N^2 if actions are continuous,
and 0 from some N on if it is strict.  The value itself, V_N(policy) - V(policy), is off by 1/N
where rewards and moves are smooth, and by N^-1/2 where the equilibrium sits on a kink of theirs.

The gap here is the value of a policy that can be played.  It is chosen on the model, or on seeds
of its own, and played on fresh ones, so that there is no maximisation bias: its mean is a lower
bound of the gap of the class.  Deviator and policy play in populations with the same random
numbers.  Own noise cancels through the values v of the infinite population, which telescope::

    V_N = <mu_0, v_0> + E sum_t g^t [ r(t, x, a, m_N) + g E_w v_{t+1}(x') - v_t(x) ]

for *any* v, with ``x' = step(t, x, a, m_N, w)``; so what is sampled is of the
order of the fluctuations of the crowd.

Where a gain is rare, as among many players of a strict equilibrium, the interval is too narrow;
an error of 0 says that no episode saw a gain.

A stationary game starts from the policy's stationary mean field, and after ``num_steps`` players
are credited v: against the game that never ends this is off by at most ``4 g^num_steps max|r| /
(1 - g)``, in practice by ``g^num_steps`` of the gap (a thousandth by default).
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from mfg_envs.exact import riccati
from mfg_envs.game import Array, as_int, check_choice, check_range
from mfg_envs.game.kinds import is_game
from mfg_envs.metrics import finite_riccati
from mfg_envs.metrics.deviating_population import Population
from mfg_envs.metrics.deviations import CrowdResponse, OneOfMany, expect, own_state_response
from mfg_envs.metrics.finite_riccati import AffineInCrowd
from mfg_envs.numerics.estimates import interval, standard_error
from mfg_envs.simulate.acting import OnGrid, as_policy

TAIL = 1e-3
"""Weight at which a stationary game is cut off by default."""


class NashGap(NamedTuple):
    """What one of N players gains by leaving a policy.

    Attributes:
        gap: Mean gain; may be below 0 by chance.
        error: Its standard error; 0 in closed form.
        value: What the policy earns among N players.
        value_error: Its standard error.
        deviation: What the deviator plays: a ``CrowdResponse``, a policy (T, S, A) of its own
            state, or an ``AffineInCrowd``.
        num_episodes: Pairs of populations that were simulated; None in closed form.
    """

    gap: float
    error: float
    value: float
    value_error: float
    deviation: CrowdResponse | AffineInCrowd | Array
    num_episodes: int | None = None

    @property
    def interval(self) -> tuple[float, float]:
        """Confidence interval of the gap, 95 %; a point in closed form."""
        return interval(self.gap, self.error, self.num_episodes)

    @property
    def best_value(self) -> float:
        """What the deviation earns among N players."""
        return self.value + self.gap


def nash_gap(
    game: Any,
    policy: Any,
    num_agents: int,
    *,
    sees: str = "crowd",
    num_episodes: int = 200,
    num_steps: int | None = None,
    lookahead: int = 10,
    seed: int = 0,
) -> NashGap:
    """Estimate what one of N players gains by leaving ``policy`` when nobody else does.

    The default deviator sees everybody's state, as a Nash equilibrium of the game of N players
    asks for: nobody gains more by seeing less.  What it plays is close to the best answer, see
    ``mfg_envs.metrics.deviations``.

    Args:
        game: A finite game; a linear-quadratic one without bounds is solved in closed form.
        policy: (T, S, A), or (S, A) in a stationary game; for a continuous game a ``GridPolicy``
            (the game on its grid is played) or a ``riccati.Affine``.
        num_agents: Players N, at least 1.
        sees: "crowd" (its own state, the time and how many are where), or "state" (its own state
            and the time).
        num_episodes: Pairs of populations to simulate, at least 2.
        num_steps: Steps of a stationary game; default: until ``discount^t`` is a thousandth.
        lookahead: Steps for which a deviator who sees the crowd predicts it.  A longer one costs
            more and rarely gains less.
        seed: Whole number >= 0; population b has the seed ``seed + b``.

    Raises:
        ValueError: If an argument is out of its range or needs more memory than there is.
    """
    check_choice("sees", sees, ("crowd", "state"))
    num_agents = as_int("num_agents", num_agents)
    check_range("num_agents", num_agents, 1)
    check_range("num_episodes", as_int("num_episodes", num_episodes), 2)
    check_range("lookahead", as_int("lookahead", lookahead), 1)
    check_range("seed", as_int("seed", seed), 0)
    if isinstance(policy, riccati.Affine):
        if sees != "crowd":
            raise ValueError('the closed form needs sees="crowd": use discretise for "state"')
        solved = finite_riccati.answer(game, policy, num_agents)
        gap = solved.best_value - solved.value
        return NashGap(gap, 0.0, solved.value, 0.0, solved.deviation)
    if not (is_game(game, "finite") or is_game(game, "continuous")):
        raise ValueError(f"{type(game).__name__} is not a game of equal players")
    steps = num_steps_of(game, num_steps)
    if is_game(game, "finite"):
        expected = expect(game, policy)
    else:
        played = as_policy(game, policy)
        if not isinstance(played, OnGrid):
            wanted = "a GridPolicy of discretise(game) or a riccati.Affine"
            raise ValueError(
                f"{type(game).__name__} is continuous: give {wanted}, got {policy!r:.200}"
            )
        expected = expect(played.game, played.policy)
    population = Population(expected, num_agents, steps)
    if sees == "crowd":
        deviation = CrowdResponse(expected, num_agents, lookahead)
    else:  # chosen on seeds that are not played later
        crowds = population.crowds(seed + num_episodes, num_episodes)
        deviation = own_state_response(OneOfMany(expected, num_agents), crowds).policy
    own = population.surplus(seed, num_episodes, expected.rules, expected.own)
    gain = population.surplus(seed, num_episodes, deviation, expected.best) - own
    law, before, best = expected.law, expected.own[0], expected.best[0]
    own_error, error = (float(standard_error(v)) for v in (own, gain))
    gap, value = float(law @ (best - before) + gain.mean()), float(law @ before + own.mean())
    return NashGap(gap, error, value, own_error, deviation, num_episodes)


def num_steps_of(game: Any, num_steps: int | None) -> int:
    """Return the horizon, or after how many steps a stationary game is cut off."""
    if game.horizon is not None:
        if num_steps is not None:
            raise ValueError(f"num_steps is for stationary games, the horizon is {game.horizon}")
        return game.horizon
    if num_steps is None:
        return math.ceil(math.log(TAIL) / math.log(game.discount))
    check_range("num_steps", as_int("num_steps", num_steps), 1)
    return num_steps

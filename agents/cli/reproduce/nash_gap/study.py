"""How fast the finite-N Nash gap of mean-field equilibria falls: SIS, ring road, linear-quadratic.

``mfg_envs.metrics.gap_of_n_players`` says what theory promises: N^-1/2 where the equilibrium mixes
and the deviator sees the crowd, 1/N where actions are continuous, exp(-c N) where it is strict.

==========================  ===========================================================
game                        equilibrium
==========================  ===========================================================
SIS, five levels            closed form; the susceptible mix no contact and full contact
SIS, two actions            everybody goes out, strictly
ring road, 50 speeds        strict, but neighbouring speeds are nearly as good
ring road, 5 speeds         strict (10 cells)
linear-quadratic (LQ)       without bounds: Riccati; bounded: strict, on a grid
==========================  ===========================================================
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from mfg_envs import exact, make_game
from mfg_envs.exact import riccati
from mfg_envs.exact.discretise import GridPolicy, discretise
from mfg_envs.game import Array, FiniteGame
from mfg_envs.metrics.gap_of_n_players import nash_gap

from ....runs.running import run
from ....solvers.fixed_point_iteration import FixedPointIteration
from ..kept_numbers import KeptNumbers
from ..power_law import Slope, fit
from .exact import ExactGap, own_state, two_states

NUM_AGENTS = (10, 30, 100, 300, 1000, 3000, 10_000)
EXACT_UP_TO = 1000
"""Players for which the lattice of a game with two states is solved."""
PROMISED = (-0.5, 0.1)
"""Slope that was expected of every game, and how far from it is as expected."""


class Curve(NamedTuple):
    """A quantity against the number of players.

    Attributes:
        panel: Group of curves that belong together.
        game: Which equilibrium of which game.
        kind: "crowd" or "own state": the gap of a deviator who sees that; "value": how far what
            the equilibrium earns is from the mean-field value.
        num_agents: Players N, (K,).
        size: The gap, or the error of the value, (K,).
        error: Its standard error, (K,); 0: exact.
        num_episodes: Of which each point is a mean, (K,); None: exact.
    """

    panel: str
    game: str
    kind: str
    num_agents: Array
    size: Array
    error: Array
    num_episodes: Array | None = None

    @property
    def exact(self) -> bool:
        """Whether nothing was sampled."""
        return not self.error.any()


def seen(curve: Curve) -> Array:
    """Return which points stand out from their noise, bool (K,)."""
    return (curve.size > 2 * curve.error) & (curve.size > 0)


def slope(curve: Curve, low: float = 0, high: float = math.inf) -> Slope | None:
    """Fit a power of N to the points from ``low`` to ``high`` that stand out from their noise.

    Weighted least squares of the logarithms; exact points weigh the same.  None: fewer than two.
    """
    chosen = seen(curve) & (curve.num_agents >= low) & (curve.num_agents <= high)
    if chosen.sum() < 2:
        return None
    relative = curve.error[chosen] / curve.size[chosen]
    weight = np.ones(len(relative)) if curve.exact else relative**-2
    return fit(curve.num_agents[chosen], curve.size[chosen], relative, weight)


class Case(NamedTuple):
    """A gap to simulate, of a deviator who sees the crowd.

    Attributes:
        panel: Of the curve.
        game: Of the curve.
        solve: Gives the game and its equilibrium.
        most_agents: Largest N.
        players: Players to simulate for one N, at most.
        episodes: Episodes for one N, at most.
        lookahead: Of the deviator.
    """

    panel: str
    game: str
    solve: Callable[[], tuple[Any, Any]]
    most_agents: int
    players: int
    episodes: int
    lookahead: int


def study(quick: bool, progress: Callable[[str], Any], kept: KeptNumbers) -> list[Curve]:
    """Return every curve; the quick form stops at 100 players.

    Args:
        quick: Whether few players will do.
        progress: Is told what is at hand.
        kept: What an earlier call has found, and where more is kept.
    """
    most = 100 if quick else NUM_AGENTS[-1]
    curves = []
    for case in CASES:
        progress(f"{case.game}: simulating")
        curves.append(_simulated(case, most, quick, kept))
    for panel, name, solve, answer, limit in EXACT:
        progress(f"{name}: exactly")
        curves += _exact(panel, name, solve, answer, min(limit, most), kept)
    return curves


def _simulated(case: Case, most: int, quick: bool, kept: KeptNumbers) -> Curve:
    solved = functools.cache(case.solve)  # not if everything is known

    def gap(n: int, episodes: int) -> tuple[float, float]:
        found = nash_gap(*solved(), n, num_episodes=episodes, lookahead=case.lookahead)
        return found.gap, found.error

    numbers = [n for n in NUM_AGENTS if n <= min(case.most_agents, most)]
    most_episodes = [min(case.episodes, max(100, case.players // n)) for n in numbers]
    num_episodes = [20] * len(numbers) if quick else most_episodes
    gaps = []
    for n, episodes in zip(numbers, num_episodes, strict=True):
        name = f"{case.game}: {n} players, {episodes} episodes, lookahead {case.lookahead}"
        gaps.append(kept.row(name, functools.partial(gap, n, episodes)))
    sizes, errors = (np.array([gap[i] for gap in gaps]) for i in range(2))
    drawn = np.array(numbers), sizes, errors, np.array(num_episodes)
    return Curve(case.panel, case.game, "crowd", *drawn)


def _exact(
    panel: str,
    name: str,
    solve: Callable[[], tuple[Any, Any]],
    answer: Callable[..., ExactGap],
    most: int,
    kept: KeptNumbers,
) -> list[Curve]:
    """Return the curves of a game that need no sampling."""
    solved = functools.cache(solve)
    numbers = np.array([n for n in NUM_AGENTS if n <= most])
    gaps = [
        ExactGap(*kept.row(f"{name}: {n} players, exact", lambda n=int(n): answer(*solved(), n)))
        for n in numbers
    ]
    (limit,) = kept.row(f"{name}: infinitely many, exact", lambda: [_limit(*solved())])
    sizes = {
        "crowd": np.array([gap.crowd for gap in gaps]),
        "own state": np.array([gap.state for gap in gaps]),
        "value": np.abs([gap.value - limit for gap in gaps]),
    }
    return [
        Curve("value" if kind == "value" else panel, name, kind, numbers, size, np.zeros(len(size)))
        for kind, size in sizes.items()
        if not np.isnan(size).any()
    ]


def _limit(game: Any, policy: Any) -> float:
    """Return what one of infinitely many players earns."""
    if isinstance(policy, riccati.Affine):
        return riccati.value(game, riccati.flow(game, policy))
    return exact.value(game, exact.law_met(game, policy), policy)


def closed_form(game: Any, policy: riccati.Affine, num_agents: int) -> ExactGap:
    """Solve the N-player game of a linear-quadratic game without bounds."""
    solved = nash_gap(game, policy, num_agents)
    return ExactGap(solved.gap, math.nan, solved.value)


def five_levels() -> tuple[FiniteGame, Array]:
    """Return SIS and its equilibrium, in closed form."""
    game = make_game("sis")
    ill = 1 / (game.discount * game.infection * 9 / (1 - game.discount * (1 - game.recovery)))
    contact = game.recovery / (game.infection * (1 - ill))
    return game, np.array([[1 - contact, 0, 0, 0, contact], [0, 0, 0, 0, 1]])


def two_actions() -> tuple[FiniteGame, Array]:
    """Return the other setting of SIS, and its equilibrium: everybody goes out."""
    return make_game("sis", setting="two_actions"), np.array([[1.0, 0.0], [1.0, 0.0]])


def ring() -> tuple[FiniteGame, Array]:
    """Return the ring road and its equilibrium."""
    return _solved(make_game("ring_road"), 600, 2.0, 1.0)


def coarse_ring() -> tuple[FiniteGame, Array]:
    """Return a ring road of few cells and speeds and its equilibrium."""
    return _solved(make_game("ring_road", num_cells=10, num_speeds=5), 600, 2.0, 1.0)


def free_lq() -> tuple[Any, riccati.Affine]:
    """Return the linear-quadratic game without bounds and its equilibrium."""
    game = make_game("linear_quadratic", bound=None, action_bound=None)
    return game, riccati.equilibrium(game)


def bounded_lq() -> tuple[Any, GridPolicy]:
    """Return the linear-quadratic game, and its equilibrium on a grid."""
    game = make_game("linear_quadratic")
    grid = discretise(game, num_states=41, num_actions=9, num_noise=5)
    return game, GridPolicy(grid, _solved(grid, 60, 1.0, 0.0)[1])


def _solved(game: Any, iterations: int, step: float, decay: float) -> tuple[Any, Array]:
    learner = FixedPointIteration(iterations=iterations, step=step, decay=decay)
    return game, run(learner, game, every=iterations, progress=False).last.policy


CASES = (
    Case("SIS", "SIS, five levels", five_levels, 10_000, 4_000_000, 2000, 10),
    Case("SIS", "SIS, two actions", two_actions, 1000, 2_000_000, 2000, 10),
    Case("ring road", "ring road, 50 speeds", ring, 10_000, 1_000_000, 400, 4),
    Case("ring road", "ring road, 5 speeds", coarse_ring, 1000, 500_000, 1000, 4),
    Case("linear-quadratic", "LQ, bounded", bounded_lq, 300, 300_000, 2000, 4),
)
EXACT = (
    ("SIS", "SIS, five levels", five_levels, two_states, EXACT_UP_TO),
    ("SIS", "SIS, two actions", two_actions, two_states, EXACT_UP_TO),
    ("ring road", "ring road, 50 speeds", ring, own_state, NUM_AGENTS[-1]),
    ("ring road", "ring road, 5 speeds", coarse_ring, own_state, NUM_AGENTS[-1]),
    ("linear-quadratic", "LQ, without bounds", free_lq, closed_form, NUM_AGENTS[-1]),
)
"""Panel, game, equilibrium, how it is solved, and for how many players at most."""

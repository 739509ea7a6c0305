"""Frank-Wolfe on traffic assignment: the user equilibrium of a road network, to any accuracy.

The equilibrium minimises Beckmann's convex objective, the sum over links of the integral of the
cost from no volume to the volume v.  Its gradient is the cost itself, so the best response of a
mean-field game, everybody on a cheapest way in the present costs, is Frank-Wolfe's direction.

Mitradjieva, Lindberg, "The Stiff Is Moving" (Transportation Science 47, 2013): the direction is
mixed with the last target so that both are conjugate, and the step minimises the objective.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mfg_envs import exact
from mfg_envs.game import Array, Count
from mfg_envs.games.roads.routing_cycle import TrafficAssignment
from mfg_envs.numerics.memory import check_memory

from ..runs.iterate import Iterate
from .exact_solver import ExactSolver

BYTES = 80
"""Of memory for every state and action: targets, values and what they are computed from."""
MOST_LAST = 0.99
"""Most of the last target in a new one."""


@dataclass(frozen=True, kw_only=True)
class FrankWolfe(ExactSolver):
    """Conjugate Frank-Wolfe for ``make_game("routing_cycle", cost="bpr", ...)``.

    Attributes:
        iterations: Best responses to compute.
    """

    learns: ClassVar[tuple[type, ...]] = (TrafficAssignment,)
    iterations: Count = 100

    def prepare(self, source: TrafficAssignment, seed: int) -> TrafficAssignment:
        """Return the game.

        Raises:
            TypeError: If the game is another one.
            ValueError: If its tables need more memory than is free.
        """
        game = source
        if not isinstance(game, TrafficAssignment):
            raise TypeError(f'FrankWolfe needs "routing_cycle" with cost="bpr", got {game!r}')
        pairs = game.num_states * game.num_actions
        check_memory(pairs, BYTES, f"{game.road.name}: num_states * num_actions")
        return game

    def begin(self, game: TrafficAssignment) -> Iterate:
        """Return empty roads: everybody is at home."""
        visits = np.zeros((game.num_states, game.num_actions))
        visits[game.cycle.home, 0] = game.stay
        memory = {"visits": visits, "target": visits}
        first = np.eye(game.num_actions)[game.legal_actions.argmax(-1)]
        return Iterate(0, 0, first, mean_field(game, visits), np.zeros(visits.shape), memory)

    def improve(self, game: TrafficAssignment, last: Iterate) -> Iterate:
        """Return what is driven after one more best response, the first one to empty roads.

        The iterate's ``q`` are the values until arrival to which the best response was taken.
        """
        k, visits, target = last.iteration + 1, last.memory["visits"], last.memory["target"]
        q, choice = cheapest_ways(game, mean_field(game, visits))
        best = visits_of(game, choice)
        target = best if k == 1 else _conjugate(game, visits, target, best)
        step = 1.0 if k == 1 else _best_step(game, visits, target)
        visits = visits + step * (target - visits)
        times = visits.sum(-1, keepdims=True)
        pure = np.eye(game.num_actions)[choice]
        policy = np.where(times > 0, visits / np.where(times > 0, times, 1), pure)
        memory = {"visits": visits, "target": target}
        return Iterate(k, 0, policy, mean_field(game, visits), q, memory)


def beckmann(game: TrafficAssignment, m: Array) -> float:
    """Return Beckmann's objective in a mean field (P, A): least in equilibrium."""
    v = game.volumes(m)
    return float(game.fixed_cost @ v + game.road.jam_area(v).sum())


def relative_gap(game: TrafficAssignment, m: Array) -> float:
    """Return the share of all costs that travellers would save on cheapest ways at these costs.

    It is 0 where nobody pays anything.
    """
    v, ways = game.volumes(m), game.ways
    paid = (game.fixed_cost + game.road.jam(v)) @ v
    if paid == 0:
        return 0.0
    values = cheapest_ways(game, m)[0].max(-1, where=game.legal_actions, initial=-np.inf)
    return float(1 + game.total * (ways.share @ values[game.cycle.start]) / paid)


def cheapest_ways(game: TrafficAssignment, m: Array) -> tuple[Array, Array]:
    """Return values until arrival in a mean field (S, A), and an action on a cheapest way (S,).

    A value is minus the cost of the rest of the trip; there is none at home and in forks.
    """
    trip = game.chance == 0
    r = exact.rewards(game, 0, m)
    v, choice = np.where(trip, -np.inf, 0.0), game.legal_actions.argmax(-1)
    every = np.arange(game.num_states)
    while True:
        q = np.where(trip[:, None], r + v[game.after], 0.0)
        first = np.where(game.legal_actions, q, -np.inf).argmax(-1)
        better = trip & (q[every, first] > v)
        if not better.any():
            return q, choice
        v = np.where(better, q[every, first], v)
        choice = np.where(better, first, choice)  # gains only: links that cost 0 make no circle


def visits_of(game: TrafficAssignment, choice: Array) -> Array:
    """Return how often, between two arrivals, a traveller takes every action, (S, A).

    Args:
        game: The game.
        choice: What everybody does in every state, (S,); it must lead home.
    """
    every, S, home = np.arange(game.num_states), game.num_states, game.cycle.home
    after, times = game.after[every, choice], np.zeros(S)
    now = np.eye(1, S, game.other[home])[0]
    while now.any():
        times += now
        aside = now * game.chance
        now = np.bincount(after, now - aside, S) + np.bincount(game.other, aside, S)
        now[home] = 0
    times[home] = game.stay
    visits = np.zeros((S, game.num_actions))
    visits[every, choice] = times
    return visits


def mean_field(game: TrafficAssignment, visits: Array) -> Array:
    """Return the stationary mean field of travellers who act so often, (P, A)."""
    return game.crowd(visits / visits.sum())


def _volumes(game: TrafficAssignment, visits: Array) -> Array:
    return game.volumes(mean_field(game, visits))


def _conjugate(game: TrafficAssignment, visits: Array, last: Array, best: Array) -> Array:
    """Return the mix of two targets whose direction is conjugate to that of the last."""
    v = _volumes(game, visits)
    old, new = _volumes(game, last) - v, _volumes(game, best) - v
    curved = game.road.jam_slope(v) * old
    above, below = curved @ new, curved @ (new - old)
    share = min(max(above / below, 0.0), MOST_LAST) if below != 0 else 0.0
    return share * last + (1 - share) * best


def _best_step(game: TrafficAssignment, visits: Array, target: Array) -> float:
    """Return the step in [0, 1] that minimises Beckmann's objective, by bisection."""
    v, w = _volumes(game, visits), _volumes(game, target)
    low, high = 0.0, 1.0
    for _ in range(50):
        middle = 0.5 * (low + high)
        here = v + middle * (w - v)
        if (w - v) @ (game.fixed_cost + game.road.jam(here)) > 0:
            high = middle
        else:
            low = middle
    return 0.5 * (low + high)

"""The benchmark's rows of the exact solvers: passes, mirror descent, exploitability."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np

from mfg_envs import exact
from mfg_envs.exact import passes
from mfg_envs.game import Array, FiniteGame
from mfg_envs.game.horizons import decisions
from mfg_envs.games.four_rooms_grid import TorusGrid
from mfg_envs.games.ring_road import RingRoad

from ...solvers.online_mirror_descent import OnlineMirrorDescent
from . import ring_rivals
from .exact_rivals import NumpyRoad, NumpySolver, NumpyTorus

SIZES = ((100, 100, 0.6), (2000, 20, 0.8), (40_000, 5, 1.4))
"""States and steps of the exact passes, and what a number may cost."""
ROADS, SIDE = ((100, 100), (500, 50), (2000, 50)), 200
"""States and steps of the roads that are solved; rows and columns of the grid."""
ENDLESS, RATE = 10**9, 0.1


@dataclass(frozen=True, kw_only=True)
class FreeRoad(RingRoad):
    """A ring road whose rewards cost nothing to evaluate: what is left is the pass itself."""

    @cached_property
    def nothing(self) -> float:
        """The reward of everything."""
        return 0.0

    def reward(self, t: Any, x: Any, a: Any, m: Any) -> Any:
        return self.nothing


def exact_rows(row: Callable[..., Any]) -> dict[str, Callable[[], Any]]:
    """Return the rows; ``row`` makes one from work, target, units, ours and rival."""
    out: dict[str, Callable[[], Any]] = {}
    for S, T, target in SIZES:
        for name, make in (
            *(("flow", _flow), ("forward", _forward)),
            *(("values", _values), ("backward", _backward)),
        ):
            out[f"{name}-{S}"] = partial(make, row, S, T, target)
    for S, T in ROADS:
        out[f"omd-{S}"] = partial(_road, row, _descent, S, T, 3.0)
        out[f"exploitability-{S}"] = partial(_road, row, _exploitability, S, T, 3.0)
    out["omd-grid"] = partial(_grid, row, _descent, 6.0)
    out["exploitability-grid"] = partial(_grid, row, _exploitability, 8.0)
    return out


def _exact(S: int, T: int, road: type[RingRoad] = RingRoad) -> tuple[RingRoad, Array, Array]:
    """Return a game, a policy whose states are innermost in memory, and its flow."""
    game = road(num_cells=S, num_speeds=10, horizon=T)
    policy = _random_policy(game)
    return game, policy, exact.flow(game, policy)


def _random_policy(game: FiniteGame) -> Array:
    shape = (decisions(game), game.num_actions, game.num_states)
    weights = np.random.default_rng(0).standard_exponential(shape)
    return (weights / weights.sum(1, keepdims=True)).swapaxes(1, 2)


def _flow(row: Callable[..., Any], S: int, T: int, target: float) -> Any:
    game, policy, _ = _exact(S, T)
    ours, rival = partial(exact.flow, game, policy), partial(ring_rivals.forward, game, policy)
    return row(f"(s, a, t), S = {S}, exact.flow", target, policy.size, ours, rival)


def _forward(row: Callable[..., Any], S: int, T: int, target: float) -> Any:
    game, policy, _ = _exact(S, T)
    ours, rival = partial(passes.forward, game, policy), partial(ring_rivals.forward, game, policy)
    return row(f"(s, a, t), S = {S}, forward pass alone", target, policy.size, ours, rival)


def _values(row: Callable[..., Any], S: int, T: int, target: float) -> Any:
    game, policy, flow = _exact(S, T)
    ours = partial(exact.action_values, game, flow)
    rival = partial(ring_rivals.backward, game, flow, True)
    return row(f"(s, a, t), S = {S}, exact.action_values", target, policy.size, ours, rival)


def _backward(row: Callable[..., Any], S: int, T: int, target: float) -> Any:
    game, policy, flow = _exact(S, T, FreeRoad)
    ours = partial(passes.backward, game, flow, None)
    rival = partial(ring_rivals.backward, game, flow, False)
    work = f"(s, a, t), S = {S}, backward pass alone, no rewards"
    return row(work, target, policy.size, ours, rival)


def _road(row: Callable[..., Any], make: Callable[..., Any], S: int, T: int, target: float) -> Any:
    game = RingRoad(num_cells=S, num_speeds=10, horizon=T)
    return make(row, game, NumpyRoad(game), f"S = {S}", target)


def _grid(row: Callable[..., Any], make: Callable[..., Any], target: float) -> Any:
    game = TorusGrid(plan=(" " * SIDE,) * SIDE, horizon=50)
    return make(row, game, NumpyTorus(game), f"grid of {SIDE} x {SIDE}, A = 5", target)


def _descent(
    row: Callable[..., Any], game: FiniteGame, rival: NumpySolver, size: str, target: float
) -> Any:
    iterates = OnlineMirrorDescent(iterations=ENDLESS, rate=RATE).learn(game)
    work, units = f"(s, a, t), {size}, iteration of mirror descent", rival.policy.size
    return row(work, target, units, lambda: next(iterates), lambda: rival.descend(RATE))


def _exploitability(
    row: Callable[..., Any], game: FiniteGame, rival: NumpySolver, size: str, target: float
) -> Any:
    policy = _random_policy(game)
    ours = partial(exact.exploitability, game, policy)
    theirs = partial(rival.exploitability, policy.swapaxes(1, 2))
    return row(f"(s, a, t), {size}, exploitability", target, policy.size, ours, theirs)

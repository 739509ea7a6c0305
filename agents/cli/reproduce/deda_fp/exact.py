"""What deep fictitious play is compared with: the same games on a grid, without any learning."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from mfg_envs import exact
from mfg_envs.exact import policies
from mfg_envs.exact.discretise import discretise
from mfg_envs.game import Array, ContinuousGame
from mfg_envs.game.histograms import shares
from mfg_envs.metrics.distances import wasserstein_line

from ....solvers.fixed_point_iteration import FixedPointIteration
from ....solvers.online_mirror_descent import OnlineMirrorDescent

NARROWEST = math.exp(-5)
"""Least standard deviation of an average policy, of actions scaled to [-1, 1]."""


class Equilibrium(NamedTuple):
    """An equilibrium on a grid.

    Attributes:
        points: Of the grid, (S,).
        flow: Laws of the players, (T, S).
        exploitability: What is left of it on the grid.
    """

    points: Array
    flow: Array
    exploitability: float


def equilibrium(game: ContinuousGame) -> Equilibrium:
    """Return the equilibrium of a game on the line, on a grid.

    A game that couples players by their mean is solved by iterated best responses; one with a
    density, where these run in circles, by mirror descent.
    """
    dense = game.mean_field_kind == "density"
    sizes = (101, 31) if dense else (401, 41)
    grid = discretise(game, num_states=sizes[0], num_actions=sizes[1], num_noise=20)
    mirror = OnlineMirrorDescent(iterations=300, rate=0.2)
    *_, last = (mirror if dense else FixedPointIteration(iterations=6)).learn(grid)
    flow = exact.flow(grid, last.policy)
    return Equilibrium(grid.states[0], flow, exact.exploitability(grid, last.policy))


def distance(found: Equilibrium, states: Array) -> Array:
    """Return W1 between the equilibrium and the law of players (T, M), at every time (T,)."""
    points = found.points
    nearest = np.searchsorted((points[1:] + points[:-1]) / 2, states)
    return wasserstein_line(shares(nearest, points.size), found.flow, points)


def fictitious_play(game: ContinuousGame, iterations: int, *, gaussian: bool) -> Array:
    """Return the exploitability of fictitious play with exact responses, (iterations,).

    As in the deep algorithms the uniform policy, which the first response meets, is not averaged.

    Args:
        game: A game on the line.
        iterations: Responses.
        gaussian: Whether the average policy is a normal law in every state and time, with the
            mean and the standard deviation of the average of the responses.
    """
    grid = discretise(game, num_states=101, num_actions=31, num_noise=20)
    actions = np.linspace(-1, 1, grid.num_actions)
    flow = exact.flow(grid, policies.uniform(grid))
    done, out = np.zeros((len(flow), grid.num_states, grid.num_actions)), []
    for _ in range(iterations):
        response = policies.greedy(exact.action_values(grid, flow), grid.legal_actions)
        done += exact.flow(grid, response)[:, :, None] * response
        visits = done.sum(-1, keepdims=True)
        seen = visits > 1e-12  # elsewhere the average is the last response
        policy = np.where(seen, done / np.where(seen, visits, 1), response)
        policy = _normal(policy, actions) if gaussian else policy
        flow = exact.flow(grid, policy)
        out.append(exact.exploitability(grid, policy))
    return np.array(out)


def _normal(policy: Array, actions: Array) -> Array:
    """Return normal laws with the means and standard deviations of rules (T, S, A)."""
    mean = policy @ actions
    std = np.sqrt(np.maximum(policy @ actions**2 - mean**2, NARROWEST**2))
    edges = (actions[1:] + actions[:-1]) / 2
    z = (edges - mean[..., None]) / (std[..., None] * math.sqrt(2))
    below = 0.5 + 0.5 * np.asarray(np.frompyfunc(math.erf, 1, 1)(z), np.float64)
    ends = np.zeros((*mean.shape, 1))
    return np.diff(np.concatenate([ends, below, ends + 1], -1), axis=-1)

"""Every game of the registry keeps the contract, and its players do what the exact solvers say."""

from __future__ import annotations

import dataclasses
import importlib
import inspect

import numpy as np
import pytest

from mfg_envs import GAMES, BatchEnv, check_env, check_game, exact, make_game
from mfg_envs.game.reads import moves_are_fixed
from mfg_envs.registry import any_class
from mfg_envs.testing import finite

BACK_END = None  # every test picks its own

SMALL = {"num_states": 5, "num_actions": 2, "branching": 3}
SETTINGS = {
    "crowd_modelling": [{"geometry": "torus", "noise": 0.5}, {"with_congestion": True}],
    "flocking": [{"dynamics": "position", "num_cells": 8, "num_speeds": 4}],
    "four_rooms_grid": [{"layout": "11x11"}, {"layout": "maze"}, {"layout": "torus", "noise": 0.1}],
    "mf_garnet": [
        {"dynamics_structure": "multiplicative", "interaction": "cyclic", **SMALL},
        {"reward_structure": "multiplicative", "dynamics_strength": 1.0, **SMALL},
    ],
    "no_interaction_chain": [{"goal": "forward"}],
    "predator_prey": [{"num_populations": 4, "num_cells": 3}],
    "ring_road": [{"reward": r} for r in ("additive", "lwr", "separable", "non_separable")],
    "routing": [{"dt": 0.125, "horizon": 40, "departures": 3}],  # no time is just between steps
    "routing_cycle": [{"network": "braess", "trips": ((1, 4, 2), (2, 3, 1), (1, 3, 1)), "stay": 2}],
    "sis": [{"setting": "two_actions"}],
}
"""Other settings than the default one; a game of its own name is tried in any case."""
CASES = {
    " ".join([name, *map(str, parameters.values())])[:40]: (name, parameters)
    for name in GAMES
    for parameters in ({}, *SETTINGS.get(name, []))
}
STEPS, MANY = 6, 100_000
CERTAIN = ("left_right", "routing", "routing_cycle")
"""Games in which the first steps of given actions leave nothing to chance, with some settings."""


COMPILED = {*list(CASES)[::6], "routing"}
"""Cases that the fast tests play compiled: every sixth one, and one with many steps.

The others they play by NumPy, and only see that the compiled methods are the same; that the
compiled loops around them are, the toys show.
"""


@pytest.fixture(
    params=[
        pytest.param((c, b), id=f"{c}-{b}", marks=() if fast else pytest.mark.slow)
        for c in CASES
        for b, fast in (("numpy", c not in COMPILED), ("numba", c in COMPILED))
    ]
)
def game(request, use):
    case, backend = request.param
    if backend == "numba":
        pytest.importorskip("numba")
    use(backend)
    name, parameters = CASES[case]
    return make_game(name, **parameters)


@pytest.fixture
def short(game):
    """Return the game with a few steps, so that stationary ones have a flow too."""
    if game.name == "routing":  # it refuses a horizon in which nobody arrives
        return game
    return dataclasses.replace(game, horizon=min(game.horizon or STEPS, STEPS))


def test_the_game_keeps_its_contract(game):
    check_game(game)


@pytest.mark.parametrize("case", CASES)
def test_the_compiled_methods_of_the_game_are_those_of_numpy(case, use):
    pytest.importorskip("numba")
    use("numba")
    name, parameters = CASES[case]
    subject = finite.FiniteSubject(make_game(name, **parameters))
    finite.back_ends(subject, np.random.default_rng(0))


def test_the_environment_of_the_game_keeps_its_contract(game):
    module = importlib.import_module(f"mfg_envs.{game.name}_v0")
    env = module.parallel_env(4, game=game, max_cycles=20)
    assert env.metadata["name"] == f"{game.name}_v0"
    check_env(env, num_steps=5, random=game.name not in CERTAIN)


@pytest.mark.parametrize("name", GAMES)
def test_the_game_is_documented_under_its_name(name):
    cls = any_class(name)
    assert cls.name == name
    pages = [inspect.getdoc(c) or "" for c in cls.__mro__ if dataclasses.is_dataclass(c)]
    page = "\n".join(pages)
    assert all(f"{word}" in page for word in ("State", "Action", "Reward:", "Attributes:"))
    for field in dataclasses.fields(cls):
        assert f"    {field.name}: " in page, field.name
    for choices in cls.variants().values():
        assert cls in choices.values()


def spread(game, policy):
    """Yield the law met and, times N^0.5, the standard deviation of N players' mean field.

    Where the moves do not read the mean field the players are independent: a binomial law.  Else
    the error of the histogram is, to first order, the error before carried on by the derivative
    of the flow, plus the noise of independent moves.
    """
    S, h = game.num_states, 1e-4
    law = np.asarray(game.initial_law, float)
    error = np.diag(law) - np.outer(law, law)
    count = np.zeros((game.num_places, S))
    count[game.places, np.arange(S)] = 1
    for t in range(game.horizon):
        variance = ((count @ error) * count).sum(1)
        if moves_are_fixed(game):
            variance = count @ law * (1 - count @ law)
        yield law, np.sqrt(np.maximum(variance, 0))
        rule, after = policy[t], exact.push_forward(game, t, law, policy[t])
        if not moves_are_fixed(game):
            moves = exact.kernel(game, t, game.crowd(law))
            p = np.zeros((S, S))
            rows = np.broadcast_to(np.arange(S)[:, None, None], moves.next.shape)
            np.add.at(p, (rows, moves.next), moves.prob * rule[..., None])
            nudged = [exact.push_forward(game, t, (1 - h) * law + h * e, rule) for e in np.eye(S)]
            slope = (np.array(nudged) - after) / h
            error = slope.T @ error @ slope + np.diag(after) - (p * law[:, None]).T @ p
        law = after


def test_many_players_follow_the_exact_flow(short, random_policy):
    policy = random_policy(short, 1)
    env = BatchEnv(short, 1, MANY, 2)
    env.reset()
    sampled = env.rollout(policy, short.horizon).mean_field[:, 0]
    flow = exact.flow(short, policy)
    for t, (law, deviation) in enumerate(spread(short, policy)):
        assert np.allclose(flow[t], law, rtol=0, atol=1e-12)
        bound = 5 * deviation + 5 / np.sqrt(MANY)
        assert (abs(sampled[t] - short.crowd(law)) * np.sqrt(MANY) <= bound).all()


def returns(game, policy, num_envs, num_agents, mode):
    """Return the mean return of the players of every population, (num_envs,)."""
    env = BatchEnv(game, num_envs, num_agents, 4, mode=mode)
    if mode == "mean_field":
        env.set_population_policy(policy)
    env.reset()
    return game.discount ** np.arange(game.horizon) @ env.rollout(policy, game.horizon).reward


def test_the_mean_return_of_representatives_is_the_exact_value(short, random_policy):
    policy = random_policy(short, 3)
    earned = returns(short, policy, 200, 500, "mean_field")
    value = exact.value(short, exact.flow(short, policy), policy)
    assert earned.std() > 0
    assert abs(earned.mean() - value) < 4 * earned.std(ddof=1) / np.sqrt(len(earned))


def test_the_mean_return_of_many_players_is_the_exact_value(short, random_policy):
    policy = random_policy(short, 3)
    # A player is a part of the crowd it meets: returns are c / N off.  Twice the return of N
    # players less that of N / 2 is not.
    many, half = (returns(short, policy, 16, n, "n_agent") for n in (20_000, 10_000))
    value = exact.value(short, exact.flow(short, policy), policy)
    error = np.sqrt((4 * many.var(ddof=1) + half.var(ddof=1)) / len(many))
    assert error > 0
    assert abs(2 * many.mean() - half.mean() - value) < 4 * error

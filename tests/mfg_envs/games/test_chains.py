"""Chains: moves, slips and walls by hand; equilibria where they are known."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from agents import FixedPointIteration
from mfg_envs import exact, make_game, policies

LEFT, STAY, RIGHT = np.eye(3)


def law(game, x, a):
    """Return the law of the next cell, (S,)."""
    moves = exact.kernel(game, 0, None)
    return np.bincount(moves.next[x, a], moves.prob[x, a], minlength=game.num_states)


@pytest.mark.parametrize("name", ["lasry_lions_chain", "two_bar_coordination"])
def test_a_slip_follows_the_move_and_the_ends_hold(name):
    game = make_game(name)
    assert law(game, 3, 0) == pytest.approx([0, 0.025, 0.95, 0.025, 0, 0, 0])
    assert law(game, 3, 1) == pytest.approx([0, 0, 0.025, 0.95, 0.025, 0, 0])
    assert law(game, 0, 0) == pytest.approx([1, 0, 0, 0, 0, 0, 0])  # -1 + 1 is cell 0 again
    assert law(game, 0, 1) == pytest.approx([0.975, 0.025, 0, 0, 0, 0, 0])
    assert law(game, 6, 1) == pytest.approx([0, 0, 0, 0, 0, 0.025, 0.975])
    assert game.initial_law == pytest.approx(np.full(7, 1 / 7))


def test_the_rewards_of_the_three_chains():
    m = np.array([0.1, 0.0, 0.2, 0.4, 0.1, 0.2, 0.0])
    r = exact.rewards(make_game("lasry_lions_chain"), 0, m)
    assert r[0] == pytest.approx([-2 - 27 - 4, -27 - 4, -2 - 27 - 4])
    assert r[3] == pytest.approx([-2 - 16, -16, -2 - 16])
    r = exact.rewards(make_game("no_interaction_chain"), 0, m)
    assert r[5] == pytest.approx([-2 - 12, -12, -2 - 12])
    r = exact.rewards(make_game("two_bar_coordination"), 0, m)
    assert r[0] == pytest.approx([-4 - 40 + 0.5, -40 + 0.5, -4 - 40 + 0.5])
    assert r[3, 1] == pytest.approx(-20 + 2)
    assert r[4, 2] == pytest.approx(-4 + 0.5)


def test_without_interaction_walking_to_the_middle_is_best():
    game = make_game("no_interaction_chain")
    rule = np.array([RIGHT, RIGHT, RIGHT, STAY, LEFT, LEFT, LEFT])
    assert exact.exploitability(game, rule) == pytest.approx(0, abs=1e-12)
    # Beside the middle p = .025 m(3) + .05 p, and m(3) + 2 p = 1.
    mu = exact.stationary_mean_field(game, rule)
    assert mu == pytest.approx([0, 0, 0.025, 0.95, 0.025, 0, 0])
    assert np.array_equal(exact.best_response(game, np.full(7, 1 / 7)), rule)


def test_moving_forward_pays_what_bench_mfg_pays():
    game = make_game("no_interaction_chain", goal="forward")
    assert game.name == "no_interaction_chain"
    r = exact.rewards(game, 0, game.initial_law)
    assert r == pytest.approx(np.arange(7)[:, None] - np.array([0.1, 0, 0.1]))
    rule = np.array([RIGHT] * 6 + [STAY])
    assert np.array_equal(exact.best_response(game, game.initial_law), rule)
    assert exact.exploitability(game, rule) == pytest.approx(0, abs=1e-12)
    slips = ((-1, 0.025), (0, 0.95), (1, 0.025))
    moves, wander = np.zeros((2, 7, 7))  # of the best rule, and of the uniform one
    for x, (slip, chance) in itertools.product(range(7), slips):
        moves[x, min(x + (x < 6) + slip, 6)] += chance
        for a in (-1, 0, 1):
            wander[x, min(max(x + a + slip, 0), 6)] += chance / 3
    mu = np.linalg.matrix_power(wander, 4096)[0]
    best = np.linalg.solve(np.eye(7) - 0.9 * moves, np.arange(7) - 0.1 * (np.arange(7) < 6))
    gain = mu @ best - (mu @ np.arange(7) - 0.2 / 3) / 0.1  # stationary: the same every step
    uniform = policies.uniform(game)
    assert exact.stationary_mean_field(game, uniform) == pytest.approx(mu)
    assert exact.exploitability(game, uniform) == pytest.approx(gain)
    assert gain == pytest.approx(23.09, abs=5e-3)  # Bench-MFG 0.1.3, 99 backups: 23.0888
    with pytest.raises(ValueError, match="goal must be one of 'middle', 'forward', got 'back'"):
        make_game("no_interaction_chain", goal="back")


def test_the_monotone_chain_has_a_symmetric_equilibrium_that_averaging_finds():
    game = make_game("lasry_lions_chain")
    learner = FixedPointIteration(iterations=1000, step=1, decay=1)
    policy = list(learner.learn(game))[-1].policy
    assert np.allclose(policy, policy[::-1, ::-1], atol=1e-12)  # mirrored
    start = exact.exploitability(game, policies.uniform(game))
    assert exact.exploitability(game, policy) < 2e-3 * start
    mu = exact.stationary_mean_field(game, policy)
    assert mu == pytest.approx(mu[::-1])
    assert (np.diff(mu[:4]) > 0).all()  # most players are in the middle


@pytest.mark.parametrize(("bar", "toward"), [(2, 0), (4, 6)])
def test_everybody_at_one_bar_is_an_equilibrium(bar, toward):
    game = make_game("two_bar_coordination")
    rule = np.array([RIGHT if x < bar else LEFT if x > bar else STAY for x in range(7)])
    mu = exact.stationary_mean_field(game, rule)
    assert mu[bar] == pytest.approx(0.95)
    assert exact.exploitability(game, rule) == pytest.approx(0, abs=1e-10)


def test_a_crowd_that_does_not_attract_leaves_both_bars_alike():
    game = make_game("two_bar_coordination", crowd_attraction=0)
    q = exact.action_values(game, np.eye(7)[2])
    assert q == pytest.approx(q[::-1, ::-1])


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"num_cells": 1}, "num_cells must be in"),
        ({"slip": 0.6}, r"slip must be in \[0, 0\.5\], got 0\.6"),
        ({"bars": (2, 7)}, r"bars must be in \[0, 6\], got 7"),
        ({"bars": ()}, "bars must name at least one cell"),
    ],
)
def test_a_value_out_of_its_range_is_refused(parameters, message):
    with pytest.raises(ValueError, match=message):
        make_game("two_bar_coordination", **parameters)

"""What crowds earn, and social optima: textbook networks, derivatives by hand, bounds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from toys import Bids, Lanes

from agents import FictitiousPlay, FrankWolfe
from agents.solvers.frank_wolfe import relative_gap
from mfg_envs import exact, make_game, metrics, policies

SIOUX_FALLS = 7480225.344921
"""Time of all travellers in the best known user equilibrium."""


def test_welfare_is_what_everybody_earns(any_game, random_policy):
    policy = random_policy(any_game)
    met = exact.law_met(any_game, policy)
    m, law = any_game.crowd(met), met.sum(-1) if any_game.mean_field_of_controls else met
    found = metrics.welfare(any_game, policy)
    if any_game.horizon is None:
        mean = (law[:, None] * policy * exact.rewards(any_game, 0, m)).sum()
        assert (1 - any_game.discount) * found == pytest.approx(mean, rel=1e-9, abs=1e-12)
        return
    wanted = 0.0
    for t in range(any_game.horizon):
        r = exact.rewards(any_game, t, m[t])
        wanted += any_game.discount**t * (law[t][:, None] * policy[t] * r).sum()
    assert found == pytest.approx(wanted, rel=1e-12)


def test_pigou_and_braess_by_the_book():
    for network, equilibrium, optimum in (("pigou", 1.0, 0.75), ("braess", 3.75, 3.5)):
        game = make_game("routing_cycle", cost="bpr", network=network)
        found = []
        for played in (game, metrics.altruistic(game)):
            m = list(FrankWolfe(iterations=60).learn(played))[-1].mean_field
            found.append(metrics.travel_cost(game, m))
        assert found == pytest.approx([equilibrium, optimum], abs=1e-6)
        ratio = metrics.price_of_anarchy(-found[0], -found[1])
        assert ratio == pytest.approx(equilibrium / optimum, abs=1e-6)


def test_sioux_falls_wastes_four_per_cent():
    game = make_game("routing_cycle", cost="bpr")
    charged = metrics.altruistic(game)
    m = list(FrankWolfe(iterations=100).learn(charged))[-1].mean_field
    cost = metrics.travel_cost(game, m)
    # The total cost is convex: the gap of the charged game bounds what is left to save.
    left = relative_gap(charged, m) * metrics.travel_cost(charged, m)
    assert 0 < left < 0.01 * cost
    low, high = (SIOUX_FALLS / game.total / v for v in (cost, cost - left))
    assert 1.03 < low < high < 1.05


def test_tolls_are_paid_to_somebody_and_constants_jam_nobody():
    game = make_game("routing_cycle", cost="bpr")  # power 4
    charged = metrics.altruistic(game)
    assert charged.road.free_time == game.road.free_time
    assert charged.road.toll == game.road.toll
    assert charged.road.delay == tuple(
        d * (1 + p) for d, p in zip(game.road.delay, game.road.power, strict=True)
    )
    assert charged.demand == game.demand


def test_two_lanes_are_shared_in_the_social_optimum():
    game, social = Lanes(), metrics.altruistic(Lanes())
    policy = policies.uniform(game)
    law = exact.flow(social, policy)
    # The marginal cost of road 0 is twice its cost; half on either road is the optimum, 3/4.
    r = exact.rewards(social, 1, law[1])
    assert r[:, 0] == pytest.approx([0, -1, -1], abs=1e-9)
    assert metrics.welfare(game, policy) == -0.75
    assert exact.exploitability(social, policy) == pytest.approx(0, abs=1e-9)
    selfish = np.tile([1.0, 0.0], (2, 3, 1))
    assert exact.exploitability(game, selfish) == 0
    assert metrics.price_of_anarchy(metrics.welfare(game, selfish), -0.75) == pytest.approx(4 / 3)


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("beach_bar_grid", {}), ("crowd_lq", {}), ("predator_prey", {"num_cells": 3}),
        ("crowd_modelling", {}), ("ring_road", {"reward": "additive", "horizon": 3, **{
            "dynamics": "position", "num_cells": 6, "num_speeds": 4}}),
        ("two_bar_coordination", {"horizon": 4}), ("bids", {}),
    ],
)  # fmt: skip
def test_charged_rewards_are_the_gradient_of_the_welfare(name, parameters, random_policy):
    game = Bids() if name == "bids" else make_game(name, **parameters)
    social = metrics.altruistic(game)
    law, other = (exact.flow(social, random_policy(game, seed)) for seed in (0, 1))
    away = other - law

    def earned(mix):
        total = 0.0
        for t in range(game.horizon):
            joint = law[t] + mix * away[t]
            m = game.crowd(joint if game.mean_field_of_controls else joint.sum(-1))
            total += game.discount**t * (joint * exact.rewards(game, t, m)).sum()
        return total

    found = sum(
        game.discount**t * (exact.rewards(social, t, law[t]) * away[t]).sum()
        for t in range(game.horizon)
    )
    h = 1e-4  # a stencil of five points: its error is of the order h^4
    slope = (earned(-2 * h) - 8 * earned(-h) + 8 * earned(h) - earned(2 * h)) / (12 * h)
    assert found == pytest.approx(slope, rel=1e-7, abs=1e-8)


def test_charges_by_hand(random_policy):
    game = make_game("beach_bar_grid")  # -log m(x): one more player costs those at x 1 / m(x) each
    social = metrics.altruistic(game)
    law = exact.flow(social, random_policy(game))
    assert social.charges(0, law) == pytest.approx(np.full((20, 20), -1.0), abs=1e-9)
    law[2] = 0
    law[2, 3, 1] = 1.0
    charges = social.charges(0, law)[2]
    assert charges[3] == pytest.approx(-1, abs=1e-9)
    assert not np.delete(charges, 3).any()  # nobody is there to be hurt

    bids = metrics.altruistic(Bids())
    for first in (0.2, 0.0):  # b = first + 3 .1; each of first + .1 bidders pays b^2
        law, b = np.array([[0.5 - first, first], [0.4, 0.1]]), first + 0.3
        wanted = -(first + 0.1) * 2 * b * np.array([[0, 1], [0, 3]])
        assert bids.charges(0, law) == pytest.approx(wanted, abs=1e-9)


@given(st.integers(0, 10**6))
def test_no_policy_beats_the_bound_where_welfare_is_concave(seed):
    game, rng = Lanes(), np.random.default_rng(seed)
    p, q = (np.tile(rng.dirichlet(np.ones(2)), (2, 3, 1)) for _ in range(2))
    bound = metrics.welfare(game, p) + exact.exploitability(metrics.altruistic(game), p)
    assert metrics.welfare(game, q) <= -0.75 + 1e-9 <= bound + 2e-9


def test_learners_find_the_social_optimum():
    # The charge of a logarithm is the same everywhere: the equilibrium is the optimum.
    game = make_game("beach_bar_grid")
    selfish, social = (
        list(FictitiousPlay(iterations=30).learn(played))[-1].policy
        for played in (game, metrics.altruistic(game))
    )
    np.testing.assert_allclose(social, selfish, atol=1e-6)


def test_charged_rewards_of_many_populations_are_those_of_each(random_policy):
    for game in (make_game("predator_prey", num_cells=2, num_populations=3), Bids()):
        social = metrics.altruistic(game)
        laws = exact.flow(social, random_policy(game))
        x, a = np.indices((game.num_states, game.num_actions))
        batch = social.reward(0, x[None].repeat(len(laws), 0), a[None].repeat(len(laws), 0), laws)
        each = [exact.rewards(social, 0, law) for law in laws]
        assert np.array_equal(batch, each)


def test_games_without_welfare_gradients_and_mixed_signs_are_refused(toys):
    with pytest.raises(ValueError, match="players who discount do not maximise"):
        metrics.altruistic(make_game("lasry_lions_chain"))
    with pytest.raises(ValueError, match="moves of game depend on time or crowd"):
        metrics.altruistic(toys.Epidemic())
    for pair in ((-1.0, 1.0), (0.0, 1.0), (np.nan, 1.0)):
        with pytest.raises(ValueError, match="a ratio needs two costs or two gains"):
            metrics.price_of_anarchy(*pair)
    assert metrics.price_of_anarchy(2.0, 3.0) == 1.5

"""The finite-N Nash gap: closed forms, games written out over all players, exact lattices."""

from __future__ import annotations

import math

import numpy as np
import pytest
from toys import Fashion

from mfg_envs import BatchEnv, exact, make_game, policies, riccati
from mfg_envs.exact.discretise import GridPolicy, discretise
from mfg_envs.metrics import deviations
from mfg_envs.metrics.deviating_population import Population
from mfg_envs.metrics.deviations import OneOfMany, expect, own_state_response
from mfg_envs.metrics.gap_of_n_players import nash_gap

SIGMAS = 4.5
"""A right estimate is further off once in 150 000 times."""


def fashion_gap(num_agents):
    return sum(
        math.comb(num_agents, k) * abs(k / num_agents - 0.5) / 2**num_agents
        for k in range(num_agents + 1)
    )


def test_the_closed_form_falls_like_the_square_root():
    assert fashion_gap(100) / fashion_gap(400) == pytest.approx(2, rel=0.01)


@pytest.mark.parametrize("num_agents", [1, 2, 11, 100])
def test_a_gap_in_closed_form_for_who_sees_the_crowd_and_who_does_not(num_agents):
    game, episodes = Fashion(), 2000
    # A gain is 2 |K/N - 1/2| or 0: its standard deviation is at most that of the share, twice.
    bound = SIGMAS / math.sqrt(num_agents * episodes)
    half = np.full((1, 2, 2), 0.5)
    seeing = nash_gap(game, half, num_agents, num_episodes=episodes)
    assert abs(seeing.gap - fashion_gap(num_agents)) < bound
    blind = nash_gap(game, half, num_agents, num_episodes=episodes, sees="state")
    assert abs(blind.gap - 1 / (2 * num_agents)) < bound
    assert np.array_equal(blind.deviation[0], np.eye(2))
    assert abs(blind.value) < bound


@pytest.mark.parametrize("sees", ["crowd", "state"])
@pytest.mark.parametrize("num_agents", [1, 2, 20])
def test_who_counts_itself_prefers_the_cheaper_side(num_agents, sees):
    # With 2/3 on the left both sides cost 2/3; one's own weight 1/N costs 1/N left, 2/N right.
    game = make_game("left_right")
    policy = np.tile([2 / 3, 1 / 3], (2, 3, 1))
    found = nash_gap(game, policy, num_agents, sees=sees, num_episodes=4000)
    others = (num_agents - 1) / num_agents * 2 / 3
    # Costs are shares of others of variance 2/9 / N, times at most 2, and 1/N or 2/N on top.
    bound = SIGMAS * math.sqrt((4 * 2 / 9 / num_agents + 1 / num_agents**2) / 4000)
    assert abs(found.value + others + 4 / 3 / num_agents) < bound
    assert abs(found.gap - 1 / 3 / num_agents) < 2 * bound


def test_nobody_gains_where_the_crowd_is_drawn_anew_and_every_choice_is_as_good():
    game = make_game("rock_paper_scissors")
    found = nash_gap(game, np.full((3, 3), 1 / 3), 30, num_episodes=20)
    assert (found.gap, found.error, found.interval) == (0, 0, (0, 0))
    assert found.best_value == found.value


def test_the_interval_of_few_episodes_is_students():
    found = nash_gap(Fashion(), np.full((1, 2, 2), 0.5), 10, num_episodes=4)
    low, high = found.interval
    assert found.error > 0
    assert (low + high) / 2 == pytest.approx(found.gap)
    assert (high - low) / 2 == pytest.approx(3.182446 * found.error, rel=1e-6)  # 3 free


def test_telescoping_changes_the_noise_and_not_the_mean(any_game, random_policy):
    policy = random_policy(any_game)
    expected = expect(any_game, policy)
    population = Population(expected, 8, any_game.horizon or 60)
    plain = population.surplus(0, 400, expected.rules, 0 * expected.own)
    steps = population.play(0, 400, expected.rules)
    total = sum(any_game.discount**t * r for t, (_, _, r, _) in enumerate(steps))
    assert np.allclose(plain, total, rtol=0, atol=1e-12)
    value = expected.law @ expected.own[0]
    gap = plain - value - population.surplus(0, 400, expected.rules, expected.own)
    tail = any_game.discount**population.num_steps * np.abs(expected.own).max()
    assert abs(gap.mean()) < SIGMAS * gap.std(ddof=1) / 20 + (0 if any_game.horizon else tail)


def test_populations_are_those_of_the_environment(finite_game, random_policy):
    policy = random_policy(finite_game)
    expected = expect(finite_game, policy)
    population = Population(expected, 7, finite_game.horizon)
    env = BatchEnv(finite_game, 5, 7, seed=3)
    env.reset()
    rollout = env.rollout(policy, finite_game.horizon)
    played = list(population.play(3, 5, expected.rules))
    assert np.array_equal(rollout.mean_field, np.stack([moment.m for moment in played]))


def test_a_gap_is_the_same_on_every_back_end_and_for_every_split(use, monkeypatch, any_game):
    policy, found = policies.uniform(any_game), []
    options = {"num_episodes": 4, "lookahead": 2, "num_steps": None if any_game.horizon else 12}
    for backend, together in (("numba", 1 << 28), ("numpy", 1 << 28), ("numba", 1)):
        use(backend)
        monkeypatch.setattr(deviations, "TOGETHER", together)
        found.append(nash_gap(any_game, policy, 6, **options)[:4])
    assert found[0] == found[2]
    assert found[0] == pytest.approx(found[1], rel=1e-12)  # values may differ in the last bit
    other = nash_gap(any_game, policy, 6, **options, seed=4)
    assert other.value != found[0][2]


def test_many_players_gain_the_exploitability(finite_game, random_policy):
    policy = random_policy(finite_game)
    wanted = exact.exploitability(finite_game, policy)
    found = nash_gap(finite_game, policy, 5000, num_episodes=60, lookahead=2)
    scale = np.ptp(expect(finite_game, policy).best)
    # What is left is at most of the order of the crowd's fluctuation, here with a factor of 5.
    assert abs(found.gap - wanted) < SIGMAS * found.error + 5 * scale / math.sqrt(5000)


def test_crowds_have_the_exact_mean_where_players_are_independent(random_policy):
    game = make_game("ring_road", num_cells=6, num_speeds=3, discount=0.8, horizon=12)
    policy = random_policy(game)
    crowds = Population(expect(game, policy), 50, 12).crowds(0, 7)
    assert np.allclose(crowds.mean(1), exact.flow(game, policy), rtol=0, atol=1e-12)
    assert crowds.std(1).min() > 0


def test_a_policy_that_is_as_good_as_any_is_kept():
    game = make_game("no_interaction_chain")
    policy = exact.best_response(game, exact.law_met(game, policies.uniform(game)))
    player = OneOfMany(expect(game, policy), 5)
    crowds = np.tile(player.expected.law, (3, 4, 1))
    assert np.array_equal(own_state_response(player, crowds).policy, np.repeat(policy[None], 3, 0))
    found = nash_gap(game, policy, 5, num_episodes=3, num_steps=20)
    assert (found.gap, found.error) == (pytest.approx(0, abs=1e-9), pytest.approx(0, abs=1e-9))


def test_a_policy_on_a_grid_is_played_on_the_grid():
    game = make_game("linear_quadratic", horizon=4)
    grid = discretise(game, num_states=7, num_actions=3, num_noise=3)
    policy = policies.uniform(grid)
    found = nash_gap(game, GridPolicy(grid, policy), 4, num_episodes=10)
    assert found[:4] == nash_gap(grid, policy, 4, num_episodes=10)[:4]
    assert found.gap > 5 * found.error


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sees": "all"}, "sees must be one of 'crowd', 'state', got 'all'"),
        ({"num_agents": 0}, "num_agents must be at least 1, got 0"),
        ({"num_episodes": 1}, "num_episodes must be at least 2, got 1"),
        ({"lookahead": 0}, "lookahead must be at least 1, got 0"),
        ({"num_steps": 0}, "num_steps must be at least 1, got 0"),
        ({"seed": -1}, "seed must be at least 0, got -1"),
        ({"seed": 2, "sees": "state", "num_agents": 2.5}, "num_agents must be a whole number"),
        ({"policy": np.ones((2, 3))}, r"policy must have shape \(S, A\) = \(2, 5\)"),
        (
            {"game": Fashion(), "num_steps": 3},
            "num_steps is for stationary games, the horizon is 1",
        ),
        (
            {"game": make_game("linear_quadratic"), "policy": lambda t, x: -x},
            "LinearQuadratic is continuous: give a GridPolicy",
        ),
        ({"game": make_game("linear_quadratic")}, "policy must be a function .* a GridPolicy"),
        ({"policy": lambda x: x}, r"policy must be a function of \(t, x\)"),
        ({"game": make_game("dispatcher")}, "Dispatcher is not a game of equal players"),
    ],
)
def test_an_invalid_argument_of_the_nash_gap_is_named(change, message):
    game = change.get("game", make_game("sis"))
    given = {
        "policy": np.full((2, 5), 0.2),
        "num_agents": 3,
        "num_episodes": 2,
        **change,
        "game": game,
    }
    with pytest.raises((ValueError, TypeError), match=message):
        nash_gap(**given)


def test_a_closed_form_sees_the_crowd():
    game = make_game("linear_quadratic", bound=None, action_bound=None)
    with pytest.raises(ValueError, match='the closed form needs sees="crowd"'):
        nash_gap(game, riccati.equilibrium(game), 5, sees="state")
    with pytest.raises(ValueError, match="num_agents must be at least 2, got 1"):
        nash_gap(game, riccati.equilibrium(game), 1)

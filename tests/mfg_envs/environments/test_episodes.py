"""The PettingZoo view: the life of an episode, and players in an infinite population."""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import pytest

from mfg_envs import PopulationEnv, exact, policies
from mfg_envs.games.ring_road import RingRoad

GAME = RingRoad(num_cells=6, num_speeds=3)
FINITE = replace(GAME, horizon=4)
EVEN = np.full(6, 1 / 6)


def play(env, action=1):
    """Play one action until the episode is over; return what every step gave."""
    steps = []
    while env.agents:
        steps.append(env.step(dict.fromkeys(env.agents, action)))
    return steps


# --- life of an episode ---


@pytest.mark.parametrize(
    ("game", "max_cycles", "steps", "terminated"),
    [
        (GAME, None, 500, False),
        (GAME, 3, 3, False),
        (FINITE, None, 4, True),
        (FINITE, 4, 4, True),
        (FINITE, 9, 4, True),
        (FINITE, 2, 2, False),
        (replace(GAME, horizon=1), None, 1, True),
    ],
)
def test_end_of_an_episode(game, max_cycles, steps, terminated):
    env = PopulationEnv(game, 2, max_cycles=max_cycles)
    assert env.agents == []  # before the first reset
    for _ in range(2):
        env.reset(seed=0)
        assert env.agents == env.possible_agents
        assert env.agents is not env.possible_agents
        frames = play(env)
        assert len(frames) == steps
        for t, (_, _, terminations, truncations, _) in enumerate(frames, 1):
            last = t == steps
            assert terminations == dict.fromkeys(env.possible_agents, last and terminated)
            assert truncations == dict.fromkeys(env.possible_agents, last and not terminated)
            assert terminations is not truncations
        assert env.agents == []
        assert env.step({}) == ({}, {}, {}, {}, {})
        with pytest.raises(ValueError, match=r"no agent is alive: call reset\(\)"):
            env.step({"vehicle_0": 0, "vehicle_1": 0})


def test_max_cycles_may_be_set_later():
    env = PopulationEnv(GAME, 2, max_cycles=50)
    env.max_cycles = 3
    env.reset(seed=0)
    assert len(play(env)) == 3
    env.max_cycles = 5
    env.reset()
    assert len(play(env)) == 5


def test_before_the_first_reset():
    env = PopulationEnv(GAME, 2)
    assert env.step({}) == ({}, {}, {}, {}, {})
    with pytest.raises(ValueError, match=r"call reset\(\)"):
        env.step(dict.fromkeys(env.possible_agents, 0))
    env.reset()
    assert len(env.step(dict.fromkeys(env.agents, 0))) == 5


def test_resets_without_a_seed_differ_between_environments():
    first, second = (PopulationEnv(GAME, 50) for _ in range(2))
    first.reset()
    second.reset()
    assert not np.array_equal(first.batch.state, second.batch.state)


def test_the_generator_is_made_anew_by_a_seed():
    env = PopulationEnv(GAME, 2)
    env.reset(seed=3)
    numbers = env.np_random.random(3)
    env.reset()
    assert not np.array_equal(env.np_random.random(3), numbers)
    env.reset(seed=3)
    assert np.array_equal(env.np_random.random(3), numbers)


@pytest.mark.parametrize(("seed", "error"), [(-1, ValueError), (1.5, TypeError), ("a", TypeError)])
def test_a_bad_seed_changes_nothing(seed, error):
    env = PopulationEnv(GAME, 20)
    env.reset(seed=5)
    twin = copy.deepcopy(env)
    with pytest.raises(error, match="seed must be"):
        env.reset(seed=seed)
    actions = dict.fromkeys(env.agents, 1)
    assert env.step(actions)[1] == twin.step(actions)[1]
    env.reset()
    twin.reset()
    assert np.array_equal(env.batch.state, twin.batch.state)


def test_large_seeds_differ():
    env = PopulationEnv(GAME, 50)
    states = []
    for seed in (1, 1 + 2**64, 1 + 2**128):
        env.reset(seed=seed)
        states.append(env.batch.state.tobytes())
    assert len(set(states)) == 3


# --- mean_field mode ---


def test_a_frozen_mean_field_stays():
    env = PopulationEnv(GAME, 6, mode="mean_field", observe=("mean_field", "density"))
    m = np.array([0.5, 0.0, 0.25, 0.25, 0.0, 0.0])
    env.set_mean_field(m)
    env.reset(seed=2)
    for _ in range(4):
        x = env.batch.state[0].copy()
        observations, rewards, _, _, _ = env.step(dict.fromkeys(env.agents, 2))
        assert np.array_equal(env.mean_field, m)
        after = env.batch.state[0]
        for i, agent in enumerate(env.possible_agents):
            assert np.array_equal(observations[agent][:6], m.astype(np.float32))
            around = [after[i], *(after[i] + [1, 2, 3, -1]) % 6]
            assert np.array_equal(observations[agent][6:], 6 * m[around])
            assert rewards[agent] == pytest.approx(float(GAME.reward(0, x[i], 2, m)), rel=1e-12)


def test_a_flow_is_met_step_by_step():
    flow = np.random.default_rng(0).dirichlet(np.ones(6), 4)
    env = PopulationEnv(FINITE, 3, mode="mean_field", observe=("mean_field",))
    env.reset(seed=0)
    env.set_mean_field(flow)  # also between reset and step
    assert np.array_equal(env.mean_field, flow[0])
    for t in range(1, 5):
        x, m = env.batch.state[0].copy(), flow[t - 1]
        _, rewards, _, _, _ = env.step(dict.fromkeys(env.agents, 1))
        assert list(rewards.values()) == pytest.approx(GAME.reward(0, x, 1, m), rel=1e-12)
        assert np.array_equal(env.mean_field, flow[min(t, 3)])


def test_a_population_policy_moves_the_exact_flow(finite_game, random_policy):
    policy = random_policy(finite_game)
    env = PopulationEnv(finite_game, 3, mode="mean_field")
    env.set_population_policy(policy)
    flow = finite_game.crowd(exact.flow(finite_game, policy))
    for _ in range(2):
        env.reset(seed=0)
        for t in range(finite_game.horizon):
            assert env.mean_field == pytest.approx(flow[t], abs=1e-14)
            env.step(dict.fromkeys(env.agents, 1))


def test_at_first_the_population_plays_every_legal_action(stationary_game):
    rule = policies.uniform(stationary_game)
    env = PopulationEnv(stationary_game, 3, mode="mean_field")
    env.reset(seed=0)
    law = stationary_game.initial_law
    for t in range(5):
        assert env.mean_field == pytest.approx(exact.crowd(stationary_game, law, rule), abs=1e-14)
        env.step(dict.fromkeys(env.agents, 0))
        law = exact.push_forward(stationary_game, t, law, rule)


def test_representatives_do_not_meet_each_other():
    many, one = (PopulationEnv(GAME, n, mode="mean_field") for n in (50, 1))
    many.reset(seed=0)
    one.reset(seed=0)
    for _ in range(5):
        crowded = many.step(dict.fromkeys(many.agents, 1))
        alone = one.step(dict.fromkeys(one.agents, 1))
        assert crowded[1]["vehicle_0"] == alone[1]["vehicle_0"]
        assert np.array_equal(crowded[0]["vehicle_0"], alone[0]["vehicle_0"])


@pytest.mark.parametrize(
    ("mean_field", "message"),
    [
        (np.full(5, 0.2), r"mean field must have shape \(6,\), got \(5,\)"),
        (np.full((4, 5), 0.2), r"mean field must have shape \(6,\), got \(5,\)"),
        (np.full((3, 6), 1 / 6), r"a flow must have shape \(4, 6\), got \(3, 6\)"),
        (np.full(6, 0.2), r"must be probabilities that sum to one.*sum 1.2; divide"),
        (np.array([1.5, -0.5, 0, 0, 0, 0]), r"entries in \[-0.5, 1.5\]"),
        (np.array([np.nan, 1, 0, 0, 0, 0]), "must be probabilities"),
        (np.vstack([EVEN, EVEN, EVEN, 2 * EVEN]), "sum 2; divide"),
    ],
)
def test_bad_mean_fields(mean_field, message):
    env = PopulationEnv(FINITE, 2, mode="mean_field")
    env.reset(seed=0)
    before = env.mean_field.copy()
    with pytest.raises(ValueError, match=message):
        env.set_mean_field(mean_field)
    assert np.array_equal(env.mean_field, before)
    assert len(play(env)) == 4


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        (np.full((6, 3), 1 / 3), r"policy must have shape \(T, S, A\) = \(4, 6, 3\), got \(6, 3\)"),
        (np.full((4, 6, 3), 0.3), r"policy\[t=0\]\[x=0\] must be probabilities"),
    ],
)
def test_bad_population_policies(policy, message):
    env = PopulationEnv(FINITE, 2, mode="mean_field")
    with pytest.raises(ValueError, match=message):
        env.set_population_policy(policy)
    env.reset(seed=0)
    assert len(play(env)) == 4


def test_a_crowd_is_set_in_mean_field_mode_only():
    env = PopulationEnv(FINITE, 2)
    for setter, value in (
        (env.set_mean_field, EVEN),
        (env.set_population_policy, policies.uniform(FINITE)),
    ):
        with pytest.raises(ValueError, match=f'{setter.__name__} needs mode="mean_field"'):
            setter(value)


def test_rounding_of_a_mean_field_stays_in_the_space():
    env = PopulationEnv(GAME, 4, mode="mean_field", observe=("density", "mean_field"))
    env.set_mean_field(np.array([1 + 5e-7, -5e-7, 0, 0, 0, 0]))
    observations, _ = env.reset(seed=0)
    assert all(seen in env.observation_space(agent) for agent, seen in observations.items())

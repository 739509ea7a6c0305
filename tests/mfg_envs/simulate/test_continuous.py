"""Continuous games as environments: back ends, batches, modes, bounds, observations."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
from covering import covering
from toys.continuous import CONTINUOUS, some_actions

from mfg_envs import (
    BatchEnv,
    RepresentativeEnv,
    make_game,
    policies,
    riccati,
)
from mfg_envs.exact.discretise import GridPolicy, discretise

BACKENDS = ("numpy", "numba")
MODES = ("n_agent", "mean_field")
TABULAR = ("beach_bar", "price_impact", "line")
"""Games that fit on a grid quickly."""


@pytest.fixture(scope="module", params=CONTINUOUS)
def game(request):
    return CONTINUOUS[request.param]


def play(game, seed, num_envs, num_agents, num_steps=4, **options):
    """Return every array of some steps under random actions."""
    env = BatchEnv(game, num_envs, num_agents, seed, **options)
    steps, rng = [env.reset()], np.random.default_rng(seed)
    steps += [env.step(some_actions(game, rng, num_envs, num_agents)) for _ in range(num_steps)]
    return [np.stack(arrays) for arrays in zip(*steps, strict=True)]


# --- two back ends, any batch ---


@pytest.mark.parametrize("mode", MODES)
@covering(game=CONTINUOUS, num_agents=(1, 63, 1500))
def test_numba_plays_what_numpy_plays_to_the_bit(game, use, num_agents, mode):
    played = []
    for backend in BACKENDS:
        use(backend)
        played.append(play(game, 7, 2, num_agents, mode=mode, observe=None))
    for name, one, two in zip(
        ("state", "observation", "reward", "mean_field"), *played, strict=False
    ):
        assert np.array_equal(one, two), name
    assert np.isfinite(played[0][0]).all()
    assert played[0][2].std() > 0


@covering(game=CONTINUOUS, backend=BACKENDS, mode=MODES)
def test_a_population_plays_the_same_alone_and_in_a_batch(game, use, backend, mode):
    use(backend)
    rng, options = np.random.default_rng(0), {"num_agents": 9, "mode": mode, "observe": None}
    together = BatchEnv(game, 3, seed=40, **options)
    alone = [BatchEnv(game, 1, seed=40 + b, **options) for b in range(3)]
    for _ in range(2):  # the second episode too
        steps = together.reset(), [env.reset() for env in alone]
        for _ in range(3):
            for field in ("state", "observation", "reward", "mean_field", "done"):
                rows = np.concatenate([getattr(step, field) for step in steps[1]])
                assert np.array_equal(getattr(steps[0], field), rows)
            a = some_actions(game, rng, 3, 9)
            steps = together.step(a), [env.step(a[[b]]) for b, env in enumerate(alone)]


def test_a_player_is_drawn_alike_among_few_and_many(game):
    few, many = (play(game, 3, 1, n, 0)[0] for n in (10, 3000))
    assert np.array_equal(few[0, 0], many[0, 0, :10])


def test_noise_has_its_law():
    for noise, deviation in (("normal", 0.1), ("uniform", 0.1 / np.sqrt(3))):
        game = make_game("linear_quadratic", dim=2, bound=None, noise=noise, coupling=0.0)
        env = BatchEnv(game, 1, 100_000, 1)
        x = env.reset().state[0]
        w = env.step(np.zeros((1, 100_000, 2))).state[0] - x
        error = deviation / np.sqrt(1e5)
        assert abs(w.mean(0)).max() < 5 * error
        assert abs(w.std(0) - deviation).max() < 5 * error
        assert abs(np.corrcoef(w.T)[0, 1]) < 5 / np.sqrt(1e5)
        both = np.corrcoef(w[:512, 0].reshape(2, 256))  # the two halves share their words
        assert abs(both[0, 1]) < 5 / np.sqrt(256)
        assert abs(np.corrcoef(x[:, 0], w[:, 0])[0, 1]) < 5 / np.sqrt(1e5)


# --- invalid actions ---


# --- the crowd of representatives ---


def test_a_frozen_mean_field_is_met():
    game = CONTINUOUS["line"]
    env = BatchEnv(game, 2, 3, 0, mode="mean_field")
    assert np.array_equal(env.reset().mean_field, np.zeros((2, 1)))
    flow = np.linspace(-0.5, 0.5, game.horizon)[:, None]
    env.set_mean_field(flow)
    x = env.reset().state
    for t in range(game.horizon):
        assert np.array_equal(env.mean_field, flow[[t]])
        step = env.step(np.zeros((2, 3, 1)))
        r = game.reward(t, (x[..., 0],), (np.zeros((2, 3)),), flow[[t]])
        assert np.allclose(step.reward, r, atol=1e-14)
        x = step.state
    assert step.done.all()
    env.set_mean_field(np.array([0.25]))
    assert np.array_equal(env.reset().mean_field, np.full((2, 1), 0.25))
    assert np.array_equal(env.step(np.zeros((2, 3, 1))).mean_field, np.full((2, 1), 0.25))


@pytest.mark.parametrize("name", TABULAR)
def test_a_policy_on_a_grid_moves_the_crowd(name):
    game = CONTINUOUS[name]
    grid = discretise(game, num_states=41, num_actions=3, num_noise=5)
    policy = GridPolicy(grid, policies.uniform(grid))
    env = BatchEnv(game, 1, 2, 0, mode="mean_field")
    env.set_population_policy(policy)
    env.reset()
    met = env.rollout(policy, game.horizon).mean_field[:, 0]
    assert np.array_equal(met, policy.mean_fields())
    with pytest.raises(ValueError, match="the policy is for another game"):
        BatchEnv(CONTINUOUS["plane"], mode="mean_field").set_population_policy(policy)


def test_an_affine_policy_moves_the_crowd():
    game = make_game("linear_quadratic", bound=None, action_bound=None)
    policy = riccati.equilibrium(game)
    env = RepresentativeEnv(game, observe=("state", "time"))
    env.set_population_policy(policy)
    env.reset(seed=0)
    for m in riccati.flow(game, policy):
        assert np.array_equal(env.mean_field, m)
        env.step(np.zeros(1))


def test_an_invalid_crowd_is_refused():
    env = BatchEnv(CONTINUOUS["beach_bar"], mode="mean_field")
    for wrong, message in (
        (np.ones(50), r"mean field must have shape \(100,\), got \(50,\)"),
        (np.ones((3, 100)), r"a flow must have shape \(11, 100\), got \(3, 100\)"),
        (np.full(100, np.nan), "mean field must be finite numbers"),
        (np.full(100, 2.0), "a density must be at least 0 and have mass 1, .* mass 2 .* divide"),
        (np.r_[-1.0, np.ones(99)], "a density must be at least 0"),
    ):
        with pytest.raises(ValueError, match=message):
            env.set_mean_field(wrong)
    with pytest.raises(ValueError, match=r"flow of a ndarray is not known .* GridPolicy"):
        env.set_population_policy(np.ones((11, 3)))
    with pytest.raises(ValueError, match='set_mean_field needs mode="mean_field"'):
        BatchEnv(CONTINUOUS["beach_bar"]).set_mean_field(np.ones(100))


def test_rollouts_are_one_step_after_another(game):
    def policy(t, x):
        return 0.05 * np.tanh(x[..., : game.action_dim] + t)

    whole, slow = (BatchEnv(game, 2, 70, 8) for _ in range(2))
    whole.reset()
    now = slow.reset()
    rollout = whole.rollout(policy, 4)
    for t in range(4):
        before, now = now, slow.step(policy(t, now.state))
        met = now.mean_field if game.mean_field_of_controls else before.mean_field
        assert np.array_equal(rollout.mean_field[t], met)
        assert np.allclose(rollout.reward[t], now.reward.mean(-1), rtol=0, atol=1e-12)
    assert np.array_equal(whole.state, slow.state)


# --- observations ---


# --- other libraries ---


def test_copies_go_on_alike(game):
    env = BatchEnv(game, 1, 50, 3)
    env.reset()
    a = some_actions(game, np.random.default_rng(1), 1, 50)
    env.step(a)
    twins = [copy.deepcopy(env), pickle.loads(pickle.dumps(env))]
    assert type(twins[0]) is type(env)
    state = env.step(a).state
    assert all(np.array_equal(twin.step(a).state, state) for twin in twins)


# --- the contract finds faults ---


# --- arithmetic ---

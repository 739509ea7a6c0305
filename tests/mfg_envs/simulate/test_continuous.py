"""Continuous games as environments: back ends, batches, modes, bounds, observations."""

from __future__ import annotations

import copy
import importlib
import pickle

import gymnasium
import numpy as np
import pytest
from covering import covering
from gymnasium.utils.env_checker import check_env as check_gymnasium
from gymnasium.wrappers import RescaleAction
from pettingzoo.test import api_test, parallel_api_test, parallel_seed_test
from toys import Drifters

from mfg_envs import (
    CONTINUOUS_GAMES,
    BatchEnv,
    PopulationEnv,
    RepresentativeEnv,
    RepresentativeVectorEnv,
    check_env,
    check_game,
    make_game,
    policies,
    riccati,
)
from mfg_envs.exact.discretise import GridPolicy, discretise
from mfg_envs.game import (
    Axis,
    add,
    cell,
    clip,
    density,
    dot,
    each,
    linear,
    spread,
    subtract,
)
from mfg_envs.game.continuous import lane_mean
from mfg_envs.numerics.elementary import log
from mfg_envs.testing.continuous import ContractError

BACKENDS = ("numpy", "numba")
MODES = ("n_agent", "mean_field")
GAMES = {
    "beach_bar": make_game("beach_bar"),
    "four_rooms": make_game("four_rooms", bins=40),
    "price_impact": make_game("price_impact"),
    "line": make_game("linear_quadratic"),
    "plane": make_game(
        "linear_quadratic", dim=2, noise="normal", drift=((0.9, 0.2), (0, 0.8)),
        bound=None, horizon=None, discount=0.9,
    ),
    "space": make_game("linear_quadratic", dim=3, action_bound=None, bound=None, noise="normal"),
}  # fmt: skip
TABULAR = ("beach_bar", "price_impact", "line")
"""Games that fit on a grid quickly."""


@pytest.fixture(scope="module", params=GAMES)
def game(request):
    return GAMES[request.param]


def some_actions(game, rng, *shape):
    low, high = np.maximum(game.action_low, -1), np.minimum(game.action_high, 1)
    return rng.uniform(low, high, (*shape, game.action_dim))


def play(game, seed, num_envs, num_agents, num_steps=4, **options):
    """Return every array of some steps under random actions."""
    env = BatchEnv(game, num_envs, num_agents, seed, **options)
    steps, rng = [env.reset()], np.random.default_rng(seed)
    steps += [env.step(some_actions(game, rng, num_envs, num_agents)) for _ in range(num_steps)]
    return [np.stack(arrays) for arrays in zip(*steps, strict=True)]


# --- two back ends, any batch ---


@pytest.mark.parametrize("mode", MODES)
@covering(game=GAMES, num_agents=(1, 63, 1500))
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


@covering(game=GAMES, backend=BACKENDS, mode=MODES)
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


@covering(game=GAMES, dtype=("float32", "float64", "int64"))
def test_actions_of_any_real_type_and_layout(game, dtype):
    a = np.zeros((2, 5, game.action_dim), dtype)
    a[0] = 1 if dtype == "int64" and min(game.action_high) >= 1 else 0
    envs = [BatchEnv(game, 2, 5, 0) for _ in range(2)]
    for env in envs:
        env.reset()
    swapped = np.moveaxis(np.ascontiguousarray(np.moveaxis(a, -1, 0)), 0, -1)
    steps = [env.step(actions) for env, actions in zip(envs, (a, swapped), strict=True)]
    assert np.array_equal(steps[0].state, steps[1].state)
    assert np.array_equal(steps[0].reward, steps[1].reward)


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


@pytest.mark.parametrize("backend", BACKENDS)
def test_bad_actions_move_nothing_and_name_the_player(use, backend):
    use(backend)
    game = make_game("four_rooms", bins=40)
    env, twin = BatchEnv(game, 2, 3, 0), BatchEnv(game, 2, 3, 0)
    env.reset()
    twin.reset()
    for value in (0.41, -0.5, np.nan, np.inf):
        a = np.zeros((2, 3, 2))
        a[1, 2, 1] = value
        with pytest.raises(
            ValueError, match=r"population 1, player 2 must be in \[-0.4, 0.4\], comp"
        ):
            env.step(a)
    with pytest.raises(ValueError, match=r"actions must have shape \(B, N, d\) = \(2, 3, 2\)"):
        env.step(np.zeros((2, 3)))
    with pytest.raises(ValueError, match="actions must be real numbers, got complex128"):
        env.step(np.zeros((2, 3, 2), complex))
    one, two = (e.step(np.full((2, 3, 2), 0.1)) for e in (env, twin))
    assert np.array_equal(one.state, two.state)


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_bounds_themselves_may_be_played_in_single_precision(use, backend):
    use(backend)
    game = make_game("linear_quadratic")
    steps = []
    for high in (0.1, np.float32(0.1)):
        env = BatchEnv(game, 1, 4, 0)
        env.reset()
        steps.append(env.step(np.full((1, 4, 1), high)))
    assert float(np.float32(0.1)) > 0.1
    assert np.array_equal(steps[0].state, steps[1].state)
    assert np.array_equal(steps[0].reward, steps[1].reward)
    parallel = PopulationEnv(game, 2)
    parallel.reset(seed=0)
    parallel.step({a: parallel.action_space(a).high for a in parallel.agents})


def test_unbounded_actions_must_be_finite():
    env = BatchEnv(GAMES["space"], 1, 2, 0)
    env.reset()
    env.step(np.full((1, 2, 3), 1e6))
    with pytest.raises(ValueError, match=r"must be in \[-inf, inf\], component 0 is inf"):
        env.step(np.full((1, 2, 3), np.inf))


@pytest.mark.parametrize(
    ("action", "message"),
    [
        (np.array([0.5]), r"'player_1' must be in \[-0.1, 0.1\d*\], got array\(\[0.5\]\)"),
        (np.array([np.nan]), r"'player_1' must be in"),
        (np.array([0.0, 0.0]), r"'player_1' must be 1 real numbers in an array of shape \(1,\)"),
        (0.5, r"'player_1' must be in .*, got 0.5"),
        ("up", r"'player_1' must be 1 real numbers"),
    ],
)
def test_a_bad_action_in_a_dict_names_its_player(action, message):
    env = PopulationEnv(make_game("linear_quadratic"), 3)
    env.reset(seed=0)
    actions = {agent: np.zeros(1) for agent in env.agents}
    with pytest.raises(ValueError, match=message):
        env.step({**actions, "player_1": action})
    with pytest.raises(ValueError, match="no action for 'player_2'"):
        env.step({agent: actions[agent] for agent in ("player_0", "player_1")})


# --- the crowd of representatives ---


def test_a_frozen_mean_field_is_met():
    game = GAMES["line"]
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
    game = GAMES[name]
    grid = discretise(game, num_states=41, num_actions=3, num_noise=5)
    policy = GridPolicy(grid, policies.uniform(grid))
    env = BatchEnv(game, 1, 2, 0, mode="mean_field")
    env.set_population_policy(policy)
    env.reset()
    met = env.rollout(policy, game.horizon).mean_field[:, 0]
    assert np.array_equal(met, policy.mean_fields())
    with pytest.raises(ValueError, match="the policy is for another game"):
        BatchEnv(GAMES["plane"], mode="mean_field").set_population_policy(policy)


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
    env = BatchEnv(GAMES["beach_bar"], mode="mean_field")
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
        BatchEnv(GAMES["beach_bar"]).set_mean_field(np.ones(100))


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


def test_observations_by_hand():
    game = make_game("beach_bar", bins=10, blur_width=0.1)
    parts = ("mean_field", "density", "state", "time")
    env = BatchEnv(game, 1, 4, 0, observe=parts)
    env.reset()
    step = env.step(np.zeros((1, 4, 1)))
    x, m = step.state[0, :, 0], step.mean_field[0]
    place = (10 * x).astype(int)
    near = np.stack([place, np.maximum(place - 2, 0), np.minimum(place + 2, 9)], -1)
    wanted = np.column_stack(
        [np.tile(m / density.peak(game), (4, 1)), m[near], 2 * x - 1, np.full(4, 1 / 11)]
    )
    assert step.observation.dtype == np.float32
    assert np.allclose(step.observation[0], wanted, atol=1e-6)
    assert env.observer.space.contains(step.observation[0, 0])


def test_a_mean_is_observed_like_a_state_or_an_action():
    for name, width in (("line", 1.0), ("price_impact", 1.0), ("plane", 5.0)):
        game = GAMES[name]
        env = BatchEnv(game, 2, 3, 0, observe=("mean_field",))
        env.reset()
        step = env.step(some_actions(game, np.random.default_rng(0), 2, 3))
        assert np.allclose(step.observation, step.mean_field[:, None] / width, atol=1e-7)


def test_the_plain_state_is_what_arrays_observe_by_default(game):
    env = BatchEnv(game, 2, 3, 0)
    step = env.reset()
    assert np.array_equal(step.observation, step.state)
    assert step.state.shape == (2, 3, game.state_dim)
    step.observation[:] = 0
    assert env.state.any()


@pytest.mark.parametrize(
    ("name", "parts", "message"),
    [
        ("line", ("density",), "the mean field is a mean_state: use 'mean_field'"),
        ("line", ("point", "time"), "'point' stands alone"),
        ("line", ("index",), "observe must be one of 'point', 'state'"),
        ("line", ("time", "time"), "names a part twice"),
        ("plane", ("time",), "'time' needs a finite horizon"),
    ],
)
def test_wrong_parts(name, parts, message):
    with pytest.raises(ValueError, match=message):
        BatchEnv(GAMES[name], observe=parts)


# --- other libraries ---


@covering(name=CONTINUOUS_GAMES, mode=MODES)
def test_pettingzoo_tests_and_our_own(name, mode):
    module = importlib.import_module(f"mfg_envs.{name}_v0")

    def make():
        return module.parallel_env(num_agents=3, mode=mode)

    parallel_api_test(make(), num_cycles=30)
    parallel_seed_test(make, num_cycles=30)
    check_env(make(), 5)


@pytest.mark.parametrize("name", CONTINUOUS_GAMES)
def test_turn_based_twins(name):
    module = importlib.import_module(f"mfg_envs.{name}_v0")
    api_test(module.env(num_agents=3, max_cycles=10), num_cycles=8)


@pytest.mark.parametrize("name", CONTINUOUS_GAMES)
def test_gymnasium_and_stable_baselines(name):
    checker = pytest.importorskip("stable_baselines3.common.env_checker")
    env = RepresentativeEnv(make_game(name))
    check_gymnasium(env, skip_render_check=True)
    checker.check_env(RescaleAction(env, np.float32(-1), np.float32(1)))
    ident = f"mfg_envs/{name.title().replace('_', '')}-v0"
    assert gymnasium.make(ident).unwrapped.game == env.game


def test_many_representatives_are_single_ones(game):
    vector = RepresentativeVectorEnv(game, 3, observe=("state",))
    vector.reset(seed=5)
    single = RepresentativeEnv(game, observe=("state",))
    a = some_actions(game, np.random.default_rng(1), 3)
    seen, rewards, *_ = vector.step(a)
    for b in range(3):
        single.reset(seed=5 + b)
        one, reward, *_ = single.step(a[b])
        assert np.array_equal(one, seen[b])
        assert reward == rewards[b]
    with pytest.raises(ValueError, match="actions must have shape"):
        vector.step(np.zeros((2, game.action_dim)))


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


def test_a_game_of_ones_own_keeps_the_contract():
    check_game(Drifters())


FAULTS = {
    "step must return a tuple of 1": {"step": lambda self, t, x, a, m, w: x[0]},
    "step fails": {"step": lambda self, t, x, a, m, w: (x[1],)},
    "reward gives something else when it is|reward gives a player something else": {
        "reward": lambda self, t, x, a, m: x[0] - x[0].mean()
    },
    "reward reads t": {"reward": lambda self, t, x, a, m: x[0] * t},
    "reward must give finite numbers": {"reward": lambda self, t, x, a, m: x[0] / 0.0 * 0.0},
    "noise_law must return a Normal or a Uniform": {"noise_law": lambda self, t, x, a, m: (0, 1)},
    "initial_law must be a Normal or Uniform": {"initial_law": (0.0,)},
    "action_low must be below high": {"action_low": (2.0,)},
}


@pytest.mark.parametrize("message", FAULTS)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_the_contract_names_a_fault(message, monkeypatch):
    for name, value in FAULTS[message].items():
        monkeypatch.setattr(Drifters, name, value)
    monkeypatch.setenv("MFG_ENVS_BACKEND", "numpy")
    with pytest.raises(ContractError, match=message):
        check_game(Drifters())


# --- arithmetic ---


def test_components_by_hand():
    x, y = (1.0, 2.0, 3.0), (4.0, 5.0, 6.0)
    assert add(x, y) == (5, 7, 9)
    assert subtract(y, x) == (3, 3, 3)
    assert dot(x, y) == 32
    assert each(max, x, (2, 2, 2)) == (2, 2, 3)
    assert linear(((1, 0, 1), (0, 2, 0), (1, 1, 1)), x) == (4, 4, 6)
    assert linear(2, x) == (2, 4, 6)
    assert clip(x, (0, 0, 0), (9, 1, 2)) == (1, 1, 2)
    axes = (Axis(0.0, 1.0, 10), Axis(-1.0, 1.0, 4))
    x = (np.array([0.05, 0.999, 2.0, np.nan]), np.array([-2.0, 0.1, 1.0, -0.6]))
    assert np.array_equal(cell(axes, x), [[0, 9, 9, 9], [0, 2, 3, 0]])
    one = spread(np.array([[1.0, 2.0], [3.0, 4.0]]), (np.zeros((2, 5)),) * 2)
    assert [v.tolist() for v in one] == [[[1], [3]], [[2], [4]]]


def test_means_and_logarithms():
    v = np.random.default_rng(0).normal(size=(3, 1001))
    assert np.allclose(lane_mean(v), v.mean(-1), atol=1e-15)
    x = np.exp(np.random.default_rng(1).uniform(-700, 700, 10_000))
    assert np.allclose(log(x), np.log(x), rtol=4e-16, atol=4e-16)
    assert log(np.float64(1)) == 0

"""Everything derived from a game agrees: sampled players, exact flows, back ends, batches."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from functools import cached_property

import numpy as np
import pytest
from covering import covering
from hypothesis import given, settings
from hypothesis import strategies as st
from toys import Squares
from toys.complete import EVERY, FINITE, TWICE

from mfg_envs import BatchEnv, exact, policies
from mfg_envs.games.ring_road import RingRoad
from mfg_envs.simulate import finite_kernels

BACKENDS = ("numpy", "numba")
MODES = ("n_agent", "mean_field")
MANY = 100_000


def play(game, seed, num_envs, num_agents, num_steps=4, **options):
    """Return every array of some steps under uniformly random actions, illegal ones included."""
    env = BatchEnv(game, num_envs, num_agents, seed, **options)
    steps, rng = [env.reset()], np.random.default_rng(seed)
    for _ in range(num_steps):
        steps.append(env.step(rng.integers(0, game.num_actions, (num_envs, num_agents))))
    return [np.stack(arrays) for arrays in zip(*steps, strict=True)]


def fluctuations(game, policy):
    """Yield the mean field of infinitely many players and the covariance of N^0.5 times the error.

    A player in (x, a) is next in (y, b) with p = kernel(y | x, a, m) rule(b | y), independently
    of the others given all of them.  So the error of the histogram of pairs is, to first order in
    N^-0.5, the error before carried on by the derivative of the flow, plus fresh noise.
    """
    S, A, h = game.num_states, game.num_actions, 1e-4
    law = (game.initial_law[:, None] * policy[0]).ravel()
    error = np.diag(law) - np.outer(law, law)
    seen = np.zeros((game.num_places, S))
    seen[game.places, np.arange(S)] = 1
    seen = np.kron(seen, np.eye(A) if game.mean_field_of_controls else np.ones((1, A)))

    def pairs(t, law):
        m = (seen @ law).reshape(game.mean_field_shape)
        moves = exact.kernel(game, t, m)
        there = np.zeros((S * A, S))
        rows = np.arange(S * A)[:, None]
        np.add.at(there, (rows, moves.next.reshape(S * A, -1)), moves.prob.reshape(S * A, -1))
        return (there[:, :, None] * policy[t + 1]).reshape(S * A, S * A)

    for t in range(game.horizon):
        yield seen @ law, seen @ error @ seen.T
        if t + 1 == game.horizon:
            return
        p = pairs(t, law)
        after = law @ p
        nudged = [(1 - h) * law + h * unit for unit in np.eye(S * A)]
        slope = np.array([(each @ pairs(t, each) - after) / h for each in nudged])
        fresh = np.diag(after) - (p * law[:, None]).T @ p
        law, error = after, slope.T @ error @ slope + fresh


@covering(finite_game=FINITE, seed=(0, 1))
def test_many_sampled_players_follow_the_exact_flow(finite_game, random_policy, seed):
    policy = random_policy(finite_game, seed)
    env = BatchEnv(finite_game, 1, MANY, seed)
    env.reset()
    sampled = env.rollout(policy, finite_game.horizon).mean_field[:, 0]
    flow = finite_game.crowd(exact.flow(finite_game, policy))
    for t, (m, covariance) in enumerate(fluctuations(finite_game, policy)):
        assert np.allclose(flow[t].ravel(), m, rtol=0, atol=1e-12)
        deviation = np.sqrt(np.maximum(covariance.diagonal(), 0) / MANY)
        assert (abs(sampled[t].ravel() - m) <= 5 * deviation + 5 / MANY).all()


def test_the_error_of_players_who_do_not_interact_is_binomial(toys, random_policy):
    game = toys.Garnet()
    for m, covariance in fluctuations(game, random_policy(game)):
        assert covariance.diagonal() == pytest.approx(m * (1 - m), abs=1e-9)


@covering(finite_game=FINITE, mode=MODES)
def test_the_mean_return_of_sampled_players_is_the_exact_value(finite_game, random_policy, mode):
    policy = random_policy(finite_game, 3)
    # A player is part of the crowd it meets, which shifts its return by O(1 / N).
    num_envs, num_agents = (50, 20_000) if mode == "n_agent" else (500, 200)
    env = BatchEnv(finite_game, num_envs, num_agents, 4, mode=mode)
    if mode == "mean_field":
        env.set_population_policy(policy)
    env.reset()
    rewards = env.rollout(policy, finite_game.horizon).reward
    returns = finite_game.discount ** np.arange(finite_game.horizon) @ rewards
    value = exact.value(finite_game, exact.flow(finite_game, policy), policy)
    error = returns.std(ddof=1) / np.sqrt(num_envs)
    assert error > 0
    assert abs(returns.mean() - value) < 4 * error


@covering(finite_game=FINITE, backend=BACKENDS)
def test_representatives_meet_the_exact_flow(finite_game, random_policy, use, backend):
    use(backend)
    policy = random_policy(finite_game, 5)
    env = BatchEnv(finite_game, 2, 3, 0, mode="mean_field")
    env.set_population_policy(policy)
    env.reset()
    met = env.rollout(policy, finite_game.horizon).mean_field
    flow = finite_game.crowd(exact.flow(finite_game, policy))
    assert np.allclose(met, flow[:, None], rtol=0, atol=1e-14)


@covering(any_game=EVERY, backend=BACKENDS, mode=MODES, slow=TWICE)
def test_a_population_plays_the_same_alone_and_in_a_batch(any_game, use, backend, mode):
    use(backend)
    options = {"num_agents": 9, "mode": mode}
    rng, together = np.random.default_rng(0), BatchEnv(any_game, 3, seed=40, **options)
    alone = [BatchEnv(any_game, 1, seed=40 + b, **options) for b in range(3)]
    for _ in range(2):  # the second episode too
        steps = together.reset(), [env.reset() for env in alone]
        for _ in range(4):
            for field in ("state", "observation", "reward", "mean_field", "done"):
                each = np.concatenate([getattr(step, field) for step in steps[1]])
                assert np.array_equal(getattr(steps[0], field), each)
            a = rng.integers(0, any_game.num_actions, (3, 9))
            steps = together.step(a), [env.step(a[[b]]) for b, env in enumerate(alone)]


@pytest.fixture
def moves(request, monkeypatch):
    """Let the compiled step use a table of fixed moves, or the game's methods."""
    if request.param == "method":
        monkeypatch.setattr(finite_kernels, "TABLE_LIMIT", 0)
    finite_kernels.moves_table.cache_clear()
    yield request.param
    finite_kernels.moves_table.cache_clear()


@pytest.mark.parametrize("moves", ["table", "method"], indirect=True)
@covering(any_game=EVERY, num_agents=(1, 7, 2000), slow=TWICE)
def test_numba_plays_what_numpy_plays(any_game, use, moves, num_agents):
    played = []
    for backend in BACKENDS:
        use(backend)
        played.append(play(any_game, 7, 2, num_agents))
    for name, one, two in zip(("state", "observation"), *played, strict=False):
        assert np.array_equal(one, two), name
    (_, _, r, m, _), (_, _, r2, m2, _) = played
    assert np.allclose(r, r2, rtol=0, atol=1e-12)
    assert np.array_equal(m, m2)
    assert num_agents == 1 or r.std() > 0


@covering(any_game=EVERY, backend=BACKENDS, slow=TWICE)
@settings(max_examples=10)
@given(seed=st.integers(0, 2**32 - 1))
def test_players_are_exchangeable(any_game, backend, seed):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MFG_ENVS_BACKEND", backend)
        rng = np.random.default_rng(seed)
        order = rng.permutation(30)
        a = rng.integers(0, any_game.num_actions, (1, 30))
        one, two = (BatchEnv(any_game, 1, 30, 1) for _ in range(2))
        one.reset()
        two.reset()
        two.state = np.ascontiguousarray(two.state[:, order])
        assert np.array_equal(one.step(a).reward[:, order], two.step(a[:, order]).reward)


@pytest.mark.parametrize("backend", BACKENDS)
def test_an_illegal_action_wastes_the_step_and_earns_its_reward(toys, use, backend):
    use(backend)
    game = toys.Corridor(length=2)
    env = BatchEnv(game, 1, 200, 0)
    start = env.reset()
    at_the_end = start.state == 1
    step = env.step(np.where(at_the_end, 2, 0))  # everybody runs into a wall
    assert np.array_equal(step.state, start.state)
    assert np.array_equal(
        step.reward, game.reward(0, start.state, np.where(at_the_end, 2, 0), start.mean_field)
    )


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_probability_below_zero_by_rounding_is_zero(toys, use, backend):
    use(backend)

    class Rounded(toys.Garnet):
        @cached_property
        def _chances(self):
            return np.broadcast_to([-(2.0**-52), 1 + 2.0**-52, 0], (self.size, 4, 3)).copy()

        @cached_property
        def successors(self):
            return np.broadcast_to([0, 1, 2], (self.size, 4, 3)).copy()

    env = BatchEnv(Rounded(), 1, 50, 0)
    env.reset()
    assert (env.step(np.zeros((1, 50), int)).state == 1).all()


@pytest.mark.parametrize("backend", BACKENDS)
def test_products_of_states_do_not_overflow(use, backend):
    use(backend)
    game = Squares()
    squares = [x * x for x in range(game.num_states)]
    expected = [square % game.num_states for square in squares]
    assert exact.kernel(game, 0, None).next[:, 0, 0].tolist() == expected
    assert exact.rewards(game, 0, game.initial_law)[:, 0].tolist() == squares
    env = BatchEnv(game, 1, 50, 0)
    x = env.reset().state
    step = env.step(np.zeros((1, 50), int))
    assert step.state[0].tolist() == [expected[i] for i in x[0]]
    assert step.reward[0].tolist() == [squares[i] for i in x[0]]


@pytest.mark.parametrize("num_envs", [1, 2])
def test_the_law_of_the_crowd_cannot_be_changed_through_a_step(toys, num_envs):
    env = BatchEnv(toys.Garnet(), num_envs, 3, 0, mode="mean_field")
    for step in (env.reset(), env.step(np.zeros((num_envs, 3), int))):
        assert step.mean_field.shape == (num_envs, 20)
        with pytest.raises(ValueError, match="read-only"):
            step.mean_field[:] = 0


def test_episodes_differ_and_a_seed_brings_them_back(toys):
    env = BatchEnv(toys.Garnet(), 1, 100, 5)
    first, second = env.reset().state, env.reset().state
    assert not np.array_equal(first, second)
    assert np.array_equal(env.reset(5).state, first)
    assert np.array_equal(env.reset().state, second)
    unseeded = BatchEnv(toys.Garnet(), 1, 100)
    assert not np.array_equal(unseeded.reset().state, unseeded.reset().state)


TRAJECTORY = """
import hashlib
import numpy as np
from mfg_envs import BatchEnv, policies
from mfg_envs.games.ring_road import RingRoad
game = RingRoad(num_cells=6, num_speeds=4, dynamics="position")
env = BatchEnv(game, 2, 1000, 17)
env.reset()
rollout = env.rollout(policies.uniform(game), 20)
print(hashlib.sha256(env.state.tobytes() + rollout.mean_field.tobytes()).hexdigest())
"""


def test_another_process_plays_the_same(use):
    game = RingRoad(num_cells=6, num_speeds=4, dynamics="position")
    env = BatchEnv(game, 2, 1000, 17)
    env.reset()
    rollout = env.rollout(policies.uniform(game), 20)
    here = hashlib.sha256(env.state.tobytes() + rollout.mean_field.tobytes()).hexdigest()
    for backend, salt in zip(BACKENDS, "12", strict=True):
        use(backend)
        environment = {**os.environ, "PYTHONHASHSEED": salt}
        there = subprocess.run(
            [sys.executable, "-c", TRAJECTORY],
            env=environment, capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert there.stdout.strip() == here

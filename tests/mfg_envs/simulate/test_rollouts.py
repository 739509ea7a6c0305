"""A rollout is one step after another: whole, in pieces, on both back ends."""

from __future__ import annotations

import numpy as np
import pytest
from covering import covering
from toys.complete import EVERY, FINITE, TWICE

from mfg_envs import BatchEnv
from mfg_envs.simulate.alias import alias_table, sample_actions

BACKENDS = ("numpy", "numba")


MODES = ("n_agent", "mean_field")


def rule_at(policy, t):
    return policy[t] if policy.ndim == 3 else policy


def actions_of(env, policy):
    """Draw everybody's action as the compiled rollout does."""
    alias = alias_table(rule_at(policy, env.t))
    return sample_actions(alias, env.state, env.keys, env.t)


@covering(any_game=EVERY, backend=BACKENDS, mode=MODES, slow=TWICE)
def test_a_rollout_is_one_step_after_another(any_game, random_policy, use, backend, mode):
    use(backend)
    policy = random_policy(any_game, 6)
    whole, slow = (BatchEnv(any_game, 2, 100, 8, mode=mode) for _ in range(2))
    whole.reset()
    now = slow.reset()
    rollout = whole.rollout(policy, 4)
    controls = any_game.mean_field_of_controls
    for t in range(4):
        before = now.mean_field
        now = slow.step(actions_of(slow, policy))
        met = now.mean_field if mode == "n_agent" and controls else before
        assert np.array_equal(rollout.mean_field[t], met)
        assert np.allclose(rollout.reward[t], now.reward.mean(-1), rtol=0, atol=1e-13)
    assert np.array_equal(whole.state, slow.state)
    assert np.array_equal(whole.mean_field, slow.mean_field)
    assert whole.t == slow.t == 4


def test_rollouts_can_be_cut_into_pieces(any_game, random_policy, use):
    policy = random_policy(any_game, 7)
    for backend in BACKENDS:
        use(backend)
        whole, pieces = (BatchEnv(any_game, 2, 50, 9) for _ in range(2))
        whole.reset()
        pieces.reset()
        long = whole.rollout(policy, 4)
        short = [pieces.rollout(policy, steps) for steps in (1, 3)]
        assert np.array_equal(long.mean_field, np.concatenate([r.mean_field for r in short]))
        assert np.array_equal(long.reward, np.concatenate([r.reward for r in short]))


@pytest.mark.parametrize("mode", MODES)
@covering(finite_game=FINITE, num_agents=(1, 3, 4, 10, 103))
def test_a_rollout_has_the_same_bits_on_both_back_ends(
    use, finite_game, random_policy, mode, num_agents
):
    policy, played = random_policy(finite_game), []
    for name in ("numpy", "numba"):
        use(name)
        env = BatchEnv(finite_game, 3, num_agents, seed=5, mode=mode)
        env.reset()
        played.append(env.rollout(policy, finite_game.horizon))
    assert np.array_equal(played[0].mean_field, played[1].mean_field)
    assert np.array_equal(played[0].reward, played[1].reward)
    env.reset(5)
    for t, reward in enumerate(played[1].reward):  # it is the mean, to rounding
        step = env.step(sample_actions(alias_table(policy)[t], env.state, env.keys, t))
        assert reward == pytest.approx(step.reward.mean(-1), rel=1e-13, abs=1e-13)

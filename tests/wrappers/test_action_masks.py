"""Masks reach learners: MaskablePPO and TorchRL play legal actions without further code."""

import numpy as np
import pytest
import torch
from sb3_contrib import MaskablePPO
from sb3_contrib.common.maskable.utils import get_action_masks, is_masking_supported
from stable_baselines3.common.vec_env import DummyVecEnv, VecMonitor
from torchrl.envs import MarlGroupMapType
from torchrl.envs.utils import check_env_specs
from toy_envs import Clock, Masked

from agents import IndependentLearners
from mfg_envs import four_rooms_grid_v0, make_game
from wrappers import ObserveActionMask, PlayerEnv, SharedPolicyVecEnv, to_torchrl

SMALL = {"n_steps": 8, "batch_size": 8, "device": "cpu", "seed": 0}


def maskable(env):
    return MaskablePPO("MultiInputPolicy", env, **SMALL)


def legal(hour):
    return hour % 3


def check_played(env, names):
    """Every action was the only legal one of its hour."""
    assert len(env.played) >= 8
    for k, step in enumerate(env.played):
        for name in names:
            assert step[name] == legal(k % 5 + 1)


def test_a_shared_policy_plays_legal_actions_only():
    env = Masked()
    model = maskable(VecMonitor(SharedPolicyVecEnv(env, copies=2))).learn(96)
    check_played(env, env.possible_agents)
    masks = get_action_masks(model.get_env())
    assert masks.shape == (6, 3)
    assert masks.dtype == bool
    np.testing.assert_array_equal(masks[:, legal(env.t + 1)], np.ones(6, bool))


def test_every_model_of_a_team_plays_legal_actions_only():
    def late(env):
        return MaskablePPO("MultiInputPolicy", env, **{**SMALL, "n_steps": 32})

    env = Masked()
    IndependentLearners(env, {"hand_0": maskable, "hand": late}).learn(8)
    assert len(env.played) >= 32  # the first goes on acting after its 8 steps
    check_played(env, env.possible_agents)


def test_one_player_and_a_model_of_the_others_play_legal_actions_only():
    env = Masked()
    one = PlayerEnv(env, "hand_0", maskable(SharedPolicyVecEnv(Masked())))
    maskable(one).learn(16)
    check_played(env, env.possible_agents)


def test_the_masks_of_our_games_are_the_games():
    game = make_game("four_rooms_grid", horizon=5)
    env = ObserveActionMask(four_rooms_grid_v0.parallel_env(game=game, num_agents=3))
    venv = SharedPolicyVecEnv(env, copies=2)
    model = maskable(venv)
    model.learn(48)
    batch = venv.arrays.moment().batch
    wanted = game.legal_actions[batch.state].reshape(6, -1)
    np.testing.assert_array_equal(get_action_masks(venv), wanted)


@pytest.mark.parametrize(
    "make",
    [
        lambda: SharedPolicyVecEnv(Clock()),
        lambda: DummyVecEnv([lambda: PlayerEnv(Clock(), "hand_0")]),
        lambda: (
            IndependentLearners(Clock(), {"hand": lambda env: MaskablePPO("MlpPolicy", env)})
            .models["hand_0"]
            .get_env()
        ),
    ],
)
def test_environments_without_masks_claim_no_masking(make):
    assert not is_masking_supported(make())


def test_torchrl_has_masks_where_it_looks_for_them():
    env = to_torchrl(Masked(), copies=2)
    check_env_specs(env, seed=0)
    torch.manual_seed(0)
    played = env.rollout(12, break_when_any_done=False)
    hours = torch.tensor([k % 5 + 1 for k in range(12)])
    group = played["hand"]
    assert group["action_mask"].dtype == torch.bool
    wanted = torch.nn.functional.one_hot(hours % 3, 3).bool()[None, :, None].expand(2, 12, 3, 3)
    assert torch.equal(group["action_mask"], wanted)
    assert torch.equal(group["action"], (hours % 3)[None, :, None].expand(2, 12, 3))
    shown = group["observation", "observation"][..., 0]
    assert torch.equal(shown, hours.float()[None, :, None].expand(2, 12, 3))
    assert "action_mask" not in group["observation"]


def test_torchrl_draws_legal_actions_of_our_games():
    game = make_game("four_rooms_grid", horizon=5)
    env = to_torchrl(
        ObserveActionMask(four_rooms_grid_v0.parallel_env(game=game, num_agents=4)),
        copies=3,
        group_map=MarlGroupMapType.ALL_IN_ONE_GROUP,
    )
    check_env_specs(env, seed=0)
    group = env.rollout(15, break_when_any_done=False)["agents"]
    assert not group["action_mask"].all()
    assert group["action_mask"].gather(-1, group["action"][..., None]).all()

"""Best responses to the crowd of a continuous game, trained by Stable-Baselines3.

Many copies of one player learn side by side.  They see their state and the time, act in [-1, 1],
and earn rewards divided by a constant; every episode they meet the mean fields that ``crowd`` says.
Training begins with critics of the response before (and PPO's mean); SAC's actor, optimisers and
the replay buffer are new, since what the old ones hold is about another crowd.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3 import PPO, SAC
from stable_baselines3.common.vec_env import VecEnvWrapper
from torch import Tensor, nn

from mfg_envs.environments.population import PopulationEnv
from mfg_envs.game import Array, ContinuousGame
from mfg_envs.game.horizons import decisions
from wrappers import SharedPolicyVecEnv

from ..runs.torch_state import GlobalRandomness, device_of, one_thread, remove_empty_log
from .network_policies import from_scaled
from .training import Crowd, Training

RANDOM = 4
"""One in so many steps is a random one, before SAC trains: where a response has to change its
mind altogether, what the old one visits would never tell it so."""
FRESH = ("actor.", "log_std")
"""Parameters that are new for every response, for the same reason: SAC's actor, the spread of
PPO's; critics and PPO's mean go on."""


class Response(NamedTuple):
    """A trained response.

    Attributes:
        policy: Its network, float32 (P,), see ``NetworkPolicy``.
        networks: All that training goes on from, float32.
    """

    policy: Array
    networks: Array


class Meeting(VecEnvWrapper):
    """Players with actions in [-1, 1] and scaled rewards, who meet another crowd each episode."""

    def __init__(
        self, game: ContinuousGame, num_players: int, crowd: Crowd, reward_scale: float
    ) -> None:
        env = PopulationEnv(game, num_players, mode="mean_field", observe=("state", "time"))
        unit = spaces.Box(-1.0, 1.0, (game.action_dim,), np.float32)
        players = SharedPolicyVecEnv(env)
        super().__init__(players, action_space=unit)
        self._game, self._env, self._crowd = game, players.arrays.env, crowd
        self._scale, self._episode = reward_scale, 0

    def reset(self) -> Any:
        self._meet()
        return self.venv.reset()

    def step_async(self, actions: Array) -> None:
        self.venv.step_async(from_scaled(self._game, actions))

    def step_wait(self) -> Any:
        seen, reward, done, infos = self.venv.step_wait()
        if done[0]:  # all players begin and end together
            self._meet()
        return seen, reward / np.float32(self._scale), done, infos

    def _meet(self) -> None:
        self._env.set_mean_field(self._crowd(self._episode))
        self._episode += 1


def respond(
    training: Training,
    game: ContinuousGame,
    crowd: Crowd,
    *,
    reward_scale: float,
    networks: Array | None,
    seed: int,
) -> Response:
    """Train a response.

    Args:
        training: How.
        game: A game with a horizon and bounded actions.
        crowd: What is met in every episode.
        reward_scale: What rewards are divided by.
        networks: Of the response before, or None: new ones.
        seed: Of all that is random.
    """
    with GlobalRandomness(seed), one_thread():
        meeting = Meeting(game, training.num_players, crowd, reward_scale)
        meeting.seed(seed % 2**63)
        meeting.action_space.seed(seed % 2**63)  # of the random actions before SAC trains
        model = (_sac if training.response == "sac" else _ppo)(training, meeting, game)
        if networks is not None:
            _load(model, networks)
        try:
            model.learn(training.response_steps)
        finally:
            remove_empty_log(model)
        return Response(_policy(model), _networks(model))


def _sac(training: Training, env: Meeting, game: ContinuousGame) -> SAC:
    N = training.num_players
    rounds = max(1, training.response_steps // N)
    begin = max(1, rounds // RANDOM)  # rounds of random actions before training begins
    updates = -(-training.response_updates // max(1, rounds - begin))
    return SAC(
        "MlpPolicy",
        env,
        learning_rate=_falling(training.learning_rate),
        buffer_size=max(training.response_steps + N, N),
        learning_starts=begin * N,
        batch_size=training.response_batch,
        gamma=game.discount,
        train_freq=1,
        gradient_steps=updates,
        ent_coef=training.entropy,
        policy_kwargs={"net_arch": list(training.hidden), "optimizer_kwargs": {"fused": True}},
        device=device_of(training.device),
    )


def _ppo(training: Training, env: Meeting, game: ContinuousGame) -> PPO:
    N, T = training.num_players, decisions(game)
    rollouts = max(1, training.response_steps // (N * T))
    most = max(1, N * T // training.response_batch)
    parts = max(i for i in range(1, most + 1) if N * T % i == 0)  # minibatches of one size
    epochs = round(training.response_updates / rollouts / parts)
    return PPO(
        "MlpPolicy",
        env,
        learning_rate=_falling(training.learning_rate),
        n_steps=T,
        batch_size=N * T // parts,
        n_epochs=max(1, epochs),
        ent_coef=training.entropy,
        gamma=game.discount,
        policy_kwargs={
            "net_arch": list(training.hidden),
            "activation_fn": nn.ReLU,
            "log_std_init": -0.5,
            "optimizer_kwargs": {"fused": True, "eps": 1e-5},
        },
        device=device_of(training.device),
    )


def _falling(rate: float) -> Callable[[float], float]:
    """Return a learning rate that falls to a tenth; the last steps settle what was found."""
    return lambda left: rate * (0.1 + 0.9 * left)


def _parameters(model: Any) -> list[Tensor]:
    """Return all that training goes on from, in a fixed order."""
    named = sorted(model.policy.state_dict().items())
    return [value for name, value in named if not name.startswith(FRESH)]


def _networks(model: Any) -> Array:
    return torch.cat([p.detach().reshape(-1) for p in _parameters(model)]).cpu().numpy()


def _load(model: Any, networks: Array) -> None:
    """Store flat parameters in a model."""
    begin, flat = 0, torch.from_numpy(np.array(networks, np.float32))
    with torch.no_grad():
        for p in _parameters(model):
            p.copy_(flat[begin : begin + p.numel()].reshape(p.shape))
            begin += p.numel()


def _policy(model: Any) -> Array:
    """Return the trained policy as ``NetworkPolicy`` takes it, float32 (P,)."""
    policy = model.policy
    if isinstance(model, SAC):
        hidden, mean, log_std = policy.actor.latent_pi, policy.actor.mu, policy.actor.log_std
        last = torch.cat([mean.weight, log_std.weight]).T, torch.cat([mean.bias, log_std.bias])
    else:
        hidden, mean = policy.mlp_extractor.policy_net, policy.action_net
        still = torch.zeros_like(mean.weight)
        last = torch.cat([mean.weight, still]).T, torch.cat([mean.bias, policy.log_std])
    linear = [layer for layer in hidden if isinstance(layer, nn.Linear)]
    parts = [part for layer in linear for part in (layer.weight.T, layer.bias)]
    flat = torch.cat([p.detach().reshape(-1).cpu() for p in (*parts, *last)])
    return flat.numpy().astype(np.float32)

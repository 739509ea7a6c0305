"""What one player of a set of models learns to do when all others keep to theirs.

For ``metrics.team_gap``: the others' models are frozen, and the player, in many copies of the
population at once, learns against them with any unmodified Stable-Baselines3 algorithm.  It begins
with its own model, if that is of the same kind.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.vec_env import VecEnv

from mfg_envs.game import check_range
from mfg_envs.metrics import Seat
from mfg_envs.players.policy import Policy
from mfg_envs.simulate.acting import as_policy
from mfg_envs.simulate.batch import BatchEnv
from wrappers.relay_vec_env import RelayVecEnv

from ..runs.torch_state import GlobalRandomness, one_thread


@dataclass(frozen=True)
class LearnedDeviation:
    """Train a response of one player to the models of all others; a ``response`` of ``team_gap``.

    It plays what it finds best, the mean or the most probable action.

    Args:
        factory: Makes the model: ``lambda env: PPO("MlpPolicy", env)``; ``VecNormalize`` around
            the environment is understood.
        total_timesteps: Steps of the player, all copies counted, as in ``model.learn``.
        copies: Copies of the population that are played side by side, as many sub-environments.
        warm_start: Whether to begin with the player's own weights where its model is of the same
            kind and size; running statistics of ``VecNormalize`` come along.
        callback: Of the model's learning.

    Raises:
        ValueError: If a number is out of its range, or what is made is no policy of the game, see
            ``as_policy``: it has a memory, or a wrapper that is not known.
    """

    factory: Callable[[VecEnv], BaseAlgorithm]
    total_timesteps: int
    copies: int = 8
    warm_start: bool = True
    callback: BaseCallback | None = None

    def __post_init__(self) -> None:
        check_range("total_timesteps", self.total_timesteps, 1)
        check_range("copies", self.copies, 1)

    @one_thread()
    def __call__(self, seat: Seat) -> Policy:
        """Return the trained response of a player."""
        venv = SeatVecEnv(seat, self.copies)
        with GlobalRandomness(seat.seed):
            venv.seed(seat.seed)
            venv.action_space.seed(seat.seed)
            model = self.factory(venv)
            response = as_policy(seat.game, model, deterministic=True)  # refused now, or never
            if self.warm_start:
                begin_with(model, seat.model)
            model.learn(self.total_timesteps, callback=self.callback)
        return response


class SeatVecEnv(RelayVecEnv):
    """What one player sees of copies of its population, in which all others keep to their models.

    A horizon terminates; a stationary game is cut after ``seat.num_steps``.

    Args:
        seat: The player, and the others.
        copies: Copies of the population, a sub-environment each.
    """

    def __init__(self, seat: Seat, copies: int) -> None:
        self.seat = seat
        self.batch = BatchEnv(seat.game, copies, seat.num_agents, observe=seat.observe)
        super().__init__(copies, self.batch.observer.space, self.batch.action_space)

    @property
    def observed_parts(self) -> tuple[str, ...]:
        """Parts of what the player sees, see ``Observer``."""
        return self.batch.observer.parts

    def reset(self) -> Any:
        self.seen = self._own(self.batch.reset(self._seeds[0]).observation)
        self._reset_seeds()
        return super().reset()

    def step_wait(self) -> Any:
        seat, batch = self.seat, self.batch
        actions = np.array(seat.policy.actions(batch))
        actions[:, seat.player] = self.acted
        step = batch.step(actions)
        reward = step.reward[:, seat.player].astype(np.float32)
        self.seen = self._own(step.observation)
        ended = batch.over or batch.t >= seat.num_steps
        infos: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        if ended:
            cut = not batch.over
            infos = [{"terminal_observation": x, "TimeLimit.truncated": cut} for x in self.seen]
            self.seen = self._own(batch.reset().observation)
        self.outcome = reward, np.full(self.num_envs, ended), infos
        return super().step_wait()

    def _own(self, observation: Any) -> Any:
        """Return what the player sees, of what all see."""
        return observation[:, self.seat.player].astype(self.observation_space.dtype)


def begin_with(model: BaseAlgorithm, own: Any) -> bool:
    """Let a model begin with the weights of another one; return whether that fits."""
    if type(own) is not type(model):
        return False
    before, after = own.policy.state_dict(), model.policy.state_dict()
    if {k: v.shape for k, v in before.items()} != {k: v.shape for k, v in after.items()}:
        return False
    parameters: Any = own.get_parameters()
    model.set_parameters(parameters)
    there, here = own.get_vec_normalize_env(), model.get_vec_normalize_env()
    if there is not None and here is not None:
        for name in ("obs_rms", "ret_rms"):
            if hasattr(here, name) and hasattr(there, name):
                setattr(here, name, copy.deepcopy(getattr(there, name)))
    return True

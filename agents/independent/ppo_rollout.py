"""The PyTorch half of ``BatchedIndependentPPO``: rollouts and updates of stacked networks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor
from torch.distributions import Categorical, Distribution, Normal
from torch.nn.functional import one_hot

from mfg_envs.game import Array
from mfg_envs.numerics.memory import check_memory
from mfg_envs.simulate.snapshot import PARTS, restore, snapshot
from wrappers import as_arrays
from wrappers.population_arrays import GameArrays, PopulationArrays

from .advantages import advantages
from .stacked_networks import Networks, Shape, descend, first_weights


class Rollout(NamedTuple):
    """T steps of B copies, by player: (N, T * B, ...) but for the rewards.

    Attributes:
        observation: (N, R, D).
        action: (N, R) or (N, R, A).
        log_probability: Of the actions when they were drawn, (N, R).
        advantage: (N, R).
        target: Of the values, (N, R).
        reward: Mean of a step, (N,).
    """

    observation: Tensor
    action: Tensor
    log_probability: Tensor
    advantage: Tensor
    target: Tensor
    reward: Array


class Training:
    """Networks, optimiser, environment and random numbers of a run.

    Args:
        learner: The hyper-parameters.
        env: A PettingZoo ``ParallelEnv``.
        seed: Of everything, below 2^63.
    """

    def __init__(self, learner: Any, env: Any, seed: int) -> None:
        self.learner, self.arrays = learner, as_arrays(env, learner.copies, "refuse")
        self.shape = _shape(self.arrays, learner.hidden)
        self.num_players = len(self.arrays.agents)
        transitions = learner.num_steps * learner.copies
        _check_memory(self.num_players, sum(self.shape.parts), transitions, self.shape.observation)
        self.generator = torch.Generator().manual_seed(seed)
        self.weights = first_weights(self.shape, self.num_players, self.generator)
        self.moments = torch.zeros(2, *self.weights.shape)
        self.steps = 0
        self.seen = self._look(self.arrays.reset(seed >> 32))

    @property
    def mean_field(self) -> Array:
        """Mean field of the first copy; empty for foreign environments."""
        ours = isinstance(self.arrays, GameArrays)
        return np.array(self.arrays.env.mean_field) if ours else np.empty(0)

    def rollout(self) -> Rollout:
        """Play T steps."""
        learner, N, B = self.learner, self.num_players, self.arrays.copies
        networks = Networks.of(self.shape, self.weights)
        seen, acted, logs, values, rewards, paid, begins = [], [], [], [], [], [], []
        with torch.no_grad():
            for _ in range(learner.num_steps):
                output = networks.policy(self.seen)
                a = networks.draw(output, self.generator)
                seen.append(self.seen)
                acted.append(a)
                logs.append(networks.log_probability(output, a))
                values.append(networks.value(self.seen).numpy())
                rows = self.arrays.step(self._actions(a))
                reward = rows.reward.astype(np.float32).reshape(B, N).T
                cut = (rows.truncated & ~rows.terminated).reshape(B, N).T
                rewards.append(reward)
                if cut.any():
                    last = rows.observation if rows.final is None else rows.final
                    ahead = networks.value(self._look(last)).numpy()
                    reward = reward + learner.discount * np.where(cut, ahead, 0)
                paid.append(reward)
                begins.append((rows.terminated | rows.truncated).reshape(B, N).T)
                self.seen = self._look(rows.observation)
            last = networks.value(self.seen).numpy()
        value = np.stack(values)
        gain = advantages(
            np.stack(paid), value, np.stack(begins), last, learner.discount, learner.gae_lambda
        )
        played = map(torch.stack, (seen, acted, logs))
        collected = (*played, torch.from_numpy(gain), torch.from_numpy(gain + value))
        observation, action, log, advantage, target = (
            part.movedim(0, 1).flatten(1, 2) for part in collected
        )
        mean = np.stack(rewards).mean((0, 2), dtype=np.float64)
        return Rollout(observation, action, log, advantage, target, mean)

    def update(self, rollout: Rollout) -> Array:
        """Improve every player's networks on a rollout; return its mean rewards (N,)."""
        learner, size = self.learner, rollout.advantage.shape[1]
        for _ in range(learner.num_epochs):
            order = torch.randperm(size, generator=self.generator)
            for part in order.tensor_split(learner.num_minibatches):
                weights = self.weights.clone().requires_grad_()
                self._loss(Networks.of(self.shape, weights), rollout, part).backward()
                assert weights.grad is not None
                self._descend(weights.grad)
        return rollout.reward

    def snapshot(self) -> dict[str, Array]:
        """Return all it takes to go on, as new arrays."""
        memory = {
            "weights": self.weights.numpy().copy(),
            "moments": self.moments.numpy().copy(),
            "steps": np.array(self.steps),
            "generator": self.generator.get_state().numpy().copy(),
        }
        if isinstance(self.arrays, GameArrays):
            moment = snapshot(self.arrays.env.batch)
            memory |= {f"game_{name}": part for name, part in moment.items()}
        return memory

    def restore(self, memory: Mapping[str, Array]) -> None:
        """Go on from a snapshot."""
        self.weights = torch.from_numpy(memory["weights"].copy())
        self.moments = torch.from_numpy(memory["moments"].copy())
        self.steps = int(memory["steps"])
        self.generator.set_state(torch.from_numpy(memory["generator"].copy()))
        if isinstance(self.arrays, GameArrays):
            moment = {name: memory[f"game_{name}"] for name in PARTS}
            seen = restore(self.arrays.env.batch, moment)
            self.seen = self._look(seen.reshape(self.arrays.num_rows, *seen.shape[2:]))

    def _loss(self, networks: Networks, rollout: Rollout, part: Tensor) -> Tensor:
        """Return the sum of the players' losses on some transitions (arXiv 1707.06347, eq. 9)."""
        learner = self.learner
        seen, acted = rollout.observation[:, part], rollout.action[:, part]
        output = networks.policy(seen)
        ratio = (networks.log_probability(output, acted) - rollout.log_probability[:, part]).exp()
        gain = rollout.advantage[:, part]
        if gain.shape[1] > 1:
            gain = (gain - gain.mean(1, keepdim=True)) / (gain.std(1, keepdim=True) + 1e-8)
        clipped = ratio.clamp(1 - learner.clip, 1 + learner.clip)
        surrogate = torch.minimum(ratio * gain, clipped * gain).mean(1)
        error = ((networks.value(seen) - rollout.target[:, part]) ** 2).mean(1)
        loss = learner.value_weight * error - surrogate
        if learner.entropy_weight:
            loss = loss - learner.entropy_weight * networks.entropy(output).mean(-1)
        return loss.sum()

    def _descend(self, gradient: Tensor) -> None:
        """Take a step of Adam, every player's gradient clipped by itself."""
        norm = gradient.norm(dim=1, keepdim=True)
        gradient *= (self.learner.max_gradient / (norm + 1e-6)).clamp_max(1.0)
        self.steps += 1
        self.weights = descend(
            self.weights, gradient, self.moments, self.steps, self.learner.learning_rate
        )

    def _look(self, rows: Any) -> Tensor:
        """Return rows of observations as (N, B, D)."""
        seen = _numbers(self.arrays, rows)
        return (
            torch.from_numpy(seen).unflatten(0, (-1, self.num_players)).transpose(0, 1).contiguous()
        )

    def _actions(self, a: Tensor) -> Array:
        """Return actions (N, B, ...) as rows, within their bounds."""
        rows = a.transpose(0, 1).flatten(0, 1).numpy()
        space = self.arrays.action_space
        if isinstance(space, spaces.Box):
            return np.clip(rows.reshape(-1, *space.shape), space.low, space.high)
        return rows


def player(learner: Any, env: Any, weights: Array, name: str) -> Callable[[Any], Array]:
    """Return the policy of one player, see ``BatchedIndependentPPO.player``."""
    arrays = as_arrays(env)
    i, shape = arrays.agents.index(name), _shape(arrays, learner.hidden)
    networks = Networks.of(shape, torch.from_numpy(weights[i : i + 1].copy()))
    space: Any = arrays.action_space

    def act(observation: Any) -> Array:
        with torch.no_grad():
            output = networks.policy(torch.from_numpy(_numbers(arrays, observation))[None])[0]
        if shape.discrete:
            return output.argmax(-1).numpy()
        return np.clip(output.numpy().reshape(-1, *space.shape), space.low, space.high)

    return act


class PlayerModule(torch.nn.Module):
    """The policy of one player: observations (R, ...) -> the law of its actions."""

    def __init__(self, shape: Shape, weights: Tensor) -> None:
        super().__init__()
        self.shape, self.networks = shape, Networks.of(shape, weights)

    def forward(self, rows: Tensor) -> Distribution:
        shape = self.shape
        seen = rows if rows.is_floating_point() else one_hot(rows.long(), shape.observation)
        output = self.networks.policy(seen.float().reshape(1, len(rows), -1))[0]
        if shape.discrete:
            return Categorical(logits=output)
        return Normal(output, self.networks.parts[-1][0].exp())


def modules(learner: Any, env: Any, weights: Array) -> dict[str, PlayerModule]:
    """Return the policies of all players by name, see ``BatchedIndependentPPO.models``."""
    arrays = as_arrays(env)
    shape, rows = _shape(arrays, learner.hidden), torch.from_numpy(weights.copy()).split(1)
    return {name: PlayerModule(shape, row) for name, row in zip(arrays.agents, rows, strict=True)}


def _check_memory(num_players: int, parameters: int, transitions: int, width: int) -> None:
    """Refuse networks and rollouts that do not fit into memory."""
    check_memory(num_players, 24 * parameters + 4 * transitions * (width + 6), "players")


def _shape(arrays: PopulationArrays, hidden: tuple[int, ...]) -> Shape:
    """Return the shape of the networks that fit an environment."""
    seen, act = arrays.observation_space, arrays.action_space
    if not isinstance(seen, spaces.Box | spaces.Discrete):
        raise ValueError(f"observations must be a Box or Discrete, got {seen}")
    if not isinstance(act, spaces.Box | spaces.Discrete):
        raise ValueError(f"actions must be a Box or Discrete, got {act}")
    width = int(seen.n) if isinstance(seen, spaces.Discrete) else int(np.prod(seen.shape))
    discrete = isinstance(act, spaces.Discrete)
    return Shape(width, hidden, int(act.n) if discrete else int(np.prod(act.shape)), discrete)


def _numbers(arrays: PopulationArrays, rows: Any) -> Array:
    """Return observations as float32 (R, D), an index as a one-hot vector."""
    if isinstance(arrays.observation_space, spaces.Discrete):
        return np.eye(int(arrays.observation_space.n), dtype=np.float32)[rows]
    return np.ascontiguousarray(rows, np.float32).reshape(len(rows), -1)

"""Trained models as policies: they see observations of state, time and crowd.

Their chances are asked for, and drawn from by counters: players do the same whatever PyTorch's
own generator does.  Where a network rounds by how many rows it is given, so does the law.
"""

from __future__ import annotations

import inspect
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

from mfg_envs.game import Array, ContinuousGame, FiniteGame, check_range
from mfg_envs.players.policy import Draws, Policy, over_normal

PASSED = {
    *("VecNormalize", "VecMonitor", "VecVideoRecorder", "VecCheckNan", "Monitor", "RewardWrapper"),
    *("TimeLimit", "OrderEnforcing", "PassiveEnvChecker", "RecordEpisodeStatistics", "RecordVideo"),
}
"""Wrappers through which a model may have learned: the first is applied, others change nothing."""


@dataclass(frozen=True, eq=False)
class _Observing(Policy):
    """A policy that sees what an observer shows it.

    Attributes:
        game: The game that is played.
        observer: Turns states, time and crowd into observations.
        trained: The model or module.
        epsilon: Chance of an evenly drawn legal action instead; finite games.
        deterministic: Whether it does what it finds best, the mean or the most probable action.
    """

    game: FiniteGame | ContinuousGame
    observer: Any
    trained: Any
    epsilon: float = 0.0
    deterministic: bool = False

    def __post_init__(self) -> None:
        check_range("epsilon", self.epsilon, 0, 1)
        if self.epsilon and isinstance(self.game, ContinuousGame):
            raise ValueError("epsilon is for finite games: actions here are no finite set")

    @property
    def reads_crowd(self) -> bool:
        return self.observer.crowd

    def act(self, t: int, x: Array, draws: Draws, m: Array | None = None) -> Array:
        return self._act(x, self._seen(t, x, m), draws)

    def actions(self, batch: Any) -> Array:
        return self._act(batch.state, batch.look(self.observer), Draws.of(batch))

    def law(self, t: int, x: Array, m: Array | None = None) -> Array:
        if isinstance(self.game, ContinuousGame):
            return super().law(t, x, m)
        return self._law(x, self._seen(t, x, m))

    def mean(self, t: int, x: Array, m: Array | None = None) -> Array:
        game, seen = self.game, self._seen(t, x, m)
        if isinstance(game, FiniteGame):
            return super().mean(t, x, m)
        size = (len(x), x.shape[1] * game.action_dim)
        return over_normal(lambda number: self._points(x, seen, np.full(size, number)))

    @abstractmethod
    def _chances(self, rows: Array, legal: Array) -> Array:
        """Return the chances of actions (R, A), given observations and what is legal."""

    @abstractmethod
    def _drawn(self, rows: Array, normal: Array) -> Array:
        """Return actions (R, k), given observations and standard normal numbers (R, k)."""

    def _seen(self, t: int, x: Array, m: Array | None) -> Array:
        """Return the observations of all players, (B, N, ...)."""
        if m is None:
            if self.reads_crowd:
                raise ValueError(f"what is seen, {self.observer.parts}, needs the mean field m")
            m = np.zeros((1, *self.game.mean_field_shape))
        if isinstance(self.game, FiniteGame) and self.game.mean_field_of_controls:
            m = m.sum(-1)
        return self.observer(x, t, m)

    def _act(self, x: Array, seen: Array, draws: Draws) -> Array:
        if isinstance(self.game, ContinuousGame):
            return self._points(x, seen, draws.normals(x.shape[1] * self.game.action_dim))
        below = self._law(x, seen).cumsum(-1)
        u = draws.uniform(x.shape[1])[..., None] * below[..., -1:]  # the last legal one is the last
        return (u >= below[..., :-1]).sum(-1).astype(np.int32)

    def _law(self, x: Array, seen: Array) -> Array:
        game: Any = self.game
        legal = game.legal_actions[x]
        even = legal / legal.sum(-1, keepdims=True)
        rows = seen.reshape(x.size, *seen.shape[2:])
        law = self._chances(rows, legal.reshape(x.size, -1)).reshape(legal.shape) * legal
        if self.deterministic:
            law = np.eye(legal.shape[-1])[law.argmax(-1)] * legal
        total = law.sum(-1, keepdims=True)
        law = np.where(total > 0, law / np.where(total > 0, total, 1), even)
        return (1 - self.epsilon) * law + self.epsilon * even

    def _points(self, x: Array, seen: Array, normal: Array) -> Array:
        """Return actions of a continuous game, within its bounds, given numbers (B, N k)."""
        game: Any = self.game
        (B, N), k = x.shape[:2], game.action_dim
        normal = np.zeros_like(normal) if self.deterministic else normal
        a = self._drawn(seen.reshape(B * N, *seen.shape[2:]), normal.reshape(B * N, k))
        return np.clip(a.reshape(B, N, k), game.action_low, game.action_high)


class Model(_Observing):
    """A model of Stable-Baselines3, or anything else with its ``predict``.

    PPO, A2C and MaskablePPO draw from their laws, SAC from its squashed one; all others do what
    ``predict(deterministic=True)`` says.  Chances of illegal actions are given to the legal ones.
    Observations pass through the model's ``VecNormalize``.

    Raises:
        ValueError: If the model sees or does something else, has a memory, or learned through
            wrappers that are not known here; ``wrappers.PlayerEnv`` takes those along.
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        name, seen = type(self.trained).__name__, getattr(self.trained, "observation_space", None)
        given = self.observer.space
        if seen is not None and _size(seen) != _size(given):
            raise ValueError(
                f"the {name} sees {seen}, and {self.observer.parts} is {given}: give"
                " observe=, the parts that it was trained on"
            )
        played = getattr(self.trained, "action_space", None)
        size = getattr(self.game, "num_actions", None)
        shape = () if isinstance(self.game, FiniteGame) else (self.game.action_dim,)
        if played is not None and (played.shape, getattr(played, "n", None)) != (shape, size):
            raise ValueError(f"the {name} does {played}, which are no actions of {self.game.name}")
        if hasattr(self._network, "lstm_actor"):
            raise ValueError(f"the {name} has a memory, a policy of a game has none")
        for wrapper in self._stack():
            if PASSED.isdisjoint(cls.__name__ for cls in type(wrapper).__mro__):
                raise ValueError(
                    f"the {name} plays through {type(wrapper).__name__}: let it play in"
                    " wrappers.PlayerEnv, which takes its wrappers along"
                )

    @property
    def _network(self) -> Any:
        return getattr(self.trained, "policy", self.trained)

    def _stack(self) -> list[Any]:
        """Return the wrappers of the model's environment, those around all copies of it first."""
        env: Any = self.trained.get_env() if hasattr(self.trained, "get_env") else None
        found: list[Any] = []
        while hasattr(env, "venv"):
            found.insert(0, env)
            env = env.venv
        env = next(iter(getattr(env, "envs", ())), None)
        while isinstance(env, gymnasium.Wrapper):
            found.append(env)
            env = env.env
        return found

    def _asked(self, ask: Callable[..., Any], rows: Array, **given: Any) -> Any:
        """Return what a part of the network says of observations, without gradients."""
        import torch

        self._network.set_training_mode(False)
        with torch.no_grad():
            return ask(self._network.obs_to_tensor(rows)[0], **given)

    def _normalised(self, rows: Array) -> Array:
        for wrapper in self._stack():
            if hasattr(wrapper, "normalize_obs"):
                rows = wrapper.normalize_obs(rows)
        return rows

    def _distribution(self, rows: Array, **given: Any) -> Any:
        """Return PyTorch's law of actions, or None: the model has none."""
        if not hasattr(self._network, "get_distribution"):
            return None
        takes = inspect.signature(self._network.get_distribution).parameters
        given = {key: value for key, value in given.items() if key in takes}
        return self._asked(self._network.get_distribution, rows, **given).distribution

    def _chances(self, rows: Array, legal: Array) -> Array:
        rows = self._normalised(rows)
        law = self._distribution(rows, action_masks=legal)
        if law is not None:
            return _numbers(law.probs)
        a = np.asarray(self.trained.predict(rows, deterministic=True)[0]).reshape(-1)
        return np.eye(legal.shape[-1])[a]

    def _drawn(self, rows: Array, normal: Array) -> Array:
        rows, network = self._normalised(rows), self._network
        squashed = getattr(network, "squash_output", False)
        if hasattr(getattr(network, "actor", None), "get_action_dist_params"):
            mean, log_std, _ = self._asked(network.actor.get_action_dist_params, rows)
            a = np.tanh(_numbers(mean) + np.exp(_numbers(log_std)) * normal)
            return network.unscale_action(a)
        law = None if squashed else self._distribution(rows)
        if law is None:
            return np.asarray(self.trained.predict(rows, deterministic=True)[0], np.float64)
        return _numbers(law.mean) + _numbers(law.stddev) * normal


class Module(_Observing):
    """A torch module that takes observations, float32 (R, D), or int64 (R,) for ("index",).

    In a finite game it gives logits of actions (R, A), of which the legal ones count; in a
    continuous one actions (R, k).  Or a law of PyTorch: categorical, or normal.
    """

    def _chances(self, rows: Array, legal: Array) -> Array:
        out = self._forward(rows)
        if hasattr(out, "probs"):
            return _numbers(out.probs)
        logits = _numbers(out)
        if logits.shape != legal.shape:
            raise ValueError(
                f"the module must give logits of actions (R, A) = {legal.shape}, got {logits.shape}"
            )
        best = np.where(legal, logits, -np.inf).max(-1, keepdims=True)
        return np.exp(np.where(legal, logits - best, -np.inf))

    def _drawn(self, rows: Array, normal: Array) -> Array:
        out = self._forward(rows)
        a = _numbers(out.mean if hasattr(out, "stddev") else out)
        if a.shape != normal.shape:
            raise ValueError(f"the module must give actions (R, k) = {normal.shape}, got {a.shape}")
        return a + _numbers(out.stddev) * normal if hasattr(out, "stddev") else a

    def _forward(self, rows: Array) -> Any:
        """Return what the module gives, as in evaluation, without gradients."""
        import torch

        module, first = self.trained, next(self.trained.parameters(), torch.empty(0))
        modes = [(part, part.training) for part in module.modules()]
        module.eval()
        try:
            with torch.no_grad():
                return module(torch.as_tensor(rows, device=first.device))
        except RuntimeError as error:
            raise ValueError(
                f"the {type(module).__name__} does not take observations of {self.observer.parts},"
                f" {rows.shape} ({error}): give observe=, the parts that it was trained on"
            ) from error
        finally:
            for part, training in modes:
                part.training = training


def _size(space: spaces.Space[Any]) -> Any:
    """Return what tells observations apart, whatever their bounds."""
    return space.shape, spaces.flatdim(space)


def _numbers(tensor: Any) -> Array:
    return tensor.detach().cpu().numpy().astype(np.float64)

"""A model of Stable-Baselines3 that plays where it did not learn, through its own VecEnvWrappers.

What a model has learned holds for what its ``VecEnvWrapper`` stack shows it (normalised, stacked)
and for the actions that the stack passes on.  So the stack comes along: it is copied, wrapper by
wrapper, onto a ``RelayVecEnv`` that is told what the player sees, and whose actions are played.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.wrappers import (
    OrderEnforcing,
    PassiveEnvChecker,
    RecordEpisodeStatistics,
    RecordVideo,
    TimeLimit,
)

from mfg_envs.game import Array

from .action_masks import MASKS
from .dict_copies import taken
from .relay_vec_env import RelayVecEnv

try:
    from stable_baselines3.common.monitor import Monitor
    from stable_baselines3.common.running_mean_std import RunningMeanStd
    from stable_baselines3.common.vec_env import (
        VecEnv,
        VecEnvWrapper,
        VecMonitor,
        VecVideoRecorder,
    )
except ImportError as error:
    raise ImportError('models of Stable-Baselines3 need it: pip install "mfg-envs[sb3]"') from error

RECORDERS = (VecMonitor, VecVideoRecorder)
"""Wrappers that change neither observations nor actions, and would write to the model's files."""
TRANSPARENT = (
    *(Monitor, TimeLimit, OrderEnforcing, PassiveEnvChecker, RecordEpisodeStatistics, RecordVideo),
    gymnasium.RewardWrapper,
)
"""Gymnasium's wrappers below a VecEnv that change neither observations nor actions."""


class ModelPlayer:
    """Let a model act for K players of a kind, through copies of its own VecEnvWrappers.

    ``begin``, then ``act`` and ``hear`` in turn.  A stack serves as many players as the model's
    environment has sub-environments; there are as many copies of it as K players need.  Their
    ``training`` is off and running statistics are the model's own: used, not updated.

    Args:
        model: A Stable-Baselines3 algorithm or policy; one without environment acts as it is.
        observation_space: Of one player.
        action_space: Of one player.
        num_players: Players, K.

    Attributes:
        shown: What the stack shows the model now.
        begun: Whether the players have begun to play.

    Raises:
        ValueError: If the model plays with other spaces, or through Gymnasium wrappers inside its
            environment, which cannot be copied out of it, or a wrapper overrides ``step``.
    """

    def __init__(
        self, model: Any, observation_space: Any, action_space: Any, num_players: int
    ) -> None:
        self.model, self.begun, self.shown = model, False, None
        own = model.get_env() if hasattr(model, "get_env") else None
        stack: list[Any] = []
        while isinstance(own, VecEnvWrapper):
            stack.append(own)
            own = own.venv
        stack = [wrapper for wrapper in reversed(stack) if not isinstance(wrapper, RECORDERS)]
        _check(model, model if own is None else own, observation_space, action_space)
        rows = own.num_envs if own is not None and stack else num_players
        count = -(-num_players // rows)
        self._players = num_players
        self._who = np.minimum(np.arange(count * rows), num_players - 1)  # the rest is padding
        self._parts = [slice(k * rows, (k + 1) * rows) for k in range(count)]
        self._relays = [RelayVecEnv(rows, observation_space, action_space) for _ in self._parts]
        self._tops = [_copied(stack, own, relay, model) for relay in self._relays]
        asks = inspect.signature(model.predict).parameters
        self._masked = MASKS in asks and self._tops[0].has_attr(MASKS)
        self._starts, self._state = np.ones(len(self._who), bool), None

    def begin(self, seen: Any) -> None:
        """Start an episode of all players, who see ``seen`` (K, ...)."""
        rows = taken(seen, self._who)
        for relay, part in zip(self._relays, self._parts, strict=True):
            relay.seen = taken(rows, part)
        self._show([top.reset() for top in self._tops])
        self._starts, self._state, self.begun = np.ones(len(self._who), bool), None, True

    def go_on(self, shown: Any, starts: Array, seen: Any, state: Any = None) -> None:
        """Go on where the model's own environment is now; the players are its sub-environments.

        Args:
            shown: What the stack shows the model, (K, ...).
            starts: Whose episode begins with that, bool (K,).
            seen: What the stack was given, (K, ...).
            state: What the model remembers, as ``predict`` takes it.
        """
        self._relays[0].seen = seen
        self.shown, self._starts, self._state, self.begun = shown, starts, state, True

    def act(self, deterministic: bool = False) -> Any:
        """Return what the players do now, (K, ...)."""
        given: dict[str, Any] = {}
        if self._masked:
            given[MASKS] = np.concatenate([np.stack(top.env_method(MASKS)) for top in self._tops])
        actions, self._state = self.model.predict(
            self.shown, self._state, self._starts, deterministic=deterministic, **given
        )
        for top, part in zip(self._tops, self._parts, strict=True):
            top.step_async(actions[part])
        return np.concatenate([relay.acted for relay in self._relays])[: self._players]

    def hear(self, seen: Any, reward: Array, done: Array, infos: Sequence[dict[str, Any]]) -> None:
        """Tell the players what came of it, as ``VecEnv.step`` does: (K, ...) each."""
        who, rows = self._who, taken(seen, self._who)
        for relay, part in zip(self._relays, self._parts, strict=True):
            told = [dict(infos[i]) for i in who[part]]  # a wrapper may write into them
            relay.seen = taken(rows, part)
            relay.outcome = reward[who[part]].astype(np.float32), done[who[part]], told
        self._show([top.step_wait()[0] for top in self._tops])
        self._starts = done[who]

    def remembers(self, seen: Any) -> bool:
        """Return whether the players act on more than what they see now, tried on ``seen``."""
        self.begin(seen)
        first = copy.deepcopy(self.shown)
        self.act(deterministic=True)
        nothing = np.zeros(self._players)
        self.hear(seen, nothing, nothing.astype(bool), [{}] * self._players)
        return self._state is not None or not _equal(first, self.shown)

    def _show(self, parts: list[Any]) -> None:
        if isinstance(parts[0], dict):
            self.shown = {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}
        else:
            self.shown = np.concatenate(parts)


def _copied(stack: Sequence[Any], own: Any, relay: RelayVecEnv, model: Any) -> Any:
    """Return copies of wrappers, innermost first, one on the other and the first on a relay.

    The copies are made attribute by attribute: a wrapper looks up what it lacks in the one below,
    which would mislead Python's own copying.
    """
    top: Any = relay
    memo: dict[int, Any] = {id(own): relay, id(model): model}
    for wrapper in stack:
        if type(wrapper).step is not VecEnv.step:
            raise ValueError(
                f"{type(wrapper).__name__} overrides step, which is not called where players act"
                " together: override step_async and step_wait"
            )
        clone = object.__new__(type(wrapper))
        memo[id(wrapper)] = clone
        attributes = dict(vars(wrapper), venv=top)
        if isinstance(attributes.get("training"), bool):
            attributes["training"] = False
            memo |= {id(kept): kept for kept in _statistics(attributes.values())}
        shared = ("venv", "class_attributes")
        vars(clone).update(
            {k: v if k in shared else _apart(v, memo) for k, v in attributes.items()}
        )
        top = clone
    return top


def _statistics(values: Iterable[Any]) -> Iterator[RunningMeanStd]:
    for value in values:
        if isinstance(value, dict):
            yield from _statistics(value.values())
        elif isinstance(value, RunningMeanStd):
            yield value


def _apart(value: Any, memo: dict[int, Any]) -> Any:
    """Return a copy of an attribute; what refuses to be copied, an open file say, is shared."""
    try:
        return copy.deepcopy(value, memo)
    except Exception:  # anything may be in it, and says so in its own way
        return value


def _check(model: Any, own: Any, observation_space: Any, action_space: Any) -> None:
    """Refuse a model whose environment is unlike the players'."""
    name = type(model).__name__
    env = next(iter(getattr(own, "envs", ())), None)  # of a DummyVecEnv
    while isinstance(env, gymnasium.Wrapper):
        if not isinstance(env, TRANSPARENT):
            raise ValueError(
                f"the {name} plays through {type(env).__name__} inside its environment, which"
                " cannot be taken along: use a VecEnvWrapper around it, or give a function of"
                " observations that does what the wrapper does"
            )
        env = env.env
    for wanted, given in zip(
        (own.observation_space, own.action_space), (observation_space, action_space), strict=True
    ):
        if not _alike(wanted, given):
            raise ValueError(f"the {name} plays with {wanted}, these players have {given}")


def _alike(one: Any, two: Any) -> bool:
    """Return whether elements of one space are like those of the other, whatever their bounds."""
    if type(one) is not type(two) or one.shape != two.shape:
        return False
    if isinstance(one, spaces.Dict):
        return one.keys() == two.keys() and all(_alike(one[key], two[key]) for key in one)
    return spaces.flatdim(one) == spaces.flatdim(two)


def _equal(one: Any, two: Any) -> bool:
    if isinstance(one, dict):
        return all(np.array_equal(one[key], two[key]) for key in one)
    return np.array_equal(one, two)

"""One unmodified Stable-Baselines3 model per player, all learning at once in one game.

Each model sees a VecEnv of its own.  ``model.learn()`` runs as it is, in a coroutine: where it
waits for its environment it hands on to the next player's model, and when all have acted the game
takes one step, all copies at once as arrays where the environment is ours.  One model runs at a
time and in a fixed order, so the same seed gives the same weights, bit for bit.

A model whose player has left before the others waits: its environment's step returns when the
player acts again, with the end of its episode and the first observation of its next one.  So it
is given each step that its player took, and no other; its steps and episodes are those.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from gymnasium.vector.utils import create_empty_array
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.vec_env import VecEnv

from mfg_envs import random
from mfg_envs.game import Array
from wrappers import as_columns

from . import independent_files
from .baton import Baton
from .global_randomness import GlobalRandomness
from .progress import bar

PATIENCE = 1000
"""Episodes in a row in which no model that learns may act, before it is an error."""
Factory = Callable[[VecEnv], BaseAlgorithm]
"""Makes a model for the environment it is given: ``lambda env: PPO("MlpPolicy", env)``."""
Self = TypeVar("Self", bound="IndependentLearners")


class IndependentLearners:
    """Train one Stable-Baselines3 model per player, of any mix of algorithms.

    Args:
        env: A PettingZoo ``ParallelEnv``, ours or any other.
        learners: Factory of the model of every player, by the player's name (``"vehicle_0"``) or
            by its group (``"vehicle"``: a model of its own for each); names go before groups.
        copies: Copies of the game that are played side by side, as many sub-environments a model.
            A model steps all of them at once: where players leave earlier in one copy than in
            another, give 1.
        seed: Of the game and of all the models' random numbers.

    Attributes:
        models: Model of every player, by name.

    Raises:
        ValueError: If a player has no factory, or a factory no player.
    """

    def __init__(
        self, env: Any, learners: Mapping[str, Factory], *, copies: int = 1, seed: int = 0
    ) -> None:
        factories = _assign(list(env.possible_agents), learners)
        self._columns = as_columns(env, copies)
        self._key, self._calls = random.seed_key(seed), 0
        self._randomness = GlobalRandomness(self._key)
        self._baton: Baton | None = None
        self._seen: list[Any] = []
        self._outcome: list[Any] = [None] * len(factories)
        self._acted: list[Any] = [None] * len(factories)
        self._options: Any = None
        self._steps = self._idle = 0  # of the game, and its episodes without a model that learns
        self.models: dict[str, BaseAlgorithm] = {}
        with self._randomness:
            for i, (name, factory) in enumerate(factories.items()):
                self.models[name] = factory(PlayerVecEnv(self, i))

    def learn(
        self: Self,
        total_timesteps: int,
        *,
        callback: Callable[[str], BaseCallback | None] | None = None,
        progress_bar: bool = False,
        reset_num_timesteps: bool = True,
    ) -> Self:
        """Let every model learn for this many steps of its environment, all at once.

        A new episode starts.  A model that is done earlier than others (its rollouts are shorter)
        goes on acting by its policy.  With ``reset_num_timesteps=False`` the models count on from
        the last call, so that a long run may be cut into pieces with a ``save`` after each.
        ``set_options`` of any model's environment, called before, holds for the game's reset.

        Args:
            total_timesteps: Steps of each model, counted as Stable-Baselines3 does: one a copy.
            callback: Gives the callback of a player's model, by the player's name.
            progress_bar: Show one bar with the time left, for all.
            reset_num_timesteps: Start the models' counts from zero.

        Raises:
            RuntimeError: If a model raises: with the player's name, and the error as its cause.
                All others are stopped first.  Or if a player never acts.
            ValueError: If a player has left one copy and acts in another.
        """
        models = list(self.models.values())
        self._seen = self._columns.reset(self._number(0, self._calls), self._options)
        self._outcome, self._calls, self._options = [None] * len(models), self._calls + 1, None
        spaces, copies = self._columns.action_spaces, self._columns.copies
        self._acted = [create_empty_array(space, copies) for space in spaces]
        self._steps = self._idle = 0
        goal = total_timesteps + (0 if reset_num_timesteps else models[0].num_timesteps)
        states: list[Any] = [None] * len(models)

        def job(name: str, model: BaseAlgorithm) -> Callable[[], object]:
            own = None if callback is None else callback(name)
            if model.env is not None:
                model.set_env(model.env)  # a new episode: the last observation is none
            return lambda: model.learn(
                total_timesteps,
                callback=own,
                tb_log_name=name,
                reset_num_timesteps=reset_num_timesteps,
            )

        threads = torch.get_num_threads()
        torch.set_num_threads(1)  # small networks gain nothing from more, and many models lose
        self._baton = Baton([job(*item) for item in self.models.items()])
        try:
            with self._randomness, bar("learning", 0, goal, progress_bar) as advance:
                while any(self._baton.alive):
                    acting = self._acting(self._baton.alive)
                    for i, model in enumerate(models):
                        if not acting[i]:
                            continue  # it waits
                        if self._baton.alive[i] and self._baton.turn(i):
                            continue
                        self._check(i)
                        self._acted[i], states[i] = model.predict(
                            self._seen[i], states[i], self._starts(i)
                        )
                    if any(self._baton.alive):
                        self._advance(acting)
                        advance(max(model.num_timesteps for model in models))
        finally:
            self._baton.stop()
            self._baton = None
            torch.set_num_threads(threads)
        return self

    def save(self, folder: str | Path) -> None:
        """Write every model (as ``model.save`` does) and what it takes to go on, atomically."""
        independent_files.save(Path(folder), self.models, self._randomness, self._calls)

    def load(self: Self, folder: str | Path) -> Self:
        """Go on from a saved set, made with the same factories; no code of the files is run.

        Raises:
            ValueError: If it was saved for other players, or by another kind of model.
        """
        self._calls = independent_files.load(Path(folder), self.models, self._randomness)
        return self

    def _number(self, *path: int) -> int:
        """Return a seed that fits everybody's generators, below 2^31."""
        return int(random.subkey(self._key, random.LEARNER, *path)) >> 33

    def _check(self, i: int) -> None:
        """Raise the error of a model that has ended by one."""
        baton = self._baton
        error = None if baton is None else baton.error[i]
        if isinstance(error, Exception):
            name = list(self.models)[i]
            raise RuntimeError(f"the model of {name} failed: {error}") from error
        if error is not None:  # an interruption
            raise error

    def _starts(self, i: int) -> Array:
        """Return which copies have just begun an episode, for agent i, bool (B,)."""
        outcome = self._outcome[i]
        return np.ones(self._columns.copies, bool) if outcome is None else outcome[1]

    def _acting(self, alive: list[bool]) -> list[bool]:
        """Return which players act in the next step; the models of others wait."""
        each = list(zip(self.models, self._columns.acting.T.tolist(), strict=True))
        for name, acting in each:
            if any(acting) and not all(acting):
                raise ValueError(
                    f"{name!r} is gone from copy {acting.index(False)} after {self._steps} steps"
                    f" and acts in copy {acting.index(True)}: its model, which steps all copies at"
                    " once, would learn from steps that never happened; give copies=1, where it"
                    " waits"
                )
        every = [all(acting) for _, acting in each]
        if any(act and learns for act, learns in zip(every, alive, strict=True)):
            self._idle = 0
        elif self._idle > PATIENCE:
            raise RuntimeError(
                f"{each[alive.index(True)][0]!r} has not acted for {PATIENCE} episodes: its model"
                " waits for ever; name players that play in possible_agents"
            )
        return every

    def _advance(self, acting: list[bool]) -> None:
        """Play one step of the game with what everybody has chosen."""
        step = self._columns.step(self._acted)
        self._steps, self._idle = self._steps + 1, self._idle + (step.final is not None)
        self._seen, done = step.observation, step.terminated | step.truncated
        for i, seen in enumerate(step.observation if step.final is None else step.final):
            if not acting[i]:
                continue  # the end of its last episode is still to be told
            told = step.infos[i] if step.infos is not None else [{}] * len(done)
            infos = [dict(info) for info in told]
            for b in np.flatnonzero(done[:, i]):
                last = {k: v[b] for k, v in seen.items()} if isinstance(seen, dict) else seen[b]
                cut = bool(step.truncated[b, i] and not step.terminated[b, i])
                infos[b] |= {"terminal_observation": last, "TimeLimit.truncated": cut}
            self._outcome[i] = step.reward[:, i].astype(np.float32), done[:, i].copy(), infos


class PlayerVecEnv(VecEnv):
    """What one player's model sees: a sub-environment for every copy of the game."""

    def __init__(self, hub: IndependentLearners, player: int) -> None:
        self.hub, self.player, self.render_mode = hub, player, None
        columns = hub._columns
        spaces = columns.observation_spaces[player], columns.action_spaces[player]
        super().__init__(columns.copies, *copy.deepcopy(spaces))
        self.action_space.seed(hub._number(1, player))

    def reset(self) -> Any:
        infos = self.hub._columns.infos
        if infos is not None:
            self.reset_infos = [dict(info) for info in infos[self.player]]
        return copy.copy(self.hub._seen[self.player])

    def set_options(self, options: list[dict[str, Any]] | dict[str, Any] | None = None) -> None:
        super().set_options(options)
        self.hub._options = self._options

    def step_async(self, actions: Array) -> None:
        self.hub._acted[self.player] = actions

    def step_wait(self) -> Any:
        hub, i = self.hub, self.player
        if hub._baton is None:
            raise RuntimeError("a player's model learns by IndependentLearners.learn only")
        hub._baton.wait(i)
        return copy.copy(hub._seen[i]), *hub._outcome[i]

    def close(self) -> None:
        """Do nothing: the game belongs to all."""

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        return [getattr(self, attr_name)] * len(list(self._get_indices(indices)))

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        setattr(self, attr_name, value)

    def env_method(
        self, method_name: str, *method_args: Any, indices: Any = None, **method_kwargs: Any
    ) -> list[Any]:
        chosen = self._get_indices(indices)
        return [getattr(self, method_name)(*method_args, **method_kwargs) for _ in chosen]

    def env_is_wrapped(self, wrapper_class: Any, indices: Any = None) -> list[bool]:
        return [False] * len(list(self._get_indices(indices)))


def _assign(agents: list[str], learners: Mapping[str, Factory]) -> dict[str, Factory]:
    """Return the factory of every agent, by its name or by its group."""
    groups = {agent: agent.rsplit("_", 1)[0] for agent in agents}
    idle = [name for name in learners if name not in groups and name not in groups.values()]
    bare = [agent for agent in agents if agent not in learners and groups[agent] not in learners]
    if idle or bare:
        problem = f"no player is called {idle[0]!r}" if idle else f"no learner for {bare[0]!r}"
        raise ValueError(
            f"{problem} ({len(idle or bare)} in all); players are {agents[0]!r} .. {agents[-1]!r},"
            f" groups are {', '.join(map(repr, dict.fromkeys(groups.values())))}"
        )
    return {agent: learners[agent if agent in learners else groups[agent]] for agent in agents}

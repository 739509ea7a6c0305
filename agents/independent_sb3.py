"""One unmodified Stable-Baselines3 model per player, all learning at once in one game.

Each model sees a VecEnv of its own.  ``model.learn()`` runs as it is, in a coroutine: where it
waits for its environment it hands on to the next player's model, and when all have acted the game
takes one step, all copies at once as arrays where the environment is ours.  One model runs at a
time and in a fixed order, so the same seed gives the same weights, bit for bit.

Whoever does not learn, being done or while another model is evaluated, acts through copies of the
``VecEnvWrapper`` stack that its factory built, see ``wrappers.model_player``.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.vec_env import VecEnv

from mfg_envs import random
from wrappers import as_columns
from wrappers.dict_copies import check_parallel, group_of
from wrappers.model_player import ModelPlayer
from wrappers.relay_vec_env import RelayVecEnv

from . import independent_files
from .baton import Baton
from .global_randomness import GlobalRandomness
from .independent_callbacks import Last, callbacks_of
from .progress import bar

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
        seed: Of the game and of all the models' random numbers.

    Attributes:
        models: Model of every player, by name.  Outside of ``learn`` the environment of a model
            (``model.get_env()``) plays the game with the others' models as they are now:
            ``evaluate_policy(model, model.get_env())`` works, and so does ``model.learn``.

    Raises:
        TypeError: If ``env`` is no ``ParallelEnv``.
        ValueError: If a player has no factory, or a factory no player, or a model cannot act
            through copies of its wrappers.
    """

    def __init__(
        self, env: Any, learners: Mapping[Any, Factory], *, copies: int = 1, seed: int = 0
    ) -> None:
        check_parallel(env)
        factories = _assign(list(env.possible_agents), learners)
        self._columns = as_columns(env, copies)
        self._key, self._calls = random.seed_key(seed), 0
        self._randomness = GlobalRandomness(self._key)
        self._baton: Baton | None = None
        self._seen: list[Any] = []
        self._outcome: list[Any] = [None] * len(factories)
        self._acted: list[Any] = [None] * len(factories)
        self._alone: int | None = None
        self._games = 0
        self._others: dict[int, ModelPlayer] = {}
        self.models: dict[Any, BaseAlgorithm] = {}
        with self._randomness:
            for i, (name, factory) in enumerate(factories.items()):
                self.models[name] = factory(PlayerVecEnv(self, i))
                self._player(i)  # refuses now what could not act later

    def learn(
        self: Self,
        total_timesteps: int,
        *,
        callback: Callable[[Any], Any] | None = None,
        progress_bar: bool = False,
        reset_num_timesteps: bool = True,
    ) -> Self:
        """Let every model learn for this many steps of its environment, all at once.

        A new episode starts.  A model that is done earlier than others (its rollouts are shorter)
        goes on acting by its policy.  With ``reset_num_timesteps=False`` the models count on from
        the last call, so that a long run may be cut into pieces with a ``save`` after each.

        Args:
            total_timesteps: Steps of each model, counted as Stable-Baselines3 does: one a copy.
            callback: Gives what a player's model takes for a callback (one, a list of them, a
                function or None), by the player's name.
            progress_bar: Show one bar with the time left, for all.
            reset_num_timesteps: Start the models' counts from zero.

        Raises:
            TypeError: If ``callback`` is a callback itself: every model needs its own.
            RuntimeError: If a model raises: with the player's name, and the error as its cause.
                All others are stopped first.
        """
        names, models = list(self.models), list(self.models.values())
        last = [Last(callbacks_of(name, callback)) for name in self.models]
        self._seen = self._columns.reset(self._number(0, self._calls))
        self._outcome, self._calls, self._alone = [None] * len(models), self._calls + 1, None
        goal = total_timesteps + (0 if reset_num_timesteps else models[0].num_timesteps)
        done: dict[int, ModelPlayer] = {}

        def job(i: int, model: BaseAlgorithm) -> Callable[[], object]:
            return lambda: model.learn(
                total_timesteps,
                callback=last[i],
                tb_log_name=independent_files.stem(names, i),
                reset_num_timesteps=reset_num_timesteps,
            )

        threads = torch.get_num_threads()
        torch.set_num_threads(1)  # small networks gain nothing from more, and many models lose
        self._begin_anew()
        self._baton = Baton([job(i, model) for i, model in enumerate(models)])
        try:
            with self._randomness, bar("learning", 0, goal, progress_bar) as advance:
                while any(self._baton.alive):
                    for i in range(len(models)):
                        if self._baton.alive[i] and self._baton.turn(i):
                            continue
                        self._check(i)
                        if i not in done:
                            done[i] = self._player(i)
                            last[i].hand_over(done[i], self._seen[i])
                        self._acted[i] = done[i].act()
                    if any(self._baton.alive):
                        self._advance()
                        self._tell(done)
                        advance(max(model.num_timesteps for model in models))
        finally:
            self._baton.stop()
            self._baton = None
            self._begin_anew()
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

    def _begin_anew(self) -> None:
        """Let every model begin with a new episode when it learns again."""
        for model in self.models.values():
            if model.env is not None:
                model.set_env(model.env)  # forgets the last observation

    def _player(self, i: int) -> ModelPlayer:
        """Return model i as a player of all copies, with its own stack of wrappers."""
        columns = self._columns
        spaces = columns.observation_spaces[i], columns.action_spaces[i]
        return ModelPlayer(list(self.models.values())[i], *spaces, columns.copies)

    def _tell(self, players: Mapping[int, ModelPlayer]) -> None:
        """Tell players who do not learn what came of the step."""
        for i, player in players.items():
            player.hear(self._seen[i], *self._outcome[i])

    def _open(self, i: int, seed: int | None) -> None:
        """Begin an episode in which player i's environment is stepped outside of ``learn``."""
        self._alone, self._games = i, self._games + 1
        self._seen = self._columns.reset(self._number(2, self._games) if seed is None else seed)
        self._others = {j: self._player(j) for j in range(len(self.models)) if j != i}
        for j, player in self._others.items():
            player.begin(self._seen[j])

    def _play_alone(self, i: int) -> None:
        """Step the game that player i's environment has begun; the others act as they are."""
        if self._alone != i:
            raise RuntimeError("the episode of this player's environment is over: reset it first")
        for j, player in self._others.items():
            self._acted[j] = player.act()
        self._advance()
        self._tell(self._others)

    def _advance(self) -> None:
        """Play one step of the game with what everybody has chosen."""
        step = self._columns.step(self._acted)
        self._seen, done = step.observation, step.terminated | step.truncated
        for i, seen in enumerate(step.observation if step.final is None else step.final):
            infos: list[dict[str, Any]] = [{} for _ in done]
            for b in np.flatnonzero(done[:, i]):
                last = {k: v[b] for k, v in seen.items()} if isinstance(seen, dict) else seen[b]
                cut = bool(step.truncated[b, i] and not step.terminated[b, i])
                infos[b] = {"terminal_observation": last, "TimeLimit.truncated": cut}
            self._outcome[i] = step.reward[:, i].astype(np.float32), done[:, i].copy(), infos


class PlayerVecEnv(RelayVecEnv):
    """What one player's model sees: a sub-environment for every copy of the game."""

    def __init__(self, hub: IndependentLearners, player: int) -> None:
        self.hub, self.player = hub, player
        columns = hub._columns
        spaces = columns.observation_spaces[player], columns.action_spaces[player]
        super().__init__(columns.copies, *copy.deepcopy(spaces))
        self.action_space.seed(hub._number(1, player))

    def reset(self) -> Any:
        """Begin an episode; while all learn, go on with theirs."""
        if self.hub._baton is None:
            self.hub._open(self.player, self._seeds[0])
        self._reset_seeds()
        self.seen = self.hub._seen[self.player]
        return super().reset()

    def step_wait(self) -> Any:
        hub, i = self.hub, self.player
        hub._acted[i] = self.acted
        if hub._baton is None:
            hub._play_alone(i)
        else:
            hub._baton.wait(i)
        self.seen, self.outcome = hub._seen[i], hub._outcome[i]
        return super().step_wait()


def _assign(agents: list[Any], learners: Mapping[Any, Factory]) -> dict[Any, Factory]:
    """Return the factory of every agent, by its name or by its group."""
    groups = {agent: group_of(agent) for agent in agents}
    idle = [name for name in learners if name not in groups and name not in groups.values()]
    bare = [agent for agent in agents if agent not in learners and groups[agent] not in learners]
    if idle or bare:
        problem = f"no player is called {idle[0]!r}" if idle else f"no learner for {bare[0]!r}"
        raise ValueError(
            f"{problem} ({len(idle or bare)} in all); players are {agents[0]!r} .. {agents[-1]!r},"
            f" groups are {', '.join(map(repr, dict.fromkeys(groups.values())))}"
        )
    return {agent: learners[agent if agent in learners else groups[agent]] for agent in agents}

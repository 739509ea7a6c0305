"""One unmodified Stable-Baselines3 model per player, all learning at once in one game.

Each model sees a VecEnv of its own.  ``model.learn()`` runs as it is, in a coroutine: where it
waits for its environment it hands on to the next player's model, and when all have acted the game
takes one step, all copies at once as arrays where the environment is ours.  One model runs at a
time and in a fixed order, so the same seed gives the same weights, bit for bit.

A model whose player has left before the others waits: its environment's step returns when the
player acts again, with the end of its episode and the first observation of its next one.  So it
is given each step that its player took, and no other; its steps and episodes are those.

Whoever does not learn, being done or while another model is evaluated, acts through copies of the
``VecEnvWrapper`` stack that its factory built, see ``wrappers.model_player``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import numpy as np
from gymnasium.vector.utils import create_empty_array
from pettingzoo import ParallelEnv
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.vec_env import VecEnv

from mfg_envs.numerics import random
from wrappers import as_columns
from wrappers.check_parallel import check_parallel
from wrappers.dict_copies import group_of
from wrappers.model_player import ModelPlayer

from ..runs.progress import bar
from ..runs.torch_state import GlobalRandomness, one_thread, remove_empty_log
from . import saved_set
from .callbacks import Last, callbacks_of
from .player_vec_env import PlayerVecEnv
from .turns import Baton

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
        models: Model of every player, by name.  Outside of ``learn`` the environment of a model
            (``model.get_env()``) plays the game with the others' models as they are now:
            ``evaluate_policy(model, model.get_env())`` works, and so does ``model.learn``.

    Raises:
        TypeError: If ``env`` is no ``ParallelEnv``.
        ValueError: If a player has no factory, or a factory no player, or a model cannot act
            through copies of its wrappers.
    """

    learns: ClassVar[tuple[type, ...]] = (ParallelEnv,)

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
        self._news = [False] * len(factories)  # whether ``_outcome`` is still to be told
        self._options: Any = None
        self._steps = self._idle = 0  # of the game, and its episodes without a model that learns
        self._alone: int | None = None
        self._games = 0
        self._others: dict[int, ModelPlayer] = {}
        self.models: dict[Any, BaseAlgorithm] = {}
        with self._randomness:
            for i, (name, factory) in enumerate(factories.items()):
                self.models[name] = factory(PlayerVecEnv(self, i))
                self._player(i)  # refuses now what could not act later

    @one_thread()  # small networks gain nothing from more, and many models lose
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
        ``set_options`` of any model's environment, called before, holds for the game's reset.

        Args:
            total_timesteps: Steps of each model, counted as Stable-Baselines3 does: one a copy.
            callback: Gives what a player's model takes for a callback (one, a list of them, a
                function or None), by the player's name.
            progress_bar: Show one bar with the time left, for all.
            reset_num_timesteps: Start the models' counts from zero.

        Raises:
            TypeError: If ``callback`` is a callback itself: every model needs its own.
            RuntimeError: If a model raises: with the player's name, and the error as its cause.
                All others are stopped first.  Or if a player never acts.
            ValueError: If a player has left one copy and acts in another.
        """
        names, models = list(self.models), list(self.models.values())
        last = [Last(callbacks_of(name, callback)) for name in self.models]
        self._reset(self._number(0, self._calls))
        self._calls, self._alone = self._calls + 1, None
        goal = total_timesteps + (0 if reset_num_timesteps else models[0].num_timesteps)
        done: dict[int, ModelPlayer] = {}

        def job(i: int, model: BaseAlgorithm) -> Callable[[], object]:
            return lambda: model.learn(
                total_timesteps,
                callback=last[i],
                tb_log_name=saved_set.stem(names, i),
                reset_num_timesteps=reset_num_timesteps,
            )

        self._begin_anew()
        self._baton = Baton([job(i, model) for i, model in enumerate(models)])
        try:
            with self._randomness, bar("learning", 0, goal, progress_bar) as advance:
                while any(self._baton.alive):
                    acting = self._acting(self._baton.alive)
                    for i in np.flatnonzero(acting).tolist():  # the models of others wait
                        if self._baton.alive[i] and self._baton.turn(i):
                            continue
                        self._check(i)
                        if i not in done:
                            done[i], self._news[i] = self._player(i), False
                            last[i].hand_over(done[i], self._seen[i])
                        self._act(i, done[i])
                    if any(self._baton.alive):
                        self._advance(acting)
                        advance(max(model.num_timesteps for model in models))
        finally:
            self._baton.stop()
            self._baton = None
            self._begin_anew()
            for model in models:
                remove_empty_log(model)
        return self

    def save(self, folder: str | Path) -> None:
        """Write every model (as ``model.save`` does) and what it takes to go on, atomically."""
        saved_set.save(Path(folder), self.models, self._randomness, self._calls)

    def load(self: Self, folder: str | Path) -> Self:
        """Go on from a saved set, made with the same factories; no code of the files is run.

        Raises:
            ValueError: If it was saved for other players, or by another kind of model.
        """
        self._calls = saved_set.load(Path(folder), self.models, self._randomness)
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

    def _reset(self, seed: int) -> None:
        """Begin an episode of every copy."""
        columns = self._columns
        self._seen = columns.reset(seed, self._options)
        self._acted = [create_empty_array(space, columns.copies) for space in columns.action_spaces]
        self._outcome, self._news = [None] * len(self._acted), [False] * len(self._acted)
        self._options, self._steps, self._idle = None, 0, 0

    def _act(self, i: int, player: ModelPlayer) -> None:
        """Let a player who does not learn act, now that it knows what came of its last action."""
        if not player.begun:
            player.begin(self._seen[i])
        elif self._news[i]:
            player.hear(self._seen[i], *self._outcome[i])
        self._news[i] = False
        self._acted[i] = player.act()

    def _open(self, i: int, seed: int | None) -> None:
        """Begin an episode in which player i's environment is stepped outside of ``learn``."""
        self._alone, self._games = i, self._games + 1
        self._reset(self._number(2, self._games) if seed is None else seed)
        self._others = {j: self._player(j) for j in range(len(self.models)) if j != i}

    def _play_alone(self, i: int) -> None:
        """Play on until player i, who has chosen, acts again; the others act as they are."""
        if self._alone != i:
            raise RuntimeError("the episode of this player's environment is over: reset it first")
        only = [j == i for j in range(len(self.models))]
        acting = self._acting(only)
        while True:
            for j, player in self._others.items():
                if acting[j]:
                    self._act(j, player)
            self._advance(acting)
            acting = self._acting(only)
            if acting[i]:
                return

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
            self._news[i] = True


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

"""One player of an N-player game as a Gymnasium environment; the others follow fixed policies."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import gymnasium
import numpy as np
from gymnasium import spaces

from mfg_envs.environments.population import PopulationEnv
from mfg_envs.game import Array
from mfg_envs.numerics.random import seed_key, subkey
from mfg_envs.simulate.acting import Draws, Policy, as_policy

from .action_masks import MASK, has_mask
from .check_parallel import check_parallel
from .dict_copies import group_of, stack, taken, zeros
from .population_arrays import GameArrays


class Others(NamedTuple):
    """Players of one kind that follow one policy.

    Attributes:
        act: Gives the actions of some of them, by their indices.
        who: Their indices, (K,).
        model: The model that plays them, or None; it acts for all of them, dead or alive.
    """

    act: Callable[[Array], Any]
    who: Array
    model: Any


class PlayerEnv(gymnasium.Env[Any, Any]):
    """Play one player of a population whose others do not learn.

    ``others`` says what the other players do, and may be set anew between episodes:

    ===================================  ========================================================
    None                                 any action of their space, with the same probability
    a function of observations (K, ...)  its actions, (K, ...); asked once for each kind of
                                         players, for those that are alive
    a model of Stable-Baselines3         its actions, drawn, not the mode; it acts through copies
                                         of its own ``VecEnvWrapper`` stack, see ``ModelPlayer``
    anything else with ``predict``       its actions on observations (K, ...)
    a tabular policy, (T, S, A), (S, A)  drawn in each player's private state; our finite games
    a ``Policy`` of ``as_policy``        acts on time, private states and the crowd; our games
    a dict of these                      by a player's name or group, names before groups
    ===================================  ========================================================

    Against an infinite population, see ``mfg_envs.RepresentativeEnv``.

    Args:
        env: A PettingZoo ``ParallelEnv``; ours are stepped as arrays.
        player: Name of the player.
        others: What the others do.

    Raises:
        TypeError: If ``env`` is no ``ParallelEnv``.
        ValueError: If there is no such player, ``others`` leaves somebody out, or a model plays
            with other spaces.
    """

    def __init__(self, env: Any, player: Any, others: Any = None) -> None:
        check_parallel(env)
        agents = list(env.possible_agents)
        if player not in agents:
            raise ValueError(f"player must be one of {agents[0]} .. {agents[-1]}, got {player!r}")
        self.env = GameArrays(env).env if isinstance(env, PopulationEnv) else env
        self.batch: Any = self.env.batch if isinstance(env, PopulationEnv) else None
        self.metadata = dict(getattr(env, "metadata", {}))
        self.render_mode = getattr(env, "render_mode", None)
        self.agents, self.player, self._index = agents, player, agents.index(player)
        self.observation_space = env.observation_space(player)
        self.action_space = env.action_space(player)
        self._spaces: list[Any] = []  # for random actions, seeded by this environment
        self._seen: Any = None  # what everybody sees now: rows, or a dict
        self.others = others

    @property
    def observed_parts(self) -> tuple[str, ...] | None:
        """Parts of what a player sees, see ``Observer``; None: the environment is not ours."""
        return getattr(self.env, "observed_parts", None)

    @property
    def others(self) -> Any:
        """What the other players do."""
        return self._others

    @others.setter
    def others(self, others: Any) -> None:
        each = others if isinstance(others, Mapping) else dict.fromkeys(self.agents, others)
        parts: list[tuple[Any, tuple[Any, Any], list[int]]] = []
        for i, agent in enumerate(self.agents):
            if i == self._index:
                continue
            name = agent if agent in each else group_of(agent)
            if name not in each:
                raise ValueError(f"others says nothing of {agent!r}, nor of its group {name!r}")
            kind = self.env.observation_space(agent), self.env.action_space(agent)
            for policy, other, who in parts:
                if policy is each[name] and kind == other:
                    who.append(i)
                    break
            else:
                parts.append((each[name], kind, [i]))
        self._parts = [self._play(policy, *kind, np.array(who)) for policy, kind, who in parts]
        self._others = others

    @property
    def action_masks(self) -> Callable[[], Array]:
        """Legal actions of the player, bool (A,), as ``MaskablePPO`` asks for them.

        Raises:
            AttributeError: If its observations have no "action_mask".
        """
        if not has_mask(self.observation_space):
            raise AttributeError(f"observations have no {MASK!r}: {self.observation_space}")
        return lambda: self._own()[MASK].astype(bool)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Start an episode; without a seed, the next one of the same stream."""
        super().reset(seed=seed)
        for part in self._parts:
            if part.model is not None:
                part.model.begun = False
        if self.batch is not None:
            self._seen = self.batch.reset(seed).observation[0]
            return self._own(), {}
        self._seen, infos = self.env.reset(seed=seed, options=options)
        if seed is not None or not self._spaces:
            self._spaces = copy.deepcopy([self.env.action_space(a) for a in self.agents])
            for space in self._spaces:
                space.seed(int(self.np_random.integers(2**31)))
        return self._own(), dict(infos.get(self.player, {}))

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Play one action of the player, and the others'.

        Raises:
            RuntimeError: If the player is not there: its episode is over, or has not begun.
        """
        actions: list[Any] = [action] * len(self.agents)
        acting = set(() if self.batch is not None else self.env.agents)
        if self.batch is None and self.player not in acting:
            raise RuntimeError(f"{self.player!r} is not in the game now: call reset first")
        for act, who, model in self._parts:
            asked = who
            if self.batch is None and model is None:
                asked = np.array([i for i in who if self.agents[i] in acting], int)
            if len(asked):
                for i, a in zip(asked, _counted(act(asked), len(asked)), strict=True):
                    actions[i] = a
        me, name = self._index, self.player
        if self.batch is not None:
            step = self.batch.step(np.stack(actions)[None])
            self._seen, over = step.observation[0], self.batch.over
            cut = not over and self.batch.t >= self.env.max_cycles
            if not (over or cut):
                self._tell(step.reward[0], np.zeros(len(actions), bool))
            return self._own(), float(step.reward[0, me]), over, cut, {}
        chosen = {a: actions[i] for i, a in enumerate(self.agents) if a in acting}
        self._seen, rewards, ends, cuts, infos = self.env.step(chosen)
        ended, cut = bool(ends[name]), bool(cuts[name])
        if not (ended or cut):
            alive = acting & set(self.env.agents)
            earned = np.array([rewards.get(agent, 0.0) for agent in self.agents], float)
            self._tell(earned, np.array([agent not in alive for agent in self.agents]))
        return self._own(), float(rewards[name]), ended, cut, dict(infos.get(name, {}))

    def render(self) -> Any:
        """Draw the population."""
        return self.env.render()

    def close(self) -> None:
        self.env.close()

    def _own(self) -> Any:
        seen = self._seen[self.player if self.batch is None else self._index]
        return _element(self.observation_space, seen)

    def _play(self, policy: Any, seen: Any, played: Any, who: Array) -> Others:
        """Return players who follow a policy, and see and do elements of these spaces."""
        if policy is None:
            return Others(self._draw, who, None)
        if isinstance(policy, Policy):
            return self._follow(policy, who)
        if hasattr(policy, "get_env") or hasattr(policy, "set_training_mode"):  # of SB3
            from .model_player import ModelPlayer

            model = ModelPlayer(policy, seen, played, len(who))
            return Others(lambda who: self._ask(model, who), who, model)
        if hasattr(policy, "predict"):
            predict = policy.predict
            return Others(lambda who: predict(self._look(who), deterministic=False)[0], who, None)
        if callable(policy):
            return Others(lambda who: policy(self._look(who)), who, None)
        return self._follow(policy, who)

    def _look(self, who: Array) -> Any:
        """Return what some players of one kind see, (K, ...); who has left sees zeros."""
        if self.batch is not None:
            return self._seen[who]
        space, seen = self.env.observation_space(self.agents[who[0]]), self._seen
        names = [self.agents[i] for i in who]
        return stack(space, [seen[name] if name in seen else zeros(space) for name in names])

    def _ask(self, model: Any, who: Array) -> Any:
        if not model.begun:
            model.begin(self._look(who))
        return model.act()

    def _tell(self, rewards: Array, begins: Array) -> None:
        """Tell the models what came of the step; ``begins`` says who has left or is back again."""
        for _, who, model in self._parts:
            if model is not None and model.begun:
                seen, infos = self._look(who), [{} for _ in who]
                for k in np.flatnonzero(begins[who]):
                    infos[k] = {"terminal_observation": taken(seen, k)}
                model.hear(seen, rewards[who], begins[who], infos)

    def _draw(self, who: Array) -> Any:
        """Return random actions."""
        if self.batch is None:
            return [self._spaces[i].sample() for i in who]
        space: Any = self.batch.action_space
        if isinstance(space, spaces.Discrete):
            return self.np_random.integers(0, space.n, len(who))
        return self.np_random.uniform(space.low, space.high, (len(who), *space.shape))

    def _follow(self, policy: Any, who: Array) -> Others:
        """Return players who act on their private states, drawn by this environment."""
        if self.batch is None:
            raise TypeError("a tabular policy needs one of our finite games: give a function")
        batch, played = self.batch, as_policy(self.batch.game, policy)

        def act(who: Array) -> Any:
            key = seed_key(int(self.np_random.integers(2**63)))
            draws = Draws(np.atleast_1d(key), batch.t, subkey(batch.keys, who[0]))
            return played.act(batch.t, batch.state[:, who], draws, batch.mean_field)[0]

        return Others(act, who, None)


def _counted(actions: Any, wanted: int) -> Any:
    """Return actions of that many players."""
    if len(actions) != wanted:
        raise ValueError(f"others must give one action per player, {wanted}, got {len(actions)}")
    return actions


def _element(space: Any, value: Any) -> Any:
    """Return an observation of its own, in the type that its space has."""
    if isinstance(space, spaces.Discrete):
        return np.asarray(value).item()
    if isinstance(space, spaces.Dict):
        return {key: _element(part, value[key]) for key, part in space.items()}
    if isinstance(space, spaces.Tuple):
        return tuple(_element(*pair) for pair in zip(space.spaces, value, strict=True))
    if isinstance(space, spaces.Box | spaces.MultiDiscrete | spaces.MultiBinary):
        return np.array(value, space.dtype)
    return value

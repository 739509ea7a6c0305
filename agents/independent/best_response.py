"""A best response that is learned by Stable-Baselines3, and what it gains.

The crowd that follows a policy is frozen; one player, many times over, learns against it with any
unmodified Stable-Baselines3 algorithm.  What the learned response gains over the policy is a lower
bound of its exploitability: the only one there is where no grid reaches (three dimensions and
more), and a check of the exact one elsewhere.

The model acts through the ``VecEnvWrapper`` stack that its factory built, see
``wrappers.model_player``; one that acts on more than what it sees now has no policy to measure.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.vec_env import VecEnv

from mfg_envs import exact, metrics
from mfg_envs.environments.population import PopulationEnv
from mfg_envs.exact import policies
from mfg_envs.game import Array, ContinuousGame, FiniteGame, check_range
from mfg_envs.players.policy import Policy
from mfg_envs.simulate.batch import BatchEnv
from wrappers import SharedPolicyVecEnv
from wrappers.model_player import ModelPlayer

from ..runs.torch_state import GlobalRandomness, remove_empty_log


class LearnedResponse(NamedTuple):
    """What a player learned that others do not know of.

    Attributes:
        model: The trained model.
        response: Its policy: (T, S, A) or (S, A) in finite games, else a function of time and
            states (B, N, d), as ``BatchEnv.rollout`` takes it.
        gain: What it earns more than the policy of the crowd, against that crowd.
        error: Standard error of the gain; 0 in finite games, where it is computed exactly.
    """

    model: BaseAlgorithm
    response: Any
    gain: float
    error: float


def learned_response(
    game: FiniteGame | ContinuousGame,
    policy: Any,
    factory: Callable[[VecEnv], BaseAlgorithm],
    total_timesteps: int,
    *,
    num_players: int = 32,
    max_cycles: int | None = None,
    observe: Sequence[str] | None = None,
    evaluation_players: int = 100_000,
    callback: BaseCallback | None = None,
    seed: int = 0,
) -> LearnedResponse:
    """Train a response to the crowd that follows ``policy``, and measure its gain.

    Args:
        game: A finite game, or a continuous one with a horizon.
        policy: Of the crowd: a table (T, S, A) or (S, A); in a continuous game what
            ``metrics.approximate_exploitability`` takes.
        factory: Makes the model: ``lambda env: PPO("MlpPolicy", env)``; one without a memory.
        total_timesteps: Steps of one player, all copies counted, as in ``model.learn``.
        num_players: Copies of the player that learn side by side.
        max_cycles: Steps of an episode of a stationary game, 500 by default.
        observe: Parts of an observation, see ``mfg_envs.players.observers.Observer``.
        evaluation_players: Simulated players for the gain in a continuous game.
        callback: Of the model's learning.
        seed: Of the game and of the model's random numbers.

    Raises:
        ValueError: If an argument is out of its range, or the model has a memory (frames that are
            stacked, a recurrent network).
    """
    check_range("total_timesteps", total_timesteps, 1)
    if isinstance(game, FiniteGame):
        policy = policies.policy_table(game, policy)
        met = exact.law_met(game, policy)
        crowd = game.crowd(met)
    else:
        met = crowd = metrics.simulated_flow(
            game, policy, num_players=evaluation_players, seed=seed
        )
    env = PopulationEnv(
        game, num_players, mode="mean_field", max_cycles=max_cycles, observe=observe
    )
    env.set_mean_field(crowd)
    venv = SharedPolicyVecEnv(env)
    with GlobalRandomness(seed):
        venv.seed(seed)
        venv.action_space.seed(seed)
        model = factory(venv)
        acting = MostProbable(game, model, observe)
        try:
            model.learn(total_timesteps, callback=callback)
        finally:
            remove_empty_log(model)
    if isinstance(game, FiniteGame):
        table = policies.tabulate(acting, game, mean_fields=crowd)
        gain = exact.value(game, met, table) - exact.value(game, met, policy)
        return LearnedResponse(model, table, gain, 0.0)

    def response(t: int, x: Array) -> Array:
        return acting.most_probable(t, x, crowd[[t]])

    played = metrics.simulated_gain(
        game, policy, response, crowd, num_players=evaluation_players, seed=seed
    )
    return LearnedResponse(model, response, played.mean, played.error)


class MostProbable(Policy):
    """The most probable actions of a model, through its own wrappers.

    Args:
        game: The game that is played.
        model: A model of Stable-Baselines3, or anything else with its ``predict``.
        observe: What the model sees, see ``mfg_envs.players.observers.Observer``.

    Raises:
        ValueError: If the model has a memory: its actions depend on more than time and state.
    """

    def __init__(
        self, game: FiniteGame | ContinuousGame, model: Any, observe: Sequence[str] | None = None
    ) -> None:
        batch = BatchEnv(game, 1, 1, mode="mean_field", observe=observe)
        self.game, self.model, self._observer = game, model, batch.observer
        self._spaces = self._observer.space, batch.action_space
        self._player: ModelPlayer | None = None
        self._rows = 0
        self._check_memoryless()

    @property
    def reads_crowd(self) -> bool:
        return self._observer.crowd

    def act(self, t: int, x: Array, draws: Any, m: Array | None = None) -> Array:
        return self.most_probable(t, x, m)

    def law(self, t: int, x: Array, m: Array | None = None) -> Array:
        game: Any = self.game
        legal = game.legal_actions[x]
        law = np.eye(game.num_actions)[np.asarray(self.most_probable(t, x, m), np.intp)] * legal
        return np.where(law.any(-1, keepdims=True), law, legal / legal.sum(-1, keepdims=True))

    def most_probable(self, t: int, x: Array, m: Any) -> Array:
        """Return the actions of players in states (B, N, ...), (B, N) or (B, N, k)."""
        finite = isinstance(self.game, FiniteGame)
        if finite and self.game.mean_field_of_controls:
            m = m.sum(-1)
        seen = self._observer(x, t, m)
        rows = seen.reshape(-1, *seen.shape[2:])
        if hasattr(self.model, "get_env"):
            player = self._playing(len(rows))
            player.begin(rows)
            a = player.act(deterministic=True)
        else:
            a = self.model.predict(rows, deterministic=True)[0]
        return np.asarray(a).reshape(*x.shape[:2], *([] if finite else [-1]))

    def _check_memoryless(self) -> None:
        """Refuse a model that acts on more than what it sees now, tried on two observations."""
        if hasattr(self.model, "get_env"):
            space = copy.deepcopy(self._spaces[0])
            space.seed(0)
            if self._playing(2).remembers(np.stack([space.sample() for _ in range(2)])):
                raise ValueError(
                    f"the {type(self.model).__name__} acts on more than it sees at a time (frames"
                    " that are stacked, a recurrent network, a clock in a wrapper): leave that out,"
                    ' or let it observe more, observe=("state", "time", ...)'
                )

    def _playing(self, rows: int) -> ModelPlayer:
        if self._player is None or self._rows != rows:
            self._player, self._rows = ModelPlayer(self.model, *self._spaces, rows), rows
        return self._player

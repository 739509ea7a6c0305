"""Deep fictitious play in continuous games: three algorithms that share one loop.

Magnino, Shao, Wu, Shen, Lauriere, "Solving Continuous Mean Field Games: Deep Reinforcement Learning
for Non-Stationary Dynamics" (NeurIPS 2025, arXiv 2510.22158).  In iteration k = 1, 2, ...

1. a best response is trained by deep reinforcement learning against the crowd,
2. the crowd becomes the average of all responses so far.

They differ in what the average is, and in how a response meets it:

===============================  ================================  ===============================
algorithm                        the average                       a response meets
===============================  ================================  ===============================
``SimpleFictitiousPlay``         every player draws one response   simulated players, new ones in
                                                                   every episode
``AveragePolicyFictitiousPlay``  a Gaussian network fitted to what  likewise
                                 all responses did
``DedaFP``                       the same, and a normalizing flow  mean fields read off the flow:
                                 p(x | t) fitted to its players    no player is simulated
===============================  ================================  ===============================

The first response meets players who choose actions at random, evenly; they are not averaged.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, NamedTuple

import numpy as np

from mfg_envs import metrics
from mfg_envs.game import (
    Array,
    ContinuousGame,
    Count,
    NonNegative,
    OneOf,
    Positive,
    check_range,
)
from mfg_envs.game.horizons import decisions
from mfg_envs.numerics import random

from ..runs.iterate import Iterate
from ..runs.learner import Learner
from .network_policies import (
    NetworkPolicy,
    UniformPolicy,
    saved_policy,
    simulated_exploitability,
)
from .training import Crowd, Training
from .trajectories import trajectories

Memory = dict[str, Any]
Seeds = Callable[[str], int]
USES = ("crowd", "response", "play", "clone", "reservoir", "players", "flow", "sample")
"""What random numbers are for; each use has seeds of its own in every iteration."""
SCALE_PLAYERS = 1000
"""Players whose rewards say by what rewards are divided."""


class Study(NamedTuple):
    """What is learned from.

    Attributes:
        game: The game.
        key: Of everything random.
    """

    game: ContinuousGame
    key: Any

    def seeds(self, k: int) -> Seeds:
        """Return the seeds of the k-th iteration, use -> seed."""
        return lambda use: int(random.subkey(self.key, random.LEARNER, k, USES.index(use))) >> 1


@dataclass(frozen=True, kw_only=True)
class SimpleFictitiousPlay(Learner):
    """Fictitious play whose average is a buffer of best responses (Algorithm 1).

    Attributes:
        iterations: Best responses.
        response: What trains them: "sac" or "ppo" of Stable-Baselines3.
        response_steps: Steps of the game per response, all copies counted.
        response_updates: Gradient steps per response, rounded up to as many in every round.
        response_batch: Transitions of a gradient step.
        learning_rate: Of the responses.
        entropy: Weight of the entropy of a response, in units of the scaled reward.
        num_players: Copies of the player that learn side by side.
        crowd: Simulated players that a response meets.
        greedy: Whether responses do what is most probable when they are averaged; else they draw.
        hidden: Widths of the hidden layers of all policies and critics.
        device: Of PyTorch: "cpu", "cuda", or "auto" for a GPU if there is one.
    """

    learns: ClassVar[tuple[type, ...]] = (ContinuousGame,)
    shortest: ClassVar[int] = 1
    """Decisions of an episode that are needed."""

    iterations: Count = 20
    response: Annotated[str, OneOf("sac", "ppo")] = "sac"
    response_steps: Count = 20_000
    response_updates: Count = 1_000
    response_batch: Count = 256
    learning_rate: Positive = 1e-3
    entropy: NonNegative = 1e-3
    num_players: Count = 64
    crowd: Count = 1_000
    greedy: bool = True
    hidden: tuple[Count, ...] = (256, 256)
    device: Annotated[str, OneOf("cpu", "cuda", "auto")] = "cpu"

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.hidden:
            raise ValueError("hidden must be a tuple of widths, (256, 256) say, got ()")

    def prepare(self, source: ContinuousGame, seed: int, /) -> Study:
        """Return the game and the seeds.

        Args:
            source: A continuous game with a horizon and bounded actions.
            seed: Of everything.

        Raises:
            ValueError: If the game is another one.
        """
        game = _check(source)
        check_range("horizon", decisions(game), self.shortest)
        return Study(game, random.seed_key(seed))

    def begin(self, study: Study, /) -> Iterate:
        """Return no policy yet, and the scale of rewards among players who act at random."""
        game, seed = study.game, study.seeds(1)("players")
        first = trajectories(game, UniformPolicy(game), SCALE_PLAYERS, seed=seed)
        kind = {"squash": self._squash, "greedy": self._greedy, "hidden": self.hidden}
        memory: Memory = {name: np.array(value) for name, value in kind.items()}
        memory["reward_scale"] = np.float64(first.reward.std() or 1.0)
        return Iterate(0, 0, np.empty(0, np.float32), np.empty(0), np.empty(0), memory)

    def resume(self, study: Study, start: Iterate, /) -> Iterate:
        """Return the iterate to go on from, of networks as wide as this learner's."""
        if tuple(start.memory["hidden"].tolist()) != self.hidden:
            raise ValueError(
                f"start has networks with hidden {start.memory['hidden'].tolist()}, the learner"
                f" has {self.hidden}: go on with the learner that made it"
            )
        return start

    def improve(self, study: Study, last: Iterate, /) -> Iterate:
        """Return what is known after one more response.

        An iterate's ``policy`` holds networks, see ``policy``; its ``mean_field`` are the mean
        fields of the average policy as the algorithm knows them, (T, *mean_field_shape); its ``q``
        is empty.

        Raises:
            ImportError: If torch, Stable-Baselines3 or zuko is missing.
        """
        try:
            from .response import respond
        except ImportError as error:
            raise ImportError(
                f'{type(self).__name__} needs PyTorch: pip install "mfg-envs[deep]"'
            ) from error
        game, k = study.game, last.iteration + 1
        of = study.seeds(k)
        memory: Memory = last.memory | {"policy": last.policy, "mean_field": last.mean_field}
        crowd, networks = self._crowd(game, memory, of), memory.get("networks")
        scale = float(memory["reward_scale"])
        training = Training(**{name: getattr(self, name) for name in Training._fields})
        response = respond(
            training, game, crowd, reward_scale=scale, networks=networks, seed=of("response")
        )
        memory["networks"] = response.networks
        seed = of("play")
        gain = metrics.simulated_gain(
            game,
            self._play(game, memory, seed),
            self._responses(game, response.policy[None], seed),
            crowd(0),
            num_players=SCALE_PLAYERS,
            seed=seed,
        )
        memory |= {
            "response_gain": np.float64(gain.mean),
            "response_return": gain.value + gain.mean,
        }
        self._average(game, response.policy, crowd, memory, of)
        met, policy = self._mean_fields(game, memory, of), memory.pop("policy")
        del memory["mean_field"]
        samples = last.samples + self.response_steps
        return Iterate(k, samples, policy, met, np.empty(0), memory)

    def policy(self, game: ContinuousGame, iterate: Iterate | None = None, seed: int = 0) -> Any:
        """Return the average policy, (t, states (B, N, d)) -> actions (B, N, k).

        Args:
            game: The game.
            iterate: Of this learner; None: the policy before the first response, which is uniform.
            seed: Of what the policy draws; population b has the seed ``seed + b``.
        """
        return UniformPolicy(game, seed) if iterate is None else saved_policy(game, iterate, seed)

    def usual_metrics(self, game: ContinuousGame) -> Mapping[str, Any]:
        """Return the metrics of a run for which none are given."""
        return {"exploitability": simulated_exploitability}

    def sample(
        self, game: ContinuousGame, iterate: Iterate, num_trajectories: int, seed: int = 0
    ) -> Array:
        """Return states of players who follow the average policy, float64 (T, M, d)."""
        return trajectories(
            game, self.policy(game, iterate, seed), num_trajectories, seed=seed
        ).state

    def _play(self, game: ContinuousGame, memory: Memory, seed: int) -> Any:
        """Return the average policy; before there is one everybody acts at random, evenly."""
        if not memory["policy"].size:
            return UniformPolicy(game, seed)
        return self._responses(game, memory["policy"], seed)

    @property
    def _squash(self) -> bool:
        """Whether actions of the average policy are squashed into their bounds."""
        return self.response == "sac"

    @property
    def _greedy(self) -> bool:
        """Whether the average policy draws nothing."""
        return self.greedy

    def _responses(self, game: ContinuousGame, weights: Array, seed: int) -> NetworkPolicy:
        squash = self.response == "sac"
        return NetworkPolicy(game, weights, self.hidden, squash, self.greedy, seed)

    def _crowd(self, game: ContinuousGame, memory: Memory, of: Seeds) -> Crowd:
        """Return the mean fields that a response meets in each episode."""
        first = of("crowd")

        def crowd(episode: int) -> Array:
            policy = self._play(game, memory, first + episode)
            return metrics.simulated_flow(
                game, policy, num_players=self.crowd, seed=first + episode
            )

        return crowd

    def _average(
        self, game: ContinuousGame, response: Array, crowd: Crowd, memory: Memory, of: Seeds
    ) -> None:
        """Add a response to the average."""
        before = memory["policy"].reshape(-1, response.size)
        memory["policy"] = np.concatenate([before, response[None]])

    def _mean_fields(self, game: ContinuousGame, memory: Memory, of: Seeds) -> Array:
        """Return the mean fields of the average policy."""
        policy, seed = self._play(game, memory, of("sample")), of("sample")
        return metrics.simulated_flow(game, policy, num_players=self.crowd, seed=seed)


def _check(game: Any) -> ContinuousGame:
    """Return a game that can be learned."""
    if not isinstance(game, ContinuousGame):
        raise TypeError(
            f"deep fictitious play is for continuous games, got {type(game).__name__}; finite"
            " games have FictitiousPlay"
        )
    decisions(game, "deep fictitious play")
    if not np.isfinite([*game.action_low, *game.action_high]).all():
        raise ValueError("actions must be bounded to be scaled: give the game bounds")
    return game

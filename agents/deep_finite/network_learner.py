"""What learners of finite games by networks share: whom players meet, and how they are followed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, NamedTuple

import numpy as np

from mfg_envs import exact
from mfg_envs.game import Array, Between, Count, FiniteGame, OneOf, Positive
from mfg_envs.game.kinds import check_finite
from mfg_envs.numerics import random
from mfg_envs.simulate.batch import BatchEnv

from ..runs.iterate import Iterate
from ..runs.learner import Learner
from ..runs.remembered import Remembered
from .walks import Walks, walk

if TYPE_CHECKING:
    from .timed_networks import TimedNetworks

ONE_HOT = 1000
"""Most states that networks see as one-hot vectors unless told otherwise."""
USES = ("networks", "crowd", "walks", "fit", "response", "reservoir", "average")
"""What random numbers are for; each use has its own in every iteration."""


class Study(NamedTuple):
    """What is learned from.

    Attributes:
        game: The game.
        networks: Of every decision.
        key: Of everything random.
        law: Laws met if everybody follows a policy, of the last policy that was asked about.
    """

    game: FiniteGame
    networks: TimedNetworks
    key: Any
    law: Remembered[Array]

    def key_of(self, k: int, use: str) -> Any:
        """Return the key of a use in the k-th iteration."""
        return random.subkey(self.key, random.LEARNER, k, USES.index(use))


@dataclass(frozen=True, kw_only=True)
class NetworkLearner(Learner):
    """A learner of networks for the decisions of a finite game; see each for what they are.

    Attributes:
        iterations: Improvements.
        num_agents: Players of a population, N, who meet each other; None: the limit, where all
            meet the mean field of the current policy.
        crowd: Players who are simulated for that mean field; None: it is exact.
        num_players: Players who are followed in an iteration, in as many populations as it takes.
        num_steps: How long they are followed in a stationary game.
        updates: Gradient steps of a network in an iteration.
        learning_rate: Of Adam; it falls to a tenth within an iteration.
        hidden: Widths of the hidden layers.
        observe: What a network sees of the private state: "index", one number a state; "state",
            its coordinates and waves; "auto": the former in games of up to 1000 states.
        waves: Wave numbers of each coordinate.
        device: Of PyTorch: "cpu", "cuda", or "auto" for a GPU if there is one.
    """

    learns: ClassVar[tuple[type, ...]] = (FiniteGame,)
    random: ClassVar[bool] = True

    iterations: Count = 40
    num_agents: Count | None = None
    crowd: Count | None = None
    num_players: Count = 4000
    num_steps: Count = 20
    updates: Count = 60
    learning_rate: Positive = 0.01
    hidden: tuple[Count, ...] = (64,)
    observe: Annotated[str, OneOf("auto", "index", "state")] = "auto"
    waves: Annotated[int, Between(0)] = 8
    device: Annotated[str, OneOf("cpu", "cuda", "auto")] = "auto"

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.hidden:
            raise ValueError("hidden must be a tuple of widths, (64,) say, got ()")
        if self.num_agents is not None and self.crowd is not None:
            raise ValueError(
                f"crowd is of the limit, got {self.crowd} with num_agents={self.num_agents}: give"
                " one of them"
            )

    def prepare(self, source: FiniteGame, seed: int, /) -> Study:
        """Return the game, its networks and the seeds.

        Raises:
            TypeError: If it is no finite game.
            ValueError: If a crowd is asked for in a stationary game.
            ImportError: If torch is missing.
        """
        check_finite(source)
        if self.crowd is not None and source.horizon is None:
            raise ValueError(
                f"crowd must be None in a stationary game, got {self.crowd}: its mean field is"
                " that of a crowd that has settled, which is exact"
            )
        try:
            from .timed_networks import TimedNetworks
        except ImportError as error:
            raise ImportError(
                f'{type(self).__name__} needs PyTorch: pip install "mfg-envs[sb3]"'
            ) from error
        small = self.observe == "auto" and source.num_states <= ONE_HOT
        one_hot = small or self.observe == "index"
        networks = TimedNetworks(source, one_hot, self.waves, self.hidden, self.device)
        law = Remembered(lambda policy: exact.law_met(source, policy))
        return Study(source, networks, random.seed_key(seed), law)

    def resume(self, study: Study, start: Iterate, /) -> Iterate:
        """Return the iterate to go on from, of networks of this learner's shape."""
        wanted = (study.networks.decisions, sum(study.networks.shape.parts))
        found = np.shape(start.memory["weights"])
        if found != wanted:
            raise ValueError(
                f"start has networks with weights {found}, the learner's are {wanted}: go on with"
                " the learner that made it"
            )
        return start

    def _walks(self, study: Study, k: int, policy: Array, explore: float, anywhere: bool) -> Walks:
        """Follow players in the k-th iteration, by a policy (T, S, A) or (S, A).

        In a stationary game they begin ``anywhere``, all states alike, or where a crowd has
        settled; players who are themselves the crowd always do the latter.
        """
        game, N = study.game, self.num_agents
        steps = self.num_steps if game.horizon is None else game.horizon
        first = None
        if game.horizon is None:
            first = np.full(game.num_states, 1 / game.num_states)
            if N is not None or not anywhere:
                law = study.law(policy)
                first = law.sum(-1) if game.mean_field_of_controls else law
        met = None if N is not None else self._met(study, k, policy)
        key = study.key_of(k, "walks")
        return walk(
            *(game, policy, steps, self.num_players),
            **{"met": met, "explore": explore, "key": key, "num_agents": N, "first": first},
        )

    def _first_networks(self, study: Study) -> dict[str, Array]:
        """Return random networks as arrays."""
        return study.networks.begin(int(study.key_of(0, "networks") >> np.uint64(1)))

    def _met(self, study: Study, k: int, policy: Array) -> Array:
        """Return the mean field or flow of a policy in the limit."""
        game = study.game
        if self.crowd is None:
            return game.crowd(study.law(policy))
        seed = int(study.key_of(k, "crowd") >> np.uint64(1))
        env = BatchEnv(game, 1, self.crowd, seed)
        env.reset()
        return env.rollout(policy, game.horizon or 1).mean_field[:, 0]

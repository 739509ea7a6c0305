"""Learners that play through PettingZoo, given a game: they learn in an environment of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

from mfg_envs import exact
from mfg_envs.game import FiniteGame
from mfg_envs.players.policy import Policy
from mfg_envs.registry import environment_class
from mfg_envs.simulate.acting import as_policy, mixture

from ..runs.iterate import Iterate
from ..runs.learner import facts

PLAYERS = 100
"""In the environment, where nothing else is said."""


@dataclass(frozen=True, kw_only=True, repr=False)
class InEnvironment:
    """A learner that plays through PettingZoo, given a game instead of its environment.

    Attributes:
        learner: The learner.
        num_players: Players of the environment; local agents of a team.
    """

    learner: Any
    num_players: int
    learns: ClassVar[tuple[type, ...]] = ()  # no policy of all players

    @property
    def random(self) -> bool:
        """Whether the learner's seed matters."""
        return facts(self.learner).random

    def __repr__(self) -> str:
        return f"{self.learner!r} in an environment of {self.num_players} players"

    @property
    def iterations(self) -> int:
        """Those of the learner."""
        return self.learner.iterations

    def learn(self, source: Any, seed: Any = 0, start: Iterate | None = None) -> Iterator[Iterate]:
        """Yield the learner's iterates in the environment of a game."""
        yield from self.learner.learn(self._view(source), seed, start=start)

    def policy(self, game: Any, iterate: Iterate, seed: int = 0) -> Policy:
        """Return the mixture of the players' policies: everybody follows the one of a player.

        Raises:
            ValueError: If players of a game are not of one kind, or their policies are unknown.
        """
        name = type(self.learner).__name__
        if game.kind == "team" or not hasattr(self.learner, "models"):
            raise ValueError(
                f"what {name} learns is no one policy that all players of {game.name} could"
                f" follow: watch them, mfg-envs play {game.name} --policy FOLDER"
            )
        view: Any = self._view(game)
        each = self.learner.models(view, iterate).values()
        seen = view.observed_parts
        return mixture(game, [as_policy(game, model, observe=seen) for model in each])

    def _view(self, game: Any) -> Any:
        return environment_class(game.kind)(game, self.num_players)


class ExploitabilityOfMixture(NamedTuple):
    """A metric: the exact exploitability of the mixture of the players' policies.

    Attributes:
        learner: Whose iterates are measured.
    """

    learner: InEnvironment

    def __call__(self, game: FiniteGame, iterate: Iterate) -> float:
        """Return it."""
        mixed: Any = self.learner.policy(game, iterate)
        return exact.exploitability(game, mixed)

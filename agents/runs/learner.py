"""What a learner is, and the facts that it declares.

A learner may declare three facts, as class variables or, where they depend on its parameters, as
properties; nothing is read off its source text.

================  ==================================================================================
``learns``        classes of games (or of environments: ``pettingzoo.ParallelEnv``) it learns from
``random``        whether the seed changes what it learns; only one seed is run of one it does not
``side_by_side``  whether ``learn`` takes a sequence of seeds, and runs them at once
================  ==================================================================================

Of a learner that declares nothing the least is assumed: any game, random, one seed at a time.
A method ``usual_metrics(game)`` gives the metrics of its runs for which none are given, name ->
function of (game, iterate); without it that is the exploitability in finite games.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple, Protocol

from mfg_envs.game import Game, TeamGame
from mfg_envs.game.kinds import CLASSES

from .iterate import Iterate

ANYTHING = (Game, TeamGame)
"""What a learner is taken to learn from that does not say."""
USUAL = {"random": True, "side_by_side": False}
"""What is assumed of a learner that does not say."""


class Learner(Protocol):
    """Anything with a number of iterations and ``learn``."""

    @property
    def iterations(self) -> int:
        """Outer iterations in all."""
        ...

    def learn(self, source: Any, seed: Any = 0, start: Iterate | None = None) -> Iterator[Iterate]:
        """Yield an iterate per outer iteration."""
        ...


class Facts(NamedTuple):
    """What a learner has declared, see above.

    Attributes:
        learns: What it learns from.
        random: Whether its seed matters.
        side_by_side: Whether it takes several seeds at once.
    """

    learns: tuple[type, ...]
    random: bool
    side_by_side: bool

    @property
    def kinds(self) -> tuple[str, ...]:
        """Kinds of games that it learns from; none of a learner that plays in environments."""
        return kinds(self.learns)


def kinds(learns: tuple[type, ...]) -> tuple[str, ...]:
    """Return the kinds of games among classes and what they derive from."""
    return tuple(
        kind
        for kind, cls in CLASSES.items()
        if any(issubclass(one, cls) or issubclass(cls, one) for one in learns)
    )


def declared_kinds(cls: type) -> tuple[str, ...]:
    """Return the kinds of games that a class of learners is for; none if parameters decide."""
    learns = getattr(cls, "learns", ANYTHING)
    return kinds(learns) if isinstance(learns, tuple) else ()


def facts(learner: Learner) -> Facts:
    """Return what a learner has declared.

    Raises:
        TypeError: If a fact is of another kind than it must be; names it.
    """
    learns = getattr(learner, "learns", ANYTHING)
    if not isinstance(learns, tuple) or not all(isinstance(kind, type) for kind in learns):
        raise TypeError(
            f"{type(learner).__name__}.learns must be a tuple of classes, got {learns!r}"
        )
    flags = {name: getattr(learner, name, usual) for name, usual in USUAL.items()}
    for name, flag in flags.items():
        if not isinstance(flag, bool):
            raise TypeError(f"{type(learner).__name__}.{name} must be True or False, got {flag!r}")
    return Facts(learns, **flags)

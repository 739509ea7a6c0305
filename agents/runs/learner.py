"""What a learner is, and the facts that it declares.

Any class with ``iterations`` and a generator ``learn(source, seed, start)`` is a learner, see
``AnyLearner``.  Ours inherit from ``Learner``, which has ``learn``, and write the steps it takes.

A learner may declare facts, as class variables or, where they depend on its parameters, as
properties; nothing is read off its source text.

================  ==================================================================================
``learns``        classes of games (or of environments: ``pettingzoo.ParallelEnv``) it learns from
``random``        whether the seed changes what it learns; only one seed is run of one it does not
``side_by_side``  whether ``learn`` takes a sequence of seeds, and runs them at once
``units``         parameters whose unit is that of rewards or values: name -> "per unit of q", say;
                  others are pure numbers, the same for a game whose rewards are twice as large
================  ==================================================================================

Of a learner that declares nothing the least is assumed: any game, random, one seed at a time, pure
numbers.  A method ``usual_metrics(game)`` gives the metrics of its runs for which none are given,
name -> function of (game, iterate); without it that is the exploitability in finite games.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, Protocol

import numpy as np

from mfg_envs.game import Count, Game, TeamGame, check_parameters
from mfg_envs.game.kinds import CLASSES

from .iterate import Iterate, of_seed, with_axis

ANYTHING = (Game, TeamGame)
"""What a learner is taken to learn from that does not say."""
USUAL = {"random": True, "side_by_side": False}
"""What is assumed of a learner that does not say."""


class AnyLearner(Protocol):
    """Any class that does this is a learner, whatever it inherits from.

    * ``learn`` yields an ``Iterate`` per outer iteration, numbered 1, 2, ..., ``iterations``.
    * The same source and seed give the same iterates, bit for bit.
    * With an iterate of an earlier run as ``start`` it yields what followed there, bit for bit.
    * If it is ``side_by_side``, seeds in a sequence give what each gives alone.
    """

    @property
    def iterations(self) -> int:
        """Outer iterations in all."""
        ...

    def learn(self, source: Any, seed: Any = 0, start: Iterate | None = None) -> Iterator[Iterate]:
        """Yield an iterate per outer iteration."""
        ...


class Learner(ABC):
    """A learner by its steps: where it begins, and how an iterate is improved.

    Write ``begin`` and ``improve``; ``learn`` is made of them, so that an iterate is enough to go
    on from.  An ``improve`` changes nothing of the iterate that it is given.

    What is worth doing once a run (checks, tables, compiled loops) belongs in ``prepare``; the
    other steps get what it returns.  Of a learner that runs seeds side by side, ``prepare`` gets a
    list of E seeds, and all arrays of its iterates have a leading axis E, even for one seed.
    """

    iterations: Count
    """Outer iterations in all."""

    def __post_init__(self) -> None:
        """Check the parameters; a range that reads several of them is checked behind."""
        check_parameters(self)

    def prepare(self, source: Any, seed: Any, /) -> Any:
        """Check the source and return what the other steps need; the source itself, if no more."""
        return source

    @abstractmethod
    def begin(self, prepared: Any, /) -> Iterate:
        """Return what there is before the first improvement, iteration 0."""

    def resume(self, prepared: Any, start: Iterate, /) -> Iterate:
        """Return the iterate to go on from: ``start``, once it is known to fit."""
        return start

    @abstractmethod
    def improve(self, prepared: Any, last: Iterate, /) -> Iterate:
        """Return the next iterate."""

    def learn(self, source: Any, seed: Any = 0, start: Iterate | None = None) -> Iterator[Iterate]:
        """Yield an iterate per outer iteration; ``improve`` says what is in it.

        Args:
            source: A game, or an environment, of a class in ``learns``.
            seed: Of everything random.  A learner that is ``side_by_side`` takes a sequence, too:
                every seed runs bit for bit as if alone, on a leading axis of all arrays.
            start: Iterate to go on from, with the seeds that made it; the rest has the same bits as
                if the run had never stopped.

        Raises:
            TypeError: If the source is of another kind than it must be.
            ValueError: If it cannot be learned from, or ``start`` does not fit.
        """
        beside = facts(self).side_by_side
        alone = beside and np.ndim(seed) == 0
        seeds: Any = [int(seed)] if alone else list(seed) if beside else seed
        prepared = self.prepare(source, seeds)
        if start is None:
            last = self.begin(prepared)
        else:
            start = with_axis(start) if alone else start
            if beside and len(start.q) != len(seeds):
                raise ValueError(
                    f"start is of {len(start.q)} seeds, there are {len(seeds)}: go on with those"
                    " that made it"
                )
            last = self.resume(prepared, start)
        while last.iteration < self.iterations:
            last = self.improve(prepared, last)
            yield of_seed(last, 0) if alone else last


class Facts(NamedTuple):
    """What a learner has declared, see above.

    Attributes:
        learns: What it learns from.
        random: Whether its seed matters.
        side_by_side: Whether it takes several seeds at once.
        units: Parameter -> its unit in words.
    """

    learns: tuple[type, ...]
    random: bool
    side_by_side: bool
    units: Mapping[str, str]

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


def facts(learner: AnyLearner) -> Facts:
    """Return what a learner has declared.

    Raises:
        TypeError: If a fact is of another kind than it must be; names it.
    """
    name, learns = type(learner).__name__, getattr(learner, "learns", ANYTHING)
    if not isinstance(learns, tuple) or not all(isinstance(kind, type) for kind in learns):
        raise TypeError(f"{name}.learns must be a tuple of classes, got {learns!r}")
    flags = {flag: getattr(learner, flag, usual) for flag, usual in USUAL.items()}
    for flag, value in flags.items():
        if not isinstance(value, bool):
            raise TypeError(f"{name}.{flag} must be True or False, got {value!r}")
    units = getattr(learner, "units", {})
    if not isinstance(units, Mapping) or not all(isinstance(unit, str) for unit in units.values()):
        raise TypeError(f"{name}.units must be parameter -> its unit in words, got {units!r}")
    for parameter in units:
        if not isinstance(parameter, str) or not hasattr(learner, parameter):
            raise TypeError(f"{name}.units must be those of its parameters, got {parameter!r}")
    metrics = getattr(learner, "usual_metrics", None)
    if metrics is not None and not callable(metrics):
        raise TypeError(f"{name}.usual_metrics must be a method of a game, got {metrics!r}")
    return Facts(learns, **flags, units=units)

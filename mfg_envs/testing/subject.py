"""A game under check: what its methods read, how arguments are drawn, what must come out.

A kind of game is declared once, as a ``Subject``: its agents (a ``Side`` each: methods, and the
letters of their arguments), scenes to ask them in, and what a law and a next state must be.  The
clauses of ``every_kind`` ask nothing else.

A letter stands for an array, in continuous games for a tuple of components.  ``t`` is a number and
``m`` belongs to whole populations; all other letters belong to players, who are on the last axis.
"""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any, ClassVar, NamedTuple

import numpy as np

from mfg_envs.game import Array, Game
from mfg_envs.game.reads import stacked
from mfg_envs.testing.contract import Clause, ContractError, require, require_laws

MOST_PAIRS = 100_000
"""Most (state, action) pairs that are looked at."""

Pairs = tuple[tuple[str, str], ...]


class Side(NamedTuple):
    """Agents of one sort, and the methods that say how they move and what they earn.

    Attributes:
        reads: Letters of the arguments of ``noise_law`` and ``reward``; ``step`` reads the noise
            behind them.
        noise: Letter of the noise.
        noise_law: Name of the method; "": there is none to ask.
        step: The same.
        reward: The same.
    """

    reads: tuple[str, ...]
    noise: str
    noise_law: str = ""
    step: str = ""
    reward: str = ""

    def methods(self) -> tuple[str, ...]:
        """Return the names of the methods that there are."""
        return tuple(name for name in (self.noise_law, self.step, self.reward) if name)


class Scene(NamedTuple):
    """A side, and arguments for its methods by letter; the noise comes last, if it is drawn."""

    side: Side
    values: dict[str, Any]

    def arguments(self, name: str) -> dict[str, Any]:
        """Return the arguments of a method by letter, in turn."""
        noise = (self.side.noise,) if name == self.side.step else ()
        return {letter: self.values[letter] for letter in (*self.side.reads, *noise)}

    def shape(self) -> tuple[int, ...]:
        """Return the players' shape."""
        return np.broadcast_shapes(*(v.shape for p in self._players().values() for v in parts(p)))

    def place(self, i: tuple[Any, ...]) -> str:
        """Word the arguments of the player at an index of the players' shape."""
        words = [f"t={self.values['t']}"] if "t" in self.values else []
        for letter, value in self._players().items():
            own = [np.broadcast_to(v, self.shape())[i] for v in parts(value)]
            told = ", ".join(str(v) if v.dtype.kind in "iu" else f"{v:.6g}" for v in own)
            words.append(f"{letter}={told if len(own) == 1 else f'({told})'}")
        return f"({', '.join(words)})"

    def having(self, **values: Any) -> Scene:
        """Return the scene with other values of some letters."""
        return self._replace(values={**self.values, **values})

    def copied(self) -> Scene:
        """Return the scene with arrays of its own."""
        return self._each(lambda letter, v: v.copy())

    def taken(self, populations: Any, players: Any) -> Scene:
        """Return the scene of some players of some populations; both are indices."""

        def take(letter: str, v: Array) -> Array:
            v = v[populations]
            return v if letter == "m" or v.shape[-1] == 1 else v[..., players]

        return self._each(take)

    def _players(self) -> dict[str, Any]:
        return {letter: value for letter, value in self.values.items() if letter not in "tm"}

    def _each(self, change: Any) -> Scene:
        values = {}
        for letter, value in self.values.items():
            if letter == "t":
                values[letter] = value
            elif isinstance(value, tuple):
                values[letter] = tuple(change(letter, v) for v in value)
            else:
                values[letter] = change(letter, value)
        return self._replace(values=values)


class Subject(ABC):
    """A game under check, of one kind.

    Args:
        game: The game.
    """

    clauses: ClassVar[tuple[Clause, ...]]
    """What is checked, in turn; what comes later relies on what came before."""
    sizes: ClassVar[Pairs] = ()
    """Attributes that are whole numbers of at least one, each with that of its bound, or ""."""
    laws: ClassVar[Pairs] = ()
    """Attributes that are laws of first states, each with that of its size."""
    coordinates: ClassVar[Pairs] = ()
    """Methods that give coordinates of states, each with the attribute that says how many."""
    who: ClassVar[tuple[str, str]] = ("player", "population")
    """What an agent is called, and many of them."""
    meet: ClassVar[str] = "meet through the mean field alone; use at(m, x)"
    """How agents meet, in words."""
    elementwise: ClassVar[str]
    """How methods are written, in words."""

    def __init__(self, game: Any) -> None:
        self.game = game

    @abstractmethod
    def scenes(self, rng: np.random.Generator) -> Iterator[Scene]:
        """Yield scenes of many players without noise, at several times and in several crowds."""

    @abstractmethod
    def company(self, rng: np.random.Generator) -> Scene:
        """Return a scene of several populations, noise included; players have shape (B, N)."""

    @abstractmethod
    def drawn(self, scene: Scene, rng: np.random.Generator) -> Scene:
        """Return a scene with some outcome of the noise for every player."""

    @abstractmethod
    def outcomes(self, scene: Scene, rng: np.random.Generator) -> Scene:
        """Return a scene with the outcomes whose next states are looked at."""

    @abstractmethod
    def require_law(self, scene: Scene, law: Array) -> None:
        """Require that what ``noise_law`` gave in a scene, (*players, K), is a law."""

    @abstractmethod
    def require_states(self, scene: Scene, there: Array) -> None:
        """Require that what ``step`` gave in a scene are states."""

    @abstractmethod
    def counted(self) -> tuple[tuple[tuple[str, ...], tuple[int, ...]], ...]:
        """Return the letters that ``mean_field`` counts, and the shape of what it gives."""

    @abstractmethod
    def require_counts(self, m: Array, scene: Scene) -> None:
        """Require that what ``mean_field`` gave for the players of a scene is a crowd."""

    def ask(self, scene: Scene, name: str) -> Array:
        """Return what a method gives as an array; outcomes or components are on its last axis.

        Raises:
            ContractError: If the method fails.
        """
        given = scene.arguments(name)
        try:
            return self.as_array(scene, name, getattr(self.game, name)(*given.values()))
        except ContractError:
            raise
        except Exception as error:
            shapes = (f"{k} {parts(v)[0].shape}" for k, v in given.items() if k != "t")
            raise ContractError(
                f"{name} fails for {', '.join(shapes)} ({type(error).__name__}: {error}):"
                f" {self.elementwise}"
            ) from error

    def as_array(self, scene: Scene, name: str, result: Any) -> Array:
        """Return what a method gave, as ``ask`` does."""
        return (
            stacked(result, scene.shape()) if name == scene.side.noise_law else np.asarray(result)
        )

    def fit(self, scene: Scene, name: str, result: Array) -> Array:
        """Return a result broadcast to the players' shape.

        Raises:
            ContractError: If it does not fit.
        """
        shape = scene.shape()
        wide = result.shape[-1:] if name in self.wide(scene.side) else ()
        try:
            return np.broadcast_to(result, (*shape, *wide))
        except ValueError as error:
            letters = " and ".join(letter for letter in scene.side.reads if letter not in "tm")
            raise ContractError(
                f"{name} returns shape {result.shape} for players {shape}: it must give one number"
                f" for each {self.who[0]}, elementwise in {letters}"
            ) from error

    def wide(self, side: Side) -> tuple[str, ...]:
        """Return the methods that give several numbers for each player."""
        return (side.noise_law,)

    def twin(self) -> Subject:
        """Return an equal game that has not met any mean field."""
        return type(self)(dataclasses.replace(self.game))


class DiscreteSubject(Subject):
    """A game under check that has finitely many states, actions and outcomes."""

    elementwise = "write it elementwise, with np.where for choices and at(m, x) for the crowd"
    stay: ClassVar[str] = "use % or np.clip"
    """How a step stays among the states, in words."""

    @abstractmethod
    def states(self, side: Side) -> int:
        """Return how many states the agents of a side have."""

    def legal(self, scene: Scene) -> Any:
        """Return whether what players do is legal, of a shape that fits theirs."""
        return True

    def drawn(self, scene: Scene, rng: np.random.Generator) -> Scene:
        count = self.ask(scene.copied(), scene.side.noise_law).shape[-1]
        return scene.having(**{scene.side.noise: rng.integers(count, size=scene.shape())})

    def outcomes(self, scene: Scene, rng: np.random.Generator) -> Scene:
        count = self.ask(scene, scene.side.noise_law).shape[-1]
        wide = {k: v if k in "tm" else v[..., None] for k, v in scene.values.items()}
        return scene.having(**wide, **{scene.side.noise: np.arange(count)})

    def require_law(self, scene: Scene, law: Array) -> None:
        rows, shape = law.reshape(-1, law.shape[-1]), scene.shape()
        require_laws(scene.side.noise_law, rows, lambda i: scene.place(np.unravel_index(i, shape)))

    def require_states(self, scene: Scene, there: Array) -> None:
        name, size = scene.side.step, self.states(scene.side)
        require_whole(name, there)
        there = self.fit(scene, name, there)
        wrong = self.legal(scene) & ((there < 0) | (there >= size))
        i = np.unravel_index(wrong.argmax(), wrong.shape)
        require(
            not wrong.any(),
            f"{name}{scene.place(i)} leads to {there[i]}, which is not a state in [0, {size}):"
            f" {self.stay}",
        )

    def require_counts(self, m: Array, scene: Scene) -> None:
        require_laws("mean_field", m.reshape(len(m), -1), lambda i: f" of {self.who[1]} {i}")


def require_whole(name: str, there: Array) -> None:
    """Require that next states are whole numbers."""
    cure = "states are whole numbers: use //, %, np.where or .astype(int)"
    require(there.dtype.kind in "iu", f"{name} returns {there.dtype}, {cure}")


def parts(value: Any) -> tuple[Any, ...]:
    """Return the components of a letter, or the letter's only array."""
    return value if isinstance(value, tuple) else (value,)


def places(shape: tuple[int, ...], rng: np.random.Generator) -> tuple[Array, ...]:
    """Return all places of a table, or some where there are too many, as indices int32 (P,)."""
    count = int(np.prod(shape))
    index = np.arange(count) if count <= MOST_PAIRS else rng.integers(count, size=MOST_PAIRS)
    return tuple(v.astype(np.int32) for v in np.unravel_index(index, shape))


def crowds(shape: tuple[int, ...], rng: np.random.Generator) -> Iterator[Array]:
    """Yield mean fields: random, sparse, even, everybody in one place."""
    cells = int(np.prod(shape))
    yield rng.dirichlet(np.ones(cells)).reshape(shape)
    yield rng.dirichlet(np.full(cells, 0.1)).reshape(shape)
    yield np.full(shape, 1 / cells)
    yield np.eye(1, cells, int(rng.integers(cells)))[0].reshape(shape)


def times(game: Game) -> list[int]:
    """Return the first, the middle and the last decision; of a stationary game the first."""
    last = (game.horizon or 1) - 1
    return sorted({0, last // 2, last})

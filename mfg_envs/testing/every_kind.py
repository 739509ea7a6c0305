"""What games of every kind promise: the clauses of the contract, each written once.

What a kind adds of its own is in its module: ``finite``, ``continuous``, ``team``.
"""

from __future__ import annotations

import dataclasses
import pickle
from typing import Any

import numpy as np

from mfg_envs.game import Array, Game
from mfg_envs.game.kinds import is_game
from mfg_envs.testing.contract import ROUNDING, ContractError, require, require_laws
from mfg_envs.testing.subject import Subject, parts

BITS = 1e-12
"""How far two ways to one number may part, by rounding."""
FEW = 5
"""Players who stay when others leave."""


def declaration(subject: Subject, _: np.random.Generator) -> None:
    """A game is a game, a frozen keyword dataclass; equal fields make equal games."""
    game: Game = subject.game
    cls: Any = type(game)
    name = cls.__name__
    right = is_game(game)
    kinds = "mfg_envs.game.FiniteGame, ContinuousGame or TeamGame"
    require(right, f"{name} must derive from {kinds}")
    frozen = dataclasses.is_dataclass(game) and cls.__dataclass_params__.frozen
    keyword = frozen and all(field.kw_only for field in dataclasses.fields(game))
    require(keyword, f"{name} must be declared with @dataclass(frozen=True, kw_only=True)")
    own = {} if "__dataclass_fields__" in vars(cls) else vars(cls).get("__annotations__", {})
    lost = [field for field, kind in own.items() if "ClassVar" not in str(kind)]
    require(not lost, f"{name} declares {', '.join(lost)} but is no @dataclass itself: decorate it")
    try:
        hash(game)
    except TypeError as error:
        raise ContractError(f"{name} cannot be hashed ({error}): use tuples, no lists") from error
    same = dataclasses.replace(game) == game
    require(same, f"{name} must equal dataclasses.replace(it): leave the dataclass its __eq__")
    try:
        pickle.loads(pickle.dumps(game))
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        cure = "define the class at the top of a module"
        raise ContractError(f"{name} cannot be pickled ({error}): {cure}") from error
    endless, cure = game.horizon is None, "call super().__post_init__()"
    whole = endless or (type(game.horizon) is int and game.horizon >= 1)
    require(whole, f"horizon must be an int >= 1 or None, got {game.horizon!r}: {cure}")
    right = 0 < game.discount < 1 or (game.discount == 1 and not endless)
    limit = f"in (0, 1], below 1 without a horizon, got {game.discount!r}"
    require(right, f"discount must be {limit}: {cure}")


def sizes(subject: Subject, _: np.random.Generator) -> None:
    """There are whole numbers of states, actions, observed states and places, at least one."""
    for name, bound in subject.sizes:
        size = getattr(subject.game, name)
        require(type(size) is int and size >= 1, f"{name} must be an int >= 1, got {size!r}")
        few = not bound or size <= getattr(subject.game, bound)
        require(few, f"{name} must be at most {bound}, got {size}")


def beginning(subject: Subject, _: np.random.Generator) -> None:
    """The first states have laws."""
    for name, bound in subject.laws:
        law, size = np.asarray(getattr(subject.game, name)), getattr(subject.game, bound)
        right = law.shape == (size,)
        require(right, f"{name} must have shape ({bound},) = ({size},), got {law.shape}")
        require_laws(name, law[None], lambda _: "")


def coordinates(subject: Subject, rng: np.random.Generator) -> None:
    """Coordinates are finite and in [-1, 1], for every state."""
    for name, bound in subject.coordinates:
        look, size = getattr(subject.game, name), getattr(subject.game, bound)
        seen = np.asarray(look(np.arange(size)))
        right = seen.ndim == 2 and len(seen) == size and seen.size > 0
        require(right, f"{name}(x) must have shape (*x.shape, D), got {seen.shape} for x ({size},)")
        wrong = ~(np.abs(seen) <= 1).all(1)
        s = int(wrong.argmax())
        fault = f"{name}({s}) is {seen[s]}, it must be finite and in [-1, 1]: divide by the largest"
        require(not wrong.any(), fault)
        require_elementwise(name, look, seen, rng)


def require_elementwise(name: str, look: Any, seen: Array, rng: np.random.Generator) -> None:
    """Require that a method gives for states (2, 3) what it gives for each, (S, ...)."""
    some = rng.integers(len(seen), size=(2, 3))
    again = np.asarray(look(some))
    same = again.shape == seen[some].shape and np.allclose(again, seen[some], 0, BITS)
    require(same, f"{name} must be elementwise: x (2, 3) does not give what each x gives alone")


def purity(subject: Subject, rng: np.random.Generator) -> None:
    """Methods change neither their arguments nor what they give the next time."""
    for scene in subject.scenes(rng):
        scene = subject.drawn(scene, rng) if scene.side.step else scene
        twin = subject.twin()
        for name in scene.side.methods():
            given = scene.copied()
            first = subject.ask(given, name).copy()
            for letter, before in scene.arguments(name).items():
                same = all(map(np.array_equal, parts(before), parts(given.values[letter])))
                require(same, f"{name} changes its argument {letter}: compute a new array instead")
            when = f"(t={scene.values['t']})" if "t" in scene.values else ""
            for again in (subject.ask(given, name), twin.ask(given, name)):
                require(
                    np.array_equal(first, again, equal_nan=True),
                    f"{name}{when} gives something else when it is called again: it must depend"
                    f" on its arguments and the fields alone; chance comes in through"
                    f" {scene.side.noise}",
                )


def noise(subject: Subject, rng: np.random.Generator) -> None:
    """The law of the noise is a law, over the same outcomes everywhere."""
    counts: dict[str, set[int]] = {}
    for scene in subject.scenes(rng):
        if name := scene.side.noise_law:
            law = subject.fit(scene, name, subject.ask(scene, name))
            subject.require_law(scene, law)
            counts.setdefault(name, set()).add(law.shape[-1])
    for name, found in counts.items():
        require(len(found) == 1, f"{name} must have one number of outcomes, got {found}")


def moves(subject: Subject, rng: np.random.Generator) -> None:
    """Every outcome of a legal action leads to a state."""
    for scene in subject.scenes(rng):
        if scene.side.step:
            scene = subject.outcomes(scene, rng)
            subject.require_states(scene, subject.ask(scene, scene.side.step))


def rewards(subject: Subject, rng: np.random.Generator) -> None:
    """A reward is one finite number for each player."""
    for scene in subject.scenes(rng):
        if name := scene.side.reward:
            r, m = subject.ask(scene, name), scene.values.get("m")
            require(r.dtype.kind in "biuf", f"{name} returns {r.dtype}, it must be real numbers")
            r = subject.fit(scene, name, r)
            finite = np.isfinite(r)
            if not finite.all():
                i = np.unravel_index(finite.argmin(), finite.shape)
                where, every = "", "crowd"
                if m is not None:
                    where = f", m in [{m.min():.3g}, {m.max():.3g}]"
                    every = "m, empty states included"
                place = scene.place(i)
                raise ContractError(
                    f"{name}{place} is {r[i]}{where}: it must be finite in every {every}"
                )


def exchangeability(subject: Subject, rng: np.random.Generator) -> None:
    """What a player gets depends on its own x, a, w and on m, not on its place or the others."""
    scene, every = subject.company(rng), slice(None)
    B, N = scene.shape()
    order = rng.permutation(N)
    one, many = subject.who
    among: Any = (
        (order, f"the {one}s are permuted", "positions such as np.arange(N)"),
        (slice(0, FEW), f"other {one}s leave", f"sums or means over the {one}s"),
        *(([i], "all others leave", f"sums or extremes over the {one}s") for i in order[:FEW]),
    )
    beside = (f"other {many}s stand beside its own", f"m[x] or sums over the {many}s")
    ways = (
        *((0, *way) for way in among),
        (every, every, *beside),
        *((every, *way) for way in among),
    )
    for name in scene.side.methods():

        def ask(populations: Any, players: Any, name: str = name) -> Array:
            some = scene.taken(populations, players)
            return subject.fit(some, name, subject.ask(some, name))

        alone = np.stack([ask(b, every) for b in range(B)])
        for b, some, when, culprit in ways:
            require(
                np.allclose(ask(b, some), alone[b, some], BITS, BITS),
                f"{name} gives a {one} something else when {when}: {one}s are exchangeable and"
                f" {subject.meet}, no {culprit}",
            )


def stationarity(subject: Subject, rng: np.random.Generator) -> None:
    """A stationary game does not read the time."""
    scene = subject.drawn(next(subject.scenes(rng)), rng)
    for name in scene.side.methods() if subject.game.horizon is None else ():
        now, later = (subject.ask(scene.having(t=t), name) for t in (0, 7))
        cure = "give the game a horizon, or let it be the same at all times"
        require(np.array_equal(now, later), f"{name} reads t, but horizon is None: {cure}")


def counting(subject: Subject, rng: np.random.Generator) -> None:
    """Players make a mean field when counted, whatever their order."""
    scene = subject.company(rng)
    shape, order = scene.shape(), rng.permutation(scene.shape()[-1])
    other = scene.taken(slice(None), order)
    for letters, size in subject.counted():
        m, again = (
            np.asarray(subject.game.mean_field(*(s.values[letter] for letter in letters)))
            for s in (scene, other)
        )
        size = (shape[0], *size)
        require(m.shape == size, f"mean_field must have shape {size} for x {shape}, got {m.shape}")
        subject.require_counts(m, scene)
        require(np.allclose(again, m, ROUNDING, ROUNDING), "mean_field reads an order")

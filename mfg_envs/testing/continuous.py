"""What continuous games promise beside what ``every_kind`` does, and how they are asked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from mfg_envs.game import Array, Normal, Uniform, density
from mfg_envs.numerics import random
from mfg_envs.numerics.compiler import backend
from mfg_envs.simulate import continuous_kernels
from mfg_envs.testing import every_kind
from mfg_envs.testing.contract import ROUNDING, Clause, ContractError, require
from mfg_envs.testing.subject import Scene, Side, Subject, times

COMPANY = (3, 200)
"""Populations and players of each that are asked together."""
STRAY = 0.05
"""Most of the players that may leave the grid of a density in a step."""
WIDEST = 3.0
"""What stands in for an infinite bound of an action."""
SIDE = Side(("t", "x", "a", "m"), "w", "noise_law", "step", "reward")


def bounds(subject: ContinuousSubject, _: np.random.Generator) -> None:
    """States and actions have boxes, the first state has a law."""
    game = subject.game
    for kind in ("state", "action"):
        low, high = getattr(game, f"{kind}_low"), getattr(game, f"{kind}_high")
        right = isinstance(low, tuple) and isinstance(high, tuple) and len(low) == len(high) > 0
        require(right, f"{kind}_low and {kind}_high must be tuples of one length, {low} and {high}")
        require(
            all(a < b for a, b in zip(low, high, strict=True)), f"{kind}_low must be below high"
        )
    finite = np.isfinite([*game.state_low, *game.state_high]).all()
    require(
        finite, "state_low and state_high must be finite: a box that nearly all players stay in"
    )
    laws = game.initial_law
    right = isinstance(laws, tuple) and all(isinstance(law, Normal | Uniform) for law in laws)
    cure = f"a Normal or Uniform for each of {game.state_dim} components"
    require(right and len(laws) == game.state_dim, f"initial_law must be {cure}, got {laws!r}")
    if game.mean_field_kind == "density":
        room, shape = game.room, game.mean_field_shape
        right = len(game.axes) == game.state_dim and room.shape == shape and game.blur > 0
        require(right, f"a density needs an axis a component, blur > 0 and room of shape {shape}")
        inside = (room >= 0).all() and (room <= 1).all() and room.any()
        require(inside, "room must be in [0, 1], and not 0 everywhere")


def forms(subject: ContinuousSubject, rng: np.random.Generator) -> None:
    """Methods give tuples and numbers of the right shape, all of them finite."""
    for clause in (every_kind.noise, every_kind.moves, every_kind.rewards):
        clause(subject, rng)


def back_ends(subject: ContinuousSubject, rng: np.random.Generator) -> None:
    """The compiled step gives what NumPy gives on arrays."""
    if backend() != "numba":
        return
    game, count = subject.game, int(np.prod(COMPANY))
    keys = random.seed_key(int(rng.integers(2**32)), np.arange(COMPANY[0]))
    for scene in subject.scenes(rng):
        t, x, a, m = scene.values.values()
        rows, acts = np.stack(x), np.stack(a)
        x2, r = np.empty((len(x), count)), np.empty(count)
        args = (t, rows.reshape(len(x), -1), acts.reshape(len(a), -1), m, keys, x2, r, m[:0])
        try:
            continuous_kernels.simulator(game)(*continuous_kernels.arguments(game), *args)
        except TypeError as error:  # one sentence: what, where, and the cure
            raise ContractError(str(error)) from error
        there, earned = continuous_kernels.step(game, t, rows, acts, m, keys)
        for name, one, two in (
            ("step", there.reshape(x2.shape), x2),
            ("reward", earned.ravel(), r),
        ):
            require(
                np.allclose(one, two, 1e-9, 1e-9),
                f"{name} compiled by numba is not what NumPy gives: write plain arithmetic on"
                " components, with np.where for choices",
            )


class ContinuousSubject(Subject):
    """A continuous game under check."""

    clauses = (
        Clause(every_kind.declaration),
        Clause(bounds),
        Clause(forms),
        Clause(every_kind.purity),
        Clause(every_kind.exchangeability),
        Clause(every_kind.stationarity),
        Clause(
            every_kind.counting,
            "Players make a mean field, whatever their order, and a density has mass one.",
        ),
        Clause(back_ends),
    )
    meet = "meet through the mean field alone; use spread(m, x) or at(m, *cell(...))"
    elementwise = (
        "x, a and w are tuples of components, (x,) = x in one dimension; use spread(m, x) and"
        " at(m, *cell(...))"
    )

    def scenes(self, rng: np.random.Generator) -> Iterator[Scene]:
        game = self.game
        low, high = np.maximum(game.action_low, -WIDEST), np.minimum(game.action_high, WIDEST)
        for t in times(game):
            keys = random.seed_key(int(rng.integers(2**32)), np.arange(COMPANY[0]))
            x = tuple(continuous_kernels.first_states(game, keys, COMPANY[1]))
            a = tuple(rng.uniform(*ends, size=COMPANY) for ends in zip(low, high, strict=True))
            yield Scene(SIDE, {"t": t, "x": x, "a": a, "m": game.mean_field(x, a)})

    def company(self, rng: np.random.Generator) -> Scene:
        return self.drawn(next(self.scenes(rng)), rng)

    def drawn(self, scene: Scene, rng: np.random.Generator) -> Scene:
        law, size = self._law(scene.copied()), (self.game.noise_dim, *COMPANY)
        if isinstance(law, Normal):
            return scene.having(w=tuple(law.mean + law.std * rng.standard_normal(size)))
        return scene.having(w=tuple(law.low + (law.high - law.low) * rng.random(size)))

    outcomes = drawn

    def as_array(self, scene: Scene, name: str, result: Any) -> Array:
        if name == "noise_law":
            require(
                isinstance(result, Normal | Uniform),
                f"noise_law must return a Normal or a Uniform, got {type(result).__name__}",
            )
        if name == "step" and not (
            isinstance(result, tuple) and len(result) == self.game.state_dim
        ):
            raise ContractError(
                f"step must return a tuple of {self.game.state_dim} components, got {result!r:.50}"
            )
        if name in self.wide(scene.side):
            return np.stack(np.broadcast_arrays(*map(np.asarray, result)), -1)
        return np.asarray(result)

    def wide(self, side: Side) -> tuple[str, ...]:
        return (side.noise_law, side.step)

    def require_law(self, scene: Scene, law: Array) -> None:
        normal = isinstance(self._law(scene), Normal)
        width = law[..., 1] if normal else law[..., 1] - law[..., 0]
        require((width >= 0).all(), "noise_law must have a width >= 0")

    def require_states(self, scene: Scene, there: Array) -> None:
        finite = np.isfinite(self.fit(scene, "step", there))
        require(finite.all(), f"step must give finite numbers, got {there.min()}")
        if self.game.mean_field_kind == "density":
            low, high = np.transpose([(axis.low, axis.high) for axis in self.game.axes])
            away = (there < low - ROUNDING) | (there > high + ROUNDING)
            share = float(np.mean(away.any(-1)))
            require(
                share <= STRAY,
                f"step(t={scene.values['t']}) leads {share:.0%} of the players out of the grid of"
                " the density: bounce or clip them, or widen the axes",
            )

    def counted(self) -> tuple[tuple[tuple[str, ...], tuple[int, ...]], ...]:
        return ((("x", "a"), self.game.mean_field_shape),)

    def require_counts(self, m: Array, scene: Scene) -> None:
        if self.game.mean_field_kind == "density":
            room, volume = self.game.room, density.smoother(self.game).volume
            mass = (m * room).reshape(len(m), -1).sum(1) * volume
            cure = "first states must be outside of walls, room must say where they are"
            require(np.allclose(mass, 1, 0, ROUNDING), f"the density has mass {mass}: {cure}")

    def _law(self, scene: Scene) -> Any:
        return self.game.noise_law(*scene.arguments("noise_law").values())

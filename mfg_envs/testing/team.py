"""What team games promise beside what ``every_kind`` does, and how they are asked."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from mfg_envs.exact import team_tables
from mfg_envs.game import Array
from mfg_envs.numerics import random
from mfg_envs.numerics.compiler import backend
from mfg_envs.simulate import team_kernels
from mfg_envs.testing import every_kind
from mfg_envs.testing.contract import ROUNDING, Clause, require
from mfg_envs.testing.subject import (
    DiscreteSubject,
    Scene,
    Side,
    crowds,
    places,
    require_whole,
)

COMPANY = (3, 16)
"""Teams that are asked together, and the locals of each."""
LOCAL = Side(("x", "x_g", "a"), "w", "noise_law_local", "step_local", "reward_local")
GLOBAL = Side(("x_g", "a_g"), "w_g", "noise_law_global", "step_global")
TEAM = Side(("x_g", "a_g", "m"), "w_g", reward="reward_global")


def moves(subject: TeamSubject, rng: np.random.Generator) -> None:
    """Every outcome leads to a state; so does the global state that is read off the locals."""
    every_kind.moves(subject, rng)
    game = subject.game
    if not game.global_follows:
        return
    size, cells = game.num_global_states, game.num_local_states
    shares = np.concatenate([subject.joint_laws(rng).sum(-1), np.eye(cells)])
    read = np.asarray(game.global_from_locals(shares))
    require_whole("global_from_locals", read)
    require(
        read.shape == shares.shape[:1],
        f"global_from_locals returns shape {read.shape} for shares {shares.shape}: it must give"
        " one global state for each team",
    )
    wrong = (read < 0) | (read >= size)
    fault = f"global_from_locals gives {read[wrong.argmax()]}, which is not a state in [0, {size})"
    require(not wrong.any(), fault)


def back_ends(subject: TeamSubject, rng: np.random.Generator) -> None:
    """The step compiled from tables gives what NumPy gives on the rules."""
    game = subject.game
    if backend() != "numba" or not team_tables.fits(game):
        return
    x, x_g, a, _ = subject.company(rng).values.values()
    a_g = rng.integers(game.num_global_actions, size=len(x))
    keys = random.seed_key(int(rng.integers(2**32)), np.arange(len(x)))
    x, x_g, a, a_g = (v.astype(np.int32) for v in (x, x_g[:, 0], a, a_g))
    one = team_kernels.step(game, 0, x_g, x, a_g, a, keys)
    two = team_kernels.compiled_step(game)(0, x_g, x, a_g, a, keys)
    for name, left, right in zip(one._fields, one, two, strict=True):
        require(
            np.allclose(left, right, ROUNDING, ROUNDING),
            f"{name} after a compiled step is not what NumPy gives: methods must be elementwise"
            " and read nothing but their arguments and the fields",
        )


class TeamSubject(DiscreteSubject):
    """A team game under check."""

    clauses = (
        Clause(every_kind.declaration),
        Clause(
            every_kind.sizes,
            "There are whole numbers of states and actions of both kinds of agents, at least one.",
        ),
        Clause(every_kind.beginning),
        Clause(every_kind.coordinates),
        Clause(every_kind.purity),
        Clause(every_kind.noise, "The laws of the noise are laws."),
        Clause(moves),
        Clause(
            every_kind.rewards,
            "Rewards are finite numbers, one for each team and one for each local.",
        ),
        Clause(
            every_kind.exchangeability,
            "What a local gets depends on its own x, a, w and on x_g, not on its place or the"
            " others.",
        ),
        Clause(
            every_kind.counting, "Locals make shares when counted, with and without their actions."
        ),
        Clause(back_ends),
    )
    sizes = (
        *(("num_global_states", ""), ("num_global_actions", "")),
        *(("num_local_states", ""), ("num_local_actions", "")),
    )
    laws = (
        ("initial_global_law", "num_global_states"),
        ("initial_local_law", "num_local_states"),
    )
    coordinates = (
        ("global_coordinates", "num_global_states"),
        ("local_coordinates", "num_local_states"),
    )
    who = ("local", "team")
    meet = "meet through the global agent"

    def scenes(self, rng: np.random.Generator) -> Iterator[Scene]:
        game = self.game
        x_g, a_g = places((game.num_global_states, game.num_global_actions), rng)
        shape = (game.num_local_states, game.num_global_states, game.num_local_actions)
        yield Scene(LOCAL, dict(zip(LOCAL.reads, places(shape, rng), strict=True)))
        if not game.global_follows:
            yield Scene(GLOBAL, {"x_g": x_g, "a_g": a_g})
        m = self.joint_laws(rng)
        some = [v[rng.integers(len(v), size=len(m))] for v in (x_g, a_g)]
        yield Scene(TEAM, dict(zip(TEAM.reads, (*some, m), strict=True)))

    def company(self, rng: np.random.Generator) -> Scene:
        game = self.game
        x = rng.integers(game.num_local_states, size=COMPANY)
        x_g = rng.integers(game.num_global_states, size=(len(x), 1))
        a = rng.integers(game.num_local_actions, size=COMPANY)
        return self.drawn(Scene(LOCAL, {"x": x, "x_g": x_g, "a": a}), rng)

    def joint_laws(self, rng: np.random.Generator) -> Array:
        """Return laws of state and action, (4, S, A)."""
        shape = (self.game.num_local_states, self.game.num_local_actions)
        return np.stack(list(crowds(shape, rng)))

    def states(self, side: Side) -> int:
        local = side.step == LOCAL.step
        return self.game.num_local_states if local else self.game.num_global_states

    def counted(self) -> tuple[tuple[tuple[str, ...], tuple[int, ...]], ...]:
        size = self.game.num_local_states, self.game.num_local_actions
        return (("x",), size[:1]), (("x", "a"), size)

"""Where the paths of policy mirror ascent begin: players of a game, or of an environment."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from mfg_envs.exact import policies
from mfg_envs.game import Array, FiniteGame
from mfg_envs.numerics import random
from mfg_envs.numerics.compiler import runs_compiled
from mfg_envs.numerics.memory import check_memory
from mfg_envs.soundness.initial_laws import initial_law

from ..single_path.trajectory import check_source, episode_keys
from .compiled import line_bytes
from .compiled_td import CompiledWalk
from .conditional_td import Walk
from .players import DictWorld, GameWorld


class Paths(NamedTuple):
    """Populations on their paths, one for every seed.

    Attributes:
        source: The game, or the environment.
        shape: Populations and the players of each, (E, N).
        legal: Legal actions of every observed state, bool (O, A).
        discount: Of the game, or None: not known.
        first: () -> where everybody begins, (E, N).
        at: (t, x) -> the populations that stand at x (E, N) at time t.
    """

    source: Any
    shape: tuple[int, int]
    legal: Array
    discount: float | None
    first: Callable[[], Array]
    at: Callable[[int, Array], Sequence[Walk | CompiledWalk]]


def game_paths(game: Any, seeds: list[int], num_players: int, table_bytes: int | None) -> Paths:
    """Return populations of a game: compiled where it compiles.

    Args:
        game: A stationary game.
        seeds: One a population.
        num_players: Players a population.
        table_bytes: What every player needs beside a table of its own; None: no such tables.

    Raises:
        TypeError: If it is no finite game.
        ValueError: If the game cannot be learned on a path, or needs more memory than there is.
    """
    if not isinstance(game, FiniteGame):
        raise TypeError(
            f"learn needs a FiniteGame or a PettingZoo parallel environment, got {game!r}"
        )
    check_source(game, game, seeds)
    legal = policies.observed_legal(game)
    bytes_each = 24 * len(seeds)
    if table_bytes is not None:  # lines of one seed, policies of all before and after a step
        num_states, num_actions = legal.shape
        rules = 2 * 4 * num_actions * len(seeds)
        bytes_each += table_bytes + num_states * (line_bytes(num_actions) + rules)
    check_memory(num_players, bytes_each, "num_players")
    keys = episode_keys(seeds)

    def first() -> Array:
        u = random.uniform(random.subkey(keys, random.INITIAL), num_players)
        return random.categorical(initial_law(game), u).astype(np.int32)

    def at(t: int, x: Array) -> Sequence[Walk | CompiledWalk]:
        pairs = list(zip(keys, x, strict=True))
        if runs_compiled(game):
            return [CompiledWalk(game, *pair) for pair in pairs]
        return [Walk(GameWorld(game, key, t, row), key) for key, row in pairs]

    shape = (len(seeds), num_players)
    return Paths(game, shape, legal, game.discount, first, at)


def environment_paths(env: Any, seeds: list[int]) -> Paths:
    """Return the agents of a PettingZoo parallel environment, which is reset with the seed."""
    if len(seeds) > 1:
        raise ValueError(f"through an environment: one seed, got {len(seeds)}")
    world = DictWorld(env)
    walk = Walk(world, episode_keys(seeds)[0])
    discount = None if world.game is None else world.game.discount

    def first() -> Array:
        world.reset(seeds[0])
        return world.x[None]

    shape = (1, len(world.agents))
    return Paths(env, shape, world.legal, discount, first, lambda t, x: [walk])


def uniform_policies(shape: tuple[int, ...], legal: Array) -> Array:
    """Return uniform policies over observed states, float32 (..., O, A)."""
    return np.broadcast_to((legal / legal.sum(-1, keepdims=True)).astype(np.float32), shape)

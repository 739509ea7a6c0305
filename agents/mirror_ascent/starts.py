"""Where the paths of policy mirror ascent begin: players of a game, or of an environment."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from mfg_envs.exact import policies
from mfg_envs.game import Array, FiniteGame
from mfg_envs.numerics import random
from mfg_envs.numerics.compiler import runs_compiled
from mfg_envs.numerics.memory import check_memory
from mfg_envs.soundness.initial_laws import initial_law

from ..runs.iterate import Iterate
from ..single_path.trajectory import check_source, episode_keys
from .compiled import line_bytes
from .compiled_td import CompiledWalk
from .conditional_td import Walk
from .players import DictWorld, GameWorld


class Paths(NamedTuple):
    """Populations that are ready to go on.

    Attributes:
        walks: One for every seed.
        legal: Legal actions of every observed state, bool (O, A).
        discount: Of the game, or None: not known.
    """

    walks: list[Walk] | list[CompiledWalk]
    legal: Array
    discount: float | None


def game_paths(
    game: Any, seeds: list[int], num_players: int, table_bytes: int | None, start: Iterate | None
) -> Paths:
    """Return populations of a game: compiled where it compiles.

    Args:
        game: A stationary game.
        seeds: One a population.
        num_players: Players a population.
        table_bytes: What every player needs beside a table of its own; None: no such tables.
        start: Iterate to go on from, or None: first states are drawn.

    Raises:
        TypeError: If it is no finite game.
        ValueError: If the game cannot be learned on a path, or needs more memory than there is.
    """
    if not isinstance(game, FiniteGame):
        raise TypeError(
            f"learn needs a FiniteGame or a PettingZoo parallel environment, got {game!r}"
        )
    check_source(game, game, seeds, start)
    legal = policies.observed_legal(game)
    bytes_each = 24 * len(seeds)
    if table_bytes is not None:  # lines of one seed, policies of all before and after a step
        num_states, num_actions = legal.shape
        rules = 2 * 4 * num_actions * len(seeds)
        bytes_each += table_bytes + num_states * (line_bytes(num_actions) + rules)
    check_memory(num_players, bytes_each, "num_players")
    keys = episode_keys(seeds)
    if start is None:
        t, u = 0, random.uniform(random.subkey(keys, random.INITIAL), num_players)
        x = random.categorical(initial_law(game), u).astype(np.int32)
    else:
        t, x = start.samples, start.memory["x"].reshape(len(seeds), -1)
    pairs = list(zip(keys, x, strict=True))
    if runs_compiled(game):
        return Paths([CompiledWalk(game, *pair) for pair in pairs], legal, game.discount)
    walks = [Walk(GameWorld(game, key, t, row), key) for key, row in pairs]
    return Paths(walks, legal, game.discount)


def environment_path(env: Any, seeds: list[int]) -> Paths:
    """Return the agents of a PettingZoo parallel environment, at its reset with the seed."""
    if len(seeds) > 1:
        raise ValueError(f"through an environment: one seed, got {len(seeds)}")
    world = DictWorld(env, seeds[0])
    discount = None if world.game is None else world.game.discount
    return Paths([Walk(world, episode_keys(seeds)[0])], world.legal, discount)


def first_policies(learners: int, legal: Array, num_seeds: int, start: Iterate | None) -> Array:
    """Return the policies to begin with, float32 (E, L, O, A): uniform, or those of ``start``."""
    shape = (num_seeds, learners, *legal.shape)
    if start is None:
        uniform = (legal / legal.sum(-1, keepdims=True)).astype(np.float32)
        return np.broadcast_to(uniform, shape)
    policy = start.memory["policy"]
    if policy.shape not in (shape, shape[1:]):
        raise ValueError(
            f"start has tables {policy.shape}, this learner needs {shape[1:]}, for each of"
            f" {num_seeds} seeds: go on with the learner, the game and the seeds that made it"
        )
    return policy.reshape(shape)

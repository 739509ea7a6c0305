"""The law of the first states of a game of any kind, checked: who reads it reads it here."""

from __future__ import annotations

import functools
from numbers import Real
from typing import Any

import numpy as np

from mfg_envs.game import Array, ContinuousGame, Normal, TeamGame, Uniform
from mfg_envs.game.probabilities import check_laws

CACHED = 64
"""Games whose laws are kept: a check costs more than a short kernel does."""


@functools.lru_cache(maxsize=CACHED)
def initial_law(game: Any) -> Any:
    """Return the law of the first private state of a game of one population, if it is a law.

    Args:
        game: A finite or a continuous game.

    Returns:
        Finite: probabilities, float64 (S,), read-only.  Continuous: a ``Normal`` or ``Uniform``
        for each state component.

    Raises:
        ValueError: If ``game.initial_law`` is no such law; names the value.
        TypeError: If it does not consist of real numbers.
    """
    if game.kind == "continuous":
        return _components(game)
    return _probabilities("initial_law", game.initial_law, game.num_states)


@functools.lru_cache(maxsize=CACHED)
def initial_local_law(game: TeamGame) -> Array:
    """Return the law of each local's first state, float64 (S,), read-only; see ``initial_law``."""
    return _probabilities("initial_local_law", game.initial_local_law, game.num_local_states)


@functools.lru_cache(maxsize=CACHED)
def initial_global_law(game: TeamGame) -> Array:
    """Return the law of the first global state, float64 (S_g,), read-only; see ``initial_law``.

    A global state that follows the locals has none: it is not asked for.
    """
    return _probabilities("initial_global_law", game.initial_global_law, game.num_global_states)


def check_initial_law(game: Any) -> None:
    """Raise what ``initial_law`` raises unless the first states of a game of any kind have laws."""
    if game.kind != "team":
        initial_law(game)
        return
    initial_local_law(game)
    if not game.global_follows:
        initial_global_law(game)


def _probabilities(name: str, value: Any, size: int) -> Array:
    law = np.asarray(value)
    if law.dtype.kind not in "biuf":
        raise TypeError(f"{name} must be real numbers, got {law.dtype}: {value!r:.80}")
    law = np.array(law, np.float64)
    if law.shape != (size,):
        raise ValueError(
            f"{name} must have shape ({size},), a probability for each state, got {law.shape}"
        )
    check_laws(name, law, "")
    law.flags.writeable = False
    return law


def _components(game: ContinuousGame) -> tuple[Normal | Uniform, ...]:
    laws: Any = game.initial_law
    cure = f"a Normal or a Uniform for each of {game.state_dim} state components"
    if not isinstance(laws, tuple) or len(laws) != game.state_dim:
        raise ValueError(f"initial_law must be a tuple, {cure}, got {laws!r:.80}")
    for law in laws:
        if not isinstance(law, Normal | Uniform):
            raise TypeError(f"initial_law must hold {cure}, got {law!r:.80}")
        if not all(isinstance(v, Real) and not isinstance(v, bool) for v in law):
            raise TypeError(f"initial_law must be made of real numbers, got {law!r:.80}")
        low, high = (0, law.std) if isinstance(law, Normal) else law
        if not (np.isfinite(law).all() and low <= high):
            raise ValueError(
                f"initial_law must have finite numbers and a width of at least 0, got {law!r:.80}"
            )
    return laws

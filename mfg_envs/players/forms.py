"""The forms of a policy that a game needs no solver to understand: what acts by itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mfg_envs.game import ContinuousGame, FiniteGame
from mfg_envs.players.functions import Function
from mfg_envs.players.models import Model, Module
from mfg_envs.players.observers import ContinuousObserver, Observer
from mfg_envs.players.policy import Policy


def acting_policy(
    game: FiniteGame | ContinuousGame,
    policy: Any,
    *,
    observe: Sequence[str] | None = None,
    epsilon: float = 0.0,
    deterministic: bool = False,
) -> Policy | None:
    """Return what acts by itself as a ``Policy``: one, a model, a torch module, a function.

    Args:
        game: The game that is played.
        policy: A policy in any form.
        observe: What a model or a module sees, see ``Observer``; None: what its own environment
            shows if that is one of ours, else the parts by default.
        epsilon: Chance of an evenly drawn legal action instead of a model's; finite games.
        deterministic: Whether a model does what it finds best, and does not draw.

    Returns:
        The policy; None if it is of another form, such as a table.
    """
    if isinstance(policy, Policy):
        return policy
    trained = "predict" if hasattr(policy, "predict") else "state_dict"
    if hasattr(policy, trained) and (trained == "predict" or callable(policy)):
        parts = _shown(policy) if observe is None else observe
        finite = isinstance(game, FiniteGame)
        observer = Observer(game, parts) if finite else ContinuousObserver(game, parts)
        made = Model if trained == "predict" else Module
        return made(game, observer, policy, epsilon, deterministic)
    if callable(policy) and not isinstance(policy, type):
        return Function(policy, game.num_actions if isinstance(game, FiniteGame) else 0)
    return None


def _shown(model: Any) -> Sequence[str] | None:
    """Return the parts that the environment of a model shows, or None: it has none of ours."""
    env: Any = model.get_env() if hasattr(model, "get_env") else None
    while hasattr(env, "venv"):
        env = env.venv
    first = next(iter(getattr(env, "envs", ())), env)
    parts = getattr(getattr(first, "unwrapped", first), "observed_parts", None)
    return parts if isinstance(parts, tuple) else None

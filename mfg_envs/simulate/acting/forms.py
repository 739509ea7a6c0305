"""The one place that looks at the form in which a policy is given."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from mfg_envs.exact import policies, riccati
from mfg_envs.exact.discretise import GridPolicy
from mfg_envs.game import Array, ContinuousGame, FiniteGame, TeamGame
from mfg_envs.players.forms import acting_policy
from mfg_envs.players.functions import Function
from mfg_envs.players.mixtures import Mixture
from mfg_envs.players.policy import Policy
from mfg_envs.simulate.acting.rules import OnGrid, Table


def as_policy(
    game: Any,
    policy: Any,
    *,
    observe: Sequence[str] | None = None,
    epsilon: float = 0.0,
    deterministic: bool = False,
) -> Policy:
    """Return a policy of a game as an object that acts.

    ============================  ==============================================================
    given                         what it is
    ============================  ==============================================================
    a ``Policy``                  itself: a ``Mixture``, networks, ``SubsampledPolicy``, your own
    an array                      ``Table``: (T, S, A) with a horizon, (S, A) without, or over
                                  observed states; of a finite game
    a ``GridPolicy``              ``OnGrid``: of a continuous game; on its own grid a ``Table``
    a ``riccati.Affine``          ``Function``: of a continuous game
    a function                    ``Function``: (t, states (B, N, ...)) -> actions of all
    a model of Stable-Baselines3  ``Model``; so is anything else with its ``predict``
    a torch module                ``Module``: observations (R, D) -> logits (R, A) or actions (R, k)
    ============================  ==============================================================

    Args:
        game: The game that is played.
        policy: A policy in any form.
        observe: What a model or a module sees, see ``Observer``; None: what its own environment
            shows if that is one of ours, else the parts by default.
        epsilon: Chance of an evenly drawn legal action instead of a model's; finite games.
        deterministic: Whether a model does what it finds best, and does not draw.

    Raises:
        ValueError: If a table or a model is of another game.
        TypeError: If it is no policy of such a game.
    """
    if isinstance(policy, Policy):
        return policy
    if isinstance(game, FiniteGame | ContinuousGame):
        how: Any = {"observe": observe, "epsilon": epsilon, "deterministic": deterministic}
        acting = acting_policy(game, policy, **how)
        if acting is not None:
            return acting
    if isinstance(game, FiniteGame):
        on_it = isinstance(policy, GridPolicy) and policy.grid == game
        table: Any = policy.policy if on_it else policy
        return Table(game, policies.policy_table(game, table))
    if isinstance(game, ContinuousGame):
        if isinstance(policy, GridPolicy):
            return OnGrid(*policy)
        if isinstance(policy, riccati.Affine):
            return Function(policy.act)
        wanted = (
            "a function of (t, x), a GridPolicy, a riccati.Affine, a model of Stable-Baselines3, a"
            " torch module or a Policy"
        )
    elif isinstance(game, TeamGame):
        wanted = "a SubsampledPolicy or another Policy of the whole team"
    else:
        raise TypeError(f"a game is needed, from make_game(...) or your own, got {game!r:.200}")
    raise TypeError(f"policy must be {wanted}, got {policy!r:.200}")


def mixture(
    game: FiniteGame | ContinuousGame, policies: Sequence[Any], weights: Array | None = None
) -> Mixture:
    """Return the mixture of which every player draws one policy in an episode, and keeps it.

    Args:
        game: The game that is played.
        policies: Policies, in any form.
        weights: Probability of each, (K,); None: all alike.

    Raises:
        ValueError: If there is no policy, or the weights are no probabilities, one a policy.
        TypeError: If one of them is no policy of such a game.
    """
    if isinstance(game, TeamGame):
        raise TypeError(f"{game.name} is a team game: a team follows one policy, it has no mixture")
    parts = tuple(as_policy(game, policy) for policy in policies)
    even = np.ones(len(parts)) / max(len(parts), 1)
    return Mixture(parts, even if weights is None else weights)
